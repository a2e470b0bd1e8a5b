"""Recordings with glottal marks and made-up voices, frame by frame: what the network learns from."""

from __future__ import annotations

import csv
import pickle
import sys
import time
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import soundfile
from numpy.typing import NDArray

from appliance.affect import features
from appliance.affect.features import CHUNK, HOP, Floats, Framer
from appliance.affect.periods import INPUTS
from appliance.affect.prosody_model import Level, described
from appliance.affect.scores import pitch_from_marks
from tools.train.emotions.augment import Line
from tools.train.prosodies import synthetic, teacher

#: the marks of a manifest count samples at this rate
MARKS_RATE = 16_000
SYNTHETIC = "synthetic"
#: of the changes to recordings and the made-up voices
_SEED = 1


@dataclass(frozen=True)
class Item:
    """One recording of a manifest."""

    path: Path
    #: None where the pitch must be learned from other trackers
    marks: Path | None
    speaker: str
    corpus: str


@dataclass(frozen=True)
class Track:
    """One described copy of a recording."""

    #: shape (n, INPUTS), float16 to save memory
    inputs: NDArray[np.float16]
    #: Hz, 0 where unvoiced, NaN where it is not known, shape (n,)
    pitch: Floats
    speaker: str
    corpus: str
    #: index in the manifest, -1 for made-up voices
    item: int
    plain: bool


def read_manifest(path: Path, corpora: tuple[str, ...] | None = None) -> list[Item]:
    """The items of a TSV with the columns path, speaker, and marks and corpus where there are any.

    Only those of `corpora`, where that is given.
    """
    with path.open(encoding="utf-8", newline="") as stream:
        rows = list(csv.DictReader(stream, delimiter="\t"))
    if not rows or any(rows[0].get(column) is None for column in ("path", "speaker")):
        sys.exit(f"{path} has no rows with the columns path and speaker; write them as a TSV")
    items = []
    for row in rows:
        marks = path.parent / row["marks"] if row.get("marks") else None
        corpus = row.get("corpus") or row["speaker"].split("-")[0]
        if corpora is None or corpus in corpora:
            items.append(Item(path.parent / row["path"], marks, row["speaker"], corpus))
    return items


def describe(samples: NDArray[np.int16]) -> Floats:
    """The model's input for each frame of a recording, int16 at 8 kHz, as a stream would give it."""
    count = len(samples) // HOP
    framer, level, parts = Framer(), Level(), []
    step = CHUNK * HOP
    chunks = -(-count // CHUNK)
    padded = np.pad(samples, (0, (chunks + 1) * step - len(samples)))
    framer.push(padded[:step])
    for chunk in range(chunks):
        framer.push(padded[(chunk + 1) * step : (chunk + 2) * step])
        frames = framer.take()[0][None]
        parts.append(described([level], frames, features.energy_db(frames))[0])
    return np.concatenate(parts)[:count] if parts else np.zeros((0, INPUTS), np.float32)


def _recorded(item: Item, index: int, copies: int, rng: np.random.Generator) -> list[Track]:
    samples, rate = soundfile.read(item.path)
    if item.marks is not None:
        marks = np.fromfile(item.marks, "<i4")
    else:
        taught = teacher.agreed(samples, rate, int(100 * len(samples) / rate))
    tracks = []
    for copy in range(copies + 1):
        # a changed speed is a changed pitch, so a few speakers sound like many
        speed = 1.0 if copy == 0 else float(np.exp(rng.uniform(np.log(0.72), np.log(1.4))))
        line = Line.draw(rng, speed) if copy else Line()
        narrow = line.carry(samples, rate, rng)
        count = len(narrow) // HOP
        if item.marks is not None:
            pitch = pitch_from_marks(np.asarray(marks / speed, np.int32), MARKS_RATE, count)
        else:
            places = np.minimum(((np.arange(count) + 0.5) * speed).astype(np.intp), len(taught) - 1)
            pitch = taught[places] * np.float32(speed)
        tracks.append(
            Track(describe(narrow).astype(np.float16), pitch, item.speaker, item.corpus, index, copy == 0)
        )
    return tracks


def _made_up(rng: np.random.Generator) -> Track:
    samples, truth = synthetic.voice(rng)
    narrow = Line.draw(rng, 1.0).carry(samples, synthetic.RATE, rng)
    middles = (np.arange(len(narrow) // HOP) * HOP + HOP // 2) * (synthetic.RATE // features.RATE)
    pitch = np.asarray(truth[np.minimum(middles, len(truth) - 1)], np.float32)
    return Track(describe(narrow).astype(np.float16), pitch, SYNTHETIC, SYNTHETIC, -1, False)


def prepare(items: list[Item], copies: int, voices: int, seed: int) -> list[Track]:
    """A plain copy and `copies` changed ones of each item, and `voices` made-up ones."""
    rng = np.random.default_rng(seed)
    tracks: list[Track] = []
    began = time.monotonic()
    for index, item in enumerate(items):
        tracks += _recorded(item, index, copies, rng)
        if index % 150 == 149:
            print(f"described {index + 1} of {len(items)}, {time.monotonic() - began:.0f} s", flush=True)
    for number in range(voices):
        tracks.append(_made_up(rng))
        if number % 150 == 149:
            print(f"made up {number + 1} of {voices}, {time.monotonic() - began:.0f} s", flush=True)
    return tracks


def kept_or_prepared(items: list[Item], copies: int, voices: int, file: Path | None) -> list[Track]:
    """As `prepare`, from the file where it is there; else it is written. Only open files of your own."""
    if file is not None and file.exists():
        return list(pickle.loads(file.read_bytes()))
    tracks = prepare(items, copies, voices, _SEED)
    if file is not None:
        file.write_bytes(pickle.dumps(tracks))
    return tracks
