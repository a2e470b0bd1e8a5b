"""Scores the stored int8 model beside the float network it was made from, and times it.

Run after training, on lines that it did not read or, to compare the two alone, on any:
.venv/bin/python -m tools.train.needs.compare /tmp/needs.float.onnx MANIFEST...
"""

from __future__ import annotations

import sys
from pathlib import Path

import msgspec

from appliance.language.needs import NeedRules
from appliance.language.needs_evaluation import judge, read_manifest
from appliance.language.needs_model import MODEL, NETWORK, SETTINGS, NeedModel, Settings
from appliance.language.needs_reader import NeedReader
from appliance.language.pinyin_forms import hear
from appliance.models import ModelStore
from tools.train.objections.timing import AGENT, timed


def main() -> None:
    stored = ModelStore().open(MODEL)
    settings = msgspec.json.decode(stored.path(SETTINGS).read_bytes(), type=Settings)
    items = [item for path in sys.argv[2:] for item in read_manifest(Path(path))]
    rules = NeedRules()
    for name, path in (("float", Path(sys.argv[1])), ("int8", stored.path(NETWORK))):
        model = NeedModel(path.read_bytes(), settings)
        figures = judge(items, NeedReader(rules, model))
        print(
            f"{name}: precision {figures['precision']:.3f}, recall {figures['recall']:.3f}, "
            f"stance {figures['stance']:.3f} of {figures['n']} needs"
        )
        heard = [(hear(item.text), hear(item.context or AGENT)) for item in items]
        print(f"{name}: {path.stat().st_size} bytes, {timed(model.read, heard)}")


if __name__ == "__main__":
    main()
