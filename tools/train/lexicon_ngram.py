"""A word trigram with interpolated discounts by count (Chen, Goodman 1999), without Kneser-Ney's lower order.

Sentences weigh differently, and what is taken off a pair or triple is a share by how often it was seen, not
by its weight: a phrase that was written once is as little proof as any other, however much its text weighs.
"""

from __future__ import annotations

import math
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field

#: What the discounted mass of a context falls back with; 0 is the sentence's beginning.
BEGIN = 0
END = 1
#: Discounts are kept within these bounds; an occurrence more may not be worth less.
_LEAST_DISCOUNT, _MOST_DISCOUNT = 0.3, 0.95


@dataclass
class Rows:
    """For each context: the words seen after it with their log probability, and the weight of the rest."""

    words: dict[tuple[int, ...], dict[int, float]] = field(default_factory=dict)
    backoff: dict[tuple[int, ...], float] = field(default_factory=dict)


@dataclass
class _Seen:
    """What followed one context: how often, and with how much weight."""

    times: Counter[int] = field(default_factory=Counter)
    weight: Counter[int] = field(default_factory=Counter)

    def add(self, word: int, weight: int) -> None:
        self.times[word] += 1
        self.weight[word] += weight


def discounts(times: Iterable[int]) -> tuple[float, float, float]:
    """What to take off a count of one, of two, and of three or more (Chen and Goodman's estimates)."""
    tally = Counter(times)
    ones, twos = tally[1], tally[2]
    if not ones or not twos:
        return 0.7, 0.7, 0.7
    share = ones / (ones + 2 * twos)
    result = []
    for count in (1, 2, 3):
        more = tally[count + 1] / tally[count] if tally[count] else 0.0
        worth = count - (count + 1) * share * more
        result.append(min(_MOST_DISCOUNT * count, max(_LEAST_DISCOUNT, worth)))
    return result[0], result[1], result[2]


def train(
    sentences: Iterable[tuple[int, list[int]]],
    unigram: Mapping[int, float],
    least: int = 2,
    proof: int = 4,
) -> tuple[Rows, Rows]:
    """Bigram and trigram rows.

    Args:
        sentences: weight and word ids, without begin and end marks.
        unigram: probability of every word, END included.
        least: trigrams seen less often than this, and with less weight than `proof`, are not kept.
        proof: the weight that is enough alone.
    """
    pairs: dict[tuple[int, ...], _Seen] = defaultdict(_Seen)
    triples: dict[tuple[int, ...], _Seen] = defaultdict(_Seen)
    for weight, words in sentences:
        before, last = -1, BEGIN
        for word in [*words, END]:
            pairs[(last,)].add(word, weight)
            if before >= 0:
                triples[before, last].add(word, weight)
            before, last = last, word
    bigram = _rows(pairs, lambda _, __: True, lambda _: unigram.__getitem__)

    def after(context: tuple[int, ...]) -> Callable[[int], float]:
        return lambda word: _bigram(bigram, unigram, context[1], word)

    return bigram, _rows(triples, lambda times, weight: times >= least or weight >= proof, after)


def _bigram(rows: Rows, unigram: Mapping[int, float], last: int, word: int) -> float:
    seen = rows.words.get((last,), {}).get(word)
    if seen is not None:
        return math.exp(seen)
    return math.exp(rows.backoff.get((last,), 0.0)) * unigram[word]


def _rows(
    seen: Mapping[tuple[int, ...], _Seen],
    keep: Callable[[int, int], bool],
    lower_after: Callable[[tuple[int, ...]], Callable[[int], float]],
) -> Rows:
    rows = Rows()
    taken = discounts(times for one in seen.values() for times in one.times.values())
    for context, one in seen.items():
        total = sum(one.weight.values())
        lower = lower_after(context)
        left = {
            word: one.weight[word] / total * (1.0 - taken[min(times, 3) - 1] / times)
            for word, times in one.times.items()
            if keep(times, one.weight[word])
        }
        if not left:
            continue
        # What was taken off, and all that is not kept, goes to the lower order.
        free = 1.0 - sum(left.values())
        row = {word: share + free * lower(word) for word, share in left.items()}
        # Katz's weight makes the back-off form sum to one.
        rest = max(1e-6, 1.0 - sum(row.values())) / max(1e-6, 1.0 - sum(lower(word) for word in left))
        rows.words[context] = {word: math.log(probability) for word, probability in row.items()}
        rows.backoff[context] = math.log(min(rest, 1.0))
    return rows


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
