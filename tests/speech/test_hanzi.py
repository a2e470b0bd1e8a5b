"""Pinyin becomes the characters that were meant, through the ear's usual mistakes."""

from __future__ import annotations

from dataclasses import replace
from itertools import pairwise

import pytest
from pypinyin import Style, lazy_pinyin

from appliance.models import ModelStore
from appliance.speech.hanzi import HanziDecoder
from appliance.speech.lexicon import Lexicon
from appliance.speech.pinyin import Syllable

#: Sentences of our own; none of them is among the texts that the language model was counted on.
SENTENCES = (
    "您好我是建设银行的理财经理小周",
    "请问您现在说话方便吗",
    "我们新发了一只固收加产品",
    "这款固定收益产品的风险等级不高",
    "它的年化收益率在百分之三点二左右",
    "净值每天都会公布",
    "申购费可以打一折",
    "这个私募基金一百万起投",
    "您有没有开通创业板和科创板",
    "两融账户的利率可以再谈",
    "结构性存款到期以后自动赎回",
    "大额存单的额度已经卖完了",
    "我只想要保本的产品",
    "去年买的基金亏了三万多",
    "我跟我爱人商量一下再说",
    "我现在没有时间你晚点再打",
    "你们是不是骗子",
    "不需要以后不要再打电话了",
    "手续费太高了能不能便宜一点",
    "我手上有二十万的闲钱",
    "孩子明年要上大学",
    "我父母年纪大了身体不好",
    "我想买一点黄金",
    "债券基金的波动大不大",
    "封闭期是多长时间",
    "赎回几天可以到账",
    "最大回撤控制在百分之五以内",
    "我自己炒股亏得很厉害",
    "请您先做一个风险测评",
    "您可以打开手机银行看一下",
    "我加您微信把资料发给您",
    "我们支行在人民广场旁边",
    "您的存款下个月十五号到期",
    "理财产品不保证本金",
    "这个收益能保证吗",
    "退休以后想要稳定的收入",
    "给孩子准备一笔教育金",
    "房贷还有十年才还完",
    "股市最近跌得太多了",
    "你把合同发给我看看",
)
#: Sentences whose characters all come out right; the rest differ by a homophone such as 它 and 他.
LEAST_WHOLE = 37
LEAST_CHARACTERS = 0.97

#: What was said, what the recognizer wrote instead, and how sure it was.
CONFUSED = (
    ("风险等级", ("feng1", "xian3", "den3", "ji2"), 0.4),
    ("理财经理", ("li3", "cai2", "jin1", "li3"), 0.4),
    ("收益率", ("sou1", "yi4", "lv4"), 0.4),
    ("手续费", ("sou3", "xu4", "fei1"), 0.4),
    ("年化收益", ("lian2", "hua4", "shou1", "yi4"), 0.4),
    ("结构性存款", ("jie2", "gou4", "xin4", "cun2", "kuan3"), 0.4),
    ("固定收益", ("gu1", "ding4", "shou4", "yi4"), 0.5),
)


@pytest.fixture(scope="module")
def lexicon() -> Lexicon:
    return Lexicon.load(ModelStore())


def heard(syllables: list[str] | tuple[str, ...], confidence: float = 0.8) -> list[Syllable]:
    return [
        Syllable(text, 200 * number, 200 * number + 180, confidence, confidence)
        for number, text in enumerate(syllables)
    ]


def read(text: str) -> list[str]:
    return lazy_pinyin(text, style=Style.TONE3, neutral_tone_with_five=True, v_to_u=False)


def decode(lexicon: Lexicon, syllables: list[Syllable], final: bool = True) -> str:
    return "".join(word.text for word in HanziDecoder(lexicon).decode(syllables, final))


def test_sentences_of_the_trade_come_out_as_they_were_meant(lexicon: Lexicon) -> None:
    decoded = [decode(lexicon, heard(read(text))) for text in SENTENCES]
    wrong = [pair for pair in zip(SENTENCES, decoded, strict=True) if pair[0] != pair[1]]
    right = sum(
        one == other
        for text, found in zip(SENTENCES, decoded, strict=True)
        for one, other in zip(text, found, strict=True)
    )
    assert len(SENTENCES) - len(wrong) >= LEAST_WHOLE, wrong
    assert right / sum(len(text) for text in SENTENCES) >= LEAST_CHARACTERS, wrong


@pytest.mark.parametrize(("text", "syllables", "confidence"), CONFUSED)
def test_confusions_of_the_ear_are_mended(
    lexicon: Lexicon, text: str, syllables: tuple[str, ...], confidence: float
) -> None:
    assert decode(lexicon, heard(syllables, confidence)) == text


def test_a_growing_utterance_ends_as_the_whole_one_does(lexicon: Lexicon) -> None:
    syllables = heard(read("您可以打开手机银行看一下"))
    growing = HanziDecoder(lexicon)
    for length in range(1, len(syllables)):
        growing.decode(syllables[:length])
    assert growing.decode(syllables, final=True) == HanziDecoder(lexicon).decode(syllables, final=True)


def test_a_search_that_changes_its_mind_is_followed(lexicon: Lexicon) -> None:
    decoder = HanziDecoder(lexicon)
    decoder.decode(heard(read("我想买基督")))
    assert "".join(word.text for word in decoder.decode(heard(read("我想买基金")), True)) == "我想买基金"


def test_words_cover_the_syllables_in_order(lexicon: Lexicon) -> None:
    syllables = heard(read("最大回撤控制在百分之五以内"))
    words = HanziDecoder(lexicon).decode(syllables, True)
    assert words[0].first == 0
    assert words[-1].last == len(syllables)
    assert all(one.last == other.first for one, other in pairwise(words))
    for word in words:
        assert len(word.text) == len(word.reading) == word.last - word.first


def test_early_words_stay_while_an_utterance_grows(lexicon: Lexicon) -> None:
    changes = shown = 0
    for text in SENTENCES:
        syllables = heard(read(text))
        decoder = HanziDecoder(lexicon)
        before = ""
        for length in range(1, len(syllables) + 1):
            now = "".join(word.text for word in decoder.decode(syllables[:length]))
            settled = before[:-2]
            changes += not now.startswith(settled)
            shown += 1
            before = now
    assert changes / shown < 0.08


def test_letters_and_nothing_and_nonsense(lexicon: Lexicon) -> None:
    assert decode(lexicon, heard(["A", "gu3"])) == "A股"
    assert decode(lexicon, []) == ""
    assert decode(lexicon, heard(["xyz1", "A", "Q"]))


def test_every_valid_syllable_can_be_decoded(lexicon: Lexicon) -> None:
    for syllable in list(lexicon.heard_ids)[::7]:
        assert decode(lexicon, heard([syllable, "de5"], 0.3))


def test_a_syllable_hardly_likelier_than_silence_is_left_out_where_that_reads_better(
    lexicon: Lexicon,
) -> None:
    right = [replace(one, margin=8.0) for one in heard(read("赎回基金"))]
    doubtful = replace(right[2], text="a5", margin=-9.0)
    assert decode(lexicon, [*right[:2], doubtful, *right[2:]]) == "赎回基金"
    assert decode(lexicon, [*right[:3], doubtful, *right[3:]]) == "赎回基金"
    assert len(decode(lexicon, [*right[:2], replace(doubtful, margin=8.0), *right[2:]])) == 5
    assert len(decode(lexicon, [*right[:2], replace(doubtful, margin=None), *right[2:]])) == 5
