"""Batches of augmented speech with tokens and the teacher's opinion, new in every epoch."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import numpy as np
import torch
from numpy.typing import NDArray
from rich.progress import track
from torch.utils.data import IterableDataset

from appliance.telephony.band import to_rate
from tools.train.emotions import nonspeech
from tools.train.emotions.augment import level
from tools.train.recognizers.corpus import Recording, tokens_of
from tools.train.recognizers.line import through_line
from tools.train.recognizers.network import FRAME_MS, RATE
from tools.train.recognizers.teacher import FRAME_MS as TEACHER_FRAME_MS
from tools.train.recognizers.teacher import KEPT

#: Short recordings are joined until they are about this long, so that the network hears more than one word.
_JOINED_SECONDS: Final = 6.0
_LONGEST_SECONDS: Final = 20.0
#: So often something else is heard before the speech (music, tones, noise), of which nothing is to be made.
_SOUND_SHARE: Final = 0.12
#: That much of it is a room full of people, so many at once that nobody can be followed.
_BABBLE_SHARE: Final = 0.35
_PEOPLE: Final = (5, 12)
#: A sound is taken to last at most so many frames around the one where the teacher tells it.
_NEAR: Final = 3


@dataclass(frozen=True, slots=True)
class Example:
    """A recording with its labels; the audio is float at 16 kHz or what the file has."""

    recording: Recording
    #: positions of the tokens in the table; empty where the text cannot be read
    tokens: tuple[int, ...]
    #: the teacher's tokens and log-probabilities (frames, KEPT); no frames where it was not asked
    heard: NDArray[np.int64]
    sure: NDArray[np.float32]


@dataclass(frozen=True, slots=True)
class Batch:
    """What one step of the training takes."""

    samples: torch.Tensor
    lengths: torch.Tensor
    tokens: torch.Tensor
    token_counts: torch.Tensor
    #: (batch, frames of 30 ms, KEPT); weight 0 where nothing was heard or the teacher was not asked
    heard: torch.Tensor
    weights: torch.Tensor
    #: (batch, frames): the token that is being said, -1 where nobody knows
    said: torch.Tensor


class Examples:
    """All recordings of a run with their labels."""

    def __init__(self, table: Sequence[str], teacher_table: Sequence[str]) -> None:
        self._numbers = {token: number for number, token in enumerate(table)}
        self._from_teacher = np.array([self._numbers.get(token, -1) for token in teacher_table], np.int64)
        self.all: list[Example] = []
        #: share of each set's recordings that an epoch takes
        self.share: dict[str, float] = {}

    def add(self, recordings: Sequence[Recording], share: float, heard: Path | None) -> None:
        """Add a set, with what the teacher heard of it in the same order."""
        opinions = np.load(heard) if heard is not None else None
        for index, recording in enumerate(recordings):
            self.share[recording.corpus] = share
            tokens = [token for syllable in recording.syllables for token in tokens_of(syllable)]
            if opinions is None:
                said = np.zeros((0, KEPT), np.int64), np.zeros((0, KEPT), np.float32)
            else:
                first, last = opinions["starts"][index : index + 2]
                said = (
                    self._from_teacher[opinions["tokens"][first:last]],
                    opinions["scores"][first:last].astype(np.float32),
                )
            if not tokens and not len(said[0]):
                continue
            self.all.append(Example(recording, tuple(self._numbers[token] for token in tokens), *said))


class Epochs(IterableDataset[Batch]):
    """Endless epochs of batches of about `seconds` of speech, cut and coloured anew each time."""

    def __init__(
        self, examples: Examples, audio: dict[Path, NDArray[np.int16]], seconds: float, seed: int
    ) -> None:
        self._examples, self._audio, self._seconds, self._seed = examples, audio, seconds, seed

    def __iter__(self) -> Iterator[Batch]:
        rng = np.random.default_rng(self._seed)
        while True:
            chosen = [
                example
                for example in self._examples.all
                if rng.random() < self._examples.share[example.recording.corpus]
            ]
            rng.shuffle(chosen)  # type: ignore[arg-type]
            groups = sorted(self._joined(chosen), key=lambda group: _seconds(group) + rng.normal(0, 0.3))
            batches = list(self._cut(groups))
            rng.shuffle(batches)  # type: ignore[arg-type]
            for batch in batches:
                yield self._make(batch, rng)

    @staticmethod
    def _joined(examples: list[Example]) -> Iterator[list[Example]]:
        """Single recordings, and rows of short ones of one speaker's set."""
        waiting: dict[tuple[str, bool], list[Example]] = {}
        for example in examples:
            key = example.recording.corpus, bool(example.tokens)
            row = waiting.setdefault(key, [])
            row.append(example)
            if _seconds(row) >= _JOINED_SECONDS:
                yield waiting.pop(key)
        yield from (row for row in waiting.values() if row)

    def _cut(self, groups: list[list[Example]]) -> Iterator[list[list[Example]]]:
        batch: list[list[Example]] = []
        for group in groups:
            if _seconds(group) > _LONGEST_SECONDS:
                continue
            if batch and (len(batch) + 1) * _seconds(group) > self._seconds:
                yield batch
                batch = []
            batch.append(group)
        if batch:
            yield batch

    def _make(self, groups: list[list[Example]], rng: np.random.Generator) -> Batch:
        rows = [self._row(group, rng) for group in groups]
        longest = max(len(row[0]) for row in rows)
        frames = -(-longest // (RATE * FRAME_MS // 1000 * 2)) * 2
        samples = np.zeros((len(rows), longest), np.float32)
        heard = np.zeros((len(rows), frames, KEPT), np.int64)
        weights = np.zeros((len(rows), frames, KEPT), np.float32)
        tokens = np.zeros((len(rows), max(1, *(len(row[1]) for row in rows))), np.int64)
        for index, (audio, said, opinion, weight) in enumerate(rows):
            samples[index, : len(audio)] = audio
            tokens[index, : len(said)] = said
            count = min(frames, len(opinion))
            heard[index, :count], weights[index, :count] = opinion[:count], weight[:count]
        return Batch(
            torch.from_numpy(samples),
            torch.tensor([len(row[0]) for row in rows]),
            torch.from_numpy(tokens),
            torch.tensor([len(row[1]) for row in rows]),
            torch.from_numpy(heard),
            torch.from_numpy(weights),
            torch.from_numpy(np.stack([_being_said(*one) for one in zip(heard, weights, strict=True)])),
        )

    def _row(
        self, group: list[Example], rng: np.random.Generator
    ) -> tuple[NDArray[np.float32], list[int], NDArray[np.int64], NDArray[np.float32]]:
        """One row of a batch: recordings behind each other through one line."""
        speed = float(rng.uniform(0.88, 1.15))
        pieces, opinions, weights = [], [], []
        position = 0.0
        rate = 16_000
        if rng.random() < _SOUND_SHARE:
            sound = self._babble(rng) if rng.random() < _BABBLE_SHARE else nonspeech.signal(rng)
            sound = sound.astype(np.float32)
            pieces.append(sound * np.float32(rng.uniform(0.3, 2.0)) / level(sound))
            position = len(sound) / rate / speed
            frames = round(position * 1000 / FRAME_MS)
            opinions.append(np.zeros((frames, KEPT), np.int64))
            weights.append(np.eye(1, KEPT, dtype=np.float32).repeat(frames, 0))
        for index, example in enumerate(group):
            audio = self._audio[example.recording.path].astype(np.float32)
            pause = rng.uniform(0.0, 0.5) if index else rng.uniform(0.0, 0.3)
            silence = np.zeros(int(pause * rate), np.float32)
            piece = np.concatenate((silence, audio / (np.sqrt(np.mean(audio**2)) + 1.0)))
            pieces.append(piece)
            seconds = len(piece) / rate / speed
            first = round(position * 1000 / FRAME_MS)
            position += seconds
            last = round(position * 1000 / FRAME_MS)
            opinion, weight = _on_frames(example, last - first, pause / speed, speed)
            opinions.append(opinion)
            weights.append(weight)
        pieces.append(np.zeros(int(rng.uniform(0.05, 0.4) * rate), np.float32))
        other = self._audio[self._examples.all[rng.integers(len(self._examples.all))].recording.path]
        samples = through_line(
            np.concatenate(pieces), rate, speed, other[::2].astype(np.float32), rng
        ).astype(np.float32)
        tokens = [token for example in group for token in example.tokens]
        if not all(example.tokens for example in group):
            tokens = []
        return samples, tokens, np.concatenate(opinions), np.concatenate(weights)

    def _babble(self, rng: np.random.Generator) -> NDArray[np.float32]:
        """A few seconds of many voices at once, shape (n,), at 16 kHz."""
        length = int(rng.uniform(1.5, 6.0) * 16_000)
        babble = np.zeros(length, np.float32)
        for _ in range(rng.integers(*_PEOPLE)):
            one = self._examples.all[rng.integers(len(self._examples.all))].recording.path
            voice = np.resize(self._audio[one].astype(np.float32), length)
            babble += np.roll(voice / level(voice), rng.integers(length)) * np.float32(rng.uniform(0.5, 1.0))
        return babble


def _on_frames(
    example: Example, frames: int, offset: float, speed: float
) -> tuple[NDArray[np.int64], NDArray[np.float32]]:
    """The teacher's frames of 40 ms on frames of 30 ms at another pace, `offset` seconds later."""
    opinion = np.zeros((frames, KEPT), np.int64)
    weight = np.zeros((frames, KEPT), np.float32)
    if not len(example.heard):
        return opinion, weight
    at = (np.arange(frames) * FRAME_MS / 1000 - offset) * speed * 1000 / TEACHER_FRAME_MS
    place = np.floor(at + 0.25).astype(np.int64)
    # before the recording and behind the teacher's last frame nothing is said
    inside = (place >= 0) & (place < len(example.heard))
    weight[~inside, 0] = 1.0
    place = place[inside]
    shares = np.exp(example.sure[place])
    known = example.heard[place] >= 0
    opinion[inside] = np.where(known, example.heard[place], 0)
    # a frame whose likeliest token the table lacks (a Latin letter) teaches nothing
    weight[inside] = np.where(known, shares, 0) * known[:, :1]
    return opinion, weight


def _being_said(opinion: NDArray[np.int64], weight: NDArray[np.float32]) -> NDArray[np.int64]:
    """At each frame the token that the teacher tells next to it, at most `_NEAR` frames away; else -1."""
    told = np.flatnonzero((opinion[:, 0] != 0) & (weight[:, 0] > 0.5))
    said = np.full(len(opinion), -1, np.int64)
    if len(told):
        frames = np.arange(len(opinion))
        behind = np.searchsorted(told, frames).clip(0, len(told) - 1)
        before = (behind - 1).clip(0)
        nearest = np.where(
            abs(told[before] - frames) < abs(told[behind] - frames), told[before], told[behind]
        )
        close = abs(nearest - frames) <= _NEAR
        said[close] = opinion[nearest[close], 0]
    return said


def _seconds(group: list[Example]) -> float:
    return sum(example.recording.seconds for example in group)


def load_audio(recordings: Sequence[Recording], cache: Path) -> dict[Path, NDArray[np.int16]]:
    """The audio of one set as int16 at 16 kHz, decoded once and kept in `cache` (115 MB an hour)."""
    corpus = recordings[0].corpus
    samples, starts = cache / f"{corpus}.npy", cache / f"{corpus}.starts.npy"
    if not starts.exists():
        cache.mkdir(exist_ok=True)
        pieces = [to_rate(*one.samples(), 16_000) for one in track(recordings, f"audio: {corpus}")]
        np.save(samples, np.concatenate(pieces))
        np.save(starts, np.cumsum([0, *(len(piece) for piece in pieces)]))
    whole, places = np.load(samples, mmap_mode="r"), np.load(starts)
    return {
        recording.path: whole[places[index] : places[index + 1]] for index, recording in enumerate(recordings)
    }
