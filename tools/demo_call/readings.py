"""How each phrase of a script is read: written by the rehearsal, read by the generator."""

from __future__ import annotations

import sys
from dataclasses import dataclass
from typing import Any, cast

from tools.demo_call.script import HERE, Leg
from tools.demo_call.synthesis import Grouping, Reading

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib


@dataclass(frozen=True, slots=True)
class Key:
    """A phrase as one speaker says it in one mood."""

    leg: Leg
    mood: str
    phrase: str


def write(name: str, readings: dict[Key, Reading]) -> None:
    """Write `<name>.readings.toml`."""
    lines = [f"# Written by: python -m tools.demo_call.rehearse {name}"]
    for key, reading in readings.items():
        lines += [
            "",
            "[[reading]]",
            f'leg = "{key.leg}"',
            f'mood = "{key.mood}"',
            f'phrase = "{key.phrase}"',
            f"speed = {reading.speed}",
            f"pitch = {reading.pitch}",
            f'grouping = "{reading.grouping}"',
        ]
    (HERE / f"{name}.readings.toml").write_text("\n".join(lines) + "\n", encoding="utf-8")


def load(name: str) -> dict[Key, Reading]:
    """Read `<name>.readings.toml`; empty where nothing was rehearsed yet."""
    path = HERE / f"{name}.readings.toml"
    data: dict[str, Any] = tomllib.loads(path.read_text(encoding="utf-8")) if path.exists() else {}
    return {
        Key(cast("Leg", entry["leg"]), entry["mood"], entry["phrase"]): Reading(
            int(entry["speed"]), int(entry["pitch"]), cast("Grouping", entry["grouping"])
        )
        for entry in data.get("reading", ())
    }
