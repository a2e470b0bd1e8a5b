"""The words Mandarin can be read as: a trie over syllables, a word trigram and the confusions of the ear."""

from __future__ import annotations

import json
import zipfile
from bisect import bisect_right
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from appliance.models import ModelError, ModelStore
from appliance.speech.pinyin import INITIALS, Syllable, in_ascii, split

MODEL_NAME: Final = "lexicon-zh"
FILE_NAME: Final = "lexicon.npz"
#: The arrays' layout that this module reads; `tools/train/lexicon.py` writes it.
FORMAT: Final = 2
#: A recognizer may bring its own costs of mishearing under this name, in the lexicon's layout.
CONFUSIONS_FILE: Final = "confusions.npz"
COST_TABLES: Final = ("initial_costs", "final_costs", "tone_costs")

#: Word ids with a meaning of their own.
BEGIN: Final = 0
END: Final = 1

#: Confusions are kept apart by how sure the recognizer was; a bin ends below each of these probabilities.
CONFIDENCE_BINS: Final = (0.35, 0.5, 0.62, 0.74, 0.86)
#: What a heard syllable may have been: so many at most, and none this much dearer than the best.
CANDIDATES: Final = 28
WIDEST: Final = 8_000

#: Where the recognizer tells what else it may have heard, the confusions that were counted weigh so much, in
#: percent, and its own probabilities so much.
CONFUSION_PERCENT: Final = 60
RIVAL_PERCENT: Final = 60
#: What it does not name costs this many nats, and so does a syllable without an initial where one was heard.
LEAST_RIVAL: Final = 8.0
LEAST_NO_INITIAL: Final = 6.0

#: Rows unpacked for speed are forgotten beyond this many, so that memory does not grow with the day.
_ROWS_KEPT: Final = 20_000

#: Arrays of a cost for each syllable, 10 kB each.
_CONFUSIONS_KEPT: Final = 2_000

#: (word id, cost of the word alone and of this reading)
WordCosts = list[tuple[int, int]]
_NOTHING: Final[dict[int, int]] = {}
_NO_WORDS: Final[WordCosts] = []
_NO_RIVALS: Final[dict[str, float]] = {}


def confidence_bin(confidence: float) -> int:
    """The bin of a probability, 0 the least sure."""
    return bisect_right(CONFIDENCE_BINS, confidence)


def _cheapest(costs: NDArray[np.int64]) -> list[tuple[int, int]]:
    order = np.argpartition(costs, CANDIDATES)[:CANDIDATES]
    order = order[np.argsort(costs[order], kind="stable")]
    order = order[costs[order] <= costs[order[0]] + WIDEST]
    return list(zip(order.tolist(), costs[order].tolist(), strict=True))


class _RivalParts:
    """Which initial and which toned final each sayable syllable is made of, as a recognizer's tokens."""

    def __init__(self, syllables: Sequence[str]) -> None:
        parts = [("", one) if len(one) == 1 else _initial_and_final(one) for one in syllables]
        self._initials = {one: place for place, one in enumerate(sorted({initial for initial, _ in parts}))}
        self._finals = {one: place for place, one in enumerate(sorted({final for _, final in parts}))}
        self._initial_of = np.array([self._initials[initial] for initial, _ in parts])
        self._final_of = np.array([self._finals[final] for _, final in parts])
        self._spelt: dict[str, str] = {}

    def costs(self, initials: Mapping[str, float] | None, finals: Mapping[str, float]) -> NDArray[np.int64]:
        """Thousandths of a nat for each syllable."""
        of_finals = np.full(len(self._finals), LEAST_RIVAL)
        for token, logarithm in finals.items():
            place = self._finals.get(self._spell(token))
            if place is not None:
                of_finals[place] = min(LEAST_RIVAL, -logarithm)
        of_initials = np.full(len(self._initials), LEAST_RIVAL)
        of_initials[self._initials[""]] = LEAST_NO_INITIAL if initials else 0.0
        for token, logarithm in (initials or _NO_RIVALS).items():
            place = self._initials.get(token)
            if place is not None:
                of_initials[place] = min(LEAST_RIVAL, -logarithm)
        summed = of_finals[self._final_of] + of_initials[self._initial_of]
        costs: NDArray[np.int64] = (1000.0 * summed).astype(np.int64)
        return costs

    def _spell(self, token: str) -> str:
        """A final's token in ASCII; there are as many as a recognizer has."""
        found = self._spelt.get(token)
        if found is None:
            letter = len(token) == 1 and token.isascii() and token.isupper()
            found = self._spelt[token] = token if letter or token in INITIALS else in_ascii(token)
        return found


