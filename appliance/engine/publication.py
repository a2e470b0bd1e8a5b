"""When a call's profile is published: at once while the door's budget allows it, merged where it does not."""

from __future__ import annotations

import math
from collections import deque
from typing import Final

import msgspec

from appliance.engine.pipeline import CallPipeline
from appliance.engine.unheard import UnheardCall
from appliance.profile.cues import Cue
from appliance.profile.opportunities import Opportunity
from appliance.protocol import codec
from appliance.protocol.budget import CallBudget
from appliance.protocol.messages import (
    CallMessage,
    CueMessage,
    DoorMessage,
    OpportunityMessage,
    ProfileMessage,
)
from appliance.protocol.vocabulary import CallEvent

#: Updates that no whole utterance and no cue caused wait this long after the last one.
QUIET_INTERVAL_MS: Final = 1000
#: Bytes and bits. What cannot wait, a whole utterance or a cue, leaves room for a few `call` messages only:
#: at the end of a call the final profile may wait some seconds for the budget, an agent who talks must not.
RESERVE: Final = (512, 128.0)
#: Quiet updates leave room for what an utterance and its cue will have to tell: two profiles.
QUIET_RESERVE: Final = (512 + 4096, 1024.0)
#: The engine fills a budget a little smaller than the feed's, whose clock runs on its own.
MARGIN: Final = 0.9


