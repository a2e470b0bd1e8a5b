"""Writes the sizes and sums of models/objection-zh into models/manifest.toml; other entries stay.

Run: .venv/bin/python -m tools.train.objections.register
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence

from appliance.language.objections import MODEL, NETWORK, SETTINGS
from tools.train.objections.corpus import ROOT

SOURCE = (
    "tools/train/objections/train.py, from our own utterances, telemarketing_intents.tsv "
    "(KARPED1EM/Rie-Kugimiya, Apache-2.0) and tv_dialogues.tsv (scutcyr/CPED, Apache-2.0)"
)
PURPOSE = (
    "Six types of objection in what a customer says, from characters and folded pinyin, "
    "in the light of what the agent said before."
)


def main() -> None:
    write(MODEL, entry(MODEL, "objection", SOURCE, PURPOSE, (NETWORK, SETTINGS)))


def entry(model: str, kind: str, source: str, purpose: str, files: Sequence[str]) -> str:
    """The manifest's entry of a model of ours, with the sizes and sums of its files as they are."""
    text = f"""name = "{model}"
kind = "{kind}"
licence = "Apache-2.0"
research_only = false
source = "{source}"
purpose = "{purpose}"
card = "{model}/CARD.md"
"""
    for name in files:
        data = (ROOT / "models" / model / name).read_bytes()
        text += f'\n[[model.file]]\nname = "{name}"\nbytes = {len(data)}\n'
        text += f'sha256 = "{hashlib.sha256(data).hexdigest()}"\n'
    return text


def write(model: str, entry: str) -> None:
    """Put the entry of a model into the manifest, in the place of its old one."""
    path = ROOT / "models/manifest.toml"
    blocks = path.read_text(encoding="utf-8").split("[[model]]\n")
    kept = [block for block in blocks if f'name = "{model}"' not in block]
    text = "[[model]]\n".join(block.rstrip("\n") + "\n\n" for block in kept) + "[[model]]\n" + entry
    path.write_text(text, encoding="utf-8")


if __name__ == "__main__":
    main()
