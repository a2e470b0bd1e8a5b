"""What the affect room hands on about the customer's voice."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

EmotionLabel = Literal["angry", "happy", "neutral", "sad", "uncertain"]


@dataclass(frozen=True, slots=True)
class VoiceReading:
    """Prosody of one utterance of the customer, relative to the customer's own baseline."""

    start_ms: int
    end_ms: int
    #: median fundamental in Hz; 0 where nothing was voiced
    pitch_hz: float
    #: semitones above (below) the customer's baseline
    pitch_shift: float
    #: 10th to 90th percentile of pitch, semitones
    pitch_range: float
    #: semitones a second over the voiced part
    pitch_slope: float
    #: dB above (below) the customer's baseline
    loudness_shift: float
    #: standard deviation of frame loudness over speech, dB
    loudness_spread: float
    #: share of speech frames that are voiced, 0..1
    voiced: float
    #: syllables a second of speech, pauses left out
    tempo: float
    #: ratio of tempo to the customer's baseline
    tempo_ratio: float
    #: milliseconds of pauses inside the utterance
    pauses_ms: int
    #: 0 (nothing heard yet) .. 1 (the baseline has settled)
    baseline_confidence: float
    #: how far range, slope, spread and the share of pauses lie from the customer's usual ones, in their units
    range_shift: float = 0.0
    slope_shift: float = 0.0
    spread_shift: float = 0.0
    pauses_shift: float = 0.0


@dataclass(frozen=True, slots=True)
class EmotionReading:
    """The smoothed emotion of the customer at one time."""

    at_ms: int
    label: EmotionLabel
    #: calibrated probability of the label, 0..1
    confidence: float
    #: angry, happy, neutral, sad; sums to 1
    probabilities: Mapping[str, float]
    #: -1..1
    valence: float
    arousal: float
    #: a negative emotion has lasted long enough to say so
    alert: bool
