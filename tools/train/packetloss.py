"""Packets that never arrive, as a receiver without them hears the call."""

from __future__ import annotations

from typing import Final

import numpy as np
from numpy.typing import NDArray

#: A packet of G.711 of 20 ms, in samples at 8 kHz.
PACKET: Final = 160
#: Losses come in bursts: one follows another so often.
_AGAIN: Final = 0.33


def lose_packets(samples: NDArray[np.int16], share: float, rng: np.random.Generator) -> NDArray[np.int16]:
    """Lose about this share of the packets; half of the gaps are silence, half the packet before, faded."""
    out = samples.copy()
    lost = False
    for start in range(PACKET, len(out) - PACKET, PACKET):
        lost = rng.random() < (_AGAIN if lost else share)
        if lost:
            previous = out[start - PACKET : start]
            out[start : start + PACKET] = previous // 2 if rng.random() < 0.5 else 0
    return out
