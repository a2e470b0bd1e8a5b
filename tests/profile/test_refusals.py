from __future__ import annotations

import pytest

from appliance.profile.refusals import RefusalCount
from tests.profile.dialogue import Call, found


def after(*utterances: tuple[str, ...]) -> RefusalCount:
    count = RefusalCount()
    for number, words in enumerate(utterances):
        count.said(found(*words), {f"signal.{word}": f"e{number}" for word in words})
    return count


def test_one_refusal_does_not_stop_and_two_do() -> None:
    assert not after(("refusal",)).stopped
    count = after(("refusal",), ("question",), ("refusal",))
    assert count.stopped
    assert count.evidence == ("e2", "e0")


@pytest.mark.parametrize("final", [("final_refusal",), ("no_calls:wants",)])
def test_a_final_refusal_stops_at_once(final: tuple[str, ...]) -> None:
    assert after(final).stopped


def test_unsure_refusals_do_not_count() -> None:
    assert not after(("refusal~0.5",), ("refusal~0.5",), ("final_refusal~0.5",)).stopped


@pytest.mark.parametrize("beside", ["not_now", "hesitation", "bonds:wants", "interest"])
def test_words_of_refusal_that_postpone_or_want_something_else_are_no_clear_refusal(beside: str) -> None:
    assert not after(("refusal", beside), ("refusal", beside)).stopped


@pytest.mark.parametrize("beside", ["not_now", "bonds:wants"])
def test_a_final_refusal_is_never_softened(beside: str) -> None:
    assert after(("final_refusal", beside)).stopped


def test_the_customers_own_interest_reopens_after_two_refusals() -> None:
    assert not after(("refusal",), ("refusal",), ("interest",)).stopped


def test_mere_interest_does_not_reopen_after_a_final_refusal_but_initiative_does() -> None:
    assert after(("final_refusal",), ("interest",)).stopped
    assert not after(("final_refusal",), ("initiative",)).stopped


def test_what_is_said_in_anger_does_not_reopen() -> None:
    assert after(("final_refusal",), ("initiative", "hostile_resistance")).stopped
    assert after(("final_refusal",), ("initiative", "abuse")).stopped


def test_after_reopening_it_takes_two_refusals_again() -> None:
    assert not after(("refusal",), ("refusal",), ("interest",), ("refusal",)).stopped
    assert after(("refusal",), ("refusal",), ("interest",), ("refusal",), ("refusal",)).stopped


def test_turning_down_one_product_after_another_narrows_the_talk_and_does_not_end_it() -> None:
    call = Call().customer("refusal", "stocks:rejects").customer("refusal", "insurance:rejects")
    assert not {"close_politely", "honour_the_no"} & set(call.advice())
    call.customer("refusal", "insurance:rejects")
    assert call.advice()[0] == "close_politely"


def test_the_same_product_turned_down_twice_ends_the_selling() -> None:
    call = Call().customer("refusal", "insurance:rejects").customer("refusal", "insurance:rejects")
    assert call.advice()[0] == "close_politely"
