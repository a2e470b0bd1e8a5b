"""Finds phrases of a rules file in an utterance, by character or by folded sound.

How phrases are written is said in `phrase_grammar`. A phrase that is long enough (the book says how long) is
also found by its folded sound (`pinyin_forms`), and a plain one of six or more with one syllable misheard for
a similar one; a leading `=` limits it to exact characters, for words whose sound is too common. A sound does
not count where an everyday word (`everyday.txt`) is written in its place: 故事 is 股市 without its tones, and
is what was meant.
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Container, Hashable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Final, Generic, TypeVar

from appliance.language.phrase_grammar import Classes, PhraseError, parse
from appliance.language.pinyin_forms import Heard, fold, plain_syllables

__all__ = ["EXACT", "FORGIVEN", "MAX_GAP", "SOUND", "Match", "PhraseBook", "PhraseError", "longest"]

#: Most syllables that `…` skips; more would join words of different clauses.
MAX_GAP: Final = 4
#: From this length on one wrong syllable of a phrase is forgiven (the recognizer misses about one in eight).
FORGIVING_LENGTH: Final = 6
#: Sure by characters, less by sound, least with a syllable misheard.
EXACT: Final = 1.0
SOUND: Final = 0.9
FORGIVEN: Final = 0.75

_INITIAL: Final = re.compile("^[bpmfdtlgkhjqxrzcsyw]?")
#: Words of two syllables that differ from others in sound, such as names of products.
SOUND_OF_NAMES: Final = 2
#: Verbs and particles: two syllables of those sound like too much else (想买 is heard as 先买).
SOUND_OF_PHRASES: Final = 3
#: With a choice of words as many more things sound alike.
SOUND_OF_CHOICES: Final = 4

#: Words that are meant where they are written, though a phrase sounds like them or like a part of them.
EVERYDAY: Final = Path(__file__).with_name("everyday.txt")

Key = TypeVar("Key", bound=Hashable)


@dataclass(frozen=True, slots=True)
class Match(Generic[Key]):
    """A phrase found: units `start` to `end` of the utterance, and how sure it is."""

    key: Key
    phrase: str
    start: int
    end: int
    certainty: float
    #: the words of the phrase that were found, without those in its gaps
    words: str = ""


@dataclass(frozen=True, slots=True)
class _Word:
    text: str
    characters: tuple[str, ...]
    syllables: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class _Place:
    words: tuple[_Word, ...]
    after_gap: bool
    #: the words by their first character and their first syllable, so that few are compared
    beginning: dict[str, tuple[_Word, ...]]
    may_be_missing: bool


@dataclass(frozen=True, slots=True)
class _Compiled(Generic[Key]):
    key: Key
    phrase: str
    places: tuple[_Place, ...]
    #: least syllables for a match by sound; None: by characters only
    shortest: int | None
    forgiving: bool
    #: whether some place has several words; those of one syllable are then found by their character alone
    choices: bool

    @property
    def text(self) -> str:
        """The word of a phrase that is one word and nothing else."""
        return self.places[0].words[0].text


@cache
def everyday() -> dict[str, tuple[str, ...]]:
    """The words of `everyday.txt` by their first character."""
    words: dict[str, list[str]] = defaultdict(list)
    for line in EVERYDAY.read_text(encoding="utf-8").splitlines():
        for word in line.partition("#")[0].split():
            words[word[0]].append(word)
    return {first: tuple(same) for first, same in words.items()}


def everyday_words(characters: Sequence[str]) -> list[tuple[int, str]]:
    """Where everyday words begin in what is written, and which."""
    known = everyday()
    return [
        (index, word)
        for index, character in enumerate(characters)
        for word in known.get(character, ())
        if tuple(word) == tuple(characters[index : index + len(word)])
    ]


class PhraseBook(Generic[Key]):
    """All phrases of one rules file, ready to be found."""

    def __init__(
        self, phrases: Iterable[tuple[str, Key]], names: Container[str] = (), classes: Classes | None = None
    ) -> None:
        """Compile `phrases`; those of them in `names` are found by sound from two syllables on."""
        #: phrases of one word, by all their characters and by all their syllables
        self._written: dict[tuple[str, ...], list[_Compiled[Key]]] = defaultdict(list)
        self._sounding: dict[tuple[str, ...], list[_Compiled[Key]]] = defaultdict(list)
        #: the others, by their first (and, where that may be misheard, second) syllable or character
        self._searched: dict[str, list[_Compiled[Key]]] = defaultdict(list)
        for phrase, key in phrases:
            compiled = _compile(phrase, key, SOUND_OF_NAMES if phrase in names else SOUND_OF_PHRASES, classes)
            first = compiled.places[0].words[0]
            plain = len(compiled.places) == 1 and len(compiled.places[0].words) == 1
            if plain:
                self._written[first.characters].append(compiled)
                if compiled.shortest is not None:
                    self._sounding[first.syllables].append(compiled)
            if compiled.forgiving or not plain:
                for start in _starts(compiled):
                    self._searched[start].append(compiled)
        self._lengths = sorted({len(units) for units in (*self._written, *self._sounding)})

    def by_sound(self) -> Iterator[tuple[str, tuple[str, ...]]]:
        """Each phrase without a gap that is found by its sound too, with its folded syllables."""
        for syllables, phrases in self._sounding.items():
            for compiled in phrases:
                yield compiled.phrase, syllables

    def find(self, heard: Heard) -> list[Match[Key]]:
        """Every match in the utterance, ordered by start; a phrase matches at most once at each place."""
        found: dict[tuple[Key, str, int, int], Match[Key]] = {}
        meant = everyday_words(heard.characters)
        for index in range(len(heard)):
            for match in self._at(heard, index):
                if match.certainty == SOUND and any(
                    _contradicts(start, word, match) for start, word in meant
                ):
                    continue
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
                yield Match(compiled.key, compiled.phrase, index, end, EXACT, compiled.text)
            for compiled in self._sounding.get(heard.syllables[index:end], ()):
                yield Match(compiled.key, compiled.phrase, index, end, SOUND, compiled.text)
        starts = {heard.characters[index], heard.syllables[index]}
        if index + 1 < len(heard):
            starts.add(f"?{heard.syllables[index + 1]}")
        for start in starts:
            for compiled in self._searched.get(start, ()):
                match = _match(compiled, heard, index)
                if match is not None:
                    yield match


def _contradicts(start: int, word: str, match: Match[Key]) -> bool:
    """Whether an everyday word at `start` writes another character where the phrase has one of its own."""
    if match.end - match.start != len(match.words):
        return False
    return any(
        word[place - start] != match.words[place - match.start]
        for place in range(max(start, match.start), min(start + len(word), match.end))
    )


def longest(matches: Iterable[Match[Key]]) -> list[Match[Key]]:
    """Drop the matches that lie inside or overlap a longer (then surer) one."""
    kept: list[Match[Key]] = []
    for match in sorted(matches, key=lambda match: (match.start - match.end, -match.certainty, match.start)):
        if all(match.end <= other.start or match.start >= other.end for other in kept):
            kept.append(match)
    return sorted(kept, key=lambda match: match.start)


def _compile(phrase: str, key: Key, shortest: int, classes: Classes | None) -> _Compiled[Key]:
    parsed = parse(phrase, classes)
    if all(len(slot.words) == 1 for slot in parsed.slots):
        whole = tuple(_sounds("".join(slot.words[0] for slot in parsed.slots)))
        places, position = [], 0
        for slot in parsed.slots:
            text = slot.words[0]
            word = _Word(text, tuple(text), whole[position : position + len(text)])
            places.append(_place((word,), slot.after_gap))
            position += len(text)
        by_sound = position >= shortest and all(
            len(slot.words[0]) > 1 or position > SOUND_OF_PHRASES for slot in parsed.slots
        )
    else:
        places = [_place(tuple(map(_word, slot.words)), slot.after_gap) for slot in parsed.slots]
        shortest, by_sound, position = SOUND_OF_CHOICES, True, 0
    by_sound = by_sound and not parsed.exact
    forgiving = by_sound and parsed.plain and position >= FORGIVING_LENGTH
    choices = any(len(place.words) > 1 for place in places)
    return _Compiled(key, phrase, tuple(places), shortest if by_sound else None, forgiving, choices)


def _place(words: tuple[_Word, ...], after_gap: bool) -> _Place:
    beginning: dict[str, tuple[_Word, ...]] = {}
    for word in filter(lambda word: word.text, words):
        for start in {word.characters[0], word.syllables[0]}:
            beginning[start] = (*beginning.get(start, ()), word)
    return _Place(words, after_gap, beginning, any(not word.text for word in words))


@cache
def _word(text: str) -> _Word:
    return _Word(text, tuple(text), tuple(_sounds(text)))


def _sounds(word: str) -> list[str]:
    read = iter(plain_syllables(word))
    return [fold(next(read)) if "一" <= character <= "鿿" else character.lower() for character in word]


def _starts(compiled: _Compiled[Key]) -> set[str]:
    """Every character and syllable that a match may begin with."""
    starts: set[str] = set()
    for place in compiled.places:
        for word in filter(lambda word: word.text, place.words):
            starts.add(word.characters[0])
            if compiled.shortest is not None:
                starts.add(word.syllables[0])
        if all(word.text for word in place.words):
            break
    if compiled.forgiving:
        starts.add(f"?{compiled.places[0].words[0].syllables[1]}")
    return starts


@dataclass(frozen=True, slots=True)
class _Reached:
    """How far a phrase was followed."""

    end: int
    certainty: float
    words: str


def _match(compiled: _Compiled[Key], heard: Heard, index: int) -> Match[Key] | None:
    found = [
        reached
        for reached in _follow(compiled, heard, 0, _Reached(index, EXACT, ""))
        if reached.certainty == EXACT
        or compiled.forgiving
        or (compiled.shortest is not None and len(reached.words) >= compiled.shortest)
    ]
    if not found:
        return None
    # a word that is certain is not given up for one that is longer by its sound
    best = max(found, key=lambda reached: (reached.certainty, reached.end))
    return Match(compiled.key, compiled.phrase, index, best.end, best.certainty, best.words)


def _follow(compiled: _Compiled[Key], heard: Heard, order: int, reached: _Reached) -> Iterator[_Reached]:
    """Every way in which the places from `order` on can be found behind what was reached."""
    if order == len(compiled.places):
        yield reached
        return
    place = compiled.places[order]
    last = reached.end + MAX_GAP if place.after_gap else reached.end
    for start in range(reached.end, last + 1):
        if order and place.after_gap and start in heard.breaks:
            break
        if place.may_be_missing and start == reached.end:
            yield from _follow(compiled, heard, order + 1, reached)
        hit = False
        for word in _candidates(place, heard, start, compiled):
            value = _agreement(word, heard, start, compiled, inside=bool(reached.words))
            if value:
                hit = True
                onward = _Reached(
                    start + len(word.characters), min(reached.certainty, value), reached.words + word.text
                )
                yield from _follow(compiled, heard, order + 1, onward)
        if hit:
            break


def _candidates(place: _Place, heard: Heard, start: int, compiled: _Compiled[Key]) -> tuple[_Word, ...]:
    if compiled.forgiving:
        return place.words
    if start >= len(heard):
        return ()
    written = place.beginning.get(heard.characters[start], ())
    if compiled.shortest is None:
        return written
    sounding = place.beginning.get(heard.syllables[start], ())
    return written if written == sounding else tuple(dict.fromkeys((*written, *sounding)))


def _agreement(word: _Word, heard: Heard, start: int, compiled: _Compiled[Key], *, inside: bool) -> float:
    end = start + len(word.characters)
    first = start if inside else start + 1
    if end > len(heard) or any(at in heard.breaks for at in range(first, end)):
        return 0.0
    if heard.characters[start:end] == word.characters:
        return EXACT
    if compiled.shortest is None or (compiled.choices and len(word.text) < SOUND_OF_NAMES):
        return 0.0
    pairs = [
        pair for pair in zip(heard.syllables[start:end], word.syllables, strict=True) if pair[0] != pair[1]
    ]
    if not pairs:
        return SOUND
    return FORGIVEN if compiled.forgiving and len(pairs) == 1 and _similar(*pairs[0]) else 0.0


def _similar(said: str, sound: str) -> bool:
    """Whether two syllables share their initial or their final."""
    cut = _INITIAL.match(said), _INITIAL.match(sound)
    ends = cut[0].end() if cut[0] else 0, cut[1].end() if cut[1] else 0
    return said[: ends[0]] == sound[: ends[1]] or said[ends[0] :] == sound[ends[1] :]
