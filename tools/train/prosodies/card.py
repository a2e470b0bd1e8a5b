"""The model's files: int8 model, settings, card with its picture, and its entry in models/manifest.toml."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import msgspec
import numpy as np

from appliance.affect.models import PROSODY_FILE, PROSODY_SETTINGS
from appliance.affect.periods import PERIODS_VERSION
from appliance.affect.prosody_model import Settings, decode
from appliance.affect.scores import GROSS, PitchErrors, pitch_intervals
from tools.train import licences, model_files, pictures

if TYPE_CHECKING:
    from tools.train.prosodies.network import Recipe

PURPOSE = "Pitch and voicing of the customer every 10 ms of telephone speech, int8."
PICTURE = "voicing.svg"
_HEARD = ("unvoiced", "an octave low", "other, low", "right", "other, high", "an octave high")


@dataclass(frozen=True)
class About:
    """What the card says of the training."""

    recipe: Recipe
    copies: int
    voices: int


def _row(who: str, parts: list[PitchErrors], plain: list[PitchErrors] | None = None) -> str:
    total = sum(parts, PitchErrors(0, 0, 0, 0, 0.0))
    gross, voicing = pitch_intervals(parts)
    beside = ""
    if plain is not None:
        float_total = sum(plain, PitchErrors(0, 0, 0, 0, 0.0))
        beside = f"{float_total.gross_pitch_error:.2%}, {float_total.voicing_error:.2%}"
    return (
        f"| {who} | {len(parts)} | {total.gross_pitch_error:.2%} ({gross[0]:.2%} to {gross[1]:.2%}) | "
        f"{total.voicing_error:.2%} ({voicing[0]:.2%} to {voicing[1]:.2%}) | {total.cents_rmse:.0f} | "
        f"{beside} |"
    )


def _table(
    outcomes: list[Any], held_out: tuple[str, ...], bound: float,
    others: dict[str, dict[str, list[PitchErrors]]],
) -> str:  # fmt: skip
    lines = [
        "| unseen speaker | recordings | gross pitch error (95 % interval) | voicing error (95 % interval) "
        "| cents | float: gross, voicing |",
        "|---|---|---|---|---|---|",
    ]
    every: list[PitchErrors] = []
    plain: list[PitchErrors] = []
    for outcome in outcomes:
        exact = outcome.errors(bound, quantized=False)
        for speaker, parts in outcome.errors(bound, quantized=True).items():
            shipped = " (the shipped model)" if outcome is outcomes[-1] and speaker in held_out else ""
            lines.append(_row(f"{speaker}{shipped}", parts, exact[speaker]))
            every += parts
            plain += exact[speaker]
    lines.append(_row("all, each unseen by its model", every, plain))
    for name, speakers in others.items():
        for speaker, parts in speakers.items():
            lines.append(_row(f"*{name}*, {speaker}", parts))
        lines.append(_row(f"*{name}*, all", [part for parts in speakers.values() for part in parts]))
    return "\n".join(lines)


def _confusion(outcome: Any, bound: float) -> np.ndarray:
    counts = np.zeros((2, len(_HEARD)), np.int64)
    for track, scores in zip(outcome.tracks, outcome.int8_scores, strict=True):
        pitch = decode(scores, bound)[0]
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


def write(
    folder: Path, outcomes: list[Any], held_out: tuple[str, ...], bound: float,
    others: dict[str, dict[str, list[PitchErrors]]], about: About,
) -> None:  # fmt: skip
    """Write the files of the last outcome's model and put its entry into the manifest beside its folder."""
    shipped = outcomes[-1]
    folder.mkdir(parents=True, exist_ok=True)
    (folder / PROSODY_FILE).write_bytes(shipped.content)
    settings = Settings(periods=PERIODS_VERSION, voiced_from=bound, held_out=held_out)
    (folder / PROSODY_SETTINGS).write_bytes(
        msgspec.json.format(msgspec.json.encode(settings), indent=1) + b"\n"
    )
    title = f"{folder.name}: frames of {', '.join(held_out)} (unseen)"
    picture = pictures.confusion(
        title, ("unvoiced", "voiced"), _HEARD, _confusion(shipped, bound), "10 ms frames"
    )
    (folder / PICTURE).write_text(picture, encoding="utf-8")
    marked = (
        "no marked recording" if len(held_out) > 1 else f"every marked recording but those of {held_out[0]}"
    )
    values = {
        "name": folder.name,
        "bytes": f"{len(shipped.content):,}",
        "research_only": "yes" if licences.research_only(shipped.corpora) else "no",
        "licences": "\n".join(f"| {name} | {licences.licence(name)} |" for name in shipped.corpora),
        "marked": marked,
        "held_out": ", ".join(held_out),
        "first": held_out[0],
        "bound": bound,
        "scores": _table(outcomes, held_out, bound, others),
        "epochs": about.recipe.epochs,
        "seed": about.recipe.seed,
        "copies": about.copies,
        "voices": about.voices,
        "picture": PICTURE,
    }
    text = model_files.fill(Path(__file__).parent / "CARD.template.md", values)
    (folder / "CARD.md").write_text(text, encoding="utf-8")
    entry = model_files.Entry(
        kind="prosody",
        licence="trained on " + _said(shipped.corpora),
        research_only=licences.research_only(shipped.corpora),
        source="tools/train/prosody.py",
        purpose=PURPOSE,
    )
    model_files.enter(folder, entry, (PROSODY_FILE, PROSODY_SETTINGS))
    print(f"wrote {folder}\n{values['scores']}", flush=True)


def _said(corpora: Iterable[str]) -> str:
    return "; ".join(f"{name}: {licences.licence(name)}" for name in Counter(corpora))
