"""Scores a lexicon on text alone: readings in, characters out, compared with the sentences they came from.

    VENV/bin/python tools/train/lexicon.py --hold-out 20 --output /tmp/held-out.npz
    VENV/bin/python tools/train/lexicon_score.py /tmp/held-out.npz --hold-out 20

Only the sentences that the build left out are read, every phrase of up to 250 sentences a text.
"""

from __future__ import annotations

import argparse
import os
import sys
from pathlib import Path

from pypinyin import Style, lazy_pinyin

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

import lexicon_text

from appliance.speech.errorrate import Errors, count_errors
from appliance.speech.hanzi import HanziDecoder
from appliance.speech.lexicon import Lexicon
from appliance.speech.pinyin import Syllable

ROOT = Path(__file__).resolve().parents[2]
SENTENCES = 250
#: What the recognizer is typically sure of a syllable.
CONFIDENCE = 0.6


def main() -> int:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("lexicon", type=Path, help="an artefact built with --hold-out")
    parser.add_argument("--hold-out", type=int, required=True, help="the N that it was built with")
    shared = Path(os.environ.get("RIDGE_SHARED", ROOT.parent / "shared"))
    parser.add_argument("--shared", type=Path, default=shared, help="folder with data/text")
    options = parser.parse_args()
    lexicon = Lexicon.read(options.lexicon)
    domain = Path(__file__).resolve().parent / "domain_text"
    scoring = options.shared / "data" / "asr" / "eval" / "manifest.tsv"
    for corpus in lexicon_text.read_corpora(options.shared, domain, [], scoring):
        held_out = corpus.sentences[:: options.hold_out]
        errors = Errors()
        for sentence in held_out[:: max(1, len(held_out) // SENTENCES)]:
            for phrase in lexicon_text.phrases(sentence):
                errors += score(lexicon, phrase)
        print(f"{corpus.name:16}{errors.reference:6} characters  {100 * (errors.rate or 0):5.1f} % wrong")
    return 0


def score(lexicon: Lexicon, phrase: str) -> Errors:
    readings = lazy_pinyin(phrase, style=Style.TONE3, neutral_tone_with_five=True, v_to_u=False)
    if len(readings) != len(phrase):
        return Errors()
    heard = [Syllable(text, 0, 0, CONFIDENCE, CONFIDENCE) for text in readings]
    words = HanziDecoder(lexicon).decode(heard, final=True)
    return count_errors(list(phrase), list("".join(word.text for word in words)))


if __name__ == "__main__":
    raise SystemExit(main())
