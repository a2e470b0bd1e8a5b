"""How the site's own names are pronounced: hanzi, digits and letters, with or without pinyin.

Digits are read one by one and as a number (300 is 三百 and 三零零), letters as the recognizer's letter and as
Mandarin speakers say them (F is "ai fu").
"""

from __future__ import annotations

import itertools
import re
import unicodedata
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Final

from pypinyin import Style, lazy_pinyin, pinyin

from appliance.speech.pinyin import in_ascii, is_syllable, without_tone

#: Readings of one name that are tried; a name of many digits and letters would have thousands.
MOST_READINGS: Final = 16
#: Letters and digits have at most this many syllables each (W is "da bu liu").
_LONGEST_LETTER: Final = 3

_HANZI: Final = r"[\u3400-\u4dbf\u4e00-\u9fff〇]"
_UNIT: Final = re.compile(
    rf"(?P<hanzi>{_HANZI}+)|(?P<number>[0-9]+)|(?P<letter>[A-Za-z])|(?P<other>.)", re.DOTALL
)
_SILENT: Final = frozenset(" -·•《》“”()（）")
_SIGNS: Final = {"+": "jia1", ".": "dian3", "%": "bai3 fen1 hao4", "&": "he2"}
_DIGITS: Final = ("ling2", "yi1", "er4", "san1", "si4", "wu3", "liu4", "qi1", "ba1", "jiu3")
_IN_CHARACTERS: Final = str.maketrans("0123456789+.", "零一二三四五六七八九加点")
_PLACES: Final = ("", "shi2", "bai3", "qian1")
#: Longer numbers are read digit by digit only.
_LONGEST_NUMBER: Final = 4
#: As Mandarin speakers say the letters; the recognizer hears them either as these or as letters.
_LETTERS: Final = {
    "A": "ei1", "B": "bi4", "C": "xi1", "D": "di4", "E": "yi4", "F": "ai2 fu2", "G": "ji4", "H": "ai2 chi2",
    "I": "ai4", "J": "zhei4", "K": "kei4", "L": "ai2 lou2", "M": "ai2 mu5", "N": "en1", "O": "ou1",
    "P": "pi4", "Q": "qiu1", "R": "a4", "S": "ai2 si5", "T": "ti4", "U": "you1", "V": "wei1",
    "W": "da2 bu5 liu5", "X": "ai2 ke5 si5", "Y": "wai4", "Z": "zei4",
}  # fmt: skip


class PronunciationError(ValueError):
    """A name cannot be pronounced; the message says why and what to write."""


#: For each syllable the toned syllables it may be, such as ("wen3",); more than one where no tone was given.
Reading = tuple[tuple[str, ...], ...]


@dataclass(frozen=True, slots=True)
class PronouncedWord:
    """A name and the ways to say it."""

    #: as people write it, and as it comes out in utterances
    text: str
    #: one to `MOST_READINGS` readings; the first is the usual one
    readings: tuple[Reading, ...]

    def __str__(self) -> str:
        """The name and its readings; a syllable with several tones is written without one."""
        return f"{self.text}  " + " / ".join(
            " ".join(place[0] if len(place) == 1 else without_tone(place[0]) for place in reading)
            for reading in self.readings
        )

    @property
    def spoken(self) -> str:
        """With digits and signs in characters, as a lexicon may know it: 固收+ is 固收加."""
        return self.text.upper().translate(_IN_CHARACTERS)


def pronounce(text: str, spelling: str | None = None) -> PronouncedWord:
    """The readings of a name.

    Args:
        text: hanzi, ASCII letters, digits and the signs + . % &; spaces, hyphens and quotes are silent.
        spelling: its pinyin, syllables parted by spaces; tones as digits ("wen3"), as marks ("wěn") or left
            out; letters may stand for themselves ("A gu3"). Without it pypinyin reads the hanzi.

    Raises:
        PronunciationError: a character without a reading, pinyin that is no Mandarin, or too much or too
            little of it.
    """
    if not set(text) - _SILENT:
        raise PronunciationError(f"{text} has nothing that is said; write the name's characters")
    if spelling is None:
        units = list(_units(text))
        ways = itertools.islice(itertools.product(*units), MOST_READINGS)
        return PronouncedWord(
            text, tuple(tuple((one,) for one in itertools.chain.from_iterable(way)) for way in ways)
        )
    syllables = spelling.split()
    _compare_lengths(text, len(syllables))
    usual = _usual_readings(text, len(syllables))
    return PronouncedWord(
        text, (tuple(_spelt(text, one, usual[place]) for place, one in enumerate(syllables)),)
    )


