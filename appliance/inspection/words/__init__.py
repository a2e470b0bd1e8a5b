"""The words of the checks and of the report, in Chinese and English."""

from __future__ import annotations

import sys
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from importlib import resources
from typing import Any, Literal

from appliance.inspection.finding import Fact, Finding

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib

Locale = Literal["zh", "en"]


@cache
def catalogue(name: str) -> Mapping[str, Any]:
    """A file of words of this package, such as `zh` or `report_en`."""
    text = resources.files(__name__).joinpath(f"{name}.toml").read_text(encoding="utf-8")
    return tomllib.loads(text)


@dataclass(frozen=True, slots=True)
class Words:
    """The words for the codes of findings, in one language."""

    locale: Locale

    def of(self, kind: str, code: str) -> str:
        """The words for a code of a kind; an unknown code is shown as it is."""
        text = catalogue(self.locale).get(kind, {}).get(code, code)
        return text if isinstance(text, str) else code

    def reason(self, finding: Finding) -> str:
        """What is wrong; empty where nothing is."""
        return self._sentence(finding, "what")

    def next_step(self, finding: Finding) -> str:
        """What to do about it; empty where nothing is wrong."""
        return self._sentence(finding, "next")

    def fact(self, value: Fact) -> str:
        """A measured value as people read it."""
        if isinstance(value, bool):
            return {"zh": ("否", "是"), "en": ("no", "yes")}[self.locale][value]
        if isinstance(value, list):
            none = {"zh": "无", "en": "none"}[self.locale]
            return {"zh": "、", "en": ", "}[self.locale].join(value) or none
        return str(value)

    def facts(self, finding: Finding) -> list[tuple[str, str]]:
        """The measured facts, each with its name."""
        return [(self.of("fact", name), self.fact(value)) for name, value in finding.facts.items()]

    def _sentence(self, finding: Finding, part: str) -> str:
        if finding.reason is None:
            return ""
        text: str = catalogue(self.locale)["reason"][finding.reason][part]
        for name, value in finding.values.items():
            text = text.replace(f"{{{name}}}", value)
        return text
