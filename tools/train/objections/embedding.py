"""Vocabularies of units and pairs, and their first embeddings from unlabelled text.

Embeddings: positive pointwise mutual information of units with the characters around them, reduced by a
truncated singular value decomposition (Levy and Goldberg 2014), so that words of like use begin near each
other. Text: the labelled texts without their labels, TV dialogues and read sentences (both Apache-2.0), and
our own call sentences.
"""

from __future__ import annotations

import pickle
import tempfile
from collections import Counter
from functools import cache
from pathlib import Path

import numpy as np

from appliance.language.pinyin_forms import Heard, hear
from appliance.language.text_units import Vocabulary
from tools.train.objections.corpus import ROOT, SHARED
from tools.train.objections.network import PAIR, UNIT

CHARACTERS = 2600
PAIRS = 7000
OWN_WEIGHT = 10
AROUND = 4
#: Context distribution smoothing and shift as in Levy, Goldberg and Dagan 2015.
SMOOTHING = 0.75
SCALE = 0.25
#: Reading pinyin takes longest, so the text is kept as it was heard; delete it when the texts change.
CACHE = Path(tempfile.gettempdir()) / "ridge-objections-heard.pickle"
_cache: dict[str, list[Heard]] = {}


@cache
def heard(text: str) -> Heard:
    """The text without errors, read once."""
    return hear(text)


def general() -> list[Heard]:
    """The unlabelled text, heard."""
    if not _cache and CACHE.is_file():
        _cache["general"] = pickle.loads(CACHE.read_bytes())
    if "general" not in _cache:
        lines = (SHARED / "data/text/tv_dialogues.tsv").read_text(encoding="utf-8").splitlines()[1:]
        texts = [line.split("\t")[-1] for line in lines]
        lines = (SHARED / "data/text/read_sentences.tsv").read_text(encoding="utf-8").splitlines()[1:]
        texts += [
            "".join(cell for cell in line.split("\t") if any("一" <= c <= "鿿" for c in cell))
            for line in lines
        ]
        texts += (ROOT / "tools/train/domain_text/calls.txt").read_text(encoding="utf-8").splitlines()
        _cache["general"] = [hear(text) for text in texts if text]
        CACHE.write_bytes(pickle.dumps(_cache["general"]))
    return _cache["general"]


def vocabulary(texts: list[str], own: list[bool]) -> tuple[str, list[str], list[str], list[str]]:
    """Characters, syllables, pairs of characters and pairs of syllables, the most frequent first."""
    characters: Counter[str] = Counter()
    syllables: Counter[str] = Counter()
    character_pairs: Counter[str] = Counter()
    syllable_pairs: Counter[str] = Counter()
    weighted = [(heard(text), OWN_WEIGHT if ours else 1) for text, ours in zip(texts, own, strict=True)]
    for said, weight in [*weighted, *((said, 1) for said in general())]:
        for unit in said.characters:
            characters[unit] += weight
        for unit in said.syllables:
            syllables[unit] += weight
        for index in range(1, len(said)):
            character_pairs["".join(said.characters[index - 1 : index + 1])] += weight
            syllable_pairs[" ".join(said.syllables[index - 1 : index + 1])] += weight
    return (
        "".join(unit for unit, _ in characters.most_common(CHARACTERS)),
        sorted(unit for unit, count in syllables.items() if count >= 5),
        [unit for unit, _ in character_pairs.most_common(PAIRS)],
        [unit for unit, _ in syllable_pairs.most_common(PAIRS)],
    )


def tables(words: Vocabulary, texts: list[str]) -> list[np.ndarray]:
    """First embeddings, float32: characters, their pairs, syllables, their pairs; rows as the ids."""
    encoded = [words.encode(said) for said in [*map(heard, texts), *general()]]
    sizes = [
        len(table) + 2
        for table in (words.characters, words.character_pairs, words.syllables, words.syllable_pairs)
    ]
    contexts = np.zeros((sum(sizes), sizes[0]), dtype=np.float32)
    offsets = np.cumsum([0, *sizes[:-1]])
    for distance in range(-AROUND - 1, AROUND + 1):
        if distance == 0:
            continue
        rows: list[np.ndarray] = []
        columns: list[np.ndarray] = []
        for characters, syllables in encoded:
            length = len(characters)
            here = np.arange(max(0, -distance), min(length, length - distance))
            if not len(here):
                continue
            around = characters[here + distance, 0]
            for kind, ids in enumerate(
                (characters[here, 0], characters[here, 1], syllables[here, 0], syllables[here, 1])
            ):
                # A pair covers the unit before it, which is no context of it.
                if (kind in (1, 3) and distance == -1) or (kind in (0, 2) and distance < -AROUND):
                    continue
                rows.append(ids + offsets[kind])
                columns.append(around)
        places = np.concatenate(rows) * contexts.shape[1] + np.concatenate(columns)
        np.add.at(contexts.reshape(-1), places, np.float32(1))
    contexts[:, :2] = 0
    by_row = contexts.sum(axis=1, keepdims=True)
    by_column = contexts.sum(axis=0, keepdims=True) ** SMOOTHING
    with np.errstate(divide="ignore", invalid="ignore"):
        information = np.log(contexts / by_row / (by_column / by_column.sum()))
    information = np.maximum(np.nan_to_num(information, neginf=0.0), 0.0).astype(np.float32)
    vectors, values = _leading(information, max(UNIT, PAIR))
    projected = information @ vectors / np.sqrt(np.sqrt(values))
    out = []
    for kind, size in enumerate(sizes):
        table = projected[offsets[kind] : offsets[kind] + size, : UNIT if kind in (0, 2) else PAIR].copy()
        norms = np.linalg.norm(table, axis=1, keepdims=True)
        table = SCALE * np.sqrt(table.shape[1]) * table / np.maximum(norms, 1e-6) * 0.5
        table[0] = 0
        table[1] = 0
        out.append(table.astype(np.float32))
    return out


def _leading(matrix: np.ndarray, count: int) -> tuple[np.ndarray, np.ndarray]:
    """The leading right singular vectors and squared singular values (Halko, Martinsson and Tropp 2011)."""
    chance = np.random.default_rng(0)
    space = chance.standard_normal((matrix.shape[1], count + 16)).astype(np.float32)
    for _ in range(6):
        space, _ = np.linalg.qr(matrix.T @ (matrix @ space))
    _, values, turned = np.linalg.svd(matrix @ space, full_matrices=False)
    return space @ turned[:count].T, values[:count] ** 2
