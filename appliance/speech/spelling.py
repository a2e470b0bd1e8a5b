"""The site's own names for recognizers that write characters: what to listen for, and how it is written.

Such a recognizer writes 稳健三号 where the site writes 稳健3号, so a name has one or more spoken forms in the
recognizer's own tokens. They are given to it as hotwords, and become the name again in what it hears.
"""

from __future__ import annotations

import itertools
import re
from collections.abc import Collection, Iterator, Sequence
from typing import Final

from appliance.box.config import SiteWord

#: Spoken forms of one name that are listened for.
MOST_FORMS: Final = 8
_UNIT: Final = re.compile(r"[0-9]+|.", re.DOTALL)
_DIGITS: Final = "零一二三四五六七八九"
_PLACES: Final = ("", "十", "百", "千")
_LONGEST_NUMBER: Final = 4
_SIGNS: Final = {"+": "加", ".": "点", "&": "和", "%": "百分号"}
_SILENT: Final = frozenset(" -·•《》“”()（）")


class Spelling:
    """The names that a recognizer's tokens can write."""

    def __init__(self, words: Sequence[SiteWord], tokens: Collection[str]) -> None:
        """Keep the names of which every character is a token."""
        #: spoken form, one token a place, to the name as the site writes it
        self.forms: dict[tuple[str, ...], str] = {}
        #: places of names in `words` that cannot be listened for
        self.left_out: list[int] = []
        for place, entry in enumerate(words):
            forms = [form for form in spoken_forms(entry.word) if all(unit in tokens for unit in form)]
            for form in forms:
                self.forms.setdefault(form, entry.word)
            if not forms:
                self.left_out.append(place)
        self.longest = max(map(len, self.forms), default=0)

    def hotwords(self) -> str:
        """The names as sherpa-onnx reads hotwords: one a line, tokens parted by spaces."""
        return "".join(" ".join(form) + "\n" for form in self.forms)


def spoken_forms(name: str) -> list[tuple[str, ...]]:
    """How a name is written as it is said, at most `MOST_FORMS` ways, the likeliest first.

    300 is 三百, 三零零; 1 in three or more digits is 幺 as well; letters are capitals.
    """
    units = [list(_unit(match.group())) for match in _UNIT.finditer(name) if match.group() not in _SILENT]
    ways = itertools.islice(itertools.product(*units), MOST_FORMS)
    return [form for way in ways if (form := tuple("".join(way)))]


def _unit(unit: str) -> Iterator[str]:
    if not unit.isdecimal() or not unit.isascii():
        yield _SIGNS.get(unit, unit.upper())
        return
    if 1 < len(unit) <= _LONGEST_NUMBER and unit[0] != "0":
        yield _cardinal(unit)
    one_by_one = "".join(_DIGITS[int(digit)] for digit in unit)
    yield one_by_one
    if "1" in unit and len(unit) > 2:
        yield one_by_one.replace("一", "幺")


def _cardinal(digits: str) -> str:
    """300 is 三百, 105 is 一百零五, 12 is 十二."""
    said = "".join(
        _DIGITS[0] if digit == "0" else _DIGITS[int(digit)] + _PLACES[place]
        for place, digit in zip(range(len(digits) - 1, -1, -1), digits, strict=True)
    )
    said = re.sub("零+", "零", said).rstrip("零")
    return said[1:] if said.startswith("一十") else said
