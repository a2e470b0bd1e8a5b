"""What a telephone does to a voice: speed of the speaker, tone of the set, gain, noise, band, codec, loss."""

from __future__ import annotations

import numpy as np
import soxr
from numpy.typing import NDArray

from appliance.telephony.band import telephone_band

#: a packet of G.711, in samples at 8 kHz
PACKET = 160


def _level(samples: NDArray[np.float64]) -> float:
    return float(np.sqrt(np.mean(samples**2)) + 1e-9)


def _lose_packets(samples: NDArray[np.int16], share: float, rng: np.random.Generator) -> NDArray[np.int16]:
    out = samples.copy()
    lost = False
    for start in range(PACKET, len(out) - PACKET, PACKET):
        # bursts: a loss follows a loss in a third of the cases
        lost = rng.random() < (0.33 if lost else share)
        if lost:
            previous = out[start - PACKET : start]
            out[start : start + PACKET] = previous // 2 if rng.random() < 0.5 else 0
    return out


def telephone_copy(
    samples: NDArray[np.float64], rate: int, rng: np.random.Generator | None
) -> NDArray[np.int16]:
    """A recording (float, any level) through the telephone, int16 at 8 kHz.

    Without a generator the copy is the plain band and codec at -26 dB below full scale (the usual active
    speech level, ITU-T P.56); with one, everything that varies between lines varies.
    """
    out = samples / _level(samples)
    if rng is None:
        return telephone_band(np.clip(out * 32768 * 10 ** (-26 / 20), -32768, 32767).astype(np.int16), rate)
    speed = rng.uniform(0.9, 1.12)
    out = np.asarray(soxr.resample(out, rate * speed, rate))
    tilt = rng.uniform(-0.5, 0.5)
    out = np.convolve(out, [1.0, tilt])[: len(out)]
    out /= _level(out)
    if rng.random() < 0.6:
        spectrum = np.fft.rfft(rng.standard_normal(len(out)))
        spectrum /= np.maximum(np.arange(len(spectrum)), 30) ** rng.uniform(0.0, 0.8)
        behind = np.fft.irfft(spectrum, len(out))
        out = out + behind / _level(behind) * 10 ** (-rng.uniform(10, 40) / 20)
    gain = 32768 * 10 ** (-rng.uniform(16, 38) / 20)
    narrow = telephone_band(np.clip(out * gain, -32768, 32767).astype(np.int16), rate)
    if rng.random() < 0.3:
        narrow = _lose_packets(narrow, rng.uniform(0.005, 0.06), rng)
    return narrow
