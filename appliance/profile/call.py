"""The profile of one call: takes what the other rooms heard, gives a profile's parts and cues."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final

from appliance.affect.readings import EmotionReading, VoiceReading
from appliance.language.findings import Basis, Findings, NeedFinding
from appliance.profile import constants as c
from appliance.profile.advice import Adviser, Situation
from appliance.profile.catalogue import Catalogue
from appliance.profile.cues import Cue, CueBox
from appliance.profile.demand import read_demand
from appliance.profile.emotion import CustomerEmotion, voice_codes
from appliance.profile.evidence import EvidenceLedger
from appliance.profile.grid import clamp, fraction
from appliance.profile.heard import HeardSignals
from appliance.profile.mind import MindState
from appliance.profile.needs import NeedList
from appliance.profile.objections import ObjectionTable
from appliance.profile.opportunities import Opportunity, OpportunityList
from appliance.profile.pace import pace_of
from appliance.profile.refusals import REFUSING, RefusalCount
from appliance.profile.relationship import EFFECTS, RelationshipState
from appliance.profile.situation import CallParts
from appliance.profile.style import StyleState
from appliance.profile.timing import TimingEvidence, TurnTiming
from appliance.protocol.messages import Advice, AudioQuality, Demand, Evidence, Influence, Relationship
from appliance.protocol.vocabulary import NeedTag, ObjectionType, Signal, Stance
from appliance.speech.utterance import SpeechEnded, SpeechStarted, Utterance

#: What an agent does who goes on selling.
SELLING: Final[frozenset[Signal]] = frozenset(
    ["agent_question", "agent_pitch", "agent_hard_sell", "agent_close"]
)
#: Agent's moves that leave no evidence: they move nothing.
UNMOVING: Final[frozenset[Signal]] = frozenset(["agent_greeting", "agent_close", "agent_farewell"])
#: A day, the schema's limit of a time in a call.
LAST_MS: Final = 86_400_000


@dataclass(frozen=True, slots=True)
class ProfileParts:
    """A profile message without its head."""

    relationship: Relationship
    influence: Influence
    demand: Demand
    advice: list[Advice]
    evidence: list[Evidence]
    audio: AudioQuality


class CallProfile:
    """The RID model of one call. Times are ms since the call began; an earlier time counts as now."""

    def __init__(self, catalogue: Catalogue, quotes: bool) -> None:
        self._now = 0
        self._ledger = EvidenceLedger(quotes)
        self._relationship = RelationshipState()
        self._style = StyleState()
        self._emotion = CustomerEmotion()
        self._objections = ObjectionTable()
        self._refusals = RefusalCount()
        self._mind = MindState()
        self._needs = NeedList()
        self._timing = TurnTiming()
        self._adviser = Adviser(catalogue)
        self._cues = CueBox()
        self._opportunities = OpportunityList()
        self._heard = HeardSignals()
        self._parts = CallParts(
            self._ledger,
            self._relationship,
            self._style,
            self._emotion,
            self._objections,
            self._refusals,
            self._needs,
            self._heard,
        )
        self._knows_product = False
        #: the last time that the agent asked or showed empathy
        self._agent_gave_at: int | None = None
        self._lost_ms = self._heard_ms = self._dropped_ms = 0

    def known_before(self, facts: Iterable[NeedFinding], earlier: tuple[float, float] | None = None) -> None:
        """Take what was known before the call: of the bank's record, or of earlier calls.

        It is marked `record`, moves nothing but the needs, and gives way to what the customer says.

        Args:
            facts: needs with the confidence that is left of them.
            earlier: score of the last call at its end (0..100), and the share of it that comes back (0..1).
        """
        for fact in facts:
            if fact.confidence >= c.RECORD_LEAST:
                identifier = self._ledger.add(self._now, "record", f"record.{fact.tag}", 0.0)
                self._needs.observe(fact, self._now, identifier)
        if earlier is not None:
            shift = self._relationship.carry_over(*earlier)
            self._ledger.add(self._now, "record", "record.earlier_call", shift / c.WEIGHT_SCALE)

    def stated(self) -> list[tuple[NeedTag, Stance, float]]:
        """What the customer said in this call, the most relevant first; not what was known before it."""
        recorded = {item.id for item in self._ledger.items() if item.source == "record"}
        return [
            (need.tag, need.stance, need.confidence)
            for need in self._needs.listed(self._now)
            if need.evidence not in recorded
        ]

    @property
    def audio_quality(self) -> AudioQuality:
        """How much of the call's audio was lost or dropped so far."""
        return AudioQuality(
            lost=fraction(min(1.0, self._lost_ms / self._heard_ms)) if self._heard_ms else 0.0,
            dropped_ms=min(self._dropped_ms, LAST_MS),
        )

    @property
    def score(self) -> int:
        """The relationship now, 0..100."""
        return round(self._relationship.score)

    def customer_said(self, utterance: Utterance, findings: Findings, voice: VoiceReading | None) -> None:
        """Take a whole utterance of the customer, with its prosody where it was measured."""
        self.advance(utterance.end_ms)
        ids = self._take_findings(findings)
        self._style.utterance(utterance, voice, findings.signals)
        if voice is not None:
            for code in voice_codes(voice):
                self._ledger.add(self._now, "voice", code, c.VOICE_STYLE_WEIGHT)
        self._opportunities.customer(findings, self._now)
        stopped = self._refusals.stopped
        self._refusals.said(findings, ids)
        objections: dict[ObjectionType, str] = {}
        for objection in findings.objections:
            objections[objection.type] = ids.get(f"objection.{objection.type}", "")
        opened = self._objections.said(utterance.number, findings, self._now, objections)
        self._cue_objections(opened)
        if self._refusals.stopped and not stopped:
            self._warn_of_stop(findings)

    def customer_growing(self, utterance: Utterance, findings: Findings) -> None:
        """Take a partial of an utterance of the customer; only its objections count."""
        self.advance(utterance.end_ms)
        self._cue_objections(self._objections.growing(utterance.number, findings.objections, self._now))

    def agent_said(self, utterance: Utterance, findings: Findings) -> None:
        """Take a whole utterance of the agent: only what the agent does with words, never how it sounds."""
        self.advance(utterance.end_ms)
        self._opportunities.agent(findings)
        moves = {
            s.code: clamp(s.confidence, 0.0, 1.0) for s in findings.signals if s.code.startswith("agent_")
        }
        stopped = self._refusals.stopped
        for code, sure in moves.items():
            if sure < c.SIGNAL_LEAST or code in UNMOVING:
                continue
            low = self._relationship.score < c.HARD_SELL_SCORE
            factor = 0.0 if code == "agent_hard_sell" and not low else 1.0
            shift = self._relationship.observe(f"signal.{code}", sure, factor)
            evidence = self._ledger.add(self._now, "words", f"signal.{code}", shift / c.WEIGHT_SCALE)
            self._heard.hear(code, sure, self._now, evidence)
            if code in ("agent_question", "agent_empathy"):
                self._agent_gave_at = self._now
                if "agent_hard_sell" not in moves and sure >= c.MOVE_CONFIDENCE:
                    self._heard.forget("agent_hard_sell")
            if (
                code == "agent_risk_disclosure"
                and sure >= c.MOVE_CONFIDENCE
                and "agent_promise_return" not in moves
            ):
                self._heard.forget("agent_promise_return")
        self._objections.answered(moves.items())
        self._warn_of_pace(moves, stopped=stopped)

    def emotion(self, reading: EmotionReading) -> None:
        """Take an emotion reading of the customer's voice."""
        self.advance(reading.at_ms)
        code, alarmed = self._emotion.read(reading)
        self._style.emotion(reading)
        if code is not None:
            shift = self._relationship.observe(code, reading.confidence)
            self._mind.observe(code, reading.confidence)
            self._ledger.add(self._now, "voice", code, shift / c.WEIGHT_SCALE)
        if alarmed and reading.label in ("angry", "sad"):
            advice = self._adviser.for_cue(self._parts.situation(self._now))
            self._cues.give("emotion_alert", f"voice.{reading.label}", reading.confidence, advice, self._now)

    def speech(self, event: SpeechStarted | SpeechEnded) -> None:
        """Take the begin or end of talk on either leg."""
        self.advance(event.at_ms)
        self._take_timing(self._timing.speech(event))

    def audio(self, lost_ms: int, heard_ms: int, dropped_ms: int) -> None:
        """Set how much of both legs was heard: totals since the call began.

        Args:
            lost_ms: concealed for lost packets; part of `heard_ms`.
            heard_ms: all audio that was taken.
            dropped_ms: dropped by capture because the engine was behind.
        """
        self._lost_ms, self._heard_ms, self._dropped_ms = (
            max(0, lost_ms),
            max(0, heard_ms),
            max(0, dropped_ms),
        )

    def advance(self, at_ms: int) -> None:
        """Let time pass."""
        self._now = max(self._now, min(at_ms, LAST_MS))
        self._relationship.advance(self._now)
        self._mind.advance(self._now)
        self._objections.advance(self._now)
        self._take_timing(self._timing.advance(self._now))

    def take_cues(self) -> list[Cue]:
        """The cues since the last call of this."""
        return self._cues.take()

    def missed(self) -> list[Opportunity]:
        """Opportunities that were raised and not followed up so far, for a supervisor."""
        return self._opportunities.missed(stopped=self._refusals.stopped)

    def snapshot(self, at_ms: int, final: bool) -> ProfileParts:
        """The profile now; `final` for the last one of the call, which carries more evidence."""
        self.advance(at_ms)
        situation = self._parts.situation(self._now)
        advice = self._adviser.choose(situation)
        referred = list(dict.fromkeys(identifier for one in advice for identifier in one.evidence))
        evidence = self._ledger.shown(self._now, referred, final=final)
        carried = {item.id for item in evidence}
        if len(referred) > len(carried & set(referred)):
            advice = [Advice(id=one.id, evidence=[e for e in one.evidence if e in carried]) for one in advice]
        self._ledger.pin([*referred, *self._refusals.evidence, *(need.evidence for need in self._needs)])
        relationship, influence, demand = self.reading(situation)
        return ProfileParts(
            relationship=relationship,
            influence=influence,
            demand=demand,
            advice=advice,
            evidence=evidence,
            audio=self.audio_quality,
        )

    def reading(self, situation: Situation | None = None) -> tuple[Relationship, Influence, Demand]:
        """What the profile says now, without advice; changes nothing."""
        situation = situation or self._parts.situation(self._now)
        pace = pace_of(
            situation.stage,
            self._mind,
            stopped=self._refusals.stopped,
            upset=self._parts.upset or self._heard.complaining(self._now),
            objecting=bool(situation.objections),
            suitability=situation.suitability,
        )
        influence = Influence(
            style=self._style.probabilities_reading(),
            indices=self._style.indices_reading(),
            style_confidence=fraction(self._style.confidence),
            emotion=self._emotion.state,
            objections=self._objections.reading(),
            mind=self._mind.reading(),
        )
        demand = read_demand(
            self._needs,
            self._now,
            situation.stage,
            knows_product=self._knows_product,
            stopped=self._refusals.stopped,
        )
        return self._relationship.reading(pace), influence, demand

    def _take_findings(self, findings: Findings) -> dict[str, str]:
        """Move every part by what was read from a whole utterance; returns ledger ids by evidence code."""
        hostile = [o.confidence for o in findings.objections if o.type == "hostile_resistance"]
        hostile += [s.confidence for s in findings.signals if s.code == "abuse"]
        friendly = max(hostile, default=0.0) < c.HOSTILE_CONFIDENCE
        gave = self._agent_gave_at
        reciprocal = friendly and gave is not None and self._now - gave <= c.RECIPROCITY_MS
        given_back = c.RECIPROCITY_FACTOR if reciprocal else 1.0
        ids: dict[str, str] = {}
        for objection in findings.objections:
            if objection.confidence >= c.OBJECTION_CONFIDENCE:
                code = f"objection.{objection.type}"
                shift = self._relationship.observe(code, objection.confidence)
                self._record(ids, code, shift, objection.confidence, findings.redacted)
        for need in findings.needs:
            if need.confidence >= c.NEED_CONFIDENCE:
                self._take_need(need, ids, findings, given_back if friendly else 0.0)
        for signal in findings.signals:
            if signal.confidence < c.SIGNAL_LEAST or signal.code.startswith("agent_"):
                continue
            code = f"signal.{signal.code}"
            factor = given_back if signal.code == "disclosure" else 1.0
            if not friendly and EFFECTS.get(code, 0.0) > 0.0:
                factor = 0.0
            shift = self._relationship.observe(code, signal.confidence, factor)
            self._record(ids, code, shift, signal.confidence, findings.redacted)
            self._heard.hear(signal.code, clamp(signal.confidence, 0.0, 1.0), self._now, ids[code])
            if signal.code == "knows_product" and signal.confidence >= c.MOVE_CONFIDENCE:
                self._knows_product = True
        return ids

    def _take_need(self, need: NeedFinding, ids: dict[str, str], findings: Findings, factor: float) -> None:
        code = f"need.{need.tag}"
        effect = c.NEED_EFFECT.get(need.tag, 0.0) if need.stance != "rejects" else 0.0
        if effect == 0.0:
            effect = c.STANCE_EFFECT[need.stance]
            if need.tag in c.CONTACT_NEEDS and need.stance == "wants":
                objecting = any(o.confidence >= c.OBJECTION_CONFIDENCE for o in findings.objections)
                effect = c.CONTACT_WITH_OBJECTION_EFFECT if objecting else c.CONTACT_EFFECT
            # the same stance said again discloses nothing new
            if self._needs.stance(need.tag) == need.stance:
                effect *= c.NEED_AGAIN_FACTOR
        shift = self._relationship.disclose(
            need.tag, effect * factor if effect > 0.0 else effect, need.confidence
        )
        if need.stance in ("wants", "has"):
            self._mind.observe(code, need.confidence)
        self._record(ids, code, shift, 0.0, findings.redacted, basis=need.basis)
        if need.tag in c.PRODUCT_RISK:
            self._mind.product(need.stance, need.confidence)
        self._needs.observe(need, self._now, ids[code])

    def _record(
        self,
        ids: dict[str, str],
        code: str,
        shift: float,
        confidence: float,
        quote: str,
        *,
        basis: Basis | None = None,
    ) -> None:
        """Write evidence of words, once a code; the first of an utterance carries its quote."""
        self._mind.observe(code, confidence)
        if code not in ids:
            weight = shift / c.WEIGHT_SCALE
            ids[code] = self._ledger.add(self._now, "words", code, weight, "" if ids else quote, basis=basis)

    def _take_timing(self, found: list[TimingEvidence]) -> None:
        for one in found:
            # somebody who talks fast and much in anger does not come closer by it
            kindly = EFFECTS.get(one.code, 0.0) <= 0.0 or not self._parts.upset
            shift = self._relationship.observe(one.code, 1.0, 1.0 if kindly else 0.0)
            self._mind.observe(one.code, c.TIMING_CONFIDENCE)
            self._ledger.add(min(one.at_ms, LAST_MS), "timing", one.code, shift / c.WEIGHT_SCALE)

    def _cue_objections(self, opened: list[ObjectionType]) -> None:
        for kind in opened:
            code = f"objection.{kind}"
            if self._cues.due(code, self._now):
                confidence = next(t.confidence for t in self._objections.open() if t.type == kind)
                advice = self._adviser.for_cue(self._parts.situation(self._now), objection=kind)
                self._cues.give("objection", code, confidence, advice, self._now)

    def _warn_of_stop(self, findings: Findings) -> None:
        sure = [s.confidence for s in findings.signals if s.code in REFUSING]
        sure += [need.confidence for need in findings.needs if need.tag == "no_calls"]
        advice = self._adviser.for_cue(self._parts.situation(self._now))
        self._cues.give("pacing", "pacing.stop_asking", max(sure, default=0.0), advice, self._now)

    def _warn_of_pace(self, moves: dict[Signal, float], *, stopped: bool) -> None:
        warnings = []
        promise = moves.get("agent_promise_return", 0.0)
        if promise >= c.PACING_CONFIDENCE:
            warnings.append(("pacing.promise_return", promise))
        going_on = max((sure for code, sure in moves.items() if code in SELLING), default=0.0)
        if stopped and going_on >= c.PACING_CONFIDENCE:
            warnings.append(("pacing.stop_asking", going_on))
        hard = moves.get("agent_hard_sell", 0.0)
        if hard >= c.PACING_CONFIDENCE and self._relationship.score < c.HARD_SELL_SCORE:
            warnings.append(("pacing.hard_sell", hard))
        for code, sure in warnings:
            if self._cues.due(code, self._now, "agent"):
                advice = self._adviser.for_cue(self._parts.situation(self._now))
                self._cues.give("pacing", code, sure, advice, self._now, cause="agent")
