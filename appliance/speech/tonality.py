"""How steady the tones of a sound are: notes keep their pitch from frame to frame, voices never do.

The fine structure of the spectrum (what is left when the envelope is taken off) is compared with that of two
frames before. A plucked, bowed or electronic note has its harmonics in the same places, so both are alike;
the pitch of Mandarin glides, so that already its middle harmonics have moved. Noise has no structure that
stays.
"""

from __future__ import annotations

from typing import Final

import numpy as np
from numpy.typing import NDArray

from appliance.speech.voiceactivity import FRAME_MS

#: Longer windows part the harmonics of low voices (15.6 Hz a bin), shorter ones follow short notes.
WINDOW_MS: Final = 64
#: Frames between the two spectra.
_LAG: Final = 2
#: The envelope is the mean of so many bins (234 Hz), more than the distance of most voices' harmonics.
_ENVELOPE: Final = 15
#: Bins looked at, 156 to 3437 Hz, as a telephone line lets through; the envelope needs seven more each side.
_FIRST: Final = 10 - _ENVELOPE // 2
_LAST: Final = 220 + _ENVELOPE // 2
#: Added to magnitudes (int16 scale), so that what is quieter than the line's noise is no structure.
_FLOOR: Final = 30.0


class Tonality:
    """Compares the frames of one leg with those before."""

    def __init__(self, rate: int) -> None:
        """Listen to int16 audio at `rate` Hz."""
        self._frame = rate * FRAME_MS // 1000
        size = rate * WINDOW_MS // 1000
        self._window: NDArray[np.float64] = np.hanning(size)
        self._before = np.zeros(size - self._frame + _LAG * self._frame, np.int16)

    def skip(self, samples: NDArray[np.int16]) -> None:
        """Take audio that need not be measured; only its end is kept."""
        size = len(self._before)
        self._before = np.concatenate((self._before, samples[-size:]))[-size:]

    def measure(self, samples: NDArray[np.int16]) -> list[float]:
        """How alike each frame's tones are to those of 40 ms before.

        Args:
            samples: int16, shape (k · frame,), whole frames only.

        Returns:
            k correlations, -1..1: above 0.75 for most music, about 0.4 for speech and noise.
        """
        count = len(samples) // self._frame + _LAG
        line = np.concatenate((self._before, samples)).astype(np.float64)
        step = line.strides[0]
        frames = np.lib.stride_tricks.as_strided(
            line, (count, len(self._window)), (self._frame * step, step), writeable=False
        )
        self.skip(samples)
        spectra = np.abs(np.fft.rfft(frames * self._window)[:, _FIRST:_LAST])
        levels = np.log(spectra + _FLOOR)
        sums = np.zeros((count, levels.shape[1] + 1))
        np.cumsum(levels, axis=1, out=sums[:, 1:])
        envelope = (sums[:, _ENVELOPE:] - sums[:, :-_ENVELOPE]) / _ENVELOPE
        fine = levels[:, _ENVELOPE // 2 : -(_ENVELOPE // 2)] - envelope
        fine -= fine.mean(axis=1, keepdims=True)
        fine /= np.sqrt(np.einsum("ij,ij->i", fine, fine))[:, None] + 1e-9
        alike: list[float] = np.einsum("ij,ij->i", fine[_LAG:], fine[:-_LAG]).tolist()
        return alike


#: Frames of sound that are judged together, and how many there must be.
_JUDGED: Final = 25
_LEAST_JUDGED: Final = 12
#: Mean likeness from which on a sound is music; 98 in 100 half seconds of telephone speech are below 0.56.
_STEADY: Final = 0.6
#: A sound that falls by so much below its own mean has changed: somebody speaks over the music. Between the
#: two bounds, because the notes of some music are less steady than those of other, and none is always steady.
_FALL: Final = 0.15
_MOST_STEADY: Final = 0.72
#: How fast the sound's own mean follows (five seconds).
_FOLLOWING: Final = 1 / 250


class Steadiness:
    """Judges the last half second of sound, pauses left out."""

    def __init__(self) -> None:
        self._likeness: list[float] = []
        self._mean = _STEADY

    def add(self, likeness: float) -> None:
        """One frame of sound."""
        self._likeness.append(likeness)
        del self._likeness[:-_JUDGED]
        self._mean += (likeness - self._mean) * _FOLLOWING

    def begin(self) -> None:
        """Another sound begins."""
        self._likeness.clear()

    @property
    def steady(self) -> bool:
        """Whether this is music or a tone; false where too little was heard."""
        return len(self._likeness) >= _LEAST_JUDGED and self._average() >= self._bound

    @property
    def unsteady(self) -> bool:
        """Whether this is speech or noise; false where too little was heard."""
        return len(self._likeness) >= _LEAST_JUDGED and self._average() < self._bound

    @property
    def _bound(self) -> float:
        return min(_MOST_STEADY, max(_STEADY, self._mean - _FALL))

    def _average(self) -> float:
        return sum(self._likeness) / len(self._likeness)
