"""Other trackers on the same telephone recordings: what the model must not be worse than."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import soundfile

from appliance.affect.features import HOP, RATE, Floats
from appliance.affect.frames import measure
from appliance.affect.pitch import AutocorrelationTracker
from appliance.affect.scores import PitchErrors, pitch_errors, pitch_from_marks
from appliance.telephony.band import telephone_band
from tools.train.prosodies import teacher
from tools.train.prosodies.corpus import MARKS_RATE, Item

Samples = np.ndarray


def _autocorrelation(samples: Samples, _: int) -> Floats:
    return measure([samples], AutocorrelationTracker())[0].pitch


TRACKERS: dict[str, Callable[[Samples, int], Floats]] = {
    "autocorrelation (`--model autocorrelation`)": _autocorrelation,
    "Praat, autocorrelation (parselmouth 0.4.7)": lambda samples, frames: teacher.praat(
        samples / 32768.0, RATE, frames
    ),
    "WORLD, DIO and StoneMask (pyworld 0.3.5)": lambda samples, frames: teacher.world(
        samples / 32768.0, RATE, frames
    ),
}


def compare(items: list[Item]) -> dict[str, dict[str, list[PitchErrors]]]:
    """Errors of each recording by tracker and speaker, through the telephone band."""
    speakers = sorted({item.speaker for item in items})
    found: dict[str, dict[str, list[PitchErrors]]] = {name: {s: [] for s in speakers} for name in TRACKERS}
    for item in items:
        assert item.marks is not None
        narrow = telephone_band(*soundfile.read(item.path, dtype="int16"))
        frames = len(narrow) // HOP
        reference = pitch_from_marks(np.fromfile(item.marks, "<i4"), MARKS_RATE, frames)
        for name, tracker in TRACKERS.items():
            found[name][item.speaker].append(pitch_errors(tracker(narrow, frames), reference))
    return found
