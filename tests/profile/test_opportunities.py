"""What a customer raised and nobody followed up."""

from __future__ import annotations

import pytest

from tests.profile.dialogue import Call


def missed(call: Call) -> set[str]:
    return {f"{one.code}:{one.tag}" if one.tag else one.code for one in call.profile.missed()}


def test_a_wanted_product_that_nobody_takes_up_is_missed() -> None:
    call = Call().agent("agent_greeting").customer("gold:wants", "idle_money:has=200000")
    call.agent("agent_farewell")
    assert missed(call) == {"wanted_product:gold", "means_told:idle_money"}


@pytest.mark.parametrize("word", ["follow_up_agreed", "call_evening:wants", "contact_message:wants"])
def test_an_agreed_next_step_settles_what_was_raised(word: str) -> None:
    call = Call().customer("gold:wants", "holdings_maturing:has", "purchase_intent").agent("agent_question")
    assert missed(call) == {"wanted_product:gold", "maturing_holdings:holdings_maturing", "purchase_intent"}
    assert missed(call.customer(word)) == set()


def test_the_agents_naming_of_the_next_step_settles_too() -> None:
    assert missed(Call().customer("bonds:wants").agent("agent_close")) == set()


def test_a_product_that_is_rejected_later_is_no_opportunity() -> None:
    call = Call().customer("stocks:wants", "gold:wants").customer("stocks:rejects")
    assert missed(call) == {"wanted_product:gold"}


def test_after_a_final_no_only_a_complaint_is_left() -> None:
    call = Call().customer("gold:wants", "complaint").customer("final_refusal", "no_calls:wants")
    assert missed(call) == {"complaint"}


def test_a_complaint_is_met_by_empathy_and_by_nothing_else() -> None:
    call = Call().customer("complaint:has").agent("agent_close").customer("follow_up_agreed")
    assert missed(call) == {"complaint"}
    assert missed(call.agent("agent_empathy")) == set()


def test_few_are_told_the_surest_first() -> None:
    call = Call().customer("gold:wants~0.5", "bonds:wants~0.9", "deposit:wants~0.7", "stocks:wants~0.6")
    call.customer("insurance:wants~0.8")
    assert [one.tag for one in call.profile.missed()] == ["bonds", "insurance", "deposit", "stocks"]


def test_what_was_hardly_heard_is_nothing() -> None:
    assert missed(Call().customer("gold:wants~0.2", "purchase_intent~0.2", "complaint~0.2")) == set()
