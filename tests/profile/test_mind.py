from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from appliance.profile import constants as c
from appliance.profile.mind import MindState
from appliance.protocol.vocabulary import EVIDENCE_CODES

PARTS = sorted(c.MIND_START)


def test_nothing_is_known_at_the_start() -> None:
    state = MindState()
    assert [state.confidence(part) for part in PARTS] == [0.0] * len(PARTS)


def test_every_code_that_moves_the_mind_is_in_the_vocabulary() -> None:
    assert set(c.MIND_TARGETS) <= EVIDENCE_CODES
    assert {part for targets in c.MIND_TARGETS.values() for part in targets} <= set(PARTS)


@pytest.mark.parametrize(
    ("code", "part", "rises"),
    [
        ("signal.purchase_intent", "intent", True),
        ("signal.final_refusal", "intent", False),
        ("signal.worry", "perceived_risk", True),
        ("need.risk_seeking", "perceived_risk", False),
        ("signal.complaint", "satisfaction", False),
        ("signal.praise", "satisfaction", True),
        ("signal.distrust", "trust", False),
        ("signal.asks_meaning", "product_knowledge", False),
        ("need.expert", "product_knowledge", True),
        ("signal.initiative", "involvement", True),
    ],
)
def test_evidence_moves_the_part_it_speaks_of(code: str, part: str, rises: bool) -> None:
    state = MindState()
    before = state.value(part)
    state.observe(code, 0.9)
    assert (state.value(part) > before) is rises
    assert state.confidence(part) > 0.1


def test_time_lowers_confidence_and_keeps_the_value() -> None:
    state = MindState()
    state.observe("signal.interest", 0.9)
    value, confidence = state.value("intent"), state.confidence("intent")
    state.advance(600_000)
    assert state.value("intent") == value
    assert 0.0 < state.confidence("intent") < confidence


def test_a_change_of_mind_shows_within_a_few_utterances() -> None:
    state = MindState()
    for _ in range(6):
        state.observe("signal.refusal", 0.9)
    low = state.value("intent")
    for _ in range(4):
        state.observe("signal.purchase_intent", 0.9)
    assert low < 0.2
    assert state.value("intent") > 0.5


@given(st.lists(st.tuples(st.sampled_from(sorted(EVIDENCE_CODES)), st.floats(-2, 3)), max_size=60))
def test_every_number_stays_in_range(evidence: list[tuple[str, float]]) -> None:
    state = MindState()
    for number, (code, confidence) in enumerate(evidence):
        state.advance(number * 700)
        state.observe(code, confidence)
    for part in PARTS:
        assert 0.0 <= state.value(part) <= 1.0
        assert 0.0 <= state.confidence(part) < 1.0
