from __future__ import annotations

import msgspec
import numpy as np
import pytest

from appliance.affect.emotion import LABELS, EmotionState, Settings, fold

SETTINGS = Settings(
    features=2,
    prosody="prosody-telephone",
    classes=("angry", "disgust", "fear", "happy", "neutral", "sad", "surprise", "none"),
    fold={
        "angry": "angry", "disgust": "angry", "fear": "sad",
        "happy": "happy", "neutral": "neutral", "sad": "sad",
    },
    temperature=2.0,
    least_confidence=0.4,
    alert_angry=0.7,
    alert_sad=0.7,
    held_out=(),
)  # fmt: skip


def shares(**given):
    rest = (1 - sum(given.values())) / (4 - len(given))
    return np.array([given.get(label, rest) for label in LABELS], np.float32)


def run(state, windows, none=0.0):
    return [state.judged(500 * number, window, none) for number, window in enumerate(windows)]


def test_probabilities_are_folded_scaled_and_sum_to_one():
    logits = np.array([[2.0, 0, 0, 0, 0, 0, 0, 0], [0, 0, 0, 0, 0, 0, 4.0, 4.0]], np.float32)
    probabilities, none = fold(logits, SETTINGS)
    np.testing.assert_allclose(probabilities.sum(axis=1), 1.0, atol=1e-5)
    e = np.e
    assert probabilities[0, 0] == pytest.approx((e + 1) / (e + 5), abs=1e-4)
    assert none[1] == pytest.approx(2 * e**2 / (2 * e**2 + 6), abs=1e-4)
    assert none[1] > 0.5 > none[0]


def test_a_label_needs_a_lead_to_replace_another():
    state = EmotionState(SETTINGS)
    first = run(state, [shares(happy=0.7)] * 3)[-1]
    assert first.label == "happy"
    flicker = run(state, [shares(neutral=0.5, happy=0.4), shares(happy=0.5, neutral=0.4)] * 6)
    assert {reading.label for reading in flicker} == {"happy"}
    assert run(state, [shares(neutral=0.8)] * 4)[-1].label == "neutral"


def test_even_odds_are_uncertain():
    reading = run(EmotionState(SETTINGS), [shares()] * 4)[-1]
    assert reading.label == "uncertain"
    assert reading.valence == pytest.approx(np.mean([-0.7, 0.8, 0.0, -0.7]), abs=1e-6)


def test_an_alert_needs_two_seconds_of_it():
    readings = run(EmotionState(SETTINGS), [shares(angry=0.95)] * 6)
    assert [reading.alert for reading in readings] == [False, False, False, True, True, True]
    assert readings[-1].label == "angry"
    assert readings[-1].arousal > 0.5
    assert readings[-1].valence < -0.5


def test_an_alert_of_sadness_needs_four_seconds():
    readings = run(EmotionState(SETTINGS), [shares(sad=0.95)] * 9)
    assert [reading.alert for reading in readings] == [False] * 7 + [True] * 2


def test_a_model_that_may_not_alarm_shows_anger_and_stays_silent():
    settings = msgspec.structs.replace(SETTINGS, alerts=False)
    readings = run(EmotionState(settings), [shares(angry=0.97)] * 20)
    assert readings[-1].label == "angry"
    assert not any(reading.alert for reading in readings)


def test_single_angry_windows_never_alarm():
    readings = run(
        EmotionState(SETTINGS), [shares(angry=0.95), shares(neutral=0.9), shares(neutral=0.9)] * 10
    )
    assert not any(reading.alert for reading in readings)


def test_an_alert_outlasts_one_calm_window_and_ends_with_the_anger():
    state = EmotionState(SETTINGS)
    run(state, [shares(angry=0.97)] * 8)
    assert run(state, [shares(angry=0.3, neutral=0.6)])[-1].alert
    assert not run(state, [shares(neutral=0.9)] * 4)[-1].alert


def test_a_window_that_cannot_be_judged_ends_the_alert_and_says_uncertain():
    state = EmotionState(SETTINGS)
    assert run(state, [shares(angry=0.97)] * 8)[-1].alert
    reading = state.doubtful(9000)
    assert (reading.label, reading.alert) == ("uncertain", False)


def test_what_is_no_speech_is_uncertain_however_angry_it_looks():
    readings = run(EmotionState(SETTINGS), [shares(angry=0.97)] * 10, none=0.8)
    assert {(reading.label, reading.alert) for reading in readings} == {("uncertain", False)}
