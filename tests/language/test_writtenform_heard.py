"""Sentences with numbers come through recognition's decoder and are then written as people write them."""

from __future__ import annotations

import pytest
from pypinyin import Style, lazy_pinyin

from appliance.language.writtenform import written
from appliance.models import ModelStore
from appliance.speech.hanzi import HanziDecoder
from appliance.speech.lexicon import Lexicon
from appliance.speech.pinyin import Syllable
from appliance.speech.sitelexicon import SiteLexicon
from appliance.speech.siteword import pronounce

#: What is said, and what stands in the transcript of a site that lists 恒悦盈 and 稳健3号.
SAID = (
    ("恒悦盈年化百分之三点二", "恒悦盈年化3.2%"),
    ("稳健三号放三个月", "稳健3号放3个月"),
    ("恒悦盈二零二六年十一月到期", "恒悦盈2026年11月到期"),
    ("我想买二十万稳健三号", "我想买20万稳健3号"),
    ("下午三点半我去买恒悦盈", "下午3点半我去买恒悦盈"),
    ("起购金额是五万块", "起购金额是5万块"),
    ("封闭期是一百八十天", "封闭期是180天"),
    ("手上有十几万闲钱", "手上有十几万闲钱"),
)


@pytest.fixture(scope="module")
def lexicon() -> Lexicon:
    return SiteLexicon(Lexicon.load(ModelStore()).arrays, [pronounce("恒悦盈"), pronounce("稳健3号")])


@pytest.mark.parametrize(("said", "expected"), SAID)
def test_names_and_numbers_stand_in_the_transcript(lexicon: Lexicon, said: str, expected: str) -> None:
    readings = lazy_pinyin(said, style=Style.TONE3, neutral_tone_with_five=True, v_to_u=False)
    heard = [Syllable(text, 0, 0, 0.7, 0.7) for text in readings]
    words = HanziDecoder(lexicon).decode(heard, final=True)
    assert written("".join(word.text for word in words)) == expected
