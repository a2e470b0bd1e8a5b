"""What lies between a mouth and the recognizer: pace, room, other people, telephone, line, lost packets."""

from __future__ import annotations

from typing import Final

import numpy as np
import soxr
from numpy.typing import NDArray

from appliance.telephony.band import TELEPHONE_RATE, telephone_band
from tools.train.emotions.augment import level
from tools.train.packetloss import PACKET, lose_packets

FULL_SCALE: Final = 32768.0


def through_line(
    samples: NDArray[np.float32],
    rate: int,
    speed: float,
    behind: NDArray[np.float32],
    rng: np.random.Generator,
) -> NDArray[np.int16]:
    """A recording, shape (n,), at `rate` Hz as it reaches the box: int16 at 8 kHz, at `speed` times its pace.

    `behind` is other sound at 8 kHz (people, music) that may be mixed in.
    """
    out = np.asarray(soxr.resample(samples, rate * speed, TELEPHONE_RATE, quality="MQ"), np.float32)
    out /= level(out)
    if rng.random() < 0.15:
        out = _room(out, rng)
    out = np.convolve(out, [1.0, rng.uniform(-0.6, 0.6)])[: len(out)].astype(np.float32)
    out /= level(out)
    if rng.random() < 0.5:
        out += _noise(len(out), rng) * 10 ** (-rng.uniform(12, 40) / 20)
    if len(behind) > PACKET and rng.random() < 0.08:
        out += np.resize(behind, len(out)) / level(behind) * 10 ** (-rng.uniform(15, 35) / 20)
    out *= FULL_SCALE * 10 ** (-rng.uniform(15, 38) / 20)
    if rng.random() < 0.85:
        coded = telephone_band(np.clip(np.rint(out), -32768, 32767).astype(np.int16), TELEPHONE_RATE)
    else:
        coded = np.clip(np.rint(out), -32768, 32767).astype(np.int16)
    return lose_packets(coded, rng.uniform(0.003, 0.05), rng) if rng.random() < 0.15 else coded


def _room(samples: NDArray[np.float32], rng: np.random.Generator) -> NDArray[np.float32]:
    """Reverberation: noise behind the sound that falls by 60 dB within 0.1 to 0.5 s (Polack's model)."""
    decay = rng.uniform(0.1, 0.5) * TELEPHONE_RATE
    tail = rng.standard_normal(int(decay * 0.6)) * np.exp(-6.9 * np.arange(int(decay * 0.6)) / decay)
    tail *= 10 ** (-rng.uniform(3, 15) / 20) / level(tail.astype(np.float32)) / np.sqrt(len(tail))
    tail[0] = 1.0
    size = len(samples) + len(tail)
    spectrum = np.fft.rfft(samples, size) * np.fft.rfft(tail, size)
    return np.fft.irfft(spectrum, size)[: len(samples)].astype(np.float32)


def _noise(length: int, rng: np.random.Generator) -> NDArray[np.float32]:
    """Noise of unit level, its spectrum somewhere between white and brown, now and then with mains hum."""
    spectrum = np.fft.rfft(rng.standard_normal(length))
    spectrum /= np.maximum(np.arange(len(spectrum)), 30) ** rng.uniform(0.0, 1.0)
    noise = np.fft.irfft(spectrum, length).astype(np.float32)
    noise /= level(noise)
    if rng.random() < 0.1:
        phase = 2 * np.pi * rng.choice([50, 60]) * np.arange(length) / TELEPHONE_RATE
        noise += sum(np.sin(phase * k) / k for k in (3, 5, 7, 9)).astype(np.float32)
    return noise