class Publication:
    """Turns one call's state into encoded messages within the budget of the door."""

    def __init__(self, pipeline: CallPipeline | UnheardCall, *, quotes: bool = False) -> None:
        self._pipeline = pipeline
        self._budget = CallBudget(MARGIN, quotes=quotes)
        self._sequence = 0
        self._last_profile_ms = -QUIET_INTERVAL_MS
        self._dirty = False
        #: the last profile sent, without what changes in every message
        self._told: ProfileMessage | None = None
        #: what must be said as soon as the budget allows
        self._owed: deque[DoorMessage] = deque()
        self._event: CallEvent = "started"
        #: end of the customer's utterance that the last profile was the first to know of
        self.told_utterance_end_ms: int | None = None

    @property
    def drained(self) -> bool:
        """Nothing waits for budget any more."""
        return not self._owed

    def event(self, event: CallEvent, now: float, wall: int) -> list[bytes]:
        """A `call` message. Call control is small and always passes."""
        self._event = event
        data = codec.encode(self._call_message(event, wall))
        self._budget.pour(codec.decode_door(data), len(data), now)
        self._sequence += 1
        return [data]

    def profile_now(self, now: float, wall: int) -> list[bytes]:
        """The profile as it is, at once or as soon as the budget allows: what was told before is not true."""
        message = self._profile_message(final=False, wall=wall)
        self._told = msgspec.structs.replace(message, seq=0, at=0, wall=0)
        self._owed.append(message)
        self._sequence += 1
        self._last_profile_ms = self._pipeline.at_ms
        self._dirty = False
        return self.drain(now)

    def replace(self, pipeline: CallPipeline | UnheardCall, now: float, wall: int) -> list[bytes]:
        """The call goes on under another policy, knowing nothing of before: say so, with how it stands."""
        self._pipeline = pipeline
        return [*self.event(self._event, now, wall), *self.profile_now(now, wall)]

    def update(self, changed: bool, now: float, wall: int) -> list[bytes]:
        """Cues, and the profile where it is due."""
        pipeline = self._pipeline
        self._dirty = self._dirty or changed
        if self._owed:
            return self.drain(now)
        out: list[bytes] = []
        for cue in pipeline.profile.take_cues():
            data = codec.encode(self._cue_message(cue, wall))
            if self._budget.pour(codec.decode_door(data), len(data), now):
                self._sequence += 1
                out.append(data)
        urgent = pipeline.utterance_end_ms is not None or bool(out)
        due = urgent or pipeline.at_ms - self._last_profile_ms >= QUIET_INTERVAL_MS
        reserve = RESERVE if urgent else QUIET_RESERVE
        room = self._budget.room(now)
        if self._dirty and due and room[0] > reserve[0] and room[1] > reserve[1]:
            out.extend(self._profile_if_new(now, wall, reserve))
        return out

    def _profile_if_new(self, now: float, wall: int, reserve: tuple[int, float]) -> list[bytes]:
        pipeline, message = self._pipeline, self._profile_message(final=False, wall=wall)
        body = msgspec.structs.replace(message, seq=0, at=0, wall=0)
        if body == self._told:
            # A profile that says nothing new would use up what the next one needs.
            self._dirty, pipeline.utterance_end_ms = False, None
            return []
        data, told = _coded(message)
        if math.isinf(self._budget.wait(told, len(data), now, spare=reserve)):
            # Words that are never let through must not keep the profile back.
            data, told = _coded(_without_quotes(message))
        if self._budget.wait(told, len(data), now, spare=reserve):
            return []
        self._budget.pour(told, len(data), now)
        self._sequence += 1
        self._told = body
        self._last_profile_ms = pipeline.at_ms
        self.told_utterance_end_ms = pipeline.utterance_end_ms
        self._dirty, pipeline.utterance_end_ms = False, None
        return [data]

    def end(self, now: float, wall: int) -> list[bytes]:
        """The final profile, what was missed, and `ended`, as budget allows; `drain` brings the rest."""
        self._owed.append(self._profile_message(final=True, wall=wall))
        self._sequence += 1
        for missed in self._pipeline.profile.missed():
            self._owed.append(self._opportunity_message(missed, wall))
            self._sequence += 1
        self._owed.append(self._call_message("ended", wall))
        self._sequence += 1
        return self.drain(now)

    def drain(self, now: float) -> list[bytes]:
        """What of the call's end, or else is owed, may be sent now."""
        out: list[bytes] = []
        while self._owed:
            data, told = _coded(self._owed[0])
            if math.isinf(self._budget.wait(told, len(data), now)):
                data, told = _coded(_without_quotes(self._owed[0]))
            if not self._budget.pour(told, len(data), now):
                break
            out.append(data)
            self._owed.popleft()
        return out

    def _call_message(self, event: CallEvent, wall: int) -> DoorMessage:
        started = self._pipeline.started
        return CallMessage(
            v=1,
            call=started.call,
            seat=started.seat,
            seq=self._sequence + 1,
            at=self._pipeline.at_ms,
            wall=wall,
            event=event,
            direction=started.direction,
            policy=self._pipeline.policy,
        )

    def _profile_message(self, *, final: bool, wall: int) -> ProfileMessage:
        pipeline, started = self._pipeline, self._pipeline.started
        parts = pipeline.profile.snapshot(pipeline.at_ms, final=final)
        return ProfileMessage(
            v=1,
            call=started.call,
            seat=started.seat,
            seq=self._sequence + 1,
            at=pipeline.at_ms,
            wall=wall,
            final=final,
            relationship=parts.relationship,
            influence=parts.influence,
            demand=parts.demand,
            advice=parts.advice,
            evidence=parts.evidence,
            audio=parts.audio,
            policy=pipeline.policy,
        )

    def _opportunity_message(self, missed: Opportunity, wall: int) -> DoorMessage:
        started = self._pipeline.started
        return OpportunityMessage(
            v=1,
            call=started.call,
            seat=started.seat,
            seq=self._sequence + 1,
            at=missed.at,
            wall=wall,
            code=missed.code,
            confidence=missed.confidence,
            tag=missed.tag,
        )

    def _cue_message(self, cue: Cue, wall: int) -> DoorMessage:
        pipeline, started = self._pipeline, self._pipeline.started
        return CueMessage(
            v=1,
            call=started.call,
            seat=started.seat,
            seq=self._sequence + 1,
            at=pipeline.at_ms,
            wall=wall,
            kind=cue.kind,
            code=cue.code,
            confidence=cue.confidence,
            advice=list(cue.advice),
        )


def _coded(message: DoorMessage) -> tuple[bytes, DoorMessage]:
    """A message as bytes, and as the feed will read it: on the grid."""
    data = codec.encode(message)
    return data, codec.decode_door(data)


def _without_quotes(message: DoorMessage) -> DoorMessage:
    if not isinstance(message, ProfileMessage):
        return message
    evidence = [msgspec.structs.replace(one, quote=None) for one in message.evidence]
    return msgspec.structs.replace(message, evidence=evidence)
