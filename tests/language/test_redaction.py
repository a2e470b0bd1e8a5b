"""What identifies a person is gone before words may become a quote."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from appliance.language.redaction import (
    ACCOUNT,
    ADDRESS,
    CARD,
    IDENTITY,
    NAME,
    NUMBER,
    PHONE,
    SECRET,
    RedactionState,
    kind_of,
    redact,
    valid_card,
    valid_identity,
)

_SPOKEN = dict(zip("0123456789X", "零幺二三四五六七八九X", strict=True))


def _identity(body: str) -> str:
    weights = (7, 9, 10, 5, 8, 4, 2, 1, 6, 3, 7, 9, 10, 5, 8, 4, 2)
    return body + "10X98765432"[sum(int(d) * w for d, w in zip(body, weights, strict=True)) % 11]


def _card(body: str) -> str:
    return next(body + str(last) for last in range(10) if valid_card(body + str(last)))


def _spoken(digits: str) -> str:
    return "".join(_SPOKEN[digit] for digit in digits)


def test_the_published_example_of_an_identity_number_is_valid() -> None:
    # GB 11643-1999, annex: 11010519491231002X
    assert valid_identity("11010519491231002X")
    assert not valid_identity("110105194912310021")
    assert not valid_identity("1101051949123100")


def test_the_published_example_of_the_luhn_check_is_valid() -> None:
    # ISO/IEC 7812-1: 79927398713 is the usual example; cards are longer
    assert valid_card("4111111111111111")
    assert not valid_card("4111111111111112")
    assert not valid_card("79927398713")


@given(st.text(alphabet="0123456789", min_size=17, max_size=17))
def test_one_wrong_digit_breaks_an_identity_number(body: str) -> None:
    number = _identity(body)
    assert valid_identity(number)
    wrong = str((int(number[5]) + 1) % 10)
    assert not valid_identity(number[:5] + wrong + number[6:])


@given(st.text(alphabet="0123456789", min_size=15, max_size=18), st.integers(min_value=0, max_value=14))
def test_one_wrong_digit_breaks_a_card_number(body: str, place: int) -> None:
    number = _card(body)
    wrong = str((int(number[place]) + 1) % 10)
    assert not valid_card(number[:place] + wrong + number[place + 1 :])


def test_numbers_are_named_by_what_they_are() -> None:
    assert kind_of("11010519491231002X") == IDENTITY
    assert kind_of("13800138000") == PHONE
    assert kind_of(_card("622202010000123")) == CARD
    assert kind_of("600519") == NUMBER


@pytest.mark.parametrize(
    ("said", "left"),
    [
        ("我的电话是幺三八零零幺三八零零零", f"我的电话{PHONE}"),
        ("13800138000", PHONE),
        ("我姓王", f"我姓{NAME}"),
        ("我是李明", f"我是{NAME}"),
        ("王先生你好", f"{NAME}先生你好"),
        ("我住在朝阳区建国路八十八号三单元五零二", f"我住在{ADDRESS}"),
        ("护照E12345678", f"护照{IDENTITY}"),
        ("我微信号是abc123", f"我微信号是{ACCOUNT}"),
        ("中山路一百二十号", ADDRESS),
        ("我邮箱zhang.san@example.com", f"我邮箱{ACCOUNT}"),
    ],
)
def test_what_identifies_is_replaced(said: str, left: str) -> None:
    assert redact(said) == left


@pytest.mark.parametrize("secret", ["密码是六六八八九九", "验证码三五幺二", "密码是春天来了", "密码八二"])
def test_secrets_are_gone(secret: str) -> None:
    left = redact(secret)
    assert left.startswith(("密码", "验证码"))
    assert NUMBER in left or SECRET in left
    assert "六" not in left and "春天" not in left and "五" not in left and "八二" not in left


@pytest.mark.parametrize(
    "plain",
    [
        "我有二十万想放三年",
        "二零二六年到期",
        "我忘了密码怎么办",
        "好的没问题",
        "我是做生意的",
        "我住院了",
        "一个三个五个",
        "我不想买了",
        "我是高血压",
        "三点五的收益",
    ],
)
def test_words_that_identify_nobody_stay(plain: str) -> None:
    assert redact(plain) == plain


@given(st.text(alphabet="0123456789", min_size=17, max_size=17))
def test_spoken_identity_numbers_are_gone_whole(body: str) -> None:
    number = _identity(body)
    left = redact(f"我身份证号{_spoken(number)}你记一下")
    assert not set(left) & set(_SPOKEN.values())
    assert IDENTITY in left or CARD in left or NUMBER in left


def test_digits_written_as_homophones_are_found_by_their_sound() -> None:
    # 要三八零零要三把林林九 is what a recognizer may write for 138001380 09
    left = redact("要三八零零要三把林林九")
    assert left == PHONE


def test_digits_split_over_utterances_are_gone_too() -> None:
    state = RedactionState()
    left = [redact(part, (), state) for part in ("我号码是幺三八", "零零幺三", "八零零零", "好的你说")]
    assert left[3] == "好的你说"
    assert not any(set(text) & set("零幺三八") for text in left)


def test_digits_after_the_agent_asked_for_them_are_gone_however_few() -> None:
    assert redact("八八", before="请您报一下卡号的后四位") == NUMBER
    assert redact("八八") == "八八"


@given(st.text(max_size=700))
def test_any_text_is_redacted_without_failing(text: str) -> None:
    state = RedactionState()
    redact(redact(text, (), state), (), state)


@given(
    st.text(alphabet="0123456789", min_size=7, max_size=19),
    st.text(alphabet="我的你好吗是在说话", max_size=6),
)
def test_no_long_number_survives(digits: str, around: str) -> None:
    assert digits not in redact(around + digits + around)
    assert _spoken(digits) not in redact(around + _spoken(digits) + around)
