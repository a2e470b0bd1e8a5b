"""A customer's own normal voice: learned in the first seconds of speech, then kept."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from appliance.affect.features import SILENCE_DB, Floats
from appliance.affect.pitch import HIGHEST_HZ, LOWEST_HZ

#: voiced frames after which pitch has settled: 8 s of voiced speech, about 15 s of talking
SETTLED_FRAMES: Final = 800
#: syllables after which tempo has settled, about 15 s of talking
SETTLED_SYLLABLES: Final = 60
_SEMITONES: Final = 12.0 * np.log2(HIGHEST_HZ / LOWEST_HZ)
_PITCH_BINS: Final = int(np.ceil(_SEMITONES * 4))  # of a quarter of a semitone
_LOUDNESS_BINS: Final = int(-SILENCE_DB)  # of one decibel


@dataclass(frozen=True, slots=True)
class Shift:
    """How far a stretch of speech lies from the baseline; 0 and 1 where there is none yet."""

    #: semitones
    pitch: float
    #: dB
    loudness: float
    #: ratio
    tempo: float


class Baseline:
    """Medians of pitch and loudness and the mean tempo, from histograms of fixed size.

    Once settled it no longer moves, so that a customer who grows angry over ten minutes is still compared
    with the voice of the beginning.
    """

    def __init__(self) -> None:
        self._pitch = np.zeros(_PITCH_BINS)
        self._loudness = np.zeros(_LOUDNESS_BINS)
        self._syllables = 0.0
        self._seconds = 0.0

    @property
    def confidence(self) -> float:
        """0 (nothing heard) .. 1 (settled), by the share of the voiced speech that it takes to settle."""
        return float(min(1.0, self._pitch.sum() / SETTLED_FRAMES))

    def learn(self, pitch: Floats, loudness: Floats, syllables: int, seconds: float) -> None:
        """Take one utterance: pitch of voiced frames (Hz), loudness of speech frames (dB), its syllables."""
        if self._pitch.sum() < SETTLED_FRAMES:
            _count(self._pitch, 4 * 12 * np.log2(np.maximum(pitch, LOWEST_HZ) / LOWEST_HZ))
            _count(self._loudness, loudness - SILENCE_DB)
        if self._syllables < SETTLED_SYLLABLES and syllables > 0 and seconds > 0:
            self._syllables += syllables
            self._seconds += seconds

    def shift(self, pitch_hz: float, loudness: float, tempo: float) -> Shift:
        """How an utterance of this median pitch (0: unvoiced), median loudness and tempo differs."""
        semitones = decibels = 0.0
        ratio = 1.0
        if pitch_hz > 0 and self._pitch.any():
            semitones = 12 * float(np.log2(pitch_hz / LOWEST_HZ)) - _median(self._pitch) / 4
        if self._loudness.any():
            decibels = loudness - (_median(self._loudness) + SILENCE_DB)
        if tempo > 0 and self._seconds > 0:
            ratio = tempo / (self._syllables / self._seconds)
        return Shift(semitones, decibels, ratio)


def _count(histogram: NDArray[np.float64], places: NDArray[np.float64] | Floats) -> None:
    bins = np.clip(places.astype(np.intp), 0, len(histogram) - 1)
    histogram += np.bincount(bins, minlength=len(histogram))


def _median(histogram: NDArray[np.float64]) -> float:
    """The median in bins, interpolated inside its bin."""
    total = np.cumsum(histogram)
    half = total[-1] / 2
    index = int(np.searchsorted(total, half))
    below = total[index] - histogram[index]
    return index + float((half - below) / max(histogram[index], 1e-9))
