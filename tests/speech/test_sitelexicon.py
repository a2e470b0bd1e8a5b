"""Names that the site lists are found at once where they are said, and nowhere else."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest
from pypinyin import Style, lazy_pinyin

from appliance.box.config import SiteWord, load
from appliance.box.journal import Journal
from appliance.models import ModelStore
from appliance.speech.hanzi import HanziDecoder
from appliance.speech.lexicon import Lexicon
from appliance.speech.pinyin import Syllable
from appliance.speech.sitelexicon import SiteLexicon, load_lexicon
from appliance.speech.siteword import pronounce

FIFTY = Path(__file__).parents[2] / "tools" / "bench" / "site_words.toml"

#: The name, its pinyin where it is given, what is heard, and what comes out.
SAID = (
    ("恒悦盈", None, "wo3 xiang3 liao3 jie3 yi2 xia4 heng2 yue4 ying2", "我想了解一下恒悦盈"),
    ("沧澜价值", None, "cang1 lan2 jia4 zhi2 xian4 zai4 hai2 neng2 mai3 ma5", "沧澜价值现在还能买吗"),
    ("稳健3号", None, "wen3 jian4 san1 hao4 dao4 qi1 le5", "稳健3号到期了"),
    ("恒悦ETF", None, "wo3 mai3 guo4 heng2 yue4 E T F", "我买过恒悦ETF"),
    ("惊蛰ETF", None, "wo3 mai3 guo4 jing1 zhe2 yi4 ti4 ai2 fu2", "我买过惊蛰ETF"),
    ("固收+", None, "gu4 shou1 jia1 de5 shou1 yi4 zen3 me5 yang4", "固收+的收益怎么样"),
    ("沪深300", None, "hu4 shen1 san1 bai3 zui4 jin4 die1 le5", "沪深300最近跌了"),
    ("乐活宝", "le huo bao", "le4 huo2 bao3 ke3 yi3 shu2 hui2 ma5", "乐活宝可以赎回吗"),
    ("乐活宝", "yue huo bao", "yue4 huo2 bao3 ke3 yi3 shu2 hui2 ma5", "乐活宝可以赎回吗"),
)


@pytest.fixture(scope="module")
def plain() -> Lexicon:
    return Lexicon.load(ModelStore())


@pytest.fixture(scope="module")
def fifty(plain: Lexicon) -> SiteLexicon:
    return SiteLexicon(plain.arrays, [pronounce(one.word, one.pinyin) for one in load(FIFTY).speech.words])


def heard(syllables: str, confidence: float = 0.7) -> list[Syllable]:
    return [
        Syllable(text, 200 * number, 200 * number + 180, confidence, confidence)
        for number, text in enumerate(syllables.split())
    ]


def decode(lexicon: Lexicon, syllables: str, confidence: float = 0.7) -> str:
    words = HanziDecoder(lexicon).decode(heard(syllables, confidence), final=True)
    return "".join(word.text for word in words)


@pytest.mark.parametrize(("name", "pinyin", "syllables", "expected"), SAID)
def test_a_listed_name_is_written_as_the_site_writes_it(
    plain: Lexicon, name: str, pinyin: str | None, syllables: str, expected: str
) -> None:
    assert decode(SiteLexicon(plain.arrays, [pronounce(name, pinyin)]), syllables) == expected
    assert decode(plain, syllables) != expected


@pytest.mark.parametrize(
    ("syllables", "expected"),
    [
        ("wo3 xiang3 liao3 jie3 yi2 xia4 hen2 yue4 yin2", "我想了解一下恒悦盈"),
        ("fu2 yao2 chen2 zhang3 zen3 me5 yang4", "扶摇成长怎么样"),
        ("can1 lan2 jia4 zi2 xian4 zai4 hai2 neng2 mai3 ma5", "沧澜价值现在还能买吗"),
    ],
)
def test_names_are_found_through_the_ears_confusions(
    fifty: SiteLexicon, syllables: str, expected: str
) -> None:
    assert decode(fifty, syllables, 0.5) == expected


@pytest.mark.parametrize(
    "text",
    [
        "我跟我爱人商量一下再说", "今天天气很好我们出去走走", "稳健一点的产品有没有", "你们是不是骗子",
        "小满那天我在外面出差", "孩子明年要上大学", "这个收益能保证吗", "大额存单的额度已经卖完了",
    ],
)  # fmt: skip
def test_other_speech_is_read_as_without_the_names(plain: Lexicon, fifty: SiteLexicon, text: str) -> None:
    syllables = " ".join(lazy_pinyin(text, style=Style.TONE3, neutral_tone_with_five=True, v_to_u=False))
    assert decode(fifty, syllables) == decode(plain, syllables)


def test_a_word_that_the_lexicon_has_becomes_as_frequent_as_a_name(plain: Lexicon) -> None:
    # 益母 and 一亩 sound alike; the site that sells the herb lists it.
    syllables = "yi4 mu3"
    before = decode(plain, syllables)
    listed = next(word for word in ("益母", "异母", "一亩") if word != before)
    assert decode(SiteLexicon(plain.arrays, [pronounce(listed, syllables)]), syllables) == listed


def test_a_names_times_cover_all_its_syllables(fifty: SiteLexicon) -> None:
    words = HanziDecoder(fifty).decode(heard("wo3 mai3 guo4 jing1 zhe2 yi4 ti4 ai2 fu2"), final=True)
    assert (words[-1].text, words[-1].last - words[-1].first) == ("惊蛰ETF", 6)
    assert words[-1].reading == ("jing1", "zhe2", "yi4", "ti4", "ai2", "fu2")


def test_a_growing_utterance_with_names_ends_as_the_whole_one_does(fifty: SiteLexicon) -> None:
    syllables = heard("nin2 shang4 ci4 mai3 de5 heng2 yue4 ying2 xia4 ge5 yue4 dao4 qi1")
    growing = HanziDecoder(fifty)
    for length in range(1, len(syllables)):
        growing.decode(syllables[:length])
    assert growing.decode(syllables, final=True) == HanziDecoder(fifty).decode(syllables, final=True)


def test_names_with_one_beginning_and_one_sound_go_side_by_side(plain: Lexicon) -> None:
    names = [("恒悦", "heng yue"), ("恒悦盈", None), ("恒悦盈利宝", None), ("衡月", "heng2 yue4")]
    lexicon = SiteLexicon(plain.arrays, [pronounce(*name) for name in names])
    assert decode(lexicon, "heng2 yue4 ying2") == "恒悦盈"
    assert decode(lexicon, "heng2 yue4 ying2 li4 bao3") == "恒悦盈利宝"
    assert decode(lexicon, "heng2 yue4") in {"恒悦", "衡月"}


def test_an_empty_list_changes_nothing(plain: Lexicon) -> None:
    assert decode(SiteLexicon(plain.arrays, []), "wo3 xiang3 mai3 ji1 jin1") == "我想买基金"
    assert not isinstance(load_lexicon(ModelStore(), (), Journal("test")), SiteLexicon)


def test_a_name_that_cannot_be_pronounced_is_left_out_and_noted_without_its_text(
    capsys: pytest.CaptureFixture[str],
) -> None:
    words = (SiteWord(word="恒悦盈"), SiteWord(word="稳利🙂"))
    lexicon = load_lexicon(ModelStore(), words, Journal("test"))
    assert decode(lexicon, "heng2 yue4 ying2") == "恒悦盈"
    (line,) = capsys.readouterr().err.splitlines()
    assert json.loads(line)["event"] == "site_word_left_out"
    assert (json.loads(line)["key"], json.loads(line)["place"]) == ("speech.words", 1)


def test_a_full_list_is_decoded(plain: Lexicon, names_of: Callable[[int], list[str]]) -> None:
    names = names_of(2000)
    lexicon = SiteLexicon(plain.arrays, [pronounce(name) for name in names])
    for name in names[::200]:
        reading = " ".join(place[0] for place in pronounce(name).readings[0])
        assert name in decode(lexicon, "wo3 xiang3 mai3 " + reading)


@pytest.fixture
def names_of() -> Callable[[int], list[str]]:
    def make(count: int) -> list[str]:
        first, second = "恒瑞鑫汇赤沧凌麒扶泓", "悦盈沐澜霄麟摇盛宝坊"
        third, fourth = "增添优臻慧", "利债选禾"
        return [
            one + two + three + four for one in first for two in second for three in third for four in fourth
        ][:count]

    return make
