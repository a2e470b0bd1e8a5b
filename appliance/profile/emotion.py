"""Emotion and voice as evidence: what the affect room measured, turned into codes."""

from __future__ import annotations

from appliance.affect.readings import EmotionReading, VoiceReading
from appliance.profile import constants as c
from appliance.profile.grid import clamp, fraction
from appliance.protocol.messages import EmotionState
from appliance.protocol.vocabulary import Emotion

#: What a profile says while no emotion was read (none heard yet, or switched off by policy).
UNKNOWN = EmotionState(label="uncertain", confidence=0.0, valence=0.0, arousal=0.0, alert=False)


class CustomerEmotion:
    """The customer's emotion now."""

    def __init__(self) -> None:
        self._state = UNKNOWN
        self._evident: Emotion = "neutral"
        self._evident_at: int | None = None

    @property
    def label(self) -> Emotion:
        """The label of the last reading."""
        return self._state.label

    @property
    def confidence(self) -> float:
        """Of the label, 0..1."""
        return self._state.confidence

    @property
    def angry(self) -> bool:
        """Surely angry now."""
        return self.label == "angry" and self.confidence >= c.EMOTION_CONFIDENCE

    @property
    def state(self) -> EmotionState:
        """The part of the profile."""
        return self._state

    def read(self, reading: EmotionReading) -> tuple[str | None, bool]:
        """Take a reading; returns the evidence code that it makes, if any, and whether an alert has begun."""
        alarmed = reading.alert and not self._state.alert
        self._state = EmotionState(
            label=reading.label,
            confidence=fraction(clamp(reading.confidence, 0.0, 1.0)),
            valence=fraction(clamp(reading.valence, -1.0, 1.0)),
            arousal=fraction(clamp(reading.arousal, -1.0, 1.0)),
            alert=reading.alert,
        )
        if reading.label == "uncertain" or reading.confidence < c.EMOTION_CONFIDENCE:
            return None, alarmed
        again = self._evident_at is None or reading.at_ms - self._evident_at >= c.EMOTION_REPEAT_MS
        if reading.label == self._evident and (reading.label == "neutral" or not again):
            return None, alarmed
        self._evident, self._evident_at = reading.label, reading.at_ms
        return f"voice.{reading.label}", alarmed


def voice_codes(voice: VoiceReading) -> list[str]:
    """Evidence codes that one utterance's prosody makes; none before the customer's baseline has settled."""
    if voice.baseline_confidence < c.BASELINE_SETTLED:
        return []
    codes = []
    if voice.pitch_hz > 0.0:
        if abs(voice.pitch_shift) >= c.PITCH_SHIFT_SEMITONES:
            codes.append("voice.pitch_up" if voice.pitch_shift > 0 else "voice.pitch_down")
        if voice.pitch_range >= c.LIVELY_SEMITONES:
            codes.append("voice.lively")
        elif 0.0 < voice.pitch_range <= c.FLAT_SEMITONES:
            codes.append("voice.flat")
    if voice.tempo > 0.0:
        if voice.tempo_ratio >= c.FAST_RATIO:
            codes.append("voice.fast")
        elif 0.0 < voice.tempo_ratio <= c.SLOW_RATIO:
            codes.append("voice.slow")
    if abs(voice.loudness_shift) >= c.LOUDNESS_SHIFT_DB:
        codes.append("voice.louder" if voice.loudness_shift > 0 else "voice.quieter")
    return codes
