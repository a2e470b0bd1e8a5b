"""Recordings with glottal marks and made-up voices, frame by frame: what the network learns from."""

from __future__ import annotations

import csv
import pickle
import sys
import time
from collections import defaultdict
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import soundfile
from numpy.typing import NDArray

from appliance.affect import features
from appliance.affect.features import CHUNK, HOP, Floats, Framer
from appliance.affect.periods import INPUTS
from appliance.affect.prosody_model import Level, described
from appliance.affect.scores import LOWEST_MARKED_HZ, pitch_from_marks
from tools.train.emotions.augment import Line
from tools.train.prosodies import synthetic

#: the marks of a manifest count samples at this rate
MARKS_RATE = 16_000
SYNTHETIC = "synthetic"
#: of the changes to recordings and the made-up voices
_SEED = 1
#: a changed copy is played so much faster or slower that its middle pitch lies in this range, Hz: whoever
#: speaks, the network hears low voices and high ones
_LOWEST_MIDDLE_HZ, _HIGHEST_MIDDLE_HZ = 80.0, 340.0
#: but not slower or faster than this, and the first copy hardly: farther off it no longer sounds like speech
_SLOWEST, _FASTEST = 0.45, 2.0
_NEAR = 1.25


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


def _rows(path: Path) -> list[dict[str, str]]:
    with path.open(encoding="utf-8", newline="") as stream:
        rows = list(csv.DictReader(stream, delimiter="\t"))
    if not rows or any(rows[0].get(column) is None for column in ("path", "speaker")):
        sys.exit(f"{path} has no rows with the columns path and speaker; write them as a TSV")
    return rows


def read_manifest(path: Path) -> list[Item]:
    """The items of a TSV with the columns path, marks, speaker, and corpus where there is one."""
    rows = _rows(path)
    if any(not row.get("marks") for row in rows):
        sys.exit(f"{path} has rows without marks; list those in a manifest of --unmarked")
    return [
        Item(
            path.parent / row["path"],
            path.parent / row["marks"],
            row["speaker"],
            row.get("corpus") or row["speaker"].split("-")[0],
        )
        for row in rows
    ]


def read_unmarked(
    path: Path, corpora: tuple[str, ...] | None, without: tuple[str, ...], most: int
) -> list[Item]:
    """At most `most` recordings of each speaker of a TSV with the columns path, speaker, and corpus.

    Without a column of that name the corpus is the name of the manifest. Speakers in `without` are left out,
    and corpora that are not in `corpora`, where that is given.
    """
    speakers: dict[tuple[str, str], list[Item]] = defaultdict(list)
    for row in _rows(path):
        corpus = row.get("corpus") or path.stem
        if row["speaker"] not in without and (corpora is None or corpus in corpora):
            item = Item(path.parent / row["path"], None, row["speaker"], corpus)
            speakers[corpus, row["speaker"]].append(item)
    rng = np.random.default_rng(_SEED)
    return [own[n] for own in speakers.values() for n in sorted(rng.permutation(len(own))[:most])]


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


def _speed(middle: float, copy: int, rng: np.random.Generator) -> float:
    """How fast a copy is played of a recording with this middle pitch, Hz; copy 0 is plain."""
    if copy == 0:
        return 1.0
    if copy == 1:
        return float(_NEAR ** rng.uniform(-1, 1))
    wanted = np.exp(rng.uniform(np.log(_LOWEST_MIDDLE_HZ), np.log(_HIGHEST_MIDDLE_HZ)))
    return float(np.clip(wanted / middle, _SLOWEST, _FASTEST))


def _recorded(item: Item, index: int, copies: int, rng: np.random.Generator) -> list[Track]:
    samples, rate = soundfile.read(item.path)
    marks = None if item.marks is None else np.fromfile(item.marks, "<i4")
    frames = int(100 * len(samples) / rate)
    if marks is None:
        # the public trackers are only needed, and only loaded, for these
        from tools.train.prosodies import teacher

        known = teacher.agreed(samples, rate, frames)
    else:
        known = pitch_from_marks(marks, MARKS_RATE, frames)
    if not (known > 0).any():
        return []
    middle = float(np.median(known[known > 0]))
    tracks = []
    for copy in range(copies + 1):
        # a changed speed is a changed pitch, so a few speakers sound like many
        speed = _speed(middle, copy, rng)
        line = Line.draw(rng, speed) if copy else Line()
        narrow = line.carry(samples, rate, rng)
        count = len(narrow) // HOP
        if marks is not None:
            # what is voiced stays so, however slowly it is played
            lowest = LOWEST_MARKED_HZ * speed
            pitch = pitch_from_marks(np.asarray(marks / speed, np.int32), MARKS_RATE, count, lowest)
        else:
            places = np.minimum(((np.arange(count) + 0.5) * speed).astype(np.intp), len(known) - 1)
            pitch = known[places] * np.float32(speed)
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
