"""What a site's own names gain where they are said, and what they cost where they are not: on text alone.

    python tools/bench/site_words.py --config tools/bench/site_words.toml [--seeds 3] [--json]

Sentences become syllables, the syllables are misheard as often and as wrongly as `tools/train/confusions.tsv`
counted over the telephone, and the decoder reads them with and without the names. Two sets: the names in
sentences of the trade, and the held texts of the recognition set, in which no name is said.
"""

from __future__ import annotations

import argparse
import csv
import json
import os
import random
import sys
import time
from collections import Counter, defaultdict
from collections.abc import Sequence
from pathlib import Path

from pypinyin import Style, lazy_pinyin

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

from appliance.box.config import load
from appliance.models import ModelStore
from appliance.speech.errorrate import Errors, count_errors
from appliance.speech.evaluation import read_manifest, spoken_characters
from appliance.speech.hanzi import HanziDecoder
from appliance.speech.lexicon import CONFIDENCE_BINS, Lexicon
from appliance.speech.pinyin import BASES, Syllable, split
from appliance.speech.sitelexicon import SiteLexicon
from appliance.speech.siteword import PronouncedWord, pronounce

ROOT = Path(__file__).resolve().parents[2]
#: `{}` is a name.
SENTENCES = (
    "我想了解一下{}", "{}的收益怎么样", "您上次买的{}下个月到期", "我们新出了一款产品叫{}",
    "我在你们那里买过{}", "{}现在还能不能买", "我听朋友说{}亏了不少钱", "今天给您介绍的是{}这只产品",
    "我是{}的客户经理", "{}可以随时赎回吗",
)  # fmt: skip
_CONFUSIONS = ROOT / "tools" / "train" / "confusions.tsv"
_BOUNDS = (0.2, *CONFIDENCE_BINS, 1.0)


class Ear:
    """Mishears syllables with the measured counts of each part and bin of confidence."""

    def __init__(self, seed: int) -> None:
        self._random = random.Random(seed)
        self._heard: dict[tuple[str, str], Counter[tuple[int, str]]] = defaultdict(Counter)
        with _CONFUSIONS.open(encoding="utf-8", newline="") as stream:
            for row in csv.DictReader(stream, delimiter="\t", quoting=csv.QUOTE_NONE):
                self._heard[row["part"], row["said"]][int(row["bin"]), row["heard"]] += int(row["count"])

    def hear(self, syllables: Sequence[str]) -> list[Syllable]:
        """What the recognizer might give for syllables that were said."""
        return [self._mishear(text, 200 * place) for place, text in enumerate(syllables)]

    def _mishear(self, said: str, start: int) -> Syllable:
        if len(said) == 1:
            return Syllable(said, start, start + 180, 0.6, 0.6)
        first, middle, tone = split(said)
        # Combinations that Mandarin does not have are drawn again; the recognizer's are left out too.
        for _ in range(50):
            initial_bin, initial = self._draw("initial", first)
            final_bin, final = self._draw("final", middle)
            _, heard_tone = self._draw("tone", tone)
            if initial + final in BASES:
                one, other = (sum(_BOUNDS[level : level + 2]) / 2 for level in (initial_bin, final_bin))
                return Syllable(initial + final + heard_tone, start, start + 180, one, other)
        return Syllable(said, start, start + 180, 0.6, 0.6)

    def _draw(self, part: str, said: str) -> tuple[int, str]:
        row = self._heard.get((part, said))
        if not row:
            return 3, said
        return self._random.choices(list(row), list(row.values()))[0]


def main() -> int:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--config", type=Path, required=True, help="a configuration with speech.words")
    parser.add_argument("--seeds", type=int, default=3, help="how often everything is misheard")
    parser.add_argument("--json", action="store_true", help="print one JSON object")
    options = parser.parse_args()
    names = [pronounce(entry.word, entry.pinyin) for entry in load(options.config).speech.words]
    shared = Path(os.environ.get("RIDGE_SHARED", ROOT.parent / "shared"))
    texts = [
        "".join(spoken_characters(item.text))
        for item in read_manifest(shared / "data" / "asr" / "eval" / "manifest.tsv")
    ]
    plain = Lexicon.load(ModelStore())
    began = time.perf_counter()
    added = SiteLexicon(plain.arrays, names)
    loading = time.perf_counter() - began
    results: dict[str, dict[str, float]] = {}
    for label, lexicon in (("without", plain), ("with", added)):
        results[label] = {
            "names_found": round(found(lexicon, names, options.seeds), 4),
            **general(lexicon, names, texts, options.seeds),
        }
    if options.json:
        print(json.dumps({"names": len(names), "load_seconds": round(loading, 3), **results}))
    else:
        for label, result in results.items():
            print(f"{label:8}", "  ".join(f"{key} {value}" for key, value in result.items()))
        print(f"adding {len(names)} names took {loading:.3f} s")
    return 0


def found(lexicon: Lexicon, names: Sequence[PronouncedWord], seeds: int) -> float:
    """The share of sentences in whose reading the name that was said stands."""
    hits = total = 0
    for seed in range(seeds):
        ear = Ear(seed)
        for name in names:
            said = [syllables[0] for syllables in name.readings[0]]
            for sentence in SENTENCES:
                before, after = sentence.split("{}")
                heard = ear.hear([*read(before), *said, *read(after)])
                hits += name.text in decode(lexicon, heard)
                total += 1
    return hits / total


def general(
    lexicon: Lexicon, names: Sequence[PronouncedWord], texts: Sequence[str], seeds: int
) -> dict[str, float]:
    """Errors on texts without names, how often a name was put in, and seconds a thousand syllables."""
    errors, invented, syllables, seconds = Errors(), 0, 0, 0.0
    for seed in range(seeds):
        ear = Ear(seed)
        for text in texts:
            heard = ear.hear(read(text))
            began = time.process_time()
            decoded = decode(lexicon, heard)
            seconds += time.process_time() - began
            syllables += len(heard)
            errors += count_errors(list(text), spoken_characters(decoded))
            invented += sum(name.text in decoded and name.text not in text for name in names)
    return {
        "other_cer": round(errors.rate or 0.0, 4),
        "names_invented_per_1000_syllables": round(1000 * invented / syllables, 3),
        "seconds_per_1000_syllables": round(1000 * seconds / syllables, 3),
    }


def read(text: str) -> list[str]:
    return lazy_pinyin(text, style=Style.TONE3, neutral_tone_with_five=True, v_to_u=False)


def decode(lexicon: Lexicon, heard: list[Syllable]) -> str:
    return "".join(word.text for word in HanziDecoder(lexicon).decode(heard, final=True))


if __name__ == "__main__":
    raise SystemExit(main())
