"""The script of a demonstration call: its turns, its voices, and what a listener should find in it."""

from __future__ import annotations

import re
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal, cast

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib

HERE = Path(__file__).parent
Leg = Literal["customer", "agent"]
#: What the customer's relationship to the agent should do because of a turn.
Direction = Literal["down", "steady", "up"]
#: A pause of the speaker ends a phrase; espeak-ng reads one phrase at a time.
_PHRASE_END = re.compile("[，。？！、]")


@dataclass(frozen=True, slots=True)
class Need:
    """A need that the turn states, in the words of `appliance.protocol.vocabulary`."""

    tag: str
    stance: str
    #: yuan, where the turn names an amount
    amount: int | None = None


@dataclass(frozen=True, slots=True)
class Mood:
    """How a speaker speaks in a turn."""

    #: espeak-ng's -p, 0 to 99, tried by the rehearsal
    pitches: tuple[int, ...]
    #: espeak-ng's -s, nominal words a minute, tried by the rehearsal
    speeds: tuple[int, ...]
    #: peak of the turn, as a fraction of full scale
    level: float


@dataclass(frozen=True, slots=True)
class Turn:
    """What one party says before the other one does."""

    leg: Leg
    #: hanzi with punctuation
    text: str
    mood: str
    #: seconds of silence since the turn before it; negative where it talks over that turn's end
    gap: float
    #: a back-channel that lies inside the turn before it, and takes no turn of its own
    overlapped: bool
    direction: Direction
    objections: tuple[str, ...]
    needs: tuple[Need, ...]
    signals: tuple[str, ...]
    cues: tuple[str, ...]

    @property
    def phrases(self) -> tuple[str, ...]:
        """The text between pauses, without punctuation."""
        return tuple(part for part in _PHRASE_END.split(self.text) if part)


@dataclass(frozen=True, slots=True)
class Script:
    """A whole call."""

    name: str
    #: file name of its audio, in this directory
    audio: str
    seat: str
    product: str
    #: bounds of the call's length, seconds
    shortest: float
    longest: float
    #: seed of the line noise
    seed: int
    moods: dict[str, Mood]
    #: espeak-ng voice variant of each leg
    variants: dict[str, str]
    turns: tuple[Turn, ...]


def load(name: str) -> Script:
    """Read `<name>.toml` of this directory; `name` is such as `script`.

    Raises:
        OSError, KeyError, TypeError, ValueError: the file is missing or not a script.
    """
    data: dict[str, Any] = tomllib.loads((HERE / f"{name}.toml").read_text(encoding="utf-8"))
    call = data["call"]
    return Script(
        name=name,
        audio=call["audio"],
        seat=call["seat"],
        product=call["product"],
        shortest=float(call["shortest"]),
        longest=float(call["longest"]),
        seed=int(call["seed"]),
        moods={
            mood: Mood(tuple(entry["pitches"]), tuple(entry["speeds"]), float(entry["level"]))
            for mood, entry in data["mood"].items()
        },
        variants={leg: entry["variant"].strip() for leg, entry in data["voice"].items()},
        turns=tuple(_turn(entry) for entry in data["turn"]),
    )


def _turn(entry: dict[str, Any]) -> Turn:
    return Turn(
        leg=cast("Leg", entry["leg"]),
        text=entry["text"],
        mood=entry["mood"],
        gap=float(entry.get("gap", 0.4)),
        overlapped=bool(entry.get("overlapped", False)),
        direction=cast("Direction", entry.get("direction", "steady")),
        objections=tuple(entry.get("objections", ())),
        needs=tuple(Need(need["tag"], need["stance"], need.get("amount")) for need in entry.get("needs", ())),
        signals=tuple(entry.get("signals", ())),
        cues=tuple(entry.get("cues", ())),
    )
