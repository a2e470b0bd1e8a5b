"""Spoken numbers become what people write, and the way back to what was said stays open."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from appliance.language.writtenform import write, written

#: Sentences of our own, as they are said between a bank's manager and a customer.
SENTENCES = (
    ("我手上有二十万的闲钱", "我手上有20万的闲钱"),
    ("一共一百二十八块五", "一共128块5"),
    ("手续费收了您三块五", "手续费收了您3块5"),
    ("每份是一块二毛五", "每份是1块2毛5"),
    ("最低一千块钱起购", "最低1000块钱起购"),
    ("我去年存了一万二", "我去年存了1.2万"),
    ("账上还有一万三千五百六十", "账上还有13560"),
    ("房子卖了三百五十六万八千", "房子卖了356.8万"),
    ("他们公司有三点五个亿", "他们公司有3.5个亿"),
    ("规模是一亿两千万", "规模是1.2亿"),
    ("余额是十万零五百", "余额是100500"),
    ("我六十多岁了存了三百多万", "我60多岁了存了300多万"),
    ("年化百分之三点五左右", "年化3.5%左右"),
    ("收益在百分之三到五之间", "收益在3%到5%之间"),
    ("去年跌了负百分之二", "去年跌了-2%"),
    ("正负百分之二以内", "正负2%以内"),
    ("管理费千分之一点五佣金万分之二点五", "管理费1.5‰佣金万分之2.5"),
    ("昨天涨了三个点", "昨天涨了3%"),
    ("百分之百保本的没有", "100%保本的没有"),
    ("我只放三分之一进去", "我只放1/3进去"),
    ("最新净值一点零三二", "最新净值1.032"),
    ("这个倍数是一点五倍", "这个倍数是1.5倍"),
    ("我的电话是幺三八零零幺三八零零零", "我的电话是13800138000"),
    ("卡号后四位是幺二三四", "卡号后四位是1234"),
    ("您可以打九五五八八", "您可以打95588"),
    ("存三个月的定期", "存3个月的定期"),
    ("三到五年都可以", "3到5年都可以"),
    ("封闭期是一百八十天", "封闭期是180天"),
    ("三年零六个月到期", "3年零6个月到期"),
    ("一年零三个月", "1年零3个月"),
    ("十五个工作日到账", "15个工作日到账"),
    ("等了两个半小时", "等了2个半小时"),
    ("二零二六年十一月到期", "2026年11月到期"),
    ("二零二六年三月十五号", "2026年3月15号"),
    ("一七年买的二一年亏了", "17年买的21年亏了"),
    ("我是九五后孩子是零零后", "我是95后孩子是00后"),
    ("下午六点半给您打电话", "下午6点半给您打电话"),
    ("明天上午十点一刻见", "明天上午10点一刻见"),
    ("九点三十五分开门", "9点35分开门"),
    ("下午两点我有空", "下午2点我有空"),
    ("十二点零五分发的短信", "12点05分发的短信"),
    ("我买了沪深三百", "我买了沪深300"),
    ("您的风险等级是R二", "您的风险等级是R2"),
    ("T加一到账", "T+1到账"),
    ("手续费打八折", "手续费打8折"),
    ("费率打一折", "费率打1折"),
)

#: Rounded numbers, set phrases and measure words, which stay as they are said.
KEPT = (
    "手上有两三千", "大概十几万", "二三十万吧", "七八个月以后", "我们三七开", "收益五五分",
    "一二线城市的房子", "过一两天再说", "三五年不用", "一两百块", "几十万", "四十几岁",
    "百八十万", "等一下", "一点都不懂", "万一亏了呢", "千万别打", "十分感谢",
    "三心二意", "乱七八糟", "亿万富翁", "星期三", "周五再说", "有一天",
    "一年比一年好", "这两天忙", "两只产品", "第三季度", "第二个问题", "五一假期",
    "万一免五", "一时半会", "二手房",
)  # fmt: skip


@pytest.mark.parametrize(("spoken", "expected"), SENTENCES)
def test_numbers_are_written_as_people_write_them(spoken: str, expected: str) -> None:
    assert written(spoken) == expected


@pytest.mark.parametrize("words", KEPT)
def test_rounded_numbers_and_set_phrases_stay_in_characters(words: str) -> None:
    assert written(words) == words
    assert write(words).numbers == ()


def test_each_number_knows_where_it_was_said() -> None:
    result = write("存二十万年化百分之三点五")
    pairs = [
        (result.text[span.start : span.end], result.spoken[span.spoken_start : span.spoken_end])
        for span in result.numbers
    ]
    assert pairs == [("20万", "二十万"), ("3.5%", "百分之三点五")]


def test_what_is_said_digit_by_digit_is_told_from_quantities() -> None:
    assert [span.digits for span in write("幺三八零零幺三八零零零存二十万").numbers] == [True, False]


@pytest.mark.parametrize(
    ("words", "expected"),
    [("13800138000", "幺三八零零幺三八零零零"), ("3800", "幺三八零零幺三八零零零"), ("呢", "呢")],
)
def test_a_written_place_leads_to_the_whole_number_that_was_said(words: str, expected: str) -> None:
    result = write("我的电话幺三八零零幺三八零零零记住呢")
    start = result.text.index(words)
    first, last = result.spoken_span(start, start + len(words))
    assert result.spoken[first:last] == expected


def test_a_spoken_place_leads_to_what_is_written() -> None:
    result = write("有二十万卡号六二二二零二幺二三四五六七八九零幺二三好的")
    for spoken, expected in (
        ("六二二二零二", "6222021234567890123"),
        ("卡号", "卡号"),
        ("好的", "好的"),
        ("十", "20万"),
    ):
        start = result.spoken.index(spoken)
        first, last = result.written_span(start, start + len(spoken))
        assert result.text[first:last] == expected


@given(
    st.text(
        alphabet="零〇幺一二两三四五六七八九十百千万亿点几多来个半块毛元钱年月号日分之到后负加第周A我2",
        max_size=40,
    )
)
def test_any_text_is_the_same_outside_of_its_numbers(text: str) -> None:
    result = write(text)
    assert result.spoken == text
    here = there = 0
    for span in result.numbers:
        assert span.start < span.end
        assert span.spoken_start < span.spoken_end
        assert result.text[here : span.start] == text[there : span.spoken_start]
        assert result.spoken_span(span.start, span.end) == (span.spoken_start, span.spoken_end)
        assert result.written_span(span.spoken_start, span.spoken_end) == (span.start, span.end)
        here, there = span.end, span.spoken_end
    assert result.text[here:] == text[there:]
