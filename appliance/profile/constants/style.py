"""Communication style, and what a voice shows of it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from appliance.protocol.vocabulary import Signal, Style

#: Seconds of the customer's speech at which style confidence reaches 1 - 1/e = 0.63.
STYLE_SPEECH_SECONDS: Final = 25.0
#: The measured styles weigh confidence to this power, the uniform distribution the rest.
STYLE_MIX_EXPONENT: Final = 1.5
#: Evidence weight (seconds of speech or signals) that draws an index half way from 0 to its measure.
INDEX_PRIOR: Final = 4.0
#: The older half of an index's weight fades over this much newer weight, so that it follows the customer.
INDEX_MEMORY: Final = 60.0
#: Semitones from the 10th to the 90th percentile of pitch: middle and half-width of the population.
PITCH_RANGE_MIDDLE: Final = 6.0
PITCH_RANGE_SPAN: Final = 4.0
#: Semitones above the own baseline that count like a wide range.
PITCH_SHIFT_SPAN: Final = 4.0
#: How the pitch index is made of range and shift.
PITCH_RANGE_SHARE: Final = 0.7
PITCH_SHIFT_SHARE: Final = 0.3
#: Syllables a second of conversational Mandarin, pauses left out: middle and half-width.
TEMPO_MIDDLE: Final = 5.0
TEMPO_SPAN: Final = 2.0
#: How the emotion index is made of arousal and of the share of not-neutral.
AROUSAL_SHARE: Final = 0.6
FEELING_SHARE: Final = 0.4
#: Measures that tell less (tempo from words alone, loudness spread) weigh this much of their seconds.
INDIRECT_WEIGHT: Final = 0.5
#: dB of loudness spread: middle and half-width.
LOUDNESS_SPREAD_MIDDLE: Final = 7.0
LOUDNESS_SPREAD_SPAN: Final = 5.0
#: Syllables of an utterance: middle and half-width.
UTTERANCE_SYLLABLES_MIDDLE: Final = 9.0
UTTERANCE_SYLLABLES_SPAN: Final = 9.0
#: Where each style lies on (pitch, tempo, emotion, expression, focus); focus +1: the matter, -1: people.
STYLE_PROTOTYPES: Final[Mapping[Style, tuple[float, float, float, float, float]]] = {
    "tiger": (0.1, 0.5, 0.1, 0.1, 0.6),
    "peacock": (0.6, 0.4, 0.6, 0.7, -0.4),
    "koala": (-0.1, -0.5, -0.2, -0.2, -0.6),
    "owl": (-0.4, -0.3, -0.5, 0.1, 0.7),
    "chameleon": (0.0, 0.0, 0.0, 0.0, 0.0),
}
#: Softmax width: squared distance at which a style's odds fall by e.
STYLE_WIDTH: Final = 0.7
#: Everybody is a bit of a chameleon before much is known; this much log-odds is taken from it.
CHAMELEON_BIAS: Final = -0.35
#: What a word signal says directly about a style (log-odds each, saturating at twice that).
STYLE_VOTE: Final = 0.9
STYLE_VOTES: Final[Mapping[Signal, Style]] = {
    "decisive": "tiger",
    "expressive": "peacock",
    "gentle": "koala",
    "analytical": "owl",
}
#: Focus that a signal shows: the matter (+) or people (-).
FOCUS_SIGNALS: Final[Mapping[Signal, float]] = {
    "decisive": 0.9,
    "analytical": 1.0,
    "question_return": 0.7,
    "question_risk": 0.7,
    "question_fee": 0.8,
    "knows_product": 0.7,
    "purchase_intent": 0.5,
    "small_talk": -0.9,
    "praise": -0.8,
    "thanks": -0.5,
    "gentle": -0.8,
    "expressive": -0.6,
    "worry": -0.3,
}
#: Expression that a signal shows, open (+) or closed (-).
EXPRESSION_SIGNALS: Final[Mapping[Signal, float]] = {
    "expressive": 1.0,
    "disclosure": 0.7,
    "initiative": 0.6,
    "small_talk": 0.6,
    "praise": 0.5,
    "back_channel": -0.6,
    "refusal": -0.3,
}
#: Seconds of speech that one signal weighs as much as.
SIGNAL_SECONDS: Final = 3.0
#: Style confidence from which advice may lean on style (the schema says that below 0.3 nothing is claimed).
STYLE_CLAIMED: Final = 0.3

#: Readings before the customer's own baseline has settled this far make no evidence.
BASELINE_SETTLED: Final = 0.5
PITCH_SHIFT_SEMITONES: Final = 2.0
LIVELY_SEMITONES: Final = 9.0
FLAT_SEMITONES: Final = 2.5
FAST_RATIO: Final = 1.25
SLOW_RATIO: Final = 0.78
LOUDNESS_SHIFT_DB: Final = 4.0
#: The weight shown with voice evidence that serves style only.
VOICE_STYLE_WEIGHT: Final = 0.1
#: Emotion becomes evidence from this confidence, and again after this time.
EMOTION_CONFIDENCE: Final = 0.5
EMOTION_REPEAT_MS: Final = 15_000
