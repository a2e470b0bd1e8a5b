from __future__ import annotations

from typing import get_args

import pytest
from hypothesis import given
from hypothesis import strategies as st

from appliance.language.findings import NeedFinding
from appliance.profile import constants as c
from appliance.profile.demand import (
    customer_class,
    life_stage_odds,
    life_stage_of,
    match_of,
    read_demand,
    stated_means,
    stratum_odds,
    stratum_of,
    suitability_of,
)
from appliance.profile.gaps import ANSWERS, next_questions
from appliance.profile.needs import NeedList
from appliance.protocol.vocabulary import NEED_TAGS, Gap, NeedTag, Stance
from tests.profile.dialogue import Call
from tests.profile.test_needs import needs


def test_unknown_is_the_default_everywhere() -> None:
    demand = read_demand(needs(), 0, "cold", knows_product=False, stopped=False)
    assert (demand.life_stage, demand.stratum, demand.match, demand.suitability) == ("unknown",) * 4
    assert len(demand.gaps) == c.GAPS_SHOWN


@pytest.mark.parametrize(
    ("words", "stage"),
    [
        (("retirement:has",), "retired"),
        (("retirement:has", "child:has"), "retired"),
        (("child:has",), "unknown"),
        (("child:has", "education:wants", "buy_house:wants"), "young_family"),
        (("child:has", "education:has", "elderly_parent:has"), "established_family"),
        (("spouse:rejects",), "single"),
        (("buy_house:wants",), "unknown"),
        (("stocks:has",), "unknown"),
    ],
)
def test_life_stage_is_named_only_where_cues_are_strong(words: tuple[str, ...], stage: str) -> None:
    assert life_stage_of(needs(*words)) == stage


@pytest.mark.parametrize(
    ("words", "stratum"),
    [
        (("idle_money:has=8000000",), "high_net_worth"),
        (("idle_money:has=3000000", "holdings_elsewhere:has=4000000"), "high_net_worth"),
        (("idle_money:has=800000",), "affluent"),
        (("idle_money:has=50000",), "mass"),
        (("idle_money:has",), "unknown"),
        (("idle_money:rejects",), "unknown"),
        (("private_fund:has~0.9",), "high_net_worth"),
    ],
)
def test_stratum_follows_stated_means(words: tuple[str, ...], stratum: str) -> None:
    assert stratum_of(needs(*words)) == stratum


def test_maturing_holdings_are_not_counted_twice() -> None:
    assert stated_means(needs("holdings_elsewhere:has=500000", "holdings_maturing:has=200000")) == 500_000


def test_the_customers_class_is_unknown_until_something_was_said_of_risk() -> None:
    assert customer_class(needs("child:has", "liquidity:wants"), "unknown") is None
    assert customer_class(needs("risk_averse:has", "principal_safety:wants"), "unknown") == 1
    assert customer_class(needs("risk_seeking:has", "expert:has"), "unknown") == 5


@pytest.mark.parametrize(
    ("words", "suitability"),
    [
        (("risk_averse:has", "deposit:wants"), "suitable"),
        (("risk_averse:has", "fixed_income_plus:wants"), "caution"),
        (("risk_averse:has", "stocks:wants"), "unsuitable"),
        (("risk_seeking:has", "stocks:wants"), "suitable"),
        (("novice:has", "options_trading:wants"), "unsuitable"),
        (("stocks:wants",), "unknown"),
        (("risk_averse:has",), "unknown"),
    ],
)
def test_suitability_sets_the_riskiest_wanted_product_against_the_class(
    words: tuple[str, ...], suitability: str
) -> None:
    assert suitability_of(needs(*words), "unknown") == suitability


def test_a_rejected_product_does_not_count_for_suitability() -> None:
    assert (
        suitability_of(needs("risk_averse:has", "deposit:wants", "stocks:wants", "stocks:rejects"), "unknown")
        == "suitable"
    )


def test_retirement_lowers_the_class() -> None:
    known = needs("principal_safety:wants~0.9")
    assert (customer_class(known, "retired") or 9) < (customer_class(known, "unknown") or 0)


@pytest.mark.parametrize(
    ("words", "match"),
    [
        (("idle_money:has=300000", "margin_trading:wants"), "over"),
        (("idle_money:has=800000", "margin_trading:wants"), "fit"),
        (("risk_averse:has", "stocks:wants"), "over"),
        (("idle_money:has=2000000", "deposit:wants"), "low"),
        (("idle_money:has=2000000", "deposit:wants", "risk_averse:has"), "fit"),
        (("idle_money:has=100000", "fixed_income:wants"), "fit"),
        (("deposit:wants",), "unknown"),
        (("idle_money:has=100000",), "unknown"),
    ],
)
def test_match_weighs_what_is_wanted_against_means_and_class(words: tuple[str, ...], match: str) -> None:
    assert match_of(needs(*words), "unknown") == match


def test_a_question_is_not_asked_again_once_it_is_answered() -> None:
    for gap, tags in ANSWERS.items():
        for tag in tags:
            for stage in ("cold", "trusting"):
                assert gap not in next_questions(
                    needs(f"{tag}:rejects"), "unknown", stage, knows_product=False
                )  # type: ignore[arg-type]


def test_the_customers_own_question_does_not_answer_ours() -> None:
    assert "risk_appetite" in next_questions(
        needs("high_return:asks"), "unknown", "warming", knows_product=False
    )


def test_private_questions_wait_until_the_customer_has_warmed_up() -> None:
    known = needs("retirement:wants", "risk_averse:has", "long_term:wants", "liquidity:wants")
    cold = next_questions(known, "unknown", "cold", knows_product=False)
    warming = next_questions(known, "unknown", "warming", knows_product=False)
    assert not set(cold) & c.PRIVATE_GAPS
    assert "idle_money" in warming


def test_after_a_final_refusal_nothing_is_asked() -> None:
    assert read_demand(needs(), 0, "cold", knows_product=False, stopped=True).gaps == []


def test_every_gap_of_the_vocabulary_has_a_rank() -> None:
    assert set(c.GAP_RANK) == set(get_args(Gap))


def test_life_stage_and_stratum_are_probabilities_with_unknown_as_the_honest_start() -> None:
    demand = Call().parts().demand
    assert (demand.life_stage, demand.life_stage_probability) == ("unknown", 1.0)
    assert (demand.stratum, demand.stratum_probability) == ("unknown", 1.0)
    hint = Call().customer("child:has~0.5").parts().demand
    told = Call().customer("retirement:has", "idle_money:has=8000000").parts().demand
    assert hint.life_stage_probability < 1.0
    assert told.life_stage == "retired"
    assert told.life_stage_probability >= c.NAMED_PROBABILITY
    assert told.stratum == "high_net_worth"


@given(
    st.lists(
        st.tuples(
            st.sampled_from(NEED_TAGS),
            st.sampled_from(["wants", "has", "rejects", "asks"]),
            st.floats(0.0, 1.0),
        ),
        max_size=20,
    )
)
def test_their_probabilities_sum_to_one(said: list[tuple[NeedTag, Stance, float]]) -> None:
    needs = NeedList()
    for at, (tag, stance, sure) in enumerate(said):
        needs.observe(NeedFinding(tag, stance, sure), at, f"e{at}")
    for odds in (life_stage_odds(needs), stratum_odds(needs)):
        assert sum(odds.values()) == pytest.approx(1.0)
        assert all(0.0 <= value <= 1.0 for value in odds.values())
