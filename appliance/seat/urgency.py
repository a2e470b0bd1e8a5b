"""How much a call needs somebody's attention: the order of the supervisor's board.

A sum of points set by hand, not fitted to outcomes: what cannot be taken back (a promised return) and what is
about to break the call (anger, hostility, pressure after a no) come first; slow trouble adds to it. Pure.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Final

#: Points of a pacing cue, as long as it is younger than `CUE_COUNTS_SECONDS`.
CUE_POINTS: Final = {
    "pacing.promise_return": 45,
    "pacing.stop_asking": 30,
    "pacing.hard_sell": 25,
    "voice.angry": 20,
    "voice.sad": 10,
}
CUE_COUNTS_SECONDS: Final = 60.0
ALERT_POINTS: Final = 35
HOSTILE_POINTS: Final = 30
OBJECTION_POINTS: Final = 12
#: More open objections than this add nothing: the call needs attention anyway.
MAX_OBJECTIONS: Final = 2
HOLD_POINTS: Final = 10
FALLING_POINTS: Final = 15
#: A trend above this is the noise of an estimate.
FALLING_BELOW: Final = -0.1
#: From here down a low score adds half a point for each point.
LOW_SCORE: Final = 30
MAX_POINTS: Final = 100
MAX_REASONS: Final = 3


@dataclass(frozen=True, slots=True)
class Urgency:
    """`points` 0..100, and the codes that explain most of them, the weightiest first."""

    points: int
    reasons: tuple[str, ...]


def urgency(profile: dict[str, Any] | None, cues: list[tuple[str, float]]) -> Urgency:
    """The urgency of a call that goes on.

    Args:
        profile: the last profile message; None where none has come.
        cues: codes of the cues so far, and their ages in seconds.
    """
    parts: dict[str, float] = {}
    for code, age in cues:
        if age < CUE_COUNTS_SECONDS and code in CUE_POINTS:
            parts[code] = CUE_POINTS[code]
    if profile is not None:
        _add_profile(parts, profile)
    order = sorted(parts, key=lambda code: -parts[code])
    return Urgency(min(MAX_POINTS, round(sum(parts.values()))), tuple(order[:MAX_REASONS]))


def _add_profile(parts: dict[str, float], profile: dict[str, Any]) -> None:
    influence, relationship = profile["influence"], profile["relationship"]
    emotion = influence["emotion"]
    if emotion["alert"]:
        parts.pop(f"voice.{emotion['label']}", None)
        parts[f"emotion.{emotion['label']}"] = ALERT_POINTS
    others = 0
    for objection in influence["objections"]:
        if not objection["open"]:
            continue
        if objection["type"] == "hostile_resistance":
            parts["objection.hostile_resistance"] = HOSTILE_POINTS
        elif others < MAX_OBJECTIONS:
            others += 1
            parts[f"objection.{objection['type']}"] = OBJECTION_POINTS
    if relationship["pace"] == "hold":
        parts["pace.hold"] = HOLD_POINTS
    if relationship["trend"] < FALLING_BELOW:
        parts["label.falling"] = FALLING_POINTS * min(1.0, -relationship["trend"] * 2)
    if relationship["score"] < LOW_SCORE:
        parts[f"stage.{relationship['stage']}"] = (LOW_SCORE - relationship["score"]) / 2
