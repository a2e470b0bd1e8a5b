"""Timing: who talks how much, how fast the customer answers, who interrupts whom.

Reads only when each leg's voice activity began and ended. Gives evidence codes of `TIMING_CODES`,
none of them again within `TIMING_REPEAT_MS`. How soon and how much over the agent's words this customer
usually talks is learned on the way (`TurnHabit`); then an answer is quick or slow for this customer.
"""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass

from appliance.profile import constants as c
from appliance.profile.habit import TurnHabit, TurnReading
from appliance.speech.utterance import SpeechEnded, SpeechStarted
from appliance.telephony.audioblock import Leg


@dataclass(frozen=True, slots=True)
class TimingEvidence:
    """One thing that the clock told."""

    code: str
    at_ms: int


@dataclass(frozen=True, slots=True)
class _Span:
    leg: Leg
    start_ms: int
    end_ms: int


class TurnTiming:
    """Talk timing of one call. Events may repeat or be missing; time never runs backwards here."""

    def __init__(self) -> None:
        self._now = 0
        #: when the talk of a leg that is talking now began
        self._talking: dict[Leg, int] = {}
        self._spans: deque[_Span] = deque()
        self._given: dict[str, int] = {}
        self._found: list[TimingEvidence] = []
        self._last_end: dict[Leg, int] = {}
        self._quiet_since = 0
        self._silence_given = False
        self._habit = TurnHabit()

    @property
    def reading(self) -> TurnReading:
        """Response and overlap against the customer's own habit, now."""
        return self._habit.reading(self._now)

    def speech(self, event: SpeechStarted | SpeechEnded) -> list[TimingEvidence]:
        """Take an event of either leg; returns what it tells."""
        self._now = max(self._now, event.at_ms)
        if isinstance(event, SpeechStarted):
            self._started(event.leg, event.at_ms)
        else:
            self._ended(event.leg, event.at_ms)
        return self._take()

    def advance(self, at_ms: int) -> list[TimingEvidence]:
        """Let time pass; returns what has become plain by waiting."""
        self._now = max(self._now, at_ms)
        if not self._talking and not self._silence_given and self._now - self._quiet_since >= c.SILENCE_MS:
            self._silence_given = True
            self._give("timing.silence")
        return self._take()

    def customer_share(self) -> float | None:
        """The customer's share of the talk of the last minute, or None before enough was said."""
        horizon = self._now - c.BALANCE_WINDOW_MS
        while self._spans and self._spans[0].end_ms <= horizon:
            self._spans.popleft()
        talked = {"customer": 0, "agent": 0}
        for span in self._spans:
            talked[span.leg] += max(0, span.end_ms - max(span.start_ms, horizon))
        together = talked["customer"] + talked["agent"]
        return talked["customer"] / together if together >= c.BALANCE_LEAST_MS else None

    def _started(self, leg: Leg, at_ms: int) -> None:
        if leg in self._talking:
            return
        self._talking[leg] = at_ms
        self._silence_given = False
        other: Leg = "agent" if leg == "customer" else "customer"
        agent_ended = self._last_end.get("agent")
        # only the first words after the agent's turn are a reply
        is_reply = agent_ended is not None and agent_ended > self._last_end.get("customer", -1)
        if leg == "customer" and other not in self._talking and agent_ended is not None and is_reply:
            self._replied(at_ms - agent_ended)

    def _replied(self, gap: int) -> None:
        if not 0 <= gap <= c.REPLY_LIMIT_MS:
            return
        usual = self._habit.usual_ms
        if gap <= c.QUICK_REPLY_MS and (usual is None or gap <= c.QUICK_REPLY_SHARE * usual):
            self._give("timing.quick_reply")
        elif gap >= c.SLOW_REPLY_MS and (usual is None or gap >= c.SLOW_REPLY_TIMES * usual):
            self._give("timing.slow_reply")
        self._habit.answered(gap)

    def _ended(self, leg: Leg, at_ms: int) -> None:
        start = self._talking.pop(leg, None)
        if start is None:
            return
        end = max(start, at_ms)
        self._spans.append(_Span(leg, start, end))
        self._last_end[leg] = end
        self._quiet_since = max(self._quiet_since, end)
        other: Leg = "agent" if leg == "customer" else "customer"
        other_start = self._talking.get(other)
        if other_start is not None:
            self._habit.overlapped(end, end - max(start, other_start))
        # the leg that fell silent while the other began over it was interrupted
        if other_start is not None and other_start > start and end - other_start >= c.OVERLAP_MS:
            self._give("timing.interrupts" if other == "customer" else "timing.interrupted")
        if leg == "customer" and end - start >= c.FREE_TURN_MS:
            self._give("timing.talks_freely")
        self._weigh_balance()

    def _weigh_balance(self) -> None:
        share = self.customer_share()
        if share is None:
            return
        if share >= c.FREE_SHARE:
            self._give("timing.talks_freely")
        elif share <= c.LITTLE_SHARE:
            self._give("timing.says_little")

    def _give(self, code: str) -> None:
        given = self._given.get(code)
        if given is None or self._now - given >= c.TIMING_REPEAT_MS:
            self._given[code] = self._now
            self._found.append(TimingEvidence(code, self._now))

    def _take(self) -> list[TimingEvidence]:
        found, self._found = self._found, []
        return found
