"""Counts the characters of each toneless syllable and writes appliance/language/homophones.tsv.

Counts come from ../shared/data/text (TV dialogues and read sentences), at most 12 characters a syllable.
Run: .venv/bin/python tools/train/objections/homophones.py
"""

from __future__ import annotations

import os
import re
from collections import Counter, defaultdict
from pathlib import Path

from pypinyin import Style, lazy_pinyin

ROOT = Path(__file__).resolve().parents[3]
SHARED = Path(os.environ.get("RIDGE_SHARED", ROOT.parent / "shared"))
KEPT = 12


def main() -> None:
    counts: dict[str, Counter[str]] = defaultdict(Counter)
    lines = (SHARED / "data/text/tv_dialogues.tsv").read_text(encoding="utf-8").splitlines()[1:]
    lines += (SHARED / "data/text/read_sentences.tsv").read_text(encoding="utf-8").splitlines()[1:]
    for line in lines:
        for text in re.findall("[一-鿿]+", line):
            for character, syllable in zip(text, lazy_pinyin(text, style=Style.NORMAL), strict=False):
                counts[syllable][character] += 1
    rows = []
    for syllable, characters in sorted(counts.items()):
        best = characters.most_common(KEPT)
        if not re.fullmatch("[a-z]+", syllable) or sum(characters.values()) < 5:
            continue
        words = "".join(character for character, _ in best)
        rows.append(f"{syllable}\t{words}\t{' '.join(str(count) for _, count in best)}")
    (ROOT / "appliance/language/homophones.tsv").write_text("\n".join(rows) + "\n", encoding="utf-8")
    print(f"{len(rows)} syllables")


if __name__ == "__main__":
    main()
