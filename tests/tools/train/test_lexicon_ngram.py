"""The language model's rows are distributions, and weight does not pass for proof."""

from __future__ import annotations

import math
import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).resolve().parents[3] / "tools" / "train"))

import lexicon_ngram
from lexicon_ngram import BEGIN, END, train

WORDS = range(2, 8)
UNIGRAM = {BEGIN: 1e-9, END: 0.1, **dict.fromkeys(WORDS, 0.15)}
SENTENCES = [(1, [2, 3, 4]), (1, [2, 3, 5]), (1, [2, 3, 4]), (2, [3, 4]), (6, [5, 6]), (1, [4]), (1, [6, 2])]


def probability(rows: lexicon_ngram.Rows, context: int, word: int) -> float:
    return lexicon_ngram._bigram(rows, UNIGRAM, context, word)


@pytest.mark.parametrize("context", [BEGIN, 2, 3, 4, 5, 6])
def test_what_may_follow_a_word_sums_to_one(context: int) -> None:
    bigram, _ = train(SENTENCES, UNIGRAM)
    total = sum(probability(bigram, context, word) for word in (END, *WORDS))
    assert total == pytest.approx(1.0, abs=1e-3)


def test_what_may_follow_two_words_sums_to_one() -> None:
    bigram, trigram = train(SENTENCES, UNIGRAM, least=1)
    row, backoff = trigram.words[2, 3], trigram.backoff[2, 3]
    total = sum(
        math.exp(row[word]) if word in row else math.exp(backoff) * probability(bigram, 3, word)
        for word in (END, *WORDS)
    )
    assert total == pytest.approx(1.0, abs=1e-3)


def test_a_heavy_text_that_says_it_once_proves_no_more_than_a_light_one() -> None:
    light, _ = train([(1, [2, 3]), (1, [4, 5]), (1, [4, 5])], UNIGRAM)
    heavy, _ = train([(9, [2, 3]), (1, [4, 5]), (1, [4, 5])], UNIGRAM)
    assert heavy.backoff[2,] == pytest.approx(light.backoff[2,])
    assert heavy.words[2,] == pytest.approx(light.words[2,])


def test_rare_triples_are_kept_only_where_their_text_has_weight() -> None:
    _, trigram = train(SENTENCES, UNIGRAM, least=2, proof=4)
    assert set(trigram.words[2, 3]) == {4}
    assert set(trigram.words[BEGIN, 5]) == {6}
    assert (6, 2) not in trigram.words


def test_later_occurrences_are_worth_as_much_as_the_first_at_least() -> None:
    one, two, three = lexicon_ngram.discounts([1] * 50 + [2] * 20 + [3] * 10 + [4] * 6)
    assert 0 < one < 1
    assert one <= two <= three < 3
