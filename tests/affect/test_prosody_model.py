"""Pitch and voicing by the quantized model: telephone voices, streams, batches, bad input."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from appliance.affect import periods
from appliance.affect.features import CHUNK, FRAME, HOP, energy_db
from appliance.affect.frames import measure
from appliance.affect.models import PROSODY_MODELS, AffectModels, load_prosody
from appliance.affect.periods import BINS, BINS_PER_OCTAVE, FIRST_HZ, INPUTS
from appliance.affect.prosody_model import REACH, decode, decode_recording
from appliance.affect.voice import CustomerVoice
from appliance.models import ModelStore
from tests.affect import signals

#: what frames before the first said of each pitch: nothing
UNHEARD = np.zeros((1, REACH, BINS), np.float32)


@pytest.fixture(scope="module", params=PROSODY_MODELS)
def model(request):
    return load_prosody(ModelStore(), request.param)


def track(model, samples):
    return measure([samples], model)[0].pitch


@pytest.mark.parametrize("hertz", [80, 110, 150, 200, 260, 330, 420])
def test_the_pitch_of_a_telephone_voice_is_found_though_its_fundamental_is_missing(model, hertz):
    pitch = track(model, signals.harmonic(float(hertz), 1.0))[10:-10]
    assert (pitch > 0).mean() > 0.9
    assert np.median(np.abs(pitch[pitch > 0] / hertz - 1)) < 0.02
    assert (np.abs(pitch[pitch > 0] / hertz - 1) > 0.2).mean() < 0.05


def test_a_glide_is_followed_without_octave_jumps(model):
    t = np.arange(2 * 8000) / 8000
    glide = 120 * 2 ** (t / 2)
    pitch = track(model, signals.harmonic(glide, 2.0))
    expected = glide[np.arange(len(pitch)) * HOP + HOP // 2]
    inner = slice(8, -8)
    assert (pitch[inner] > 0).mean() > 0.9
    assert (np.abs(pitch[inner] / expected[inner] - 1) > 0.06).mean() < 0.05


def test_noise_silence_and_direct_current_are_unvoiced(model):
    assert (track(model, signals.noise(2.0)) > 0).mean() < 0.1
    assert not track(model, np.zeros(8000, np.int16)).any()
    assert not track(model, np.full(8000, 9000, np.int16)).any()


def test_gain_hardly_changes_the_pitch(model):
    loud = track(model, signals.speechlike(2.0))
    quiet = track(model, (signals.speechlike(2.0) // 4).astype(np.int16))
    both = (loud > 0) & (quiet > 0)
    assert both.mean() > 0.3
    assert (np.abs(loud[both] / quiet[both] - 1) > 0.03).mean() < 0.05


def test_calls_tracked_together_are_tracked_as_if_alone(model):
    recordings = [signals.speechlike(1.2, seed=k, middle=100 + 40 * k) for k in range(4)]
    for recording, frames in zip(recordings, measure(recordings, model), strict=True):
        np.testing.assert_allclose(track(model, recording), frames.pitch, rtol=0.01)


@settings(max_examples=15, deadline=None)
@given(st.lists(st.integers(1, 1500), min_size=1, max_size=12))
def test_what_is_measured_does_not_depend_on_the_packets(lengths):
    models = AffectModels(load_prosody(ModelStore()), None)
    samples = signals.speechlike(1.6)
    expected = measure([samples], models.tracker)[0]
    voice = CustomerVoice(models)
    start = number = 0
    while start < len(samples):
        length = lengths[number % len(lengths)]
        voice.feed(samples[start : start + length], 8000, start * 1000 // 8000)
        if number % 3 == 0:
            models.run([voice])
        start += length
        number += 1
    models.run([voice])
    _, frames = voice._ring.between(0, 60_000)
    assert len(frames) >= len(expected) - 24
    np.testing.assert_array_equal(frames.pitch, expected.pitch[: len(frames)])
    np.testing.assert_array_equal(frames.periodicity, expected.periodicity[: len(frames)])


def test_nothing_is_handed_out_before_the_first_chunk_is_decided(model):
    state = model.open()
    samples = signals.harmonic(150.0, 0.4).astype(np.float32)
    frames = np.stack([samples[k * HOP : k * HOP + FRAME] for k in range(2 * CHUNK)])
    first = model.advance([state], frames[None, :CHUNK], energy_db(frames[None, :CHUNK]))
    second = model.advance([state], frames[None, CHUNK:], energy_db(frames[None, CHUNK:]))
    assert not first[0].any()
    assert not first[1].any()
    assert (second[0] > 0).mean() > 0.7
    assert ((second[1] >= 0) & (second[1] <= 1)).all()


def test_the_description_of_a_frame_peaks_at_its_period_and_knows_no_gain_nor_direct_current():
    samples = signals.harmonic(190.0, 0.2).astype(np.float32)[400 : 400 + FRAME]
    level = np.zeros(1, np.float32)
    described = periods.describe(samples[None], level)[0]
    assert described.shape == (INPUTS,)
    compressed = described[:BINS]
    octave = slice(
        int(np.log2(130 / FIRST_HZ) * BINS_PER_OCTAVE), int(np.log2(280 / FIRST_HZ) * BINS_PER_OCTAVE)
    )
    best = periods.bin_hertz()[octave][compressed[octave].argmax()]
    assert best == pytest.approx(190, rel=0.03)
    np.testing.assert_allclose(periods.describe(samples[None] / 4, level)[0], described, atol=0.02)
    np.testing.assert_allclose(periods.describe(samples[None] + 5000, level)[0], described, atol=0.05)


def test_the_halved_transform_is_the_transform():
    frame = np.random.default_rng(4).normal(0, 1000, FRAME)
    taper = np.hanning(FRAME + 2)[1:-1]
    exact = np.abs(np.fft.rfft((frame - frame.mean()) * taper, periods._FFT))[periods._PLACES] ** 2
    later, earlier = frame[FRAME // 2 :], frame[FRAME // 2 - 1 :: -1]
    halved = ((later + earlier) @ periods._EVEN) ** 2 + ((later - earlier) @ periods._ODD) ** 2
    np.testing.assert_allclose(halved, exact, rtol=1e-3, atol=exact.max() * 1e-6)


def test_scores_are_read_between_the_steps_of_the_axis():
    scores = np.full((1, CHUNK, BINS + 1), -10.0, np.float32)
    scores[:, :, [30, 31]] = 3.0
    scores[:, :, BINS] = 2.0
    pitch, voicing, _ = decode(scores, UNHEARD, 0.5)
    assert pitch[0, 0] == pytest.approx(FIRST_HZ * 2 ** (30.5 / BINS_PER_OCTAVE), rel=1e-3)
    assert voicing[0, 0] == pytest.approx(1 / (1 + np.exp(-2)), rel=1e-5)
    assert not decode(scores, UNHEARD, 0.95)[0].any()


def test_a_frame_in_which_another_harmonic_stands_out_is_outvoted_by_those_around_it():
    steps = [30, 31, 32, 31, 30, 31, 32, 33]
    scores = np.zeros((1, CHUNK, BINS + 1), np.float32)
    scores[0, np.arange(CHUNK), steps] = 6.0
    scores[..., BINS] = 2.0
    scores[0, 4, 30 + BINS_PER_OCTAVE] = 7.0
    pitch, _, beliefs = decode(scores, UNHEARD, 0.5)
    expected = FIRST_HZ * 2 ** (np.array(steps) / BINS_PER_OCTAVE)
    np.testing.assert_allclose(pitch[0], expected, rtol=0.03)
    # the first frame of the next chunk is outvoted by what came before
    scores[0, 0, 30 + BINS_PER_OCTAVE] = 7.0
    assert decode(scores, UNHEARD, 0.5)[0][0, 0] == pytest.approx(expected[0], rel=0.03)
    scores[0, 1:, BINS] = -9.0
    assert decode(scores, UNHEARD, 0.5)[0][0, 0] == pytest.approx(2 * expected[0], rel=0.03)
    assert decode(scores, beliefs, 0.5)[0][0, 0] == pytest.approx(expected[0], rel=0.03)


def test_a_recording_is_decoded_as_a_stream_is():
    scores = np.random.default_rng(5).normal(0, 3, (3 * CHUNK, BINS + 1)).astype(np.float32)
    pitch, voicing = decode_recording(scores[:-5])
    assert pitch.shape == voicing.shape == (3 * CHUNK - 5,)
    beliefs = UNHEARD
    for start in range(0, 2 * CHUNK, CHUNK):
        chunk, _, beliefs = decode(scores[None, start : start + CHUNK], beliefs, 0.0)
        np.testing.assert_array_equal(pitch[start : start + CHUNK], chunk[0])
