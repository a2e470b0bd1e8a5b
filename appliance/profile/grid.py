"""The grid that numbers of a profile lie on, and how they fade."""

from __future__ import annotations

import math


def fraction(value: float) -> float:
    """`value` on the schema's grid of 0.01; no negative zero, and 0 for what is not finite."""
    return round(value, 2) + 0.0 if math.isfinite(value) else 0.0


def clamp(value: float, low: float, high: float) -> float:
    """`value` held within `low` and `high`."""
    return low if value < low else high if value > high else value


def halved(passed_ms: float, half_life_ms: float) -> float:
    """What is left of 1 after `passed_ms`, in 0..1; times that run backwards fade nothing."""
    return math.pow(0.5, max(0.0, passed_ms) / half_life_ms)
