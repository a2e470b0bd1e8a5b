"""Calibration and thresholds of the objection types, and the report, from outputs out of fold."""

from __future__ import annotations

import numpy as np
import torch

from appliance.protocol.vocabulary import OBJECTION_TYPES

#: Styles that are exercises and no voice of a caller: in them hard lines are far more frequent than in calls.
DRILLS = frozenset(["answers", "gruff", "half", "pairs", "replies"])
#: Share of `none` lines that may be called an objection, out of fold.
MOST_FALSE = 0.04


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


def thresholds(probabilities: np.ndarray, truth: np.ndarray, most_false: float) -> dict[str, float]:
    """For each type the threshold of best F1, all raised together until few `none` lines are objections."""
    chosen = []
    for column in range(truth.shape[1]):
        grid = np.arange(0.2, 0.75, 0.01)
        scores = [f1(probabilities[:, column] >= value, truth[:, column] > 0) for value in grid]
        best = max(scores)
        chosen.append(
            float(
                np.mean([value for value, score in zip(grid, scores, strict=True) if score >= best - 0.005])
            )
        )
    nothing = truth.sum(axis=1) == 0
    extra = 0.0
    while (
        extra < 0.3 and np.mean((probabilities[nothing] >= np.array(chosen) + extra).any(axis=1)) > most_false
    ):
        extra += 0.01
    return {
        kind: round(min(value + extra, 0.9), 3) for kind, value in zip(OBJECTION_TYPES, chosen, strict=True)
    }


def f1(found: np.ndarray, truth: np.ndarray) -> float:
    """F1 of two boolean arrays."""
    hits = float((found & truth).sum())
    return 2 * hits / max(1.0, float(found.sum() + truth.sum()))


def calibrate(
    scores: np.ndarray, truth: np.ndarray, styles: list[str]
) -> tuple[dict[str, tuple[float, float]], dict[str, float]]:
    """Calibration and thresholds by type, from all styles but drills; prints what they give."""
    voices = np.array([name not in DRILLS for name in styles])
    calibration = {
        kind: platt(scores[voices, place], truth[voices, place]) for place, kind in enumerate(OBJECTION_TYPES)
    }
    probabilities = np.stack(
        [
            1 / (1 + np.exp(-(calibration[kind][0] * scores[:, place] + calibration[kind][1])))
            for place, kind in enumerate(OBJECTION_TYPES)
        ],
        axis=1,
    )
    chosen = thresholds(probabilities[voices], truth[voices], MOST_FALSE)
    found = probabilities >= np.array([chosen[kind] for kind in OBJECTION_TYPES])
    surest = np.where(
        found.any(axis=1), np.argmax(np.where(found, probabilities, -1), axis=1), len(OBJECTION_TYPES)
    )
    right = np.where(truth.any(axis=1), truth.argmax(axis=1), len(OBJECTION_TYPES))
    single = truth.sum(axis=1) <= 1
    for place, kind in enumerate((*OBJECTION_TYPES, "none")):
        figure = f1(surest[single] == place, right[single] == place)
        detail = f"threshold {chosen[kind]} Platt {calibration[kind]}" if kind != "none" else ""
        print(f"out of fold {kind}: F1 {figure:.3f} {detail}")
    print(f"out of fold, all: {_summary(surest, right, single, truth)}")
    for style in sorted(set(styles)):
        these = np.array([name == style for name in styles])
        print(f"out of fold, {style}: {_summary(surest[these], right[these], single[these], truth[these])}")
    return calibration, chosen


def _summary(surest: np.ndarray, right: np.ndarray, single: np.ndarray, truth: np.ndarray) -> str:
    kinds = [kind for kind in range(len(OBJECTION_TYPES) + 1) if (right[single] == kind).any()]
    macro = np.mean([f1(surest[single] == kind, right[single] == kind) for kind in kinds])
    nothing = truth.sum(axis=1) == 0
    alarms = (surest[nothing] < len(OBJECTION_TYPES)).mean() if nothing.any() else 0.0
    return f"macro-F1 {macro:.3f}, false alarms {100 * alarms:.1f} %"
