"""Card, identity and phone numbers are found when they are said in pieces, over words and over utterances."""

from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from appliance.language.redaction import CARD, PHONE, RedactionState, redact
from appliance.language.spokennumbers import pieces

_SPOKEN = dict(zip("0123456789X", "零幺二三四五六七八九X", strict=True))
_FILLERS = ("", "嗯", "，我想想啊，", "空格", "再往后是", "，对，", "后面", "杠")
_LEFT = re.compile("[零〇幺一二三四五六七八九0-9]{3,}")


@pytest.mark.parametrize(
    ("said", "left"),
    [
        ("幺三八，我想想啊，零零幺二，对，三四五六", "，我想想啊，，对，"),
        ("六二二二空格零二零零空格幺二三四空格五六七八", "空格空格空格"),
        ("我手机一百三十八零零一二三四五六", "我手机"),
        ("尾号是一千二百三十四", "尾号是"),
        ("尾号八千八百八十八", "尾号"),
        ("编号一百二十三四百五十六七百八十九", "编号"),
    ],
)
def test_pieces_and_cardinals_are_gone(said: str, left: str) -> None:
    assert re.sub("〔[^〕]*〕", "", redact(said)) == left


@pytest.mark.parametrize(
    ("said", "kind"),
    [
        ("你记一下幺三八，我看看，零零幺二，对，三四五六", PHONE),
        ("四幺幺幺空格幺幺幺幺空格幺幺幺幺空格幺幺幺幺", CARD),
    ],
)
def test_the_pieces_together_say_what_they_are(said: str, kind: str) -> None:
    assert kind in redact(said)


@pytest.mark.parametrize(
    "plain",
    [
        "收益百分之三点五买了二十万",
        "我要存五万六千七百八十九块",
        "大概三千四百五十六块两毛",
        "存了一百二十天利息一千三百五十元",
        "从二十到三十五个人里选十二位",
        "上午十点三十五分到十一点二十",
        "三年期的是二点七五",
        "一共二百五十户三百六十五天",
    ],
)
def test_quantities_stay(plain: str) -> None:
    assert redact(plain) == plain


@given(
    st.text(alphabet="0123456789", min_size=11, max_size=19),
    st.lists(st.integers(2, 5), min_size=8, max_size=8),
    st.lists(st.sampled_from(_FILLERS), min_size=10, max_size=10),
)
def test_no_piece_of_a_long_number_is_left(digits: str, sizes: list[int], fillers: list[str]) -> None:
    text, position = "", 0
    for size, filler in zip(sizes, fillers, strict=False):
        part = digits[position : position + size]
        text += filler * bool(position) * bool(part) + "".join(_SPOKEN[digit] for digit in part)
        position += size
    text += "".join(_SPOKEN[digit] for digit in digits[position:])
    assert not _LEFT.search(redact("您记一下" + text + "谢谢"))


@given(
    st.text(alphabet="123456789", min_size=11, max_size=19),
    st.lists(st.integers(2, 6), min_size=10, max_size=10),
    st.lists(st.sampled_from(("", "嗯", "我想想", "等下")), min_size=10, max_size=10),
)
def test_a_number_said_over_utterances_with_hesitations_is_gone(
    digits: str, sizes: list[int], between: list[str]
) -> None:
    state = RedactionState()
    redact("我的卡号是", state=state)
    state.expects_digits = True
    out, position = [], 0
    for size, filler in zip(sizes, between, strict=True):
        if part := digits[position : position + size]:
            out.append(redact("".join(_SPOKEN[digit] for digit in part), state=state))
            position += size
            if filler:
                redact(filler, state=state)
    assert not re.search("[幺一二三四五六七八九]", "".join(out))


def test_hesitations_do_not_go_on_for_ever() -> None:
    state = RedactionState(expects_digits=True)
    for _ in range(3):
        assert redact("嗯", state=state) == "嗯"
    assert not state.expects_digits
    assert redact("二三", state=state) == "二三"


def test_a_cardinal_knows_where_it_was_said() -> None:
    (piece,) = pieces("尾号是一千二百三十四对吧")
    assert (piece.start, piece.end, piece.digits) == (3, 10, "1234")


@given(st.text(alphabet="零一二三四五六七八九十百千万亿点块年月号嗯的卡3.%X", max_size=30))
def test_any_numerals_are_redacted_without_failing(text: str) -> None:
    redact(text, state=RedactionState())
