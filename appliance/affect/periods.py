"""What the prosody model looks at: how strongly a frame repeats itself at each period of the speaking range.

Two correlations on one logarithmic axis of pitch, the plain one (Boersma 1993) and one of the compressed
spectrum (Tolonen and Karjalainen 2000), in which the harmonics speak together where the telephone has taken
the fundamental away; with the shape of the spectrum and the level beside them.
"""

from __future__ import annotations

from typing import Final

import numpy as np
from numpy.typing import NDArray

from appliance.affect.features import FRAME, RATE, Floats

#: the version of `describe`; a model is trained for one
PERIODS_VERSION: Final = 1
#: steps of the pitch axis, 50 cents each, and the pitch of the first
BINS: Final = 80
BINS_PER_OCTAVE: Final = 24
FIRST_HZ: Final = 55.0
#: bands of the spectrum's shape
BANDS: Final = 24
#: numbers that describe a frame
INPUTS: Final = 2 * BINS + BANDS + 1

#: transform length; longer than FRAME plus the longest period, so that the correlation does not wrap
_FFT: Final = 576
_HALF: Final = FRAME // 2
_TAPER = np.hanning(FRAME + 2)[1:-1]
#: the transform's bins inside the telephone's pass band; the others are not worked out
_PLACES = np.arange(int(60.0 * _FFT / RATE) + 1, int(3600.0 * _FFT / RATE) + 1)
#: outside it a telephone line carries nothing (ITU-T G.712)
_BAND_LOW_HZ, _BAND_HIGH_HZ = 150.0, 3600.0
_LIMIT: Final = 4.0
_FLOOR: Final = np.float32(1e-3)


def bin_hertz() -> NDArray[np.float64]:
    """Pitch of each step of the axis in Hz, shape (BINS,)."""
    return np.asarray(FIRST_HZ * 2.0 ** (np.arange(BINS) / BINS_PER_OCTAVE))


def _half_transforms() -> tuple[Floats, Floats]:
    """Matrices from the even and odd half of a frame to the two parts of its transform.

    A transform about the middle of the frame splits into cosines of what is even and sines of what is odd,
    half as long each; taper and removal of the mean are linear, and inside. Each of shape (_HALF, bins).
    """
    times = np.arange(_HALF) + 0.5
    angles = 2 * np.pi * np.outer(times, _PLACES) / _FFT
    taper = _TAPER[_HALF:, None]
    cosines = taper * np.cos(angles)
    # the mean of a frame is the mean of its even half over the frame
    cosines -= cosines.sum(axis=0) / _HALF
    return np.asarray(cosines, np.float32), np.asarray(taper * np.sin(angles), np.float32)


def _cosines() -> Floats:
    """The inverse transform at lag 0 and at the periods of the axis, divided by the taper's own correlation.

    Shape (bins, 1 + BINS).
    """
    lags = np.concatenate([[0.0], RATE / bin_hertz()])
    hertz = _PLACES * RATE / _FFT
    pass_band = np.clip((hertz - 60.0) / 60.0, 0.0, 1.0) * np.clip((3600.0 - hertz) / 400.0, 0.0, 1.0)
    cosines = np.cos(2 * np.pi * np.outer(_PLACES, lags) / _FFT) * pass_band[:, None]
    whole = np.arange(_FFT // 2 + 1)
    weights = np.where((whole == 0) | (whole == _FFT // 2), 1.0, 2.0)
    spectrum = weights * np.abs(np.fft.rfft(_TAPER, _FFT)) ** 2
    taper = spectrum @ np.cos(2 * np.pi * np.outer(whole, lags) / _FFT)
    return np.asarray(cosines / np.maximum(taper / taper[0], 0.1), np.float32)


def _bands() -> Floats:
    """Triangles evenly spaced on a logarithmic axis, shape (bins, BANDS)."""
    edges = np.geomspace(_BAND_LOW_HZ, _BAND_HIGH_HZ, BANDS + 2)
    hertz = _PLACES[:, None] * RATE / _FFT
    rise = (hertz - edges[:-2]) / (edges[1:-1] - edges[:-2])
    fall = (edges[2:] - hertz) / (edges[2:] - edges[1:-1])
    # the lowest bands are narrower than a transform bin is wide
    weights = np.maximum(np.minimum(rise, fall), 0.0) + 1e-3 * (np.abs(hertz - edges[1:-1]) < RATE / _FFT)
    return np.asarray(weights / weights.sum(axis=0), np.float32)


_EVEN, _ODD = _half_transforms()
_PERIODS, _SHAPE = _cosines(), _bands()


def describe(frames: Floats, level: Floats) -> Floats:
    """The description of frames.

    Args:
        frames: int16 scale, shape (..., FRAME).
        level: dB above (below) the loud frames of the leg, shape (...,).

    Returns:
        Shape (..., INPUTS): the compressed correlation, the plain one, the spectrum's shape, the level; all
        scaled to about -4 .. 4, and independent of the gain.
    """
    later, earlier = frames[..., _HALF:], frames[..., _HALF - 1 :: -1]
    power, other = (later + earlier) @ _EVEN, (later - earlier) @ _ODD
    power *= power
    other *= other
    power += other
    compressed = np.sqrt(np.sqrt(power)) @ _PERIODS
    plain = power @ _PERIODS
    shape = 10.0 * np.log10(power @ _SHAPE + _FLOOR)
    shape -= shape.mean(axis=-1, keepdims=True)
    described = np.empty((*power.shape[:-1], INPUTS), np.float32)
    np.divide(
        compressed[..., 1:], (compressed[..., :1] + _FLOOR) / np.float32(8.0), out=described[..., :BINS]
    )
    np.divide(
        plain[..., 1:], (plain[..., :1] + _FLOOR) / np.float32(3.0), out=described[..., BINS : 2 * BINS]
    )
    np.divide(shape, np.float32(8.0), out=described[..., 2 * BINS : -1])
    described[..., -1] = level / 10.0 + 1.0
    return np.clip(described, -_LIMIT, _LIMIT, out=described)
