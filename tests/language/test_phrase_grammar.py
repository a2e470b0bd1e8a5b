"""The language of phrases: choices, words that may be missing, and classes."""

import pytest

from appliance.language.phrase_grammar import MOST_WORDS, PhraseError, Slot, parse, read_classes
from appliance.language.phrases import EXACT, SOUND, PhraseBook
from appliance.language.pinyin_forms import hear

CLASSES = read_classes({"not": ["不", "别", "甭"], "want": ["<not>想", "想"]})


def words(phrase: str, text: str) -> list[str]:
    return [match.words for match in PhraseBook([(phrase, 0)], classes=CLASSES).find(hear(text))]


def test_a_class_may_name_one_that_stands_before_it() -> None:
    assert CLASSES["want"] == ("不想", "别想", "甭想", "想")
    assert parse("<want>买", CLASSES).slots[1] == Slot(("买",), False)
    assert parse("(我|)…买").slots == (Slot(("我", ""), False), Slot(("买",), True))


def test_any_word_of_a_class_will_do_and_a_missing_one_is_none() -> None:
    assert words("<not>(再|)打", "甭打") == ["甭打"]
    assert words("<not>(再|)打", "别再打") == ["别再打"]
    assert words("<not>(再|)打", "再打") == []


def test_the_longest_way_is_taken() -> None:
    assert words("(不|不要)(买|买了|)", "我不要买了") == ["不要买了"]


def test_a_choice_does_not_reach_over_a_pause_nor_find_short_words_by_sound() -> None:
    assert words("<not>(再|)打", "别 再打") == []
    assert words("(继续|接着)持有", "接着持有") == ["接着持有"]
    (match,) = PhraseBook([("(继续|接着)持有", 0)]).find(hear("借着吃有"))
    assert match.certainty == SOUND
    assert words("<not>(再|)打", "憋再打") == []
    (exact,) = PhraseBook([("(继续|接着)持有", 0)]).find(hear("继续持有"))
    assert exact.certainty == EXACT


def test_a_gap_between_choices_is_short() -> None:
    assert words("(号码|电话)…(删|去掉)", "号码给我删掉") == ["号码删"]
    assert words("(号码|电话)…(删|去掉)", "号码从你们的系统里删掉") == []


@pytest.mark.parametrize(
    "phrase", ["(买|卖", "(买)", "(|)", "<>买", "买|卖", "(a|(b|c))", "…买", "买…", "(买|卖)…"]
)
def test_what_is_no_phrase_is_refused(phrase: str) -> None:
    with pytest.raises(PhraseError, match=r"is no phrase; write hanzi"):
        parse(phrase, CLASSES)


def test_a_class_that_is_not_there_or_grows_without_bounds_is_refused() -> None:
    with pytest.raises(PhraseError, match=r"names the class 'nott'"):
        parse("<nott>买", CLASSES)
    many = read_classes({"many": [chr(0x4E00 + number) for number in range(50)]})
    with pytest.raises(PhraseError, match=rf"stands for {50**2} words" if MOST_WORDS < 50**2 else "words"):
        parse("(<many><many>|买)", many)
