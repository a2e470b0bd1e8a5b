from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from appliance.affect import features
from appliance.affect.features import CHUNK, FRAME, HOP, Framer, Halver
from tests.affect import signals


def cut(samples, lengths):
    """Pieces of the given lengths, again and again, until the samples are used up."""
    start = number = 0
    while start < len(samples):
        length = lengths[number % len(lengths)]
        yield samples[start : start + length]
        start += length
        number += 1


def framed(pieces):
    framer = Framer()
    chunks = []
    for piece in pieces:
        framer.push(piece)
        while framer.ready:
            chunks.append(framer.take()[0])
    return np.concatenate(chunks)


@settings(max_examples=40, deadline=None)
@given(st.lists(st.integers(1, 2000), min_size=1, max_size=12))
def test_frames_do_not_depend_on_how_audio_was_cut_into_packets(lengths):
    samples = signals.speechlike(1.5)
    whole = framed([samples])
    pieces = framed(cut(samples, lengths))
    np.testing.assert_array_equal(whole, pieces)
    np.testing.assert_array_equal(features.log_mel(whole), features.log_mel(pieces))


@settings(max_examples=40, deadline=None)
@given(st.lists(st.integers(1, 700), min_size=1, max_size=12))
def test_halving_the_rate_does_not_depend_on_the_packets(lengths):
    samples = np.random.default_rng(4).integers(-9000, 9000, 5000).astype(np.int16)
    whole, cut_up = Halver(), Halver()
    expected = whole.push(samples)
    got = np.concatenate([cut_up.push(piece) for piece in cut(samples, lengths)])
    np.testing.assert_array_equal(expected, got)
    assert abs(len(got) - 2500) <= 16


def test_halving_keeps_a_tone_and_removes_what_would_fold_back():
    t = np.arange(16000) / 16000
    kept = Halver().push((8000 * np.sin(2 * np.pi * 1000 * t)).astype(np.int16))[200:-200]
    folded = Halver().push((8000 * np.sin(2 * np.pi * 6000 * t)).astype(np.int16))[200:-200]
    assert np.abs(kept).max() == pytest.approx(8000, rel=0.02)
    assert np.abs(folded).max() < 60


def test_a_frame_is_centred_on_its_own_ten_milliseconds():
    samples = np.zeros(1600, np.int16)
    samples[10 * HOP + HOP // 2] = 30000
    energy = features.energy_db(framed([samples]))
    assert int(np.argmax(features.log_mel(framed([samples])).max(axis=1))) == 10
    assert energy[10] > -50
    assert energy[0] == features.SILENCE_DB


def test_direct_current_changes_nothing():
    frames = framed([signals.speechlike(1.0, level=5000.0)])
    shifted = frames + np.float32(9000.0)
    loud = features.energy_db(frames) > -60
    np.testing.assert_allclose(features.energy_db(frames)[loud], features.energy_db(shifted)[loud], atol=0.05)
    difference = np.abs(features.log_mel(frames) - features.log_mel(shifted))[loud]
    assert np.median(difference) < 0.05


def test_a_tone_lands_in_the_band_of_its_frequency():
    t = np.arange(4000) / 8000
    mel = features.log_mel(framed([(8000 * np.sin(2 * np.pi * 1000 * t)).astype(np.int16)]))
    low, high = 2595 * np.log10(1 + np.array([200.0, 3600.0]) / 700)
    expected = (2595 * np.log10(1 + 1000 / 700) - low) / ((high - low) / (features.MEL_BANDS + 1)) - 1
    assert abs(int(mel[10].argmax()) - expected) <= 1


def test_doubling_the_amplitude_adds_six_decibels():
    frames = framed([signals.speechlike(1.0, level=6000.0)])
    loud = features.energy_db(frames) > -40
    assert loud.sum() > 20
    change = features.energy_db(2 * frames)[loud] - features.energy_db(frames)[loud]
    np.testing.assert_allclose(change, 6.02, atol=0.01)


def test_samples_at_the_stop_of_the_codec_are_counted():
    frames = np.zeros((1, FRAME), np.float32)
    frames[0, FRAME // 2 : FRAME // 2 + 50] = 32256
    assert features.clipped(frames)[0] == pytest.approx(50 / features.MEL_FRAME)
    assert features.clipped(frames * 0.9)[0] == 0


def test_lost_audio_is_known_in_the_frames_it_touches():
    framer = Framer()
    framer.push(np.ones(CHUNK * HOP, np.int16))
    framer.push(np.ones(CHUNK * HOP, np.int16), lost=1.0)
    framer.push(np.ones(CHUNK * HOP, np.int16))
    first, second = framer.take()[1], framer.take()[1]
    assert first[0] == 0
    assert second[4] == 1.0


def test_speech_frames_fill_short_gaps_only():
    energy = np.full(60, -80.0, np.float32)
    energy[10:20] = energy[25:35] = energy[50:55] = -25.0
    active = features.speech_frames(energy, gap=6)
    assert active[10:35].all()
    assert not active[36:49].any()
    assert not features.speech_frames(np.full(50, -80.0, np.float32)).any()
