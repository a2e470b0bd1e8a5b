"""The engine process: call messages from capture in, profile messages to the feed out, no IP sockets."""

from __future__ import annotations

import contextlib
import os
import signal
import time
from dataclasses import replace
from pathlib import Path
from types import FrameType
from typing import Final

import zmq

from appliance.box.config import Config
from appliance.box.journal import Journal
from appliance.box.journal_values import CallMark, ErrorType, NameOf, Place
from appliance.box.notify import ServiceManager
from appliance.box.quiet import guarded
from appliance.box.runtime_directory import RuntimeDirectoryError, claimed
from appliance.box.status.line import StatusLine
from appliance.box.status.reports import EngineReport, Fault, Process
from appliance.capture.call_policy import call_policy
from appliance.engine.door_line import DoorLine
from appliance.engine.engine_events import (
    EngineReady,
    EngineStopped,
    OneCallFailed,
    RecognizerLoaded,
    UtteranceTold,
    VoiceModel,
)
from appliance.engine.memory import CallMemory
from appliance.engine.report import report_of
from appliance.engine.rooms import load_rooms
from appliance.engine.scheduler import Scheduler
from appliance.memory.secret import MemoryFileError
from appliance.models import ModelError
from appliance.profile.catalogue import CatalogueError
from appliance.telephony import audioblock

#: Messages taken from the socket before the recognizers get their turn: a block of each leg of 128 calls.
MAX_DRAIN: Final = 256
#: How long the process waits for audio; calls that are ending get their budget at this pace.
POLL_MS: Final = 50
#: Blocks that ZeroMQ may hold here; what waits in capture can still be dropped with care, here it cannot.
AUDIO_QUEUE: Final = 64
#: Bytes of one message of capture: the longest block that is taken, and its other fields.
MAX_AUDIO_MESSAGE: Final = 2 * audioblock.MAX_BLOCK_SAMPLES + 1024
#: Capture says every five seconds which calls are on; a call that it is silent about so long has lost it.
ABANDONED_SECONDS: Final = 30.0
#: At shutdown the ends of calls wait this long for the door's budget.
FAREWELL_SECONDS: Final = 6.0

#: Why an engine could not start, and the code that the console has for it.
START_FAULTS: Final[dict[type[Exception], Fault]] = {
    ModelError: "models",
    CatalogueError: "catalogue",
    MemoryFileError: "memory",
    RuntimeDirectoryError: "runtime",
}


