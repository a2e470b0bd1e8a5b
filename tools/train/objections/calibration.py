"""Calibration and thresholds of the objection types, and the report, from outputs out of fold."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch

from appliance.language.objections import ENOUGH_FOR_PARTIALS, HYSTERESIS_AT_END, MARGIN_OF_PARTIALS
from appliance.protocol.vocabulary import OBJECTION_TYPES
from tools.train.objections.corpus import ONCE_HELD_OUT

#: Styles that are exercises and no voice of a caller: in them hard lines are far more frequent than in calls.
DRILLS = frozenset(["answers", "contexts", "gruff", "half", "offers", "pairs", "replies"])
#: Share of `none` lines that may be called an objection out of fold, clean and noised together. Many of the
#: styles left out are far harder than a caller: on the voices that were held out once it is 2 to 3 % then.
MOST_FALSE = 0.04
#: What a false alarm above that share costs, in macro-F1; high enough to be a limit.
COST_OF_FALSE = 20.0


@dataclass(frozen=True, slots=True)
class Fold:
    """Utterances heard out by a network that never read their styles; arrays are (utterances, types)."""

    #: raw outputs at the end, and the highest while the utterance grew
    scores: np.ndarray
    peaks: np.ndarray
    truth: np.ndarray
    styles: list[str]
    #: whether with recognition errors, (utterances,)
    noisy: np.ndarray


def platt(scores: np.ndarray, truth: np.ndarray) -> tuple[float, float]:
    """Scale and offset of the logit with the least log loss, slightly drawn to (1, 0)."""
    parameters = torch.tensor([1.0, 0.0], dtype=torch.float64, requires_grad=True)
    given, wanted = torch.from_numpy(scores.astype(np.float64)), torch.from_numpy(truth.astype(np.float64))
    optimizer = torch.optim.LBFGS([parameters], max_iter=100)

    def closure() -> torch.Tensor:
        optimizer.zero_grad()
        loss = torch.nn.functional.binary_cross_entropy_with_logits(
            parameters[0] * given + parameters[1], wanted
        )
        loss = loss + 1e-3 * ((parameters[0] - 1) ** 2 + parameters[1] ** 2)
        loss.backward()
        return loss

    optimizer.step(closure)
    scale, offset = parameters.detach().tolist()
    return round(max(scale, 0.1), 4), round(offset, 4)


def thresholds(
    probabilities: np.ndarray, peaks: np.ndarray, truth: np.ndarray, noisy: np.ndarray, most_false: float
) -> np.ndarray:
    """The thresholds of best macro-F1 that call few `none` lines an objection, clean and noised together.

    All thresholds move together first, then one after the other, three times.
    """
    parts = [~noisy, noisy]

    def worth(chosen: np.ndarray) -> float:
        found = decided(probabilities, peaks, chosen)
        figures = [_figures(found[part], truth[part]) for part in parts]
        false = float(np.mean([alarms for _, alarms in figures]))
        return float(np.mean([macro for macro, _ in figures])) - COST_OF_FALSE * max(0.0, false - most_false)

    grid = np.arange(0.2, 0.98, 0.02)
    chosen = max((np.full(truth.shape[1], value) for value in grid), key=worth)
    for _ in range(3):
        for place in range(len(chosen)):
            tried = [np.where(np.arange(len(chosen)) == place, value, chosen) for value in grid]
            chosen = max([chosen, *tried], key=worth)
    return chosen.round(3)


def decided(probabilities: np.ndarray, peaks: np.ndarray, chosen: np.ndarray) -> np.ndarray:
    """What each utterance is found to be at its end: a place in OBJECTION_TYPES, or their number for none.

    `peaks` are the highest probabilities while it grew; a type that they show needs less at the end, as in
    `ObjectionModel.hear_out`. All three are (utterances, types), `chosen` is (types,).
    """
    shown = peaks >= np.minimum(chosen + MARGIN_OF_PARTIALS, ENOUGH_FOR_PARTIALS)
    found = probabilities >= chosen - HYSTERESIS_AT_END * shown
    surest = np.argmax(np.where(found, probabilities, -1.0), axis=1)
    return np.where(found.any(axis=1), surest, len(OBJECTION_TYPES))


def f1(found: np.ndarray, truth: np.ndarray) -> float:
    """F1 of two boolean arrays."""
    hits = float((found & truth).sum())
    return 2 * hits / max(1.0, float(found.sum() + truth.sum()))


def calibrate(fold: Fold) -> tuple[dict[str, tuple[float, float]], dict[str, float]]:
    """Calibration and thresholds by type; prints what they give."""
    calibration = {
        kind: platt(fold.scores[:, place], fold.truth[:, place]) for place, kind in enumerate(OBJECTION_TYPES)
    }
    scale, offset = (np.array([calibration[kind][part] for kind in OBJECTION_TYPES]) for part in (0, 1))
    probabilities, peaks = (
        1 / (1 + np.exp(-np.clip(scale * raw + offset, -60, 60))) for raw in (fold.scores, fold.peaks)
    )
    chosen = thresholds(probabilities, peaks, fold.truth, fold.noisy, MOST_FALSE)
    found = decided(probabilities, peaks, chosen)
    for place, kind in enumerate(OBJECTION_TYPES):
        print(f"{kind}: threshold {chosen[place]:.2f}, Platt {calibration[kind]}")
    styles = np.array(fold.styles)
    for name, those in (
        ("all", np.ones(len(styles), dtype=bool)),
        ("voices once held out", np.isin(styles, ONCE_HELD_OUT)),
        *((style, styles == style) for style in sorted(set(fold.styles))),
    ):
        clean, noised = (
            _summary(found[those & part], fold.truth[those & part]) for part in (~fold.noisy, fold.noisy)
        )
        print(f"out of fold, {name}: clean {clean} | noised {noised}")
    return calibration, {kind: float(chosen[place]) for place, kind in enumerate(OBJECTION_TYPES)}


def _figures(found: np.ndarray, truth: np.ndarray) -> tuple[float, float]:
    """Macro-F1 over the labels of lines with one at most, and the share of false alarms."""
    right = np.where(truth.any(axis=1), truth.argmax(axis=1), len(OBJECTION_TYPES))
    single = truth.sum(axis=1) <= 1
    kinds = [kind for kind in range(len(OBJECTION_TYPES) + 1) if (right[single] == kind).any()]
    macro = np.mean([f1(found[single] == kind, right[single] == kind) for kind in kinds])
    nothing = ~truth.any(axis=1)
    return float(macro), float((found[nothing] < len(OBJECTION_TYPES)).mean()) if nothing.any() else 0.0


def _summary(found: np.ndarray, truth: np.ndarray) -> str:
    macro, alarms = _figures(found, truth)
    return f"macro-F1 {macro:.3f}, false alarms {100 * alarms:.1f} %"
