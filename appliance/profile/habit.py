"""How a customer usually takes turns in a call: how soon an answer comes, how much is said over the agent."""

from __future__ import annotations

import statistics
from collections import deque
from dataclasses import dataclass

from appliance.profile import constants as c


@dataclass(frozen=True, slots=True)
class TurnReading:
    """The last answer of the customer and the overlap so far, against the customer's own habit."""

    #: from the end of the agent's turn to the customer's first word, ms; None before the first answer
    response_ms: int | None
    #: ratio to the customer's usual response; 1 while that is not known
    response_ratio: float
    #: how long the customer talked over the agent in the last minute, ms
    overlap_ms: int
    #: ratio of the share of overlap in the last minute to that of the whole call; 1 while that is not known
    overlap_ratio: float
    #: 0 (nothing known) .. 1 (the usual response has settled)
    confidence: float


class TurnHabit:
    """The usual response, from the first answers of the call, and overlap with the agent; of fixed size."""

    def __init__(self) -> None:
        self._first: list[int] = []
        self._last: int | None = None
        self._ratio = 1.0
        self._overlaps: deque[tuple[int, int]] = deque(maxlen=c.OVERLAPS_KEPT)
        self._overlap_ms = 0

    @property
    def confidence(self) -> float:
        """0 .. 1, by the answers that it takes to settle."""
        return min(1.0, len(self._first) / c.HABIT_REPLIES)

    @property
    def usual_ms(self) -> float | None:
        """The median of the first answers; None before it has settled."""
        return statistics.median(self._first) if len(self._first) >= c.HABIT_REPLIES else None

    def answered(self, gap_ms: int) -> None:
        """The customer's first word came `gap_ms` after the agent's turn."""
        usual = self.usual_ms
        self._last = gap_ms
        self._ratio = 1.0 if usual is None else gap_ms / max(usual, c.LEAST_RESPONSE_MS)
        if len(self._first) < c.HABIT_REPLIES:
            self._first.append(gap_ms)

    def overlapped(self, at_ms: int, milliseconds: int) -> None:
        """Both have talked for so long until `at_ms`."""
        if milliseconds > 0:
            self._overlaps.append((at_ms, milliseconds))
            self._overlap_ms += milliseconds

    def reading(self, now_ms: int) -> TurnReading:
        """What is known at this time."""
        recent = sum(length for at, length in self._overlaps if at > now_ms - c.BALANCE_WINDOW_MS)
        ratio = 1.0
        if now_ms >= 2 * c.BALANCE_WINDOW_MS and self._overlap_ms > 0:
            ratio = (recent / c.BALANCE_WINDOW_MS) / (self._overlap_ms / now_ms)
        return TurnReading(self._last, self._ratio, recent, ratio, self.confidence)
