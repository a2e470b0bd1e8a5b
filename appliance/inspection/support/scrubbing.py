"""Takes out of a text whatever could be speech, a number, a name of the site, an address or a key.

What is kept is decided by what it is and not by what it is called: numbers are rounded, so that no string of
digits survives in one; words are kept where this program itself contains them.
"""

from __future__ import annotations

import builtins
import ipaddress
import re
from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import Any, Final

import appliance

#: More digits than this are no quantity that helps; they could be somebody's number.
MOST_DIGITS: Final = 6
#: What longer texts without a space are is not known; keys and hashes are among them.
LONGEST_TOKEN: Final = 23

_TIME: Final = re.compile(r"\b\d{4}-\d\d-\d\d(?:T\d\d:\d\d:\d\dZ)?(?![\d-])")
_FOREIGN: Final = re.compile(r"[^\x00-\x7f→✓✗]+")
_ADDRESS: Final = re.compile(
    r"\b\d{1,3}(?:\.\d{1,3}){3}(?:/\d{1,2})?|[0-9A-Fa-f]{0,4}(?::[0-9A-Fa-f]{0,4}){2,7}(?:/\d{1,3})?"
)
_NUMBER: Final = re.compile(r"\d(?:[ .()-]{0,2}\d){6,}")
_TOKEN: Final = re.compile(rf"[^\s\"',;|]{{{LONGEST_TOKEN + 1},}}")
#: Paths and codes of the system and of ours: lower case letters, no digit but in a unit's instance.
_PLAIN_PATH: Final = re.compile(r"[a-z_@./{}\-]+")
_CONSTANT: Final = re.compile(r"[\"']([A-Za-z][A-Za-z0-9_.:@-]{0,60})[\"']")
_CLASS: Final = re.compile(r"^class (\w+)", re.MULTILINE)


@cache
def vocabulary() -> frozenset[str]:
    """Every constant word of this program, the names of its classes and modules, and Python's errors."""
    words = {name for name in dir(builtins) if name.endswith("Error")}
    for path in Path(appliance.__file__).parent.rglob("*.py"):
        text = path.read_text(encoding="utf-8")
        words.add(path.stem)
        words.update(_CONSTANT.findall(text))
        words.update(_CLASS.findall(text))
    return frozenset(words)


class Scrubber:
    """Scrubs texts and numbers; `private` are texts of the site's configuration, by the key that has them."""

    def __init__(self, private: Mapping[str, str]) -> None:
        # The longest first: a path before the directory that it begins with.
        self._private = sorted(private.items(), key=lambda item: len(item[0]), reverse=True)

    def value(self, value: Any) -> Any:
        """Anything that JSON can hold, scrubbed; the keys of maps are kept."""
        if isinstance(value, bool) or value is None:
            return value
        if isinstance(value, int | float):
            return rounded(value)
        if isinstance(value, str):
            return self.text(value)
        if isinstance(value, Mapping):
            return {str(key): self.value(one) for key, one in value.items()}
        return [self.value(one) for one in value]

    def text(self, text: str) -> str:
        """A text without anything that is not this program's or the system's own."""
        for private, key in self._private:
            text = text.replace(private, f"[{key}]")
        parts, end = [], 0
        for match in _TIME.finditer(text):
            parts += [self._without_numbers(text[end : match.start()]), match[0]]
            end = match.end()
        parts.append(self._without_numbers(text[end:]))
        return "".join(parts)

    @staticmethod
    def _without_numbers(text: str) -> str:
        text = _FOREIGN.sub("[text]", text)
        text = _ADDRESS.sub(_address, text)
        text = _NUMBER.sub("[number]", text)
        return _TOKEN.sub(lambda match: match[0] if _PLAIN_PATH.fullmatch(match[0]) else "[token]", text)


def rounded(number: float) -> float:
    """A number of which at most three digits are told where it has more than `MOST_DIGITS`."""
    if abs(number) < 10**MOST_DIGITS:
        return number if isinstance(number, int) else round(number, 3)
    return int(float(f"{number:.2e}"))


def _address(match: re.Match[str]) -> str:
    text = match[0]
    if not re.search(r"[0-9A-Fa-f]", text) or re.fullmatch(r"\d\d(:\d\d){1,2}", text):
        return text  # the colons of a sentence, and times of day
    try:
        network = ipaddress.ip_network(text, strict=False)
    except ValueError:
        return "[address]"
    return text if network.is_loopback or network.is_unspecified else "[address]"
