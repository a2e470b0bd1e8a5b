"""Toned pinyin syllables: what the recognizer's tokens spell, and which syllables Mandarin has.

A syllable is written in ASCII with its tone behind it, such as "yong4", "lv4" (ü is v) or "de5" (the
neutral tone is 5). Spoken Latin letters, as in "A股", are syllables of one capital letter without a tone.
"""

from __future__ import annotations

import math
import unicodedata
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

#: Combining marks of the four tones (GB/T 16159, Unicode names MACRON, ACUTE, CARON, GRAVE).
_TONE_MARKS: Final = {"\u0304": "1", "\u0301": "2", "\u030c": "3", "\u0300": "4"}

#: Longest first, so that "zh" is found before "z".
INITIALS: Final = ("zh", "ch", "sh", *"bpmfdtnlgkhjqxrzcsyw")

_OPEN: Final = "a ai an ang ao e ei en eng ou u ui un uo"
_FINALS_OF: Final = {
    "zh": f"{_OPEN} i ong ua uai uan uang",
    "ch": "a ai an ang ao e en eng i ong ou u ua uai uan uang ui un uo",
    "sh": "a ai an ang ao e ei en eng i ou u ua uai uan uang ui un uo",
    "b": "a ai an ang ao ei en eng i ian iao ie in ing o u",
    "p": "a ai an ang ao ei en eng i ian iao ie in ing o ou u",
    "m": "a ai an ang ao e ei en eng i ian iao ie in ing iu o ou u",
    "f": "a an ang ei en eng o ou u",
    "d": f"{_OPEN} i ia ian iao ie ing iu ong uan",
    "t": "a ai an ang ao e ei eng i ian iao ie ing ong ou u uan ui un uo",
    "n": "a ai an ang ao e ei en eng i ian iang iao ie in ing iu ong ou u uan un uo v ve",
    "l": "a ai an ang ao e ei eng i ia ian iang iao ie in ing iu o ong ou u uan un uo v ve",
    "g": "a ai an ang ao e ei en eng ong ou u ua uai uan uang ui un uo",
    "k": "a ai an ang ao e ei en eng ong ou u ua uai uan uang ui un uo",
    "h": "a ai an ang ao e ei en eng ong ou u ua uai uan uang ui un uo",
    "j": "i ia ian iang iao ie in ing iong iu u uan ue un",
    "q": "i ia ian iang iao ie in ing iong iu u uan ue un",
    "x": "i ia ian iang iao ie in ing iong iu u uan ue un",
    "r": "an ang ao e en eng i ong ou u ua uan ui un uo",
    "z": f"{_OPEN} i ong uan",
    "c": "a ai an ang ao e en eng i ong ou u uan ui un uo",
    "s": "a ai an ang ao e en eng i ong ou u uan ui un uo",
    "y": "a an ang ao e i in ing o ong ou u uan ue un",
    "w": "a ai an ang ei en eng o u",
    "": "a ai an ang ao e ei en eng er o ou n ng m",
}

#: Every tone-less syllable of Mandarin, in ASCII spelling.
BASES: Final = frozenset(
    initial + final for initial, finals in _FINALS_OF.items() for final in finals.split()
)

#: The longest a syllable is taken to last after its last token; slow readers stay below it.
LONGEST_TAIL_MS: Final = 280
#: A token is emitted about this long after its sound began; measured on aligned read speech.
_EMISSION_DELAY_MS: Final = 40


@dataclass(frozen=True, slots=True)
class Syllable:
    """A heard syllable."""

    #: such as "yong4"
    text: str
    #: milliseconds since the recognizer's stream began
    start_ms: int
    end_ms: int
    #: probability that the recognizer gave the initial and the toned final, 0..1; where there is no
    #: initial both are the final's
    initial_confidence: float
    final_confidence: float
    #: what else initial and final may have been: tokens with the natural logarithms of their probabilities,
    #: the heard ones included; None where there is no initial, or nobody tells
    initial_rivals: Mapping[str, float] | None = None
    final_rivals: Mapping[str, float] | None = None
    #: by how many nats the syllable is likelier than that nothing was said there; None where nobody tells
    margin: float | None = None

    @property
    def confidence(self) -> float:
        """The geometric mean of both, 0..1."""
        return math.sqrt(self.initial_confidence * self.final_confidence)


