"""The lexicon with the site's own names in it, added when it is loaded."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import numpy as np
from numpy.typing import NDArray

from appliance.box.config import SiteWord
from appliance.box.journal import Journal
from appliance.models import ModelStore
from appliance.speech.lexicon import Lexicon, WordCosts
from appliance.speech.pinyin import without_tone
from appliance.speech.speech_events import SiteWordLeftOut

if TYPE_CHECKING:
    from appliance.speech.siteword import PronouncedWord, Reading

#: What a name costs, in thousandths of a nat, by the syllables it has; the last counts for longer ones.
#: As frequent as 理财 or 产品. Cheaper names are found no more often in `tools/bench/site_words.py` (what is
#: missed was misheard beyond the candidates), and are put in where they were not said.
NAME_COSTS: Final = (14_000, 9_000, 8_000, 7_000)

#: Readings by index, and the places in them, that the syllables so far may have led to.
_State = frozenset[tuple[int, int]]


def load_lexicon(
    store: ModelStore, words: Sequence[SiteWord], journal: Journal, confusions: Path | None = None
) -> Lexicon:
    """The lexicon of the store with the names that can be pronounced; those that cannot are noted by number.

    `confusions` is how the recognizer mishears, where it brings its own table.

    Raises:
        ModelError: the lexicon is not installed, altered, or of another format.
    """
    lexicon = Lexicon.load_for(store, confusions)
    if not words:
        return lexicon
    # pypinyin's dictionaries are large, and few sites list names.
    from appliance.speech.siteword import PronunciationError, pronounce  # noqa: PLC0415

    pronounced = []
    for place, entry in enumerate(words):
        try:
            pronounced.append(pronounce(entry.word, entry.pinyin))
        except PronunciationError:
            journal.write(SiteWordLeftOut(place=place))
    return SiteLexicon(lexicon.arrays, pronounced)


class SiteLexicon(Lexicon):
    """A lexicon whose names form a second trie: its nodes and words are numbered behind the lexicon's own.

    Names that the lexicon has already keep their word id, and with it the words they stand beside; they
    become as frequent as a new name where they are rarer.
    """

    def __init__(self, arrays: dict[str, NDArray[Any]], words: Sequence[PronouncedWord]) -> None:
        """Add names to the arrays of an artefact."""
        super().__init__(arrays)
        self._own_words = len(self.unigram)
        self._own_nodes = len(self._first_child) - 1
        self._names: list[str] = []
        #: words of the lexicon that the site writes otherwise, such as 固收加 as 固收+
        self._respelt: dict[int, str] = {}
        #: names of which no reading can be made of syllables that the lexicon has, by their place
        self.unread: list[int] = []
        ids = self._find({text for word in words for text in (word.text, word.spoken)})
        unigram = self.unigram.astype(np.int64)
        added: list[int] = []
        readings: list[tuple[Reading, int]] = []
        for place, word in enumerate(words):
            known = [known for reading in word.readings if (known := self._known(reading))]
            if not known:
                self.unread.append(place)
                continue
            cost = NAME_COSTS[min(len(known[0]), len(NAME_COSTS)) - 1]
            number = ids.get(word.text)
            if number is None and word.spoken in ids:
                number = ids[word.text] = ids[word.spoken]
                self._respelt[number] = word.text
            if number is None:
                number = ids[word.text] = self._own_words + len(self._names)
                self._names.append(word.text)
                added.append(cost)
            elif number < self._own_words:
                unigram[number] = min(unigram[number], cost)
            readings += [(reading, number) for reading in known]
        self.unigram = np.concatenate((unigram, np.array(added, np.int64))).astype(np.uint16)
        self.backoff = np.concatenate((self.backoff, np.zeros(len(added), np.uint16)))
        self._build(readings)
        self.roots = (0, self._own_nodes)

    def _find(self, texts: set[str]) -> dict[str, int]:
        wanted = {text.encode(): text for text in texts}
        return {wanted[text]: number for number, text in enumerate(self._text.split(b"\n")) if text in wanted}

    def _known(self, reading: Reading) -> Reading | None:
        """The reading in syllables that the lexicon has; a tone it does not know becomes any that it does."""
        result = []
        for place in reading:
            sayable = tuple(one for one in place if self._sayable(one)) or tuple(
                one for tone in "12345" if self._sayable(one := without_tone(place[0]) + tone)
            )
            if not sayable:
                return None
            result.append(sayable)
        return tuple(result)

    def _sayable(self, syllable: str) -> bool:
        return self.heard_ids.get(syllable, 1 << 16) < int(self._arrays["sayable"])

    def _build(self, readings: list[tuple[Reading, int]]) -> None:
        """Subset construction: a node is the set of places in readings that syllables may have led to."""
        root: _State = frozenset((index, 0) for index in range(len(readings)))
        nodes: dict[_State, int] = {root: self._own_nodes}
        self._name_children: list[dict[int, int]] = []
        self._name_words: list[WordCosts] = []
        self._name_readings: list[tuple[str, ...]] = []
        waiting = [root]
        # Nodes are numbered in the order in which they are found, and their rows appended in that order.
        for state in waiting:
            following: dict[int, set[tuple[int, int]]] = {}
            words: set[int] = set()
            for index, place in state:
                reading, word = readings[index]
                if place == len(reading):
                    words.add(word)
                    continue
                for syllable in reading[place]:
                    following.setdefault(self.heard_ids[syllable], set()).add((index, place + 1))
            row: dict[int, int] = {}
            for syllable_id, reached in following.items():
                target = frozenset(reached)
                if target not in nodes:
                    nodes[target] = self._own_nodes + len(nodes)
                    waiting.append(target)
                row[syllable_id] = nodes[target]
            self._name_children.append(row)
            self._name_words.append(sorted(((word, int(self.unigram[word])) for word in words), key=_cost))
            index, place = min(state, default=(0, 0))
            self._name_readings.append(
                tuple(one[0] for one in readings[index][0][:place]) if readings else ()
            )

    def word(self, number: int) -> str:
        """The characters of a word id, as the site writes them."""
        if number >= self._own_words:
            return self._names[number - self._own_words]
        return self._respelt.get(number) or super().word(number)

    def children(self, node: int) -> dict[int, int]:
        """The trie below a node: syllable id to node."""
        if node >= self._own_nodes:
            return self._name_children[node - self._own_nodes]
        return super().children(node)

    def reading(self, node: int) -> tuple[str, ...]:
        """The syllables from the root to a node; where a name's tones are open, its usual ones."""
        if node >= self._own_nodes:
            return self._name_readings[node - self._own_nodes]
        return super().reading(node)

    def words_at(self, node: int) -> WordCosts:
        """The words that end at a node, with their cost, cheapest first."""
        if node >= self._own_nodes:
            return self._name_words[node - self._own_nodes]
        return super().words_at(node)

    def bigrams(self, word: int) -> dict[int, int]:
        """The words seen after a word; a new name was seen before none."""
        return {} if word >= self._own_words else super().bigrams(word)

    def trigrams(self, before: int, word: int) -> tuple[int, dict[int, int]]:
        """What falling back from a pair costs, and the words seen after it."""
        if before >= self._own_words or word >= self._own_words:
            return 0, {}
        return super().trigrams(before, word)


def _cost(entry: tuple[int, int]) -> int:
    return entry[1]
