"""The last half minute of a leg's measured frames, in memory that does not grow."""

from __future__ import annotations

from typing import Final

import numpy as np
from numpy.typing import NDArray

from appliance.affect.features import MEL_BANDS
from appliance.affect.frames import Frames

#: 30 s: the longest utterance that is described as a whole
CAPACITY: Final = 3000


class FrameRing:
    """Frames with the time at which each begins; the oldest are overwritten."""

    def __init__(self) -> None:
        self._times = np.full(CAPACITY, -1, np.int64)
        single = [np.zeros(CAPACITY, np.float32) for _ in range(5)]
        self._frames = Frames(np.zeros((CAPACITY, MEL_BANDS), np.float32), *single)
        self._next = 0

    def append(self, start_ms: int, frames: Frames) -> None:
        """Add successive frames of 10 ms, the first at `start_ms`; times must not go back."""
        places = (self._next + np.arange(len(frames))) % CAPACITY
        self._times[places] = start_ms + 10 * np.arange(len(frames))
        stored = self._frames
        stored.mel[places], stored.energy[places] = frames.mel, frames.energy
        stored.clipped[places], stored.lost[places] = frames.clipped, frames.lost
        stored.pitch[places], stored.periodicity[places] = frames.pitch, frames.periodicity
        self._next = (self._next + len(frames)) % CAPACITY

    def between(self, start_ms: int, end_ms: int) -> tuple[NDArray[np.int64], Frames]:
        """The frames that begin in [start_ms, end_ms) and are still kept, oldest first, and their times."""
        inside = np.flatnonzero((self._times >= max(start_ms, 0)) & (self._times < end_ms))
        # the older half of the ring lies behind the place that is written next
        inside = np.concatenate([inside[inside >= self._next], inside[inside < self._next]])
        return self._times[inside], self._frames.at(inside)
