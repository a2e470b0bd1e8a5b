"""What was measured of a model: a file beside it, of which its card is made.

    python tools/train/measured.py models/prosody-telephone models/emotion-telephone-cnn [--measure]

makes the cards and pictures anew. With `--measure` the commands that the cards name are run first, and what
they print is put into the file: so a card shows the appliance's own figures, and nobody types any.
"""

from __future__ import annotations

import argparse
import csv
import json
import os
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT))

RESULTS = "results.json"
_DATA = "../shared/data"
_MANIFESTS = {"prosody": f"{_DATA}/prosody/manifest.tsv", "emotion": f"{_DATA}/emotion/manifest.tsv"}
_FALSE_ALARMS = (
    f"tools/bench/false_alarms.py {_DATA}/asr/train/aishell-sample.tsv --speakers S0252",
    f"tools/bench/false_alarms.py {_DATA}/asr/train/customer-service.tsv",
)


def read(folder: Path) -> dict[str, Any]:
    """The results of the model in a folder."""
    file = folder / RESULTS
    if not file.is_file():
        sys.exit(f"{file} is not there: train the model with the program that its manifest entry names")
    return dict(json.loads(file.read_text(encoding="utf-8")))


def write(folder: Path, results: dict[str, Any]) -> None:
    """Keep results; what the appliance measured of an earlier model is dropped with them."""
    (folder / RESULTS).write_text(json.dumps(results, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")


def said(results: dict[str, Any]) -> str:
    """What the appliance's own commands print, as a card shows it."""
    found = results.get("measured", [])
    if not found:
        return "Not run yet: `python tools/train/measured.py --measure` does."
    blocks = [f"$ {one['command']}\n{json.dumps(one['printed'], ensure_ascii=False)}" for one in found]
    return "```console\n" + "\n".join(blocks) + "\n```"


def _chosen(manifest: Path, speakers: list[str], into: Path) -> None:
    """The rows of some speakers, with paths that hold from anywhere."""
    with manifest.open(encoding="utf-8", newline="") as stream:
        rows = [row for row in csv.DictReader(stream, delimiter="\t") if row["speaker"] in speakers]
    for row in rows:
        for column in {"path", "marks"} & set(row):
            row[column] = str((manifest.parent / row[column]).resolve())
    with into.open("w", encoding="utf-8", newline="") as stream:
        writer = csv.DictWriter(stream, list(rows[0]), delimiter="\t")
        writer.writeheader()
        writer.writerows(rows)


def _printed(command: list[str]) -> dict[str, Any]:
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    if done.returncode != 0:
        sys.exit(f"{' '.join(command)} failed:\n{done.stderr}")
    return dict(json.loads(done.stdout.strip().splitlines()[-1]))


def measure(folder: Path) -> None:
    """Run the commands of a card and keep what they print."""
    results = read(folder)
    kind, python = results["kind"], str(ROOT / ".venv/bin/python")
    ridge = str(ROOT / ".venv/bin/ridge")
    found = []
    groups = [[speaker] for speaker in results["scored"]]
    if len(groups) > 1:
        groups.append(results["scored"])
    with tempfile.TemporaryDirectory() as temporary:
        for group in groups:
            name = group[0] if len(group) == 1 else "all-unseen"
            file = Path(temporary) / f"{name}.tsv"
            _chosen((ROOT / _MANIFESTS[kind]).resolve(), group, file)
            command = ["eval", kind, str(file), "--band", "telephone", "--model", folder.name, "--json"]
            shown = f"ridge eval {kind} {name}.tsv --band telephone --model {folder.name} --json"
            found.append({"command": shown, "printed": _printed([ridge, *command])})
    for line in _FALSE_ALARMS if kind == "emotion" else ():
        command = [*line.split(), "--model", folder.name]
        found.append({"command": f"python {' '.join(command)}", "printed": _printed([python, *command])})
    write(folder, results | {"measured": found})


def main() -> int:
    # the parts of the cards need the appliance, which is found from here
    from tools.train.emotions import card as emotion_card
    from tools.train.prosodies import card as prosody_card

    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n", 1)[0])
    parser.add_argument("folders", type=Path, nargs="+", metavar="FOLDER", help="such as models/NAME")
    parser.add_argument("--measure", action="store_true", help="run the commands of the cards first")
    options = parser.parse_args()
    os.environ.setdefault("OMP_NUM_THREADS", "1")
    for folder in options.folders:
        if options.measure:
            measure(folder)
        (prosody_card if read(folder)["kind"] == "prosody" else emotion_card).render(folder)
        print(f"wrote {folder / 'CARD.md'}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
