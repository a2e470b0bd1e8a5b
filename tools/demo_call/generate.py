"""Make the audio of the demonstration calls from their scripts and rehearsed readings.

    python -m tools.demo_call.generate [script...]

For each script it writes the WAV that the script names (stereo A-law, 8 kHz, left customer, right agent) and,
beside it, a JSON file with the place of every turn. The same espeak-ng makes the same bytes.
"""

from __future__ import annotations

import argparse
import json
import sys

import numpy as np
import soundfile
from numpy.typing import NDArray

from appliance.telephony.band import TELEPHONE_RATE
from tools.demo_call import assembly, readings, script, synthesis

SCRIPTS = ("script", "second_script")


def generate(name: str) -> tuple[script.Script, NDArray[np.int16], list[assembly.Placed]]:
    """The call of a script: int16 at 8 kHz, shape (n, 2), and the place of each turn."""
    call, chosen = script.load(name), readings.load(name)
    with synthesis.synthesizer(call.variants) as voices:

        def speaker(phrase: str, leg: script.Leg, mood: str) -> NDArray[np.float64]:
            try:
                reading = chosen[readings.Key(leg, mood, phrase)]
            except KeyError:
                raise SystemExit(
                    f"{name}: no reading of {phrase} ({leg}, {mood}); "
                    f"run python -m tools.demo_call.rehearse {name}"
                ) from None
            return voices.phrase(phrase, leg, reading)

        samples, placed = assembly.assemble(call, speaker)
    return call, samples, placed


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("scripts", nargs="*", default=SCRIPTS, help="names of scripts in this directory")
    for name in parser.parse_args().scripts:
        call, samples, placed = generate(name)
        seconds = len(samples) / TELEPHONE_RATE
        if not call.shortest <= seconds <= call.longest:
            raise SystemExit(
                f"{name}: the call lasts {seconds:.1f} s, not "
                f"{call.shortest:g} to {call.longest:g} s: make its turns shorter or longer"
            )
        path = script.HERE / call.audio
        soundfile.write(path, samples, TELEPHONE_RATE, format="WAV", subtype="ALAW")
        turns = [
            {
                "turn": number,
                "leg": place.turn.leg,
                "start": round(place.start, 3),
                "end": round(place.end, 3),
            }
            for number, place in enumerate(placed)
        ]
        lines = ",\n".join(f"  {json.dumps(turn)}" for turn in turns)
        path.with_suffix(".json").write_text(f"[\n{lines}\n]\n", encoding="utf-8")
        print(f"{path.name}: {seconds:.1f} s, {len(turns)} turns, {path.stat().st_size} bytes")
    return 0


if __name__ == "__main__":
    sys.exit(main())
