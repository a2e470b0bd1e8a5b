"""Pitch and voicing every 10 ms from telephone audio, for many calls at once.

A tracker by autocorrelation after Boersma, "Accurate short-term analysis of the fundamental frequency"
(1993), with two changes for the telephone: the spectrum is compressed before it is turned into a correlation
(Tolonen and Karjalainen 2000), which lets the harmonics speak together where the fundamental is missing, and
the best path is found over the last two chunks only, so that it runs in a stream.

`PitchTracker` is the interface; anything that fulfils it can take this tracker's place.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, Final, Protocol

import numpy as np
from numpy.typing import NDArray

from appliance.affect.features import CHUNK, FRAME, RATE, Floats

#: the range of speaking voices, children's and excited ones included
LOWEST_HZ, HIGHEST_HZ = 60.0, 520.0

Integers = NDArray[np.intp]


class PitchTracker(Protocol):
    """Finds pitch in chunks of frames of several legs; what it remembers of a leg is the leg's state."""

    def open(self) -> Any:
        """The state of a leg that begins."""

    def advance(self, states: Sequence[Any], frames: Floats, energy: Floats) -> tuple[Floats, Floats]:
        """Take the next chunk of each leg; hand out the chunk before it, which is now decided.

        Args:
            states: one a leg; they are changed.
            frames: shape (legs, CHUNK, FRAME), int16 scale.
            energy: shape (legs, CHUNK), dB below full scale.

        Returns:
            Pitch in Hz (0 where unvoiced) and periodicity 0..1, each of shape (legs, CHUNK), of the chunk
            before `frames` (of zeros, where there was none).
        """


@dataclass(slots=True)
class AutocorrelationState:
    """What the tracker remembers of one leg: the last chunk's candidates and how paths came to them."""

    #: best score of a path that ends in each state (0 unvoiced, then the candidates)
    score: NDArray[np.float64] = field(default_factory=lambda: np.zeros(CANDIDATES + 1))
    #: log2 of the candidates' frequencies, shape (CHUNK, CANDIDATES)
    octaves: Floats = field(default_factory=lambda: np.zeros((CHUNK, CANDIDATES), np.float32))
    strengths: Floats = field(default_factory=lambda: np.zeros((CHUNK, CANDIDATES), np.float32))
    #: for each frame and state the state before, shape (CHUNK, CANDIDATES + 1)
    before: Integers = field(default_factory=lambda: np.zeros((CHUNK, CANDIDATES + 1), np.intp))
    #: level of the loud frames so far, dB
    loud: float = -50.0


CANDIDATES: Final = 6
#: exponent of the magnitude spectrum; 2 is the plain autocorrelation
_COMPRESSION: Final = 0.67
#: transform length; longer than FRAME plus the longest lag, so that the correlation does not wrap
_FFT: Final = 540
#: the correlation is read at this many times the sampling rate
_OVERSAMPLING: Final = 2
_FIRST_LAG = int(np.floor(_OVERSAMPLING * RATE / HIGHEST_HZ))
_LAST_LAG = int(np.ceil(_OVERSAMPLING * RATE / LOWEST_HZ))
#: correlation an unvoiced frame is worth (Boersma's voicing threshold; lower, as compression lowers peaks)
_UNVOICED: Final = 0.15
#: worth of an octave downwards; Boersma favours the higher pitch, but without the fundamental the peaks that
#: formants and pairs of harmonics make at short lags are the greater danger
_OCTAVE: Final = 0.025
#: cost of a jump of one octave from frame to frame
_JUMP: Final = 0.8
#: cost of a change between voiced and unvoiced
_CHANGE: Final = 0.14
#: a frame this far below the loud ones, or below this level, cannot be voiced speech
_QUIET_BELOW_LOUD: Final = 32.0
_QUIET: Final = -62.0
#: the memory of the loud level fades by this much a frame, so that quiet speech after a shout is heard
_LOUD_FADE: Final = 0.02

