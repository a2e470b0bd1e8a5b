"""Phrases are found by character, by folded sound, over gaps, and never over a pause."""

import pytest

from appliance.language.phrases import EXACT, FORGIVEN, SOUND, PhraseBook, PhraseError, longest
from appliance.language.pinyin_forms import hear


def _found(book: PhraseBook[str], text: str) -> list[tuple[str, int, int, float]]:
    return [(match.phrase, match.start, match.end, match.certainty) for match in book.find(hear(text))]


def test_characters_are_surer_than_sound() -> None:
    book = PhraseBook([("手续费", "fee")])
    assert _found(book, "这手续费") == [("手续费", 1, 4, EXACT)]
    assert _found(book, "这首需肺") == [("手续费", 1, 4, SOUND)]


def test_short_phrases_are_found_by_sound_only_if_they_are_names() -> None:
    assert _found(PhraseBook([("想买", "want")]), "先买") == []
    assert _found(PhraseBook([("股票", "stocks")], {"股票"}), "姑票") == [("股票", 0, 2, SOUND)]


def test_an_equals_sign_limits_a_phrase_to_its_characters() -> None:
    book = PhraseBook([("=黄金", "gold")], {"=黄金"})
    assert _found(book, "环境") == []
    assert len(_found(book, "黄金")) == 1


def test_long_phrases_forgive_one_similar_syllable() -> None:
    book = PhraseBook([("别再给我打电话", "stop")])
    assert _found(book, "别再给我打电哈") == [("别再给我打电话", 0, 7, FORGIVEN)]
    assert _found(book, "别再给我打电报") == []


def test_a_gap_holds_up_to_four_syllables() -> None:
    book = PhraseBook([("炒了…年股", "expert")])
    assert len(_found(book, "炒了十几年股票")) == 1
    assert _found(book, "炒了一共有十几二十年股票") == []


def test_a_phrase_does_not_reach_over_a_pause() -> None:
    book = PhraseBook([("不要买", "no"), ("炒了…年股", "expert")])
    assert _found(book, "我不要，买这个") == []
    assert _found(book, "炒了 十年股") == []


def test_longer_matches_win_over_those_inside_them() -> None:
    book = PhraseBook([("固收加", "plus"), ("固收", "plain")])
    assert [match.key for match in longest(book.find(hear("买固收加")))] == ["plus"]


@pytest.mark.parametrize("phrase", ["", "=", "…", "你…", "a b", "买，卖", "==买"])
def test_what_is_no_phrase_is_refused(phrase: str) -> None:
    with pytest.raises(PhraseError, match="write hanzi"):
        PhraseBook([(phrase, "x")])
