"""Reads what recognizers of characters hear: hanzi, pieces of Latin words, and the site's own names."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final

from pypinyin import Style, lazy_pinyin

from appliance.speech.pinyin import LONGEST_TAIL_MS, milliseconds, probability
from appliance.speech.reading import HeardWord, geometric_mean
from appliance.speech.spelling import Spelling
from appliance.speech.streamingmodel import Hearing

#: SentencePiece's mark of a piece that begins a word (U+2581); sherpa-onnx gives it back as a space.
_BEGINS_WORD: Final = ("\u2581", " ")
#: Such as <blk>, <unk>, and <0xE4> for a byte of a character that is no token.
_NO_TEXT: Final = re.compile(r"<[^>]*>")
_HANZI: Final = re.compile(r"[\u3400-\u4dbf\u4e00-\u9fff〇]")


@dataclass(frozen=True, slots=True)
class _Unit:
    """A hanzi, or a Latin word as far as it was heard."""

    text: str
    start_ms: int
    last_ms: int
    confidences: tuple[float, ...]

    @property
    def is_hanzi(self) -> bool:
        return _HANZI.match(self.text) is not None


class CharacterReading:
    """Every hanzi is a word of its own, and so is every Latin word and every name of the site."""

    def __init__(self, spelling: Spelling) -> None:
        """Begin an utterance."""
        self._spelling = spelling
        self._units: list[_Unit] = []

    def hear(self, hearing: Hearing) -> None:
        """Take the tokens as characters."""
        self._units = list(_units(hearing))

    def confidences(self) -> Sequence[float]:
        """Of each token."""
        return [one for unit in self._units for one in unit.confidences]

    def words(self, final: bool) -> list[HeardWord]:
        """What was heard; the last Latin word of an utterance that grows may still become longer."""
        units = self._units
        if not final and units and not units[-1].is_hanzi:
            units = units[:-1]
        pinyin = _pinyin(units)
        words: list[HeardWord] = []
        place = 0
        while place < len(units):
            length, text = self._name_at(units, place)
            if text is None:
                text = units[place].text
                if words and place and not (units[place].is_hanzi or units[place - 1].is_hanzi):
                    text = " " + text
            part = units[place : place + length]
            place += length
            end = part[-1].last_ms + LONGEST_TAIL_MS
            if place < len(units):
                end = min(end, units[place].start_ms)
            words.append(
                HeardWord(
                    text,
                    tuple(one for reading in pinyin[place - length : place] for one in reading),
                    part[0].start_ms,
                    max(part[0].start_ms, end),
                    geometric_mean([one for unit in part for one in unit.confidences]),
                )
            )
        return words

    def _name_at(self, units: Sequence[_Unit], place: int) -> tuple[int, str | None]:
        """How many units the longest name that begins here has, and how the site writes it."""
        for length in range(min(self._spelling.longest, len(units) - place), 1, -1):
            form = tuple("".join(unit.text.upper() for unit in units[place : place + length]))
            name = self._spelling.forms.get(form)
            if name is not None:
                return length, name
        return 1, None


def _units(hearing: Hearing) -> list[_Unit]:
    units: list[_Unit] = []
    for place, (token, seconds) in enumerate(zip(hearing.tokens, hearing.times, strict=False)):
        text = _NO_TEXT.sub("", token)
        begins = text.startswith(_BEGINS_WORD)
        at = milliseconds(seconds)
        sure = (probability(hearing.log_probabilities, place),)
        for piece in re.findall(rf"{_HANZI.pattern}|[^\s\u2581\u3400-\u9fff〇]+", text):
            before = units[-1] if units else None
            if before is None or begins or _HANZI.match(piece) or before.is_hanzi:
                units.append(_Unit(piece, at, at, sure))
            else:
                units[-1] = _Unit(before.text + piece, before.start_ms, at, before.confidences + sure)
            begins = False
    return units


def _as_it_is(hanzi: str) -> Any:
    return list(hanzi)


def _pinyin(units: Sequence[_Unit]) -> list[tuple[str, ...]]:
    """The toned syllables of each unit: hanzi are read by phrase, a letter is itself."""
    readings: list[tuple[str, ...]] = []
    run = "".join(unit.text if unit.is_hanzi else "|" for unit in units)
    for part in re.findall(r"\||[^|]+", run):
        if part == "|":
            text = units[len(readings)].text
            readings.append(tuple(letter.upper() for letter in text if letter.isalnum()))
        else:
            readings += [
                (one,)
                for one in lazy_pinyin(
                    part, style=Style.TONE3, neutral_tone_with_five=True, v_to_u=False, errors=_as_it_is
                )
            ]
    return readings
