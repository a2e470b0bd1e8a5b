"""Synthetic calls for a scheduler: one recording, played on many calls at different places at once."""

from __future__ import annotations

import secrets
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

import msgspec

from appliance.box.config import Roles
from appliance.capture.replay import read_call
from appliance.capture.replay_error import ReplayError
from appliance.telephony.audioblock import AudioBlock, CallEnded, CallMessage, CallStarted

#: The recording's blocks, and so the steps of the played time.
TICK_MS: Final = 80
_NAME: Final = "demo_call.wav"


def bundled_call() -> Path:
    """The recording that comes with the appliance; in a source checkout it lies among the tools."""
    package = Path(__file__).resolve().parents[2]
    installed = package / "bundled_calls" / _NAME
    return installed if installed.is_file() else package.parent / "tools" / "demo_call" / _NAME


@dataclass(frozen=True, slots=True)
class Recording:
    """A call's audio, tick by tick."""

    ticks: tuple[tuple[AudioBlock, ...], ...]

    @classmethod
    def read(cls, paths: Sequence[Path]) -> Recording:
        """Read a stereo file, two mono files or a capture.

        Raises:
            ReplayError: the files are no call.
        """
        ticks: list[list[AudioBlock]] = []
        for message in read_call(paths, Roles()):
            if isinstance(message, AudioBlock):
                place = message.start_ms // TICK_MS
                while len(ticks) <= place:
                    ticks.append([])
                ticks[place].append(message)
        if not ticks:
            raise ReplayError(f"{paths[0]}: holds no audio of a call; give a recording of one")
        return cls(tuple(map(tuple, ticks)))


@dataclass(slots=True)
class _Line:
    """One telephone line: a call after another."""

    seat: str
    #: where in the recording the present call is
    place: int
    call: str = ""
    positions: dict[str, int] = field(default_factory=dict)


class Lines:
    """Calls that are always on: where one ends the next begins; the first ones begin in the middle."""

    def __init__(self, recording: Recording, count: int) -> None:
        self._recording = recording
        length = len(recording.ticks)
        self._lines = [_Line(f"bench-{number}", number * length // count) for number in range(count)]
        self._tick = 0
        #: call id to the tick at which it began
        self.began: dict[str, int] = {}

    def tick(self, wall: int) -> Iterator[CallMessage]:
        """The messages of the next 80 ms of all lines."""
        for line in self._lines:
            if not line.call:
                line.call = secrets.token_urlsafe(16)
                self.began[line.call] = self._tick
                line.positions = {}
                yield CallStarted(line.call, line.seat, "outbound", "replay", wall)
            for block in self._recording.ticks[line.place]:
                position = line.positions.get(block.leg, 0)
                yield msgspec.structs.replace(block, call=line.call, position=position)
                line.positions[block.leg] = position + len(block.pcm) // 2
            line.place += 1
            if line.place == len(self._recording.ticks):
                yield self._end(line, self._tick + 1)
                line.place, line.call = 0, ""
        self._tick += 1

    def end(self) -> Iterator[CallMessage]:
        """The ends of all calls that are on."""
        for line in self._lines:
            if line.call:
                yield self._end(line, self._tick)
                line.call = ""

    def _end(self, line: _Line, tick: int) -> CallEnded:
        return CallEnded(line.call, (tick - self.began[line.call]) * TICK_MS, "end_of_file")
