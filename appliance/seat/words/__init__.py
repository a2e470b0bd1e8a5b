"""The words that people read for the codes of the wire, in Chinese and English."""

from __future__ import annotations

import json
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from importlib import resources
from pathlib import Path
from typing import Literal

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib

Locale = Literal["zh", "en"]


class WordsError(ValueError):
    """A site's catalogue cannot be read for its words."""


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
    def load(cls, locale: Locale, catalogue: Path | None = None) -> Words:
        """The words that lie in the package, and those of a site's catalogue of strategies.

        Raises:
            WordsError: the site's catalogue cannot be read.
        """
        strategies = dict(_read(f"strategies_{locale}.json"))
        if catalogue is not None:
            strategies.update(_of_site(catalogue, locale))
        return cls(locale, _read(f"{locale}.json"), strategies)

    def catalogue(self) -> dict[str, Mapping[str, object]]:
        """Everything, by kind and code; strategies under `strategy`."""
        return {**self._words, "strategy": self._strategies}

    def of(self, kind: str, code: str) -> str:
        """The words for a code of a kind, such as `of("stage", "warming")`."""
        return self._words.get(kind, {}).get(code, code)

    def evidence(self, code: str) -> str:
        """The words for a code of evidence or of a cue, such as `signal.thanks`."""
        kind, _, name = code.partition(".")
        if kind == "record":
            known = self._words.get("label", {}).get(f"record_{name}")
            return known or self.of("label", "record_prefix") + self.of("need", name)
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


def _of_site(path: Path, locale: Locale) -> Mapping[str, Mapping[str, str]]:
    try:
        tables = tomllib.loads(path.read_text(encoding="utf-8"))["strategy"]
        return {table["id"]: table[locale] for table in tables if locale in table}
    except OSError as error:
        raise WordsError(f"{path}: cannot be read: {error.strerror}; name an existing file") from error
    except (UnicodeDecodeError, tomllib.TOMLDecodeError, KeyError, TypeError) as error:
        raise WordsError(f"{path}: is no catalogue of strategies; copy the one that the box uses") from error
