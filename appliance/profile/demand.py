"""Demand: life stage and stratum from cues, match and suitability by the market's classes, what to ask."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import TypeVar, get_args

from appliance.profile import constants as c
from appliance.profile.gaps import next_questions
from appliance.profile.grid import clamp, fraction
from appliance.profile.needs import NeedList
from appliance.protocol.messages import Demand
from appliance.protocol.vocabulary import LifeStage, Match, NeedTag, Stage, Stratum, Suitability

Named = TypeVar("Named", LifeStage, Stratum)


def read_demand(needs: NeedList, at_ms: int, stage: Stage, *, knows_product: bool, stopped: bool) -> Demand:
    """The part of the profile.

    Args:
        needs: all needs of the call.
        at_ms: milliseconds since the call began.
        stage: private questions wait until the customer has warmed up.
        knows_product: the customer has shown experience in words.
        stopped: after a final refusal nothing is asked any more.
    """
    stages, strata = life_stage_odds(needs), stratum_odds(needs)
    life_stage, stratum = _named(stages), _named(strata)
    return Demand(
        needs=needs.reading(at_ms),
        life_stage=life_stage,
        stratum=stratum,
        match=match_of(needs, life_stage),
        suitability=suitability_of(needs, life_stage),
        life_stage_probability=fraction(stages[life_stage]),
        stratum_probability=fraction(strata[stratum]),
        gaps=[] if stopped else next_questions(needs, life_stage, stage, knows_product=knows_product),
    )


def life_stage_of(needs: NeedList) -> LifeStage:
    """The life stage that cues make likely, or "unknown"."""
    return _named(life_stage_odds(needs))


def life_stage_odds(needs: NeedList) -> dict[LifeStage, float]:
    """The probability of each life stage, "unknown" among them; they sum to 1."""
    scores: dict[LifeStage, float] = dict.fromkeys(get_args(LifeStage), 0.0)
    for need in needs:
        for stage, score in c.LIFE_STAGE_CUES.get((need.tag, need.stance), {}).items():
            scores[stage] += score * need.confidence
    return _odds(scores)


def stratum_of(needs: NeedList) -> Stratum:
    """The stratum that stated means make likely, or "unknown"; small sums alone prove little."""
    return _named(stratum_odds(needs))


def stratum_odds(needs: NeedList) -> dict[Stratum, float]:
    """The probability of each stratum, "unknown" among them; they sum to 1."""
    scores: dict[Stratum, float] = dict.fromkeys(get_args(Stratum), 0.0)
    means = stated_means(needs)
    if means >= c.HIGH_NET_WORTH_YUAN:
        scores["high_net_worth"] = c.HIGH_NET_WORTH_SCORE
    elif means >= c.AFFLUENT_YUAN:
        scores["affluent"] = c.AFFLUENT_SCORE
    elif means > 0:
        scores["mass"] = c.MASS_SCORE
    if needs.stance("private_fund") == "has":
        scores["high_net_worth"] += c.PRIVATE_FUND_SCORE
    return _odds(scores)


def stated_means(needs: NeedList) -> int:
    """Yuan that the customer has spoken of; maturing holdings are part of those elsewhere."""
    amounts = {need.tag: need.amount or 0 for need in needs if need.stance in ("has", "wants")}
    return amounts.get("idle_money", 0) + max(
        amounts.get("holdings_elsewhere", 0), amounts.get("holdings_maturing", 0)
    )


def customer_class(needs: NeedList, life_stage: LifeStage) -> int | None:
    """The customer's risk class C1..C5 as words suggest it, or None where nothing was said of risk.

    It prepares the bank's own questionnaire (CSRC Order 130) and does not replace it.
    """
    stated = [need for need in needs if need.stance in ("wants", "has")]
    if not any(need.tag in c.RISK_CLASS_TELLING for need in stated):
        return None
    estimate = c.RISK_CLASS_START
    estimate += sum(c.RISK_CLASS_SHIFT.get(need.tag, 0.0) * need.confidence for need in stated)
    if life_stage == "retired":
        estimate += c.RETIRED_RISK_SHIFT
    return round(clamp(estimate, 1.0, 5.0))


def wanted_products(needs: NeedList) -> list[NeedTag]:
    """Products that the customer wants, or else those asked about."""
    for stance in ("wants", "asks"):
        found = [need.tag for need in needs if need.stance == stance and need.tag in c.PRODUCT_RISK]
        if found:
            return found
    return []


def suitability_of(needs: NeedList, life_stage: LifeStage) -> Suitability:
    """The riskiest wanted product against the customer's class."""
    products = wanted_products(needs)
    known = customer_class(needs, life_stage)
    if not products or known is None:
        return "unknown"
    above = max(c.PRODUCT_RISK[tag] for tag in products) - known
    return "suitable" if above <= 0 else "caution" if above == 1 else "unsuitable"


def match_of(needs: NeedList, life_stage: LifeStage) -> Match:
    """Whether what is wanted is too little, right or too much against means and risk class."""
    products = wanted_products(needs)
    if not products:
        return "unknown"
    means = stated_means(needs)
    if means and any(c.PRODUCT_ENTRY.get(tag, 0) > means for tag in products):
        return "over"
    riskiest = max(c.PRODUCT_RISK[tag] for tag in products)
    known = customer_class(needs, life_stage)
    if known is not None and riskiest >= known + 2:
        return "over"
    if means >= c.AFFLUENT_YUAN and riskiest == 1 and (known is None or known >= 3):
        return "low"
    if known is not None and riskiest <= known - 3:
        return "low"
    return "fit" if means or known is not None else "unknown"


def _odds(scores: Mapping[Named, float]) -> dict[Named, float]:
    """Softmax of the scores over what any cue speaks for, and "unknown" at its own; the rest has 0."""
    weights = {
        name: math.exp(c.UNKNOWN_SCORE if name == "unknown" else clamp(score, -10.0, 10.0))
        for name, score in scores.items()
        if score or name == "unknown"
    }
    total = sum(weights.values())
    return {name: weights.get(name, 0.0) / total for name in scores}


def _named(odds: Mapping[Named, float]) -> Named:
    """The likeliest name, or "unknown" where none reaches `NAMED_PROBABILITY`."""
    best = max((name for name in odds if name != "unknown"), key=lambda name: odds[name])
    if odds[best] >= c.NAMED_PROBABILITY:
        return best
    return next(name for name in odds if name == "unknown")
