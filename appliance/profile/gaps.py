"""Gaps: the next best questions, out of a checklist of customer knowledge in the manner of Mackay's 66.

A question counts as answered once anything the customer said bears on it, whichever the stance ("no
spare money" answers the question for idle money), and is then not asked again.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from appliance.profile import constants as c
from appliance.profile.needs import NeedList
from appliance.protocol.vocabulary import Gap, LifeStage, NeedTag, Stage

#: Tags that answer a question in any stance but a question of the customer's own.
ANSWERS: Final[Mapping[Gap, tuple[NeedTag, ...]]] = {
    "idle_money": ("idle_money",),
    "holdings_elsewhere": ("holdings_elsewhere",),
    "holdings_maturing": ("holdings_maturing",),
    "risk_appetite": ("risk_averse", "risk_seeking", "principal_safety", "high_return"),
    "experience": ("novice", "expert"),
    "liquidity_need": ("liquidity",),
    "horizon": ("long_term", "short_term"),
    "goal": ("retirement", "education", "buy_house", "buy_car", "medical"),
    "family": ("child", "spouse", "elderly_parent"),
    "contact_time": ("call_back", "call_evening", "call_weekend", "no_calls"),
    "contact_channel": ("contact_message", "visit_branch", "no_calls"),
    "decision_maker": ("spouse",),
}


def next_questions(needs: NeedList, life_stage: LifeStage, stage: Stage, *, knows_product: bool) -> list[Gap]:
    """What to find out next, the most useful first, at most `GAPS_SHOWN`."""
    open_gaps = [
        gap for gap in c.GAP_RANK if not _answered(gap, needs, life_stage, knows_product=knows_product)
    ]
    open_gaps.sort(key=lambda gap: -_rank(gap, stage))
    return open_gaps[: c.GAPS_SHOWN]


def _rank(gap: Gap, stage: Stage) -> float:
    penalty = c.PRIVATE_GAP_PENALTY if stage == "cold" and gap in c.PRIVATE_GAPS else 0.0
    return c.GAP_RANK[gap] - penalty


def _answered(gap: Gap, needs: NeedList, life_stage: LifeStage, *, knows_product: bool) -> bool:
    stated = {need.tag: need.stance for need in needs if need.stance != "asks"}
    if any(tag in stated for tag in ANSWERS.get(gap, ())):
        return True
    products = {stance for tag, stance in stated.items() if tag in c.PRODUCT_RISK}
    if gap == "product_preference":
        return bool(products & {"wants", "rejects"})
    if gap == "past_experience":
        return "has" in products or "complaint" in stated
    if gap == "experience":
        return knows_product
    if gap in ("life_stage", "occupation"):
        # a pensioner's occupation is known
        return life_stage == "retired" or (gap == "life_stage" and life_stage != "unknown")
    return False
