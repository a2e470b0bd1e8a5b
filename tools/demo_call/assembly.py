"""Put the spoken phrases of a script on the two legs of a telephone call."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from appliance.telephony.band import TELEPHONE_RATE, telephone_band
from tools.demo_call.script import Leg, Mood, Script, Turn
from tools.demo_call.synthesis import RATE

LEGS: tuple[Leg, Leg] = ("customer", "agent")
#: Between the phrases of one turn.
PHRASE_PAUSE_SECONDS = 0.18
#: Line noise: standard deviation in steps of int16, about -66 dB of full scale.
NOISE = 16.0
TAIL_SECONDS = 0.9
_FULL_SCALE = 32767

#: One phrase, in the voice of a leg and in a mood, at 22.05 kHz with its peak at 1.
Speaker = Callable[[str, Leg, str], NDArray[np.float64]]


@dataclass(frozen=True, slots=True)
class Placed:
    """A turn and where it lies in the call."""

    turn: Turn
    start: float
    end: float


def join(phrases: list[NDArray[np.float64]]) -> NDArray[np.float64]:
    """The phrases of a turn with a pause between each two."""
    pause = np.zeros(int(RATE * PHRASE_PAUSE_SECONDS))
    return np.concatenate([part for phrase in phrases for part in (pause, phrase)][1:])


def speak_turn(speaker: Speaker, turn: Turn, mood: Mood) -> NDArray[np.float64]:
    """All phrases of a turn at 22.05 kHz, shape (n,), in steps of int16."""
    spoken = [speaker(phrase, turn.leg, turn.mood) for phrase in turn.phrases]
    return join(spoken) * (mood.level * _FULL_SCALE)


def assemble(script: Script, speaker: Speaker) -> tuple[NDArray[np.int16], list[Placed]]:
    """The call at 8 kHz, int16, shape (n, 2): left customer, right agent; and the place of each turn."""
    placed: list[tuple[Placed, NDArray[np.float64]]] = []
    now = previous = 0.0
    for turn in script.turns:
        spoken = speak_turn(speaker, turn, script.moods[turn.mood])
        seconds = len(spoken) / RATE
        # A back-channel lies at two thirds of the turn that it answers.
        start = previous + (now - previous) * 2 / 3 if turn.overlapped else now + turn.gap
        placed.append((Placed(turn, start, start + seconds), spoken))
        if not turn.overlapped:
            previous, now = start, start + seconds
    length = int(RATE * (now + TAIL_SECONDS))
    legs = []
    for number, leg in enumerate(LEGS):
        line = np.random.default_rng([script.seed, number]).normal(0.0, NOISE, length)
        for place, spoken in placed:
            if place.turn.leg == leg:
                first = int(place.start * RATE)
                line[first : first + len(spoken)] += spoken
        wide = np.clip(np.rint(line), -_FULL_SCALE, _FULL_SCALE).astype(np.int16)
        legs.append(telephone_band(wide, RATE))
    return np.stack(legs, axis=1), [place for place, _ in placed]


def leg_of(call: NDArray[np.int16], place: Placed, margin: float) -> NDArray[np.int16]:
    """A turn's samples cut from the call at 8 kHz, with a margin of seconds on both sides."""
    first = max(0, int((place.start - margin) * TELEPHONE_RATE))
    return call[first : int((place.end + margin) * TELEPHONE_RATE), LEGS.index(place.turn.leg)]
