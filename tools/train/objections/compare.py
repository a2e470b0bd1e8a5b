"""Scores the stored int8 model beside the float network it was made from, clean and noised, and times it.

Run after training: .venv/bin/python -m tools.train.objections.compare /tmp/objections.float.onnx
"""

from __future__ import annotations

import random
import statistics
import sys
import time
from pathlib import Path

import msgspec

from appliance.language.evaluation import NOISE_SEED, read_manifest, score
from appliance.language.objections import NETWORK, SETTINGS, ObjectionModel, Settings
from appliance.language.pinyin_forms import hear
from appliance.language.recognition_noise import noised
from tools.train.objections.corpus import HELD_OUT, ROOT

#: Stands before items whose manifest names no agent's words, so that the time is that of a call.
AGENT = "我们这边新出了一款稳健型的产品您看需要了解一下吗"


def main() -> None:
    stored = ROOT / "models/objection-zh"
    settings = msgspec.json.decode((stored / SETTINGS).read_bytes(), type=Settings)
    items = [item for path in sorted(HELD_OUT.glob("*.tsv")) for item in read_manifest(path)]
    for name, path in (("float", Path(sys.argv[1])), ("int8", stored / NETWORK)):
        model = ObjectionModel(path.read_bytes(), settings)
        for kind in ("clean", "noised"):
            chance = random.Random(NOISE_SEED)
            judged = []
            for item in items:
                text, context = item.text, item.context
                if kind == "noised":
                    text, context = noised(text, chance), context and noised(context, chance)
                judged.append(model.hear_out(hear(text), hear(context)).label)
            figures = score([item.label for item in items], judged)
            alarms = figures["none_false_alarm"]
            print(f"{name} {kind}: macro-F1 {figures['macro_f1']}, false alarms {alarms}")
        heard = [(hear(item.text), hear(item.context or AGENT)) for item in items]
        times = []
        for utterance, before in heard:
            started = time.process_time()
            model.find(utterance, before)
            times.append(1000 * (time.process_time() - started))
        print(
            f"{name}: {path.stat().st_size} bytes, median {statistics.median(times):.2f} ms,"
            f" slowest of twenty {sorted(times)[len(times) * 19 // 20]:.2f} ms of processor time an utterance"
        )


if __name__ == "__main__":
    main()
