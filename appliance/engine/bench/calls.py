"""Synthetic calls for a scheduler: one recording, played on many calls at different places at once."""

from __future__ import annotations

import secrets
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

import msgspec
import numpy as np

from appliance.box.config import Roles
from appliance.capture.replay import read_call
from appliance.capture.replay_error import ReplayError
from appliance.speech.voiceactivity import FRAME_MS, VoiceActivity
from appliance.telephony.audioblock import AudioBlock, CallEnded, CallMessage, CallStarted

#: The recording's blocks, and so the steps of the played time.
TICK_MS: Final = 80
#: A pause this long ends a turn; shorter ones may lie within an utterance.
_TURN_PAUSE_MS: Final = 400
#: The recognizer's end of an utterance is this close to the end of the turn.
_SLACK_MS: Final = 1000
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
    #: where the customer's voice ends, ms from the recording's beginning
    ends: tuple[int, ...] = ()

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
        return cls(tuple(map(tuple, ticks)), tuple(_ends(ticks)))


def _ends(ticks: Sequence[Sequence[AudioBlock]]) -> Iterator[int]:
    """The ends of the customer's turns, by level alone, so that they do not hang on what is recognized."""
    blocks = [block for tick in ticks for block in tick if block.leg == "customer"]
    if not blocks:
        return
    activity = VoiceActivity(blocks[0].rate)
    samples = np.concatenate([block.samples for block in blocks if block.rate == blocks[0].rate])
    frames = len(samples) // activity.frame
    last, begin = None, blocks[0].start_ms
    for place, speech in enumerate(activity.decide(samples[: frames * activity.frame])):
        if speech:
            last = place
        elif last is not None and (place - last) * FRAME_MS >= _TURN_PAUSE_MS:
            yield begin + (last + 1) * FRAME_MS
            last = None


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
        #: call id to the tick at which it began, and the tick of the recording that was then played
        self._began: dict[str, tuple[int, int]] = {}

    def tick(self, wall: int) -> Iterator[CallMessage]:
        """The messages of the next 80 ms of all lines."""
        for line in self._lines:
            if not line.call:
                line.call = secrets.token_urlsafe(16)
                self._began[line.call] = (self._tick, line.place)
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

    def voice_end(self, call: str, end_ms: int) -> int | None:
        """When the voice ended that an utterance of a call is about, ms since the first tick.

        None where the recording has no end of a turn near it, as when an utterance ended inside a turn.

        Args:
            call: the call.
            end_ms: the utterance's end by the recognizer, ms since the call began.
        """
        tick, place = self._began[call]
        there = end_ms + place * TICK_MS
        near = min(self._recording.ends, key=lambda end: abs(end - there), default=None)
        if near is None or abs(near - there) > _SLACK_MS:
            return None
        return near + (tick - place) * TICK_MS

    def end(self) -> Iterator[CallMessage]:
        """The ends of all calls that are on."""
        for line in self._lines:
            if line.call:
                yield self._end(line, self._tick)
                line.call = ""

    def _end(self, line: _Line, tick: int) -> CallEnded:
        return CallEnded(line.call, (tick - self._began[line.call][0]) * TICK_MS, "end_of_file")
