"""The words that people read for the codes of the wire, in Chinese and English."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from importlib import resources
from typing import Literal

Locale = Literal["zh", "en"]


@dataclass(frozen=True, slots=True)
class Strategy:
    """What an agent reads of a strategy."""

    title: str
    say: str
    avoid: str


@dataclass(frozen=True, slots=True)
class Words:
    """The catalogue of one language. An unknown code, of a later version, is shown as it is."""

    locale: Locale
    _words: Mapping[str, Mapping[str, str]]
    _strategies: Mapping[str, Mapping[str, str]]

    @classmethod
    def load(cls, locale: Locale) -> Words:
        """The catalogue that lies in the package."""
        return cls(locale, _read(f"{locale}.json"), _read(f"strategies_{locale}.json"))

    def of(self, kind: str, code: str) -> str:
        """The words for a code of a kind, such as `of("stage", "warming")`."""
        return self._words.get(kind, {}).get(code, code)

    def evidence(self, code: str) -> str:
        """The words for a code of evidence or of a cue, such as `signal.thanks`."""
        kind, _, name = code.partition(".")
        if kind == "record":
            return self.of("label", "record_prefix") + self.of("need", name)
        return self.of(kind, name)

    def strategy(self, code: str) -> Strategy:
        """Title, what to say and what to avoid of a strategy."""
        entry = self._strategies.get(code, {})
        return Strategy(entry.get("title", code), entry.get("say", ""), entry.get("avoid", ""))


def _read(name: str) -> Mapping[str, Mapping[str, str]]:
    catalogue: Mapping[str, Mapping[str, str]] = json.loads(
        resources.files(__name__).joinpath(name).read_text(encoding="utf-8")
    )
    return catalogue
