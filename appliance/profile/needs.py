"""Needs: what the customer wants, has, rejects and asks for; the latest stance of a tag wins."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace

from appliance.language.findings import NeedFinding
from appliance.profile import constants as c
from appliance.profile.grid import clamp, fraction, halved
from appliance.protocol.messages import Need
from appliance.protocol.vocabulary import NeedTag, Stance


@dataclass(frozen=True, slots=True)
class KnownNeed:
    """What is known of one tag."""

    tag: NeedTag
    stance: Stance
    #: 0..1
    confidence: float
    #: when it was last said, milliseconds since the call began
    at: int
    #: id in the evidence ledger
    evidence: str
    #: yuan
    amount: int | None = None

    def rank(self, at_ms: int) -> float:
        """Confidence faded by age."""
        return self.confidence * halved(at_ms - self.at, c.NEED_HALF_LIFE_MS)


class NeedList:
    """The needs of one call: at most one entry a tag."""

    def __init__(self) -> None:
        self._needs: dict[NeedTag, KnownNeed] = {}

    def __iter__(self) -> Iterator[KnownNeed]:
        return iter(self._needs.values())

    def __len__(self) -> int:
        return len(self._needs)

    def get(self, tag: NeedTag) -> KnownNeed | None:
        """What is known of a tag."""
        return self._needs.get(tag)

    def stance(self, tag: NeedTag) -> Stance | None:
        """The stance to a tag, or None where it was not spoken of."""
        need = self._needs.get(tag)
        return need.stance if need else None

    def observe(self, finding: NeedFinding, at_ms: int, evidence: str) -> bool:
        """Take a finding; returns whether it changed what is known (a stance that is too unsure does not).

        A question does not take back what the customer has stated, and the customer's having
        something is not taken back by asking for more of it.
        """
        confidence = clamp(finding.confidence, 0.0, 1.0)
        if confidence < c.NEED_CONFIDENCE:
            return False
        known = self._needs.get(finding.tag)
        if known is not None and known.stance == finding.stance:
            sure = 1.0 - (1.0 - known.confidence) * (1.0 - c.NEED_AGAIN_CERTAINTY * confidence)
            amount = finding.amount if finding.amount is not None else known.amount
            # the evidence that the entry points at must be the one that said the most
            self._needs[finding.tag] = replace(
                known, confidence=max(sure, confidence), at=at_ms, amount=amount, evidence=evidence
            )
            return True
        if known is not None:
            if finding.stance == "asks" and known.stance in ("wants", "has"):
                return False
            if confidence < known.confidence * c.CHANGE_OF_MIND_SHARE:
                return False
        amount = finding.amount
        if amount is None and known is not None and finding.stance != "rejects":
            amount = known.amount
        self._needs[finding.tag] = KnownNeed(finding.tag, finding.stance, confidence, at_ms, evidence, amount)
        if finding.stance in ("wants", "has"):
            self._remove_opposites(finding.tag)
        return True

    def listed(self, at_ms: int) -> list[KnownNeed]:
        """The needs that a profile shows, the most relevant first, at most `NEEDS_SHOWN`."""
        ranked = sorted(self._needs.values(), key=lambda need: (-need.rank(at_ms), -need.at, need.tag))
        return ranked[: c.NEEDS_SHOWN]

    def reading(self, at_ms: int) -> list[Need]:
        """The part of the profile."""
        return [
            Need(tag=need.tag, stance=need.stance, confidence=fraction(need.confidence), at=need.at)
            for need in self.listed(at_ms)
        ]

    def _remove_opposites(self, tag: NeedTag) -> None:
        for one, other in c.OPPOSITES:
            opposite = other if tag == one else one if tag == other else None
            if opposite is not None and self.stance(opposite) in ("wants", "has", "asks"):
                del self._needs[opposite]
