"""Writes the sizes and sums of models/objection-zh into models/manifest.toml; other entries stay.

Run: .venv/bin/python -m tools.train.objections.register
"""

from __future__ import annotations

import hashlib

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
HEAD = f"""[[model]]
name = "{MODEL}"
kind = "objection"
licence = "Apache-2.0"
research_only = false
source = "{SOURCE}"
purpose = "{PURPOSE}"
card = "{MODEL}/CARD.md"
"""


def main() -> None:
    path = ROOT / "models/manifest.toml"
    blocks = path.read_text(encoding="utf-8").split("[[model]]\n")
    kept = [block for block in blocks if f'name = "{MODEL}"' not in block]
    entry = HEAD.removeprefix("[[model]]\n")
    for name in (NETWORK, SETTINGS):
        data = (ROOT / "models" / MODEL / name).read_bytes()
        entry += f'\n[[model.file]]\nname = "{name}"\nbytes = {len(data)}\n'
        entry += f'sha256 = "{hashlib.sha256(data).hexdigest()}"\n'
    text = "[[model]]\n".join(block.rstrip("\n") + "\n\n" for block in kept) + "[[model]]\n" + entry
    path.write_text(text, encoding="utf-8")


if __name__ == "__main__":
    main()
