"""Synthetic telephone signals, int16 at 8 kHz, for the tests of this room."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from appliance.telephony.band import telephone_band

RATE = 8000
Samples = NDArray[np.int16]


def to_int16(signal: NDArray[np.float64], peak: float = 8000.0) -> Samples:
    return np.rint(signal / (np.abs(signal).max() + 1e-12) * peak).astype(np.int16)


def harmonic(hertz: NDArray[np.float64] | float, seconds: float, level: float = 8000.0) -> Samples:
    """A voice-like tone with a falling spectrum, through the telephone: below 300 Hz nothing is left."""
    t = np.arange(int(seconds * RATE)) / RATE
    track = np.broadcast_to(np.asarray(hertz, np.float64), t.shape)
    phase = 2 * np.pi * np.cumsum(track) / RATE
    highest = int(3400 / track.max())
    signal = sum((np.sin(k * phase + k) / k**0.5 for k in range(1, highest + 1)), np.zeros_like(t))
    return telephone_band(to_int16(signal, level), RATE)


def speechlike(seconds: float, seed: int = 1, middle: float = 160.0, level: float = 8000.0) -> Samples:
    """Syllables of 180 ms with moving pitch and short gaps: what the frames of speech look like."""
    rng = np.random.default_rng(seed)
    t = np.arange(int(seconds * RATE)) / RATE
    wander = np.interp(t, np.arange(0, seconds + 1, 0.25), rng.normal(0, 2, int((seconds + 1) / 0.25) + 1)[
        : len(np.arange(0, seconds + 1, 0.25))
    ])  # fmt: skip
    voice = harmonic(middle * 2 ** (wander / 12), seconds, level).astype(np.float64)
    within = (t % 0.24) / 0.24
    shape = np.where(within < 0.75, np.sin(np.pi * within / 0.75), 0.02)
    slow = 0.6 + 0.4 * np.sin(2 * np.pi * 0.7 * t + seed)
    return (voice * shape * slow).astype(np.int16)


def noise(seconds: float, seed: int = 2, level: float = 3000.0) -> Samples:
    rng = np.random.default_rng(seed)
    return telephone_band(
        np.clip(rng.normal(0, level, int(seconds * RATE)), -32768, 32767).astype(np.int16), RATE
    )


def keypad(seconds: float) -> Samples:
    t = np.arange(int(seconds * RATE)) / RATE
    rows, columns = (697, 770, 852, 941), (1209, 1336, 1477, 1633)
    out = np.zeros_like(t)
    for number, start in enumerate(np.arange(0, seconds, 0.2)):
        inside = (t >= start) & (t < start + 0.12)
        low, high = rows[number % 4], columns[(number // 2) % 4]
        out[inside] = np.sin(2 * np.pi * low * t[inside]) + np.sin(2 * np.pi * high * t[inside])
    return to_int16(out)


def music(seconds: float) -> Samples:
    """A plucked arpeggio over a sustained chord."""
    t = np.arange(int(seconds * RATE)) / RATE
    out = 0.4 * sum((np.sin(2 * np.pi * f * t) for f in (262.0, 330.0, 392.0)), np.zeros_like(t))
    for number, start in enumerate(np.arange(0, seconds, 0.3)):
        inside = t >= start
        local = t[inside] - start
        hertz = (523.0, 659.0, 784.0, 1047.0)[number % 4]
        out[inside] += np.exp(-5 * local) * (
            np.sin(2 * np.pi * hertz * local) + 0.5 * np.sin(4 * np.pi * hertz * local)
        )
    return to_int16(out)


def cry(seconds: float) -> Samples:
    t = np.arange(int(seconds * RATE)) / RATE
    within = t % 1.0
    track = 430.0 + 120.0 * np.sin(np.pi * within)
    phase = 2 * np.pi * np.cumsum(track) / RATE
    tone = sum((np.sin(k * phase) / k for k in range(1, 7)), np.zeros_like(t))
    return to_int16(tone * np.where(within < 0.75, np.sin(np.pi * within / 0.75), 0.0))
