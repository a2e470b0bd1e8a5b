"""Advice: the strategies that suit this moment, ranked, stable, and each with the evidence it rests on.

Compliance comes first and is a filter, not a weight: after a final refusal only polite closing is
advised; nothing that presses is advised for the elderly, the angry, beginners, the ill, the bereaved, those
who have said no or complain, or where the product does not suit.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from appliance.profile import constants as c
from appliance.profile.catalogue import PROTECTIONS, Catalogue, Standing, Strategy
from appliance.profile.grid import halved
from appliance.profile.needs import KnownNeed
from appliance.profile.objections import TrackedObjection
from appliance.protocol.messages import Advice
from appliance.protocol.vocabulary import Emotion, Match, NeedTag, Signal, Stage, Style, Suitability


@dataclass(frozen=True, slots=True)
class Heard:
    """A signal that was heard and still matters."""

    #: 0..1, confidence faded by age
    strength: float
    evidence: str


@dataclass(frozen=True, slots=True)
class Situation:
    """All that the choice of advice looks at."""

    at_ms: int
    stage: Stage
    styles: Mapping[Style, float]
    style_confidence: float
    emotion: Emotion
    emotion_confidence: float
    objections: tuple[TrackedObjection, ...]
    signals: Mapping[Signal, Heard]
    needs: Mapping[NeedTag, KnownNeed]
    match: Match
    suitability: Suitability
    #: standing to the evidence that it rests on
    standing: Mapping[Standing, tuple[str, ...]]
    #: something that was said forbids to press this customer (see `CallParts`)
    spared: bool = False
    #: nothing is led on for now (see `CallParts`)
    held: bool = False
    #: evidence to name for what rests on style, emotion, or on the whole of demand
    style_evidence: tuple[str, ...] = ()
    emotion_evidence: tuple[str, ...] = ()
    demand_evidence: tuple[str, ...] = ()


@dataclass(slots=True)
class _Candidate:
    strategy: Strategy
    score: float
    #: evidence id to how strongly it calls for the strategy
    reasons: dict[str, float] = field(default_factory=dict)

    @property
    def evidence(self) -> list[str]:
        """Ids of what it rests on, the strongest first."""
        ordered = sorted(self.reasons, key=lambda identifier: -self.reasons[identifier])
        return ordered[: c.ADVICE_EVIDENCE]

    def rest_on(self, strength: float, *identifiers: str) -> None:
        for identifier in identifiers:
            if identifier:
                self.reasons[identifier] = max(strength, self.reasons.get(identifier, 0.0))


class Adviser:
    """Chooses advice for one call, and remembers what is on the seat's screen."""

    def __init__(self, catalogue: Catalogue) -> None:
        self._catalogue = catalogue
        #: strategy id to when it was first shown, in order of rank
        self._shown: dict[str, int] = {}

    def choose(self, situation: Situation) -> list[Advice]:
        """The best strategies now, at most `ADVICE_SHOWN`; remembers them as shown."""
        chosen: list[_Candidate] = []
        levers: dict[str, int] = {}
        for candidate in self._ranked(situation, incumbents=self._shown):
            if not candidate.reasons:
                # only a growing utterance has this objection: the cue names it, advice waits for evidence
                continue
            lever = candidate.strategy.lever
            duty = candidate.strategy.kind in ("comply", "close")
            if not duty and levers.get(lever, 0) >= c.ADVICE_SAME_LEVER:
                continue
            levers[lever] = levers.get(lever, 0) + 1
            chosen.append(candidate)
            if len(chosen) == c.ADVICE_SHOWN:
                break
        self._shown = {x.strategy.id: self._shown.get(x.strategy.id, situation.at_ms) for x in chosen}
        return [Advice(id=x.strategy.id, evidence=x.evidence) for x in chosen]

    def for_cue(self, situation: Situation, *, objection: str = "", limit: int = 2) -> list[str]:
        """Strategy ids for a cue: with `objection` those that answer it first. Remembers nothing."""
        ranked = self._ranked(situation, incumbents={})
        answering = [x for x in ranked if not objection or objection in x.strategy.objections]
        duties = [x for x in ranked if x.strategy.kind in ("comply", "close")]
        best = duties + answering if not objection or "stopped" in situation.standing else answering
        return list(dict.fromkeys(candidate.strategy.id for candidate in best))[:limit]

    def _ranked(self, situation: Situation, incumbents: Mapping[str, int]) -> list[_Candidate]:
        candidates = []
        for strategy in self._catalogue.strategies:
            if not _allowed(strategy, situation):
                continue
            candidate = _weigh(strategy, situation)
            if candidate is None or candidate.score < c.ADVICE_LEAST:
                continue
            if strategy.id in incumbents:
                place = len(incumbents) - list(incumbents).index(strategy.id)
                fresh = halved(situation.at_ms - incumbents[strategy.id], c.ADVICE_DWELL_MS)
                candidate.score += c.ADVICE_INCUMBENT + c.ADVICE_DWELLING * fresh
                candidate.score += c.ADVICE_INCUMBENT_PLACE * place
            candidates.append(candidate)
        # duties before everything; then score; the id decides ties, so that the order is stable
        candidates.sort(key=lambda x: (x.strategy.kind != "comply", -x.score, x.strategy.id))
        return candidates


