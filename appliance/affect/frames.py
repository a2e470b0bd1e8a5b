"""The measured frames of a stretch of speech, and how a whole recording is measured at once."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, fields

import numpy as np
from numpy.typing import NDArray

from appliance.affect import features
from appliance.affect.features import CHUNK, HOP, Floats, Framer
from appliance.affect.pitch import PitchTracker


@dataclass(frozen=True, slots=True)
class Frames:
    """What was measured in successive frames of 10 ms; all arrays have the same first dimension."""

    #: dB below full scale, shape (n, MEL_BANDS)
    mel: Floats
    #: dB below full scale, shape (n,)
    energy: Floats
    #: share of samples at the codec's stop, 0..1, shape (n,)
    clipped: Floats
    #: share of samples that are concealment for lost packets, 0..1, shape (n,)
    lost: Floats
    #: Hz, 0 where unvoiced, shape (n,)
    pitch: Floats
    #: 0 (unvoiced) .. 1 (a perfect period), shape (n,)
    periodicity: Floats

    def __len__(self) -> int:
        return len(self.energy)

    def at(self, chosen: NDArray[np.bool_] | NDArray[np.intp] | slice) -> Frames:
        """Some of the frames."""
        if isinstance(chosen, np.ndarray) and chosen.dtype == np.bool_:
            # looked through once, and not once an array
            chosen = np.flatnonzero(chosen)
        return Frames(*(getattr(self, name.name)[chosen] for name in fields(self)))


def join(parts: Sequence[Frames]) -> Frames:
    """Stretches one after the other; at least one is needed."""
    return Frames(*(np.concatenate([getattr(p, name.name) for p in parts]) for name in fields(Frames)))


def measure(recordings: Sequence[NDArray[np.int16]], tracker: PitchTracker) -> list[Frames]:
    """Measure whole recordings, int16 at 8 kHz; they run side by side, so give some of similar length."""
    counts = [len(recording) // HOP for recording in recordings]
    if not counts or max(counts) == 0:
        return [_empty() for _ in recordings]
    # one chunk more, because a chunk's pitch is decided when the next has come
    chunks = -(-max(counts) // CHUNK) + 1
    framers = [Framer() for _ in recordings]
    states = [tracker.open() for _ in recordings]
    parts: list[list[Floats]] = [[] for _ in range(6)]
    padded = [np.pad(r, (0, (chunks + 1) * CHUNK * HOP - len(r))) for r in recordings]
    step = CHUNK * HOP
    # a frame reaches beyond its own 10 ms, so the framer stays one piece of audio ahead
    for framer, samples in zip(framers, padded, strict=True):
        framer.push(samples[:step])
    for chunk in range(chunks):
        for framer, samples in zip(framers, padded, strict=True):
            framer.push(samples[(chunk + 1) * step : (chunk + 2) * step])
        taken = [framer.take() for framer in framers]
        frames = np.stack([one for one, _ in taken])
        energy = features.energy_db(frames)
        measured = (
            features.log_mel(frames),
            energy,
            features.clipped(frames),
            np.stack([lost for _, lost in taken]),
            *tracker.advance(states, frames, energy),
        )
        for part, values in zip(parts, measured, strict=True):
            part.append(values)
    # pitch came one chunk late
    whole = [np.concatenate(part[:-1], axis=1) for part in parts[:4]]
    whole += [np.concatenate(part[1:], axis=1) for part in parts[4:]]
    return [Frames(*(part[row, :count] for part in whole)) for row, count in enumerate(counts)]


def _empty() -> Frames:
    none = np.zeros(0, np.float32)
    return Frames(np.zeros((0, features.MEL_BANDS), np.float32), none, none, none, none, none)
