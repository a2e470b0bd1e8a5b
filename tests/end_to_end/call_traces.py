"""Everything by which a call could be found again in bytes: its words, its numbers, its audio."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

import numpy as np
import soundfile
from pypinyin import lazy_pinyin

from appliance.telephony import g711

#: Hanzi that stand together; punctuation parts them.
_HANZI: Final = re.compile(r"[\u4e00-\u9fff]+")
#: Shorter pieces stand in other texts by chance.
SHORTEST_PINYIN: Final = 7
SHORTEST_NUMBER: Final = 6
#: Samples of one piece of audio: 5 ms.
PIECE: Final = 40
_STEP: Final = 160
#: A piece with fewer different values is silence or a hum, and stands in many files.
_LIVELY: Final = 12


def words_of(script: dict[str, Any]) -> set[str]:
    """Every run of two or three hanzi of the script: every word of two characters or more holds one."""
    found: set[str] = set()
    for turn in script["turn"]:
        for run in _HANZI.findall(turn["text"]):
            for length in (2, 3):
                found |= {run[start : start + length] for start in range(len(run) - length + 1)}
    return found


def traces(words: set[str], numbers: tuple[str, ...], audio: Path) -> dict[bytes, str]:
    """Bytes that must be nowhere, each with what it is."""
    found: dict[bytes, str] = {}
    for word in words:
        found.update((data, f"the word {word}") for data in _written(word))
    for number in numbers:
        for part in {number, number[-8:], number[:7], f"{number[:3]}-{number[3:7]}-{number[7:]}"}:
            if len(part) >= SHORTEST_NUMBER:
                for encoding in ("ascii", "utf-16-le", "utf-16-be"):
                    found[part.encode(encoding)] = f"the number {number}"
        found[bytes.fromhex(number + "0" * (len(number) % 2))] = f"the number {number} in BCD"
        found[int(number).to_bytes(8, "big")] = found[int(number).to_bytes(8, "little")] = (
            f"the number {number}"
        )
    found.update((data, "audio") for data in _audio(audio))
    return found


def _written(word: str) -> Iterator[bytes]:
    yield word.encode("utf-8")
    yield json.dumps(word).strip('"').encode("ascii")
    if len(word) > 2:
        # Four bytes of a word of two characters stand in any file by chance.
        for encoding in ("utf-16-le", "utf-16-be", "gb18030"):
            yield word.encode(encoding)
    syllables = lazy_pinyin(word)
    for separator in ("", " ", "-", "_"):
        text = separator.join(syllables)
        if len("".join(syllables)) >= SHORTEST_PINYIN:
            yield text.encode("ascii", "ignore")


def _audio(path: Path) -> Iterator[bytes]:
    """Pieces of both legs in every form in which the appliance has them."""
    samples, _ = soundfile.read(path, dtype="int16")
    for leg in range(samples.shape[1]):
        pcm = samples[:, leg]
        coded = g711.alaw_encode(pcm)
        for start in range(0, len(pcm) - PIECE, _STEP):
            piece = pcm[start : start + PIECE]
            if len(set(piece.tolist())) < _LIVELY:
                continue
            yield coded[start : start + PIECE]
            yield g711.alaw_decode(coded[start : start + PIECE]).astype("<i2").tobytes()
            yield (g711.alaw_decode(coded[start : start + PIECE]) / np.float32(32768)).astype("<f4").tobytes()


class Finder:
    """Looks for many traces at once."""

    def __init__(self, found: dict[bytes, str]) -> None:
        self._found = {data: what for data, what in found.items() if data}
        # The first bytes sort out nearly everything, so that a large file is gone through once.
        self._heads: dict[bytes, list[bytes]] = {}
        for data in self._found:
            self._heads.setdefault(data[:4], []).append(data)

    def in_(self, data: bytes) -> set[str]:
        """What of the traces stands in these bytes; letters count in either case."""
        return {
            self._found[trace]
            for text in {data, data.lower()}
            for start in range(len(text) - 3)
            for trace in self._heads.get(text[start : start + 4], ())
            if text.startswith(trace, start)
        }

    def __len__(self) -> int:
        return len(self._found)
