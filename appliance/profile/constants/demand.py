"""Needs, life stage, means, classes of risk, and what to ask next."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from appliance.protocol.vocabulary import Gap, LifeStage, NeedTag, Stance

NEEDS_SHOWN: Final = 12
GAPS_SHOWN: Final = 4
NEED_CONFIDENCE: Final = 0.4
#: A stance said again takes away this share (times its confidence) of the doubt that is left.
NEED_AGAIN_CERTAINTY: Final = 0.5
#: A changed stance wins when it is at least this share as sure as the older one.
CHANGE_OF_MIND_SHARE: Final = 0.6
#: A need's rank in the list halves in this time.
NEED_HALF_LIFE_MS: Final = 180_000.0
#: Tags that cannot both hold; the later one removes the earlier.
OPPOSITES: Final[tuple[tuple[NeedTag, NeedTag], ...]] = (
    ("risk_averse", "risk_seeking"),
    ("novice", "expert"),
    ("long_term", "short_term"),
    ("no_calls", "call_back"),
    ("no_calls", "call_evening"),
    ("no_calls", "call_weekend"),
)
#: R1..R5, the five product classes under the CSRC's suitability measures (Order 130 of 2016); which product
#: falls into which class is set here by its kind, and the site's own classes go before.
PRODUCT_RISK: Final[Mapping[NeedTag, int]] = {
    "deposit": 1,
    "money_market": 1,
    "bonds": 2,
    "fixed_income": 2,
    "bond_fund": 2,
    "insurance": 2,
    "fixed_income_plus": 3,
    "structured_product": 3,
    "gold": 3,
    "equity_fund": 4,
    "stocks": 4,
    "chinext": 4,
    "star_market": 4,
    "hong_kong_stocks": 4,
    "private_fund": 5,
    "margin_trading": 5,
    "options_trading": 5,
}
#: Yuan that the market's rules ask for before the permission is given (private funds: CSRC measures of 2014,
#: article 12; margin trading, options, STAR, Hong Kong connect: 500,000 on average over 20 trading days;
#: ChiNext: 100,000).
PRODUCT_ENTRY: Final[Mapping[NeedTag, int]] = {
    "private_fund": 1_000_000,
    "margin_trading": 500_000,
    "options_trading": 500_000,
    "star_market": 500_000,
    "hong_kong_stocks": 500_000,
    "chinext": 100_000,
}
#: The customer's class C1..C5 begins here and is moved by what the customer says of risk.
RISK_CLASS_START: Final = 3.0
RISK_CLASS_SHIFT: Final[Mapping[NeedTag, float]] = {
    "risk_averse": -1.5,
    "principal_safety": -1.2,
    "risk_seeking": 1.5,
    "high_return": 0.6,
    "expert": 0.6,
    "novice": -0.6,
    "liquidity": -0.2,
    "long_term": 0.2,
}
#: Tags of which at least one must be known before a customer's class is named at all.
RISK_CLASS_TELLING: Final[tuple[NeedTag, ...]] = (
    "risk_averse",
    "risk_seeking",
    "principal_safety",
    "high_return",
    "novice",
    "expert",
)
RETIRED_RISK_SHIFT: Final = -0.5
#: Financial assets in yuan from which banks of the mainland commonly speak of wealth and of private banking.
AFFLUENT_YUAN: Final = 500_000
HIGH_NET_WORTH_YUAN: Final = 6_000_000
#: Scores of strata by stated means. A small sum outweighs "unknown" only just: there may be more elsewhere.
HIGH_NET_WORTH_SCORE: Final = 3.0
AFFLUENT_SCORE: Final = 2.5
MASS_SCORE: Final = 1.8
#: Whoever holds private funds has shown means of at least a million to somebody.
PRIVATE_FUND_SCORE: Final = 2.2
#: "Unknown" has this score among life stages and strata; a cue must outweigh it.
UNKNOWN_SCORE: Final = 1.0
#: A life stage or stratum is named from this probability.
NAMED_PROBABILITY: Final = 0.5
LIFE_STAGE_CUES: Final[Mapping[tuple[NeedTag, Stance], Mapping[LifeStage, float]]] = {
    ("retirement", "has"): {"retired": 3.0},
    ("retirement", "wants"): {"established_family": 0.8, "empty_nest": 0.8},
    ("child", "has"): {"young_family": 1.2, "established_family": 1.2, "single": -2.0},
    ("child", "rejects"): {"single": 1.0, "empty_nest": 0.3},
    ("education", "wants"): {"young_family": 1.2, "established_family": 0.9, "single": -1.0},
    ("education", "has"): {"established_family": 1.5, "young_family": 0.6},
    ("spouse", "has"): {"young_family": 0.5, "established_family": 0.5, "single": -3.0},
    ("spouse", "rejects"): {"single": 2.5},
    ("elderly_parent", "has"): {"established_family": 0.8, "retired": -1.0},
    ("buy_house", "wants"): {"single": 0.6, "young_family": 0.9},
    ("medical", "wants"): {"retired": 0.4, "empty_nest": 0.3},
}
#: Rank of each question of the checklist, in the manner of Mackay's 66: what opens more doors is asked first.
GAP_RANK: Final[Mapping[Gap, float]] = {
    "goal": 1.0,
    "risk_appetite": 0.95,
    "horizon": 0.85,
    "liquidity_need": 0.80,
    "experience": 0.75,
    "idle_money": 0.72,
    "holdings_elsewhere": 0.68,
    "holdings_maturing": 0.66,
    "product_preference": 0.60,
    "past_experience": 0.55,
    "contact_time": 0.52,
    "family": 0.50,
    "contact_channel": 0.45,
    "decision_maker": 0.40,
    "life_stage": 0.35,
    "occupation": 0.30,
}
#: Questions about money and family are for a customer who has warmed up; until then they lose rank.
PRIVATE_GAPS: Final[frozenset[Gap]] = frozenset(
    [
        "idle_money",
        "holdings_elsewhere",
        "holdings_maturing",
        "family",
        "life_stage",
        "occupation",
        "decision_maker",
    ]
)
PRIVATE_GAP_PENALTY: Final = 0.6
