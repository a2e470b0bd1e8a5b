"""The numbers of a text that are no quantities, as digits: codes, and pieces of card and phone numbers.

They are found in the written form (幺三八 is 138, 一百三十八 too) and told by where they were said.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Final

from appliance.language.numerals import DIGITS
from appliance.language.writtenform import write

#: A number beside one of these counts or measures something, or is a time.
_BEHIND: Final = re.compile(
    r"[%‰.]|[多来几]?(?:年|个|月|号(?!码)|日|天|周|点|分|秒|小时|岁|元|块|毛|角|万|亿|千|百|倍|成|折|期|季|次|笔|人|位(?!是|数)|只|种|件|套"
    r"|份|张|条|页|级|档|股|支|家|户|平|米|公里|公斤|斤|楼|层|栋|室|路|度|股|美元|港|到|至)"
)
_BEFORE: Final = re.compile(r"(?:[.点第负约近超满每]|百分之|千分之|万分之|[到至])$")
#: What writing left in characters because it is no number of one piece: 一百二十三四百五十六.
_NUMERALS: Final = re.compile(r"[0-9零〇洞幺一二两三四五六七八九十百千]{2,}[Xx]?")
_SEVERAL: Final = 2


@dataclass(frozen=True, slots=True)
class Piece:
    """[start, end) of the spoken text, and the digits that were said there."""

    start: int
    end: int
    digits: str


def pieces(text: str) -> list[Piece]:
    """Numbers of two and more digits that count nothing, in order."""
    written = write(text)
    found = []
    for match in _NUMERALS.finditer(written.text):
        if _BEHIND.match(written.text, match.end()) or _BEFORE.search(written.text[: match.start()]):
            continue
        digits = "".join(_digit(character) for character in match.group())
        if len(digits) >= _SEVERAL:
            start, end = written.spoken_span(match.start(), match.end())
            found.append(Piece(start, end, digits))
    return found


def _digit(character: str) -> str:
    if character.isascii():
        return character.upper()
    return str(DIGITS[character]) if character in DIGITS else ""
