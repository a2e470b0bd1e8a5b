"""Builds `models/lexicon-zh`: the words, readings, language model and confusions that turn pinyin into hanzi.

    python -m venv VENV && VENV/bin/pip install jieba==0.42.1 pypinyin rich msgspec "numpy<2"
    VENV/bin/python tools/train/lexicon.py --output models/lexicon-zh/lexicon.npz

Words and their frequencies come from jieba's dictionary (MIT) and the texts under `shared/data/text` that
state a licence, readings from pypinyin (MIT), the trade's words and sentences from `domain_text/` and from
what the objection model learns from (`objections/written`). The same input gives the same bytes.
`tools/train/confusions.py` has to have been run before.
"""

from __future__ import annotations

import argparse
import csv
import json
import math
import os
import re
import sys
from collections import Counter, defaultdict
from pathlib import Path

import jieba
import numpy as np
from pypinyin import Style, lazy_pinyin, pinyin
from rich.console import Console
from rich.progress import track

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

import lexicon_channel
import lexicon_ngram
import lexicon_text

from appliance.speech.pinyin import BASES, is_syllable

ROOT = Path(__file__).resolve().parents[2]
FORMAT = 2
LONGEST_WORD = 8
_WORD = re.compile(r"^[A-Z\u4e00-\u9fff]{1,8}$")
_console = Console(stderr=True)


def main() -> int:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    here = Path(__file__).resolve().parent
    shared = Path(os.environ.get("RIDGE_SHARED", ROOT.parent / "shared"))
    parser.add_argument("--output", type=Path, default=ROOT / "models" / "lexicon-zh" / "lexicon.npz")
    parser.add_argument("--shared", type=Path, default=shared, help="folder with data/text")
    parser.add_argument(
        "--domain", type=Path, default=here / "domain_text", help="folder of *.txt and words.txt"
    )
    parser.add_argument("--confusions", type=Path, default=here / "confusions.tsv")
    parser.add_argument("--speech-text", type=Path, action="append", default=[],
                        help="a manifest of speech whose text is counted too; repeatable")  # fmt: skip
    parser.add_argument(
        "--least-frequency", type=int, default=3, help="rarer words of jieba's dictionary are left out"
    )
    parser.add_argument(
        "--corpus-share", type=float, default=0.6, help="weight of our texts in a word's frequency, 0..1"
    )
    parser.add_argument(
        "--hold-out", type=int, default=0, help="leave every Nth sentence of each text out, for tuning"
    )
    parser.add_argument("--least-trigram", type=int, default=2, help="times that a triple was seen")
    options = parser.parse_args()

    domain = lexicon_text.domain_words(options.domain / "words.txt")
    tokenizer = lexicon_text.segmenter(domain)
    scoring = options.shared / "data" / "asr" / "eval" / "manifest.tsv"
    _console.print("reading and segmenting the texts")
    corpora = lexicon_text.read_corpora(options.shared, options.domain, options.speech_text, scoring)
    if options.hold_out:
        corpora = [lexicon_text.without_every(corpus, options.hold_out) for corpus in corpora]
    sentences, counts = lexicon_text.count_words(corpora, tokenizer)
    vocabulary, unigram = _vocabulary(tokenizer, counts, domain, options)
    ids = {word: number for number, word in enumerate(vocabulary)}
    _console.print(f"{len(vocabulary)} words, {sum(counts.values())} running words")
    numbered = [
        (w, [ids[word] for word in words]) for w, words in sentences if all(word in ids for word in words)
    ]
    probabilities = dict(enumerate(unigram))
    bigram, trigram = lexicon_ngram.train(numbered, probabilities, least=options.least_trigram)
    arrays = _ngram_arrays(len(vocabulary), unigram, bigram, trigram)
    characters = _character_readings(options.shared / "data" / "text" / "read_sentences.tsv")
    readings = _readings(vocabulary, characters)
    arrays |= _trie(readings, unigram)
    sayable = arrays.pop("sayable")
    observable = [*sayable, *sorted({f"{base}{tone}" for base in BASES for tone in "12345"} - set(sayable))]
    arrays |= lexicon_channel.tables(observable, options.confusions)
    arrays |= {
        "syllables": np.array("\n".join(observable).encode(), dtype=np.bytes_),
        "words": np.array("\n".join(vocabulary).encode(), dtype=np.bytes_),
        "sayable": np.array(len(sayable), np.uint32),
    }
    description = {
        "format": FORMAT,
        "words": len(vocabulary),
        "bigrams": sum(len(row) for row in bigram.words.values()),
        "trigrams": sum(len(row) for row in trigram.words.values()),
        "jieba": jieba.__version__,
        "texts": {corpus.name: len(corpus.sentences) for corpus in corpora},
    }
    arrays["description"] = np.array(json.dumps(description, ensure_ascii=False).encode(), dtype=np.bytes_)
    options.output.parent.mkdir(parents=True, exist_ok=True)
    np.savez_compressed(options.output, **arrays)
    _console.print(f"{options.output}: {options.output.stat().st_size} bytes, {description}")
    return 0


