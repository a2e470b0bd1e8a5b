"""The words of the console's pages, in Chinese and English."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from importlib import resources
from typing import Final, Literal, get_args

Locale = Literal["zh", "en"]
LOCALES: Final[tuple[Locale, ...]] = get_args(Locale)


@dataclass(frozen=True, slots=True)
class Words:
    """The catalogue of one language."""

    locale: Locale
    page: Mapping[str, str]
    findings: Mapping[str, Mapping[str, str]]

    def __call__(self, key: str, **facts: object) -> str:
        """The words of a key, with facts filled in; an unknown key, of a later version, as it is."""
        return self.page.get(key, key).format(**facts)

    def finding(self, code: str, **facts: object) -> tuple[str, str]:
        """What is wrong and what to do next."""
        entry = self.findings.get(code, {"what": code, "next": ""})
        return entry["what"].format(**facts), entry["next"].format(**facts)

    def span(self, seconds: int) -> str:
        """A time in its two largest units."""
        units = (("days", 86_400), ("hours", 3600), ("minutes", 60), ("seconds", 1))
        parts: list[str] = []
        for name, size in units:
            count, seconds = divmod(max(0, seconds), size)
            if count or (name == "seconds" and not parts):
                parts.append(self(name, n=count))
            elif parts:
                break
        return " ".join(parts[:2])


@cache
def words(locale: Locale) -> Words:
    """The catalogue of a language."""
    data = json.loads((resources.files(__name__) / f"{locale}.json").read_text(encoding="utf-8"))
    return Words(locale, data["page"], data["findings"])
