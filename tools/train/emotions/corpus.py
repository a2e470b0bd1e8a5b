"""The recordings of a manifest as calls of their speakers, measured: what the network learns from.

In a call the customer's normal voice becomes known little by little, and the line stays the same. So the
recordings of a speaker are played over one line in calls of CALL recordings, and a window is shown with the
normal voice that some others of its call give, or with none.
"""

from __future__ import annotations

import csv
import sys
import time
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass, fields
from pathlib import Path

import numpy as np
import soundfile
from numpy.typing import NDArray

from appliance.affect.baseline import Baseline, Normal
from appliance.affect.frames import Frames, measure
from appliance.affect.pitch import PitchTracker
from appliance.affect.prosody import learn_recording
from appliance.affect.window import LEAST_FRAMES, WINDOW_FRAMES, picture, speech_only, windows
from tools.train.emotions import nonspeech
from tools.train.emotions.augment import Line, level

#: what the network tells apart; `calm` counts as neutral, `none` is no speech
CLASSES = ("angry", "disgust", "fear", "happy", "neutral", "sad", "surprise", "none")
SAME = {"calm": "neutral"}
#: recordings of a call
CALL = 16
#: recordings that a normal voice is learned from, at most
_MOST_LEARNED = 12
#: windows with no normal voice, as at the start of a call
_UNKNOWN = 0.2
#: recordings vary in level by this much without a meaning (distance to the mouth), dB
_LEVEL_DB = 2.0
#: how a window came about
CHANGED, PLAIN, ALONE = 0, 1, 2


@dataclass(frozen=True)
class Item:
    """One recording of the manifest."""

    path: Path
    corpus: str
    speaker: str
    emotion: str
    seconds: float
    #: not read, and with emotion
    acted: bool = True


@dataclass(frozen=True)
class Material:
    """Windows of measured recordings."""

    #: shape (n, STEPS, 1, CHANNELS), float16 to save memory
    windows: NDArray[np.float16]
    #: index into CLASSES, shape (n,)
    labels: NDArray[np.int64]
    #: shape (n,)
    speakers: NDArray[np.str_]
    #: shape (n,)
    corpora: NDArray[np.str_]
    #: index of the recording in the manifest, -1 for signals made here, shape (n,)
    items: NDArray[np.int64]
    #: CHANGED; PLAIN: an unchanged recording of a call; ALONE: the same as the first of a call; shape (n,)
    ways: NDArray[np.int64]

    def some(self, chosen: NDArray[np.intp] | NDArray[np.bool_]) -> Material:
        """Some of the windows."""
        return Material(*(getattr(self, name.name)[chosen] for name in fields(self)))


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


def read_neutral(path: Path, most: int, without: tuple[str, ...], rng: np.random.Generator) -> list[Item]:
    """`most` of the longer recordings of a TSV with the columns path, speaker, seconds: read, so neutral.

    The corpus is the name of the manifest, and it stands before the names of the speakers.
    """
    with path.open(encoding="utf-8", newline="") as stream:
        rows = [row for row in csv.DictReader(stream, delimiter="\t") if row["speaker"] not in without]
    longer = [row for row in rows if 1.8 <= float(row["seconds"]) <= 8.0]
    chosen = rng.permutation(len(longer))[:most]
    return [
        Item(
            path.parent / longer[n]["path"],
            path.stem,
            f"{path.stem}-{longer[n]['speaker']}",
            "neutral",
            float(longer[n]["seconds"]),
            acted=False,
        )
        for n in sorted(chosen)
    ]


class _Collector:
    def __init__(self) -> None:
        self.windows: list[NDArray[np.float16]] = []
        self.rows: list[tuple[int, str, str, int, int]] = []

    def add(self, window: NDArray[np.float32], item: Item, index: int, way: int) -> None:
        self.windows.append(window.astype(np.float16))
        self.rows.append((CLASSES.index(item.emotion), item.speaker, item.corpus, index, way))

    def material(self) -> Material:
        labels, speakers, corpora, items, ways = zip(*self.rows, strict=True)
        return Material(
            np.stack(self.windows), np.array(labels), np.array(speakers), np.array(corpora),
            np.array(items), np.array(ways),
        )  # fmt: skip


