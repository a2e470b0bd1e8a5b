"""Relationship: how far the customer's trust has come, as a Gaussian state in log-odds.

Evidence shifts the mean and adds certainty; time takes certainty away and leaves the mean alone. All
shifts add up, and what repeats saturates as a function of its sum, so the order of evidence that falls
on one moment does not matter. `MODEL.md` gives the formulas.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Final, get_args

from appliance.profile import constants as c
from appliance.profile.grid import clamp, fraction, halved
from appliance.protocol.messages import Relationship
from appliance.protocol.vocabulary import Pace, Stage

STAGES: Final[tuple[Stage, ...]] = get_args(Stage)

#: The group of all evidence for an agreed follow-up.
FOLLOW_UP: Final = "follow_up"
#: Single effects by evidence code (needs have theirs from the stance).
EFFECTS: Final[Mapping[str, float]] = {
    **{f"objection.{code}": effect for code, effect in c.OBJECTION_EFFECT.items()},
    **{f"signal.{code}": effect for code, effect in c.SIGNAL_EFFECT.items()},
    **c.TIMING_EFFECT,
    **c.VOICE_EFFECT,
}


class RelationshipState:
    """The state of one call."""

    def __init__(self) -> None:
        self._mean = c.PRIOR_LOG_ODDS
        self._precision = 1.0 / c.PRIOR_DEVIATION**2
        self._recent = 0.0
        #: group of evidence to the sum of its raw effects; leaks with time
        self._repeated: dict[str, float] = {}
        self._stage: Stage = "cold"
        self._at = 0

    @property
    def score(self) -> float:
        """0..100."""
        return 100.0 * _sigmoid(self._held_mean())

    @property
    def interval(self) -> tuple[float, float]:
        """The 80 % interval of the score, 0..100 each."""
        reach = c.INTERVAL_Z * self._deviation()
        mean = self._held_mean()
        return 100.0 * _sigmoid(mean - reach), 100.0 * _sigmoid(mean + reach)

    @property
    def trend(self) -> float:
        """Recent movement, -1..1."""
        return math.tanh(self._recent / c.TREND_SCALE)

    @property
    def stage(self) -> Stage:
        """The stage, left only `STAGE_HYSTERESIS` below where it was entered."""
        score = self.score
        place = STAGES.index(self._stage)
        entries = (0.0, *(entry for _, entry in c.STAGE_ENTRY))
        while place + 1 < len(entries) and score >= entries[place + 1]:
            place += 1
        while place > 0 and score < entries[place] - c.STAGE_HYSTERESIS:
            place -= 1
        return STAGES[place]

    def advance(self, at_ms: int) -> None:
        """Let time pass: certainty and the memory of repetition fade; the score stays."""
        if at_ms <= self._at:
            return
        self._stage = self.stage
        self._mean = self._held_mean()
        passed = at_ms - self._at
        self._at = at_ms
        prior = c.PRIOR_DEVIATION**2
        variance = self._deviation() ** 2
        kept = halved(passed, c.CERTAINTY_HALF_LIFE_MS)
        self._precision = 1.0 / (prior - (prior - variance) * kept)
        self._recent *= halved(passed, c.TREND_HALF_LIFE_MS)
        fade = halved(passed, c.REPETITION_HALF_LIFE_MS)
        self._repeated = {group: total * fade for group, total in self._repeated.items() if abs(total) > 1e-4}

    def observe(self, code: str, confidence: float, factor: float = 1.0) -> float:
        """Move by an evidence of the effects' table; returns the shift in log-odds.

        Args:
            code: an evidence code; one without effect moves nothing.
            confidence: 0..1.
            factor: 0 or more, scales the effect (reciprocity).
        """
        effect = EFFECTS.get(code, 0.0)
        raw = effect * factor * clamp(confidence, 0.0, 1.0)
        if code == "signal.follow_up_agreed":
            return self._move(FOLLOW_UP, raw, c.FOLLOW_UP_CAP)
        return self._move(code, raw, c.REPETITION_CAP * abs(effect))

    def carry_over(self, score: float, share: float) -> float:
        """Begin nearer to where an earlier call ended; returns the shift in log-odds. It adds no certainty.

        Args:
            score: of the earlier call at its end, 0..100.
            share: 0..1 of the way from the prior to it, less the longer ago that call was.
        """
        held = clamp(score, 1.0, 99.0) / 100.0
        shift = clamp(share, 0.0, 1.0) * (math.log(held / (1.0 - held)) - c.PRIOR_LOG_ODDS)
        self._mean += shift
        self._stage = self.stage
        return shift

    def disclose(self, tag: str, effect: float, confidence: float) -> float:
        """Move by a stated need or fact; positive ones saturate together. Returns the shift in log-odds."""
        if effect <= 0:
            group, cap = f"need.{tag}", c.REPETITION_CAP * abs(effect)
        elif tag in c.CONTACT_NEEDS:
            group, cap = FOLLOW_UP, c.FOLLOW_UP_CAP
        else:
            group, cap = "need", c.NEEDS_CAP
        return self._move(group, effect * clamp(confidence, 0.0, 1.0), cap)

    def reading(self, pace: Pace) -> Relationship:
        """The part of the profile."""
        low, high = self.interval
        return Relationship(
            score=round(self.score),
            low=round(low),
            high=round(high),
            stage=self.stage,
            trend=fraction(self.trend),
            pace=pace,
        )

    def _move(self, group: str, raw: float, cap: float) -> float:
        if raw == 0.0 or cap == 0.0:
            return 0.0
        before = self._repeated.get(group, 0.0)
        after = before + raw
        self._repeated[group] = after
        shift = _saturate(after, cap) - _saturate(before, cap)
        self._mean += shift
        self._recent += shift
        self._precision += c.INFORMATION_PER_SHIFT * abs(shift)
        return shift

    def _held_mean(self) -> float:
        return clamp(self._mean, -c.LOG_ODDS_LIMIT, c.LOG_ODDS_LIMIT)

    def _deviation(self) -> float:
        return max(c.LEAST_DEVIATION, 1.0 / math.sqrt(self._precision))


def _saturate(total: float, cap: float) -> float:
    """Odd, rising, near `total` when small, never beyond `cap`."""
    return math.copysign(cap * -math.expm1(-abs(total) / cap), total)


def _sigmoid(log_odds: float) -> float:
    return 1.0 / (1.0 + math.exp(-log_odds))
