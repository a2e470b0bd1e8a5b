"""What the affect room costs: milliseconds of one core for a second of a customer's speech, in batches.

    python tools/bench/affect.py [--calls 16] [--seconds 30] [--rounds 5]

Each call is fed blocks of 80 ms, as capture sends them, and all calls are run together after each block, as
the engine does; every three seconds an utterance is described. Voice activity says "speech" all the time, so
this is the worst case. The quickest round counts: what else a shared machine does empties the caches, and
only ever adds time.
"""

from __future__ import annotations

import argparse
import json
import os
import sys
import time
from pathlib import Path

os.environ.setdefault("OMP_NUM_THREADS", "1")
ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT))

import numpy as np  # noqa: E402
import soundfile  # noqa: E402
from numpy.typing import NDArray  # noqa: E402

from appliance.affect.models import AffectModels  # noqa: E402
from appliance.affect.voice import CustomerVoice  # noqa: E402
from appliance.models import ModelStore  # noqa: E402
from appliance.speech.utterance import SpeechStarted  # noqa: E402
from appliance.telephony.band import telephone_band  # noqa: E402

BLOCK = 640
UTTERANCE_MS = 3000


def speech(folder: Path, seconds: float, skip: int) -> NDArray[np.int16]:
    """Recordings one after the other through the telephone, int16 at 8 kHz, shape (8000 * seconds,)."""
    parts: list[NDArray[np.int16]] = []
    for path in sorted(folder.glob("*/*.flac"))[skip::37]:
        samples, rate = soundfile.read(path, dtype="int16")
        parts.append(telephone_band(samples, rate))
        if sum(map(len, parts)) >= 8000 * seconds:
            break
    if not parts:
        sys.exit(f"no recordings in {folder}: set RIDGE_SHARED to the folder of the shared data")
    return np.resize(np.concatenate(parts), int(8000 * seconds))


def run(models: AffectModels, audio: list[NDArray[np.int16]]) -> tuple[float, int]:
    """Processor time of one round in seconds, and how many decisions were made."""
    voices = [CustomerVoice(models) for _ in audio]
    for voice in voices:
        voice.speech(SpeechStarted("customer", 0))
    decisions = 0
    # the time of this process on its core, whatever else the machine does
    began = time.process_time()
    for start in range(0, len(audio[0]) - BLOCK, BLOCK):
        for voice, samples in zip(voices, audio, strict=True):
            voice.feed(samples[start : start + BLOCK], 8000, start // 8)
        models.run(voices)
        decisions += sum(len(voice.take()) for voice in voices)
        at_ms = (start + BLOCK) // 8
        if at_ms % UTTERANCE_MS < BLOCK // 8:
            for voice in voices:
                voice.describe(at_ms - UTTERANCE_MS, at_ms, 12)
    return time.process_time() - began, decisions


def main() -> int:
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n", 1)[0])
    parser.add_argument("--calls", type=int, default=16)
    parser.add_argument("--seconds", type=float, default=30.0)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--without-emotion", action="store_true")
    options = parser.parse_args()
    shared = Path(os.environ.get("RIDGE_SHARED", ROOT.parent / "shared"))
    audio = [speech(shared / "data/emotion/casia", options.seconds, call) for call in range(options.calls)]
    models = AffectModels.load(ModelStore(), emotion=not options.without_emotion)
    rounds = [run(models, audio) for _ in range(options.rounds)]
    each = [round(1000 * spent / (options.calls * options.seconds), 3) for spent, _ in rounds]
    result = {
        "calls": options.calls,
        "seconds": options.seconds,
        "decisions": rounds[0][1],
        "ms_per_second_of_speech": min(each),
        "rounds": each,
    }
    print(json.dumps(result))
    return 0


if __name__ == "__main__":
    sys.exit(main())