def _measured(samples: list[NDArray[np.int16]], tracker: PitchTracker) -> list[Frames]:
    """Side by side where they are of similar length, in the given order."""
    order = sorted(range(len(samples)), key=lambda n: len(samples[n]))
    found: dict[int, Frames] = {}
    for start in range(0, len(order), 16):
        some = order[start : start + 16]
        found |= dict(zip(some, measure([samples[n] for n in some], tracker), strict=True))
    return [found[n] for n in range(len(samples))]


def _changed_calls(
    recordings: list[tuple[int, Item, NDArray[np.float64], int]],
    loudness: float,
    tracker: PitchTracker,
    rng: np.random.Generator,
    out: _Collector,
) -> None:
    order = rng.permutation(len(recordings))
    for start in range(0, len(order), CALL):
        line = Line.draw(rng)
        call = [recordings[n] for n in order[start : start + CALL]]
        gains = 10 ** (rng.normal(0.0, _LEVEL_DB, len(call)) / 20)
        heard = [
            line.carry(samples * gain, rate, rng, loudness)
            for (_, _, samples, rate), gain in zip(call, gains, strict=True)
        ]
        frames = _measured(heard, tracker)
        for number, (index, item, _, _) in enumerate(call):
            speech = speech_only(frames[number])
            if len(speech) < LEAST_FRAMES:
                continue
            spare = max(0, len(speech) - WINDOW_FRAMES)
            for begin in rng.integers(0, spare + 1, 2):
                piece = speech.at(slice(int(begin), int(begin) + WINDOW_FRAMES))
                out.add(picture(piece, _some_normal(frames, number, rng)), item, index, CHANGED)


def _some_normal(frames: list[Frames], number: int, rng: np.random.Generator) -> Normal | None:
    """The normal voice that some other recordings of the call give."""
    others = [n for n in range(len(frames)) if n != number]
    if not others or rng.random() < _UNKNOWN:
        return None
    baseline = Baseline()
    for n in rng.permutation(others)[: int(rng.integers(1, _MOST_LEARNED + 1))]:
        learn_recording(baseline, frames[n])
    return baseline.normal


def _plain_call(
    recordings: list[tuple[int, Item, NDArray[np.float64], int]],
    loudness: float,
    tracker: PitchTracker,
    rng: np.random.Generator,
    out: _Collector,
) -> None:
    """All recordings of a speaker in one call, as `ridge eval emotion` plays them."""
    line = Line()
    frames = _measured(
        [line.carry(samples, rate, rng, loudness) for _, _, samples, rate in recordings], tracker
    )
    baseline = Baseline()
    for n in rng.permutation(len(recordings)):
        index, item, _, _ = recordings[n]
        for way, normal in ((PLAIN, baseline.normal), (ALONE, None)):
            for window in windows(frames[n], normal):
                out.add(window, item, index, way)
        learn_recording(baseline, frames[n])


def _by_speaker(items: list[Item]) -> Iterator[list[tuple[int, Item]]]:
    speakers: dict[str, list[tuple[int, Item]]] = defaultdict(list)
    for index, item in enumerate(items):
        speakers[item.speaker].append((index, item))
    yield from speakers.values()


def prepare(
    items: list[Item], copies: dict[str, int], nothing: int, tracker: PitchTracker, seed: int
) -> Material:
    """Each speaker in one plain call and in `copies[corpus]` changed ones; `nothing` signals of no speech."""
    rng = np.random.default_rng(seed)
    out = _Collector()
    began, done = time.monotonic(), 0
    for own in _by_speaker(items):
        recordings = [(index, item, *soundfile.read(item.path)) for index, item in own]
        loudness = level(np.concatenate([samples for _, _, samples, _ in recordings]))
        _plain_call(recordings, loudness, tracker, rng, out)
        for _ in range(copies.get(own[0][1].corpus, 1)):
            _changed_calls(recordings, loudness, tracker, rng, out)
        done += len(own)
        print(f"measured {done} of {len(items)}, {time.monotonic() - began:.0f} s", flush=True)
    none = Item(Path(), "none", "none", "none", 0.0)
    for start in range(0, nothing, CALL):
        count = min(CALL, nothing - start)
        call = [(-1, none, nonspeech.signal(rng), nonspeech.RATE) for _ in range(count)]
        _changed_calls(call, 0.3, tracker, rng, out)
    return out.material()
