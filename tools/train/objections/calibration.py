"""Calibration and thresholds of the objection types, and the report, from outputs out of fold."""

from __future__ import annotations

import numpy as np
import torch

from appliance.protocol.vocabulary import OBJECTION_TYPES

#: Styles that are exercises and no voice of a caller: in them hard lines are far more frequent than in calls.
DRILLS = frozenset(["answers", "contexts", "gruff", "half", "pairs", "replies"])
#: Share of `none` lines that may be called an objection, out of fold. The network that is kept reads half as
#: many voices again as those of the folds, and calls those that neither read so three quarters as often;
#: so this aims at less than 4 %.
MOST_FALSE = 0.05
#: What a false alarm above that share costs, in macro-F1; high enough to be a limit.
COST_OF_FALSE = 20.0


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
    probabilities: np.ndarray, truth: np.ndarray, noisy: np.ndarray, most_false: float
) -> dict[str, float]:
    """The thresholds of best macro-F1 that call few `none` lines an objection, clean and noised alike.

    All thresholds move together first, then one after the other, three times.
    """
    parts = [~noisy, noisy]

    def worth(chosen: np.ndarray) -> float:
        found = decided(probabilities, chosen)
        figures = [_figures(found[part], truth[part]) for part in parts]
        false = float(np.mean([alarms for _, alarms in figures]))
        return float(np.mean([macro for macro, _ in figures])) - COST_OF_FALSE * max(0.0, false - most_false)

    grid = np.arange(0.2, 0.95, 0.025)
    chosen = max((np.full(truth.shape[1], value) for value in grid), key=worth)
    for _ in range(3):
        for place in range(len(chosen)):
            tried = [np.where(np.arange(len(chosen)) == place, value, chosen) for value in grid]
            chosen = max([chosen, *tried], key=worth)
    return {kind: round(float(value), 3) for kind, value in zip(OBJECTION_TYPES, chosen, strict=True)}


def decided(probabilities: np.ndarray, chosen: np.ndarray) -> np.ndarray:
    """The surest type that reaches its threshold, as its place in OBJECTION_TYPES, or their number."""
    found = probabilities >= chosen
    surest = np.argmax(np.where(found, probabilities, -1.0), axis=1)
    return np.where(found.any(axis=1), surest, len(OBJECTION_TYPES))


def f1(found: np.ndarray, truth: np.ndarray) -> float:
    """F1 of two boolean arrays."""
    hits = float((found & truth).sum())
    return 2 * hits / max(1.0, float(found.sum() + truth.sum()))


def calibrate(
    scores: np.ndarray, truth: np.ndarray, styles: list[str], noisy: np.ndarray
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
    chosen = thresholds(probabilities[voices], truth[voices], noisy[voices], MOST_FALSE)
    found = decided(probabilities, np.array([chosen[kind] for kind in OBJECTION_TYPES]))
    for kind in OBJECTION_TYPES:
        print(f"{kind}: threshold {chosen[kind]}, Platt {calibration[kind]}")
    for name, part in (("clean", ~noisy), ("noised", noisy)):
        print(f"out of fold, voices, {name}: {_summary(found[voices & part], truth[voices & part])}")
    for style in sorted(set(styles)):
        these = np.array([name == style for name in styles])
        parts = " | ".join(_summary(found[these & part], truth[these & part]) for part in (~noisy, noisy))
        print(f"out of fold, {style}: {parts}")
    return calibration, chosen


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
