"""Voice activity of one leg: frames of 20 ms whose level stands out from a floor that follows the line.

The floor is the minimum of the smoothed level over about two seconds (minimum statistics, R. Martin,
"Noise power spectral density estimation based on optimal smoothing and minimum statistics", 2001): syllables
have gaps, a steady noise has none, so speech lifts the floor little and a fan lifts it fully.
"""

from __future__ import annotations

from collections import deque
from typing import Final

import numpy as np
from numpy.typing import NDArray

FRAME_MS: Final = 20

#: Speech begins where this many of the last frames stand this far above the floor, in dB.
_ONSET_DB: Final = 9.0
_ONSET_FRAMES: Final = 3
_ONSET_WINDOW: Final = 5
#: A frame of speech that has begun need stand out only this far.
_HOLD_DB: Final = 6.0
#: So long without such a frame, and speech has ended; shorter gaps are stops and pauses inside a word.
HANGOVER_FRAMES: Final = 10

#: The floor is the least level of the last eight blocks of 15 frames (2.4 s).
_BLOCK_FRAMES: Final = 15
_BLOCKS: Final = 8
#: Below this a line is digital silence or comfort noise; G.711's smallest step is about -66 dBFS.
_LOWEST_FLOOR_DB: Final = -60.0
#: A line begins with this floor, so that a call which begins with speech is heard from its first word.
_FIRST_FLOOR_DB: Final = -50.0
_FULL_SCALE: Final = 32768.0
#: Taking off the mean of 2.5 ms takes out hum and rumble below about 180 Hz and leaves voices whole.
_MEAN_SECONDS: Final = 0.0025


class VoiceActivity:
    """Decides frame by frame; the answer does not depend on how the samples were cut into packets."""

    def __init__(self, rate: int) -> None:
        """Listen to int16 audio at `rate` Hz."""
        self.frame = rate * FRAME_MS // 1000
        self._before: NDArray[np.float64] = np.zeros(int(rate * _MEAN_SECONDS))
        self._smoothed: float | None = None
        self._block_least = 0.0
        self._block_frames = 0
        self._least: deque[float] = deque(maxlen=_BLOCKS)
        self._floor = _FIRST_FLOOR_DB
        self._loud: deque[bool] = deque(maxlen=_ONSET_WINDOW)
        self._quiet_frames = 0
        self.active = False

    def decide(self, samples: NDArray[np.int16]) -> list[bool]:
        """Whether each frame is speech.

        Args:
            samples: int16, shape (k · frame,), whole frames only.

        Returns:
            k truth values. The first is true a few frames after the sound began: keep a pre-roll.
            `active` goes on for 200 ms after the last true one.
        """
        return [self._frame(level) for level in self._levels(samples).tolist()]

    def _levels(self, samples: NDArray[np.int16]) -> NDArray[np.float64]:
        width = len(self._before)
        wide: NDArray[np.float64] = np.concatenate((self._before, samples.astype(np.float64)))
        self._before = wide[-width:]
        sums = np.cumsum(wide)
        voice = wide[width:] - (sums[width:] - sums[:-width]) / width
        frames = voice.reshape(-1, self.frame)
        power = np.einsum("ij,ij->i", frames, frames) / (self.frame * _FULL_SCALE**2)
        levels: NDArray[np.float64] = 10.0 * np.log10(power + 1e-12)
        return levels

    def _frame(self, level: float) -> bool:
        self._follow_floor(level)
        above = level - self._floor
        self._loud.append(above >= _ONSET_DB)
        if not self.active:
            if sum(self._loud) < _ONSET_FRAMES:
                return False
            self.active = True
            self._quiet_frames = 0
            return True
        if above >= _HOLD_DB:
            self._quiet_frames = 0
            return True
        self._quiet_frames += 1
        if self._quiet_frames >= HANGOVER_FRAMES:
            self.active = False
            self._loud.clear()
        return False

    def _follow_floor(self, level: float) -> None:
        smoothed = level if self._smoothed is None else 0.7 * self._smoothed + 0.3 * level
        self._smoothed = smoothed
        self._block_least = smoothed if self._block_frames == 0 else min(self._block_least, smoothed)
        self._block_frames += 1
        if self._block_frames == _BLOCK_FRAMES:
            self._least.append(self._block_least)
            self._block_frames = 0
            if len(self._least) == _BLOCKS:
                self._floor = max(_LOWEST_FLOOR_DB, min(self._least))
                return
        # A quieter line is believed at once, a louder one only after all blocks have said so.
        self._floor = max(_LOWEST_FLOOR_DB, min(self._floor, smoothed))
