"""Scores of the models of this room on the recordings of a manifest."""

from __future__ import annotations

import csv
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any, Final

import numpy as np
import soundfile
from numpy.typing import NDArray

from appliance.affect import scores
from appliance.affect.baseline import Baseline, Normal
from appliance.affect.emotion import LABELS, pooled
from appliance.affect.frames import Frames, measure
from appliance.affect.models import AffectModels
from appliance.affect.pitch import PitchTracker
from appliance.affect.prosody import learn_recording
from appliance.affect.window import windows
from appliance.cli import CommandError
from appliance.telephony.band import TELEPHONE_RATE, telephone_band, to_rate

#: How the emotions of the corpora are folded into four; what is missing here (surprise) is not scored.
FOLDED: Final = {
    "angry": "angry", "disgust": "angry", "happy": "happy", "neutral": "neutral", "calm": "neutral",
    "sad": "sad", "fear": "sad",
}  # fmt: skip
_BATCH: Final = 16
#: seed of the order in which the recordings of a speaker follow each other
_SEED: Final = 20


def read_manifest(path: Path, columns: Sequence[str]) -> list[dict[str, str]]:
    """The rows of a manifest.

    Raises:
        CommandError: it cannot be read, has no rows, or lacks one of the columns.
    """
    try:
        with path.open(encoding="utf-8", newline="") as stream:
            rows = list(csv.DictReader(stream, delimiter="\t"))
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise CommandError(f"{path} cannot be read as a manifest: {error}; name a TSV file") from error
    missing = [column for column in columns if not rows or rows[0].get(column) is None]
    if missing:
        raise CommandError(
            f"{path} has no rows with the column {missing[0]}; the first line names the columns, separated "
            f"by tabs: {', '.join(columns)}"
        )
    return rows


def read_audio(path: Path, band: str | None) -> tuple[NDArray[np.int16], int]:
    """A recording at 8 kHz, int16 of shape (n,), and the rate it was stored at; two channels are mixed.

    Raises:
        CommandError: it cannot be read.
    """
    try:
        samples, rate = soundfile.read(path, dtype="int16", always_2d=True)
    except (OSError, soundfile.LibsndfileError) as error:
        raise CommandError(f"{path} cannot be read as audio: {error}; check the manifest's paths") from error
    mono = np.asarray(samples.mean(axis=1), np.int16)
    narrow = telephone_band(mono, rate) if band == "telephone" else to_rate(mono, rate, TELEPHONE_RATE)
    return narrow, int(rate)


def measured(
    tracker: PitchTracker, rows: Sequence[dict[str, str]], base: Path, band: str | None
) -> Iterable[Frames]:
    """The frames of each row's recording, in the rows' order."""
    for start in range(0, len(rows), _BATCH):
        some = rows[start : start + _BATCH]
        yield from measure([read_audio(base / row["path"], band)[0] for row in some], tracker)


def normal_voices(frames: Sequence[Frames], speakers: Sequence[str]) -> list[Normal | None]:
    """The normal voice that each recording is judged with, as in a call.

    The recordings of a speaker follow each other in a drawn order, the same every time; each is judged with
    what those before it have told.
    """
    voices: list[Normal | None] = [None] * len(frames)
    baselines: dict[str, Baseline] = {}
    for number in np.random.default_rng(_SEED).permutation(len(frames)):
        baseline = baselines.setdefault(speakers[number], Baseline())
        voices[number] = baseline.normal
        learn_recording(baseline, frames[number])
    return voices


def score_emotion(
    models: AffectModels,
    rows: Sequence[dict[str, str]],
    base: Path,
    band: str | None,
    *,
    alone: bool = False,
) -> tuple[dict[str, Any], list[tuple[str, ...]]]:
    """Score emotion; the result of `ridge eval emotion --json` and a line an item.

    An item's probabilities are the mean of its windows'. `uar` takes the likeliest of the four labels of
    every item; `abstained` is the share of items on which the appliance would say "uncertain" (among them
    those with too little speech to judge, which count as neutral in `uar`).
    """
    model = models.emotion
    if model is None:
        raise CommandError("no emotion model is loaded; name one with --model")
    kept = [row for row in rows if row["emotion"] in FOLDED]
    unknown = {row["emotion"] for row in rows} - set(FOLDED) - {"surprise"}
    if unknown:
        raise CommandError(
            f"the emotion {sorted(unknown)[0]} is unknown; known: {', '.join(FOLDED)}, surprise"
        )
    truth = np.array([LABELS.index(FOLDED[row["emotion"]]) for row in kept], np.intp)
    probabilities = np.full((len(kept), len(LABELS)), 0.25)
    heard = np.zeros(len(kept), np.bool_)
    heard_frames = list(measured(models.tracker, kept, base, band))
    normals = normal_voices(heard_frames, [row["speaker"] for row in kept])
    for index, (frames, normal) in enumerate(zip(heard_frames, normals, strict=True)):
        pictures = windows(frames, None if alone else normal)
        if len(pictures):
            heard[index] = True
            probabilities[index] = pooled(model, [pictures])[0]
    chosen = np.where(heard, probabilities.argmax(axis=1), LABELS.index("neutral"))
    counts = scores.confusion(truth, chosen, len(LABELS))
    low, high = scores.recall_interval(truth, chosen, len(LABELS))
    sure = heard & (probabilities.max(axis=1) >= model.settings.least_confidence)
    result = {
        "n": len(kept),
        "uar": round(scores.unweighted_average_recall(counts), 4),
        "uar_low": round(low, 4),
        "uar_high": round(high, 4),
        "ece": round(scores.expected_calibration_error(probabilities[heard], truth[heard]), 4),
        "abstained": round(float(1 - sure.mean()), 4) if kept else 0.0,
        "labels": list(LABELS),
        "confusion": counts.tolist(),
    }
    lines: list[tuple[str, ...]] = []
    for row, choice, is_sure, shares in zip(kept, chosen, sure, probabilities, strict=True):
        likeliest = LABELS[choice]
        answer = likeliest if is_sure else "uncertain"
        figures = [f"{share:.4f}" for share in shares]
        lines.append((row["path"], row["speaker"], row["emotion"], answer, likeliest, *figures))
    return result, lines


def score_prosody(
    tracker: PitchTracker, rows: Sequence[dict[str, str]], base: Path, band: str | None
) -> tuple[dict[str, Any], list[tuple[str, ...]]]:
    """Score pitch and voicing against glottal marks; the result of `ridge eval prosody --json`, and lines."""
    total = scores.PitchErrors(0, 0, 0, 0, 0.0)
    lines: list[tuple[str, ...]] = []
    for row, frames in zip(rows, measured(tracker, rows, base, band), strict=True):
        try:
            marks = np.fromfile(base / row["marks"], "<i4")
        except OSError as error:
            raise CommandError(f"{base / row['marks']} cannot be read: {error.strerror}") from error
        reference = scores.pitch_from_marks(marks, 16_000, len(frames))
        errors = scores.pitch_errors(frames.pitch, reference)
        total += errors
        lines.append(
            (
                row["path"],
                f"{errors.gross_pitch_error:.4f}",
                f"{errors.voicing_error:.4f}",
                f"{errors.cents_rmse:.1f}",
            )
        )
    result = {
        "n": len(rows),
        "gross_pitch_error": round(total.gross_pitch_error, 4),
        "voicing_error": round(total.voicing_error, 4),
        "cents_rmse": round(total.cents_rmse, 1),
    }
    return result, lines
