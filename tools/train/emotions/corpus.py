"""The recordings of a manifest, measured: what the network learns from."""

from __future__ import annotations

import csv
import sys
import time
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import soundfile
from numpy.typing import NDArray

from appliance.affect.frames import measure
from appliance.affect.pitch import AutocorrelationTracker
from appliance.affect.window import LEAST_FRAMES, WINDOW_FRAMES, picture, speech_only
from tools.train.emotions import nonspeech
from tools.train.emotions.augment import telephone_copy

#: what the network tells apart; `calm` counts as neutral, `none` is no speech
CLASSES = ("angry", "disgust", "fear", "happy", "neutral", "sad", "surprise", "none")
SAME = {"calm": "neutral"}
#: windows that one copy of a recording gives at most
_WINDOWS = 2


#: a telephone copy of a recording: samples, emotion, speaker, index in the manifest, whether unchanged
Copy = tuple[NDArray[np.int16], str, str, int, bool]


@dataclass(frozen=True)
class Item:
    """One recording of the manifest."""

    path: Path
    corpus: str
    speaker: str
    emotion: str
    seconds: float


@dataclass(frozen=True)
class Material:
    """Measured copies of recordings."""

    #: shape (n, STEPS, 1, CHANNELS), float16 to save memory
    windows: NDArray[np.float16]
    #: index into CLASSES, shape (n,)
    labels: NDArray[np.int64]
    #: shape (n,)
    speakers: NDArray[np.str_]
    #: index of the recording in the manifest, -1 for signals made here, shape (n,)
    items: NDArray[np.int64]
    #: whether the window is of an unchanged copy
    plain: NDArray[np.bool_]


def read_manifest(path: Path) -> list[Item]:
    """The items of a TSV with the columns path, speaker, emotion (and corpus, seconds where known)."""
    with path.open(encoding="utf-8", newline="") as stream:
        rows = list(csv.DictReader(stream, delimiter="\t"))
    items = []
    for row in rows:
        emotion = SAME.get(row["emotion"], row["emotion"])
        if emotion not in CLASSES:
            sys.exit(f"{path}: emotion {row['emotion']!r} is unknown; use one of {', '.join(CLASSES)}, calm")
        corpus = row.get("corpus") or row["speaker"].split("-")[0]
        seconds = float(row.get("seconds") or 3.0)
        items.append(Item(path.parent / row["path"], corpus, row["speaker"], emotion, seconds))
    return items


def prepare(items: list[Item], copies: dict[str, int], nothing: int, seed: int) -> Material:
    """Measure a plain copy and `copies[corpus]` changed ones of each item, and `nothing` of no speech."""
    rng = np.random.default_rng(seed)
    tracker = AutocorrelationTracker()
    windows, labels, speakers, numbers, plain = [], [], [], [], []

    def keep(batch: list[Copy]) -> None:
        for frames, (_, label, speaker, index, is_plain) in zip(
            measure([one[0] for one in batch], tracker), batch, strict=True
        ):
            speech = speech_only(frames)
            if len(speech) < LEAST_FRAMES:
                continue
            spare = max(0, len(speech) - WINDOW_FRAMES)
            for start in {0, spare} if is_plain else set(rng.integers(0, spare + 1, _WINDOWS).tolist()):
                piece = speech.at(slice(start, start + WINDOW_FRAMES))
                windows.append(picture(piece).astype(np.float16))
                labels.append(CLASSES.index(label))
                speakers.append(speaker)
                numbers.append(index)
                plain.append(is_plain)

    jobs = sorted(enumerate(items), key=lambda pair: pair[1].seconds)
    batch: list[Copy] = []
    began = time.monotonic()
    for number, (index, item) in enumerate(jobs):
        samples, rate = soundfile.read(item.path)
        batch.append((telephone_copy(samples, rate, None), item.emotion, item.speaker, index, True))
        for _ in range(copies.get(item.corpus, 1)):
            batch.append((telephone_copy(samples, rate, rng), item.emotion, item.speaker, index, False))
        if len(batch) >= 48:
            keep(batch)
            batch = []
        if number % 200 == 199:
            print(f"measured {number + 1} of {len(jobs)}, {time.monotonic() - began:.0f} s", flush=True)
    for _ in range(nothing):
        batch.append((telephone_copy(nonspeech.signal(rng), nonspeech.RATE, rng), "none", "none", -1, False))
        if len(batch) >= 48:
            keep(batch)
            batch = []
    if batch:
        keep(batch)
    return Material(
        np.stack(windows), np.array(labels), np.array(speakers), np.array(numbers), np.array(plain)
    )
