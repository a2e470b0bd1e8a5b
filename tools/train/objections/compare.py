"""Scores the stored int8 model beside the float network it was made from, clean and noised, and times it.

Run after training: .venv/bin/python -m tools.train.objections.compare /tmp/objections.float.onnx
"""

from __future__ import annotations

import random
import sys
from pathlib import Path

import msgspec

from appliance.language.evaluation import NOISE_SEED, read_manifest, score
from appliance.language.objections import NETWORK, SETTINGS, ObjectionModel, Settings
from appliance.language.pinyin_forms import hear
from appliance.language.recognition_noise import noised
from tools.train.objections.corpus import HELD_OUT, ROOT
from tools.train.objections.timing import AGENT, timed


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
        print(f"{name}: {path.stat().st_size} bytes, {timed(model.find, heard)}")


if __name__ == "__main__":
    main()