def _units(text: str) -> Iterator[list[tuple[str, ...]]]:
    """For each hanzi, number, letter or sign the ways to say it; silent characters are left out."""
    for match in _UNIT.finditer(text):
        if match["hanzi"]:
            for character, reading in zip(match["hanzi"], _read(match["hanzi"]), strict=True):
                if not is_syllable(reading):
                    raise PronunciationError(
                        f"{text}: no reading of {character} is known; write the name as a table with pinyin, "
                        f'such as {{ word = "{text}", pinyin = "..." }}'
                    )
                yield [(reading,)]
        elif match["number"]:
            yield _numbers(match["number"])
        elif match["letter"]:
            letter = match["letter"].upper()
            yield [(letter,), tuple(_LETTERS[letter].split())]
        elif match["other"] in _SIGNS:
            yield [tuple(_SIGNS[match["other"]].split())]
        elif match["other"] not in _SILENT:
            raise PronunciationError(
                f"{text}: {_named(match['other'])} cannot be pronounced; leave it out, or write the "
                "name with Chinese characters, letters A to Z and digits"
            )


def _read(hanzi: str) -> list[str]:
    """One toned syllable a character, heteronyms by phrase; the character itself where none is known."""
    return list(
        lazy_pinyin(hanzi, style=Style.TONE3, neutral_tone_with_five=True, v_to_u=False, errors=_as_it_is)
    )


def _as_it_is(hanzi: str) -> Any:
    return list(hanzi)


def _named(character: str) -> str:
    return f"{character!r} ({unicodedata.name(character, f'U+{ord(character):04X}').lower()})"


def _numbers(digits: str) -> list[tuple[str, ...]]:
    one_by_one = tuple(_DIGITS[int(digit)] for digit in digits)
    ways = [one_by_one]
    if 1 < len(digits) <= _LONGEST_NUMBER and digits[0] != "0":
        ways.insert(0, tuple(_cardinal(digits)))
    if "1" in digits and len(digits) > 2:
        ways.append(tuple("yao1" if digit == "1" else _DIGITS[int(digit)] for digit in digits))
    return ways


def _cardinal(digits: str) -> Iterator[str]:
    """300 is san bai, 105 is yi bai ling wu, 12 is shi er."""
    skipped = False
    for place, digit in zip(range(len(digits) - 1, -1, -1), digits, strict=True):
        if digit == "0":
            skipped = True
            continue
        if skipped:
            yield _DIGITS[0]
            skipped = False
        if not (digit == "1" and place == 1 and len(digits) == 2):
            yield _DIGITS[int(digit)]
        if place:
            yield _PLACES[place]


def _compare_lengths(text: str, syllables: int) -> None:
    hanzi = len(re.findall(_HANZI, text))
    others = len(re.sub(_HANZI, "", "".join(character for character in text if character not in _SILENT)))
    if not others and syllables != hanzi:
        raise PronunciationError(
            f"{text} has {hanzi} characters, but its pinyin has {syllables} of {hanzi} syllables; "
            "write one for each character, parted by spaces"
        )
    if not hanzi + bool(others) <= syllables <= hanzi + _LONGEST_LETTER * others:
        raise PronunciationError(
            f"{text}: {syllables} syllables of pinyin are too {'few' if syllables <= hanzi else 'many'} "
            "for it; write one for each character, and what is said for digits and letters"
        )


def _usual_readings(text: str, syllables: int) -> list[list[str]]:
    """The toned readings that each character can have, the phrase's own first.

    Nothing is said of the characters where the pinyin does not go with them one by one.
    """
    if not re.fullmatch(f"{_HANZI}+", text) or len(text) != syllables:
        return [[] for _ in range(syllables)]
    return [
        [
            own,
            *pinyin(character, style=Style.TONE3, heteronym=True, neutral_tone_with_five=True, v_to_u=False)[
                0
            ],
        ]
        for own, character in zip(_read(text), text, strict=True)
    ]


def _spelt(text: str, syllable: str, usual: list[str]) -> tuple[str, ...]:
    """The toned syllables that one syllable of a spelling may mean."""
    if re.fullmatch("[A-Z]", syllable):
        return (syllable,)
    plain = unicodedata.normalize("NFC", syllable.lower()).replace("u:", "ü")
    has_digit = plain[-1:].isdigit()
    toned = plain.replace("ü", "v") if has_digit else in_ascii(plain)
    if not is_syllable(toned):
        raise PronunciationError(
            f"{text}: {syllable} is no syllable of Mandarin; write pinyin such as wen3 jian4 "
            "(tones may be left out)"
        )
    base = without_tone(toned)
    if has_digit or base != plain.replace("ü", "v"):
        return (toned,)
    tones = dict.fromkeys(reading for reading in usual if without_tone(reading) == base)
    return tuple(tones) or tuple(base + tone for tone in "12345")
