"""Find for every phrase of a script the speed, pitch and grouping that the recognizer understands best.

    python -m tools.demo_call.rehearse script

writes `<script>.readings.toml`, from which `generate` speaks. The choice is made once, phrase by phrase and
over the telephone band, and stays within the pitches and speeds that the phrase's mood allows. Phrases that
have a reading keep it, unless `--all` is given.
"""

from __future__ import annotations

import argparse
import itertools
import sys
from concurrent.futures import ProcessPoolExecutor, as_completed
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from appliance.telephony.band import telephone_band
from tools.demo_call import hearing, script, synthesis
from tools.demo_call.assembly import NOISE, join
from tools.demo_call.readings import Key, load, write

#: Silence before the turn: where the recognizer's chunks fall must not decide what it hears.
_LEADS_SECONDS = (0.25, 0.37, 0.51)


@dataclass(frozen=True, slots=True)
class Attempt:
    """One way to read the next phrase of a turn, and what was heard of the turn so far."""

    errors: int
    reading: synthesis.Reading
    spoken: NDArray[np.float64]
    heard: tuple[str, ...]


def rehearse(
    call: script.Script, turn: script.Turn, known: dict[Key, synthesis.Reading]
) -> dict[Key, synthesis.Reading]:
    """The best reading of each phrase of a turn, after the phrases before it."""
    ear = hearing.Ear()
    best: dict[Key, synthesis.Reading] = {}
    before: list[NDArray[np.float64]] = []
    text = ""
    with synthesis.synthesizer(call.variants) as voices:
        for phrase in turn.phrases:
            text += phrase
            key = Key(turn.leg, turn.mood, phrase)
            chosen = best.get(key) or known.get(key)
            attempt = _best(ear, voices, call, turn, before, text, phrase, [chosen] if chosen else None)
            best[key] = attempt.reading
            before.append(attempt.spoken)
            expected = len(hearing.syllables(text)) * len(_LEADS_SECONDS)
            print(f"{turn.leg} {attempt.errors}/{expected} {text}: {' '.join(attempt.heard)}", flush=True)
    return best


def _best(
    ear: hearing.Ear,
    voices: synthesis.Synthesizer,
    call: script.Script,
    turn: script.Turn,
    before: list[NDArray[np.float64]],
    text: str,
    phrase: str,
    candidates: list[synthesis.Reading] | None,
) -> Attempt:
    """The candidate with the fewest errors in the turn so far; of equals, the first that the mood lists."""
    mood = call.moods[turn.mood]
    expected = hearing.syllables(text)
    if candidates is None:
        grid = itertools.product(mood.speeds, mood.pitches, synthesis.GROUPINGS)
        candidates = [synthesis.Reading(*point) for point in grid]
    best: Attempt | None = None
    for reading in candidates:
        spoken = voices.phrase(phrase, turn.leg, reading)
        errors = 0
        for lead in _LEADS_SECONDS:
            heard = ear.hear(_over_the_line([*before, spoken], mood.level, lead, call.seed))
            errors += hearing.edits(expected, heard)
            if best and errors >= best.errors:
                break
        else:
            best = Attempt(errors, reading, spoken, tuple(heard))
        if best and best.errors == 0:
            break
    if best is None:
        raise ValueError(f"the mood {turn.mood} allows no reading: give it pitches and speeds")
    return best


def _over_the_line(
    phrases: list[NDArray[np.float64]], level: float, lead: float, seed: int
) -> NDArray[np.int16]:
    """The phrases of a turn as the far end hears them: 8 kHz, telephone band, with the line's noise."""
    wide = np.concatenate([np.zeros(int(lead * synthesis.RATE)), join(phrases) * (level * 32767)])
    wide = wide + np.random.default_rng(seed).normal(0.0, NOISE, len(wide))
    return telephone_band(np.clip(np.rint(wide), -32767, 32767).astype(np.int16), synthesis.RATE)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("script", help="name of a script in this directory, such as `script`")
    parser.add_argument("--all", action="store_true", help="rehearse phrases again that have a reading")
    options = parser.parse_args()
    call = script.load(options.script)
    known = {} if options.all else load(options.script)
    with ProcessPoolExecutor(2) as pool:
        turns = [pool.submit(rehearse, call, turn, known) for turn in call.turns]
        readings: dict[Key, synthesis.Reading] = dict(known)
        for rehearsed in as_completed(turns):
            for key, reading in rehearsed.result().items():
                readings.setdefault(key, reading)
            # After every turn, so that a rehearsal that was interrupted can be taken up again.
            said = [Key(turn.leg, turn.mood, phrase) for turn in call.turns for phrase in turn.phrases]
            write(options.script, {key: readings[key] for key in said if key in readings})
    return 0


if __name__ == "__main__":
    sys.exit(main())