_TAPER = np.hanning(FRAME + 2)[1:-1]


def _band() -> NDArray[np.float64]:
    """Weight of each transform bin: nothing below the lowest pitch or above the telephone's pass band."""
    hertz = np.arange(_FFT // 2 + 1) * RATE / _FFT
    rise = np.clip((hertz - 60.0) / 60.0, 0.0, 1.0)
    fall = np.clip((3600.0 - hertz) / 400.0, 0.0, 1.0)
    return np.asarray(rise * fall, np.float64)


_BAND = _band()


def _cosines() -> Floats:
    """The inverse transform at the wanted lags only, divided by the taper's own correlation (Boersma).

    Shape (bins, 1 + lags): lag 0, then _FIRST_LAG - 1 to _LAST_LAG + 1 of the finer grid.
    """
    lags = np.concatenate([[0], np.arange(_FIRST_LAG - 1, _LAST_LAG + 2)])
    bins = np.arange(_FFT // 2 + 1)
    cosines = np.cos(2 * np.pi * np.outer(bins, lags) / (_FFT * _OVERSAMPLING)) * _BAND[:, None]
    spectrum = np.abs(np.fft.rfft(_TAPER, _FFT)) ** 2
    taper = np.fft.irfft(spectrum, _FFT * _OVERSAMPLING)[lags]
    return np.asarray(cosines / (taper / taper[0]), np.float32)


_COSINES = _cosines()
_LAGS = np.arange(_FIRST_LAG, _LAST_LAG + 1, dtype=np.float32)
_LAG_WORTH = np.asarray(_OCTAVE * np.log2(_LAGS), np.float32)


def correlate(frames: Floats) -> Floats:
    """Normalised correlation of frames, shape (..., FRAME), at lags _FIRST_LAG - 1 to _LAST_LAG + 1."""
    tapered = (frames - frames.mean(axis=-1, keepdims=True)) * _TAPER
    spectrum = np.fft.rfft(tapered, _FFT, axis=-1)
    power = (spectrum.real**2 + spectrum.imag**2).astype(np.float32) ** np.float32(_COMPRESSION / 2)
    correlation = power @ _COSINES
    return np.asarray(correlation[..., 1:] / (correlation[..., :1] + np.float32(1e-9)), np.float32)


def candidates(frames: Floats) -> tuple[Floats, Floats]:
    """The strongest peaks of each frame's correlation.

    Returns:
        log2 of their frequencies and their heights (0 where there were fewer peaks), both of shape
        (..., CANDIDATES); peaks lie between LOWEST_HZ and HIGHEST_HZ and are interpolated by a parabola.
    """
    correlation = correlate(frames)
    left, middle, right = correlation[..., :-2], correlation[..., 1:-1], correlation[..., 2:]
    worth = np.where(
        (middle > left) & (middle >= right) & (middle > 0.0), middle + _LAG_WORTH, np.float32(-np.inf)
    )
    chosen = np.argpartition(worth, -CANDIDATES, axis=-1)[..., -CANDIDATES:]
    # a fixed order, so that ties do not depend on the partition
    chosen = np.sort(chosen, axis=-1)

    def at(values: Floats) -> Floats:
        return np.take_along_axis(values, chosen, axis=-1)

    peak, before, after = at(middle), at(left), at(right)
    curvature = before - 2.0 * peak + after
    safe = np.where(curvature < 0.0, curvature, -1.0)
    shift = np.clip(0.5 * (before - after) / safe, -0.5, 0.5)
    height = np.clip(peak - 0.25 * (before - after) * shift, 0.0, 1.0)
    period = (_LAGS[chosen] + shift) / np.float32(_OVERSAMPLING * RATE)
    found = np.isfinite(at(worth))
    return np.asarray(-np.log2(period), np.float32), np.where(found, height, np.float32(0.0))


class AutocorrelationTracker:
    """The tracker described at the top of this file."""

    def open(self) -> AutocorrelationState:
        """The state of a leg that begins."""
        return AutocorrelationState()

    def advance(
        self, states: Sequence[AutocorrelationState], frames: Floats, energy: Floats
    ) -> tuple[Floats, Floats]:
        """Take the next chunk of each leg and decide the one before it; see `PitchTracker.advance`."""
        octaves, strengths = candidates(frames)
        quiet = self._quiet(states, energy)
        worth = strengths + _OCTAVE * (np.log2(HIGHEST_HZ) - octaves)
        worth = np.where((strengths > 0.0) & ~quiet[..., None], worth, -4.0)
        score = np.stack([state.score for state in states])
        last = np.stack([state.octaves[-1:] for state in states])
        costs = _costs(np.concatenate([last, octaves], axis=1))
        gains = np.concatenate([np.full((len(states), CHUNK, 1), _UNVOICED), worth], axis=2)
        before = np.zeros((len(states), CHUNK, CANDIDATES + 1), np.intp)
        for step in range(CHUNK):
            paths = score[:, None, :] - costs[:, step]
            before[:, step] = paths.argmax(axis=2)
            score = paths.max(axis=2) + gains[:, step]
        path = _trace(score, np.concatenate([np.stack([s.before for s in states]), before], axis=1))
        pitch, periodicity = _read(states, path)
        for index, state in enumerate(states):
            state.score = score[index] - score[index].max()
            state.octaves, state.strengths, state.before = octaves[index], strengths[index], before[index]
        return pitch, periodicity

    @staticmethod
    def _quiet(states: Sequence[AutocorrelationState], energy: Floats) -> NDArray[np.bool_]:
        ordered = np.sort(energy, axis=1)
        # the 80th percentile of eight frames
        loud = 0.4 * ordered[:, CHUNK - 3] + 0.6 * ordered[:, CHUNK - 2]
        floors = np.zeros(len(states), np.float32)
        for index, state in enumerate(states):
            state.loud = max(state.loud - _LOUD_FADE * CHUNK, float(loud[index]))
            floors[index] = max(_QUIET, state.loud - _QUIET_BELOW_LOUD)
        return np.asarray(energy < floors[:, None], np.bool_)


def _costs(octaves: Floats) -> NDArray[np.float64]:
    """Cost of each step between states, shape (legs, frames - 1, to, from), of octaves (legs, frames, C)."""
    legs, frames, count = octaves.shape
    costs = np.zeros((legs, frames - 1, count + 1, count + 1))
    costs[..., 1:, 1:] = _JUMP * np.abs(octaves[:, 1:, :, None] - octaves[:, :-1, None, :])
    costs[..., 0, 1:] = costs[..., 1:, 0] = _CHANGE
    return costs


def _trace(score: NDArray[np.float64], before: Integers) -> Integers:
    """The states of the first CHUNK frames on the best path, shape (legs, CHUNK)."""
    rows = np.arange(len(score))
    state = score.argmax(axis=1)
    path = np.zeros((len(score), CHUNK), np.intp)
    for step in range(before.shape[1] - 1, 0, -1):
        state = before[rows, step, state]
        if step <= CHUNK:
            path[:, step - 1] = state
    return path


def _read(states: Sequence[AutocorrelationState], path: Integers) -> tuple[Floats, Floats]:
    octaves = np.stack([state.octaves for state in states])
    strengths = np.stack([state.strengths for state in states])
    candidate = np.maximum(path - 1, 0)[..., None]
    pitch = np.exp2(np.take_along_axis(octaves, candidate, axis=2)[..., 0])
    voiced = path > 0
    periodicity = np.where(voiced, np.take_along_axis(strengths, candidate, axis=2)[..., 0], 0.0)
    return np.where(voiced, pitch, 0.0).astype(np.float32), periodicity.astype(np.float32)
