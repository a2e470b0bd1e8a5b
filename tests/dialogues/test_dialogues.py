"""The written calls as a suite: what must hold of each call, and what is held to a floor.

`python -m tools.dialogues` prints the score by part that the floors are set against.
"""

from __future__ import annotations

import pytest

from appliance.language.reader import LanguageReader
from appliance.models import ModelStore
from appliance.profile.catalogue import Catalogue
from tools.dialogues.playing import Objections, play
from tools.dialogues.scoring import Score, score
from tools.dialogues.script import ScriptError, WrittenCall, load

CALLS = load()
TUNED = [call for call in CALLS if not call.held_out]
HELD_OUT = [call for call in CALLS if call.held_out]
CATALOGUE = Catalogue.load()
#: Calls in which something is known to be missed, by part; a call that begins to hold must leave this list.
KNOWN = {"stance": set[str](), "end": {"no-children-insurance", "maturing-insurance"}, "stage": set[str]()}


@pytest.fixture(scope="module")
def reader() -> LanguageReader:
    return LanguageReader.load(ModelStore())


@pytest.fixture(scope="module")
def written(reader: LanguageReader) -> dict[str, Score]:
    """Scores with the objections that the calls say, so that the rest is judged apart from the model."""
    return {call.id: score(call, reader, CATALOGUE, "written") for call in CALLS}


@pytest.fixture(scope="module")
def heard(reader: LanguageReader) -> dict[str, Score]:
    """Scores with objections as the model of the store hears them."""
    return {call.id: score(call, reader, CATALOGUE, "model") for call in CALLS}


def together(scores: dict[str, Score], calls: list[WrittenCall]) -> Score:
    total = Score()
    for call in calls:
        total.add(scores[call.id])
    return total


def test_there_are_enough_calls_and_enough_of_them_change_their_mind() -> None:
    assert len(CALLS) == 176
    assert len(HELD_OUT) == 54
    assert sum(call.changes_mind for call in CALLS) >= 40
    assert len({call.voice for call in CALLS}) == len(CALLS), "every call has a voice of its own"


@pytest.mark.parametrize("call", TUNED, ids=lambda call: call.id)
def test_no_call_is_given_forbidden_advice(call: WrittenCall, written: dict[str, Score]) -> None:
    assert written[call.id].of("forbidden") == []


@pytest.mark.parametrize("part", ["stance", "end"])
@pytest.mark.parametrize("call", TUNED, ids=lambda call: call.id)
def test_stances_are_right_and_stand_at_the_end(
    call: WrittenCall, part: str, written: dict[str, Score]
) -> None:
    failed = written[call.id].of(part)
    if call.id in KNOWN[part]:
        assert failed, f"{call.id} holds by now: take it out of the list"
    else:
        assert failed == []


@pytest.mark.parametrize("call", [call for call in TUNED if call.changes_mind], ids=lambda call: call.id)
def test_a_change_of_mind_is_followed_to_the_end(call: WrittenCall, written: dict[str, Score]) -> None:
    failed = written[call.id].of("end")
    assert (failed == []) == (call.id not in KNOWN["end"])


@pytest.mark.parametrize("part", ["stage", "pace", "advised", "cues", "amount"])
def test_what_the_calls_expect_of_the_profile_holds(part: str, written: dict[str, Score]) -> None:
    known = KNOWN.get(part, set())
    assert {failed.partition(",")[0] for failed in together(written, TUNED).of(part)} == known


@pytest.mark.parametrize(
    ("calls", "precision", "recall", "stance", "end"),
    [(TUNED, 0.96, 0.97, 0.98, 0.98), (HELD_OUT, 0.82, 0.78, 0.94, 0.85)],
    ids=["tuned", "held out"],
)
def test_needs_reach_their_floor(
    calls: list[WrittenCall],
    precision: float,
    recall: float,
    stance: float,
    end: float,
    written: dict[str, Score],
) -> None:
    total = together(written, calls)
    assert total.needs.precision >= precision
    assert total.needs.recall >= recall
    assert total.checks["stance"].share >= stance
    assert total.checks["end"].share >= end


def test_what_was_told_is_hardly_ever_asked_again(written: dict[str, Score]) -> None:
    assert together(written, TUNED).checks["gaps"].share >= 0.99
    assert together(written, HELD_OUT).checks["gaps"].share >= 0.95


def test_objections_of_the_model_reach_their_floor(heard: dict[str, Score]) -> None:
    total = together(heard, CALLS)
    assert total.objection_f1 >= 0.60
    assert total.unobjecting.share >= 0.96


def test_forbidden_advice_stays_rare_with_the_objections_that_the_model_hears(
    heard: dict[str, Score], written: dict[str, Score]
) -> None:
    assert together(heard, TUNED).checks["forbidden"].share >= 0.97
    assert together(heard, HELD_OUT).checks["forbidden"].share >= 0.94
    assert together(written, HELD_OUT).checks["forbidden"].share >= 0.97


@pytest.mark.parametrize("objections", ["written", "model"])
def test_compliance_holds_in_every_call_however_objections_are_heard(
    reader: LanguageReader, objections: Objections
) -> None:
    """Nothing that presses for the elderly; nothing but closing after the selling was stopped."""
    by_id = {strategy.id: strategy for strategy in CATALOGUE.strategies}
    for call in CALLS:
        for played in play(call, reader, CATALOGUE, objections):
            demand = played.parts.demand
            advised = [by_id[advice.id] for advice in played.parts.advice]
            is_old = demand.life_stage == "retired" or any(
                s.id == "no_hurry_for_the_elderly" for s in advised
            )
            if is_old:
                assert not [s.id for s in advised if s.pressure], (call.id, played.turn.words)
            if any(s.id == "close_politely" for s in advised):
                assert {s.kind for s in advised} <= {"close", "comply"}, (call.id, played.turn.words)
                assert played.parts.relationship.pace == "hold", (call.id, played.turn.words)
                assert demand.gaps == [], (call.id, played.turn.words)
            if demand.suitability == "unsuitable":
                assert not [s.id for s in advised if s.kind == "advance"], (call.id, played.turn.words)


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("[[call]]\nid='a'\nvoice='b'\nturns='''\nA 您好\nC 好\n'''", "has 2 turns"),
        ("[[call]]\nid='a'\nvoice='b'\nturns='''\nX 您好\n'''", "begin with A or C"),
        ("[[call]]\nid='a'\nvoice='b'\nturns='''\nC 好 | stock:wants\n'''", "is no need"),
        ("[[call]]\nid='a'\nvoice='b'\nturn=1\nturns=''", "no such key"),
        ("[[call]]\nid='a'\nvoice='b'", "turns is missing"),
        ("[[call]]\nid='a'\nvoice='b'\nturns='''\nC 好 | !push\n'''", "no kind of strategy"),
    ],
)
def test_a_wrongly_written_call_is_named(tmp_path, text: str, problem: str) -> None:  # type: ignore[no-untyped-def]
    (tmp_path / "calls.toml").write_text(text, encoding="utf-8")
    with pytest.raises(ScriptError, match=problem):
        load(tmp_path)
