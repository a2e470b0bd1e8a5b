"""The telephone band: what is left of a voice after 300 to 3400 Hz, 8 kHz and G.711 A-law."""

from __future__ import annotations

from functools import cache

import numpy as np
import soxr
from numpy.typing import NDArray

from appliance.telephony import g711

TELEPHONE_RATE = 8000
LOW_HZ, HIGH_HZ = 300.0, 3400.0
#: 255 taps at 8 kHz fall from pass band to stop band within about 100 Hz.
_TAPS = 255


@cache
def _band_pass() -> NDArray[np.float64]:
    n = np.arange(_TAPS) - (_TAPS - 1) / 2
    high = 2 * HIGH_HZ / TELEPHONE_RATE * np.sinc(2 * HIGH_HZ / TELEPHONE_RATE * n)
    low = 2 * LOW_HZ / TELEPHONE_RATE * np.sinc(2 * LOW_HZ / TELEPHONE_RATE * n)
    taps: NDArray[np.float64] = (high - low) * np.hamming(_TAPS)
    return taps


def to_rate(samples: NDArray[np.int16], rate: int, target: int) -> NDArray[np.int16]:
    """Resample int16 samples, shape (n,), from `rate` to `target` Hz."""
    if rate == target:
        return samples
    return np.asarray(soxr.resample(samples, rate, target), dtype=np.int16)


def telephone_band(samples: NDArray[np.int16], rate: int) -> NDArray[np.int16]:
    """Pass int16 samples, shape (n,), at `rate` Hz through a telephone line.

    Returns int16 at 8 kHz, band-passed to 300 to 3400 Hz without delay and coded with G.711 A-law.
    """
    narrow = to_rate(samples, rate, TELEPHONE_RATE).astype(np.float64)
    if len(narrow) == 0:
        return np.zeros(0, np.int16)
    filtered = np.convolve(narrow, _band_pass(), mode="full")[(_TAPS - 1) // 2 :][: len(narrow)]
    return g711.alaw_decode(g711.alaw_encode(np.clip(np.rint(filtered), -32768, 32767).astype(np.int16)))
