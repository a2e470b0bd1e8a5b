"""All calls of one engine process: audio in, decoding in batches, messages out.

An error in one call ends that call alone. The scheduler does no I/O and reads no clock.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import partial
from typing import Final

import msgspec

from appliance.affect.voice import CustomerVoice
from appliance.engine.pipeline import LATEST_MS, CallPipeline
from appliance.engine.publication import Publication
from appliance.engine.rooms import Rooms
from appliance.engine.unheard import UnheardCall
from appliance.telephony.audioblock import (
    AudioBlock,
    AudioDropped,
    CallEnded,
    CallHeld,
    CallMessage,
    CallPolicy,
    CallStarted,
    CustomerKnown,
    PolicyChanged,
)

#: One engine serves at most this many calls; more would only mean that capture was misconfigured.
MAX_CALLS: Final = 2000
#: Failed calls that are remembered, so that capture's saying again that they are on does not revive them.
MAX_FAILED: Final = 256


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
    #: calls that nothing came of any more: capture has died
    abandoned_calls: int = 0
    #: times that the calls' audio could not be measured together
    failed_batches: int = 0
    unknown_call: int = 0
    refused_calls: int = 0
    blocks: int = 0
    #: times that a call's audio was looked at without a fault
    observed: int = 0
    messages: int = 0
    #: calls of which nothing may be analysed, from their beginning or from some time on
    unheard_calls: int = 0
    #: blocks of audio of such calls that should not have come
    refused_blocks: int = 0


@dataclass(slots=True)
class _Call:
    pipeline: CallPipeline | UnheardCall
    publication: Publication
    #: when capture last said anything of the call
    last_message: float
    policy: CallPolicy
    touched: bool = False
    ended: bool = False
    pending: list[bytes] = field(default_factory=list)


class Scheduler:
    """Serves every call of the process fairly: one step decodes what is ready on all of them.

    Args:
        rooms: what all calls share.
        policy: of calls that bring none of their own, as recordings do.
        on_failure: told of a call that failed.
        abandoned_after: seconds after which a call that nothing came of is ended; None waits for ever.
            Capture sends silence too, on hold as well, so that only a capture that died says nothing.
    """

    def __init__(
        self,
        rooms: Rooms,
        *,
        policy: CallPolicy,
        on_failure: Callable[[str, Exception], None],
        abandoned_after: float | None = None,
    ) -> None:
        self._rooms = rooms
        self._policy = policy
        self._on_failure = on_failure
        self._abandoned_after = abandoned_after
        self._failed: deque[str] = deque(maxlen=MAX_FAILED)
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
        call.last_message = now
        self._guarded(message.call, call, now, wall, partial(self._take, message=message))

    def step(self, now: float, wall: int) -> Outcome:
        """Decode what is ready and collect what may be published."""
        self._end_abandoned(now, wall)
        self._rooms.speech.step()
        self._measure(now, wall)
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

    def _measure(self, now: float, wall: int) -> None:
        """Let the affect room measure all calls that were heard, at once."""
        touched = {identity: call for identity, call in self._calls.items() if call.touched and _voices(call)}
        try:
            self._rooms.affect.run([voice for call in touched.values() for voice in _voices(call)])
        except Exception:  # one call's fault must not end the others: see whose it is
            self.counters.failed_batches += 1
            for identity, call in touched.items():
                self._guarded(identity, call, now, wall, self._measure_one)

    def _measure_one(self, call: _Call, _now: float, _wall: int) -> None:
        self._rooms.affect.run(_voices(call))

    def _end_abandoned(self, now: float, wall: int) -> None:
        if self._abandoned_after is None:
            return
        for identity, call in list(self._calls.items()):
            if not call.ended and now - call.last_message > self._abandoned_after:
                self.counters.abandoned_calls += 1
                self.accept(CallEnded(identity, call.pipeline.at_ms, "timeout"), now, wall)

    def _start(self, message: CallStarted, now: float, wall: int) -> None:
        known = self._calls.get(message.call)
        if known is not None:
            # Capture says again which calls there are, for an engine that was started in the middle of them.
            known.last_message = now
            if message.policy is not None and not known.ended:
                change = PolicyChanged(message.call, known.pipeline.at_ms, message.policy, message.customer)
                self._guarded(message.call, known, now, wall, partial(self._take, message=change))
            return
        if message.call in self._failed:
            return
        if len(self._calls) >= MAX_CALLS:
            self.counters.refused_calls += 1
            return
        try:
            pipeline = self._pipeline(message, message.policy or self._policy)
        except Exception as error:  # one call's fault must not end the others
            self._note_failure(message.call, error)
            return
        policy = message.policy or self._policy
        call = _Call(pipeline, Publication(pipeline, quotes=policy.quotes), now, policy)
        call.pending.extend(call.publication.event("started", now, wall))
        if isinstance(pipeline, UnheardCall):
            call.pending.extend(call.publication.profile_now(now, wall))
        self._calls[message.call] = call
        self.counters.calls += 1

    def _pipeline(
        self, started: CallStarted, policy: CallPolicy, at_ms: int = 0
    ) -> CallPipeline | UnheardCall:
        if policy.analysis:
            return CallPipeline(started, self._rooms, policy, at_ms)
        self.counters.unheard_calls += 1
        return UnheardCall(started, self._rooms, policy, at_ms)

    def _change_policy(self, call: _Call, message: PolicyChanged, now: float, wall: int) -> None:
        """Go on under another policy. The profile and the streams are dropped with what they knew."""
        if call.policy == message.policy:
            return
        old = call.pipeline
        at_ms = max(old.at_ms, min(message.at, LATEST_MS))
        started = msgspec.structs.replace(old.started, policy=message.policy, customer=message.customer)
        old.close()
        call.policy, call.touched = message.policy, False
        call.pipeline = self._pipeline(started, message.policy, at_ms)
        call.pending.extend(call.publication.replace(call.pipeline, now, wall))

    def _take(self, call: _Call, now: float, wall: int, *, message: CallMessage) -> None:
        if isinstance(call.pipeline, UnheardCall):
            if isinstance(message, AudioBlock):
                self.counters.refused_blocks += 1
                return
            if isinstance(message, (CallHeld, CallEnded)):
                call.pipeline.passed(message.at)
        if isinstance(message, AudioBlock):
            call.pipeline.hear(message)
            call.touched = True
            self.counters.blocks += 1
        elif isinstance(message, PolicyChanged):
            self._change_policy(call, message, now, wall)
        elif isinstance(message, AudioDropped):
            call.pipeline.dropped(message)
        elif isinstance(message, CustomerKnown):
            call.pipeline.known(message)
        elif isinstance(message, CallHeld):
            call.pending.extend(call.publication.event("held" if message.held else "resumed", now, wall))
        elif isinstance(message, CallEnded):
            call.pipeline.finish()
            call.pipeline.observe()
            call.pending.extend(call.publication.end(now, wall))
            call.pipeline.remember()
            call.ended = True

    def _publish(self, call: _Call, now: float, wall: int) -> None:
        if call.ended or not call.publication.drained:
            call.pending.extend(call.publication.drain(now))
        elif call.touched:
            call.touched = False
            changed = call.pipeline.observe()
            call.pending.extend(call.publication.update(changed, now, wall))
            self.counters.observed += 1

    def _guarded(
        self, identity: str, call: _Call, now: float, wall: int, work: Callable[[_Call, float, int], None]
    ) -> None:
        try:
            work(call, now, wall)
        except Exception as error:  # one call's fault must not end the others
            self._note_failure(identity, error)
            self._calls.pop(identity, None)
            # What was to be said before, `started` for one, is still said before `ended`.
            self._last_words.extend((*call.pending, *call.publication.event("ended", now, wall)))
            call.pending.clear()
            call.ended = False
            call.pipeline.close()

    def _note_failure(self, identity: str, error: Exception) -> None:
        self.counters.failed_calls += 1
        self._failed.append(identity)
        self._on_failure(identity, error)


def _voices(call: _Call) -> list[CustomerVoice]:
    """The voice of a call that may be measured."""
    if isinstance(call.pipeline, UnheardCall) or call.pipeline.voice is None:
        return []
    return [call.pipeline.voice]
