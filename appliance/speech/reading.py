"""How what a recognizer hears is read: syllables through the lexicon, characters as they are."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

from appliance.speech.hanzi import HanziDecoder
from appliance.speech.lexicon import Lexicon
from appliance.speech.pinyin import Syllable, join_tokens
from appliance.speech.streamingmodel import Hearing


@dataclass(frozen=True, slots=True)
class HeardWord:
    """A word of an utterance; times are milliseconds since its stream began."""

    text: str
    #: toned pinyin, such as ("yong4",); a spoken letter is itself
    pinyin: tuple[str, ...]
    start_ms: int
    end_ms: int
    #: 0..1
    confidence: float


class Reading(Protocol):
    """The reading of one utterance, which grows."""

    def hear(self, hearing: Hearing) -> None:
        """Take all that was heard since the utterance began."""

    def words(self, final: bool) -> list[HeardWord]:
        """The words so far: the best ones if the utterance is whole, else those that are likely to stay."""

    def confidences(self) -> Sequence[float]:
        """How sure each syllable or character was heard, 0..1."""


class PinyinReading:
    """Syllables become words by a search over the lexicon."""

    def __init__(self, lexicon: Lexicon) -> None:
        """Begin an utterance."""
        self._decoder = HanziDecoder(lexicon)
        self._syllables: list[Syllable] = []

    def hear(self, hearing: Hearing) -> None:
        """Join initials and finals."""
        self._syllables = join_tokens(
            hearing.tokens,
            hearing.times,
            hearing.log_probabilities,
            hearing.alternatives,
            hearing.margins,
        )

    def words(self, final: bool) -> list[HeardWord]:
        """The best words, or those that no close rival reads otherwise."""
        found = []
        for word in self._decoder.decode(self._syllables, final):
            syllables = self._syllables[word.first : word.last]
            sure = geometric_mean([syllable.confidence for syllable in syllables])
            found.append(
                HeardWord(word.text, word.reading, syllables[0].start_ms, syllables[-1].end_ms, sure)
            )
        return found

    def confidences(self) -> Sequence[float]:
        """Of each syllable."""
        return [syllable.confidence for syllable in self._syllables]


def geometric_mean(confidences: Sequence[float]) -> float:
    """One doubtful syllable makes a word doubtful."""
    return math.exp(sum(math.log(max(value, 1e-6)) for value in confidences) / len(confidences))