class EngineService:
    """Connects one scheduler to its two sockets."""

    def __init__(self, config: Config, shard: int, journal: Journal) -> None:
        self._journal = journal
        self._shard = shard
        self._directory = config.box.runtime_directory
        self._memory = CallMemory.configured(config, self._journal)
        rooms = replace(load_rooms(config), memory=self._memory)
        choice = rooms.speech.choice
        if choice is not None:
            self._journal.write(RecognizerLoaded(model=NameOf(choice), because=choice.reason))
        for entry in rooms.affect.entries:
            # whoever runs the box is answerable for what it may be used for
            self._journal.write(VoiceModel(model=NameOf(entry), research_only=entry.research_only))
        self._rooms = rooms
        self._scheduler = Scheduler(
            rooms,
            policy=call_policy(config.policies()[-1]),
            on_failure=self._call_failed,
            abandoned_after=ABANDONED_SECONDS,
        )
        self._quotes = config.quotes_somewhere
        self._manager = ServiceManager()
        self._status = StatusLine(self._directory, self._manager)
        self._utterances = 0
        self._stopping = False
        self._bad_messages = 0
        self._lost_messages = 0

    def stop(self, _signal: int = 0, _frame: FrameType | None = None) -> None:
        """Ask the loop to end its calls and return."""
        self._stopping = True

    def run(self) -> int:
        """Serve until `stop`; returns the exit status."""
        context: zmq.Context[zmq.Socket[bytes]] = zmq.Context()
        audio = context.socket(zmq.PULL)
        door = DoorLine(context, self._directory / "door.sock", quotes=self._quotes)
        try:
            audio.setsockopt(zmq.RCVHWM, AUDIO_QUEUE)
            # Larger frames end the connection before memory is taken for them.
            audio.setsockopt(zmq.MAXMSGSIZE, MAX_AUDIO_MESSAGE)
            _bind(audio, self._directory / f"audio-{self._shard}.sock")
            self._journal.write(EngineReady(shard=self._shard, pid=os.getpid()))
            self._manager.ready()
            while not self._stopping:
                self._turn(audio, door)
            self._manager.stopping()
            self._status.stopping(lambda process: self._report(process, door), time.monotonic())
            self._farewell(audio, door)
        finally:
            audio.close(linger=0)
            door.close()
            # Waits for the last messages to leave, at most their linger.
            context.term()
            (self._directory / f"audio-{self._shard}.sock").unlink(missing_ok=True)
            if self._memory is not None:
                self._memory.close()
        counters = self._scheduler.counters
        self._journal.write(
            EngineStopped(
                calls=counters.calls,
                failed_calls=counters.failed_calls,
                failed_batches=counters.failed_batches,
                abandoned_calls=counters.abandoned_calls,
                unknown_call=counters.unknown_call,
                unheard_calls=counters.unheard_calls,
                refused_blocks=counters.refused_blocks,
                blocks=counters.blocks,
                messages=counters.messages,
                bad_messages=self._bad_messages,
                lost_messages=self._lost_messages,
            )
        )
        return 0

    def _turn(self, audio: zmq.Socket[bytes], door: DoorLine) -> None:
        if audio.poll(POLL_MS):
            self._drain(audio)
        now = time.monotonic()
        outcome = self._scheduler.step(now, _wall())
        door.turn(now)
        for data in outcome.messages:
            door.put(data, now)
        self._utterances += len(outcome.updates)
        for call, utterance_end_ms, at_ms in outcome.updates:
            self._journal.write(UtteranceTold(call=CallMark(call), end=utterance_end_ms, at_ms=at_ms))
        self._tell_progress(now)
        if self._status.due(now):
            if self._memory is not None:
                self._memory.turn()
            self._status.tell(lambda process: self._report(process, door), now)

    def _tell_progress(self, now: float) -> None:
        counters = self._scheduler.counters
        # A call that failed was work, too; if nothing but failures comes of the calls, this process is ill.
        asked = counters.blocks + counters.failed_calls
        if self._manager.turn(now, asked, counters.observed):
            self._manager.status(
                calls=self._scheduler.active, blocks=counters.blocks, failed_calls=counters.failed_calls
            )

    def _report(self, process: Process, door: DoorLine) -> EngineReport:
        return report_of(
            process,
            self._shard,
            self._scheduler,
            door.outbox,
            rooms=self._rooms,
            undecodable=self._bad_messages,
            utterances=self._utterances,
        )

    def _drain(self, audio: zmq.Socket[bytes]) -> None:
        for _ in range(MAX_DRAIN):
            try:
                data = audio.recv(zmq.DONTWAIT)
            except zmq.Again:
                return
            try:
                message = audioblock.decode(data)
            except audioblock.BlockError:
                self._bad_messages += 1
                continue
            self._scheduler.accept(message, time.monotonic(), _wall())

    def _farewell(self, audio: zmq.Socket[bytes], door: DoorLine) -> None:
        self._drain(audio)
        self._scheduler.end_all(
            lambda call, at: audioblock.CallEnded(call, at, "shutdown"), time.monotonic(), _wall()
        )
        deadline = time.monotonic() + FAREWELL_SECONDS
        while (self._scheduler.active or door.outbox) and time.monotonic() < deadline:
            self._turn(audio, door)
        self._lost_messages = door.outbox.dropped + len(door.outbox)

    def _call_failed(self, call: str, error: Exception) -> None:
        # The text of an error may quote speech; its type and place cannot.
        self._journal.write(OneCallFailed(call=CallMark(call), error=ErrorType(error), place=Place(error)))


def _bind(socket: zmq.Socket[bytes], path: Path) -> None:
    with contextlib.suppress(FileNotFoundError):
        path.unlink()
    socket.bind(f"ipc://{path}")


def _wall() -> int:
    return time.time_ns() // 1_000_000


def run(config: Config, shard: int) -> int:
    """Run one engine process until SIGTERM or SIGINT.

    Raises:
        ModelError: a model is missing, altered or forbidden.
        CatalogueError: the site's catalogue of strategies cannot be used.
        MemoryFileError: the secret of the memory cannot be used.
        RuntimeDirectoryError: the runtime directory cannot be used, or another engine has this share.
    """
    try:
        return _run(config, shard)
    except tuple(START_FAULTS) as error:
        line = StatusLine(config.box.runtime_directory)
        line.failed(lambda process: EngineReport(process, shard), error, START_FAULTS)
        raise


def _run(config: Config, shard: int) -> int:
    journal = Journal("engine", shard)
    with (
        claimed(config.box.runtime_directory, f"audio-{shard}"),
        guarded(journal, expected=tuple(START_FAULTS), hold_back=True),
    ):
        service = EngineService(config, shard, journal)
        signal.signal(signal.SIGTERM, service.stop)
        signal.signal(signal.SIGINT, service.stop)
        return service.run()
