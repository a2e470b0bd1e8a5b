"""Log energies of a mel filter bank, as Kaldi and its streaming recognizers define them.

Povey et al., "The Kaldi speech recognition toolkit" (ASRU 2011), feat/feature-fbank.cc with the options
that sherpa-onnx sets: frames of 25 ms every 10 ms, no dither, the mean taken off, pre-emphasis 0.97, Povey's
window, a spectrum of 512 points, 80 triangles from 20 to 7600 Hz, frames centred (snip_edges is false).
"""

from __future__ import annotations

from typing import Final

import numpy as np
from numpy.typing import NDArray

RATE: Final = 16_000
FILTERS: Final = 80
SHIFT: Final = RATE * 10 // 1000
_LENGTH: Final = RATE * 25 // 1000
_POINTS: Final = 512
_PRE_EMPHASIS: Final = np.float32(0.97)
_LOW_HERTZ: Final = 20.0
_HIGH_HERTZ: Final = 7600.0
_LEAST: Final = np.finfo(np.float32).eps
#: The first frame's centre lies half a shift behind the beginning, so that it begins before it.
_BEFORE: Final = _LENGTH // 2 - SHIFT // 2


def _mel(hertz: NDArray[np.float64] | float) -> NDArray[np.float64]:
    return np.asarray(1127.0 * np.log(1.0 + np.asarray(hertz) / 700.0))


def _triangles() -> NDArray[np.float32]:
    """Weights, shape (spectrum, filters)."""
    low, high = float(_mel(_LOW_HERTZ)), float(_mel(_HIGH_HERTZ))
    width = (high - low) / (FILTERS + 1)
    centres = low + width * np.arange(1, FILTERS + 1)
    # Kaldi's bank ends below half the rate: the last point of the spectrum is in no filter.
    points = _mel(np.arange(_POINTS // 2) * RATE / _POINTS)[:, np.newaxis]
    weights = np.maximum(0.0, 1.0 - np.abs(points - centres) / width)
    return np.vstack((weights, np.zeros((1, FILTERS)))).astype(np.float32)


_WEIGHTS: Final = _triangles()
_WINDOW: Final = ((0.5 - 0.5 * np.cos(2 * np.pi * np.arange(_LENGTH) / (_LENGTH - 1))) ** 0.85).astype(
    np.float32
)
_PLACES: Final = np.arange(_LENGTH)


class FilterBank:
    """Turns one stream of audio into frames, whatever the packets are."""

    def __init__(self) -> None:
        self._begun = False
        self._waiting = np.zeros(0, np.float32)

    def accept(self, samples: NDArray[np.float32]) -> NDArray[np.float32]:
        """The frames that are whole with these samples.

        Args:
            samples: float32 at 16 kHz, shape (n,), -1..1.

        Returns:
            Natural logarithms of energies, float32, shape (frames, 80).
        """
        self._waiting = np.concatenate((self._waiting, samples))
        if not self._begun:
            if len(self._waiting) < _LENGTH:
                return np.zeros((0, FILTERS), np.float32)
            self._begun = True
            self._waiting = np.concatenate((self._waiting[:_BEFORE][::-1], self._waiting))
        count = (len(self._waiting) - _LENGTH) // SHIFT + 1
        if count <= 0:
            return np.zeros((0, FILTERS), np.float32)
        frames = self._waiting[np.arange(count)[:, np.newaxis] * SHIFT + _PLACES]
        self._waiting = self._waiting[count * SHIFT :]
        return _log_energies(frames)


def _log_energies(frames: NDArray[np.float32]) -> NDArray[np.float32]:
    frames = frames - frames.mean(axis=1, keepdims=True)
    sharp = frames.copy()
    sharp[:, 1:] -= _PRE_EMPHASIS * frames[:, :-1]
    sharp[:, 0] -= _PRE_EMPHASIS * frames[:, 0]
    spectrum = np.fft.rfft(sharp * _WINDOW, _POINTS)
    power = (spectrum.real**2 + spectrum.imag**2).astype(np.float32)
    energies: NDArray[np.float32] = np.log(np.maximum(power @ _WEIGHTS, _LEAST))
    return energies
