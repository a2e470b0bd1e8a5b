"""Simulated recognition errors: what the recognizer would make of a sentence over the telephone.

The recognizer hears toneless syllables with about 12 % errors over the telephone band and writes them as
characters, so two things go wrong here too: some syllables become similar ones, and some right ones are
written with another character of the same sound. `homophones.tsv` lists the characters of each syllable by
frequency.
"""

from __future__ import annotations

import random
import re
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Final

from appliance.language.pinyin_forms import fold, plain_syllables

HOMOPHONES: Final = Path(__file__).with_name("homophones.tsv")

#: Measured on read Mandarin through the telephone band: 12.3 % of toneless syllables are wrong.
SYLLABLE_ERRORS: Final = 0.12
#: Of 100 errors about 70 are substitutions, 22 deletions and 8 insertions.
_SUBSTITUTED: Final = 0.70
_DELETED: Final = 0.22
#: Right syllables that are written with another character.
HOMOPHONE_ERRORS: Final = 0.12
#: How often a substitution is one of the folded confusions; the others share an initial or a final.
_FOLDED_CONFUSION: Final = 0.4
_INITIAL: Final = re.compile("^(zh|ch|sh|[bpmfdtnlgkhjqxrzcsyw])?(.+)$")


@dataclass(frozen=True, slots=True)
class _Table:
    characters: dict[str, tuple[Sequence[str], Sequence[int]]]
    folded: dict[str, list[str]]
    by_initial: dict[str, list[str]]
    by_final: dict[str, list[str]]


@lru_cache(maxsize=1)
def _table() -> _Table:
    characters: dict[str, tuple[Sequence[str], Sequence[int]]] = {}
    folded: dict[str, list[str]] = {}
    by_initial: dict[str, list[str]] = {}
    by_final: dict[str, list[str]] = {}
    for line in HOMOPHONES.read_text(encoding="utf-8").splitlines():
        syllable, words, counts = line.split("\t")
        characters[syllable] = (words, [int(count) for count in counts.split()])
        initial, final = _parts(syllable)
        folded.setdefault(fold(syllable), []).append(syllable)
        by_initial.setdefault(initial, []).append(syllable)
        by_final.setdefault(final, []).append(syllable)
    return _Table(characters, folded, by_initial, by_final)


def _parts(syllable: str) -> tuple[str, str]:
    match = _INITIAL.match(syllable)
    return (match[1] or "", match[2]) if match else ("", syllable)


@lru_cache(maxsize=16384)
def _syllables(hanzi: str) -> tuple[str, ...]:
    return tuple(plain_syllables(hanzi))


def noised(
    text: str,
    chance: random.Random,
    syllable_errors: float = SYLLABLE_ERRORS,
    homophone_errors: float = HOMOPHONE_ERRORS,
) -> str:
    """The hanzi of `text` as they might be recognized; punctuation is lost, other characters stay."""
    hanzi = "".join(re.findall("[一-鿿]", text))
    rest = iter(_syllables(hanzi))
    out: list[str] = []
    for character in re.findall("[一-鿿A-Za-z0-9]", text):
        if not "一" <= character <= "鿿":
            out.append(character)
            continue
        out.append(_heard(character, next(rest, ""), chance, syllable_errors, homophone_errors))
    return "".join(out) or text


def noised_clauses(
    text: str,
    chance: random.Random,
    syllable_errors: float = SYLLABLE_ERRORS,
    homophone_errors: float = HOMOPHONE_ERRORS,
) -> str:
    """As `noised`, with the spaces of `text` kept: they stand for pauses, which are always heard."""
    return " ".join(noised(clause, chance, syllable_errors, homophone_errors) for clause in text.split())


def _heard(
    character: str, syllable: str, chance: random.Random, syllable_errors: float, homophone_errors: float
) -> str:
    table = _table()
    if chance.random() < syllable_errors:
        kind = chance.random()
        if kind < _SUBSTITUTED:
            return _written(_similar(syllable, chance), chance, character)
        if kind < _SUBSTITUTED + _DELETED:
            return ""
        return character + _written(chance.choice(list(table.characters)), chance, "")
    if chance.random() < homophone_errors:
        return _written(syllable, chance, character)
    return character


def _similar(syllable: str, chance: random.Random) -> str:
    table = _table()
    folded = [other for other in table.folded.get(fold(syllable), ()) if other != syllable]
    if folded and chance.random() < _FOLDED_CONFUSION:
        return chance.choice(folded)
    initial, final = _parts(syllable)
    near = table.by_final.get(final, []) if chance.random() < 0.5 else table.by_initial.get(initial, [])
    return chance.choice([other for other in near if other != syllable] or [syllable])


def _written(syllable: str, chance: random.Random, default: str) -> str:
    entry = _table().characters.get(syllable)
    if entry is None:
        return default
    return chance.choices(entry[0], entry[1])[0]
