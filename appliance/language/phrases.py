"""Finds phrases of a rules file in an utterance, by character or by folded sound.

A phrase is hanzi, with `…` where up to four more syllables may stand between its parts. A phrase
that is long enough (the book says how long) is also found by its folded sound (`pinyin_forms`), and one of
six or more with one syllable misheard for a similar one; a leading `=` limits it to exact characters, for
words whose sound is too common.
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Container, Hashable, Iterable, Iterator
from dataclasses import dataclass
from typing import Final, Generic, TypeVar

from appliance.language.pinyin_forms import Heard, fold, plain_syllables

#: Most syllables that `…` skips; more would join words of different clauses.
MAX_GAP: Final = 4
#: From this length on one wrong syllable of a phrase is forgiven (the recognizer misses about one in eight).
FORGIVING_LENGTH: Final = 6
#: Sure by characters, less by sound, least with a syllable misheard.
EXACT: Final = 1.0
SOUND: Final = 0.9
FORGIVEN: Final = 0.75

_PHRASE: Final = re.compile(r"^=?[一-鿿A-Za-z0-9]+(…[一-鿿A-Za-z0-9]+)*$")
_INITIAL: Final = re.compile("^[bpmfdtlgkhjqxrzcsyw]?")
#: Words of two syllables that differ from others in sound, such as names of products.
SOUND_OF_NAMES: Final = 2
#: Verbs and particles: two syllables of those sound like too much else (想买 is heard as 先买).
SOUND_OF_PHRASES: Final = 3

Key = TypeVar("Key", bound=Hashable)


class PhraseError(ValueError):
    """A phrase of a rules file cannot be read; the message says what would be right."""


@dataclass(frozen=True, slots=True)
class Match(Generic[Key]):
    """A phrase found: units `start` to `end` of the utterance, and how sure it is."""

    key: Key
    phrase: str
    start: int
    end: int
    certainty: float


@dataclass(frozen=True, slots=True)
class _Part:
    characters: tuple[str, ...]
    syllables: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class _Compiled(Generic[Key]):
    key: Key
    phrase: str
    parts: tuple[_Part, ...]
    by_sound: bool
    forgiving: bool


def check(phrase: str) -> None:
    """Raise `PhraseError` where `phrase` is not in the language of this module."""
    if not _PHRASE.match(phrase):
        raise PhraseError(
            f"{phrase!r} is no phrase; write hanzi, with … for a gap and a leading = for exact characters"
        )


class PhraseBook(Generic[Key]):
    """All phrases of one rules file, ready to be found."""

    def __init__(self, phrases: Iterable[tuple[str, Key]], names: Container[str] = ()) -> None:
        """Compile `phrases`; those of them in `names` are found by sound from two syllables on."""
        #: phrases without a gap, by all their characters and by all their syllables
        self._written: dict[tuple[str, ...], list[_Compiled[Key]]] = defaultdict(list)
        self._sounding: dict[tuple[str, ...], list[_Compiled[Key]]] = defaultdict(list)
        #: the others, by their first (and, where that may be misheard, second) syllable or character
        self._searched: dict[str, list[_Compiled[Key]]] = defaultdict(list)
        for phrase, key in phrases:
            compiled = _compile(phrase, key, SOUND_OF_NAMES if phrase in names else SOUND_OF_PHRASES)
            first = compiled.parts[0]
            if len(compiled.parts) == 1:
                self._written[first.characters].append(compiled)
                if compiled.by_sound:
                    self._sounding[first.syllables].append(compiled)
            if compiled.forgiving or len(compiled.parts) > 1:
                starts = {first.characters[0]}
                if compiled.by_sound:
                    starts.add(first.syllables[0])
                if compiled.forgiving:
                    starts.add(f"?{first.syllables[1]}")
                for start in starts:
                    self._searched[start].append(compiled)
        self._lengths = sorted({len(units) for units in (*self._written, *self._sounding)})

    def find(self, heard: Heard) -> list[Match[Key]]:
        """Every match in the utterance, ordered by start; a phrase matches at most once at each place."""
        found: dict[tuple[Key, str, int, int], Match[Key]] = {}
        for index in range(len(heard)):
            for match in self._at(heard, index):
                place = (match.key, match.phrase, match.start, match.end)
                if place not in found or found[place].certainty < match.certainty:
                    found[place] = match
        return sorted(found.values(), key=lambda match: (match.start, -match.end))

    def _at(self, heard: Heard, index: int) -> Iterator[Match[Key]]:
        limit = min((at for at in heard.breaks if at > index), default=len(heard))
        for length in self._lengths:
            end = index + length
            if end > limit:
                break
            for compiled in self._written.get(heard.characters[index:end], ()):
                yield Match(compiled.key, compiled.phrase, index, end, EXACT)
            for compiled in self._sounding.get(heard.syllables[index:end], ()):
                yield Match(compiled.key, compiled.phrase, index, end, SOUND)
        starts = {heard.characters[index], heard.syllables[index]}
        if index + 1 < len(heard):
            starts.add(f"?{heard.syllables[index + 1]}")
        for start in starts:
            for compiled in self._searched.get(start, ()):
                match = _match(compiled, heard, index)
                if match is not None:
                    yield match


def longest(matches: Iterable[Match[Key]]) -> list[Match[Key]]:
    """Drop the matches that lie inside or overlap a longer (then surer) one."""
    kept: list[Match[Key]] = []
    for match in sorted(matches, key=lambda match: (match.start - match.end, -match.certainty, match.start)):
        if all(match.end <= other.start or match.start >= other.end for other in kept):
            kept.append(match)
    return sorted(kept, key=lambda match: match.start)


def _compile(phrase: str, key: Key, shortest: int) -> _Compiled[Key]:
    check(phrase)
    words = phrase.removeprefix("=").split("…")
    sounds = _sounds("".join(words))
    parts = []
    position = 0
    for word in words:
        parts.append(_Part(tuple(word), tuple(sounds[position : position + len(word)])))
        position += len(word)
    by_sound = (
        not phrase.startswith("=")
        and position >= shortest
        and all(len(part.characters) > 1 or position > SOUND_OF_PHRASES for part in parts)
    )
    forgiving = by_sound and len(parts) == 1 and position >= FORGIVING_LENGTH
    return _Compiled(key, phrase, tuple(parts), by_sound, forgiving)


def _sounds(word: str) -> list[str]:
    read = iter(plain_syllables(word))
    return [fold(next(read)) if "一" <= character <= "鿿" else character.lower() for character in word]


def _match(compiled: _Compiled[Key], heard: Heard, index: int) -> Match[Key] | None:
    position = index
    certainty = EXACT
    for order, part in enumerate(compiled.parts):
        hit: tuple[int, float] | None = None
        last = position if order == 0 else position + MAX_GAP
        for start in range(position, last + 1):
            if order and start in heard.breaks:
                break
            value = _agreement(part, heard, start, compiled)
            if value:
                hit = (start, value)
                break
        if hit is None:
            return None
        position = hit[0] + len(part.characters)
        certainty = min(certainty, hit[1])
    return Match(compiled.key, compiled.phrase, index, position, certainty)


def _agreement(part: _Part, heard: Heard, start: int, compiled: _Compiled[Key]) -> float:
    end = start + len(part.characters)
    if end > len(heard) or any(at in heard.breaks for at in range(start + 1, end)):
        return 0.0
    if heard.characters[start:end] == part.characters:
        return EXACT
    if not compiled.by_sound:
        return 0.0
    pairs = [
        pair for pair in zip(heard.syllables[start:end], part.syllables, strict=True) if pair[0] != pair[1]
    ]
    if not pairs:
        return SOUND
    return FORGIVEN if compiled.forgiving and len(pairs) == 1 and _similar(*pairs[0]) else 0.0


def _similar(said: str, sound: str) -> bool:
    """Whether two syllables share their initial or their final."""
    cut = _INITIAL.match(said), _INITIAL.match(sound)
    ends = cut[0].end() if cut[0] else 0, cut[1].end() if cut[1] else 0
    return said[: ends[0]] == sound[: ends[1]] or said[ends[0] :] == sound[ends[1] :]
