"""What goes on in the customer's mind."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from appliance.protocol.vocabulary import Stance

#: Weight of the prior, and evidence weight at which confidence is 0.5.
MIND_PRIOR: Final = 0.6
MIND_HALF: Final = 2.5
#: Older evidence gives way beyond this weight.
MIND_WEIGHT: Final = 4.5
MIND_HALF_LIFE_MS: Final = 240_000.0
MIND_START: Final[Mapping[str, float]] = {
    "satisfaction": 0.5,
    "trust": 0.35,
    "intent": 0.25,
    "perceived_risk": 0.5,
    "product_knowledge": 0.4,
    "involvement": 0.4,
}
#: Evidence code to what it says of each part of mind (0..1), with weight = confidence times `MIND_DECIDING`.
MIND_TARGETS: Final[Mapping[str, Mapping[str, float]]] = {
    "objection.polite_refusal": {"intent": 0.15, "involvement": 0.25},
    "objection.hostile_resistance": {"satisfaction": 0.08, "trust": 0.10, "intent": 0.05},
    "objection.doubt": {"trust": 0.15, "perceived_risk": 0.80},
    "objection.not_now": {"intent": 0.20, "involvement": 0.35},
    "objection.hesitation": {"intent": 0.45, "perceived_risk": 0.60},
    "objection.product_objection": {"intent": 0.35, "involvement": 0.60},
    "signal.thanks": {"satisfaction": 0.80, "trust": 0.60},
    "signal.assent": {"satisfaction": 0.65, "intent": 0.55},
    "signal.interest": {"intent": 0.75, "involvement": 0.80},
    "signal.question": {"involvement": 0.75},
    "signal.question_return": {"intent": 0.65, "involvement": 0.80},
    "signal.question_risk": {"perceived_risk": 0.70, "involvement": 0.80},
    "signal.question_fee": {"intent": 0.65, "involvement": 0.80},
    "signal.disclosure": {"trust": 0.75, "involvement": 0.80},
    "signal.initiative": {"involvement": 0.90, "intent": 0.65},
    "signal.follow_up_agreed": {"trust": 0.80, "intent": 0.85, "satisfaction": 0.70},
    "signal.small_talk": {"trust": 0.60, "involvement": 0.60},
    "signal.praise": {"satisfaction": 0.90, "trust": 0.75},
    "signal.refusal": {"intent": 0.10, "involvement": 0.20},
    "signal.final_refusal": {"intent": 0.02, "involvement": 0.10, "satisfaction": 0.20},
    "signal.abuse": {"satisfaction": 0.02, "trust": 0.05, "intent": 0.02},
    "signal.distrust": {"trust": 0.08, "perceived_risk": 0.80},
    "signal.worry": {"perceived_risk": 0.85},
    "signal.complaint": {"satisfaction": 0.10, "trust": 0.30},
    "signal.purchase_intent": {"intent": 0.95, "trust": 0.75},
    "signal.knows_product": {"product_knowledge": 0.90},
    "signal.asks_meaning": {"product_knowledge": 0.12, "involvement": 0.70},
    "signal.analytical": {"product_knowledge": 0.65, "involvement": 0.75},
    "signal.back_channel": {"involvement": 0.35},
    "need.novice": {"product_knowledge": 0.08},
    "need.expert": {"product_knowledge": 0.95},
    "need.margin_trading": {"product_knowledge": 0.75},
    "need.options_trading": {"product_knowledge": 0.80},
    "need.risk_averse": {"perceived_risk": 0.80},
    "need.principal_safety": {"perceived_risk": 0.70},
    "need.risk_seeking": {"perceived_risk": 0.20},
    "need.complaint": {"satisfaction": 0.10},
    "need.no_calls": {"satisfaction": 0.15, "intent": 0.03},
    "voice.angry": {"satisfaction": 0.10},
    "voice.happy": {"satisfaction": 0.85},
    "voice.sad": {"satisfaction": 0.35},
    "timing.talks_freely": {"involvement": 0.85},
    "timing.says_little": {"involvement": 0.15},
    "timing.slow_reply": {"involvement": 0.40},
}
#: What decides weighs more than its confidence.
MIND_DECIDING: Final[Mapping[str, float]] = {
    "signal.purchase_intent": 2.5,
    "signal.final_refusal": 2.5,
    "signal.abuse": 2.0,
    "signal.follow_up_agreed": 1.5,
    "need.no_calls": 2.5,
}
#: Timing tells of the mind with this confidence.
TIMING_CONFIDENCE: Final = 0.5
#: A product asked for or turned down speaks of intent.
PRODUCT_INTENT: Final[Mapping[Stance, float]] = {"wants": 0.80, "asks": 0.60, "rejects": 0.20}
