"""Whole small calls, written turn by turn, and what the profile must say along the way."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from tests.profile.dialogue import CATALOGUE, Call, kinds

STAGES = ["cold", "warming", "trusting", "ready"]


def levers_of_pressure(identifiers: list[str]) -> set[str]:
    return {
        strategy.id for strategy in CATALOGUE.strategies if strategy.pressure and strategy.id in identifiers
    }


def test_a_call_that_starts_with_refusals_and_ends_with_a_follow_up_moves_through_the_stages() -> None:
    call = Call()
    call.agent("agent_greeting").customer("polite_refusal")
    call.agent("agent_empathy", "agent_question").customer("not_now", "refusal")
    assert call.stages[-1] == "cold"
    assert call.scores[-1] < 30
    assert "close" not in kinds(call.advice()), "one postponed refusal is no reason to give up"
    call.agent("agent_empathy", "agent_pitch").customer("deposit:has", "holdings_maturing:has", "disclosure")
    call.agent("agent_question").customer("doubt", "question_risk")
    assert call.advice()[0] in {"let_them_verify", "name_the_weak_point", "past_figures_with_caveat"}
    call.agent("agent_risk_disclosure", "agent_proof").customer(
        "principal_safety:wants", "child:has", "idle_money:has=300000", "question_return", "interest"
    )
    assert call.objections() == {"doubt": False, "not_now": False, "polite_refusal": False}
    call.agent("agent_pitch").customer("fixed_income:wants", "interest", "question_fee")
    call.agent("agent_close").customer("call_evening:wants", "follow_up_agreed", "thanks")
    order = list(dict.fromkeys(call.stages))
    assert order[:3] == ["cold", "warming", "trusting"]
    assert max(STAGES.index(stage) for stage in order) >= 2
    final = call.parts(final=True)
    assert final.relationship.score >= 58
    assert final.relationship.pace in ("advance", "close")
    assert final.demand.suitability == "suitable"
    assert final.demand.match == "fit"
    assert final.advice[0].id == "book_the_next_step"
    carried = {item.id for item in final.evidence}
    assert all(advice.evidence and set(advice.evidence) <= carried for advice in final.advice)


def test_two_clear_refusals_end_the_selling() -> None:
    call = Call()
    call.agent("agent_greeting").customer("polite_refusal", "refusal")
    assert "close" not in kinds(call.advice())
    call.agent("agent_pitch").customer("refusal")
    parts = call.parts()
    assert parts.advice[0].id == "close_politely"
    assert kinds(advice.id for advice in parts.advice) == {"close"}
    assert parts.relationship.pace == "hold"
    assert parts.demand.gaps == []
    told = [cue for cue in call.cues() if cue.kind == "pacing"]
    assert [(cue.code, cue.advice[0]) for cue in told] == [("pacing.stop_asking", "close_politely")]
    call.agent("agent_question", "agent_pitch")
    assert [cue.code for cue in call.cues()] == ["pacing.stop_asking"], "told again, as the agent went on"
    call.agent("agent_pitch")
    assert call.cues() == [], "but not with every word"
    call.silence(15.0).agent("agent_question")
    assert [cue.code for cue in call.cues()] == ["pacing.stop_asking"]


def test_a_final_refusal_ends_the_selling_at_once_and_a_farewell_raises_no_cue() -> None:
    call = Call()
    call.agent("agent_pitch").customer("final_refusal", "no_calls:wants")
    assert kinds(call.advice()) == {"close"}
    assert set(call.advice()) == {"close_politely", "honour_the_no"}
    call.cues()
    call.agent("agent_empathy", "agent_farewell")
    assert call.cues() == []


def test_a_customer_who_refused_twice_and_then_asks_by_themselves_is_spoken_to_again() -> None:
    call = Call()
    call.customer("refusal").agent("agent_empathy").customer("refusal")
    assert call.parts().relationship.pace == "hold"
    call.agent("agent_farewell").customer("interest", "question_return", "structured_product:asks")
    assert "close" not in kinds(call.advice())
    assert call.parts().demand.gaps


def test_a_hostile_customer_gets_no_pitch_and_relationship_falls_to_the_floor() -> None:
    call = Call()
    call.agent("agent_greeting").customer("hostile_resistance", "question")
    call.feels("angry", alert=True)
    assert {cue.code for cue in call.cues()} == {"objection.hostile_resistance", "voice.angry"}
    parts = call.parts()
    assert parts.relationship.score < 22
    assert parts.relationship.pace == "hold"
    assert parts.advice[0].id == "apologise_and_slow_down"
    assert "advance" not in kinds(advice.id for advice in parts.advice)
    call.agent("agent_hard_sell").customer("abuse", "hostile_resistance")
    assert call.scores == sorted(call.scores, reverse=True)
    assert call.parts().relationship.stage == "cold"


def test_a_hostile_question_is_no_interest() -> None:
    call = Call()
    before = call.parts().relationship.score
    call.customer("hostile_resistance~0.7", "question", "interest", "disclosure", "child:has", seconds=7.0)
    assert call.parts().relationship.score < before


def test_an_apology_and_a_calmer_word_bring_a_hostile_customer_back_to_talk() -> None:
    call = Call()
    call.customer("hostile_resistance").agent("agent_empathy").customer("question", "thanks")
    assert call.objections() == {"hostile_resistance": False}
    assert call.parts().relationship.pace == "build"


def test_an_elderly_novice_is_never_pressed_and_is_told_to_take_the_time() -> None:
    call = Call()
    call.agent("agent_question").customer("retirement:has", "novice:has", "disclosure")
    call.agent("agent_empathy").customer("principal_safety:wants", "worry", "asks_meaning")
    call.agent("agent_risk_disclosure").customer("interest", "question_return", "deposit:wants")
    call.customer("purchase_intent", "idle_money:has=400000")
    parts = call.parts()
    assert parts.demand.life_stage == "retired"
    assert parts.demand.suitability == "suitable"
    chosen = [advice.id for advice in parts.advice]
    assert chosen[0] == "no_hurry_for_the_elderly"
    assert not levers_of_pressure(chosen)


@pytest.mark.parametrize(
    "shown",
    [
        lambda call: call.customer("old_age", "disclosure"),
        lambda call: call.agent("agent_to_elder").customer("disclosure"),
    ],
)
def test_whoever_is_old_is_never_pressed_retired_or_not(shown: Callable[[Call], Call]) -> None:
    call = Call()
    shown(call)
    call.agent("agent_question").customer("interest", "purchase_intent", "idle_money:has=400000")
    call.agent("agent_risk_disclosure").customer("deposit:wants", "purchase_intent", "follow_up_agreed")
    chosen = [advice.id for advice in call.parts().advice]
    assert chosen[0] == "no_hurry_for_the_elderly"
    assert not levers_of_pressure(chosen)


@pytest.mark.parametrize(
    "shown",
    [
        lambda call: call.customer("bereaved", "disclosure"),
        lambda call: call.agent("agent_condolence").customer("thanks"),
    ],
)
def test_whoever_mourns_is_sold_nothing_for_the_whole_call(shown: Callable[[Call], Call]) -> None:
    call = Call()
    shown(call)
    call.agent("agent_question").customer("child:has", "idle_money:has=400000", "disclosure", seconds=90.0)
    call.agent("agent_empathy").customer("interest", "education:wants", "deposit:wants", seconds=90.0)
    chosen = [advice.id for advice in call.parts().advice]
    assert chosen[0] == "no_selling_in_grief"
    assert "advance" not in kinds(chosen)
    assert not levers_of_pressure(chosen)


def test_an_elderly_novice_who_asks_for_options_is_protected() -> None:
    call = Call()
    call.customer("retirement:has", "novice:has", "principal_safety:wants")
    call.customer("options_trading:wants", "purchase_intent")
    parts = call.parts()
    assert parts.demand.suitability == "unsuitable"
    assert parts.demand.match == "over"
    assert parts.relationship.pace not in ("advance", "close")
    chosen = [advice.id for advice in parts.advice]
    assert {"risk_questionnaire_first", "no_hurry_for_the_elderly"} <= set(chosen)
    assert "advance" not in kinds(chosen)


def test_an_expert_who_wants_margin_trading_hears_the_rules_at_eye_level() -> None:
    call = Call()
    call.agent("agent_greeting").customer("expert:has", "stocks:has", "knows_product", "disclosure")
    call.agent("agent_question").customer(
        "margin_trading:wants", "risk_seeking:has", "question_fee", "decisive"
    )
    parts = call.parts()
    assert parts.demand.suitability == "suitable"
    assert parts.influence.mind.product_knowledge.value > 0.7
    chosen = [advice.id for advice in parts.advice]
    assert "state_permission_rules" in chosen
    assert "talk_as_to_an_expert" in chosen
    assert "plain_words" not in chosen
    assert "experience" not in parts.demand.gaps


def test_an_expert_below_the_threshold_of_margin_trading_is_over_matched() -> None:
    call = Call()
    call.customer("expert:has", "risk_seeking:has", "margin_trading:wants", "idle_money:has=200000")
    assert call.parts().demand.match == "over"
    assert "choose_a_smaller_step" in call.advice()


def test_a_change_of_mind_about_a_product() -> None:
    call = Call()
    call.customer("stocks:wants", "risk_seeking:has")
    assert call.parts().demand.suitability == "suitable"
    call.agent("agent_risk_disclosure").customer(
        "stocks:rejects", "fixed_income_plus:wants", "risk_averse:has", "worry"
    )
    needs = call.needs()
    assert needs["stocks"] == "rejects"
    assert needs["fixed_income_plus"] == "wants"
    assert "risk_seeking" not in needs
    assert call.parts().demand.suitability == "caution"
    assert "start_from_safety" in call.advice()


def test_a_change_of_mind_about_being_called() -> None:
    call = Call()
    call.customer("no_calls:wants", "refusal")
    assert kinds(call.advice()) == {"close"}
    call.agent("agent_empathy", "agent_farewell").customer("call_evening:wants", "follow_up_agreed")
    assert "no_calls" not in call.needs()
    assert "close" not in kinds(call.advice())
    assert call.objections() == {}


def test_a_change_of_mind_from_not_now_to_buying() -> None:
    call = Call()
    call.customer("not_now").agent("agent_empathy", "agent_question").customer(
        "idle_money:has=600000", "disclosure"
    )
    call.agent("agent_proof", "agent_risk_disclosure").customer(
        "interest", "question_return", "bond_fund:wants"
    )
    call.agent("agent_question").customer("purchase_intent", "long_term:wants", "risk_averse:rejects")
    assert call.objections() == {"not_now": False}
    parts = call.parts()
    assert parts.influence.mind.intent.value > 0.6
    assert parts.relationship.stage in ("trusting", "ready")
    assert parts.relationship.pace == "close"


def test_from_interest_back_to_hesitation_slows_the_pace_down() -> None:
    call = Call()
    call.customer("interest", "disclosure", "bond_fund:wants").agent("agent_proof")
    call.customer("assent", "question_return", "purchase_intent")
    assert call.parts().relationship.pace in ("advance", "close")
    call.customer("hesitation", "spouse:has")
    assert call.parts().relationship.pace == "build"
    assert "talk_with_family" in call.advice()


def test_a_hard_sell_at_a_low_relationship_raises_a_pacing_cue_and_costs_trust() -> None:
    call = Call()
    call.agent("agent_greeting").customer("back_channel")
    before = call.parts().relationship.score
    call.agent("agent_hard_sell")
    assert [cue.code for cue in call.cues()] == ["pacing.hard_sell"]
    assert call.parts().relationship.score < before
    assert call.advice()[0] == "stop_pushing_and_listen"


def test_a_promise_of_return_is_to_be_taken_back_until_risk_is_disclosed() -> None:
    call = Call()
    call.customer("doubt").agent("agent_promise_return")
    cue = call.cues()[-1]
    assert (cue.kind, cue.code) == ("pacing", "pacing.promise_return")
    assert cue.advice[0] == "take_back_the_promise"
    assert call.advice()[0] == "take_back_the_promise"
    call.agent("agent_risk_disclosure")
    assert "take_back_the_promise" not in call.advice()


def test_a_promise_and_a_disclosure_in_one_breath_is_still_a_promise() -> None:
    call = Call()
    call.agent("agent_promise_return", "agent_risk_disclosure")
    assert call.advice()[0] == "take_back_the_promise"


def test_silence_widens_the_interval_and_leaves_score_and_stage() -> None:
    call = Call()
    call.customer("interest", "disclosure").agent("agent_empathy").customer("assent", "question")
    before = call.parts().relationship
    call.silence(180.0)
    after = call.parts().relationship
    assert (after.score, after.stage) == (before.score, before.stage)
    assert after.high - after.low > before.high - before.low


def test_a_complaint_comes_before_any_product() -> None:
    call = Call()
    call.agent("agent_pitch").customer("complaint", "complaint:has")
    assert call.advice()[0] == "put_service_right"
    assert call.parts().influence.mind.satisfaction.value < 0.4


def test_a_growing_objection_is_cued_before_the_sentence_is_over_and_only_once() -> None:
    call = Call()
    call.agent("agent_pitch")
    call.growing("doubt~0.75").growing("doubt~0.8")
    cue = call.cues()[0]
    assert (cue.kind, cue.code) == ("objection", "objection.doubt")
    assert len(cue.advice) == 2
    assert call.objections() == {"doubt": True}
    call.customer("doubt~0.8")
    assert call.cues() == []
    assert call.advice()[0] in {"let_them_verify", "name_the_weak_point", "past_figures_with_caveat"}


def test_the_same_objection_is_cued_again_only_after_a_minute() -> None:
    call = Call()
    call.customer("not_now").customer("interest").customer("not_now")
    assert [cue.code for cue in call.cues()] == ["objection.not_now"]
    call.customer("interest").silence(60.0).customer("not_now")
    assert [cue.code for cue in call.cues()] == ["objection.not_now"]


def test_a_lively_talker_and_a_dry_calculator_are_read_as_different_styles() -> None:
    lively, dry = Call(), Call()
    for _ in range(8):
        lively.customer(
            "expressive", "small_talk", seconds=5.0, syllables=30,
            measured={"tempo": 6.2, "pitch_range": 10.0, "loudness_spread": 11.0},
        ).agent("agent_question")  # fmt: skip
        dry.customer(
            "analytical", "question_fee", seconds=5.0, syllables=16,
            measured={"tempo": 4.3, "pitch_range": 3.5, "loudness_spread": 4.0},
        ).agent("agent_question")  # fmt: skip
    assert lively.parts().influence.style.peacock > 0.5
    assert dry.parts().influence.style.owl > 0.5
    assert "share_the_picture" in lively.advice()
    assert "figures_and_sources" in dry.advice() or "say_fees_plainly" in dry.advice()


@pytest.mark.parametrize(
    "words", [(), ("back_channel~0.2",), ("interest~0.1", "doubt~0.2", "gold:wants~0.1")]
)
def test_utterances_that_say_nothing_invent_nothing(words: tuple[str, ...]) -> None:
    call = Call()
    for _ in range(3):
        call.customer(*words, seconds=0.5, syllables=1)
        call.silence(8.0)
    parts = call.parts(final=True)
    assert parts.demand.needs == []
    assert parts.influence.objections == []
    assert parts.advice == []
    assert parts.relationship.stage == "cold"
    assert parts.demand.life_stage == "unknown"
