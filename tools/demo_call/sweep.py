"""Replay the demonstration calls at eight positions in time, and tell what a seat would see.

python -m tools.demo_call.sweep [script...]
"""

from __future__ import annotations

import argparse
import sys
import tempfile
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import groupby
from pathlib import Path

import numpy as np
import soundfile

from appliance.box.config import Config, Speech
from appliance.engine.offline import messages_of
from appliance.engine.rooms import Rooms, load_rooms
from appliance.models_choice import AUTO
from appliance.protocol.messages import CueMessage, DoorMessage, ProfileMessage
from appliance.telephony.band import TELEPHONE_RATE
from tools.demo_call import script
from tools.demo_call.generate import SCRIPTS

#: How often a call is replayed, each time with so many milliseconds more of silence before it. The recognizer
#: begins at a frame of 20 ms, so that steps of whole frames change little and others a syllable or two.
POSITIONS = 8
STEP_MS = 40


@dataclass(frozen=True, slots=True)
class Findings:
    """What a seat was told of one replayed call."""

    lead_ms: int
    #: codes in the order of their first cue
    cues: tuple[str, ...]
    #: relationship stages in order, each once where it begins
    stages: tuple[str, ...]
    scores: tuple[int, ...]
    #: stance and tag of each need of the last profile
    needs: tuple[str, ...]
    #: ids of the advice in the last profile that names its evidence
    advice: tuple[str, ...]


def replay(name: str, lead_ms: int, rooms: Rooms, config: Config) -> Findings:
    """Replay a call's stored audio after `lead_ms` of silence, with rooms that are loaded already."""
    samples, _ = soundfile.read(script.HERE / script.load(name).audio, dtype="int16")
    shifted = np.concatenate([np.zeros((TELEPHONE_RATE * lead_ms // 1000, 2), np.int16), samples])
    with tempfile.TemporaryDirectory(prefix="ridge-sweep-") as directory:
        path = Path(directory) / "call.wav"
        soundfile.write(path, shifted, TELEPHONE_RATE, subtype="ALAW")
        return findings(lead_ms, messages_of([path], config, rooms=rooms))


def findings(lead_ms: int, messages: Iterator[DoorMessage]) -> Findings:
    """Sum up the messages of a call.

    Raises:
        ValueError: no profile came.
    """
    cues: dict[str, None] = {}
    profiles: list[ProfileMessage] = []
    for message in messages:
        if isinstance(message, CueMessage):
            cues.setdefault(message.code)
        elif isinstance(message, ProfileMessage):
            profiles.append(message)
    if not profiles:
        raise ValueError("the call brought no profile: is its audio silent?")
    last = profiles[-1]
    return Findings(
        lead_ms,
        tuple(cues),
        tuple(stage for stage, _ in groupby(profile.relationship.stage for profile in profiles)),
        tuple(score for score, _ in groupby(profile.relationship.score for profile in profiles)),
        tuple(f"{need.stance} {need.tag}" for need in last.demand.needs),
        tuple(item.id for item in last.advice if item.evidence),
    )


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("scripts", nargs="*", default=SCRIPTS, help="names of scripts in this directory")
    parser.add_argument("--step", type=int, default=STEP_MS, help=f"milliseconds (default {STEP_MS})")
    parser.add_argument("--model", default=AUTO, help="the recognizer (default: the best that is installed)")
    options = parser.parse_args()
    config = Config(speech=Speech(model=options.model))
    rooms = load_rooms(config)
    for name in options.scripts:
        told = []
        for lead_ms in range(0, POSITIONS * options.step, options.step):
            found = replay(name, lead_ms, rooms, config)
            told.append(found)
            print(f"{name} +{lead_ms} ms: {' > '.join(found.stages)} ({' '.join(map(str, found.scores))})")
            print(f"  cues: {', '.join(found.cues)}")
            print(f"  needs: {', '.join(found.needs)}")
            print(f"  advice: {', '.join(found.advice)}", flush=True)
        for title, counts in (
            ("cues", Counter(code for found in told for code in found.cues)),
            ("stages", Counter(" > ".join(found.stages) for found in told)),
            ("needs", Counter(need for found in told for need in found.needs)),
            ("advice with evidence", Counter("yes" if found.advice else "no" for found in told)),
        ):
            shares = (f"{one} {count}/{POSITIONS}" for one, count in counts.most_common())
            print(f"{name} {title}: {', '.join(shares)}", flush=True)
    return 0


if __name__ == "__main__":
    sys.exit(main())
