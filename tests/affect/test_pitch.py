from __future__ import annotations

import numpy as np
import pytest

from appliance.affect.features import CHUNK, FRAME, HOP, energy_db
from appliance.affect.frames import measure
from appliance.affect.pitch import AutocorrelationTracker, candidates
from tests.affect import signals


def track(samples):
    return measure([samples], AutocorrelationTracker())[0].pitch


@pytest.mark.parametrize("hertz", [80, 110, 150, 200, 260, 330, 420])
def test_the_pitch_of_a_telephone_voice_is_found_though_its_fundamental_is_missing(hertz):
    pitch = track(signals.harmonic(float(hertz), 1.0))[10:-10]
    assert (pitch > 0).mean() > 0.95
    assert np.median(np.abs(pitch[pitch > 0] / hertz - 1)) < 0.01
    assert (np.abs(pitch[pitch > 0] / hertz - 1) > 0.2).mean() < 0.05


def test_a_glide_is_followed_without_octave_jumps():
    t = np.arange(2 * 8000) / 8000
    glide = 120 * 2 ** (t / 2)
    pitch = track(signals.harmonic(glide, 2.0))
    expected = glide[np.arange(len(pitch)) * HOP + HOP // 2]
    inner = slice(8, -8)
    assert (pitch[inner] > 0).mean() > 0.95
    wrong = np.abs(pitch[inner] / expected[inner] - 1) > 0.05
    assert wrong.mean() < 0.03


def test_noise_silence_and_direct_current_are_unvoiced():
    assert (track(signals.noise(2.0)) > 0).mean() < 0.1
    assert not track(np.zeros(8000, np.int16)).any()
    assert not track(np.full(8000, 9000, np.int16)).any()


def test_gain_does_not_change_the_pitch():
    loud, quiet = track(signals.speechlike(2.0)), track((signals.speechlike(2.0) // 4).astype(np.int16))
    both = (loud > 0) & (quiet > 0)
    assert both.mean() > 0.3
    assert (np.abs(loud[both] / quiet[both] - 1) > 0.03).mean() < 0.02


def test_calls_tracked_together_are_tracked_as_if_alone():
    recordings = [signals.speechlike(1.2, seed=k, middle=100 + 40 * k) for k in range(4)]
    together = measure(recordings, AutocorrelationTracker())
    for recording, frames in zip(recordings, together, strict=True):
        np.testing.assert_array_equal(track(recording), frames.pitch)


def test_candidates_of_a_frame_hold_its_pitch():
    samples = signals.harmonic(190.0, 0.2).astype(np.float32)[400 : 400 + FRAME]
    octaves, heights = candidates(samples[None])
    near = np.abs(np.exp2(octaves[0]) / 190.0 - 1) < 0.02
    assert heights[0][near].max() > 0.5
    assert ((heights >= 0) & (heights <= 1)).all()


def test_nothing_is_handed_out_before_the_first_chunk_is_decided():
    tracker = AutocorrelationTracker()
    state = tracker.open()
    samples = signals.harmonic(150.0, 0.4).astype(np.float32)
    frames = np.stack([samples[k * HOP : k * HOP + FRAME] for k in range(2 * CHUNK)])
    first = tracker.advance([state], frames[None, :CHUNK], energy_db(frames[None, :CHUNK]))
    second = tracker.advance([state], frames[None, CHUNK:], energy_db(frames[None, CHUNK:]))
    assert not first[0].any()
    assert (second[0] > 0).all()
    assert ((second[1] > 0.2) & (second[1] <= 1)).all()
