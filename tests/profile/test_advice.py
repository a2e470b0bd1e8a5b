from __future__ import annotations

from dataclasses import replace

import pytest

from appliance.profile.advice import Adviser, Heard, Situation
from appliance.profile.needs import KnownNeed
from appliance.profile.objections import TrackedObjection
from appliance.profile.style import STYLES
from appliance.protocol.vocabulary import OBJECTION_TYPES, NeedTag, ObjectionType, Style
from tests.profile.dialogue import CATALOGUE, kinds

PLAIN = Situation(
    at_ms=2000,
    stage="warming",
    styles=dict.fromkeys(STYLES, 0.2),
    style_confidence=0.6,
    emotion="neutral",
    emotion_confidence=0.8,
    objections=(),
    signals={},
    needs={},
    match="unknown",
    suitability="unknown",
    standing={},
    style_evidence=("e50",),
    emotion_evidence=("e60",),
    demand_evidence=("e70",),
)


def objecting(*kinds_: ObjectionType, confidence: float = 0.85) -> tuple[TrackedObjection, ...]:
    return tuple(TrackedObjection(kind, confidence, 1000, True, f"e{i}") for i, kind in enumerate(kinds_, 1))


def styled(style: Style) -> dict[Style, float]:
    return {one: 0.72 if one == style else 0.07 for one in STYLES}


def need(tag: NeedTag, evidence: str = "e9") -> dict[NeedTag, KnownNeed]:
    return {tag: KnownNeed(tag, "wants", 0.85, 1000, evidence)}


def ids(situation: Situation) -> list[str]:
    return [advice.id for advice in Adviser(CATALOGUE).choose(situation)]


def lever_counts(identifiers: list[str]) -> dict[str, int]:
    levers = [
        s.lever for s in CATALOGUE.strategies if s.id in identifiers and s.kind not in ("comply", "close")
    ]
    return {lever: levers.count(lever) for lever in levers}


def test_with_nothing_heard_nothing_is_advised() -> None:
    assert ids(replace(PLAIN, style_evidence=(), emotion_evidence=(), demand_evidence=())) == []


@pytest.mark.parametrize("kind", OBJECTION_TYPES)
@pytest.mark.parametrize("stage", ["cold", "warming", "trusting", "ready"])
def test_every_objection_has_an_answer_in_every_stage_that_rests_on_its_evidence(
    kind: str, stage: str
) -> None:
    situation = replace(PLAIN, stage=stage, objections=objecting(kind))  # type: ignore[arg-type]
    advice = Adviser(CATALOGUE).choose(situation)
    by_id = {strategy.id: strategy for strategy in CATALOGUE.strategies}
    assert kind in by_id[advice[0].id].objections
    assert advice[0].evidence == ["e1"]


@pytest.mark.parametrize(
    ("style", "expected"),
    [
        ("tiger", "conclusion_first"),
        ("peacock", "share_the_picture"),
        ("koala", "steady_and_patient"),
        ("owl", "figures_and_sources"),
        ("chameleon", "offer_two_ways"),
    ],
)
def test_a_clear_style_brings_its_own_way_of_speaking(style: Style, expected: str) -> None:
    advice = Adviser(CATALOGUE).choose(replace(PLAIN, styles=styled(style)))
    assert advice[0].id == expected
    assert advice[0].evidence == ["e50"]


def test_style_is_left_out_before_enough_speech_was_heard() -> None:
    assert ids(replace(PLAIN, styles=styled("tiger"), style_confidence=0.29)) == []


def test_the_same_objection_is_answered_differently_by_style() -> None:
    owl = ids(replace(PLAIN, styles=styled("owl"), objections=objecting("hesitation")))
    koala = ids(replace(PLAIN, styles=styled("koala"), objections=objecting("hesitation")))
    assert owl[0] == "written_summary"
    assert koala[0] != owl[0]


def test_at_most_four_with_at_most_four_evidences_and_of_one_lever_at_most_two() -> None:
    situation = replace(
        PLAIN,
        stage="trusting",
        styles=styled("owl"),
        objections=objecting(*OBJECTION_TYPES[:1], *OBJECTION_TYPES[2:]),  # type: ignore[arg-type]
        signals={
            code: Heard(0.8, f"e{20 + i}")
            for i, code in enumerate(("question", "interest", "worry", "thanks"))
        },
        needs={**need("idle_money", "e31"), **need("retirement", "e32")},
    )
    advice = Adviser(CATALOGUE).choose(situation)
    assert len(advice) == 4
    assert all(1 <= len(one.evidence) <= 4 for one in advice)
    assert max(lever_counts([one.id for one in advice]).values()) <= 2


