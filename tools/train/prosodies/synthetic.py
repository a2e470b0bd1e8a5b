"""Voices made of harmonics, whose pitch is known exactly: pitches and timbres that no recording here has."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

Signal = NDArray[np.float64]
RATE = 16_000
LOWEST_HZ, HIGHEST_HZ = 60.0, 500.0
_TOP_HZ = 3800.0


def _contour(count: int, rng: np.random.Generator) -> Signal:
    """Pitch in Hz at each sample: a middle, slow movement, a little roughness."""
    middle = np.exp(rng.uniform(np.log(LOWEST_HZ * 1.15), np.log(HIGHEST_HZ / 1.15)))
    points = max(4, int(count / RATE / 0.12))
    steps = np.cumsum(rng.normal(0.0, rng.uniform(0.3, 2.5), points))
    steps -= steps.mean()
    semitones = np.interp(np.linspace(0, points - 1, count), np.arange(points), np.clip(steps, -7, 7))
    drift = np.interp(np.arange(count), np.arange(0, count + 80, 80), rng.normal(0, 0.1, count // 80 + 2)[
        : len(np.arange(0, count + 80, 80))
    ])  # fmt: skip
    return np.clip(middle * 2 ** ((semitones + drift) / 12), LOWEST_HZ, HIGHEST_HZ)


def _voicing(count: int, rng: np.random.Generator) -> Signal:
    """1 where the voice sounds, 0 elsewhere: stretches of 60 to 700 ms with gaps of 20 to 300 ms."""
    on = np.zeros(count)
    at = int(rng.uniform(0, 0.3) * RATE)
    while at < count:
        end = at + int(rng.uniform(0.06, 0.7) * RATE)
        on[at:end] = 1.0
        at = end + int(rng.uniform(0.02, 0.3) * RATE)
    return on


def _envelope(hertz: Signal, formants: Signal, widths: Signal, tilt: float) -> Signal:
    """Strength of harmonics at `hertz`, shape (k, n), under formants of shape (3, n)."""
    out = np.zeros_like(hertz)
    for centre, width in zip(formants, widths, strict=True):
        out += 1.0 / (1.0 + ((hertz - centre) / width) ** 2)
    return out * (np.maximum(hertz, 100.0) / 500.0) ** tilt


def voice(rng: np.random.Generator) -> tuple[Signal, Signal]:
    """Three seconds at 16 kHz, and its pitch in Hz at each sample (0 where unvoiced), both of shape (n,)."""
    count = 3 * RATE
    pitch, on = _contour(count, rng), _voicing(count, rng)
    edge = np.hanning(2 * 120)
    gate = np.convolve(on, edge / edge.sum(), mode="same")
    points = np.linspace(0, count - 1, 24)
    low, high = np.array([[280.0], [800.0], [2000.0]]), np.array([[900.0], [2400.0], [3400.0]])
    # the envelope is worked out every 5 ms, and held
    coarse = np.arange(0, count, 80)
    moving = low + (high - low) * rng.random((3, 24))
    formants = np.stack([np.interp(coarse, points, row) for row in moving])
    widths = rng.uniform([40.0, 60.0, 90.0], [160.0, 250.0, 350.0])
    tilt = rng.uniform(-1.6, -0.2)
    phase = 2 * np.pi * np.cumsum(pitch) / RATE
    orders = np.arange(1, int(_TOP_HZ / pitch.min()) + 1)
    strength = _envelope(orders[:, None] * pitch[coarse], formants, widths, tilt)
    strength *= orders[:, None] * pitch[coarse] < _TOP_HZ
    out = np.zeros(count)
    for order, row in zip(orders, strength, strict=True):
        out += np.repeat(row, 80)[:count] * np.sin(order * phase + rng.uniform(0, 6.28))
    breath = rng.standard_normal(count) * rng.uniform(0.0, 0.25) * np.sqrt(np.mean(out**2))
    hiss = np.convolve(rng.standard_normal(count), [1.0, -rng.uniform(0.2, 0.95)], mode="same")
    hiss *= rng.uniform(0.02, 0.5) * np.sqrt(np.mean(out**2)) * (rng.random() < 0.7)
    shape = np.interp(np.arange(count), points, rng.uniform(0.25, 1.0, 24))
    return (gate * (out + breath) + (1 - gate) * hiss) * shape, pitch * (gate > 0.5)
