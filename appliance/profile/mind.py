"""Mind: six estimates of what goes on in the customer's mind, each a weighted mean with a confidence."""

from __future__ import annotations

from dataclasses import dataclass

from appliance.profile import constants as c
from appliance.profile.grid import clamp, fraction, halved
from appliance.protocol.messages import Estimate, Mind
from appliance.protocol.vocabulary import Stance


@dataclass(slots=True)
class _Part:
    value: float
    weight: float = c.MIND_PRIOR

    @property
    def confidence(self) -> float:
        heard = self.weight - c.MIND_PRIOR
        return heard / (heard + c.MIND_HALF)

    def add(self, target: float, weight: float) -> None:
        self.value = (self.value * self.weight + target * weight) / (self.weight + weight)
        self.weight = min(c.MIND_WEIGHT, self.weight + weight)

    def fade(self, kept: float) -> None:
        self.weight = c.MIND_PRIOR + (self.weight - c.MIND_PRIOR) * kept


class MindState:
    """The mind of one customer in one call. Time lowers confidence and leaves the values alone."""

    def __init__(self) -> None:
        self._parts = {name: _Part(value) for name, value in c.MIND_START.items()}
        self._at = 0

    def value(self, part: str) -> float:
        """0..1; `part` is a field of `protocol.messages.Mind`."""
        return self._parts[part].value

    def confidence(self, part: str) -> float:
        """0 (nothing is known) .. 1."""
        return self._parts[part].confidence

    def at_least(self, part: str, least: tuple[float, float]) -> bool:
        """Whether value and confidence both reach `least`."""
        return self.value(part) >= least[0] and self.confidence(part) >= least[1]

    def observe(self, code: str, confidence: float) -> None:
        """Take an evidence by its code; `confidence` 0..1."""
        weight = clamp(confidence, 0.0, 1.0) * c.MIND_DECIDING.get(code, 1.0)
        for part, target in c.MIND_TARGETS.get(code, {}).items():
            self._parts[part].add(target, weight)

    def product(self, stance: Stance, confidence: float) -> None:
        """Take a stance to a product."""
        if stance in c.PRODUCT_INTENT:
            self._parts["intent"].add(c.PRODUCT_INTENT[stance], clamp(confidence, 0.0, 1.0))

    def advance(self, at_ms: int) -> None:
        """Let time pass."""
        if at_ms <= self._at:
            return
        kept = halved(at_ms - self._at, c.MIND_HALF_LIFE_MS)
        self._at = at_ms
        for part in self._parts.values():
            part.fade(kept)

    def reading(self) -> Mind:
        """The part of the profile."""
        return Mind(
            **{
                name: Estimate(value=fraction(part.value), confidence=fraction(part.confidence))
                for name, part in self._parts.items()
            }
        )
