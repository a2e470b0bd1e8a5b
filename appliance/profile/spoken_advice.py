"""The words of a strategy in a site's catalogue, and what an agent must never be advised to say."""

from __future__ import annotations

import re
from typing import Any, Final

LOCALES: Final = ("zh", "en")
KEYS: Final = ("title", "say", "avoid")
#: What fits the seat's view.
LONGEST: Final = {"title": 48, "say": 160, "avoid": 160}
#: Promises of return, denials of risk and false urgency, which no strategy may put into an agent's mouth.
#: `avoid` may name them: it says what not to do.
FORBIDDEN: Final = {
    "zh": re.compile(
        "保证收益|保本|稳赚|包赚|一定赚|肯定赚|零风险|没有风险|无风险|不会亏|放心买|"
        "最后一天|名额有限|赶紧|马上买|只剩"
    ),
    "en": re.compile(
        r"guarantee|risk[- ]free|no risk|cannot lose|can't lose|sure to (gain|win)|"
        r"last chance|only today|hurry up|act now",
        re.IGNORECASE,
    ),
}


def problems_of(table: dict[str, Any], *, needed: bool) -> list[tuple[str, str]]:
    """What is wrong with the words of one strategy's table, as (key, what is wrong and what would be right).

    Args:
        table: the strategy, with a table of words under each of `LOCALES`.
        needed: the strategy is the site's own, so that there are no other words for it.
    """
    found: list[tuple[str, str]] = []
    for locale in LOCALES:
        words = table.get(locale)
        if words is None:
            if needed:
                found.append(
                    (locale, f'is missing; write {locale} = {{ title = "...", say = "...", avoid = "..." }}')
                )
            continue
        if not isinstance(words, dict):
            found.append((locale, "must be a table with title, say and avoid"))
            continue
        found += [
            (f"{locale}.{key}", "no such key; write title, say and avoid") for key in words.keys() - {*KEYS}
        ]
        for key in KEYS:
            text = words.get(key)
            if not isinstance(text, str) or not text.strip() or not text.isprintable():
                found.append((f"{locale}.{key}", "must be one line of text"))
            elif len(text) > LONGEST[key]:
                found.append((f"{locale}.{key}", f"has {len(text)} characters; write at most {LONGEST[key]}"))
            elif key != "avoid" and (said := FORBIDDEN[locale].search(text)):
                found.append(
                    (
                        f"{locale}.{key}",
                        f"{said[0]!r} promises a return, hides a risk or presses; agents must not say it, "
                        "so take it out",
                    )
                )
    return found