def _vocabulary(
    tokenizer: jieba.Tokenizer, counts: Counter[str], domain: list[str], options: argparse.Namespace
) -> tuple[list[str], list[float]]:
    frequencies = {
        word: frequency
        for word, frequency in tokenizer.FREQ.items()
        if _WORD.match(word)
        and not lexicon_text.is_number(word)
        and (frequency >= options.least_frequency or counts[word] or len(word) == 1)
    }
    for word in [*counts, *domain]:
        if _WORD.match(word):
            frequencies.setdefault(word, 1)
    words = sorted(
        word for word in frequencies if _WORD.match(word) and not (len(word) == 1 and word.isascii())
    )
    words += "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
    total, seen = sum(frequencies.get(word, 1) for word in words), sum(counts.values())
    share = options.corpus_share
    phrases = sum(1 for _ in words) or 1
    unigram = [1e-9, 0.08]
    for word in words:
        general = frequencies.get(word, 1) / total
        ours = counts[word] / seen
        unigram.append((1 - share) * general + share * ours + 1e-3 / phrases)
    scale = 0.92 / sum(unigram[2:])
    return ["<s>", "</s>", *words], [1e-9, 0.08, *(value * scale for value in unigram[2:])]


def _ngram_arrays(
    size: int, unigram: list[float], bigram: lexicon_ngram.Rows, trigram: lexicon_ngram.Rows
) -> dict[str, np.ndarray]:
    starts, words, costs, backoffs = [0], [], [], np.zeros(size)
    places: dict[tuple[int, int], int] = {}
    for context in range(size):
        for word, log in sorted(bigram.words.get((context,), {}).items()):
            places[context, word] = len(words)
            words.append(word)
            costs.append(-log)
        starts.append(len(words))
        backoffs[context] = -bigram.backoff.get((context,), 0.0)
    second = [0]
    third_words, third_costs, third_backoffs = [], [], np.zeros(len(words))
    reverse = {place: pair for pair, place in places.items()}
    for place in range(len(words)):
        pair = reverse[place]
        for word, log in sorted(trigram.words.get(pair, {}).items()):
            third_words.append(word)
            third_costs.append(-log)
        third_backoffs[place] = -trigram.backoff.get(pair, 0.0)
        second.append(len(third_words))
    return {
        "unigram_costs": _milli(np.array([-math.log(value) for value in unigram])),
        "backoff_costs": _milli(backoffs),
        "bigram_starts": np.array(starts, np.uint32),
        "bigram_words": np.array(words, np.uint32),
        "bigram_costs": _milli(np.array(costs)),
        "trigram_starts": np.array(second, np.uint32),
        "trigram_words": np.array(third_words, np.uint32),
        "trigram_costs": _milli(np.array(third_costs)),
        "trigram_backoffs": _milli(third_backoffs),
    }


