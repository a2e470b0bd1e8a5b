"""What the emotion model looks at: a window of speech, pauses left out, as a picture of 128 by 48.

The first channels are the window by itself, the rest is how it differs from the customer's own normal voice
(`baseline.Normal`); where that is not known yet, the rest is 0.
"""

from __future__ import annotations

from typing import Final

import numpy as np

from appliance.affect.baseline import Normal
from appliance.affect.features import MEL_BANDS, Floats, quantile, speech_frames
from appliance.affect.frames import Frames

#: 2.56 s of speech
WINDOW_FRAMES: Final = 256
#: fewer frames of speech than this say nothing: 0.8 s
LEAST_FRAMES: Final = 80
#: pairs of frames are averaged
STEPS: Final = WINDOW_FRAMES // 2
#: log-mel, energy, voicing, pitch, pitch against the window's middle, movement of pitch
_OWN: Final = MEL_BANDS + 5
#: against the normal voice: groups of mel bands, energy, pitch, and how surely the normal voice is known
GROUPS: Final = 8
_AGAINST_NORMAL: Final = GROUPS + 3
CHANNELS: Final = _OWN + _AGAINST_NORMAL
#: pauses up to this many frames belong to the way somebody speaks and stay in the window
PAUSE_FRAMES: Final = 20
#: the pitch that counts as 0; between low and high voices
_MIDDLE_HZ: Final = 180.0
_LIMIT: Final = 4.0


def speech_only(frames: Frames) -> Frames:
    """The frames of speech, with pauses of up to 200 ms."""
    return frames.at(speech_frames(frames.energy, PAUSE_FRAMES))


def windows(frames: Frames, normal: Normal | None = None, hop: int = 50) -> Floats:
    """Pictures of a whole recording, shape (w, STEPS, 1, CHANNELS), every `hop` frames of its speech.

    A recording with less speech than a window gives one; with less than LEAST_FRAMES none.
    """
    speech = speech_only(frames)
    if len(speech) < LEAST_FRAMES:
        return np.zeros((0, STEPS, 1, CHANNELS), np.float32)
    starts = range(0, max(1, len(speech) - WINDOW_FRAMES + 1), hop)
    return np.stack([picture(speech.at(slice(start, start + WINDOW_FRAMES)), normal) for start in starts])


def picture(speech: Frames, normal: Normal | None = None) -> Floats:
    """The model's input, shape (STEPS, 1, CHANNELS), of LEAST_FRAMES to WINDOW_FRAMES frames of speech.

    A shorter stretch is repeated until it fills the window. Levels, of each band too, are relative to the
    window's own or to the speaker's normal ones, so that neither the gain nor the tone of a line matters.
    """
    level = speech.energy.mean()
    bands = speech.mel.mean(axis=0)
    voiced = speech.pitch > 0
    semitones = np.zeros(len(speech), np.float32)
    semitones[voiced] = 12.0 * np.log2(speech.pitch[voiced] / _MIDDLE_HZ)
    middle = quantile(semitones[voiced], 0.5) if voiced.any() else None
    moves = np.zeros(len(speech), np.float32)
    both = voiced[1:] & voiced[:-1]
    moves[1:][both] = np.diff(semitones)[both]

    def paired(values: Floats) -> Floats:
        filled = values
        if len(values) < WINDOW_FRAMES:
            filled = values[np.arange(WINDOW_FRAMES) % len(values)]
        return (filled[0::2] + filled[1::2]) * np.float32(0.5)

    out = np.empty((STEPS, CHANNELS), np.float32)
    out[:, :MEL_BANDS] = (paired(speech.mel) - bands) / np.float32(12.0)
    out[:, MEL_BANDS] = (paired(speech.energy) - level) / 8.0
    out[:, MEL_BANDS + 1] = paired(speech.periodicity) * 4.0 - 2.0
    out[:, MEL_BANDS + 2] = paired(semitones) / 6.0
    out[:, MEL_BANDS + 3] = paired((semitones - np.float32(middle or 0.0)) * voiced) / 3.0
    out[:, MEL_BANDS + 4] = paired(moves) * 2.0
    out[:, _OWN:] = _against(bands, level, middle, normal)
    return np.clip(out, -_LIMIT, _LIMIT, out=out)[:, None, :]


def _against(bands: Floats, level: np.float32, middle: float | None, normal: Normal | None) -> Floats:
    """How the window differs from the normal voice, shape (_AGAINST_NORMAL,); less where it is less sure."""
    out = np.zeros(_AGAINST_NORMAL, np.float32)
    if normal is None or normal.confidence <= 0.0:
        return out
    out[:GROUPS] = (bands - normal.mel).reshape(GROUPS, -1).mean(axis=1) / 4.0
    out[GROUPS] = (float(level) - normal.energy) / 4.0
    if middle is not None and normal.pitch_hz > 0:
        out[GROUPS + 1] = (middle - 12.0 * np.log2(normal.pitch_hz / _MIDDLE_HZ)) / 2.0
    out *= np.float32(normal.confidence)
    out[GROUPS + 2] = 2.0 * normal.confidence
    return out
