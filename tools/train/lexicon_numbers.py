"""Numbers as they are said on the telephone, for counts in the language model: seeded, so always the same."""

from __future__ import annotations

import random
from collections.abc import Iterator

_DIGITS = "零一二三四五六七八九"
_UNITS = ("", "十", "百", "千")


def spoken(number: int) -> str:
    """A whole number from 0 to below 10^12 in words: 35000 is 三万五千."""
    if number == 0:
        return _DIGITS[0]
    groups = []
    while number:
        number, group = divmod(number, 10_000)
        groups.append(group)
    text = ""
    for place in range(len(groups) - 1, -1, -1):
        group = groups[place]
        if group == 0:
            continue
        if text and group < 1000:
            text += _DIGITS[0]
        text += _below_ten_thousand(group) + ("", "万", "亿")[place]
    return text.removeprefix("一") if text.startswith("一十") else text


def _counted(number: int) -> str:
    """A number before what it counts: two is 两."""
    return "两" if number == 2 else spoken(number)


def _below_ten_thousand(group: int) -> str:
    text, pending = "", False
    for power in (3, 2, 1, 0):
        digit = group // 10**power % 10
        if digit == 0:
            pending = bool(text)
            continue
        text += (_DIGITS[0] if pending else "") + _DIGITS[digit] + _UNITS[power]
        pending = False
    return text


def phrases(seed: int, count: int) -> Iterator[str]:
    """`count` phrases: rates, amounts, telephone and card numbers, dates, times, terms."""
    source = random.Random(seed)
    makers = (
        *(_rate, _amount, _telephone, _digits, _date, _time, _term, _age) * 2,
        *(_tail, _range, _long_term, _discount, _rough),
    )
    for _ in range(count):
        yield source.choice(makers)(source)


def _rate(source: random.Random) -> str:
    whole, decimals = source.choice((0, 1, 2, 2, 3, 3, 4, 4, 5, 6, 8, 10, 20)), source.choice((0, 1, 1, 2))
    text = f"百分之{spoken(whole)}"
    if decimals:
        text += "点" + "".join(source.choice(_DIGITS) for _ in range(decimals))
    return (
        source.choice(("", "年化", "收益率", "年化收益率", "利率", "大概"))
        + text
        + source.choice(("", "左右", "的收益"))
    )


def _amount(source: random.Random) -> str:
    number = source.choice(
        (1, 2, 3, 5, 6, 8, 10, 15, 20, 30, 35, 50, 80, 100, 200, 500, source.randrange(1, 1000))
    )
    text = spoken(number) + source.choice(
        ("万", "万", "万", "万块钱", "万元", "千", "百", "块", "元", "块钱", "个亿")
    )
    return source.choice(("", "", "大概", "有", "放", "买", "存", "投", "转", "起购")) + text


def _telephone(source: random.Random) -> str:
    one = source.choice("一幺")
    digits = "".join(source.choice("零" + one + _DIGITS[2:]) for _ in range(9))
    return one + source.choice("三五七八九") + digits


def _digits(source: random.Random) -> str:
    return "".join(source.choice(_DIGITS + "幺") for _ in range(source.randrange(3, 9)))


def _date(source: random.Random) -> str:
    text = f"{spoken(source.randrange(1, 13))}月{spoken(source.randrange(1, 32))}{source.choice('号日')}"
    if source.random() < 0.3:
        text = "二零" + source.choice("一二") + source.choice(_DIGITS) + "年" + text
    return text


def _time(source: random.Random) -> str:
    minutes = source.choice(("", "", "半", "一刻", f"{spoken(source.randrange(10, 60))}分"))
    return (
        source.choice(("上午", "下午", "晚上", "明天", "后天", "周一", "周五", ""))
        + f"{_counted(source.randrange(1, 13))}点{minutes}"
    )


def _term(source: random.Random) -> str:
    unit = source.choice(("个月", "年", "天", "个工作日", "年期", "个月左右", "年以上"))
    number = source.choice((1, 2, 3, 5, 6, 7, 9, 10, 12, 14, 18, 30, 60, 90, 180, 360))
    return (spoken(number) if unit == "年期" else _counted(number)) + unit


def _long_term(source: random.Random) -> str:
    years = _counted(source.choice((1, 1, 2, 2, 3, 5, 10)))
    text = f"{years}年零{_counted(source.randrange(1, 12))}个月"
    return source.choice(("", "", "封闭", "存了", "还有", "一共")) + text


def _tail(source: random.Random) -> str:
    digits = "".join(source.choice(_DIGITS) for _ in range(4))
    return source.choice(("卡", "", "", "手机")) + "尾号" + source.choice(("", "是")) + digits


def _range(source: random.Random) -> str:
    low = source.randrange(1, 6)
    high = low + source.choice((0, 0, 1))
    ends = sorted(one * 10 + source.randrange(1, 10) for one in (low, high))
    said = "到".join(f"{spoken(one // 10)}点{_DIGITS[one % 10]}" for one in ends)
    begin = source.choice(("", "百分之", "年化", "收益在", "基准"))
    return begin + said + source.choice(("", "之间", "左右"))


def _rough(source: random.Random) -> str:
    one = source.choice(_DIGITS[1:])
    numbers = ("十几", "二十几", "几", "好几", "几十", "几百", one + "十多", one + "百多", one + "十来")
    number = source.choice(numbers)
    return number + source.choice(("万", "万块钱", "个", "天", "年", "块钱", "个点", "岁"))


def _discount(source: random.Random) -> str:
    what = source.choice(("", "申购费", "费率", "手续费", "利率", "认购费"))
    return what + source.choice(("打", "打", "可以打")) + source.choice(_DIGITS[1:]) + "折"


def _age(source: random.Random) -> str:
    return spoken(source.randrange(3, 90)) + source.choice(("岁", "多岁", "岁了"))
