"""The model's files: int8 model, settings, card with its picture, and its entry in models/manifest.toml."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import msgspec
import numpy as np

from appliance.affect import scores
from appliance.affect.emotion import LABELS, Settings
from appliance.affect.models import AUTOCORRELATION, EMOTION_FILE, SETTINGS_FILE
from tools.train import licences, model_files, pictures
from tools.train.emotions.calibration import Judged, by_item, judged
from tools.train.emotions.corpus import ALONE, CLASSES, PLAIN, Item

if TYPE_CHECKING:
    from tools.train.emotions.network import Recipe

PURPOSE = "Emotion of the customer (angry, happy, neutral, sad) in 2.56 s of telephone speech, int8."
PICTURE = "confusion.svg"
ALERTS = """\
An alert begins when the smoothed probability of angry reaches {angry} on four decisions in a row (two
seconds of speech), or that of sad reaches {sad} on eight. The bounds favour silence: most acted sadness
raises no alert. How many false alarms an hour of neutral speech brings, `tools/bench/false_alarms.py`
counts."""
LEARNED = """\
The prosody model has seen the pitch of
speakers that are unseen here, but not that of its own held-out speakers."""
UNLEARNED = """\
The pitch tracker
has learned from no recording."""
ABSENT = """
No recording of {names} was there to learn from, so these classes are hardly ever answered."""
SILENT = """\
This model raises no alert, however sure it is: it was trained on nothing like the calls ({target}), and an
alert interrupts an agent."""


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


def _row(who: str, float_part: Judged, int8_part: Judged, settings: Settings) -> str:
    exact, quantized = figures(float_part, settings), figures(int8_part, settings)
    return (
        f"| {who} | {quantized['n']} | {exact['uar']:.3f} | {quantized['uar']:.3f} "
        f"({quantized['low']:.3f} to {quantized['high']:.3f}) | {quantized['ece']:.3f} |"
    )


def _joined(parts: list[Judged]) -> Judged:
    return Judged(
        *(np.concatenate([getattr(p, name) for p in parts]) for name in ("logits", "labels", "items"))
    )


def _score_table(settings: Settings, outcomes: list[Any], corpora: list[Any], target: str) -> str:
    lines = [
        "| unseen | recordings | UAR float | UAR int8 (95 % interval) | calibration error int8 |",
        "|---|---|---|---|---|",
    ]

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
        row(f"{speaker} (the shipped model)", [(last, {"speaker": speaker})])
    first = {"corpora": [target], "way": ALONE}
    row(f"{target}, each as the first recording of a call (the shipped model)", [(last, first)])
    if len(outcomes) > 1:
        every = [(outcome, {"corpora": [target]}) for outcome in outcomes]
        row(f"all speakers of {target}, each unseen by its model", every)
    for outcome in corpora:
        row(f"the whole corpus {outcome.held_out[0]}", [(outcome, {})])
    return "\n".join(lines)


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
        figures(judged(shipped, speaker=speaker, way=PLAIN), settings)["confusion"] for speaker in unseen
    )
    picture = pictures.confusion(
        f"{folder.name}: {', '.join(unseen)} (unseen)", LABELS, LABELS, np.asarray(counts), "recordings"
    )
    (folder / PICTURE).write_text(picture, encoding="utf-8")
    research_only = licences.research_only(used)
    values = {
        "name": folder.name,
        "bytes": f"{len(shipped.content):,}",
        "research_only": "yes" if research_only else "no",
        "licences": "\n".join(f"| {n} | {count} | {licences.licence(n)} |" for n, count in used.items()),
        "held_out": ", ".join(shipped.held_out) if len(shipped.held_out) < 12 else _short(shipped.held_out),
        "scored_rows": f'$3 == "{unseen[0]}"' if len(unseen) == 1 else f'$2 == "{target}"',
        "scores": _score_table(settings, outcomes, corpora, target),
        "picture": PICTURE,
        "prosody": settings.prosody,
        "steps": about.recipe.steps,
        "seed": about.recipe.seed,
        "command": about.command,
        "minutes": f"{about.seconds / 60:.0f}",
        "temperature": settings.temperature,
        "least_confidence": settings.least_confidence,
        "absent": ABSENT.format(names=", ".join(absent)) if absent else "",
        "pitch": UNLEARNED if settings.prosody == AUTOCORRELATION else LEARNED,
        "alerts": about_alerts(settings, target),
        "chosen_on": f"the held-out speakers of {target} in the other trainings"
        if len(outcomes) > 1
        else "two speakers of the seen corpora that the training did not see",
    }
    text = model_files.fill(Path(__file__).parent / "CARD.template.md", values)
    (folder / "CARD.md").write_text(text, encoding="utf-8")
    entry = model_files.Entry(
        kind="emotion",
        licence="trained on " + "; ".join(f"{name}: {licences.licence(name)}" for name in used),
        research_only=research_only,
        source="tools/train/emotion.py",
        purpose=PURPOSE,
    )
    model_files.enter(folder, entry, (EMOTION_FILE, SETTINGS_FILE))
    print(f"wrote {folder}\n{values['scores']}", flush=True)


def about_alerts(settings: Settings, target: str) -> str:
    """The card's passage on alerts."""
    if not settings.alerts:
        return SILENT.format(target=target)
    return ALERTS.format(angry=settings.alert_angry, sad=settings.alert_sad)


def _short(speakers: tuple[str, ...]) -> str:
    count = Counter(speaker.split("-")[0] for speaker in speakers)
    return ", ".join(f"{number} of {corpus}" for corpus, number in count.items())
