"""Find for every phrase of a script the speed, pitch and grouping that the recognizer understands best.

    python -m tools.demo_call.rehearse script

writes `<script>.readings.toml`, from which `generate` speaks. The choice is made once, phrase by phrase and over
the telephone band, and stays within the pitches and speeds that the phrase's mood allows. Phrases that have a
reading keep it, unless `--all` is given.
"""

from __future__ import annotations

import argparse
import itertools
import sys
from concurrent.futures import ProcessPoolExecutor

import numpy as np

from appliance.telephony.band import telephone_band
from tools.demo_call import hearing, script, synthesis
from tools.demo_call.assembly import NOISE
from tools.demo_call.readings import Key, load, write

_MARGIN_SECONDS = 0.3


def rehearse(
    call: script.Script, leg: script.Leg, known: dict[Key, synthesis.Reading]
) -> dict[Key, synthesis.Reading]:
    """The best reading of each phrase of one leg; of equals, the first that the mood lists."""
    ear = hearing.Ear()
    best: dict[Key, synthesis.Reading] = {}
    with synthesis.synthesizer(call.variants) as voices:
        for turn in call.turns:
            for phrase in turn.phrases if turn.leg == leg else ():
                key = Key(leg, turn.mood, phrase)
                if key in known or key in best:
                    best[key] = best.get(key) or known[key]
                    continue
                mood = call.moods[turn.mood]
                expected = hearing.syllables(phrase)
                fewest = len(expected) + 99
                heard_best: list[str] = []
                for speed, pitch, grouping in itertools.product(
                    mood.speeds, mood.pitches, synthesis.GROUPINGS
                ):
                    reading = synthesis.Reading(speed, pitch, grouping)
                    spoken = voices.phrase(phrase, leg, reading) * (mood.level * 32767)
                    wide = np.pad(spoken, int(_MARGIN_SECONDS * synthesis.RATE))
                    wide = wide + np.random.default_rng(call.seed).normal(0.0, NOISE, len(wide))
                    heard = ear.hear(
                        telephone_band(np.clip(wide, -32768, 32767).astype(np.int16), synthesis.RATE)
                    )
                    errors = hearing.edits(expected, heard)
                    if errors < fewest:
                        fewest, heard_best = errors, heard
                        best[key] = reading
                    if fewest == 0:
                        break
                print(f"{leg} {fewest}/{len(expected)} {phrase}: {' '.join(heard_best)}", flush=True)
    return best


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("script", help="name of a script in this directory, such as `script`")
    parser.add_argument("--all", action="store_true", help="rehearse phrases again that have a reading")
    options = parser.parse_args()
    call = script.load(options.script)
    known = {} if options.all else load(options.script)
    with ProcessPoolExecutor(2) as pool:
        both = pool.map(rehearse, (call, call), ("customer", "agent"), (known, known))
        readings = {key: reading for one in both for key, reading in one.items()}
    write(options.script, readings)
    return 0


if __name__ == "__main__":
    sys.exit(main())
