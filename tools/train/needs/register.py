"""Writes the sizes and sums of models/needs-zh into models/manifest.toml; other entries stay.

Run: .venv/bin/python -m tools.train.needs.register
"""

from __future__ import annotations

from appliance.language.needs_model import MODEL, NETWORK, SETTINGS
from tools.train.objections.register import entry, write

SOURCE = (
    "tools/train/needs/train.py, from our own utterances; its body was pretrained on "
    "telemarketing_intents.tsv (KARPED1EM/Rie-Kugimiya, Apache-2.0) and tv_dialogues.tsv "
    "(scutcyr/CPED, Apache-2.0)"
)
PURPOSE = (
    "What a customer wants, has, rejects and asks about, from characters and folded pinyin, in the light of "
    "what the agent said before; it is weighed with the rules."
)


def main() -> None:
    write(MODEL, entry(MODEL, "needs", SOURCE, PURPOSE, (NETWORK, SETTINGS)))


if __name__ == "__main__":
    main()
