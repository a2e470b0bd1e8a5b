"""Signals that voice activity may take for speech and that have no emotion: the model learns to say so."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

Signal = NDArray[np.float64]
RATE = 16_000


def _time(seconds: float) -> Signal:
    return np.arange(int(seconds * RATE)) / RATE


def _tone(t: Signal, hertz: Signal | float, harmonics: int, rng: np.random.Generator) -> Signal:
    phase = 2 * np.pi * np.cumsum(np.broadcast_to(hertz, t.shape)) / RATE
    weights = rng.uniform(0.2, 1.0, harmonics) / np.arange(1, harmonics + 1) ** rng.uniform(0.3, 1.2)
    return sum(
        (w * np.sin((k + 1) * phase + rng.uniform(0, 6.28)) for k, w in enumerate(weights)), np.zeros_like(t)
    )


def noise(t: Signal, rng: np.random.Generator) -> Signal:
    """Coloured noise, steady or swelling."""
    spectrum = np.fft.rfft(rng.standard_normal(len(t)))
    spectrum /= np.maximum(np.arange(len(spectrum)), 20) ** rng.uniform(0.0, 1.0)
    swell = 1.0 + rng.uniform(0, 0.9) * np.sin(2 * np.pi * rng.uniform(0.2, 4) * t)
    return np.fft.irfft(spectrum, len(t)) * swell


def music(t: Signal, rng: np.random.Generator) -> Signal:
    """Chords and melody of plucked or bowed tones at a steady beat."""
    beat = rng.uniform(0.15, 0.6)
    scale = 110.0 * 2 ** (np.array([0, 2, 4, 7, 9, 12, 14, 16, 19, 21, 24]) / 12) * 2 ** rng.uniform(0, 1)
    out = np.zeros_like(t)
    plucked = rng.random() < 0.6
    for start in np.arange(0, t[-1], beat):
        inside = (t >= start) & (t < start + beat * rng.choice([1, 2]))
        local = t[inside] - start
        for hertz in rng.choice(scale, rng.integers(1, 4), replace=False):
            vibrato = hertz * (1 + 0.01 * (not plucked) * np.sin(2 * np.pi * 5.5 * local))
            shape = np.exp(-local * rng.uniform(3, 8)) if plucked else np.minimum(1, local / 0.05)
            out[inside] += _tone(local, vibrato, int(rng.integers(2, 8)), rng) * shape
    return out


def keys(t: Signal, rng: np.random.Generator) -> Signal:
    """Dual tones of a keypad (ITU-T Q.23)."""
    out = np.zeros_like(t)
    length, rest = rng.uniform(0.07, 0.4), rng.uniform(0.05, 0.15)
    for start in np.arange(0, t[-1], length + rest):
        inside = (t >= start) & (t < start + length)
        low, high = rng.choice([697, 770, 852, 941]), rng.choice([1209, 1336, 1477, 1633])
        out[inside] = np.sin(2 * np.pi * low * t[inside]) + np.sin(2 * np.pi * high * t[inside])
    return out


def line_tone(t: Signal, rng: np.random.Generator) -> Signal:
    """Dial, busy and ringing tones, hum, sirens and steady harmonic sounds."""
    hertz: Signal | float = rng.uniform(100, 1500)
    if rng.random() < 0.4:
        hertz = hertz * (1 + rng.uniform(0.05, 0.5) * np.sin(2 * np.pi * rng.uniform(0.1, 3) * t))
    period = rng.choice([0.0, 0.35, 0.7, 1.0, 2.0])
    gate = np.ones_like(t) if period == 0 else ((t % (2 * period)) < period).astype(float)
    return _tone(t, hertz, int(rng.integers(1, 10)), rng) * gate


def cry(t: Signal, rng: np.random.Generator) -> Signal:
    """A baby's cry: rising and falling harmonic wails of 350 to 650 Hz, about one a second."""
    period = rng.uniform(0.7, 1.4)
    within = (t % period) / period
    on = within < rng.uniform(0.6, 0.85)
    hertz = (
        rng.uniform(350, 550)
        * (1 + rng.uniform(0.1, 0.3) * np.sin(np.pi * within))
        * (1 + 0.02 * np.sin(2 * np.pi * rng.uniform(5, 9) * t))
    )
    rough = 1 + rng.uniform(0, 0.5) * rng.standard_normal(len(t))
    return _tone(t, hertz, 8, rng) * np.sin(np.pi * within) * on * rough


def clicks(t: Signal, rng: np.random.Generator) -> Signal:
    """Knocks and clicks."""
    out = np.zeros_like(t)
    for start in np.cumsum(rng.exponential(rng.uniform(0.08, 0.4), 60)):
        inside = t >= start
        local = t[inside] - start
        out[inside] += np.exp(-local * rng.uniform(20, 150)) * rng.standard_normal(len(local))
    return out


KINDS: tuple[Callable[[Signal, np.random.Generator], Signal], ...] = (
    noise, music, keys, line_tone, cry, clicks,
)  # fmt: skip


def signal(rng: np.random.Generator) -> Signal:
    """2 to 4 s of one kind, sometimes with noise behind it; 16 kHz, peak at most 1."""
    t = _time(rng.uniform(2.0, 4.0))
    out = KINDS[rng.integers(len(KINDS))](t, rng)
    out = out / (np.abs(out).max() + 1e-9)
    if rng.random() < 0.5:
        behind = noise(t, rng)
        out = out + 10 ** rng.uniform(-2, -0.5) * behind / (np.abs(behind).max() + 1e-9)
    return out / (np.abs(out).max() + 1e-9)