def _allowed(strategy: Strategy, situation: Situation) -> bool:
    standing = situation.standing
    if "stopped" in standing:
        # a promise of return is put right even on the way out
        return strategy.kind == "close" or (
            strategy.kind == "comply" and "promised_return" in strategy.standing
        )
    if strategy.kind == "close" and "stopped" in strategy.standing:
        return False
    if strategy.stages and situation.stage not in strategy.stages:
        return False
    angry = situation.emotion == "angry" and situation.emotion_confidence >= c.EMOTION_CONFIDENCE
    hostile = any(tracked.type == "hostile_resistance" for tracked in situation.objections)
    unsuitable = situation.suitability == "unsuitable"
    if strategy.pressure and (
        situation.spared
        or standing.keys() & set(PROTECTIONS)
        or angry
        or hostile
        or situation.suitability == "caution"
    ):
        return False
    leads_on = strategy.pressure or strategy.kind == "advance"
    return not leads_on or not (unsuitable or angry or hostile or situation.held)


def _weigh(strategy: Strategy, situation: Situation) -> _Candidate | None:
    """Score and evidence, or None where nothing calls for the strategy."""
    candidate = _Candidate(strategy, strategy.base)
    called = False
    pulls: list[float] = []
    latest = max((tracked.at for tracked in situation.objections), default=0)
    for tracked in situation.objections:
        if tracked.type in strategy.objections:
            older = c.ADVICE_OLDER_OBJECTION if tracked.at < latest else 1.0
            answered = c.ADVICE_ANSWERED_OBJECTION if tracked.answered else 1.0
            pulls.append(c.ADVICE_OBJECTION * tracked.confidence * older * answered)
            candidate.rest_on(pulls[-1], tracked.evidence)
    for code in strategy.signals:
        heard = situation.signals.get(code)
        if heard is not None:
            pulls.append(c.ADVICE_SIGNAL * heard.strength)
            candidate.rest_on(pulls[-1], heard.evidence)
    for tag in strategy.needs:
        need = situation.needs.get(tag)
        if need is not None and _calls(need):
            fresh = halved(situation.at_ms - need.at, c.ADVICE_NEED_HALF_LIFE_MS)
            pulls.append(c.ADVICE_NEED * need.confidence * fresh)
            candidate.rest_on(pulls[-1], need.evidence)
    for standing in strategy.standing:
        if standing in situation.standing:
            pulls.append(c.ADVICE_STANDING)
            candidate.rest_on(pulls[-1], *situation.standing[standing])
    if situation.emotion in strategy.emotions and situation.emotion_confidence >= c.EMOTION_CONFIDENCE:
        pulls.append(c.ADVICE_EMOTION * situation.emotion_confidence)
        candidate.rest_on(pulls[-1], *situation.emotion_evidence[:2])
    if situation.match in strategy.match or situation.suitability in strategy.suitability:
        pulls.append(c.ADVICE_STANDING)
        candidate.rest_on(pulls[-1], *situation.demand_evidence[:2])
    if pulls:
        called = True
        pulls.sort(reverse=True)
        candidate.score += pulls[0] + c.ADVICE_FURTHER * sum(pulls[1:])
    style = _style_pull(strategy, situation)
    candidate.score += style
    if strategy.styles and style > 0.0:
        candidate.rest_on(style / 2, *situation.style_evidence[:2])
        only_style = not (
            strategy.objections
            or strategy.signals
            or strategy.needs
            or strategy.emotions
            or strategy.standing
            or strategy.match
            or strategy.suitability
        )
        if only_style:
            called = True
            candidate.score += c.ADVICE_LEAST * min(1.0, style / c.ADVICE_STYLE * 2.0)
    return candidate if called else None


def _calls(need: KnownNeed) -> bool:
    """Whether a need asks for anything: not one that is rejected, and no plan that has come true."""
    return need.stance != "rejects" and not (need.stance == "has" and need.tag in c.FULFILLED)


def _style_pull(strategy: Strategy, situation: Situation) -> float:
    """Above 0 where the customer's likely style suits, below where it does not, 0 while none is claimed."""
    if situation.style_confidence < c.STYLE_CLAIMED:
        return 0.0
    fair = 1.0 / len(situation.styles)
    suited = sum(max(0.0, situation.styles[style] - fair) for style in strategy.styles)
    unsuited = sum(max(0.0, situation.styles[style] - fair) for style in strategy.avoid_styles)
    return c.ADVICE_STYLE * (suited - unsuited) / (1.0 - fair)
