"""All calls of one engine process: audio in, decoding in batches, messages out.

An error in one call ends that call alone. The scheduler does no I/O and reads no clock.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from functools import partial
from typing import Final

from appliance.engine.pipeline import CallPipeline
from appliance.engine.publication import Publication
from appliance.engine.rooms import Rooms
from appliance.telephony.audioblock import (
    AudioBlock,
    AudioDropped,
    CallEnded,
    CallHeld,
    CallMessage,
    CallStarted,
)

#: One engine serves at most this many calls; more would only mean that capture was misconfigured.
MAX_CALLS: Final = 2000


@dataclass(frozen=True, slots=True)
class Outcome:
    """What one step brought about."""

    #: encoded door messages, in order
    messages: list[bytes]
    #: per update that first told of a whole utterance: call id, end of the utterance, time of the update (ms)
    updates: list[tuple[str, int, int]]


@dataclass(slots=True)
class Counters:
    """What happened so far."""

    calls: int = 0
    failed_calls: int = 0
    unknown_call: int = 0
    refused_calls: int = 0
    blocks: int = 0
    messages: int = 0


@dataclass(slots=True)
class _Call:
    pipeline: CallPipeline
    publication: Publication
    touched: bool = False
    ended: bool = False
    pending: list[bytes] = field(default_factory=list)


class Scheduler:
    """Serves every call of the process fairly: one step decodes what is ready on all of them."""

    def __init__(self, rooms: Rooms, *, quotes: bool, on_failure: Callable[[str, Exception], None]) -> None:
        self._rooms = rooms
        self._quotes = quotes
        self._on_failure = on_failure
        self._calls: dict[str, _Call] = {}
        #: `ended` messages of calls that failed
        self._last_words: list[bytes] = []
        self.counters = Counters()

    @property
    def active(self) -> int:
        """Calls that have not yet said their last."""
        return len(self._calls)

    def accept(self, message: CallMessage, now: float, wall: int) -> None:
        """Take one message from capture; `now` is monotonic seconds, `wall` unix milliseconds."""
        if isinstance(message, CallStarted):
            self._start(message, now, wall)
            return
        call = self._calls.get(message.call)
        if call is None or call.ended:
            self.counters.unknown_call += 1
            return
        self._guarded(message.call, call, now, wall, partial(self._take, message=message))

    def step(self, now: float, wall: int) -> Outcome:
        """Decode what is ready and collect what may be published."""
        self._rooms.speech.step()
        self._rooms.affect.run([call.pipeline.voice for call in self._calls.values() if call.touched])
        outcome = Outcome([], [])
        for identity, call in list(self._calls.items()):
            self._guarded(identity, call, now, wall, self._publish)
            outcome.messages.extend(call.pending)
            call.pending.clear()
            if call.publication.told_utterance_end_ms is not None:
                outcome.updates.append(
                    (identity, call.publication.told_utterance_end_ms, call.pipeline.at_ms)
                )
                call.publication.told_utterance_end_ms = None
            if call.ended and call.publication.drained:
                call.pipeline.close()
                self._calls.pop(identity, None)
        outcome.messages.extend(self._last_words)
        self._last_words.clear()
        self.counters.messages += len(outcome.messages)
        return outcome

    def end_all(self, reason_at_shutdown: Callable[[str, int], CallEnded], now: float, wall: int) -> None:
        """End every call, as when the process is asked to stop."""
        for identity, call in list(self._calls.items()):
            if not call.ended:
                self.accept(reason_at_shutdown(identity, call.pipeline.at_ms), now, wall)

    def _start(self, message: CallStarted, now: float, wall: int) -> None:
        if message.call in self._calls:
            # Capture says again which calls there are, for an engine that was started in the middle of them.
            return
        if len(self._calls) >= MAX_CALLS:
            self.counters.refused_calls += 1
            return
        pipeline = CallPipeline(message, self._rooms, quotes=self._quotes)
        call = _Call(pipeline, Publication(pipeline))
        call.pending.extend(call.publication.event("started", now, wall))
        self._calls[message.call] = call
        self.counters.calls += 1

    def _take(self, call: _Call, now: float, wall: int, *, message: CallMessage) -> None:
        if isinstance(message, AudioBlock):
            call.pipeline.hear(message)
            call.touched = True
            self.counters.blocks += 1
        elif isinstance(message, AudioDropped):
            call.pipeline.dropped(message)
        elif isinstance(message, CallHeld):
            call.pending.extend(call.publication.event("held" if message.held else "resumed", now, wall))
        elif isinstance(message, CallEnded):
            call.pipeline.finish()
            call.pipeline.observe()
            call.pending.extend(call.publication.end(now, wall))
            call.ended = True

    @staticmethod
    def _publish(call: _Call, now: float, wall: int) -> None:
        if call.ended:
            call.pending.extend(call.publication.drain(now))
        elif call.touched:
            call.touched = False
            changed = call.pipeline.observe()
            call.pending.extend(call.publication.update(changed, now, wall))

    def _guarded(
        self, identity: str, call: _Call, now: float, wall: int, work: Callable[[_Call, float, int], None]
    ) -> None:
        try:
            work(call, now, wall)
        except Exception as error:  # one call's fault must not end the others
            self.counters.failed_calls += 1
            self._on_failure(identity, error)
            self._calls.pop(identity, None)
            self._last_words.extend(call.publication.event("ended", now, wall))
            call.pipeline.close()
