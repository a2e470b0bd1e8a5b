"""What the recognizer hands on: speech spans and utterances of one leg."""

from __future__ import annotations

from dataclasses import dataclass

from appliance.telephony.audioblock import Leg


@dataclass(frozen=True, slots=True)
class Word:
    """A word with its time in the call."""

    text: str
    start_ms: int
    end_ms: int
    #: 0..1
    confidence: float


@dataclass(frozen=True, slots=True)
class Utterance:
    """One utterance of one leg, growing (`final` false) or whole."""

    leg: Leg
    #: counts the utterances of this leg from 0; all partials of an utterance share it
    number: int
    #: milliseconds since the call began
    start_ms: int
    end_ms: int
    #: characters, numbers as they were spoken (normalisation is the language room's work)
    text: str
    #: one toned syllable each, such as "yong4"; the neutral tone is 5
    pinyin: tuple[str, ...]
    words: tuple[Word, ...]
    #: 0..1
    confidence: float
    final: bool


@dataclass(frozen=True, slots=True)
class SpeechStarted:
    """The leg's voice activity began."""

    leg: Leg
    at_ms: int


@dataclass(frozen=True, slots=True)
class SpeechEnded:
    """The leg's voice activity ended at `at_ms` (the hang-over is not counted)."""

    leg: Leg
    at_ms: int


SpeechEvent = SpeechStarted | SpeechEnded | Utterance
