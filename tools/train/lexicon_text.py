"""The texts that the language model is counted on, as lists of words."""

from __future__ import annotations

import csv
import re
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

import jieba
import lexicon_numbers

#: A run of hanzi, or of capital letters and hanzi as in "A股"; everything else ends a phrase.
_PHRASE = re.compile(r"[\u4e00-\u9fffA-Z]+")
_HANZI = re.compile(r"[\u4e00-\u9fff]")
#: Numbers are counted digit by digit, so that one number teaches the others.
_NUMERALS = re.compile(r"^[零一二三四五六七八九十百千万亿幺]{2,}$")
_NUMBER_PHRASES, _SEED = 6000, 20
_DIGITS = dict(zip("0123456789", "零一二三四五六七八九", strict=True))


@dataclass(frozen=True)
class Corpus:
    """One source of text and how much a sentence of it counts."""

    name: str
    weight: int
    sentences: tuple[str, ...]


def read_corpora(shared: Path, domain: Path, speech_texts: Iterable[Path], forbidden: Path) -> list[Corpus]:
    """Every corpus; sentences that `forbidden` (the manifest that scores the result) holds are left out."""
    held_out = {clean(row["text"]) for row in _rows(forbidden)}
    text = shared / "data" / "text"
    sources = [
        ("read_sentences", 1, (row["text"] for row in _rows(text / "read_sentences.tsv"))),
        ("tv_dialogues", 1, (row["text"] for row in _rows(text / "tv_dialogues.tsv"))),
        ("telemarketing", 2, (row["text"] for row in _rows(text / "telemarketing_intents.tsv"))),
        ("domain", 6, _lines(sorted(domain.glob("*.txt")))),
        ("objections", 2, _said(sorted((domain.parent / "objections" / "written").glob("*.tsv")))),
        *((path.stem, 1, (row["text"] for row in _rows(path))) for path in speech_texts),
    ]
    corpora = []
    for name, weight, sentences in sources:
        kept: dict[str, None] = {}
        for sentence in sentences:
            if clean(sentence) not in held_out:
                kept.setdefault(sentence)
        corpora.append(Corpus(name, weight, tuple(kept)))
    corpora.append(Corpus("numbers", 1, tuple(lexicon_numbers.phrases(_SEED, _NUMBER_PHRASES))))
    return corpora


def without_every(corpus: Corpus, step: int) -> Corpus:
    """The corpus without its first sentence of every `step`."""
    kept = tuple(sentence for place, sentence in enumerate(corpus.sentences) if place % step)
    return Corpus(corpus.name, corpus.weight, kept)


def is_number(word: str) -> bool:
    """Whether a word is nothing but a number of several digits."""
    return bool(_NUMERALS.match(word))


def clean(sentence: str) -> str:
    """Only the hanzi and letters of a sentence, digits spelled out one by one."""
    spelled = "".join(_DIGITS.get(character, character) for character in sentence)
    return "".join(_PHRASE.findall(spelled.upper()))


def phrases(sentence: str) -> Iterator[str]:
    """The runs of a sentence between its punctuation marks, those without hanzi left out."""
    if re.search(r"\d", sentence):
        # How a written number is spoken depends on what it counts, so the phrases with one are not counted.
        sentence = re.sub(r"[\u4e00-\u9fffA-Za-z]*[0-9.%,]+[\u4e00-\u9fffA-Za-z]*", " ", sentence)
    for phrase in _PHRASE.findall(sentence.upper()):
        if _HANZI.search(phrase):
            yield phrase


def domain_words(path: Path) -> list[str]:
    """The words of the trade, one a line; # begins a remark."""
    return [
        line.split("#")[0].strip()
        for line in path.read_text(encoding="utf-8").splitlines()
        if line.split("#")[0].strip()
    ]


def segmenter(words: Iterable[str]) -> jieba.Tokenizer:
    """jieba's segmenter with the trade's words added."""
    tokenizer = jieba.Tokenizer()
    tokenizer.initialize()
    for word in words:
        tokenizer.add_word(word, max(2000, tokenizer.FREQ.get(word, 0)))
    return tokenizer


def count_words(
    corpora: Iterable[Corpus], tokenizer: jieba.Tokenizer
) -> tuple[list[tuple[int, list[str]]], Counter[str]]:
    """Every phrase as (weight, words), and the weighted counts of the words."""
    sentences: list[tuple[int, list[str]]] = []
    counts: Counter[str] = Counter()
    for corpus in corpora:
        for sentence in corpus.sentences:
            for phrase in phrases(sentence):
                words = [
                    piece
                    for word in tokenizer.cut(phrase, HMM=False)
                    for piece in (word if is_number(word) else (word,))
                ]
                sentences.append((corpus.weight, words))
                for word in words:
                    counts[word] += corpus.weight
    return sentences, counts


def _rows(path: Path) -> Iterator[dict[str, str]]:
    with path.open(encoding="utf-8", newline="") as stream:
        yield from csv.DictReader(stream, delimiter="\t", quoting=csv.QUOTE_NONE)


def _said(paths: Iterable[Path]) -> Iterator[str]:
    """What is said in the sentences that the objection model learns from, by customers and before them."""
    for path in paths:
        for row in _rows(path):
            yield from (row[column] for column in ("text", "context") if row[column])


def _lines(paths: Iterable[Path]) -> Iterator[str]:
    for path in paths:
        if path.stem != "words":
            for line in path.read_text(encoding="utf-8").splitlines():
                if line.strip() and not line.startswith("#"):
                    yield line.strip()