def _initial_and_final(syllable: str) -> tuple[str, str]:
    initial, final, tone = split(syllable)
    return initial, final + tone


class Lexicon:
    """Costs are whole thousandths of a nat (1000 · −ln p), so that sums are exact and fast."""

    def __init__(self, arrays: dict[str, NDArray[Any]]) -> None:
        """Use the arrays of an artefact; see `tools/train/lexicon.py` for each."""
        self.description: dict[str, Any] = json.loads(arrays["description"].item())
        if self.description["format"] != FORMAT:
            raise ModelError(
                f"model {MODEL_NAME}: its format is {self.description['format']}, this appliance "
                f"reads {FORMAT}; install the lexicon that came with this release"
            )
        self._text: bytes = arrays["words"].item()
        ends = np.flatnonzero(np.frombuffer(self._text, np.uint8) == ord("\n"))
        #: where each word's bytes begin and, one before the next, end; the words stay packed in memory
        self._text_starts = np.concatenate(([0], ends + 1, [len(self._text) + 1])).astype(np.uint32)
        self._syllables: list[str] = arrays["syllables"].item().decode().split("\n")
        self.heard_ids: dict[str, int] = {syllable: number for number, syllable in enumerate(self._syllables)}
        self.unigram: NDArray[np.uint16] = arrays["unigram_costs"]
        self.backoff: NDArray[np.uint16] = arrays["backoff_costs"]
        self._arrays = arrays
        # Asked for many times a syllable.
        self._first_child: NDArray[np.uint32] = arrays["first_child"]
        self._word_starts: NDArray[np.uint32] = arrays["word_starts"]
        self._children: dict[int, dict[int, int]] = {}
        self._node_words: dict[int, WordCosts] = {}
        self._bigrams: dict[int, dict[int, int]] = {}
        self._trigrams: dict[tuple[int, int], tuple[int, dict[int, int]]] = {}
        self._candidates: dict[tuple[int, int, int], list[tuple[int, int]]] = {}
        self._confusions: dict[tuple[int, int, int], NDArray[np.int64]] = {}
        self._rivals = _RivalParts(self._syllables[: int(arrays["sayable"])])
        self._parts: NDArray[np.uint8] = arrays["syllable_parts"]
        #: the nodes where words begin
        self.roots: tuple[int, ...] = (0,)

    @classmethod
    def load(cls, store: ModelStore) -> Lexicon:
        """Load the verified artefact of the store.

        Raises:
            ModelError: it is not installed, altered, or of another format.
        """
        return cls.read(store.open(MODEL_NAME).path(FILE_NAME))

    @classmethod
    def load_for(cls, store: ModelStore, confusions: Path | None) -> Lexicon:
        """The lexicon of the store, with another recognizer's confusions where there are some.

        Raises:
            ModelError: one of them is not installed, altered, or does not fit the other.
        """
        lexicon = cls.load(store)
        return lexicon if confusions is None else cls(lexicon.arrays | _read_confusions(confusions, lexicon))

    @property
    def arrays(self) -> dict[str, NDArray[Any]]:
        """What it was made of."""
        return self._arrays

    @classmethod
    def read(cls, path: Path) -> Lexicon:
        """Read an artefact.

        Raises:
            ModelError: it cannot be read or is of another format.
        """
        try:
            with np.load(path, allow_pickle=False) as archive:
                arrays = {name: archive[name] for name in archive.files}
            return cls(arrays)
        except (OSError, EOFError, ValueError, KeyError, zipfile.BadZipFile) as error:
            raise ModelError(
                f"the lexicon {path} cannot be read ({error}); install the release's lexicon"
            ) from error

    def word(self, number: int) -> str:
        """The characters of a word id."""
        start, end = self._text_starts[number : number + 2].tolist()
        return self._text[start : end - 1].decode()

    def children(self, node: int) -> dict[int, int]:
        """The trie below a node: syllable id to node."""
        row = self._children.get(node)
        if row is None:
            first, end = self._first_child[node : node + 2].tolist()
            if first == end:
                return _NOTHING
            row = dict(
                zip(
                    self._arrays["child_syllables"][first - 1 : end - 1].tolist(),
                    range(first, end),
                    strict=False,
                )
            )
            self._keep(self._children, node, row)
        return row

    def reading(self, node: int) -> tuple[str, ...]:
        """The syllables from the trie's root to a node."""
        result = []
        while node:
            result.append(self._syllables[self._arrays["child_syllables"][node - 1]])
            node = int(np.searchsorted(self._first_child, np.uint32(node), side="right")) - 1
        return tuple(result[::-1])

    def words_at(self, node: int) -> WordCosts:
        """The words that end at a node, with the cost of word and reading, cheapest first."""
        row = self._node_words.get(node)
        if row is None:
            start, end = self._word_starts[node : node + 2].tolist()
            if start == end:
                return _NO_WORDS
            ids = self._arrays["word_ids"][start:end]
            costs = self.unigram[ids].astype(np.int64) + self._arrays["reading_costs"][start:end]
            row = list(zip(ids.tolist(), costs.tolist(), strict=False))
            self._keep(self._node_words, node, row)
        return row

    def bigrams(self, word: int) -> dict[int, int]:
        """The words seen after a word, with their cost."""
        row = self._bigrams.get(word)
        if row is None:
            start, end = self._arrays["bigram_starts"][word : word + 2].tolist()
            row = dict(
                zip(
                    self._arrays["bigram_words"][start:end].tolist(),
                    self._arrays["bigram_costs"][start:end].tolist(),
                    strict=False,
                )
            )
            self._keep(self._bigrams, word, row)
        return row

    def trigrams(self, before: int, word: int) -> tuple[int, dict[int, int]]:
        """What falling back from the pair costs, and the words seen after it with their cost."""
        found = self._trigrams.get((before, word))
        if found is None:
            found = self._unpack_trigrams(before, word)
            self._keep(self._trigrams, (before, word), found)
        return found

    def _unpack_trigrams(self, before: int, word: int) -> tuple[int, dict[int, int]]:
        if before < 0:
            return 0, {}
        start, end = self._arrays["bigram_starts"][before : before + 2].tolist()
        place = start + int(np.searchsorted(self._arrays["bigram_words"][start:end], np.uint32(word)))
        if place >= end or self._arrays["bigram_words"][place] != word:
            return 0, {}
        first, last = self._arrays["trigram_starts"][place : place + 2].tolist()
        words = self._arrays["trigram_words"][first:last].tolist()
        costs = self._arrays["trigram_costs"][first:last].tolist()
        return int(self._arrays["trigram_backoffs"][place]), dict(zip(words, costs, strict=False))

    def candidates(self, syllable: Syllable) -> list[tuple[int, int]]:
        """What may have been said where this syllable was heard: (syllable id, cost), cheapest first.

        Empty for what is no syllable of Mandarin.
        """
        heard = self.heard_ids.get(syllable.text)
        if heard is None:
            return []
        key = (
            confidence_bin(syllable.initial_confidence),
            confidence_bin(syllable.final_confidence),
            heard,
        )
        if syllable.final_rivals is not None:
            told = self._rivals.costs(syllable.initial_rivals, syllable.final_rivals)
            return _cheapest((self._confused(key) * CONFUSION_PERCENT + told * RIVAL_PERCENT) // 100)
        found = self._candidates.get(key)
        if found is None:
            found = _cheapest(self._confused(key))
            self._keep(self._candidates, key, found)
        return found

    def _confused(self, key: tuple[int, int, int]) -> NDArray[np.int64]:
        """What each sayable syllable costs where this one was heard, as counted."""
        found = self._confusions.get(key)
        if found is None:
            initial_bin, final_bin, heard = key
            initial, final, tone = self._parts[heard].tolist()
            said = self._parts[: int(self._arrays["sayable"])]
            found = (
                self._arrays["initial_costs"][initial_bin, said[:, 0], initial].astype(np.int64)
                + self._arrays["final_costs"][final_bin, said[:, 1], final]
                + self._arrays["tone_costs"][final_bin, said[:, 2], tone]
            )
            if len(self._confusions) >= _CONFUSIONS_KEPT:
                self._confusions.clear()
            self._confusions[key] = found
        return found

    @staticmethod
    def _keep(rows: dict[Any, Any], key: Any, row: Any) -> None:
        if len(rows) >= _ROWS_KEPT:
            rows.clear()
        rows[key] = row


def _read_confusions(path: Path, lexicon: Lexicon) -> dict[str, NDArray[Any]]:
    try:
        with np.load(path, allow_pickle=False) as archive:
            found = {name: archive[name] for name in COST_TABLES}
    except (OSError, EOFError, ValueError, KeyError, zipfile.BadZipFile) as error:
        raise ModelError(
            f"the confusions {path} cannot be read ({error}); install the model again"
        ) from error
    for name, costs in found.items():
        own = lexicon.arrays[name]
        if costs.shape != own.shape or costs.dtype != own.dtype:
            raise ModelError(
                f"the confusions {path} do not fit the lexicon: {name} is {costs.dtype} of shape "
                f"{costs.shape}, not {own.dtype} of shape {own.shape}; install the recognizer of this release"
            )
    return found
