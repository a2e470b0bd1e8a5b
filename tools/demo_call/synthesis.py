"""Read Mandarin aloud with espeak-ng, from numbered pinyin, in a voice of our own making."""

from __future__ import annotations

import contextlib
import io
import os
import subprocess
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import numpy as np
import soundfile
from numpy.typing import NDArray
from pypinyin import Style, lazy_pinyin
from pypinyin.seg import mmseg

#: espeak-ng writes 22.05 kHz.
RATE = 22_050
#: How the syllables of a phrase are grouped into espeak-ng's words; it slows down at each word's end.
Grouping = Literal["phrase", "sandhi", "halves", "words"]
GROUPINGS: tuple[Grouping, ...] = ("phrase", "sandhi", "halves", "words")
#: Samples quieter than this before the first and after the last sound are cut off.
_SILENCE = 80
_MARGIN = RATE // 100
#: Evens the level within a phrase: divides by this power of the level over 30 ms.
_COMPRESSION = 0.2
_VOICE = "cmn-latn-pinyin"


@dataclass(frozen=True, slots=True)
class Reading:
    """How a phrase is read."""

    speed: int
    pitch: int
    grouping: Grouping


def numbered_pinyin(phrase: str, grouping: Grouping) -> str:
    """Hanzi to numbered pinyin, such as `zai4jian4`; the neutral tone is 5, spaces part the words."""

    def read(text: str, *, sandhi: bool = False) -> list[str]:
        return lazy_pinyin(text, style=Style.TONE3, neutral_tone_with_five=True, tone_sandhi=sandhi)

    if grouping == "words":
        return " ".join("".join(read(word)) for word in mmseg.seg.cut(phrase))
    syllables = read(phrase, sandhi=grouping == "sandhi")
    if grouping == "halves":
        middle = (len(syllables) + 1) // 2
        return f"{''.join(syllables[:middle])} {''.join(syllables[middle:])}"
    return "".join(syllables)


class Synthesizer:
    """espeak-ng with variants of our own, which it looks for in its data directory only."""

    def __init__(self, data: Path, variants: dict[str, str]) -> None:
        self._data = data
        directory = data / "espeak-ng-data" / "voices" / "!v"
        for name, text in variants.items():
            (directory / name).write_text(f"language variant\nname {name}\n{text}\n", encoding="ascii")

    def phrase(self, text: str, variant: str, reading: Reading) -> NDArray[np.float64]:
        """One phrase at 22.05 kHz, shape (n,), its peak at 1.

        Raises:
            subprocess.CalledProcessError: espeak-ng failed.
        """
        spoken = subprocess.run(
            [
                "espeak-ng", "--stdout", "-v", f"{_VOICE}+{variant}", "-s", str(reading.speed),
                "-p", str(reading.pitch), numbered_pinyin(text, reading.grouping),
            ],
            capture_output=True,
            check=True,
            env={**os.environ, "ESPEAK_DATA_PATH": str(self._data)},
        ).stdout  # fmt: skip
        samples, rate = soundfile.read(io.BytesIO(spoken), dtype="int16")
        if rate != RATE:
            raise ValueError(f"espeak-ng wrote {rate} Hz where {RATE} Hz were expected; use espeak-ng 1.51")
        loud = np.flatnonzero(np.abs(samples.astype(np.int32)) > _SILENCE)
        kept = samples[max(0, loud[0] - _MARGIN) : loud[-1] + _MARGIN].astype(np.float64)
        width = RATE * 30 // 1000
        level = np.sqrt(np.convolve(kept**2, np.ones(width) / width, "same")) + 300.0
        evened: NDArray[np.float64] = kept * level**-_COMPRESSION
        return evened / float(np.abs(evened).max())


@contextlib.contextmanager
def synthesizer(variants: dict[str, str]) -> Iterator[Synthesizer]:
    """espeak-ng with the given variants, name to text of a variant file, for the time of a `with` block."""
    installed = _installed_data()
    with tempfile.TemporaryDirectory(prefix="ridge-voices-") as temporary:
        data = Path(temporary)
        mirror = data / "espeak-ng-data"
        (mirror / "voices" / "!v").mkdir(parents=True)
        for entry in installed.iterdir():
            if entry.name != "voices":
                (mirror / entry.name).symlink_to(entry)
        for entry in (installed / "voices").iterdir():
            if entry.name != "!v":
                (mirror / "voices" / entry.name).symlink_to(entry)
        yield Synthesizer(data, variants)


def _installed_data() -> Path:
    try:
        version = subprocess.run(
            ["espeak-ng", "--version"], capture_output=True, check=True, text=True
        ).stdout
    except FileNotFoundError as error:
        raise SystemExit("espeak-ng is not installed: apt-get install espeak-ng") from error
    return Path(version.partition("Data at:")[2].strip())
