"""False alarms of the emotion alert, an hour of neutral speech.

    python tools/bench/false_alarms.py ../shared/data/asr/train/aishell-sample.tsv --minutes 60

Read sentences are neutral speech. Those of one speaker follow each other with pauses of half a second, as
in a call of five minutes; a new call begins with a new state. An alarm is an alert that begins.
"""

from __future__ import annotations

import argparse
import csv
import json
import os
import sys
from collections import Counter
from pathlib import Path

os.environ.setdefault("OMP_NUM_THREADS", "1")
ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT))

import numpy as np  # noqa: E402
import soundfile  # noqa: E402

from appliance.affect.models import EMOTION_MODELS, AffectModels  # noqa: E402
from appliance.affect.voice import CustomerVoice  # noqa: E402
from appliance.models import ModelStore  # noqa: E402
from appliance.speech.utterance import SpeechEnded, SpeechStarted  # noqa: E402
from appliance.telephony.band import telephone_band  # noqa: E402

CALL_MS = 300_000
PAUSE = np.zeros(4000, np.int16)
BLOCK = 640


class Call:
    """One simulated call of one speaker."""

    def __init__(self, models: AffectModels) -> None:
        self.models = models
        self.voice = CustomerVoice(models)
        self.at_ms = 0

    def say(self, samples: np.ndarray) -> list[tuple[str, bool]]:
        """One sentence and a pause; returns label and alert of each decision."""
        self.voice.speech(SpeechStarted("customer", self.at_ms))
        answers = []
        for start in range(0, len(samples), BLOCK):
            self.voice.feed(samples[start : start + BLOCK], 8000, self.at_ms + start // 8)
            self.models.run([self.voice])
            answers += [(reading.label, reading.alert) for reading in self.voice.take()]
        began_ms = self.at_ms
        self.at_ms += len(samples) // 8
        self.voice.speech(SpeechEnded("customer", self.at_ms))
        # the customer's normal voice is learned from whole utterances
        self.voice.describe(began_ms, self.at_ms, 0)
        self.voice.feed(PAUSE, 8000, self.at_ms)
        self.at_ms += len(PAUSE) // 8
        return answers


def main() -> int:
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n", 1)[0])
    parser.add_argument("manifest", type=Path, help="TSV with the columns path and speaker")
    parser.add_argument("--minutes", type=float, default=60.0)
    parser.add_argument("--model", default=EMOTION_MODELS[0])
    parser.add_argument("--speakers", nargs="*", help="only these speakers")
    options = parser.parse_args()
    with options.manifest.open(encoding="utf-8", newline="") as stream:
        rows = [
            row
            for row in csv.DictReader(stream, delimiter="\t")
            if options.speakers is None or row["speaker"] in options.speakers
        ]
    if not rows:
        parser.error(f"{options.manifest} has no recordings of these speakers")
    models = AffectModels.load(ModelStore(), emotion=True, name=options.model)
    labels: Counter[str] = Counter()
    calls: dict[str, Call] = {}
    spoken = 0.0
    alarms, alerted = 0, dict.fromkeys((row["speaker"] for row in rows), False)
    for number, row in enumerate(rows):
        speaker = row["speaker"]
        if speaker not in calls or calls[speaker].at_ms > CALL_MS:
            calls[speaker], alerted[speaker] = Call(models), False
        samples, rate = soundfile.read(options.manifest.parent / row["path"], dtype="int16")
        for label, alert in calls[speaker].say(telephone_band(samples, rate)):
            labels[label] += 1
            alarms += alert and not alerted[speaker]
            alerted[speaker] = alert
        spoken += len(samples) / rate
        if number % 100 == 99:
            print(f"{spoken / 60:.0f} minutes heard, {alarms} alarms", file=sys.stderr)
        if spoken >= 60 * options.minutes:
            break
    total = sum(labels.values())
    result = {
        "minutes": round(spoken / 60, 1),
        "speakers": len(calls),
        "decisions": total,
        "alarms": alarms,
        "alarms_per_hour": round(3600 * alarms / max(spoken, 1e-9), 2),
        "labels": {label: round(count / max(1, total), 3) for label, count in sorted(labels.items())},
    }
    print(json.dumps(result))
    return 0


if __name__ == "__main__":
    sys.exit(main())
