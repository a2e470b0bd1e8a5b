"""A word trigram with interpolated absolute discounting (Ney, Essen, Kneser 1994), as back-off rows."""

from __future__ import annotations

import math
from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

#: What the discounted mass of a context falls back with; 0 is the sentence's beginning.
BEGIN = 0
END = 1


@dataclass
class Rows:
    """For each context: the words seen after it with their log probability, and the weight of the rest."""

    words: dict[tuple[int, ...], dict[int, float]] = field(default_factory=dict)
    backoff: dict[tuple[int, ...], float] = field(default_factory=dict)


def discount_for(counts: Iterable[int]) -> float:
    """Ney's estimate n1 / (n1 + 2 n2), kept between 0.4 and 0.95."""
    tally = Counter(counts)
    ones, twos = tally[1], tally[2]
    return min(0.95, max(0.4, ones / (ones + 2 * twos))) if ones + twos else 0.7


def train(
    sentences: Iterable[tuple[int, list[int]]],
    unigram: Mapping[int, float],
    least: tuple[int, int] = (1, 2),
) -> tuple[Rows, Rows]:
    """Bigram and trigram rows.

    Args:
        sentences: weight and word ids, without begin and end marks.
        unigram: probability of every word, END included.
        least: bigrams and trigrams seen less often (by weight) than this are not kept.
    """
    pairs: dict[int, Counter[int]] = defaultdict(Counter)
    triples: dict[tuple[int, int], Counter[int]] = defaultdict(Counter)
    for weight, words in sentences:
        before, last = -1, BEGIN
        for word in [*words, END]:
            pairs[last][word] += weight
            if before >= 0:
                triples[before, last][word] += weight
            before, last = last, word
    bigram = Rows()
    discount = discount_for(n for row in pairs.values() for n in row.values())
    for context, row in pairs.items():
        _add(bigram, (context,), row, discount, least[0], lambda word: unigram[word])
    trigram = Rows()
    discount = discount_for(n for row in triples.values() for n in row.values())
    for context, row in triples.items():
        last = context[1]
        _add(
            trigram,
            context,
            row,
            discount,
            least[1],
            lambda word, last=last: _bigram(bigram, unigram, last, word),
        )
    return bigram, trigram


def _bigram(rows: Rows, unigram: Mapping[int, float], last: int, word: int) -> float:
    seen = rows.words.get((last,), {}).get(word)
    if seen is not None:
        return math.exp(seen)
    return math.exp(rows.backoff.get((last,), 0.0)) * unigram[word]


def _add(
    rows: Rows, context: tuple[int, ...], counts: Counter[int], discount: float, least: int, lower
) -> None:
    total = sum(counts.values())
    kept = {word: count for word, count in counts.items() if count >= least}
    if not kept:
        return
    # The mass taken from every count, and all of the counts that are not kept, goes to the lower order.
    free = 1.0 - sum(count - min(discount, count) for count in kept.values()) / total
    row = {word: (count - min(discount, count)) / total + free * lower(word) for word, count in kept.items()}
    # Katz's weight makes the back-off form sum to one.
    rest = max(1e-6, 1.0 - sum(row.values())) / max(1e-6, 1.0 - sum(lower(word) for word in kept))
    rows.words[context] = {word: math.log(probability) for word, probability in row.items()}
    rows.backoff[context] = math.log(min(rest, 1.0))


def log_probability(words: list[int], unigram: Mapping[int, float], bigram: Rows, trigram: Rows) -> float:
    """Natural logarithm of a sentence's probability, its end included."""
    total = 0.0
    before, last = -1, BEGIN
    for word in [*words, END]:
        row = trigram.words.get((before, last))
        if row is not None and word in row:
            total += row[word]
        else:
            total += trigram.backoff.get((before, last), 0.0)
            total += math.log(_bigram(bigram, unigram, last, word))
        before, last = last, word
    return total
