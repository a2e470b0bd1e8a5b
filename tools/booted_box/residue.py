"""Finds audio of a call in bytes that should hold none: a process's memory, a whole machine's, a disk."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import numpy as np
from numpy.typing import NDArray

from appliance.telephony import g711
from tools.callsim.recording import FRAME, Recording

#: Quieter frames may be any line's noise: standard deviation in steps of int16.
LOUD: Final = 400.0
_WORD: Final = 8
#: Bits of the table that is asked before the exact comparison.
_TABLE_BITS: Final = 24
_FACTOR: Final = np.uint64(0x9E3779B97F4A7C15)
#: Bytes that are looked through at once.
_CHUNK: Final = 64 << 20


@dataclass(frozen=True, slots=True)
class Residue:
    """How many loud frames (20 ms) of a call were found, of how many, by the form that they have."""

    frames: int
    coded: int
    samples: int
    floats: int

    @property
    def seconds(self) -> float:
        """Speech that could be put together again, in the form of which most is there."""
        return max(self.coded, self.samples, self.floats) * FRAME / 8000

    def with_more(self, other: Residue) -> Residue:
        """With what was found elsewhere; what is in both counts twice, which errs to the safe side."""
        return Residue(
            self.frames,
            self.coded + other.coded, self.samples + other.samples, self.floats + other.floats,
        )  # fmt: skip


def memory_of(pid: int) -> Iterator[NDArray[np.uint8]]:
    """The parts of a process's memory that it can write, as far as they are there; needs root."""
    with Path(f"/proc/{pid}/maps").open(encoding="utf-8") as maps:
        ranges = [line.split() for line in maps]
    with Path(f"/proc/{pid}/mem").open("rb", buffering=0) as memory:
        for place, rights, *_ in ranges:
            if "w" not in rights:
                continue
            begin, end = (int(number, 16) for number in place.split("-"))
            for first in range(begin, end, _CHUNK):
                with contextlib.suppress(OSError):
                    memory.seek(first)
                    yield np.frombuffer(memory.read(min(_CHUNK, end - first)), np.uint8)


class Searcher:
    """Looks for a recording as A-law bytes, as int16 samples and as float32 samples of full scale 1.

    Every frame has a word of 8 bytes at each of the places that a buffer may lie at, so that looking at the
    words of the searched bytes that lie at multiples of 8 finds it wherever it is.
    """

    def __init__(self, played: Recording) -> None:
        words: dict[int, tuple[str, int]] = {}
        self.frames = 0
        for leg in (played.customer, played.agent):
            samples = g711.alaw_decode(leg)
            for first in range(0, len(leg) - FRAME + 1, FRAME):
                part = samples[first : first + FRAME]
                if float(np.std(part.astype(np.float64))) < LOUD:
                    continue
                forms = {
                    "coded": (np.frombuffer(leg, np.uint8)[first : first + FRAME].tobytes(), 1),
                    "samples": (part.tobytes(), 2),
                    "floats": ((part.astype(np.float32) / np.float32(32768)).tobytes(), 4),
                }
                for form, (data, step) in forms.items():
                    middle = len(data) // 2
                    for shift in range(0, _WORD, step):
                        word = data[middle + shift : middle + shift + _WORD]
                        if len(set(word)) >= _WORD // 2:
                            words.setdefault(int.from_bytes(word, "little"), (form, self.frames))
                self.frames += 1
        self._words = words
        self._keys = np.sort(np.array(list(words), np.uint64))
        self._table = np.zeros(1 << _TABLE_BITS, bool)
        self._table[_hash(self._keys)] = True

    def search(self, data: NDArray[np.uint8]) -> Residue:
        """What of the recording is in `data`, shape (n,)."""
        found: dict[str, set[int]] = {"coded": set(), "samples": set(), "floats": set()}
        for first in range(0, len(data), _CHUNK):
            part = data[first : first + _CHUNK]
            words = part[: len(part) // _WORD * _WORD].view(np.uint64)
            likely = words[self._table[_hash(words)]]
            for word in np.unique(likely[np.isin(likely, self._keys)]):
                form, frame = self._words[int(word)]
                found[form].add(frame)
        return Residue(self.frames, *(len(found[form]) for form in ("coded", "samples", "floats")))


def _hash(words: NDArray[np.uint64]) -> NDArray[np.int64]:
    return ((words * _FACTOR) >> np.uint64(64 - _TABLE_BITS)).astype(np.int64)
