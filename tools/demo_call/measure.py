"""Measure how well the recognizer understands the demonstration calls, turn by turn.

python -m tools.demo_call.measure [script...]
"""

from __future__ import annotations

import argparse
import json
import sys
from dataclasses import dataclass

import numpy as np
import soundfile
from numpy.typing import NDArray

from tools.demo_call import assembly, hearing, script
from tools.demo_call.generate import SCRIPTS

#: Seconds of the line heard before and after a turn. What the recognizer hears depends on where its chunks
#: fall by a syllable or two, so that one position alone says little.
MARGINS_SECONDS = (0.2, 0.25, 0.3, 0.37)


@dataclass(frozen=True, slots=True)
class Hearing:
    """What the recognizer heard of one turn at one position."""

    turn: script.Turn
    expected: list[str]
    heard: list[str]

    @property
    def errors(self) -> int:
        """Substituted, inserted and deleted syllables."""
        return hearing.edits(self.expected, self.heard)


def read(call: script.Script) -> tuple[NDArray[np.int16], list[assembly.Placed]]:
    """The committed audio of a script, int16 at 8 kHz, shape (n, 2), and the place of each turn."""
    path = script.HERE / call.audio
    samples, _ = soundfile.read(path, dtype="int16")
    places = json.loads(path.with_suffix(".json").read_text(encoding="utf-8"))
    return samples, [
        assembly.Placed(turn, place["start"], place["end"])
        for turn, place in zip(call.turns, places, strict=True)
    ]


def listen(call: script.Script) -> list[Hearing]:
    """Each turn of the committed audio, cut out and heard alone at each margin, without back-channels."""
    ear = hearing.Ear()
    samples, placed = read(call)
    return [
        Hearing(
            place.turn, hearing.syllables(place.turn.text), ear.hear(assembly.leg_of(samples, place, margin))
        )
        for place in placed
        if not place.turn.overlapped
        for margin in MARGINS_SECONDS
    ]


def error_of(hearings: list[Hearing], leg: script.Leg) -> float:
    """Tone-less syllable error of a leg: edits by syllables of the script."""
    of_leg = [one for one in hearings if one.turn.leg == leg]
    return sum(one.errors for one in of_leg) / sum(len(one.expected) for one in of_leg)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("scripts", nargs="*", default=SCRIPTS, help="names of scripts in this directory")
    for name in parser.parse_args().scripts:
        hearings = listen(script.load(name))
        for one in hearings:
            count = f"{one.errors:2}/{len(one.expected):2}"
            print(f"{one.turn.leg:8} {count} {one.turn.text}  {' '.join(one.heard)}")
        for leg in assembly.LEGS:
            print(f"{name} {leg}: tone-less syllable error {error_of(hearings, leg):.3f}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
