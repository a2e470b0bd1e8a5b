"""When a call's profile is published: at once while the door's budget allows it, merged where it does not."""

from __future__ import annotations

from collections import deque
from typing import Final

from appliance.engine.pipeline import CallPipeline
from appliance.profile.cues import Cue
from appliance.protocol import codec
from appliance.protocol.bucket import CALL_BURST_BYTES, CALL_BYTES_PER_SECOND, LeakyBucket
from appliance.protocol.messages import CallMessage, CueMessage, DoorMessage, ProfileMessage
from appliance.protocol.vocabulary import CallEvent

#: Updates that no whole utterance caused (a growing one, an emotion) wait this long after the last one.
QUIET_INTERVAL_MS: Final = 1000
#: The end of a call must not wait: this much of the bucket is kept for the last profile and `ended`.
RESERVE_BYTES: Final = 4096
#: The engine fills a bucket a little smaller than the feed's, whose clock runs on its own.
MARGIN: Final = 0.95


class Publication:
    """Turns one call's state into encoded messages within the budget of the door."""

    def __init__(self, pipeline: CallPipeline) -> None:
        self._pipeline = pipeline
        self._bucket = LeakyBucket(CALL_BYTES_PER_SECOND * MARGIN, CALL_BURST_BYTES * MARGIN)
        self._sequence = 0
        self._last_profile_ms = -QUIET_INTERVAL_MS
        self._dirty = False
        self._ending: deque[bytes] = deque()
        #: end of the customer's utterance that the last profile was the first to know of
        self.told_utterance_end_ms: int | None = None

    @property
    def drained(self) -> bool:
        """Nothing waits for budget any more."""
        return not self._ending

    def event(self, event: CallEvent, now: float, wall: int) -> list[bytes]:
        """A `call` message. Call control is small and always passes."""
        data = codec.encode(self._call_message(event, wall))
        self._bucket.pour(len(data), now)
        self._sequence += 1
        return [data]

    def update(self, changed: bool, now: float, wall: int) -> list[bytes]:
        """Cues, and the profile where it is due."""
        pipeline = self._pipeline
        self._dirty = self._dirty or changed
        out: list[bytes] = []
        for cue in pipeline.profile.take_cues():
            data = codec.encode(self._cue_message(cue, wall))
            if self._bucket.pour(len(data), now):
                self._sequence += 1
                out.append(data)
        due = (
            pipeline.utterance_end_ms is not None
            or bool(out)
            or pipeline.at_ms - self._last_profile_ms >= QUIET_INTERVAL_MS
        )
        if self._dirty and due and self._room(now) > RESERVE_BYTES:
            data = codec.encode(self._profile_message(final=False, wall=wall))
            if self._room(now) >= len(data) + RESERVE_BYTES and self._bucket.pour(len(data), now):
                self._sequence += 1
                out.append(data)
                self._last_profile_ms = pipeline.at_ms
                self._dirty = False
                self.told_utterance_end_ms, pipeline.utterance_end_ms = pipeline.utterance_end_ms, None
        return out

    def end(self, now: float, wall: int) -> list[bytes]:
        """The final profile and `ended`, as far as the budget allows; `drain` brings the rest."""
        self._ending.append(codec.encode(self._profile_message(final=True, wall=wall)))
        self._sequence += 1
        self._ending.append(codec.encode(self._call_message("ended", wall)))
        self._sequence += 1
        return self.drain(now)

    def drain(self, now: float) -> list[bytes]:
        """What of the call's end may be sent now."""
        out: list[bytes] = []
        while self._ending and self._bucket.pour(len(self._ending[0]), now):
            out.append(self._ending.popleft())
        return out

    def _room(self, now: float) -> float:
        return self._bucket.burst - self._bucket.level(now)

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
        )

    def _profile_message(self, *, final: bool, wall: int) -> DoorMessage:
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
