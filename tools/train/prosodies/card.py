"""The model's files: int8 model, settings, results; and the card and its picture, made of the results."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import msgspec
import numpy as np

from appliance.affect.models import PROSODY_FILE, PROSODY_SETTINGS
from appliance.affect.periods import PERIODS_VERSION
from appliance.affect.prosody_model import Settings
from appliance.affect.scores import GROSS, PitchErrors, pitch_intervals
from tools.train import licences, measured, model_files, pictures

if TYPE_CHECKING:
    from tools.train.prosodies.network import Recipe

PURPOSE = "Pitch and voicing of the customer every 10 ms of telephone speech, int8."
PICTURE = "voicing.svg"
_HEARD = ("unvoiced", "an octave low", "other, low", "right", "other, high", "an octave high")
_HEAD = """\
| unseen speaker | recordings | gross pitch error (95 % interval) | voicing error (95 % interval) | cents \
| float: gross, voicing |
|---|---|---|---|---|---|
"""


@dataclass(frozen=True)
class About:
    """What the card says of the training."""

    recipe: Recipe
    command: str
    copies: int
    voices: int
    unmarked: int


def _errors(parts: list[PitchErrors]) -> dict[str, Any]:
    total = sum(parts, PitchErrors(0, 0, 0, 0, 0.0))
    gross, voicing = pitch_intervals(parts)
    return {
        "recordings": len(parts),
        "gross": [round(x, 4) for x in (total.gross_pitch_error, *gross)],
        "voicing": [round(x, 4) for x in (total.voicing_error, *voicing)],
        "cents": round(total.cents_rmse, 1),
    }


def rows(speakers: dict[str, list[PitchErrors]], name: str) -> list[dict[str, Any]]:
    """The figures of a tracker on each speaker, and on all of them where there are several."""
    found = [{"tracker": name, "speaker": speaker, **_errors(parts)} for speaker, parts in speakers.items()]
    if len(speakers) > 1:
        every = [part for parts in speakers.values() for part in parts]
        found.append({"tracker": name, "speaker": "all of them", **_errors(every)})
    return found


def _confusion(outcomes: list[Any], bound: float) -> np.ndarray:
    counts = np.zeros((2, len(_HEARD)), np.int64)
    pairs = [pair for one in outcomes for pair in zip(one.tracks, one.int8_heard, strict=True)]
    for track, (heard, voicing) in pairs:
        pitch = np.where(voicing >= bound, heard, 0.0)
        known = np.isfinite(track.pitch)
        ratio = np.log2(np.maximum(pitch, 1.0) / np.maximum(track.pitch, 1.0))
        right = np.abs(np.exp2(ratio) - 1) <= GROSS
        where = np.select(
            [
                pitch == 0,
                (track.pitch == 0) | right,
                np.abs(ratio + 1) < 0.2,
                np.abs(ratio - 1) < 0.2,
                ratio < 0,
            ],
            [0, 3, 1, 5, 2],
            default=4,
        )
        for row in (0, 1):
            inside = known & ((track.pitch > 0) == bool(row))
            counts[row] += np.bincount(where[inside], minlength=len(_HEARD))
    return counts


def write(folder: Path, outcomes: list[Any], bound: float, bounds: dict[str, float], about: About) -> None:
    """Write the last outcome's model, its results, and its entry in the manifest beside its folder.

    `bound` is the model's bound of voicing, `bounds` those that speakers are scored with.
    """
    shipped = outcomes[-1]
    held_out = tuple(dict.fromkeys(track.speaker for track in shipped.tracks))
    folder.mkdir(parents=True, exist_ok=True)
    (folder / PROSODY_FILE).write_bytes(shipped.content)
    settings = Settings(periods=PERIODS_VERSION, voiced_from=bound, held_out=held_out)
    (folder / PROSODY_SETTINGS).write_bytes(
        msgspec.json.format(msgspec.json.encode(settings), indent=1) + b"\n"
    )
    exact: dict[str, list[PitchErrors]] = {}
    quantized: dict[str, list[PitchErrors]] = {}
    for outcome in outcomes:
        for speaker in dict.fromkeys(track.speaker for track in outcome.tracks):
            own = bounds.get(speaker, bound)
            exact[speaker] = outcome.errors(own, quantized=False)[speaker]
            quantized[speaker] = outcome.errors(own, quantized=True)[speaker]
    results = {
        "kind": "prosody",
        "command": about.command,
        "epochs": about.recipe.epochs,
        "seed": about.recipe.seed,
        "copies": about.copies,
        "voices": about.voices,
        "unmarked": about.unmarked,
        "bytes": len(shipped.content),
        "corpora": list(shipped.corpora),
        "held_out": list(held_out),
        "scored": list(held_out),
        "bound": bound,
        "bounds": sorted(set(bounds.values()) or {bound}),
        "model": rows(quantized, "this model, int8"),
        "float": rows(exact, "this model, float"),
        "confusion": _confusion(outcomes, bound).tolist(),
    }
    measured.write(folder, results)
    entry = model_files.Entry(
        kind="prosody",
        licence="trained on " + _said(shipped.corpora),
        research_only=licences.research_only(shipped.corpora),
        source="tools/train/prosody.py",
        purpose=PURPOSE,
    )
    model_files.enter(folder, entry, (PROSODY_FILE, PROSODY_SETTINGS))


def _line(row: dict[str, Any], beside: dict[str, Any] | None = None) -> str:
    gross, voicing = (
        f"{100 * value:.2f}% ({100 * low:.2f}% to {100 * high:.2f}%)"
        for value, low, high in (row["gross"], row["voicing"])
    )
    name = f"*{row['tracker']}*, {row['speaker']}" if beside is None else row["speaker"]
    plain = "" if beside is None else f"{100 * beside['gross'][0]:.2f}%, {100 * beside['voicing'][0]:.2f}%"
    return f"| {name} | {row['recordings']} | {gross} | {voicing} | {row['cents']:.0f} | {plain} |"


def render(folder: Path) -> None:
    """Make the card and its picture of the results."""
    results = measured.read(folder)
    held_out, corpora = results["held_out"], results["corpora"]
    lines = [_line(row, exact) for row, exact in zip(results["model"], results["float"], strict=True)]
    lines += [_line(row) for row in results.get("others", [])]
    picture = pictures.confusion(
        f"{folder.name}: frames of {', '.join(row['speaker'] for row in results['model'][:3])} (unseen)",
        ("unvoiced", "voiced"),
        _HEARD,
        np.array(results["confusion"]),
        "10 ms frames",
    )
    (folder / PICTURE).write_text(picture, encoding="utf-8")
    marked = f"every marked recording but those of {held_out[0]}"
    values = results | {
        "bounds": " or ".join(f"{one:g}" for one in results["bounds"]),
        "name": folder.name,
        "bytes": f"{results['bytes']:,}",
        "research_only": "yes" if licences.research_only(corpora) else "no",
        "licences": "\n".join(f"| {name} | {licences.licence(name)} |" for name in corpora),
        "marked": "no recording with glottal marks" if len(held_out) > 1 else marked,
        "held_out": ", ".join(held_out),
        "scores": _HEAD + "\n".join(lines),
        "measured": measured.said(results),
        "picture": PICTURE,
    }
    text = model_files.fill(Path(__file__).parent / "CARD.template.md", values)
    (folder / "CARD.md").write_text(text, encoding="utf-8")


def _said(corpora: Iterable[str]) -> str:
    return "; ".join(f"{name}: {licences.licence(name)}" for name in corpora)


def others(compared: dict[str, dict[str, list[PitchErrors]]]) -> list[dict[str, Any]]:
    """The figures of the trackers that the model is compared with."""
    return [row for name, speakers in compared.items() for row in rows(speakers, name)]


def add_others(folder: Path, compared: dict[str, dict[str, list[PitchErrors]]]) -> None:
    """Put the figures of other trackers beside those of the model."""
    measured.write(folder, measured.read(folder) | {"others": others(compared)})