def split(syllable: str) -> tuple[str, str, str]:
    """Initial, final and tone: "zhong1" is ("zh", "ong", "1"); a spoken letter is ("", "A", "")."""
    tone = syllable[-1:] if syllable[-1:].isdigit() else ""
    base = syllable[: len(syllable) - len(tone)]
    for initial in INITIALS:
        if base.startswith(initial) and len(base) > len(initial):
            return initial, base[len(initial) :], tone
    return "", base, tone


def without_tone(syllable: str) -> str:
    """The tone-less syllable: "yong4" is "yong"."""
    return syllable.rstrip("12345")


def is_syllable(text: str) -> bool:
    """Whether this is a toned Mandarin syllable, such as "yong4", or a spoken capital letter."""
    if len(text) == 1:
        return text.isascii() and text.isupper()
    return text[-1:] in {"1", "2", "3", "4", "5"} and text[:-1] in BASES


def in_ascii(marked: str) -> str:
    """Pinyin with tone marks as ASCII with a tone number: "yòng" is "yong4", "lǜ" is "lv4", "de" is "de5"."""
    tone = "5"
    letters = []
    for character in unicodedata.normalize("NFD", marked):
        if character in _TONE_MARKS:
            tone = _TONE_MARKS[character]
        else:
            letters.append(character)
    return unicodedata.normalize("NFC", "".join(letters)).replace("ü", "v") + tone


def join_tokens(
    tokens: Sequence[str],
    times: Sequence[float],
    log_probabilities: Sequence[float],
    alternatives: Sequence[Mapping[str, float]] = (),
    margins: Sequence[float] = (),
) -> list[Syllable]:
    """Joins initials and toned finals to syllables.

    Args:
        tokens: initials ("zh"), finals with tone marks ("ōng") and capital letters, as recognized.
        times: seconds since the stream began, one a token, not falling.
        log_probabilities: natural logarithms, one a token; shorter where the search gives none.
        alternatives: what else each token may have been, with natural logarithms; shorter likewise.
        margins: by how much each is likelier than silence, as natural logarithms; shorter likewise.

    Returns:
        Syllables in order; tokens that spell no Mandarin syllable (an initial alone, a final that does not
        go with its initial) are left out.
    """
    result: list[Syllable] = []
    initial: int | None = None
    starts: list[tuple[int, int, str]] = []
    for index, token in enumerate(tokens):
        if token in INITIALS:
            initial = index
            continue
        first = index if initial is None else initial
        letter = len(token) == 1 and token.isascii() and token.isupper()
        text = token if letter else in_ascii(("" if initial is None else tokens[initial]) + token)
        initial = None
        if not is_syllable(text):
            continue
        starts.append((first, index, text))
    for position, (first, index, text) in enumerate(starts):
        start, end = milliseconds(times[first]), milliseconds(times[index]) + LONGEST_TAIL_MS
        if position + 1 < len(starts):
            end = max(start, min(end, milliseconds(times[starts[position + 1][0]])))
        one, other = (probability(log_probabilities, place) for place in (first, index))
        rivals = [alternatives[place] if place < len(alternatives) else None for place in (first, index)]
        margin = sum(margins[first : index + 1]) if index < len(margins) else None
        before = rivals[0] if first < index else None
        result.append(Syllable(text, start, end, one, other, before, rivals[1], margin))
    return result


def probability(log_probabilities: Sequence[float], place: int) -> float:
    """The probability of a token, 0..1; 1 where the search gives none."""
    return min(1.0, math.exp(log_probabilities[place])) if place < len(log_probabilities) else 1.0


def milliseconds(seconds: float) -> int:
    """When the sound of a token began that was emitted at `seconds`."""
    return max(0, round(seconds * 1000) - _EMISSION_DELAY_MS)
