"""Figures about predictions: recall with its interval, calibration, pitch errors. Pure functions."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from appliance.affect.features import Floats

#: resamplings of the interval, and their seed, so that the same predictions give the same interval
_RESAMPLINGS: Final = 1000
_SEED: Final = 20
#: bins of equal width of the expected calibration error (Guo et al. 2017)
_BINS: Final = 10
#: a pitch more than this far off is a gross error (Rabiner et al. 1976 and later practice: 20 %)
GROSS: Final = 0.2

#: glottal marks farther apart than a period of this pitch, Hz, have no voice between them
LOWEST_MARKED_HZ: Final = 50.0


def confusion(truth: NDArray[np.intp], chosen: NDArray[np.intp], labels: int) -> NDArray[np.int64]:
    """Counts, rows the truth, columns the choice, shape (labels, labels)."""
    counts = np.bincount(truth * labels + chosen, minlength=labels * labels)
    return counts.reshape(labels, labels).astype(np.int64)


def unweighted_average_recall(counts: NDArray[np.int64]) -> float:
    """Mean recall of the labels that occur in the truth; 0 where there are none."""
    total = counts.sum(axis=1)
    present = total > 0
    if not present.any():
        return 0.0
    return float((np.diag(counts)[present] / total[present]).mean())


def recall_interval(
    truth: NDArray[np.intp], chosen: NDArray[np.intp], labels: int, coverage: float = 0.95
) -> tuple[float, float]:
    """Bootstrap interval of the unweighted average recall, items drawn within each label of the truth."""
    rng = np.random.default_rng(_SEED)
    groups = [np.flatnonzero(truth == label) for label in range(labels)]
    groups = [group for group in groups if len(group)]
    if not groups:
        return 0.0, 0.0
    drawn = [
        [float((chosen[rng.choice(g, len(g))] == truth[g[0]]).mean()) for g in groups]
        for _ in range(_RESAMPLINGS)
    ]
    edge = (1 - coverage) / 2
    low, high = np.quantile(np.mean(drawn, axis=1), [edge, 1 - edge])
    return float(low), float(high)


def expected_calibration_error(probabilities: NDArray[np.float64], truth: NDArray[np.intp]) -> float:
    """Mean distance of confidence and accuracy over bins of confidence, weighted by their items."""
    if len(truth) == 0:
        return 0.0
    confidence = probabilities.max(axis=1)
    right = probabilities.argmax(axis=1) == truth
    bins = np.minimum((confidence * _BINS).astype(np.intp), _BINS - 1)
    error = 0.0
    for index in range(_BINS):
        inside = bins == index
        if inside.any():
            error += inside.mean() * abs(float(right[inside].mean()) - float(confidence[inside].mean()))
    return float(error)


@dataclass(frozen=True, slots=True)
class PitchErrors:
    """Counts of one recording, to be summed over recordings."""

    frames: int
    #: frames that both the marks and the tracker call voiced
    both: int
    gross: int
    #: frames on whose voicing marks and tracker differ
    voicing: int
    #: sum of squared cents of the frames in `both` that are not gross errors
    squared_cents: float

    def __add__(self, other: PitchErrors) -> PitchErrors:
        return PitchErrors(
            self.frames + other.frames,
            self.both + other.both,
            self.gross + other.gross,
            self.voicing + other.voicing,
            self.squared_cents + other.squared_cents,
        )

    @property
    def gross_pitch_error(self) -> float:
        """Share of gross errors among frames that both call voiced."""
        return self.gross / max(1, self.both)

    @property
    def voicing_error(self) -> float:
        """Share of frames whose voicing is wrong."""
        return self.voicing / max(1, self.frames)

    @property
    def cents_rmse(self) -> float:
        """Root mean square of the fine errors, cents."""
        return float(np.sqrt(self.squared_cents / max(1, self.both - self.gross)))


def pitch_errors(tracked: Floats, reference: Floats) -> PitchErrors:
    """Compare pitch in Hz with a reference, 0 where unvoiced, both of shape (n,)."""
    both = (tracked > 0) & (reference > 0)
    ratio = tracked[both] / reference[both]
    gross = np.abs(ratio - 1) > GROSS
    cents = 1200 * np.log2(ratio[~gross])
    return PitchErrors(
        frames=len(reference),
        both=int(both.sum()),
        gross=int(gross.sum()),
        voicing=int(((tracked > 0) != (reference > 0)).sum()),
        squared_cents=float((cents.astype(np.float64) ** 2).sum()),
    )


def pitch_intervals(
    parts: Sequence[PitchErrors], coverage: float = 0.95
) -> tuple[tuple[float, float], tuple[float, float]]:
    """Bootstrap intervals over recordings of the gross pitch error and of the voicing error."""
    counts = np.array([(p.gross, p.both, p.voicing, p.frames) for p in parts], np.float64).reshape(-1, 4)
    if len(counts) == 0:
        return (0.0, 0.0), (0.0, 0.0)
    rng = np.random.default_rng(_SEED)
    drawn = np.array(
        [counts[rng.integers(0, len(counts), len(counts))].sum(axis=0) for _ in range(_RESAMPLINGS)]
    )
    edge = (1 - coverage) / 2
    gross, voicing = (
        np.quantile(drawn[:, top] / np.maximum(drawn[:, top + 1], 1), [edge, 1 - edge]) for top in (0, 2)
    )
    return (float(gross[0]), float(gross[1])), (float(voicing[0]), float(voicing[1]))


def pitch_from_marks(
    marks: NDArray[np.int32], rate: int, frames: int, lowest_hz: float = LOWEST_MARKED_HZ
) -> Floats:
    """Reference pitch at the middle of each 10 ms frame from glottal marks, shape (frames,).

    A frame between two successive marks has the pitch of their distance; marks farther apart than a period
    of `lowest_hz` have no voice between them.

    Args:
        marks: rising sample positions at `rate`, shape (m,).
        rate: Hz.
        frames: how many frames.
        lowest_hz: lowest pitch.
    """
    middles = (np.arange(frames) * 0.01 + 0.005) * rate
    after = np.searchsorted(marks, middles, side="right")
    inside = (after > 0) & (after < len(marks))
    pitch = np.zeros(frames, np.float32)
    if len(marks) < 2:
        return pitch
    periods = np.diff(marks)[np.clip(after - 1, 0, len(marks) - 2)]
    voiced = inside & (periods > 0) & (periods <= rate / lowest_hz)
    pitch[voiced] = rate / periods[voiced]
    return pitch
