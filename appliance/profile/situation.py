"""The situation that advice is chosen for, and what forbids to go on or to press, out of a call's parts."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from appliance.profile import constants as c
from appliance.profile.advice import Situation
from appliance.profile.catalogue import Standing
from appliance.profile.demand import life_stage_of, match_of, suitability_of
from appliance.profile.emotion import CustomerEmotion
from appliance.profile.evidence import EvidenceLedger
from appliance.profile.heard import HeardSignals
from appliance.profile.needs import NeedList
from appliance.profile.objections import ObjectionTable
from appliance.profile.refusals import RefusalCount
from appliance.profile.relationship import RelationshipState
from appliance.profile.style import StyleState

#: Evidence that shows style.
STYLE_CODES: Final = frozenset(
    [f"signal.{code}" for code in c.STYLE_VOTES]
    + [f"signal.{code}" for code in c.FOCUS_SIGNALS]
    + [f"signal.{code}" for code in c.EXPRESSION_SIGNALS]
    + ["voice.lively", "voice.flat", "voice.fast", "voice.slow", "timing.talks_freely", "timing.says_little"]
)
EMOTION_CODES: Final = frozenset(["voice.angry", "voice.happy", "voice.sad", "voice.neutral"])


@dataclass(frozen=True, slots=True)
class CallParts:
    """The parts of one call's state that a situation is made of; they move, this does not."""

    ledger: EvidenceLedger
    relationship: RelationshipState
    style: StyleState
    emotion: CustomerEmotion
    objections: ObjectionTable
    refusals: RefusalCount
    needs: NeedList
    heard: HeardSignals

    @property
    def upset(self) -> bool:
        """Whether the customer is angry, or a hostile objection is open."""
        return self.emotion.angry or self.objections.is_open("hostile_resistance")

    @property
    def spared(self) -> bool:
        """Whether what was said forbids to press: a no, a complaint, worry, a beginner, illness."""
        known = [self.needs.get(tag) for tag in c.SPARED_NEEDS]
        return (
            self.refusals.count > 0
            or self.heard.troubled
            or any(need is not None and need.stance in ("has", "wants") for need in known)
        )

    def held(self, at_ms: int) -> bool:
        """Whether nothing is led on for now: a complaint is not met yet, illness was just told, or grief."""
        ill = self.needs.get("medical")
        told = ill is not None and ill.stance != "rejects" and at_ms - ill.at <= c.ILLNESS_MS
        return told or self.heard.complaining(at_ms) or self.heard.stands("bereaved")

    def situation(self, at_ms: int) -> Situation:
        """All that the choice of advice looks at, `at_ms` ms since the call began."""
        life_stage = life_stage_of(self.needs)
        demanding = sorted(self.needs, key=lambda need: -need.at)
        return Situation(
            at_ms=at_ms,
            stage=self.relationship.stage,
            styles=self.style.probabilities(),
            style_confidence=self.style.confidence,
            emotion=self.emotion.label,
            emotion_confidence=self.emotion.confidence,
            objections=tuple(self.objections.open()),
            signals=self.heard.strengths(at_ms),
            needs={need.tag: need for need in self.needs},
            match=match_of(self.needs, life_stage),
            suitability=suitability_of(self.needs, life_stage),
            standing=self._standing(at_ms),
            spared=self.spared,
            held=self.held(at_ms),
            style_evidence=self.ledger.latest_of(STYLE_CODES, 2),
            emotion_evidence=self.ledger.latest_of(EMOTION_CODES, 1),
            demand_evidence=tuple(
                need.evidence
                for need in demanding
                if need.tag in c.PRODUCT_RISK or need.tag in c.RISK_CLASS_SHIFT or need.amount is not None
            ),
        )

    def _standing(self, at_ms: int) -> dict[Standing, tuple[str, ...]]:
        standing: dict[Standing, tuple[str, ...]] = {}
        if self.refusals.stopped:
            standing["stopped"] = self.refusals.evidence
        standing.update(self.heard.standing(at_ms, self.relationship.score))
        retirement = self.needs.get("retirement")
        if retirement is not None and life_stage_of(self.needs) == "retired":
            standing["elderly"] = (retirement.evidence, *standing.get("elderly", ()))
        return standing
