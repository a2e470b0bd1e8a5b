"""The values of spoken Chinese numbers, and amounts of money.

Forms read: 二十万, 两百三 (230), 一万二 (12 000), 三点五, 十几万, 二三十万, 20万. How numbers are
written in a transcript is the work of `writtenform`.
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
        if (
            money
            and round(value) >= 1
            and value <= MAX_YUAN
            and text[match.start() : match.start() + 2] != "万一"
        ):
            found.append(Amount(match.start(), end, round(value)))
    return found
