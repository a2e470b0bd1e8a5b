"""`ridge eval objection`: scores the objection model on manifests of texts and labels.

Every text is heard out syllable by syllable as in a call, and what its end finds counts, so that a type which
is shown early and kept counts as it does at the seat.
"""

from __future__ import annotations

import argparse
import json
import random
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, NamedTuple

from appliance.cli import CommandError
from appliance.protocol.vocabulary import OBJECTION_TYPES

if TYPE_CHECKING:
    from appliance.language.objections import Judgement

NONE: Final = "none"
LABELS: Final = (*OBJECTION_TYPES, NONE)
#: The same manifest always gets the same simulated recognition errors.
NOISE_SEED: Final = 7
#: Bins of equal width in which confidences are compared with how often they are right.
CALIBRATION_BINS: Final = 10


class Item(NamedTuple):
    """One line of a manifest."""

    text: str
    label: str
    #: what the agent said before, empty where the manifest does not say
    context: str = ""


def add_eval(subparsers: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add `objection` to `ridge eval`."""
    parser = subparsers.add_parser("objection", help="score the objection model on manifests (text, label)")
    parser.add_argument(
        "manifest",
        metavar="MANIFEST",
        type=Path,
        nargs="+",
        help="TSV with the columns text, label, and context (what the agent said before) where it is known",
    )
    parser.add_argument("--json", action="store_true", help="print one JSON object")
    parser.add_argument("--model", default="objection-zh", metavar="NAME", help="a model of the store")
    parser.add_argument("--predictions", type=Path, metavar="FILE", help="write one TSV line an item")
    parser.add_argument(
        "--noise", choices=["recognition"], help="put simulated recognition errors into the texts first"
    )
    parser.set_defaults(run=run)


def run(options: argparse.Namespace) -> int:
    """Score the manifest and print the figures; raises CommandError where it or the model cannot be used."""
    from appliance.language.objections import ObjectionModel  # noqa: PLC0415
    from appliance.language.pinyin_forms import hear  # noqa: PLC0415
    from appliance.language.recognition_noise import noised  # noqa: PLC0415
    from appliance.models import ModelError, ModelStore  # noqa: PLC0415

    items = [item for path in options.manifest for item in read_manifest(path)]
    try:
        model = ObjectionModel.load(ModelStore(), options.model)
    except ModelError as error:
        raise CommandError(str(error)) from error
    if options.noise:
        chance = random.Random(NOISE_SEED)
        items = [
            Item(noised(item.text, chance), item.label, item.context and noised(item.context, chance))
            for item in items
        ]
    judged = [model.hear_out(hear(item.text), hear(item.context)) for item in items]
    if options.predictions:
        _write(options.predictions, items, judged)
    truth = [item.label for item in items]
    figures = score(truth, [judgement.label for judgement in judged])
    if options.json:
        print(json.dumps(figures, ensure_ascii=False))
    else:
        away = calibration_error(truth, [judgement.probabilities for judgement in judged])
        early = sum(bool(judgement.shown) for judgement in judged)
        back = sum(bool(judgement.taken_back) for judgement in judged)
        print(
            f"{describe(figures)}\nexpected calibration error of the six types {away:.3f}\n"
            f"{early} utterances showed a type while they grew, {back} of them one that their end took back"
        )
    return 0


def read_manifest(path: Path) -> list[Item]:
    """The items of a manifest.

    Raises:
        CommandError: it cannot be read, lacks a column, has an unknown label or no items.
    """
    try:
        lines = path.read_text(encoding="utf-8").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        raise CommandError(f"{path} cannot be read ({error}); name a TSV file with text and label") from error
    header = lines[0].split("\t") if lines else []
    if "text" not in header or "label" not in header:
        raise CommandError(f"{path}: the first line must name the columns text and label, tab between them")
    text_column, label_column = header.index("text"), header.index("label")
    context_column = header.index("context") if "context" in header else len(header)
    items = []
    for number, line in enumerate(lines[1:], start=2):
        if not line.strip():
            continue
        cells = line.split("\t")
        if len(cells) <= max(text_column, label_column) or cells[label_column] not in LABELS:
            raise CommandError(f"{path}:{number}: write a text and one label of {', '.join(LABELS)}")
        context = cells[context_column] if context_column < len(cells) else ""
        items.append(Item(cells[text_column], cells[label_column], context))
    if not items:
        raise CommandError(f"{path}: holds no items; add lines of text and label")
    return items


def score(truth: Sequence[str], found: Sequence[str]) -> dict[str, Any]:
    """The figures of `ridge eval objection`.

    `macro_f1` is the mean F1 over the labels that occur in the manifest, `none` among them;
    `none_false_alarm` the share of `none` items that were called an objection (0 where there are none).
    """
    confusion = {label: dict.fromkeys(LABELS, 0) for label in LABELS}
    for right, given in zip(truth, found, strict=True):
        confusion[right][given] += 1
    per_label = {}
    for label in LABELS:
        hits = confusion[label][label]
        support = sum(confusion[label].values())
        given_times = sum(confusion[right][label] for right in LABELS)
        precision = hits / given_times if given_times else 0.0
        recall = hits / support if support else 0.0
        f1 = 2 * hits / (support + given_times) if support + given_times else 0.0
        per_label[label] = {
            "n": support,
            "precision": round(precision, 4),
            "recall": round(recall, 4),
            "f1": round(f1, 4),
        }
    present = [per_label[label]["f1"] for label in LABELS if per_label[label]["n"]]
    nothing = sum(confusion[NONE].values())
    return {
        "n": len(truth),
        "macro_f1": round(sum(present) / len(present), 4) if present else 0.0,
        "none_false_alarm": round(1 - confusion[NONE][NONE] / nothing, 4) if nothing else 0.0,
        "per_label": per_label,
        "confusion": confusion,
    }


def calibration_error(truth: Sequence[str], probabilities: Sequence[Mapping[Any, float]]) -> float:
    """Expected calibration error over all six types of all items (Naeini, Cooper and Hauskrecht 2015)."""
    sums = [[0.0, 0.0, 0.0] for _ in range(CALIBRATION_BINS)]
    for right, given in zip(truth, probabilities, strict=True):
        for kind in OBJECTION_TYPES:
            held = sums[min(int(given[kind] * CALIBRATION_BINS), CALIBRATION_BINS - 1)]
            held[0] += 1
            held[1] += given[kind]
            held[2] += right == kind
    total = sum(count for count, _, _ in sums)
    return sum(abs(sure - hits) for _, sure, hits in sums) / total if total else 0.0


def describe(figures: dict[str, Any]) -> str:
    """The figures as tables for people: by label, and what each label (row) was taken for (column)."""
    lines = [
        f"{figures['n']} items, macro-F1 {figures['macro_f1']:.3f}, "
        f"false alarms on none {100 * figures['none_false_alarm']:.1f} %",
        f"{'label':<22}{'n':>5}{'precision':>11}{'recall':>8}{'F1':>7}",
    ]
    for label, row in figures["per_label"].items():
        lines.append(
            f"{label:<22}{row['n']:>5}{row['precision']:>11.3f}{row['recall']:>8.3f}{row['f1']:>7.3f}"
        )
    lines.append(f"{'taken for':<22}" + "".join(f"{label[:9]:>11}" for label in LABELS))
    for label, taken in figures["confusion"].items():
        lines.append(f"{label:<22}" + "".join(f"{taken[other]:>11}" for other in LABELS))
    return "\n".join(lines)


def _write(path: Path, items: Sequence[Item], judged: Sequence[Judgement]) -> None:
    rows = ["\t".join(("text", "label", "context", "found", *OBJECTION_TYPES))]
    for item, judgement in zip(items, judged, strict=True):
        given: Mapping[Any, float] = judgement.probabilities
        likely = (f"{given[kind]:.3f}" for kind in OBJECTION_TYPES)
        rows.append("\t".join((*item, judgement.label, *likely)))
    try:
        path.write_text("\n".join(rows) + "\n", encoding="utf-8")
    except OSError as error:
        raise CommandError(f"{path} cannot be written ({error.strerror}); name another file") from error
