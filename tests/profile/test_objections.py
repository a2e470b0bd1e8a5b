from __future__ import annotations

import pytest

from appliance.language.findings import ObjectionFinding
from appliance.profile import constants as c
from appliance.profile.objections import WITHDRAWS, ObjectionTable
from appliance.protocol.vocabulary import OBJECTION_TYPES
from tests.profile.dialogue import found


def partial(*sure: tuple[str, float]) -> list[ObjectionFinding]:
    return [ObjectionFinding(kind, confidence) for kind, confidence in sure]  # type: ignore[arg-type]


def said(table: ObjectionTable, number: int, at_ms: int, *words: str) -> list[str]:
    return list(table.said(number, found(*words), at_ms, {}))


def shown(table: ObjectionTable) -> dict[str, bool]:
    return {objection.type: objection.open for objection in table.reading()}


def test_a_very_sure_partial_opens_at_once_and_a_fairly_sure_one_on_the_second() -> None:
    table = ObjectionTable()
    assert table.growing(0, partial(("doubt", 0.95)), 1000) == ["doubt"]
    assert table.growing(0, partial(("doubt", 0.95), ("not_now", 0.75)), 1200) == []
    assert table.growing(0, partial(("not_now", 0.75)), 1400) == ["not_now"]


def test_two_fairly_sure_partials_of_different_utterances_open_nothing() -> None:
    table = ObjectionTable()
    assert table.growing(0, partial(("doubt", 0.75)), 1000) == []
    assert table.growing(1, partial(("doubt", 0.75)), 9000) == []
    assert shown(table) == {}


def test_an_opened_objection_does_not_flicker_while_its_utterance_grows() -> None:
    table = ObjectionTable()
    table.growing(0, partial(("doubt", 0.95)), 1000)
    for at_ms, confidence in ((1200, 0.1), (1400, 0.8), (1600, 0.0)):
        table.growing(0, partial(("doubt", confidence)), at_ms)
        assert shown(table) == {"doubt": True}


def test_the_whole_utterance_confirms_or_takes_back_what_a_partial_opened() -> None:
    table = ObjectionTable()
    table.growing(0, partial(("doubt", 0.95)), 1000)
    assert said(table, 0, 2000, "doubt~0.6") == []
    assert shown(table) == {"doubt": True}
    table.growing(1, partial(("hesitation", 0.95)), 3000)
    said(table, 1, 4000, "question")
    assert shown(table) == {"doubt": True}


def test_taking_back_restores_what_was_known_before() -> None:
    table = ObjectionTable()
    said(table, 0, 1000, "not_now")
    said(table, 1, 2000, "interest")
    assert shown(table) == {"not_now": False}
    table.growing(2, partial(("not_now", 0.95)), 3000)
    assert shown(table) == {"not_now": True}
    said(table, 2, 4000, "question")
    assert shown(table) == {"not_now": False}


def test_a_growing_utterance_that_never_becomes_whole_is_forgotten() -> None:
    table = ObjectionTable()
    table.growing(0, partial(("doubt", 0.95)), 1000)
    table.advance(1000 + c.PARTIAL_TIMEOUT_MS)
    assert shown(table) == {"doubt": True}
    table.advance(1001 + c.PARTIAL_TIMEOUT_MS)
    assert shown(table) == {}


def test_a_late_partial_of_a_whole_utterance_is_ignored() -> None:
    table = ObjectionTable()
    said(table, 3, 1000, "question")
    assert table.growing(3, partial(("doubt", 0.99)), 1100) == []
    assert shown(table) == {}


@pytest.mark.parametrize("answer", ["agent_empathy", "agent_proof", "agent_risk_disclosure"])
def test_an_objection_closes_when_the_agent_answered_and_the_customer_moved_on(answer: str) -> None:
    table = ObjectionTable()
    said(table, 0, 1000, "doubt")
    said(table, 1, 2000, "question")
    assert shown(table) == {"doubt": True}, "moving on alone does not close a doubt"
    table.answered([(answer, 0.8)])  # type: ignore[list-item]
    assert shown(table) == {"doubt": True}, "an answer alone does not close it"
    said(table, 2, 3000, "back_channel")
    assert shown(table) == {"doubt": True}, "a back-channel is no moving on"
    said(table, 3, 4000, "question")
    assert shown(table) == {"doubt": False}


@pytest.mark.parametrize("kind", ["polite_refusal", "not_now"])
def test_whoever_put_it_off_and_then_takes_part_twice_has_withdrawn_it(kind: str) -> None:
    table = ObjectionTable()
    said(table, 0, 1000, kind)
    said(table, 1, 2000, "disclosure", "idle_money:has")
    assert shown(table) == {kind: True}
    said(table, 2, 3000, kind, "question")
    said(table, 3, 4000, "question")
    assert shown(table) == {kind: True}, "raised again, so it counts anew"
    said(table, 4, 5000, "question")
    assert shown(table) == {kind: False}


def test_taking_part_does_not_withdraw_a_doubt() -> None:
    table = ObjectionTable()
    for number, words in enumerate((["doubt"], ["question"], ["question"], ["disclosure"])):
        said(table, number, number * 1000, *words)
    assert shown(table) == {"doubt": True}


def test_raising_it_again_after_an_answer_keeps_it_open_and_asks_for_a_new_answer() -> None:
    table = ObjectionTable()
    said(table, 0, 1000, "doubt")
    table.answered([("agent_proof", 0.9)])
    said(table, 1, 2000, "doubt", "question")
    said(table, 2, 3000, "question")
    assert shown(table) == {"doubt": True}


def test_a_pitch_is_no_answer() -> None:
    table = ObjectionTable()
    said(table, 0, 1000, "hesitation")
    table.answered([("agent_pitch", 0.9), ("agent_hard_sell", 0.9)])
    said(table, 1, 2000, "question")
    assert shown(table) == {"hesitation": True}


@pytest.mark.parametrize("kind", OBJECTION_TYPES)
def test_every_type_can_be_withdrawn_by_the_customer(kind: str) -> None:
    table = ObjectionTable()
    said(table, 0, 1000, kind)
    said(table, 1, 2000, "purchase_intent")
    assert shown(table) == {kind: False}
    assert WITHDRAWS[kind]  # type: ignore[index]


def test_a_closed_objection_that_comes_back_is_newly_on_the_table() -> None:
    table = ObjectionTable()
    assert said(table, 0, 1000, "not_now") == ["not_now"]
    assert said(table, 1, 2000, "not_now") == []
    said(table, 2, 3000, "interest")
    assert said(table, 3, 4000, "not_now") == ["not_now"]


def test_open_objections_are_listed_first_and_never_more_than_the_schema_allows() -> None:
    table = ObjectionTable()
    for number, kind in enumerate(OBJECTION_TYPES):
        said(table, number, number * 1000, kind)
    said(table, 9, 9000, "interest")
    reading = table.reading()
    assert len(reading) <= c.OBJECTIONS_KEPT
    assert [objection.open for objection in reading] == sorted((o.open for o in reading), reverse=True)


def test_an_unsure_objection_of_a_whole_utterance_is_not_shown() -> None:
    table = ObjectionTable()
    said(table, 0, 1000, "doubt~0.4")
    assert shown(table) == {}
