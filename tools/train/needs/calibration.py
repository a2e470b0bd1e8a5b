"""What the outputs mean and from when a need is found, fitted on outputs out of fold; and the report."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import Any, Final, NamedTuple

import msgspec
import numpy as np
import torch
from torch.nn import functional

from appliance.language.findings import NeedFinding
from appliance.language.needs_evaluation import Item, Scores, Wanted
from appliance.language.needs_judged import judged
from appliance.language.needs_model import STANCES, Calibration, Reading
from appliance.protocol.vocabulary import NEED_TAGS
from tools.train.needs.corpus import OF_CALLS, TUNED, Example

#: How firmly the offsets of single tags are drawn to that of all.
DRAWN: Final = 4.0
#: Less sure findings mean nothing to a profile.
LEAST: Final = 0.4
#: A need that is invented costs more than one that is missed: precision counts three times as much as recall.
PRECISION: Final = 3.0


#: What a finding of the rules counts in a call beyond what the network has learned of it, as a logit. Our
#: lines are written to be hard: the rules are right in 64 of 100 findings there, in 30 held-out calls that
#: were written before the model in 84, which would be 1.1, and in the tuned calls in 98, which would be 3.3.
PLAINER: Final = 1.5


class Told(NamedTuple):
    """One line as it was judged by both."""

    example: Example
    noisy: bool
    reading: Reading
    rules: tuple[NeedFinding, ...]


def calibrate(lines: Sequence[Told]) -> Calibration:
    """The calibration of highest likelihood on all lines, and thresholds for the turns of calls."""
    presence, wanted, tags, logits, stance = [], [], [], [], []
    for line in lines:
        for at, tag in enumerate(NEED_TAGS):
            label = line.example.labels.get(tag)
            if label is not None and label.stance is not None:
                logits.append(line.reading.stances[at])
                stance.append(STANCES.index(label.stance))  # type: ignore[arg-type]
            if label is None or not label.optional:
                presence.append(line.reading.presence[at])
                wanted.append(float(label is not None))
                tags.append(at)
    scale, offset, offsets = _presence(torch.tensor(presence), torch.tensor(wanted), torch.tensor(tags))
    fitted = Calibration(
        scale=round(scale, 4),
        offsets={tag: round(offset + offsets[at], 4) for at, tag in enumerate(NEED_TAGS)},
        rule=0.0,
        stance_scale=round(_stances(torch.tensor(np.array(logits)), torch.tensor(stance)), 4),
        threshold=0.0,
        threshold_alone=0.0,
    )
    of_calls = [line for line in lines if line.example.style.startswith(OF_CALLS) and not line.noisy]
    return msgspec.structs.replace(thresholds(of_calls, fitted), rule=PLAINER)


def thresholds(lines: Sequence[Told], calibration: Calibration) -> Calibration:
    """The thresholds of the best F-measure, for what the rules find and for the rest."""
    rows = []
    for line in lines:
        by_rules = {need.tag for need in line.rules}
        for need in judged(line.rules, line.reading, calibration):
            label = line.example.labels.get(need.tag)
            right = label is not None and label.stance == need.stance
            if label is None or (label.stance is not None and not (label.optional and right)):
                rows.append((need.confidence, need.tag in by_rules, right))
    confidence, rule, right = (np.array(column) for column in zip(*rows, strict=True))
    wanted = sum(not label.optional for line in lines for label in line.example.labels.values())

    def worth(both: float, alone: float) -> float:
        found = confidence >= np.where(rule, both, alone)
        return float((1 + PRECISION) * right[found].sum() / (PRECISION * found.sum() + wanted))

    grid = [round(float(value), 3) for value in np.arange(LEAST, 0.8, 0.02)]
    both, alone = max(((one, other) for one in grid for other in grid), key=lambda pair: worth(*pair))
    return msgspec.structs.replace(calibration, threshold=both, threshold_alone=alone)


def figures(lines: Sequence[Told], calibration: Calibration | None) -> dict[str, Any]:
    """The figures of the lines with a calibration; without one, those of the rules alone."""
    scores = Scores()
    for line in lines:
        needs = {tag: Wanted(label.stance, label.optional) for tag, label in line.example.labels.items()}  # type: ignore[arg-type]
        found = line.rules if calibration is None else judged(line.rules, line.reading, calibration)
        scores.take(Item(line.example.text, needs), found)
    return scores.figures()


def report(lines: Sequence[Told], calibration: Calibration) -> None:
    """Print the figures out of fold, all and by style."""
    print(f"thresholds {calibration.threshold} with the rules, {calibration.threshold_alone} without")
    tuned = [line for line in lines if line.example.style.startswith(TUNED)]
    written = [line for line in lines if not line.example.style.startswith(TUNED)]
    for name, noisy in (("clean", False), ("noised", True)):
        part = [line for line in written if line.noisy == noisy]
        print(f"out of fold, {name}, rules: {_line(figures(part, None))}")
        print(f"out of fold, {name}, together: {_line(figures(part, calibration))}")
        part = [line for line in tuned if line.noisy == noisy]
        print(f"out of fold, {name}, tuned calls without the rules: {_line(figures(part, calibration))}")
    for style in sorted({line.example.style for line in written}):
        part = [line for line in written if line.example.style == style and not line.noisy]
        print(f"  {style}: rules {_line(figures(part, None))} | together {_line(figures(part, calibration))}")
    per_tag = figures([line for line in written if not line.noisy], calibration)["per_tag"]
    for tag, row in per_tag.items():
        print(f"  {tag}: {_line(row)}")


def _line(row: dict[str, Any]) -> str:
    quiet = f", quiet {row['quiet']:.3f}" if "quiet" in row else ""
    return (
        f"n {row['n']}, precision {row['precision']:.3f}, recall {row['recall']:.3f}, f1 {row['f1']:.3f}, "
        f"stance {row['stance']:.3f}{quiet}"
    )


def _presence(
    presence: torch.Tensor, wanted: torch.Tensor, tags: torch.Tensor
) -> tuple[float, float, list[float]]:
    weights = torch.tensor([1.0, 0.0], dtype=torch.float64, requires_grad=True)
    offsets = torch.zeros(len(NEED_TAGS), dtype=torch.float64, requires_grad=True)

    def loss() -> torch.Tensor:
        value = weights[0] * presence + weights[1] + offsets[tags]
        away = DRAWN * (offsets**2).sum()
        return functional.binary_cross_entropy_with_logits(value, wanted.double(), reduction="sum") + away

    _least(loss, [weights, offsets])
    scale, offset = weights.detach().tolist()
    return max(scale, 0.05), offset, offsets.detach().tolist()


def _stances(logits: torch.Tensor, stance: torch.Tensor) -> float:
    scale = torch.tensor([1.0], dtype=torch.float64, requires_grad=True)
    _least(lambda: functional.cross_entropy(scale * logits, stance), [scale])
    return max(float(scale.detach()), 0.05)


def _least(loss: Callable[[], torch.Tensor], parameters: list[torch.Tensor]) -> None:
    optimizer = torch.optim.LBFGS(parameters, max_iter=200)

    def closure() -> float:
        optimizer.zero_grad()
        value = loss()
        value.backward()  # type: ignore[no-untyped-call]
        return float(value)

    optimizer.step(closure)
    if not all(math.isfinite(number) for one in parameters for number in one.detach().flatten().tolist()):
        raise ValueError("the calibration did not settle: the outputs out of fold cannot be fitted")
