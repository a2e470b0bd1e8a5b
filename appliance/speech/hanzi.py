"""Pinyin to hanzi: a beam search over the lexicon's words, through the confusions of the recognizer.

The search finds the words w that make P(w) · P(heard syllables | syllables of w) large (Shannon's noisy
channel), one syllable at a time, so that a growing utterance is decoded as it grows.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from appliance.speech.lexicon import BEGIN, END, Lexicon
from appliance.speech.pinyin import Syllable

#: Hypotheses kept at each place, and how much worse than the best one may be (thousandths of a nat).
WIDTH: Final = 12
BEAM: Final = 9_000
#: Unfinished words kept at each place, and how much worse than the best finished hypothesis they may be.
OPEN_WIDTH: Final = 100
OPEN_BEAM: Final = 11_000
#: A word that is this much dearer than the cheapest, before its neighbours are asked, is not tried.
WORD_BEAM: Final = 8_000
#: Words of one reading that are tried at most; the rarer ones come only with a bigram.
HOMOPHONES: Final = 16
#: The channel's costs count this much against the language model's, in percent.
CHANNEL_PERCENT: Final = 110
#: A word of a growing utterance is shown once no rival within this cost reads it otherwise.
SETTLED_MARGIN: Final = 2_000
#: What leaving a heard syllable out costs: so much that it happens only where nothing else can be read.
SKIP_COST: Final = 16_000
#: Where the recognizer tells how much likelier a syllable is than silence, leaving it out costs that and this
#: much more, because a syllable that is read costs the words it makes.
SKIP_BONUS: Final = 10_000
#: Within a word only what is this cheap to leave out is left out.
SKIP_WITHIN: Final = 8_000


@dataclass(frozen=True, slots=True)
class DecodedWord:
    """A word and the heard syllables [first, last) it stands for."""

    text: str
    #: how the word is read here, which may differ from what was heard
    reading: tuple[str, ...]
    first: int
    last: int


@dataclass(slots=True)
class _Hypothesis:
    cost: int
    #: the last two words' ids
    before: int
    word: int
    #: column and hypothesis that it continues; -1 at the beginning
    column: int
    origin: _Hypothesis | None
    #: the trie node of the word's reading; 0 where the syllable between `column` and here was left out
    node: int


@dataclass(slots=True)
class _Column:
    """Everything known after a number of syllables."""

    hypotheses: list[_Hypothesis]
    #: unfinished words: (column where the word begins, trie node, channel cost)
    opens: list[tuple[int, int, int]]


class HanziDecoder:
    """Decodes one utterance; keeps its columns, so that a longer reading costs only what is new."""

    def __init__(self, lexicon: Lexicon) -> None:
        """Begin an utterance."""
        self._lexicon = lexicon
        self._heard: list[tuple[str, float, float, float | None]] = []
        self._columns = [_Column([_Hypothesis(0, -1, BEGIN, -1, None, 0)], [])]

    def decode(self, syllables: Sequence[Syllable], final: bool = False) -> list[DecodedWord]:
        """The best words for what was heard since the utterance began.

        Args:
            syllables: all of the utterance's syllables so far; those that equal what the last call gave
                are not decoded again.
            final: the utterance is whole, so its end counts; otherwise only the words are given that are
                likely to stay.
        """
        same = 0
        for before, syllable in zip(self._heard, syllables, strict=False):
            if before != _identity(syllable):
                break
            same += 1
        del self._heard[same:]
        del self._columns[same + 1 :]
        for syllable in syllables[same:]:
            self._heard.append(_identity(syllable))
            self._columns.append(self._advance(syllable))
        return self._trace(final)

    def _advance(self, syllable: Syllable) -> _Column:
        here = len(self._columns) - 1
        lexicon = self._lexicon
        candidates = [
            (number, cost * CHANNEL_PERCENT // 100) for number, cost in lexicon.candidates(syllable)
        ]
        skip = _skip_cost(syllable)
        opens: list[tuple[int, int, int, int]] = []
        for start, node, cost in [*self._columns[here].opens, *((here, root, 0) for root in lexicon.roots)]:
            children = lexicon.children(node)
            floor = self._columns[start].hypotheses[0].cost
            if skip < SKIP_WITHIN and start < here:
                opens.append((floor + cost + skip, start, node, cost + skip))
            for number, confusion in candidates:
                child = children.get(number)
                if child is not None:
                    opens.append((floor + cost + confusion, start, child, cost + confusion))
        opens.sort()
        del opens[OPEN_WIDTH * 2 :]
        found = self._words(opens)
        for hypothesis in self._columns[here].hypotheses:
            rival = found.get(hypothesis.word)
            cost = hypothesis.cost + skip
            if rival is None or cost < rival.cost:
                found[hypothesis.word] = _Hypothesis(
                    cost, hypothesis.before, hypothesis.word, here, hypothesis, 0
                )
        hypotheses = sorted(found.values(), key=lambda hypothesis: hypothesis.cost)[:WIDTH]
        best = hypotheses[0].cost
        return _Column(
            [hypothesis for hypothesis in hypotheses if hypothesis.cost <= best + BEAM],
            [
                (start, node, cost)
                for total, start, node, cost in opens[:OPEN_WIDTH]
                if total <= best + OPEN_BEAM
            ],
        )

    def _words(self, opens: list[tuple[int, int, int, int]]) -> dict[int, _Hypothesis]:
        """The best hypothesis for every word that may end here."""
        lexicon = self._lexicon
        by_start: dict[int, dict[int, tuple[int, int, int]]] = {}
        ending = [(*entry, words) for entry in opens if (words := lexicon.words_at(entry[2]))]
        limit = min((total + words[0][1] for total, _, _, _, words in ending), default=0) + WORD_BEAM
        for total, start, node, channel, ends in ending:
            choices = by_start.setdefault(start, {})
            for word, alone in ends[:HOMOPHONES]:
                if total + alone > limit:
                    break
                rival = choices.get(word)
                if rival is None or alone + channel < rival[0] + rival[1]:
                    choices[word] = (alone, channel, node)
        found: dict[int, _Hypothesis] = {}
        for start, choices in by_start.items():
            self._connect(start, choices, found)
        return found

    def _connect(
        self, start: int, words: dict[int, tuple[int, int, int]], found: dict[int, _Hypothesis]
    ) -> None:
        lexicon = self._lexicon
        unigram = lexicon.unigram
        fallback: tuple[int, _Hypothesis] | None = None
        keys = words.keys()
        best: dict[int, tuple[int, _Hypothesis]] = {}
        for hypothesis in self._columns[start].hypotheses:
            pair_backoff, triples = lexicon.trigrams(hypothesis.before, hypothesis.word)
            pairs = lexicon.bigrams(hypothesis.word)
            base = hypothesis.cost + pair_backoff
            alone = base + int(lexicon.backoff[hypothesis.word])
            if fallback is None or alone < fallback[0]:
                fallback = (alone, hypothesis)
            for word in keys & pairs.keys():
                cost = (hypothesis.cost + triples[word]) if word in triples else base + pairs[word]
                rival = best.get(word)
                if rival is None or cost < rival[0]:
                    best[word] = (cost, hypothesis)
        assert fallback is not None
        for word, (own, channel, node) in words.items():
            cost, origin = fallback[0] + own, fallback[1]
            seen = best.get(word)
            if seen is not None:
                reading = own - int(unigram[word])
                if seen[0] + reading < cost:
                    cost, origin = seen[0] + reading, seen[1]
            cost += channel
            rival_here = found.get(word)
            if rival_here is None or cost < rival_here.cost:
                found[word] = _Hypothesis(cost, origin.word, word, start, origin, node)

    def _trace(self, final: bool) -> list[DecodedWord]:
        def whole(hypothesis: _Hypothesis) -> int:
            ending = self._lexicon.bigrams(hypothesis.word).get(END)
            if ending is None:
                ending = int(self._lexicon.backoff[hypothesis.word]) + int(self._lexicon.unigram[END])
            return hypothesis.cost + ending

        hypotheses = self._columns[-1].hypotheses
        end = len(self._columns) - 1
        best: _Hypothesis | None
        if final:
            best = min(hypotheses, key=whole)
        else:
            best, end = self._settled(hypotheses, end)
        words = []
        while best is not None and best.origin is not None:
            if best.node:
                reading = self._lexicon.reading(best.node)
                words.append(DecodedWord(self._lexicon.word(best.word), reading, best.column, end))
            end = best.column
            best = best.origin
        return words[::-1]

    @staticmethod
    def _settled(hypotheses: list[_Hypothesis], end: int) -> tuple[_Hypothesis, int]:
        """The last point that the best hypothesis shares with every close rival, and its column."""
        ends: dict[int, int] = {}
        chain: list[_Hypothesis] = []
        step: _Hypothesis | None = hypotheses[0]
        column = end
        while step is not None:
            ends[id(step)] = column
            chain.append(step)
            column, step = step.column, step.origin
        settled = hypotheses[0]
        for rival in hypotheses[1:]:
            if rival.cost > hypotheses[0].cost + SETTLED_MARGIN:
                break
            step = rival
            while step is not None and id(step) not in ends:
                step = step.origin
            if step is not None and ends[id(step)] < ends[id(settled)]:
                settled = step
        return settled, ends[id(settled)]


def _identity(syllable: Syllable) -> tuple[str, float, float, float | None]:
    """What decoding depends on; times may move while an utterance grows."""
    return syllable.text, syllable.initial_confidence, syllable.final_confidence, syllable.margin


def _skip_cost(syllable: Syllable) -> int:
    """What it costs to read a heard syllable as nothing."""
    if syllable.margin is None:
        return SKIP_COST
    return min(SKIP_COST, max(0, round(1000 * syllable.margin) + SKIP_BONUS))
