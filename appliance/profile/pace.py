"""Pace: how fast to go. Stage sets it; objections, emotion, refusal and suitability hold it back."""

from __future__ import annotations

from appliance.profile import constants as c
from appliance.profile.mind import MindState
from appliance.protocol.vocabulary import Pace, Stage, Suitability


def pace_of(
    stage: Stage,
    mind: MindState,
    *,
    stopped: bool,
    upset: bool,
    objecting: bool,
    suitability: Suitability,
) -> Pace:
    """How fast to go.

    Args:
        stage: of the relationship.
        mind: for the intent to buy.
        stopped: the customer has clearly refused; nothing is sold any more.
        upset: angry, or a hostile objection is open.
        objecting: some objection is open.
        suitability: what does not suit is not advanced, however willing the customer is.
    """
    if stopped or upset:
        return "hold"
    if stage == "cold":
        return "hold" if objecting else "build"
    if objecting or suitability == "unsuitable":
        return "build"
    if stage == "warming":
        return "advance" if mind.at_least("intent", c.ADVANCE_INTENT) else "build"
    if stage == "ready" or mind.at_least("intent", c.CLOSE_INTENT):
        return "close"
    return "advance"
