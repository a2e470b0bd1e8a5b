"""What both sides did with words in this call, each with when and how surely it was heard last."""

from __future__ import annotations

from dataclasses import dataclass

from appliance.profile import constants as c
from appliance.profile.advice import Heard
from appliance.profile.catalogue import PROTECTIONS, Standing
from appliance.profile.grid import halved
from appliance.protocol.vocabulary import Signal


@dataclass(frozen=True, slots=True)
class _HeardAt:
    confidence: float
    at: int
    evidence: str


class HeardSignals:
    """The signals of one call; the last one of a code replaces the one before."""

    def __init__(self) -> None:
        self._heard: dict[Signal, _HeardAt] = {}

    def hear(self, code: Signal, confidence: float, at_ms: int, evidence: str) -> None:
        """Take a signal; `evidence` is its id in the ledger."""
        self._heard[code] = _HeardAt(confidence, at_ms, evidence)

    def forget(self, code: Signal) -> None:
        """A signal that was made up for."""
        self._heard.pop(code, None)

    def strengths(self, at_ms: int) -> dict[Signal, Heard]:
        """What still matters, faded by age."""
        now: dict[Signal, Heard] = {}
        for code, heard in self._heard.items():
            strength = heard.confidence * halved(at_ms - heard.at, c.SIGNAL_HALF_LIFE_MS)
            if strength >= c.SIGNAL_FADED:
                now[code] = Heard(strength, heard.evidence)
        return now

    def standing(self, at_ms: int, score: float) -> dict[Standing, tuple[str, ...]]:
        """What the agent did that stands until it is made up for, and what protects the customer from now on.

        Args:
            at_ms: milliseconds since the call began.
            score: of the relationship; above `HARD_SELL_SCORE` a hard sell is no trouble.
        """
        found: dict[Standing, tuple[str, ...]] = {}
        promise = self._pacing("agent_promise_return", at_ms, c.PROMISE_MS)
        if promise is not None:
            found["promised_return"] = (promise.evidence,)
        hard = self._pacing("agent_hard_sell", at_ms, c.HARD_SELL_MS)
        if hard is not None and score < c.HARD_SELL_SCORE:
            found["hard_sell"] = (hard.evidence,)
        for standing in PROTECTIONS:
            if evidence := self._protecting(standing):
                found[standing] = evidence
        return found

    def stands(self, standing: Standing) -> bool:
        """Whether anything protects the customer in this way."""
        return bool(self._protecting(standing))

    def _protecting(self, standing: Standing) -> tuple[str, ...]:
        """Evidence of what protects the customer in this way for the rest of the call."""
        heard = [self._heard[code] for code in c.PROTECTED_BY[standing] if code in self._heard]
        return tuple(one.evidence for one in heard if one.confidence >= c.MOVE_CONFIDENCE)

    def complaining(self, at_ms: int) -> bool:
        """Whether the customer has complained and nobody has met it yet."""
        heard = self._heard.get("complaint")
        met = self._heard.get("agent_empathy")
        return (
            heard is not None
            and heard.confidence >= c.MOVE_CONFIDENCE
            and at_ms - heard.at <= c.COMPLAINT_MS
            and (met is None or met.at < heard.at)
        )

    @property
    def troubled(self) -> bool:
        """Whether the customer has complained or worried in this call."""
        worry = self._heard.get("worry")
        return "complaint" in self._heard or (worry is not None and worry.confidence >= c.MOVE_CONFIDENCE)

    def _pacing(self, code: Signal, at_ms: int, lasts_ms: int) -> _HeardAt | None:
        heard = self._heard.get(code)
        if heard is None or heard.confidence < c.PACING_CONFIDENCE or at_ms - heard.at > lasts_ms:
            return None
        return heard