def test_after_refusal_only_polite_closing_is_advised_whatever_else_was_heard() -> None:
    situation = replace(
        PLAIN,
        stage="trusting",
        styles=styled("tiger"),
        objections=objecting("not_now", "doubt"),
        signals={"interest": Heard(0.9, "e5"), "purchase_intent": Heard(0.9, "e6")},
        needs=need("idle_money"),
        standing={"stopped": ("e3", "e4"), "hard_sell": ("e7",), "elderly": ("e8",)},
    )
    chosen = ids(situation)
    assert chosen[0] == "close_politely"
    assert kinds(chosen) == {"close"}


def test_a_promise_of_return_is_put_right_first_even_on_the_way_out() -> None:
    promised = {"promised_return": ("e2",)}
    assert ids(replace(PLAIN, objections=objecting("doubt"), standing=promised))[0] == "take_back_the_promise"
    out = ids(replace(PLAIN, standing={**promised, "stopped": ("e3",)}))
    assert out[0] == "take_back_the_promise"
    assert "close_politely" in out


def pressing(identifiers: list[str]) -> set[str]:
    return {s.id for s in CATALOGUE.strategies if s.pressure and s.id in identifiers}


EAGER = replace(
    PLAIN,
    stage="ready",
    styles=styled("tiger"),
    signals={"purchase_intent": Heard(0.9, "e6"), "question_return": Heard(0.9, "e7")},
)


def everything(situation: Situation) -> list[str]:
    """All strategies that may be given now, beyond the four shown."""
    return [x.strategy.id for x in Adviser(CATALOGUE)._ranked(situation, {})]


def test_pressure_is_possible_for_an_eager_customer_whom_it_suits() -> None:
    assert pressing(everything(EAGER))


@pytest.mark.parametrize(
    "changed",
    [
        {"standing": {"elderly": ("e8",)}},
        {"emotion": "angry", "emotion_confidence": 0.8},
        {"objections": objecting("hostile_resistance")},
        {"suitability": "caution"},
        {"suitability": "unsuitable"},
    ],
)
def test_nothing_presses_the_elderly_the_angry_or_where_it_does_not_suit(changed: dict[str, object]) -> None:
    assert not pressing(everything(replace(EAGER, **changed)))  # type: ignore[arg-type]


def test_what_does_not_suit_is_not_advanced_and_the_questionnaire_comes_first() -> None:
    chosen = ids(replace(EAGER, suitability="unsuitable"))
    assert chosen[0] == "risk_questionnaire_first"
    assert "advance" not in kinds(everything(replace(EAGER, suitability="unsuitable")))


def test_an_angry_customer_gets_no_pitch() -> None:
    chosen = ids(replace(EAGER, emotion="angry", objections=objecting("hostile_resistance")))
    assert chosen[0] == "apologise_and_slow_down"
    assert "advance" not in kinds(chosen)


def test_nothing_is_advanced_while_cold() -> None:
    cold = replace(EAGER, stage="cold", needs={**need("idle_money"), **need("retirement")})
    assert "advance" not in kinds(everything(cold))


def test_advice_does_not_flicker_when_two_are_nearly_equal() -> None:
    adviser = Adviser(CATALOGUE)
    base = replace(PLAIN, objections=objecting("not_now", "polite_refusal"))
    first = [advice.id for advice in adviser.choose(base)]
    for number in range(10):
        up, down = (0.80, 0.90) if number % 2 else (0.90, 0.80)
        not_now, polite = base.objections
        wobbling = replace(
            base, objections=(replace(not_now, confidence=up), replace(polite, confidence=down))
        )
        assert [advice.id for advice in adviser.choose(wobbling)] == first


def test_a_new_objection_takes_the_first_place_from_older_advice() -> None:
    adviser = Adviser(CATALOGUE)
    adviser.choose(replace(PLAIN, signals={"thanks": Heard(0.9, "e5")}))
    chosen = adviser.choose(
        replace(PLAIN, signals={"thanks": Heard(0.6, "e5")}, objections=objecting("doubt"))
    )
    assert "doubt" in next(s for s in CATALOGUE.strategies if s.id == chosen[0].id).objections


def test_a_cue_for_a_growing_objection_has_advice_before_there_is_evidence() -> None:
    growing = (TrackedObjection("doubt", 0.9, 1000, True, "", growing=3),)
    situation = replace(PLAIN, objections=growing)
    adviser = Adviser(CATALOGUE)
    cued = adviser.for_cue(situation, objection="doubt")
    assert len(cued) == 2
    assert adviser.choose(situation) == []
