"""The sound of words: toneless syllables with the recognizer's usual confusions folded together.

A recognizer over the telephone band confuses retroflex and dental initials, n and l, front and back
nasals, and f and h before u. Words that differ only there get the same folded form, so that rules and
models can compare what was heard and not which homophone the decoder chose to write.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, Final

from pypinyin import Style, lazy_pinyin

#: Longer text than any utterance (a minute of fast speech is about 400 syllables) is cut here.
MAX_CHARACTERS: Final = 600

_TONE: Final = re.compile(r"[0-5]$")
_UNIT: Final = re.compile(r"[一-鿿〇]|[A-Za-z0-9]")
_HANZI: Final = re.compile(r"[一-鿿〇]")
#: 500 to 3400 Hz keep too little of the friction that tells these initials apart.
_INITIALS: Final = (("zh", "z"), ("ch", "c"), ("sh", "s"))
_NASALS: Final = (("ing", "in"), ("eng", "en"), ("ang", "an"))
#: f and h before u (southern speakers, and f's friction lies above the telephone band)
_H_BEFORE_U: Final = {"hu": "fu", "hui": "fei", "hun": "fen", "huan": "fan", "hua": "fa", "huo": "fo"}


@dataclass(frozen=True, slots=True)
class Heard:
    """An utterance as two aligned channels, with punctuation taken out.

    `characters[i]` is written, `syllables[i]` is its folded sound; `source[i]` is the character's
    index in the text that was given; a unit whose index is in `breaks` follows punctuation or a space
    between hanzi.
    """

    text: str
    characters: tuple[str, ...]
    syllables: tuple[str, ...]
    source: tuple[int, ...]
    breaks: frozenset[int]

    def __len__(self) -> int:
        return len(self.characters)

    @property
    def has_hanzi(self) -> bool:
        """Whether any unit is a Chinese character: networks know nothing of others."""
        return any("一" <= unit <= "鿿" for unit in self.characters)

    def beginning(self, length: int) -> Heard:
        """The first `length` units; `text` stays whole."""
        return Heard(
            self.text,
            self.characters[:length],
            self.syllables[:length],
            self.source[:length],
            frozenset(place for place in self.breaks if place < length),
        )


@lru_cache(maxsize=4096)
def fold(syllable: str) -> str:
    """The folded form of one pinyin syllable, toned ("zhong4") or not; anything else in lower case."""
    plain = _TONE.sub("", syllable.strip().lower()).replace("ü", "v").replace("u:", "v")
    for long, short in _INITIALS:
        if plain.startswith(long):
            plain = short + plain[2:]
            break
    if plain.startswith("n") and len(plain) > 1:
        plain = "l" + plain[1:]
    for long, short in _NASALS:
        if plain.endswith(long):
            plain = plain[: -len(long)] + short
            break
    return _H_BEFORE_U.get(plain, plain)


def plain_syllables(text: str) -> list[str]:
    """The toneless syllables of the hanzi of `text`, one for each; heteronyms by phrase (pypinyin)."""
    hanzi = "".join(_HANZI.findall(text[:MAX_CHARACTERS]))
    # One reading a hanzi even where pypinyin knows none, so that both channels stay aligned.
    return list(lazy_pinyin(hanzi, style=Style.NORMAL, errors=_one_by_one))


def _one_by_one(rest: str) -> Any:
    return list(rest)


def hear(text: str, pinyin: Sequence[str] = ()) -> Heard:
    """Align the characters of `text` with folded syllables.

    `pinyin` is what the recognizer heard, one syllable a hanzi; where its length does not fit the hanzi
    of the text, the syllables are read off the characters instead.
    """
    text = text[:MAX_CHARACTERS]
    hanzi = len(_HANZI.findall(text))
    sounds = list(pinyin) if hanzi and len(pinyin) == hanzi else plain_syllables(text)
    characters: list[str] = []
    syllables: list[str] = []
    source: list[int] = []
    breaks: set[int] = set()
    following = iter(sounds)
    gap = False
    for index, character in enumerate(text):
        if not _UNIT.match(character):
            gap = bool(characters)
            continue
        if gap:
            breaks.add(len(characters))
            gap = False
        characters.append(character)
        source.append(index)
        syllables.append(fold(next(following, character)) if _HANZI.match(character) else character.lower())
    return Heard(text, tuple(characters), tuple(syllables), tuple(source), frozenset(breaks))
