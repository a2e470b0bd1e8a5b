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
        end = self._next + len(frames)
        places: slice | NDArray[np.intp] = slice(self._next, end)
        if end > CAPACITY:
            places = np.arange(self._next, end) % CAPACITY
        self._times[places] = start_ms + 10 * np.arange(len(frames))
        stored = self._frames
        stored.mel[places], stored.energy[places] = frames.mel, frames.energy
        stored.clipped[places], stored.lost[places] = frames.clipped, frames.lost
        stored.pitch[places], stored.periodicity[places] = frames.pitch, frames.periodicity
        self._next = end % CAPACITY

    def between(self, start_ms: int, end_ms: int) -> tuple[NDArray[np.int64], Frames]:
        """The frames that begin in [start_ms, end_ms) and are still kept, oldest first, and their times.

        They are good until the next `append`.
        """
        span = (max(start_ms, 0), max(start_ms, end_ms, 0))
        # the older part of the ring lies behind the place that is written next
        older = self._next + np.searchsorted(self._times[self._next :], span)
        newer = np.searchsorted(self._times[: self._next], span)
        if older[0] == older[1]:
            inside: slice | NDArray[np.intp] = slice(newer[0], newer[1])
        elif newer[0] == newer[1]:
            inside = slice(older[0], older[1])
        else:
            inside = np.concatenate([np.arange(*older), np.arange(*newer)])
        return self._times[inside], self._frames.at(inside)
