"""The bits of a message: a code that can be told apart, cheap for what profiles do and dear for the rest."""

from __future__ import annotations

import itertools
import math

import msgspec
import pytest
from hypothesis import given, settings
from msgspec.structs import replace

from appliance.profile.catalogue import Catalogue
from appliance.protocol import information
from appliance.protocol.budget import CALL_BITS_PER_SECOND, CALL_BURST_BITS, CallBudget, call_bits, has_quotes
from appliance.protocol.codec import GRID, TIME_GRID_MS
from appliance.protocol.information import TICK_SECONDS, History
from appliance.protocol.messages import Evidence, ProfileMessage
from appliance.protocol.vocabulary import STRATEGIES
from tests.protocol.arbitrary import DOOR_MESSAGES
from tests.protocol.samples import call, cue, profile

NOW = 1000.0


def kraft(costs):
    return sum(2.0**-cost for cost in costs)


def told(*messages, now=NOW):
    history = History()
    for message in messages:
        history.note(message, now)
    return history


def later(message, seconds):
    return replace(message, at=message.at + round(seconds * 1000), wall=message.wall + round(seconds * 1000))


def test_whole_numbers_of_any_size_and_sign_have_different_words():
    assert kraft(information._integer(step) for step in range(-200_000, 200_001)) == pytest.approx(
        1.0, abs=1e-4
    )


def test_every_change_of_a_number_has_a_word_of_its_own():
    before = profile()
    history = told(before)
    costs = [
        history.bits(replace(before, relationship=replace(before.relationship, score=score)), NOW)
        for score in range(101)
    ]
    # The header's share is the same for all of them.
    header = history.bits(before, NOW) - 7 * information._SAME
    assert kraft(cost - header for cost in costs) <= 1.0


def test_every_list_of_codes_has_a_word_of_its_own():
    codes = ("goal", "family", "horizon")
    before = replace(profile(), demand=replace(profile().demand, gaps=["goal", "family"]))
    history, bodies = told(before), []
    for count in range(5):
        for gaps in itertools.product(codes, repeat=count):
            changed = replace(before, demand=replace(before.demand, gaps=list(gaps)))
            bodies.append(history.bits(changed, NOW))
    assert len(bodies) == 121
    header = history.bits(before, NOW) - 7 * information._SAME
    assert kraft(cost - header for cost in bodies) <= 1.0


def test_every_moment_has_a_word_of_its_own():
    history = told(call())
    costs = [
        history.bits(later(call(), 2 * ticks * TICK_SECONDS), NOW + 2 * ticks * TICK_SECONDS)
        for ticks in range(2000)
    ]
    header = costs[0] - information._count(0)
    assert kraft(cost - header for cost in costs) <= 1.0
    assert costs[0] < costs[1] < costs[20]
    # Times that do not go with the clock cost more.
    assert history.bits(call(), NOW + 10) > history.bits(later(call(), 10), NOW + 10)


def test_what_stays_the_same_is_cheap_and_what_is_made_up_is_not():
    before = profile()
    assert told(before).bits(later(before, 1), NOW + 1) < 24
    assert History().bits(before, NOW) > 300


def test_a_small_step_is_cheaper_than_a_large_one():
    before, history = profile(), told(profile())
    costs = [
        history.bits(replace(before, relationship=replace(before.relationship, trend=trend)), NOW)
        for trend in (before.relationship.trend, before.relationship.trend + 1 / GRID, -0.9)
    ]
    assert costs == sorted(costs)
    assert costs[2] - costs[1] > 5


def test_a_new_call_costs_its_random_id():
    known = told(call())
    assert known.bits(call(call_id="B" * 22), NOW) - known.bits(call(), NOW) > 132


def test_calls_that_are_forgotten_count_as_new_again(monkeypatch):
    monkeypatch.setattr(information, "MAX_HISTORY_CALLS", 2)
    history = told(*(call(call_id=letter * 22) for letter in "ABC"))
    assert history.bits(call(call_id="A" * 22), NOW) > 132
    assert history.bits(call(call_id="C" * 22), NOW) < 60


def test_another_seat_of_the_same_call_costs_its_name():
    assert told(call()).bits(call(seat="x" * 32), NOW) - told(call()).bits(call(), NOW) > 32 * 6


def test_a_quote_costs_its_characters_once():
    words, before = "这个产品能不能保证本金", profile(quote=None)
    quoted = replace(before, evidence=[replace(before.evidence[0], quote=words)])
    cost = told(before).bits(quoted, NOW) - told(before).bits(before, NOW)
    assert cost > 15 * len(words)
    twice = replace(
        quoted, evidence=[*quoted.evidence, Evidence("e9", 0, "words", "signal.praise", 0.1, words)]
    )
    assert told(quoted).bits(twice, NOW) < 100
    assert has_quotes(quoted)
    assert not has_quotes(before)
    assert not has_quotes(cue())


def test_an_unknown_strategy_costs_its_letters():
    shipped, own = sorted(STRATEGIES)[0], "a" * 40
    assert told(call()).bits(replace(cue(), advice=[shipped]), NOW) < 80
    assert told(call()).bits(replace(cue(), advice=[own]), NOW) > 240


def test_the_strategies_are_those_of_the_catalogue():
    assert {strategy.id for strategy in Catalogue.load().strategies} == STRATEGIES


@given(DOOR_MESSAGES)
@settings(max_examples=60, deadline=None)
def test_no_message_is_free_and_none_has_no_price(message):
    history = History()
    first = history.bits(message, NOW)
    history.note(message, NOW)
    again = history.bits(message, NOW)
    assert 0 < again < first < math.inf


def test_a_budget_lets_a_burst_pass_and_then_the_rate():
    budget, spent, passed = CallBudget(), 0.0, 0
    history = History()
    for step in range(2400):
        now = NOW + step * TICK_SECONDS
        message = made_up(step)
        bits = history.bits(message, now)
        if budget.pour(message, len(msgspec.msgpack.encode(message)), now):
            history.note(message, now)
            spent += bits
            passed += 1
    assert passed > 20
    assert spent <= CALL_BURST_BITS + 120 * CALL_BITS_PER_SECOND


def made_up(step: int) -> ProfileMessage:
    """A profile in which many numbers jump."""
    before, level = profile(), step * 37 % 101
    return replace(
        before, at=step * TIME_GRID_MS,
        relationship=replace(before.relationship, score=level, low=100 - level, high=level * 7 % 101),
    )  # fmt: skip


def test_a_budget_says_how_long_a_message_has_to_wait():
    budget, message = CallBudget(), made_up(0)
    while budget.pour(replace(message, call="BC"[budget.room(NOW)[1] > 0] * 22), 10, NOW):
        message = replace(message, at=message.at + 10_000_000)
    wait = budget.wait(message, 10, NOW)
    assert 0 < wait < math.inf
    assert budget.wait(message, 10, NOW + wait) == pytest.approx(0.0, abs=0.2)
    assert budget.wait(message, 10**6, NOW) == math.inf


def test_quotes_have_more_room():
    assert call_bits(quotes=True)[0] > call_bits(quotes=False)[0]
