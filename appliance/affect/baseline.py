"""A customer's own normal voice: learned in the first seconds of speech, then kept."""

from __future__ import annotations

from dataclasses import astuple, dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from appliance.affect.features import MEL_BANDS, SILENCE_DB, Floats
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


@dataclass(frozen=True, slots=True)
class Manner:
    """How an utterance was said, or how far it lies from the customer's usual manner."""

    #: 10th to 90th percentile of pitch, semitones
    pitch_range: float = 0.0
    #: semitones a second
    pitch_slope: float = 0.0
    #: standard deviation of frame loudness over speech, dB
    loudness_spread: float = 0.0
    #: share of the utterance that is pauses, 0..1
    pauses: float = 0.0


@dataclass(frozen=True, slots=True)
class Normal:
    """A customer's normal voice, as far as it is known."""

    #: mean level of each band over frames of speech, dB below full scale, shape (MEL_BANDS,)
    mel: Floats
    #: mean level over frames of speech, dB below full scale
    energy: float
    #: median, 0 where nothing was voiced yet
    pitch_hz: float
    #: 0 .. 1 (settled)
    confidence: float


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
        self._mel = np.zeros(MEL_BANDS)
        self._energy = 0.0
        self._frames = 0
        self._manner = np.zeros(4)
        self._manner_seconds = 0.0

    @property
    def confidence(self) -> float:
        """0 (nothing heard) .. 1 (settled), by the share of the voiced speech that it takes to settle."""
        return float(min(1.0, self._pitch.sum() / SETTLED_FRAMES))

    @property
    def normal(self) -> Normal | None:
        """The normal voice so far; None before anything was heard."""
        if self._frames == 0:
            return None
        pitch_hz = LOWEST_HZ * 2.0 ** (_median(self._pitch) / 48.0) if self._pitch.any() else 0.0
        mel = np.asarray(self._mel / self._frames, np.float32)
        return Normal(mel, self._energy / self._frames, float(pitch_hz), self.confidence)

    def learn(self, pitch: Floats, loudness: Floats, mel: Floats, syllables: int, seconds: float) -> None:
        """Take one utterance.

        Args:
            pitch: of voiced frames, Hz.
            loudness: of frames of speech, dB, shape (n,).
            mel: of the same frames, dB, shape (n, MEL_BANDS).
            syllables: how many were heard.
            seconds: of speech, pauses left out.
        """
        if self._pitch.sum() < SETTLED_FRAMES:
            self._mel += mel.sum(axis=0)
            self._energy += float(loudness.sum())
            self._frames += len(loudness)
            _count(self._pitch, 4 * 12 * np.log2(np.maximum(pitch, LOWEST_HZ) / LOWEST_HZ))
            _count(self._loudness, loudness - SILENCE_DB)
        if self._syllables < SETTLED_SYLLABLES and syllables > 0 and seconds > 0:
            self._syllables += syllables
            self._seconds += seconds

    def learn_manner(self, manner: Manner, seconds: float) -> None:
        """Take the manner of one utterance with this much speech, before `learn` takes its frames."""
        if self._pitch.sum() < SETTLED_FRAMES:
            self._manner += seconds * np.array(astuple(manner))
            self._manner_seconds += seconds

    def manner_shift(self, manner: Manner) -> Manner:
        """How far a manner lies from the usual one; zeros before anything was learned."""
        if self._manner_seconds <= 0:
            return Manner()
        return Manner(*(np.array(astuple(manner)) - self._manner / self._manner_seconds).tolist())

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
