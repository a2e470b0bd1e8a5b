"""What two trackers may teach where there are no glottal marks."""

from __future__ import annotations

import numpy as np

from appliance.affect.features import Floats

#: they agree where they differ by less than this share
_AGREEMENT = 0.08


def agreement(sure: Floats, eager: Floats) -> Floats:
    """The pitch to learn, Hz, 0 where unvoiced, NaN where nothing is claimed, shape (frames,).

    What both hear at one pitch is voiced, however weak it is: two trackers seldom invent the same pitch. What
    the first does not hear is unvoiced, whatever the second says, which hears voice in much that has none.

    Args:
        sure: pitch in Hz by a tracker that seldom hears voice where there is none, 0 where unvoiced.
        eager: the same by another.
    """
    near = (sure > 0) & (eager > 0) & (np.abs(sure / np.maximum(eager, 1.0) - 1) < _AGREEMENT)
    return np.where(near, sure, np.where(sure == 0, np.float32(0.0), np.float32(np.nan))).astype(np.float32)
