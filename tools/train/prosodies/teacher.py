"""Pitch of recordings that have no glottal marks, from two public trackers that hear the whole band.

The trackers run in training only.
"""

from __future__ import annotations

import numpy as np
import parselmouth
import pyworld
from numpy.typing import NDArray

from appliance.affect.features import Floats
from appliance.affect.pitch import HIGHEST_HZ, LOWEST_HZ
from tools.train.prosodies.agreement import agreement

#: Praat's own bound of voicing, and the one at which it hears weak voices, too
_USUAL, _WEAK = 0.45, 0.3


def praat(samples: NDArray[np.float64], rate: int, frames: int, voiced_from: float = _USUAL) -> Floats:
    """Praat's autocorrelation (Boersma 1993) at the middle of each 10 ms frame, Hz, 0 where unvoiced."""
    sound = parselmouth.Sound(samples, rate)
    track = sound.to_pitch_ac(
        time_step=0.01, pitch_floor=LOWEST_HZ, pitch_ceiling=HIGHEST_HZ, voicing_threshold=voiced_from
    )
    found = [track.get_value_at_time(0.01 * number + 0.005) for number in range(frames)]
    return np.nan_to_num(np.array(found, np.float32))


def world(samples: NDArray[np.float64], rate: int, frames: int) -> Floats:
    """WORLD's DIO with StoneMask (Morise 2009) at the middle of each 10 ms frame, Hz, 0 where unvoiced."""
    whole = np.ascontiguousarray(samples, np.float64)
    rough, times = pyworld.dio(whole, rate, f0_floor=LOWEST_HZ, f0_ceil=HIGHEST_HZ, frame_period=5.0)
    pitch = pyworld.stonemask(whole, rough, times, rate)
    places = np.minimum(2 * np.arange(frames) + 1, len(pitch) - 1)
    return np.asarray(pitch[places], np.float32)


def agreed(samples: NDArray[np.float64], rate: int, frames: int) -> Floats:
    """The pitch that both trackers hear, 0 where Praat hears none, NaN where they differ, shape (frames,)."""
    return agreement(praat(samples, rate, frames, _WEAK), world(samples, rate, frames))
