"""What is measured in every 10 ms of telephone audio: log-mel, energy, clipping.

All functions work on frames, shape (..., FRAME), of any number of calls at once. `Framer` cuts the audio of
one leg into these frames; what it gives does not depend on how the audio was cut into packets.
"""

from __future__ import annotations

from typing import Final

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view
from numpy.typing import NDArray

Floats = NDArray[np.float32]

RATE: Final = 8000
#: samples from one frame to the next: 10 ms
HOP: Final = 80
#: samples of a frame, 50 ms: three periods of the lowest pitch (Boersma 1993, section 4)
FRAME: Final = 400
#: samples in the middle of a frame that log-mel and energy are measured on: 25 ms
MEL_FRAME: Final = 200
#: frames are handed on in chunks of this many, 80 ms: the block length of capture
CHUNK: Final = 8
MEL_BANDS: Final = 32
#: outside this range a telephone line carries nothing (ITU-T G.712)
MEL_LOW_HZ, MEL_HIGH_HZ = 200.0, 3600.0
#: the loudest codes of G.711 are 32256 (A-law) and 32124 (mu-law): at or above this a sample is at the stop
CLIPPED: Final = 32000
#: dB below full scale that stands for digital silence
SILENCE_DB: Final = -90.0

_FFT: Final = 256
_MIDDLE = slice((FRAME - MEL_FRAME) // 2, (FRAME + MEL_FRAME) // 2)
_WINDOW = np.hanning(MEL_FRAME + 1)[:MEL_FRAME].astype(np.float32)
#: power of 0.1 of an int16 step after the window; keeps the logarithm finite
_FLOOR: Final = 1e-8


def _mel(hertz: NDArray[np.float64]) -> NDArray[np.float64]:
    """The mel scale of O'Shaughnessy (1987)."""
    return np.asarray(2595.0 * np.log10(1.0 + hertz / 700.0))


def _filters() -> Floats:
    low, high = _mel(np.array([MEL_LOW_HZ, MEL_HIGH_HZ]))
    edges = np.linspace(float(low), float(high), MEL_BANDS + 2)
    bins = _mel(np.arange(_FFT // 2 + 1) * RATE / _FFT)
    rise = (bins[:, None] - edges[:-2]) / (edges[1:-1] - edges[:-2])
    fall = (edges[2:] - bins[:, None]) / (edges[2:] - edges[1:-1])
    weights = np.maximum(0.0, np.minimum(rise, fall))
    return np.asarray(weights / weights.sum(axis=0), np.float32)


_FILTERS = _filters()


def log_mel(frames: Floats) -> Floats:
    """Log-mel energies in dB re full scale, shape (..., MEL_BANDS), of int16-scaled frames (..., FRAME)."""
    middle = frames[..., _MIDDLE] / np.float32(32768.0)
    middle = (middle - middle.mean(axis=-1, keepdims=True)) * _WINDOW
    spectrum = np.fft.rfft(middle, _FFT, axis=-1)
    power = np.asarray(spectrum.real**2 + spectrum.imag**2, np.float32)
    # the window's energy normalises the level, so that 0 dB is a full-scale signal
    mel = (power @ _FILTERS) / np.float32((_WINDOW**2).sum())
    return np.asarray(10.0 * np.log10(mel + np.float32(_FLOOR)), np.float32)


def energy_db(frames: Floats) -> Floats:
    """Energy in dB below full scale without the direct current, shape (...,), not below SILENCE_DB."""
    middle = frames[..., _MIDDLE] / np.float32(32768.0)
    power = np.maximum(middle.var(axis=-1), 10.0 ** (SILENCE_DB / 10.0))
    return np.asarray(10.0 * np.log10(power), np.float32)


def clipped(frames: Floats) -> Floats:
    """Share of samples at the codec's stop, 0..1, shape (...,)."""
    return np.asarray(
        np.count_nonzero(np.abs(frames[..., _MIDDLE]) >= CLIPPED, axis=-1) / MEL_FRAME, np.float32
    )


def quantile(values: Floats, share: float) -> float:
    """As `numpy.quantile` of values of shape (n,), n > 0, in a tenth of its time for short arrays."""
    place = share * (len(values) - 1)
    below = int(place)
    above = min(below + 1, len(values) - 1)
    ordered = np.partition(values, (below, above))
    low, high = float(ordered[below]), float(ordered[above])
    return low + (high - low) * (place - below)


def speech_frames(energy: Floats, gap: int = 6) -> NDArray[np.bool_]:
    """Which frames of a stretch of one speaker hold speech, by energy alone, shape (n,).

    A frame counts if it is within 30 dB of the loud frames (95th percentile) and above -65 dB; gaps of at
    most `gap` frames are filled (closures of plosives last up to 60 ms).
    """
    if len(energy) == 0:
        return np.zeros(0, np.bool_)
    loud = quantile(energy, 0.95)
    active = energy > max(loud - 30.0, -65.0)
    places = np.flatnonzero(active)
    steps = np.diff(places)
    for index in np.flatnonzero((steps > 1) & (steps <= gap + 1)):
        active[places[index] : places[index + 1]] = True
    return np.asarray(active, np.bool_)


#: samples that a chunk's frames reach over
_WHOLE: Final = FRAME + (CHUNK - 1) * HOP


class Framer:
    """Cuts one leg into chunks of CHUNK frames; the buffer does not grow."""

    #: samples that may wait; a caller that feeds more drains between
    CAPACITY: Final = 4 * RATE
    _LEAD: Final = (FRAME - HOP) // 2

    def __init__(self) -> None:
        self._samples = np.zeros(self.CAPACITY + FRAME, np.float32)
        self._lost = np.zeros(self.CAPACITY + FRAME, np.float32)
        #: the first chunk's frames, shape (CHUNK, FRAME), and which of their samples are lost
        self._frames = sliding_window_view(self._samples[:_WHOLE], FRAME)[::HOP]
        self._lost_middles = sliding_window_view(self._lost[:_WHOLE], FRAME)[::HOP, _MIDDLE]
        self.reset()

    def reset(self) -> None:
        """Forget what waits. Frame 0 is centred on the middle of the first 10 ms that follow."""
        self._samples[: self._LEAD] = 0.0
        self._lost[: self._LEAD] = 0.0
        self._length = self._LEAD

    @property
    def room(self) -> int:
        """Samples that can be pushed now."""
        return len(self._samples) - self._length

    @property
    def ready(self) -> bool:
        """Whether a whole chunk waits."""
        return self._length >= _WHOLE

    def push(self, samples: NDArray[np.int16], lost: float = 0.0) -> None:
        """Append int16 samples at 8 kHz, shape (n,), n <= `room`; `lost` is the share that is concealment."""
        end = self._length + len(samples)
        self._samples[self._length : end] = samples
        self._lost[self._length : end] = lost
        self._length = end

    def take(self) -> tuple[Floats, Floats]:
        """The next chunk: frames, shape (CHUNK, FRAME), and what share of each was lost, shape (CHUNK,)."""
        frames = self._frames.copy()
        step = CHUNK * HOP
        left = self._length - step
        self._samples[:left] = self._samples[step : self._length]
        middle = np.zeros(CHUNK, np.float32)
        # nearly always nothing is
        if self._lost[:_WHOLE].any():
            middle = self._lost_middles.mean(axis=1)
        self._lost[:left] = self._lost[step : self._length]
        self._length = left
        return frames, np.asarray(middle, np.float32)


class Halver:
    """16 kHz to 8 kHz in a stream: a 63-tap low-pass at 3.6 kHz, then every second sample."""

    _TAPS: Final = 63

    def __init__(self) -> None:
        n = np.arange(self._TAPS) - self._TAPS // 2
        taps = 2 * 3600 / 16000 * np.sinc(2 * 3600 / 16000 * n) * np.hamming(self._TAPS)
        self._taps = taps / taps.sum()
        self.reset()

    def reset(self) -> None:
        """Start again after a gap."""
        # half the filter of silence before the first sample makes the delay nil
        self._past = np.zeros(self._TAPS // 2)
        self._odd = False

    def push(self, samples: NDArray[np.int16]) -> NDArray[np.int16]:
        """int16 at 16 kHz, shape (n,), to int16 at 8 kHz; half the filter waits for the next call."""
        signal = np.concatenate([self._past, samples])
        count = len(signal) - self._TAPS + 1
        if count <= 0:
            self._past = signal
            return np.zeros(0, np.int16)
        filtered = np.convolve(signal, self._taps, mode="valid")
        self._past = signal[count:]
        kept = filtered[int(self._odd) :: 2]
        self._odd = bool((count - int(self._odd)) % 2)
        return np.asarray(np.clip(np.rint(kept), -32768, 32767), np.int16)
