"""The model's files: int8 model, settings, card, and its entry in models/manifest.toml."""

from __future__ import annotations

import hashlib
import re
from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING, Any

import msgspec
import numpy as np

from appliance.affect import scores
from appliance.affect.emotion import LABELS, Settings
from appliance.affect.models import EMOTION_FILE, SETTINGS_FILE
from tools.train.emotions.calibration import Judged, by_item
from tools.train.emotions.corpus import Item

if TYPE_CHECKING:
    from tools.train.emotions.network import Recipe

#: what the sources say of the data; a corpus that is not here makes the model research only, too
LICENCES = {
    "casia": ("no licence stated, a research corpus", False),
    "emodb": ("free to use, as its site says", True),
    "ravdess": ("CC BY-NC-SA 4.0", False),
}
PURPOSE = "Emotion of the customer (angry, happy, neutral, sad) in 2.56 s of telephone speech, int8."


def figures(judged: Judged, settings: Settings) -> dict[str, Any]:
    """Recall with its interval, calibration error and confusion of recordings."""
    probabilities, truth = by_item(judged, settings)
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


def _row(name: str, plain: dict[str, Any], quantized: dict[str, Any]) -> str:
    return (
        f"| {name} | {quantized['n']} | {plain['uar']:.3f} | {quantized['uar']:.3f} "
        f"({quantized['low']:.3f} to {quantized['high']:.3f}) | {quantized['ece']:.3f} |"
    )


def _score_table(settings: Settings, outcomes: list[Any]) -> str:
    lines = [
        "| unseen speakers | recordings | UAR float | UAR int8 (95 % interval) | calibration error int8 |",
        "|---|---|---|---|---|",
    ]
    for number, outcome in enumerate(outcomes):
        shipped = " (the shipped model)" if number == len(outcomes) - 1 else ""
        for corpus in sorted({str(s).split("-")[0] for s in outcome.speakers}):
            inside = np.char.startswith(outcome.speakers, corpus)
            who = ", ".join(s for s in outcome.held_out if s.startswith(corpus))
            plain, quantized = (
                figures(Judged(logits[inside], outcome.labels[inside], outcome.items[inside]), settings)
                for logits in (outcome.float_logits, outcome.int8_logits)
            )
            lines.append(_row(f"{who}{shipped}", plain, quantized))
    mandarin = [np.char.startswith(o.speakers, "casia") for o in outcomes]
    if all(inside.any() for inside in mandarin):
        both = [
            Judged(
                np.concatenate([getattr(o, kind)[i] for o, i in zip(outcomes, mandarin, strict=True)]),
                np.concatenate([o.labels[i] for o, i in zip(outcomes, mandarin, strict=True)]),
                np.concatenate([o.items[i] for o, i in zip(outcomes, mandarin, strict=True)]),
            )
            for kind in ("float_logits", "int8_logits")
        ]
        lines.append(
            _row("all Mandarin speakers, each unseen by its model", *(figures(b, settings) for b in both))
        )
    return "\n".join(lines)


def _confusion_table(settings: Settings, outcome: Any) -> str:
    inside = np.char.startswith(outcome.speakers, outcome.held_out[0])
    judged = Judged(outcome.int8_logits[inside], outcome.labels[inside], outcome.items[inside])
    counts = figures(judged, settings)["confusion"]
    lines = [f"| acted \\ heard as | {' | '.join(LABELS)} |", "|---" * (len(LABELS) + 1) + "|"]
    lines += [
        f"| {label} | {' | '.join(str(n) for n in row)} |" for label, row in zip(LABELS, counts, strict=True)
    ]
    return "\n".join(lines)


def write(
    folder: Path, settings: Settings, outcomes: list[Any], items: list[Item], recipe: Recipe, seconds: float
) -> None:
    """Write the files of the model and put its entry into the manifest beside its folder."""
    shipped = outcomes[-1]
    (folder / EMOTION_FILE).write_bytes(shipped.content)
    (folder / SETTINGS_FILE).write_bytes(msgspec.json.format(msgspec.json.encode(settings), indent=1) + b"\n")
    used = Counter(item.corpus for item in items if item.speaker not in shipped.held_out)
    licences = [
        f"| {name} | {count} | {LICENCES.get(name, ('unknown', False))[0]} |" for name, count in used.items()
    ]
    research_only = not all(LICENCES.get(name, ("", False))[1] for name in used)
    template = (Path(__file__).parent / "CARD.template.md").read_text(encoding="utf-8")
    values = {
        "name": folder.name,
        "bytes": f"{len(shipped.content):,}",
        "research_only": "yes" if research_only else "no",
        "licences": "\n".join(licences),
        "held_out": ", ".join(shipped.held_out),
        "first": shipped.held_out[0],
        "scores": _score_table(settings, outcomes),
        "confusion": _confusion_table(settings, shipped),
        "epochs": recipe.epochs,
        "seed": recipe.seed,
        "minutes": f"{seconds / 60:.0f}",
        "temperature": settings.temperature,
        "least_confidence": settings.least_confidence,
        "alert_angry": settings.alert_angry,
        "alert_sad": settings.alert_sad,
    }
    text = re.sub(r"\{\{(\w+)\}\}", lambda match: str(values[match[1]]), template)
    (folder / "CARD.md").write_text(text, encoding="utf-8")
    _list(folder, "; ".join(f"{n}: {LICENCES.get(n, ('unknown', False))[0]}" for n in used), research_only)
    print(f"wrote {folder}\n{values['scores']}", flush=True)


def _list(folder: Path, licence: str, research_only: bool) -> None:
    manifest = folder.parent / "manifest.toml"
    entry = [
        "[[model]]",
        f'name = "{folder.name}"',
        'kind = "emotion"',
        f'licence = "trained on {licence}"',
        f"research_only = {str(research_only).lower()}",
        'source = "tools/train/emotion.py"',
        f'purpose = "{PURPOSE}"',
        f'card = "{folder.name}/CARD.md"',
    ]
    for name in (EMOTION_FILE, SETTINGS_FILE):
        content = (folder / name).read_bytes()
        digest = hashlib.sha256(content).hexdigest()
        entry += ["", "[[model.file]]", f'name = "{name}"', f"bytes = {len(content)}", f'sha256 = "{digest}"']
    text = manifest.read_text(encoding="utf-8") if manifest.is_file() else ""
    parts = re.split(r"(?m)^(?=\[\[model\]\]$)", text)
    places = [number for number, part in enumerate(parts) if f'\nname = "{folder.name}"\n' in part]
    # an entry keeps its place, a new one comes last
    if places:
        parts[places[0]] = "\n".join(entry)
    else:
        parts.append("\n".join(entry))
    kept = [part.rstrip("\n") for part in parts]
    manifest.write_text("\n\n".join(kept).lstrip("\n") + "\n", encoding="utf-8")
