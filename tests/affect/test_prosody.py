from __future__ import annotations

import numpy as np
import pytest

from appliance.affect.baseline import SETTLED_FRAMES, Baseline
from appliance.affect.features import MEL_BANDS
from appliance.affect.frames import Frames
from appliance.affect.prosody import describe, learn_recording


def utterance(pitch, energy=-25.0, count=200):
    energies = np.broadcast_to(np.asarray(energy, np.float32), (count,)).copy()
    track = np.broadcast_to(np.asarray(pitch, np.float32), (count,)).copy()
    none = np.zeros(count, np.float32)
    return Frames(np.zeros((count, MEL_BANDS), np.float32), energies, none, none, track, (track > 0) * 0.5)


def read(frames, baseline, syllables=8, start=1000):
    times = start + 10 * np.arange(len(frames))
    return describe(times, frames, (start, start + 10 * len(frames)), syllables, baseline)


def test_the_first_utterance_has_no_shift_and_little_confidence():
    reading = read(utterance(200.0), Baseline())
    assert reading.pitch_hz == pytest.approx(200.0)
    assert reading.pitch_shift == pytest.approx(0.0, abs=0.2)
    assert reading.loudness_shift == pytest.approx(0.0, abs=1.0)
    assert reading.tempo_ratio == pytest.approx(1.0)
    assert reading.baseline_confidence == pytest.approx(200 / SETTLED_FRAMES)


def test_an_excited_utterance_is_told_by_its_distance_from_the_baseline():
    baseline = Baseline()
    for _ in range(5):
        read(utterance(150.0, -30.0), baseline, syllables=8)
    assert baseline.confidence == 1.0
    reading = read(utterance(300.0, -20.0, count=100), baseline, syllables=8)
    assert reading.pitch_shift == pytest.approx(12.0, abs=0.2)
    assert reading.loudness_shift == pytest.approx(10.0, abs=1.0)
    assert reading.tempo_ratio == pytest.approx(2.0, rel=0.02)


def test_a_settled_baseline_does_not_follow_the_customer():
    baseline = Baseline()
    for _ in range(5):
        read(utterance(150.0), baseline)
    for _ in range(50):
        reading = read(utterance(300.0), baseline)
    assert reading.pitch_shift == pytest.approx(12.0, abs=0.2)


def test_range_and_slope_are_in_semitones():
    rising = 150 * 2 ** (np.arange(200) / 200)  # an octave in two seconds
    reading = read(utterance(rising), Baseline())
    assert reading.pitch_slope == pytest.approx(6.0, rel=0.02)
    assert reading.pitch_range == pytest.approx(12 * 0.8, rel=0.02)


def test_octave_errors_do_not_widen_the_range():
    track = np.full(200, 150.0)
    track[::25] = 310.0
    assert read(utterance(track), Baseline()).pitch_range == pytest.approx(0.0, abs=0.1)


def test_pauses_are_counted_and_left_out_of_the_tempo():
    energy = np.full(200, -25.0)
    energy[80:120] = -80.0  # 400 ms of pause
    energy[150:155] = -80.0  # a closure
    reading = read(utterance(np.where(energy > -50, 180.0, 0.0), energy), Baseline(), syllables=8)
    assert reading.pauses_ms == 400
    assert reading.tempo == pytest.approx(8 / 1.6, rel=0.01)


def test_a_whisper_has_no_pitch():
    reading = read(utterance(0.0), Baseline())
    assert (reading.pitch_hz, reading.voiced, reading.pitch_shift, reading.pitch_range) == (
        0.0,
        0.0,
        0.0,
        0.0,
    )
    assert reading.baseline_confidence == 0.0


def test_silence_is_not_described():
    assert read(utterance(0.0, -85.0), Baseline()) is None
    assert read(utterance(200.0, -25.0, count=10), Baseline()) is None


def test_range_slope_dynamics_and_pauses_are_compared_with_the_customers_usual_ones():
    baseline = Baseline()
    flat = utterance(150.0, -25.0)
    for _ in range(3):
        reading = read(flat, baseline)
        assert (reading.range_shift, reading.slope_shift, reading.pauses_shift) == pytest.approx((0, 0, 0))
    energy = np.where(np.arange(200) % 40 < 20, -20.0, -30.0)
    energy[80:120] = -80.0
    rising = np.where(energy > -50, 150 * 2 ** (np.arange(200) / 200), 0.0)
    reading = read(utterance(rising, energy), baseline)
    assert reading.range_shift == pytest.approx(reading.pitch_range, abs=0.01)
    assert reading.range_shift > 8
    assert reading.slope_shift == pytest.approx(6.0, rel=0.05)
    assert reading.spread_shift == pytest.approx(5.0, abs=0.3)
    assert reading.pauses_shift == pytest.approx(0.2, abs=0.01)


def test_the_normal_voice_is_that_of_the_first_utterances():
    baseline = Baseline()
    assert baseline.normal is None
    frames = utterance(180.0, -24.0)
    frames.mel[:] = np.linspace(-60, -20, MEL_BANDS)
    learn_recording(baseline, frames)
    normal = baseline.normal
    assert normal.pitch_hz == pytest.approx(180.0, rel=0.01)
    assert normal.energy == pytest.approx(-24.0)
    np.testing.assert_allclose(normal.mel, np.linspace(-60, -20, MEL_BANDS), atol=1e-3)
    assert normal.confidence == pytest.approx(200 / SETTLED_FRAMES)
    for _ in range(4):
        learn_recording(baseline, frames)
    for _ in range(9):
        learn_recording(baseline, utterance(300.0, -10.0))
    assert baseline.normal.pitch_hz == pytest.approx(180.0, rel=0.01)
    assert baseline.normal.energy == pytest.approx(-24.0)
