"""Spoken Chinese numbers: as people write them, and as amounts of money.

Forms read: 二十万, 两百三 (230), 一万二 (12 000), 三点五, 百分之三点五, 三个点 (3 %), 十几万, 二三十万, digit
strings (幺三八…), dates, times and durations. Idioms such as 一下, 一点, 万一 are left alone.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Final

DIGITS: Final = {
    "零": 0, "〇": 0, "洞": 0, "幺": 1, "一": 1, "二": 2, "两": 2, "三": 3, "四": 4,
    "五": 5, "六": 6, "七": 7, "八": 8, "九": 9, "俩": 2, "仨": 3,
}  # fmt: skip
_SMALL: Final = {"十": 10, "百": 100, "千": 1000}
_LARGE: Final = {"万": 10_000, "亿": 100_000_000}
#: No amount of a private customer is larger; above it the words were misheard.
MAX_YUAN: Final = 100_000_000_000

_NUMERAL: Final = "零〇一二两三四五六七八九十百千万亿"
_CARDINAL: Final = re.compile(
    rf"[{_NUMERAL}]+(?:点[零〇一二三四五六七八九幺]+[万亿千百]?)?|[0-9]+(?:\.[0-9]+)?[万亿千百]*"
)
_STRING: Final = re.compile("[零〇洞幺一二三四五六七八九]{3,}")
_PERCENT: Final = re.compile(rf"百分之([{_NUMERAL}点]+)")
_POINTS: Final = re.compile(rf"([{_NUMERAL}]+(?:点[零一二三四五六七八九]+)?)个点")
#: What may follow a number of one numeral for it to be a quantity.
_UNITS_WORDS: Final = """
年 个月 个季度 月 号 日 天 周 星期 礼拜 点 点钟 分钟 小时 个小时 岁 元 块
块钱 倍 成 期 支 只 笔 股 手 套 万 亿 千 百 %
"""
_UNITS: Final = tuple(_UNITS_WORDS.split())
_IDIOMS_WORDS: Final = """
一下 一点 一般 一起 一样 一直 一些 一定 一会 万一 一边 一旦 一共 一切 一方面
统一 唯一 千万别 千万不 三心二意 乱七八糟 七上八下 一天到晚 一年到头 不管三七二十一
五花八门 半斤八两 十分 百分百 一辈子 一五一十 星期一 星期二 星期三 星期四 星期五
星期六 礼拜一 礼拜二 礼拜三 礼拜四 礼拜五 礼拜六 周一 周二 周三 周四 周五 周六
"""
_IDIOMS: Final = tuple(_IDIOMS_WORDS.split())
_VAGUE: Final = re.compile(r"^[多来几把]")
#: Two neighbouring digits before a unit are a range: 二三十万 is 20 to 30.
_RANGE: Final = re.compile(r"([一二两三四五六七八九])([一二三四五六七八九])(?=[十百千万亿]|个月|年|天)")
_MONEY_WORDS: Final = ("块", "元", "钱", "人民币", "资金", "本金", "存款")
_AMOUNT: Final = re.compile(
    rf"(?P<number>(?:[{_NUMERAL}]+(?:点[零〇一二三四五六七八九]+)?|[0-9]+(?:\.[0-9]+)?)"
    r"(?:[多来几把]?[十百千万亿]+)*[零一二两三四五六七八九]?)"
    r"(?P<vague>[多来几把]?)(?P<unit>个亿|块钱|元钱|块|元|w)?"
)


@dataclass(frozen=True, slots=True)
class Amount:
    """Money that was said, from `start` to `end` in the text; the lower bound where the words are vague."""

    start: int
    end: int
    yuan: int


def value_of(words: str) -> float | None:
    """The value of one cardinal ("一万二", "三点五万", "20万"); None where the words are no number."""
    words = words.replace("几", "").replace("多", "").replace("来", "").replace("把", "")
    written = re.fullmatch(r"([0-9]+(?:\.[0-9]+)?)([百千万亿]*)", words)
    if written:
        value = float(written[1])
        for unit in written[2]:
            value *= _SMALL.get(unit) or _LARGE[unit]
        return value
    if "点" in words:
        whole, _, rest = words.partition("点")
        fraction = re.match("[零〇一二三四五六七八九幺]+", rest)
        base = value_of(whole) if whole else 0.0
        if fraction is None or base is None:
            return None
        value = base + float("0." + "".join(str(DIGITS[digit]) for digit in fraction[0]))
        for unit in rest[fraction.end() :]:
            value *= _SMALL.get(unit) or _LARGE.get(unit) or 1
        return value
    return _cardinal(words)


def _cardinal(words: str) -> float | None:
    if not words or any(word not in DIGITS and word not in _SMALL and word not in _LARGE for word in words):
        return None
    if len(words) > 1 and all(word in DIGITS for word in words):
        return float("".join(str(DIGITS[word]) for word in words)) if len(words) <= 4 else None
    total = section = digit = 0
    last_unit = 1
    for index, word in enumerate(words):
        if word in DIGITS:
            digit = DIGITS[word]
            if digit == 0:
                last_unit = 1
        elif word in _SMALL:
            section += (digit or (1 if index == 0 or words[index - 1] in "零万亿" else 0)) * _SMALL[word]
            last_unit, digit = _SMALL[word], 0
        else:
            total = (
                (total + (section + digit or (1 if index == 0 else 0))) * _LARGE[word]
                if word == "亿"
                else (total + (section + digit or (1 if index == 0 else 0)) * _LARGE[word])
            )
            last_unit, section, digit = _LARGE[word], 0, 0
    # 一万二 is 12 000: a last digit takes the unit below the one before it.
    return float(total + section + digit * (last_unit // 10 if last_unit > 10 else 1))


def written(text: str) -> str:
    """The text with its numbers as people write them: 二十万→20万, 百分之三点五→3.5%, 幺三八→138."""
    text = _PERCENT.sub(lambda match: _percent(match[1], match[0]), text)
    text = _POINTS.sub(lambda match: _percent(match[1], match[0]), text)
    kept: list[tuple[int, int]] = [
        (match.start(), match.end()) for idiom in _IDIOMS for match in re.finditer(idiom, text)
    ]
    out: list[str] = []
    position = 0
    while position < len(text):
        guarded = next((end for start, end in kept if start <= position < end), None)
        if guarded is not None and not _is_quantity(text, position):
            out.append(text[position:guarded])
            position = guarded
            continue
        string = _STRING.match(text, position)
        if string and (string.end() >= len(text) or text[string.end()] not in "十百千万亿点"):
            out.append("".join(str(DIGITS[digit]) for digit in string[0]))
            position = string.end()
            continue
        spread = _RANGE.match(text, position)
        if spread and DIGITS[spread[2]] == DIGITS[spread[1]] + 1:
            tens = 10 if text[spread.end() : spread.end() + 1] == "十" else 1
            out.append(f"{DIGITS[spread[1]] * tens}-{DIGITS[spread[2]] * tens}")
            position = spread.end() + (1 if tens == 10 else 0)
            continue
        number = _CARDINAL.match(text, position)
        if number and not number[0][0].isdigit() and (converted := _write(number[0], text[number.end() :])):
            out.append(converted)
            position = number.end()
            continue
        out.append(text[position])
        position += 1
    return "".join(out)


def _is_quantity(text: str, position: int) -> bool:
    number = _CARDINAL.match(text, position)
    return bool(
        number
        and len(number[0]) > 1
        and re.search("[十百千万亿点]", number[0][:-1])
        and text[position] not in "万千"
    )


def _percent(words: str, unchanged: str) -> str:
    value = value_of(words)
    return unchanged if value is None else f"{_plain(value)}%"


def _write(words: str, rest: str) -> str | None:
    value = value_of(words)
    if value is None or words[0] in _LARGE:
        return None
    if len(words) == 1 and not rest.startswith(_UNITS):
        return None
    if words in {"十", "百", "千", "万", "亿"} and _VAGUE.match(rest):
        return None
    for unit, size in (("亿", 100_000_000), ("万", 10_000)):
        if value >= size and unit in words:
            head = value / size
            if head == round(head, 2):
                return f"{_plain(round(head, 2))}{unit}"
    return _plain(value)


def _plain(value: float) -> str:
    return str(int(value)) if value == int(value) else f"{value:.6f}".rstrip("0").rstrip(".")


def amounts(text: str) -> list[Amount]:
    """All amounts of money in the text, in order.

    A number counts as money when it has 万 or 亿, or a money word behind it (块, 元). Vague words give
    the lower bound: 十几万 is 100 000, 两百多万 is 2 000 000, 二三十万 is 200 000; 几万 alone is nothing.
    """
    found: list[Amount] = []
    for match in _AMOUNT.finditer(text):
        words = match["number"]
        end = match.end()
        low = re.sub(
            r"([一二两三四五六七八九])([一二三四五六七八九])(?=[十百千万亿])",
            lambda pair: pair[1] if DIGITS[pair[2]] > DIGITS[pair[1]] else pair[0],
            words,
        )
        tail = re.match(r"[几多来把]?[万亿]", text[match.end("number") :])
        unit_after = tail[0][-1] if tail and not re.search("[万亿]", words) else ""
        if unit_after and tail:
            end = max(end, match.end("number") + tail.end())
        value = None if low[0] in _LARGE or re.search("[万亿].*万|亿.*亿", low) else value_of(low)
        if value is None:
            continue
        if unit_after:
            value *= _LARGE[unit_after]
        if match["unit"] == "个亿":
            value *= _LARGE["亿"]
        if match["unit"] == "w":
            value *= _LARGE["万"]
        money = bool(re.search("[万亿w]", text[match.start() : end])) or (
            match["unit"] is not None or text[end:].startswith(_MONEY_WORDS)
        )
        if money and 0 < value <= MAX_YUAN and text[match.start() : match.start() + 2] != "万一":
            found.append(Amount(match.start(), end, round(value)))
    return found
