"""Names are pronounced as Mandarin speakers say them, and what cannot be said is refused with a remedy."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from appliance.speech.pinyin import is_syllable
from appliance.speech.siteword import MOST_READINGS, PronunciationError, pronounce


def readings(text: str, spelling: str | None = None) -> list[str]:
    """Each reading as text; a place of several tones shows all of them."""
    return [" ".join("|".join(place) for place in reading) for reading in pronounce(text, spelling).readings]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("恒悦盈", ["heng2 yue4 ying2"]),
        ("重庆银行", ["chong2 qing4 yin2 hang2"]),
        ("稳健3号", ["wen3 jian4 san1 hao4"]),
        ("A股", ["A gu3", "ei1 gu3"]),
        ("固收+", ["gu4 shou1 jia1"]),
        ("沪深300", ["hu4 shen1 san1 bai3", "hu4 shen1 san1 ling2 ling2"]),
        ("105", ["yi1 bai3 ling2 wu3", "yi1 ling2 wu3", "yao1 ling2 wu3"]),
        ("第12期", ["di4 shi2 er4 qi1", "di4 yi1 er4 qi1"]),
        ("瑞享 - 添金", ["rui4 xiang3 tian1 jin1"]),
    ],
)
def test_a_name_is_read_as_it_is_said(text: str, expected: list[str]) -> None:
    assert readings(text) == expected


def test_letters_are_read_as_letters_and_as_mandarin_says_them() -> None:
    assert readings("ETF")[0] == "E T F"
    assert readings("etf")[-1] == "yi4 ti4 ai2 fu2"


@pytest.mark.parametrize(
    ("text", "spelling", "expected"),
    [
        ("乐活宝", "le4 huo2 bao3", "le4 huo2 bao3"),
        ("乐活宝", "lè huó bǎo", "le4 huo2 bao3"),
        ("乐活宝", "yue huo bao", "yue4 huo2 bao3"),
        ("吕梁", "lü liang", "lv3 liang2"),
        ("吕梁", "lv3 liang2", "lv3 liang2"),
        ("A股", "A gu3", "A gu3"),
        ("W享", "da2 bu5 liu5 xiang3", "da2 bu5 liu5 xiang3"),
        # The characters can never be read so, but the site says them so: every tone is possible.
        ("恒悦", "hang yue4", "hang1|hang2|hang3|hang4|hang5 yue4"),
    ],
)
def test_the_sites_pinyin_is_taken_with_tones_or_without(text: str, spelling: str, expected: str) -> None:
    assert readings(text, spelling) == [expected]


@pytest.mark.parametrize(
    ("text", "spelling", "problem"),
    [
        ("稳利🙂", None, "'🙂' (slightly smiling face) cannot be pronounced; leave it out"),
        ("カード", None, "'カ' (katakana letter ka) cannot be pronounced"),
        ("é享", None, "cannot be pronounced"),
        ("--", None, "has nothing that is said; write the name's characters"),
        ("㐎㐎", None, "no reading of 㐎 is known; write the name as a table with pinyin"),
        ("泰康", "tai4 kang9", "kang9 is no syllable of Mandarin; write pinyin such as wen3 jian4"),
        ("泰康", "tai4 krang", "krang is no syllable of Mandarin"),
        ("泰康", "tai4", "has 2 characters, but its pinyin has 1 of 2 syllables"),
        ("泰康", "tai4 kang1 ren2", "has 2 characters, but its pinyin has 3 of 2 syllables"),
        ("A股", "gu3", "1 syllables of pinyin are too few"),
        ("A股", "a1 a1 a1 a1 gu3", "5 syllables of pinyin are too many"),
    ],
)
def test_what_cannot_be_pronounced_is_refused_with_a_remedy(
    text: str, spelling: str | None, problem: str
) -> None:
    with pytest.raises(PronunciationError) as refused:
        pronounce(text, spelling)
    assert text in str(refused.value)
    assert problem in str(refused.value)


def test_a_character_without_a_known_reading_can_be_given_one() -> None:
    assert readings("㐎享", "shan1 xiang3") == ["shan1 xiang3"]


@given(
    st.text(alphabet="恒悦重A9z0+ .🙂\n㐎", max_size=16),
    st.none() | st.text(alphabet="heng2 yüA9", max_size=20),
)
def test_any_name_is_read_in_syllables_or_refused(text: str, spelling: str | None) -> None:
    try:
        word = pronounce(text, spelling)
    except PronunciationError:
        return
    assert 1 <= len(word.readings) <= MOST_READINGS
    for reading in word.readings:
        assert reading
        assert all(place and all(is_syllable(one) for one in place) for place in reading)
