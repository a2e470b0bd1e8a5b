"""The little language in which the rules files write phrases.

    想买            these syllables
    炒了…年股        … skips up to four syllables
    (别|不要)再打     one of several words; an empty one, as in (再|), may be missing
    <not>再<call>    one of the words of a class, which the rules file names in `[classes]`
    =黄金           by its characters only: its sound is too common (tools/soundalikes.py finds those)

Classes make a rule of a list: whoever says 甭再打 need not have been thought of, as long as 甭 is a word of
denial and 打 one of calling.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import product
from typing import Final

#: More words than this in one place of a phrase are a mistake: classes that hold each other multiply.
MOST_WORDS: Final = 2000

_WORD: Final = re.compile("[一-鿿A-Za-z0-9]+")
_TOKEN: Final = re.compile(r"[一-鿿A-Za-z0-9]+|…|\([^()…]*\)|<[a-z_]+>")
_PIECE: Final = re.compile(r"[一-鿿A-Za-z0-9]+|<[a-z_]+>")

Classes = Mapping[str, Sequence[str]]


class PhraseError(ValueError):
    """A phrase of a rules file cannot be read; the message says what would be right."""


@dataclass(frozen=True, slots=True)
class Slot:
    """One place of a phrase: the words that may stand there, longest first; whether a gap is before it."""

    words: tuple[str, ...]
    after_gap: bool


@dataclass(frozen=True, slots=True)
class Phrase:
    """A phrase that was read."""

    text: str
    slots: tuple[Slot, ...]
    exact: bool

    @property
    def plain(self) -> bool:
        """Whether it is one word and nothing else."""
        return len(self.slots) == 1 and len(self.slots[0].words) == 1


def parse(phrase: str, classes: Classes | None = None) -> Phrase:
    """Read `phrase`.

    Raises:
        PhraseError: it is not in the language of this module, or names a class that is not there.
    """
    exact = phrase.startswith("=")
    rest = phrase.removeprefix("=")
    slots: list[Slot] = []
    gap = False
    position = 0
    while position < len(rest):
        token = _TOKEN.match(rest, position)
        if token is None:
            raise _refused(phrase)
        position = token.end()
        if token[0] == "…":
            if gap or not slots:
                raise _refused(phrase)
            gap = True
            continue
        words = _words(phrase, token[0], classes or {})
        if not gap and slots and len(slots[-1].words) == len(words) == 1:
            slots[-1] = Slot((slots[-1].words[0] + words[0],), slots[-1].after_gap)
        else:
            slots.append(Slot(words, gap))
        gap = False
    if gap or not any("" not in slot.words for slot in slots):
        raise _refused(phrase)
    return Phrase(phrase, tuple(slots), exact)


def read_classes(tables: Mapping[str, Sequence[str]]) -> dict[str, tuple[str, ...]]:
    """The words of each class, with the classes that they name filled in; in the order in which they stand.

    Raises:
        PhraseError: a word is not in the language, or names a class that does not stand before it.
    """
    classes: dict[str, tuple[str, ...]] = {}
    for name, words in tables.items():
        filled = [word for written in words for word in _filled(written, written, classes)]
        if "" in filled:
            raise PhraseError(
                f"class {name!r} holds an empty word; write (<{name}>|) where it may be missing"
            )
        classes[name] = tuple(dict.fromkeys(filled))
    return classes


def _words(phrase: str, token: str, classes: Classes) -> tuple[str, ...]:
    alternatives = token[1:-1].split("|") if token.startswith("(") else [token]
    words = dict.fromkeys(word for one in alternatives for word in _filled(phrase, one, classes))
    if token.startswith("(") and len(words) < 2:
        raise _refused(phrase)
    return tuple(sorted(words, key=lambda word: (-len(word), word)))


def _filled(phrase: str, written: str, classes: Classes) -> list[str]:
    """All words that `written` stands for, with every class in it filled in."""
    pieces: list[Sequence[str]] = []
    position = 0
    while position < len(written):
        piece = _PIECE.match(written, position)
        if piece is None:
            raise _refused(phrase)
        position = piece.end()
        if _WORD.fullmatch(piece[0]):
            pieces.append((piece[0],))
            continue
        name = piece[0][1:-1]
        if name not in classes:
            raise PhraseError(
                f"{phrase!r} names the class {name!r}, which does not stand in [classes] before it"
            )
        pieces.append(classes[name])
    count = 1
    for words in pieces:
        count *= len(words)
    if count > MOST_WORDS:
        raise PhraseError(f"{phrase!r} stands for {count} words; write a gap or a smaller class")
    return ["".join(words) for words in product(*pieces)]


def _refused(phrase: str) -> PhraseError:
    return PhraseError(
        f"{phrase!r} is no phrase; write hanzi, with … for a gap, (a|b) for a choice, <class> for one of its "
        "words, and a leading = for exact characters"
    )
