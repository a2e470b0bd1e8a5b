"""Style: five indices measured from voice and words, and the probabilities of the five PDP styles.

Each index is a weighted mean drawn towards 0 by a prior, so that little speech claims little. A style's
odds fall with the squared distance of the indices to its prototype; words that speak for a style directly
add votes. Everything is mixed with the uniform distribution by style confidence.
"""

from __future__ import annotations

import math
from collections.abc import Iterable
from typing import Final, get_args

from appliance.affect.readings import EmotionReading, VoiceReading
from appliance.language.findings import SignalFinding
from appliance.profile import constants as c
from appliance.profile.grid import clamp, fraction
from appliance.protocol.messages import StyleIndices, StyleProbabilities
from appliance.protocol.vocabulary import Style
from appliance.speech.utterance import Utterance

STYLES: Final[tuple[Style, ...]] = get_args(Style)
INDICES: Final = ("pitch", "tempo", "emotion", "expression", "focus")


class _Index:
    """A weighted mean on -1..1 that follows the customer and starts at 0."""

    def __init__(self) -> None:
        self._sum = 0.0
        self._weight = 0.0

    @property
    def value(self) -> float:
        return self._sum / (self._weight + c.INDEX_PRIOR)

    def add(self, measure: float, weight: float) -> None:
        if not (math.isfinite(measure) and math.isfinite(weight)) or weight <= 0.0:
            return
        kept = 0.5 ** (weight / c.INDEX_MEMORY)
        self._sum = self._sum * kept + clamp(measure, -1.0, 1.0) * weight
        self._weight = self._weight * kept + weight


class StyleState:
    """The customer's style, from all that was heard so far."""

    def __init__(self) -> None:
        self._indices = {name: _Index() for name in INDICES}
        self._votes: dict[Style, float] = dict.fromkeys(STYLES, 0.0)
        self._speech_seconds = 0.0

    @property
    def confidence(self) -> float:
        """0..1, from seconds of the customer's speech alone."""
        return -math.expm1(-self._speech_seconds / c.STYLE_SPEECH_SECONDS)

    @property
    def indices(self) -> dict[str, float]:
        """The five indices, -1..1 each."""
        return {name: index.value for name, index in self._indices.items()}

    def utterance(
        self, utterance: Utterance, voice: VoiceReading | None, signals: Iterable[SignalFinding]
    ) -> None:
        """Take one whole utterance of the customer."""
        seconds = clamp((utterance.end_ms - utterance.start_ms) / 1000.0, 0.0, 60.0)
        self._speech_seconds += seconds
        syllables = len(utterance.pinyin)
        if syllables:
            length = (syllables - c.UTTERANCE_SYLLABLES_MIDDLE) / c.UTTERANCE_SYLLABLES_SPAN
            self._indices["expression"].add(length, seconds)
        if voice is not None:
            self._voice(voice, seconds)
        elif syllables and seconds > 0.0:
            # pauses are inside here, so this tells less than a measured tempo
            self._indices["tempo"].add(
                (syllables / seconds - c.TEMPO_MIDDLE) / c.TEMPO_SPAN, seconds * c.INDIRECT_WEIGHT
            )
        for signal in signals:
            self._signal(signal)

    def emotion(self, reading: EmotionReading) -> None:
        """Take one emotion reading: how much feeling is shown, whichever it is."""
        feeling = 1.0 - 2.0 * clamp(reading.probabilities.get("neutral", 0.5), 0.0, 1.0)
        arousal = clamp(reading.arousal, -1.0, 1.0)
        self._indices["emotion"].add(c.AROUSAL_SHARE * arousal + c.FEELING_SHARE * feeling, 1.0)

    def probabilities(self) -> dict[Style, float]:
        """One probability a style; they sum to 1."""
        point = [self._indices[name].value for name in INDICES]
        odds: dict[Style, float] = {}
        for style in STYLES:
            prototype = c.STYLE_PROTOTYPES[style]
            distance = sum((a - b) ** 2 for a, b in zip(point, prototype, strict=True))
            votes = 2.0 * c.STYLE_VOTE * math.tanh(self._votes[style] / 2.0)
            bias = c.CHAMELEON_BIAS if style == "chameleon" else 0.0
            odds[style] = math.exp(votes + bias - distance / c.STYLE_WIDTH)
        total = sum(odds.values())
        sure = math.pow(self.confidence, c.STYLE_MIX_EXPONENT)
        return {style: sure * odds[style] / total + (1.0 - sure) / len(STYLES) for style in STYLES}

    def probabilities_reading(self) -> StyleProbabilities:
        """The part of the profile; rounding is mended on the largest so that the sum stays 1."""
        rounded = {style: fraction(value) for style, value in self.probabilities().items()}
        largest = max(rounded, key=lambda style: rounded[style])
        rounded[largest] = fraction(rounded[largest] + 1.0 - sum(rounded.values()))
        return StyleProbabilities(**rounded)

    def indices_reading(self) -> StyleIndices:
        """The part of the profile."""
        return StyleIndices(**{name: fraction(value) for name, value in self.indices.items()})

    def _voice(self, voice: VoiceReading, seconds: float) -> None:
        if voice.pitch_hz > 0.0:
            spread = (voice.pitch_range - c.PITCH_RANGE_MIDDLE) / c.PITCH_RANGE_SPAN
            raised = voice.pitch_shift / c.PITCH_SHIFT_SPAN * clamp(voice.baseline_confidence, 0.0, 1.0)
            self._indices["pitch"].add(c.PITCH_RANGE_SHARE * spread + c.PITCH_SHIFT_SHARE * raised, seconds)
        if voice.tempo > 0.0:
            self._indices["tempo"].add((voice.tempo - c.TEMPO_MIDDLE) / c.TEMPO_SPAN, seconds)
        liveliness = (voice.loudness_spread - c.LOUDNESS_SPREAD_MIDDLE) / c.LOUDNESS_SPREAD_SPAN
        self._indices["emotion"].add(liveliness, seconds * c.INDIRECT_WEIGHT)

    def _signal(self, signal: SignalFinding) -> None:
        confidence = clamp(signal.confidence, 0.0, 1.0)
        weight = confidence * c.SIGNAL_SECONDS
        if signal.code in c.FOCUS_SIGNALS:
            self._indices["focus"].add(c.FOCUS_SIGNALS[signal.code], weight)
        if signal.code in c.EXPRESSION_SIGNALS:
            self._indices["expression"].add(c.EXPRESSION_SIGNALS[signal.code], weight)
        if signal.code in c.STYLE_VOTES:
            self._votes[c.STYLE_VOTES[signal.code]] += confidence
