from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from appliance.language.findings import SignalFinding
from appliance.profile import constants as c
from appliance.profile.style import STYLES, StyleState
from appliance.protocol.vocabulary import SIGNALS
from tests.profile.dialogue import utterance, voice


def speak(
    state: StyleState, turns: int, signals: tuple[str, ...] = (), syllables: int = 20, **measured: float
) -> None:
    for turn in range(turns):
        start = turn * 10_000
        said = utterance("customer", turn, start, start + 4000, syllables=syllables)
        state.utterance(
            said, voice(start, start + 4000, **measured), [SignalFinding(s, 0.9) for s in signals]
        )


def likeliest(state: StyleState) -> str:
    probabilities = state.probabilities()
    return max(probabilities, key=lambda style: probabilities[style])


def test_before_any_speech_all_styles_are_equally_likely() -> None:
    state = StyleState()
    assert state.confidence == 0.0
    assert set(state.probabilities().values()) == {0.2}


def test_little_speech_stays_near_uniform_and_below_the_claim() -> None:
    state = StyleState()
    speak(state, 2, ("decisive",), tempo=8.0)
    assert state.confidence < c.STYLE_CLAIMED
    assert max(state.probabilities().values()) < 0.35


@pytest.mark.parametrize(
    ("style", "signals", "syllables", "measured"),
    [
        ("tiger", ("decisive", "question_return"), 12, {"tempo": 6.6, "pitch_range": 6.5}),
        (
            "peacock",
            ("expressive", "small_talk"),
            30,
            {"tempo": 6.2, "pitch_range": 10.0, "loudness_spread": 12.0},
        ),
        ("koala", ("gentle", "thanks"), 7, {"tempo": 3.8, "pitch_range": 5.5, "loudness_spread": 6.0}),
        (
            "owl",
            ("analytical", "question_risk"),
            14,
            {"tempo": 4.2, "pitch_range": 3.8, "loudness_spread": 3.5},
        ),
    ],
)
def test_a_customer_who_speaks_like_a_style_is_read_as_it(
    style: str, signals: tuple[str, ...], syllables: int, measured: dict[str, float]
) -> None:
    state = StyleState()
    speak(state, 10, signals, syllables, **measured)
    assert likeliest(state) == style
    assert state.probabilities()[style] > 0.4  # type: ignore[index]


def test_a_customer_in_the_middle_of_everything_is_read_as_chameleon() -> None:
    state = StyleState()
    speak(state, 12, (), 9)
    assert likeliest(state) == "chameleon"


def test_confidence_grows_with_seconds_of_speech_only() -> None:
    state, confidences = StyleState(), []
    for _ in range(5):
        speak(state, 1)
        confidences.append(state.confidence)
    assert confidences == sorted(set(confidences))


@given(
    st.lists(
        st.tuples(
            st.integers(0, 90_000),
            st.integers(0, 500),
            st.floats(allow_nan=True, allow_infinity=True),
            st.floats(allow_nan=True, allow_infinity=True),
            st.lists(st.sampled_from(SIGNALS), max_size=4),
        ),
        max_size=20,
    )
)
def test_probabilities_sum_to_one_and_indices_stay_in_range_whatever_was_measured(
    turns: list[tuple[int, int, float, float, list[str]]],
) -> None:
    state = StyleState()
    for number, (duration, syllables, pitch, tempo, signals) in enumerate(turns):
        said = utterance("customer", number, 0, duration, syllables=syllables)
        reading = voice(0, duration, pitch_range=pitch, pitch_shift=pitch, tempo=tempo, loudness_spread=pitch)
        state.utterance(said, reading, [SignalFinding(s, 0.9) for s in signals])  # type: ignore[arg-type]
    shown = state.probabilities_reading()
    values = [getattr(shown, style) for style in STYLES]
    assert sum(values) == pytest.approx(1.0, abs=1e-6)
    assert all(0.0 <= value <= 1.0 for value in values)
    assert all(-1.0 <= value <= 1.0 for value in state.indices.values())
