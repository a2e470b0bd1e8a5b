"""The model's files: int8 model, settings, results; and the card and its picture, made of the results."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import msgspec
import numpy as np

from appliance.affect import scores
from appliance.affect.emotion import LABELS, Settings
from appliance.affect.models import AUTOCORRELATION, EMOTION_FILE, PROSODY_FILE, SETTINGS_FILE
from appliance.models import MANIFEST_NAME, read_manifest
from tools.train import licences, measured, model_files, pictures
from tools.train.emotions.calibration import Judged, by_item, judged
from tools.train.emotions.corpus import ALONE, CLASSES, PLAIN, Item

if TYPE_CHECKING:
    from tools.train.emotions.network import Recipe

PURPOSE = "Emotion of the customer (angry, happy, neutral, sad) in 2.56 s of telephone speech, int8."
PICTURE = "confusion.svg"
#: of the appliance's own models
_MANIFEST = Path(__file__).resolve().parents[3] / "models" / MANIFEST_NAME
ALERTS = """\
An alert begins when the smoothed probability of angry reaches {angry} on four decisions in a row (two
seconds of speech), or that of sad reaches {sad} on eight. The bounds favour silence: most acted sadness
raises no alert. How many false alarms an hour of neutral speech brings, `tools/bench/false_alarms.py`
counts."""
CALIBRATED = """\
the speakers of {target} but {last}, whom the training never saw either; so read the
calibration error of {last}"""
SAME_PITCH = """\
The pitch is measured by the model
that the appliance has, which learned the pitch of EMO-DB's recordings, so those speakers
are not wholly unseen."""
OTHER_PITCH = """\
**Weights and scores above are of pitch that another training of `{prosody}` measured**; what the
appliance says itself, below, is of pitch by the one that it has now, and the command trains with that one."""
_HEAD = """\
| unseen | recordings | UAR float | UAR int8 (95 % interval) | calibration error int8 |
|---|---|---|---|---|
"""
ABSENT = """
No recording of {names} was there to learn from, so these classes are hardly ever answered."""
SILENT = """\
This model raises no alert, however sure it is: it was trained on nothing like the calls ({target}), and an
alert interrupts an agent. On calls it is little better than chance (0.25), as the scores below say, and so it
mostly answers "uncertain": a weak hint for a site that forbids research data. `policy.emotion = false` gives
none."""


@dataclass(frozen=True)
class About:
    """What the card says of the training."""

    recipe: Recipe
    command: str
    seconds: float


def figures(some: Judged, settings: Settings) -> dict[str, Any]:
    """Recall with its interval, calibration error and confusion of recordings."""
    probabilities, truth = by_item(some, settings)
    chosen = probabilities.argmax(axis=1)
    counts = scores.confusion(truth, chosen, len(LABELS))
    low, high = scores.recall_interval(truth, chosen, len(LABELS))
    return {
        "n": len(truth),
        "uar": scores.unweighted_average_recall(counts),
        "low": low,
        "high": high,
        "ece": scores.expected_calibration_error(probabilities, truth),
        "confusion": counts,
    }


def _row(who: str, float_part: Judged, int8_part: Judged, settings: Settings) -> dict[str, Any]:
    exact, quantized = figures(float_part, settings), figures(int8_part, settings)
    return {
        "unseen": who,
        "recordings": quantized["n"],
        "float": round(exact["uar"], 4),
        "int8": [round(float(quantized[name]), 4) for name in ("uar", "low", "high")],
        "calibration_error": round(quantized["ece"], 4),
    }


def _said_row(row: dict[str, Any]) -> str:
    recall, low, high = row["int8"]
    return (
        f"| {row['unseen']} | {row['recordings']} | {row['float']:.3f} "
        f"| {recall:.3f} ({low:.3f} to {high:.3f}) | {row['calibration_error']:.3f} |"
    )


def _joined(parts: list[Judged]) -> Judged:
    return Judged(
        *(np.concatenate([getattr(p, name) for p in parts]) for name in ("logits", "labels", "items"))
    )


def _rows(settings: Settings, outcomes: list[Any], corpora: list[Any], target: str) -> list[dict[str, Any]]:
    lines: list[dict[str, Any]] = []

    def row(who: str, chosen: list[tuple[Any, dict[str, Any]]]) -> None:
        float_part, int8_part = (
            _joined([judged(outcome, quantized=quantized, **which) for outcome, which in chosen])
            for quantized in (False, True)
        )
        if len(int8_part.labels):
            lines.append(_row(who, float_part, int8_part, settings))

    for outcome in outcomes:
        shipped = " (the shipped model)" if outcome is outcomes[-1] else ""
        for name in sorted(set(outcome.judged.corpora.tolist())):
            who = sorted(set(outcome.judged.speakers[outcome.judged.corpora == name].tolist()))
            said = ", ".join(who) if len(who) <= 4 else f"{name}, {len(who)} speakers"
            row(f"{said}{shipped}", [(outcome, {"corpora": [name]})])
    last = outcomes[-1]
    own = sorted(set(last.judged.speakers[last.judged.corpora == target].tolist()))
    for speaker in own if len(own) > 1 else ():
        row(f"{speaker} (the shipped model)", [(last, {"speakers": [speaker]})])
    first = {"corpora": [target], "way": ALONE}
    row(f"{target}, each as the first recording of a call (the shipped model)", [(last, first)])
    if len(outcomes) > 1:
        every = [(outcome, {"corpora": [target]}) for outcome in outcomes]
        row(f"all speakers of {target}, each unseen by its model", every)
    for outcome in corpora:
        row(f"the whole corpus {outcome.held_out[0]}", [(outcome, {"way": PLAIN})])
    return lines


def write(
    folder: Path, settings: Settings, outcomes: list[Any], corpora: list[Any], items: list[Item], about: About
) -> None:
    """Write the files of the model and put its entry into the manifest beside its folder."""
    shipped = outcomes[-1]
    (folder / EMOTION_FILE).write_bytes(shipped.content)
    (folder / SETTINGS_FILE).write_bytes(msgspec.json.format(msgspec.json.encode(settings), indent=1) + b"\n")
    used = Counter(item.corpus for item in items if item.speaker not in shipped.held_out)
    taught = {item.emotion for item in items if item.speaker not in shipped.held_out}
    absent = [name for name in CLASSES if name not in taught and name != "none"]
    target = about.recipe.target
    own = shipped.judged.speakers[shipped.judged.corpora == target]
    unseen = sorted(set(own.tolist())) or [shipped.held_out[0]]
    counts = sum(
        figures(judged(shipped, speakers=[speaker], way=PLAIN), settings)["confusion"] for speaker in unseen
    )
    measured.write(
        folder,
        {
            "kind": "emotion",
            "command": about.command,
            "steps": about.recipe.steps,
            "seed": about.recipe.seed,
            "target": target,
            "bytes": len(shipped.content),
            "corpora": dict(used),
            "absent": absent,
            "held_out": list(shipped.held_out),
            "prosody_sha256": _prosody_sum(folder, settings.prosody),
            "scored": unseen,
            "trainings": len(outcomes),
            "scores": _rows(settings, outcomes, corpora, target),
            "confusion": np.asarray(counts).tolist(),
        },
    )
    entry = model_files.Entry(
        kind="emotion",
        licence="trained on " + "; ".join(f"{name}: {licences.licence(name)}" for name in used),
        research_only=licences.research_only(used),
        source="tools/train/emotion.py",
        purpose=PURPOSE,
    )
    model_files.enter(folder, entry, (EMOTION_FILE, SETTINGS_FILE))


def _prosody_sum(folder: Path, name: str) -> str:
    """The checksum of the model that measures pitch, or its name where it is a tracker without a model."""
    if name == AUTOCORRELATION:
        return name
    manifest = folder.parent / MANIFEST_NAME
    entries = read_manifest(manifest if manifest.is_file() else _MANIFEST)
    entry = next(entry for entry in entries if entry.name == name)
    return next(file.sha256 for file in entry.file if file.name == PROSODY_FILE)


def render(folder: Path) -> None:
    """Make the card and its picture of the results."""
    results = measured.read(folder)
    settings = msgspec.json.decode((folder / SETTINGS_FILE).read_bytes(), type=Settings)
    corpora, held_out, target = results["corpora"], tuple(results["held_out"]), results["target"]
    scored = results["scored"]
    picture = pictures.confusion(
        f"{folder.name}: {', '.join(scored)} (unseen)", LABELS, LABELS, np.array(results["confusion"]),
        "recordings",
    )  # fmt: skip
    (folder / PICTURE).write_text(picture, encoding="utf-8")
    absent = ", ".join(results["absent"])
    several = results["trainings"] > 1
    values = results | {
        "name": folder.name,
        "bytes": f"{results['bytes']:,}",
        "research_only": "yes" if licences.research_only(corpora) else "no",
        "licences": "\n".join(f"| {n} | {count} | {licences.licence(n)} |" for n, count in corpora.items()),
        "held_out": ", ".join(held_out) if len(held_out) < 12 else _short(held_out),
        "scores": _HEAD + "\n".join(_said_row(row) for row in results["scores"]),
        "picture": PICTURE,
        "prosody": settings.prosody,
        "pitch": SAME_PITCH
        if results["prosody_sha256"] == _prosody_sum(folder, settings.prosody)
        else OTHER_PITCH.format(prosody=settings.prosody),
        "temperature": settings.temperature,
        "least_confidence": settings.least_confidence,
        "absent": ABSENT.format(names=absent) if absent else "",
        "alerts": about_alerts(settings, target),
        "chosen_on": f"the held-out speakers of {target} in the other trainings; the temperature is the\n"
        "best for the one that is heard worst"
        if several
        else CALIBRATED.format(target=target, last=scored[-1]),
        "measured": measured.said(results),
    }
    text = model_files.fill(Path(__file__).parent / "CARD.template.md", values)
    (folder / "CARD.md").write_text(text, encoding="utf-8")


def about_alerts(settings: Settings, target: str) -> str:
    """The card's passage on alerts."""
    if not settings.alerts:
        return SILENT.format(target=target)
    return ALERTS.format(angry=settings.alert_angry, sad=settings.alert_sad)


def _short(speakers: tuple[str, ...]) -> str:
    count = Counter(speaker.split("-")[0] for speaker in speakers)
    return ", ".join(f"{number} of {corpus}" for corpus, number in count.items())
