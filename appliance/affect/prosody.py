"""One utterance in numbers: pitch, loudness, tempo and pauses, compared with the customer's baseline."""

from __future__ import annotations

from typing import Final

import numpy as np
from numpy.typing import NDArray

from appliance.affect.baseline import Baseline, Manner
from appliance.affect.features import Floats, quantile, speech_frames
from appliance.affect.frames import Frames
from appliance.affect.readings import VoiceReading

#: silence inside an utterance counts as a pause from here; closures of plosives are shorter
PAUSE_MS: Final = 150
#: with less speech than this nothing is described
LEAST_SPEECH_FRAMES: Final = 15
#: with fewer voiced frames than this the pitch is unknown
LEAST_VOICED_FRAMES: Final = 8


def describe(
    times: NDArray[np.int64],
    frames: Frames,
    span: tuple[int, int],
    syllables: int,
    baseline: Baseline,
) -> VoiceReading | None:
    """Describe the frames of one utterance and let the baseline learn from it.

    The utterance is compared with what the baseline knew before; the first one is compared with itself.

    Args:
        times: when each frame begins, ms, shape (n,).
        frames: the frames, n of them.
        span: start and end of the utterance, ms.
        syllables: how many the recognizer heard.
        baseline: changed.

    Returns:
        The reading, or None where there was too little speech.
    """
    speech = speech_frames(frames.energy)
    if int(speech.sum()) < LEAST_SPEECH_FRAMES:
        return None
    places = np.flatnonzero(speech)
    gaps = np.diff(times[places]) - 10
    pauses_ms = int(gaps[gaps >= PAUSE_MS].sum())
    seconds = max(0.01, (int(times[places[-1]] - times[places[0]]) + 10 - pauses_ms) / 1000)
    tempo = syllables / seconds
    spoken = frames.at(places)
    voiced = _without_outliers(spoken.pitch)
    known = int(voiced.sum()) >= LEAST_VOICED_FRAMES
    pitch = spoken.pitch[voiced] if known else np.zeros(0, np.float32)
    pitch_hz = quantile(pitch, 0.5) if known else 0.0
    loudness = quantile(spoken.energy, 0.5)
    extent, slope = _contour(times[places][voiced], pitch) if known else (0.0, 0.0)
    spread = float(spoken.energy.std())
    manner = Manner(extent, slope, spread, pauses_ms / (pauses_ms + 1000 * seconds))
    first = baseline.confidence == 0.0
    if first:
        baseline.learn_manner(manner, seconds)
        baseline.learn(pitch, spoken.energy, spoken.mel, syllables, seconds)
    shift = baseline.shift(pitch_hz, loudness, tempo)
    away = baseline.manner_shift(manner)
    if not first:
        baseline.learn_manner(manner, seconds)
        baseline.learn(pitch, spoken.energy, spoken.mel, syllables, seconds)
    return VoiceReading(
        start_ms=span[0],
        end_ms=span[1],
        pitch_hz=pitch_hz,
        pitch_shift=shift.pitch,
        pitch_range=extent,
        pitch_slope=slope,
        loudness_shift=shift.loudness,
        loudness_spread=spread,
        voiced=float((spoken.pitch > 0).mean()),
        tempo=tempo,
        tempo_ratio=shift.tempo,
        pauses_ms=pauses_ms,
        baseline_confidence=baseline.confidence,
        range_shift=away.pitch_range,
        slope_shift=away.pitch_slope,
        spread_shift=away.loudness_spread,
        pauses_shift=away.pauses,
    )


def learn_recording(baseline: Baseline, frames: Frames) -> None:
    """Let a baseline learn from a recording of which no words are known."""
    spoken = frames.at(speech_frames(frames.energy))
    if len(spoken) >= LEAST_SPEECH_FRAMES:
        pitch = spoken.pitch[_without_outliers(spoken.pitch)]
        baseline.learn(pitch, spoken.energy, spoken.mel, 0, 0.0)


def _without_outliers(pitch: Floats) -> NDArray[np.bool_]:
    """Voiced frames within ten semitones of the middle; what is farther off is an octave error."""
    voiced = pitch > 0
    if not voiced.any():
        return voiced
    middle = quantile(pitch[voiced], 0.5)
    away = np.zeros(len(pitch))
    away[voiced] = 12 * np.abs(np.log2(pitch[voiced] / middle))
    return np.asarray(voiced & (away <= 10), np.bool_)


def _contour(times: NDArray[np.int64], pitch: Floats) -> tuple[float, float]:
    """The 10th to 90th percentile range in semitones, and the slope of a line, semitones a second."""
    semitones = np.asarray(12.0 * np.log2(pitch), np.float32)
    low, high = quantile(semitones, 0.1), quantile(semitones, 0.9)
    seconds = (times - times.mean()) / 1000
    spread = float((seconds**2).sum())
    slope = float((seconds * (semitones - semitones.mean())).sum()) / spread if spread > 0 else 0.0
    return high - low, slope