def _milli(values: np.ndarray) -> np.ndarray:
    return np.clip(np.rint(values * 1000), 0, 65534).astype(np.uint16)


def _character_readings(path: Path) -> dict[str, Counter[str]]:
    """How often each character is read how, in sentences that have their pinyin written beside them."""
    result: dict[str, Counter[str]] = defaultdict(Counter)
    with path.open(encoding="utf-8", newline="") as stream:
        for row in csv.DictReader(stream, delimiter="\t", quoting=csv.QUOTE_NONE):
            syllables = row["pinyin"].split()
            if len(syllables) == len(row["text"]):
                for character, syllable in zip(row["text"], syllables, strict=True):
                    toned = syllable if syllable[-1:].isdigit() else f"{syllable}5"
                    result[character][toned.replace("ü", "v")] += 1
    return result


def _readings(
    vocabulary: list[str], characters: dict[str, Counter[str]]
) -> list[tuple[tuple[str, ...], int, float]]:
    """(syllables, word id, cost in nats of this reading among the word's readings)."""
    result = []
    for number, word in enumerate(track(vocabulary, "readings", console=_console)):
        if number < 2:
            continue
        if len(word) == 1 and not word.isascii():
            weights: dict[str, float] = {}
            heard = characters.get(word, Counter())
            options = [
                _spelled(text)
                for text in pinyin(
                    word, style=Style.TONE3, heteronym=True, neutral_tone_with_five=True, v_to_u=False
                )[0]
            ]
            for place, text in enumerate(dict.fromkeys(options)):
                if is_syllable(text):
                    weights[text] = heard[text] + (3.0 if place == 0 else 0.15)
            total = sum(weights.values())
            result += [((text,), number, -math.log(weight / total)) for text, weight in weights.items()]
            continue
        syllables = []
        for piece in re.findall(r"[A-Z]|[\u4e00-\u9fff]+", word):
            if piece.isascii():
                syllables.append(piece)
            else:
                syllables += [_spelled(text) for text in lazy_pinyin(
                    piece, style=Style.TONE3, neutral_tone_with_five=True, v_to_u=False)]  # fmt: skip
        if all(is_syllable(text) for text in syllables) and len(syllables) == len(word):
            result.append((tuple(syllables), number, 0.0))
    return result


def _spelled(text: str) -> str:
    return {"n2": "en2", "ng2": "en2", "m2": "en2"}.get(text, text)


def _trie(readings: list[tuple[tuple[str, ...], int, float]], unigram: list[float]) -> dict[str, np.ndarray]:
    sayable = sorted({syllable for syllables, _, _ in readings for syllable in syllables})
    number = {syllable: place for place, syllable in enumerate(sayable)}
    root: dict[int, list] = {}
    for syllables, word, cost in readings:
        node: list = [root, []]
        for syllable in syllables:
            node = node[0].setdefault(number[syllable], [{}, []])
        node[1].append((word, cost))
    level: list[list] = [[root, []]]
    child_syllable, first_child, word_starts, words, costs = [], [], [0], [], []
    nodes = 1
    while level:
        below = []
        for children, ends in level:
            first_child.append(nodes)
            for syllable in sorted(children):
                child_syllable.append(syllable)
                below.append(children[syllable])
                nodes += 1
            for word, cost in sorted(ends, key=lambda end: (end[1] - math.log(unigram[end[0]]), end[0])):
                words.append(word)
                costs.append(cost)
            word_starts.append(len(words))
        level = below
    first_child.append(nodes)
    return {
        "sayable": sayable,
        "first_child": np.array(first_child, np.uint32),
        "child_syllables": np.array(child_syllable, np.uint16),
        "word_starts": np.array(word_starts, np.uint32),
        "word_ids": np.array(words, np.uint32),
        "reading_costs": _milli(np.array(costs)),
    }


if __name__ == "__main__":
    raise SystemExit(main())
