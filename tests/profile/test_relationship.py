from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from appliance.profile import constants as c
from appliance.profile.relationship import EFFECTS, RelationshipState

codes = st.sampled_from(sorted(EFFECTS))
confidences = st.floats(0.0, 1.0)
observations = st.lists(st.tuples(codes, confidences), max_size=30)
#: (code, confidence, milliseconds that pass before)
courses = st.lists(st.tuples(codes, confidences, st.integers(0, 120_000)), max_size=60)


def after(course: list[tuple[str, float, int]]) -> tuple[RelationshipState, int]:
    state, now = RelationshipState(), 0
    for code, confidence, passed in course:
        now += passed
        state.advance(now)
        state.observe(code, confidence)
    return state, now


def test_a_call_begins_cold_and_unsure() -> None:
    reading = RelationshipState().reading("build")
    assert reading.stage == "cold"
    assert 25 <= reading.score <= 35
    assert reading.high - reading.low >= 20
    assert reading.trend == 0.0


@given(courses, confidences)
def test_a_hostile_objection_never_raises_relationship(
    course: list[tuple[str, float, int]], confidence: float
) -> None:
    state, _ = after(course)
    before = state.score
    assert state.observe("objection.hostile_resistance", confidence) <= 0.0
    assert state.score <= before


@given(courses, st.sampled_from(sorted(c.OBJECTION_EFFECT)), confidences)
def test_no_objection_raises_relationship(
    course: list[tuple[str, float, int]], kind: str, confidence: float
) -> None:
    state, _ = after(course)
    before = state.score
    state.observe(f"objection.{kind}", confidence)
    assert state.score <= before


def test_a_hostile_objection_lowers_a_new_call_visibly() -> None:
    state = RelationshipState()
    before = state.score
    state.observe("objection.hostile_resistance", 0.9)
    assert state.score < before - 5


@given(courses, st.integers(1, 3_600_000))
def test_silence_changes_nothing_but_certainty(course: list[tuple[str, float, int]], silence: int) -> None:
    state, now = after(course)
    score, stage, (low, high) = state.score, state.stage, state.interval
    state.advance(now + silence)
    assert state.score == pytest.approx(score, abs=1e-9)
    assert state.stage == stage
    later_low, later_high = state.interval
    assert later_low <= low + 1e-9
    assert later_high >= high - 1e-9


def test_silence_after_evidence_widens_the_interval_towards_the_prior() -> None:
    state = RelationshipState()
    for code in ("signal.interest", "signal.disclosure", "signal.follow_up_agreed"):
        state.observe(code, 0.9)
    low, high = state.interval
    widths = [high - low]
    for minute in (1, 2, 5, 30):
        state.advance(minute * 60_000)
        low, high = state.interval
        widths.append(high - low)
    assert widths == sorted(widths)
    assert widths[-1] > 1.5 * widths[0]


@given(observations, st.randoms(use_true_random=False))
def test_the_order_of_evidence_within_a_moment_does_not_matter(
    evidence: list[tuple[str, float]], random: object
) -> None:
    shuffled = list(evidence)
    random.shuffle(shuffled)  # type: ignore[attr-defined]
    one, other = RelationshipState(), RelationshipState()
    for state, order in ((one, evidence), (other, shuffled)):
        state.advance(10_000)
        for code, confidence in order:
            state.observe(code, confidence)
        state.advance(10_500)
    assert one.score == pytest.approx(other.score, abs=1e-6)
    assert one.interval == pytest.approx(other.interval, abs=1e-6)
    if min(abs(one.score - entry) for _, entry in c.STAGE_ENTRY) > 1e-6:
        assert one.stage == other.stage


@given(courses)
def test_every_number_stays_in_range(course: list[tuple[str, float, int]]) -> None:
    state, _ = after(course)
    low, high = state.interval
    assert 0.0 <= low <= state.score <= high <= 100.0
    assert -1.0 <= state.trend <= 1.0


@given(codes, st.integers(1, 200))
def test_repeated_identical_evidence_saturates(code: str, times: int) -> None:
    state = RelationshipState()
    single = abs(EFFECTS[code])
    total = sum(abs(state.observe(code, 1.0)) for _ in range(times))
    assert total <= c.REPETITION_CAP * single + 1e-9


def test_the_second_of_two_equal_evidences_moves_less_than_the_first_until_time_has_passed() -> None:
    state = RelationshipState()
    first = state.observe("signal.interest", 0.8)
    second = state.observe("signal.interest", 0.8)
    state.advance(600_000)
    much_later = state.observe("signal.interest", 0.8)
    assert 0 < second < 0.8 * first
    assert much_later > 0.95 * first


def test_disclosing_many_needs_at_once_saturates_over_all_of_them() -> None:
    state = RelationshipState()
    total = sum(state.disclose(f"tag{number}", 0.25, 1.0) for number in range(50))
    assert total <= c.NEEDS_CAP + 1e-9


def test_the_trend_points_to_where_the_score_went_and_calms_down() -> None:
    state = RelationshipState()
    state.observe("signal.interest", 1.0)
    rising = state.trend
    state.advance(120_000)
    assert rising > 0.2
    assert abs(state.trend) < 0.1 * rising
    state.observe("signal.abuse", 1.0)
    assert state.trend < -0.3


def test_a_stage_is_left_only_below_its_hysteresis() -> None:
    state, now = RelationshipState(), 0
    while state.stage == "cold":
        now += 60_000
        state.advance(now)
        state.observe("signal.question_risk", 0.5)
    entered = state.score
    assert state.stage == "warming"
    state.advance(now + 1)
    while state.score > 38.0 - c.STAGE_HYSTERESIS + 0.6:
        now += 60_000
        state.advance(now)
        state.observe("signal.worry", 0.2)
        if state.score >= 38.0 - c.STAGE_HYSTERESIS:
            assert state.stage == "warming"
    assert state.score < entered
    for _ in range(5):
        now += 60_000
        state.advance(now)
        state.observe("signal.worry", 1.0)
    assert state.score < 38.0 - c.STAGE_HYSTERESIS
    assert state.stage == "cold"


def test_time_that_runs_backwards_changes_nothing() -> None:
    state = RelationshipState()
    state.advance(50_000)
    state.observe("signal.interest", 0.9)
    interval = state.interval
    state.advance(10_000)
    assert state.interval == interval
