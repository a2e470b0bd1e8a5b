"""Spoken numbers have their value, and amounts of money are read."""

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from appliance.language.numerals import MAX_YUAN, amounts, value_of


@pytest.mark.parametrize(
    ("spoken", "yuan"),
    [
        ("二十万", 200_000),
        ("十几万吧", 100_000),
        ("手上有两百多万", 2_000_000),
        ("二三十万", 200_000),
        ("五万五", 55_000),
        ("一百二十万零五百", 1_200_500),
        ("一个亿", 100_000_000),
        ("百八十万", 1_800_000),
        ("五十来万", 500_000),
        ("两千块", 2_000),
        ("20万", 200_000),
        ("二十几万", 200_000),
    ],
)
def test_amounts_are_yuan_and_vague_ones_their_lower_bound(spoken: str, yuan: int) -> None:
    assert [amount.yuan for amount in amounts(spoken)] == [yuan]


@pytest.mark.parametrize(
    "words", ["几万块钱", "三个月", "下午三点", "万一亏了", "百分之三", "一三八零零", "第一次", "十万八万的"]
)
def test_what_is_no_sure_amount_of_money_gives_none(words: str) -> None:
    assert amounts(words) == []


def test_the_places_of_amounts_are_in_the_text() -> None:
    (first, second) = amounts("定期有三十万基金里十五万")
    assert "定期有三十万基金里十五万"[first.start : first.end] == "三十万"
    assert "定期有三十万基金里十五万"[second.start : second.end] == "十五万"


@example("〇万点三")
@given(st.text(alphabet="零〇一二两三四五六七八九十百千万亿点幺多几来把个块元钱年月我20.5", max_size=40))
def test_any_run_of_numerals_is_read_without_failing(text: str) -> None:
    for amount in amounts(text):
        assert 0 < amount.yuan <= MAX_YUAN
        assert 0 <= amount.start < amount.end <= len(text)


@given(st.integers(min_value=1, max_value=9999))
def test_cardinals_below_ten_thousand_have_their_value(number: int) -> None:
    digits = "零一二三四五六七八九"
    words = ""
    for place, unit in ((1000, "千"), (100, "百"), (10, "十"), (1, "")):
        digit = number // place % 10
        if digit:
            words += digits[digit] + unit
        elif words and number % place and not words.endswith("零"):
            words += "零"
    assert value_of(words) == number
