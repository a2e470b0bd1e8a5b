"""Notes, tones and chords are steady; voices that glide, and noise, are not."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.typing import NDArray

from appliance.speech.tonality import Steadiness, Tonality

RATES = pytest.mark.parametrize("rate", [8000, 16_000])


def harmonic(pitch: NDArray[np.float64], rate: int, harmonics: int = 12) -> NDArray[np.int16]:
    """A buzz of this pitch, Hz at each sample."""
    phase = np.cumsum(2 * np.pi * pitch / rate)
    wave = sum(np.sin(one * phase) / one for one in range(1, harmonics + 1))
    return np.rint(3000 * np.asarray(wave)).astype(np.int16)


def note(rate: int, seconds: float = 2.0) -> NDArray[np.int16]:
    return harmonic(np.full(int(seconds * rate), 196.0), rate)


def tune(rate: int, seconds: float = 2.0) -> NDArray[np.int16]:
    """A note of another pitch every 250 ms, each dying away."""
    time = np.arange(int(seconds * rate)) / rate
    notes = 180 * 2 ** (np.array([0, 4, 7, 12, 9, 5, 2, 7])[(time * 4).astype(int) % 8] / 12)
    return (harmonic(notes, rate) * np.exp(-4 * (time % 0.25))).astype(np.int16)


def voice(rate: int, seconds: float = 2.0) -> NDArray[np.int16]:
    """A fall of a third of the pitch in each syllable of 200 ms, as Mandarin's fourth tone has it."""
    time = np.arange(int(seconds * rate)) / rate
    return harmonic(240 - 80 * (time % 0.2) / 0.2, rate)


def noise(rate: int, seconds: float = 2.0) -> NDArray[np.int16]:
    return np.random.default_rng(3).normal(0, 2000, int(seconds * rate)).astype(np.int16)


def judged(samples: NDArray[np.int16], rate: int, packet: int = 4) -> Steadiness:
    tonality, steadiness = Tonality(rate), Steadiness()
    size = packet * rate // 50
    for start in range(0, len(samples) // size * size, size):
        for likeness in tonality.measure(samples[start : start + size]):
            steadiness.add(likeness)
    return steadiness


@RATES
@pytest.mark.parametrize("sound", [note, tune])
def test_music_is_steady(sound, rate: int) -> None:
    found = judged(sound(rate), rate)
    assert found.steady
    assert not found.unsteady


@RATES
@pytest.mark.parametrize("sound", [voice, noise])
def test_voices_and_noise_are_not(sound, rate: int) -> None:
    found = judged(sound(rate), rate)
    assert found.unsteady
    assert not found.steady


def test_too_little_sound_is_neither() -> None:
    found = judged(note(8000, 0.16), 8000)
    assert not found.steady
    assert not found.unsteady


def test_a_voice_over_music_makes_it_unsteady() -> None:
    music = note(8000, 10.0)
    assert judged(np.concatenate((music, voice(8000, 0.5) + note(8000, 0.5))), 8000).unsteady


def test_the_cut_into_packets_does_not_matter() -> None:
    samples = tune(8000)[:12_800]
    whole = Tonality(8000).measure(samples)
    parts = Tonality(8000)
    pieces = [one for start in range(0, 12_800, 640) for one in parts.measure(samples[start : start + 640])]
    assert pieces == pytest.approx(whole)


def test_audio_that_was_skipped_is_what_the_next_is_compared_with() -> None:
    samples = note(8000)
    tonality = Tonality(8000)
    tonality.skip(samples[:8000])
    assert min(tonality.measure(samples[8000:8640])) > 0.9
