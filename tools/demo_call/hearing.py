"""What the appliance's recognizer hears, in tone-less syllables: the judge of the synthetic voices."""

from __future__ import annotations

import os
import unicodedata
from pathlib import Path

import numpy as np
import sherpa_onnx
from numpy.typing import NDArray
from pypinyin import Style, lazy_pinyin

from appliance.telephony.band import TELEPHONE_RATE, to_rate

CHECKOUT = Path(__file__).parents[2]
#: The recognizer takes 16 kHz only.
_RATE = 16_000
#: The last syllable comes out only after about this much silence.
_TAIL_SECONDS = 0.8
_TONE_MARKS = "\u0300\u0301\u0304\u030c"
_INITIALS = frozenset("b p m f d t n l g k h j q x zh ch sh r z c s y w".split())


def model_directory() -> Path:
    """Where the recognizer lies: `RIDGE_SHARED`, or `shared` beside the checkout."""
    shared = Path(os.environ.get("RIDGE_SHARED", CHECKOUT.parent / "shared"))
    directory = shared / "models" / "asr-zh-pinyin-zipformer"
    if not directory.is_dir():
        raise FileNotFoundError(
            f"no recognizer at {directory}: set RIDGE_SHARED to the directory that holds models/"
        )
    return directory


def syllables(text: str) -> list[str]:
    """Hanzi to tone-less pinyin, one syllable a character; punctuation is left out."""
    hanzi = "".join(character for character in text if "\u4e00" <= character <= "\u9fff")
    return [_toneless(syllable) for syllable in lazy_pinyin(hanzi, style=Style.TONE)]


def _toneless(syllable: str) -> str:
    parts = unicodedata.normalize("NFD", syllable)
    return unicodedata.normalize("NFC", "".join(part for part in parts if part not in _TONE_MARKS))


def edits(expected: list[str], heard: list[str]) -> int:
    """Fewest substitutions, insertions and deletions that turn one list into the other (Levenshtein)."""
    row = list(range(len(heard) + 1))
    for i, left in enumerate(expected, 1):
        diagonal, row[0] = row[0], i
        for j, right in enumerate(heard, 1):
            diagonal, row[j] = row[j], min(row[j] + 1, row[j - 1] + 1, diagonal + (left != right))
    return row[-1]


class Ear:
    """The zipformer of the appliance, greedy, one thread, without any lexicon."""

    def __init__(self) -> None:
        directory = model_directory()
        name = "{}-epoch-12-avg-2-chunk-16-left-64{}.onnx"
        self._recognizer = sherpa_onnx.OnlineRecognizer.from_transducer(
            tokens=str(directory / "tokens.txt"),
            encoder=str(directory / name.format("encoder", ".int8")),
            decoder=str(directory / name.format("decoder", "")),
            joiner=str(directory / name.format("joiner", ".int8")),
            num_threads=1,
        )

    def hear(self, samples: NDArray[np.int16]) -> list[str]:
        """Tone-less syllables of int16 samples at 8 kHz, shape (n,)."""
        stream = self._recognizer.create_stream()
        wide = to_rate(samples, TELEPHONE_RATE, _RATE).astype(np.float32) / 32768
        stream.accept_waveform(_RATE, wide)
        stream.accept_waveform(_RATE, np.zeros(int(_RATE * _TAIL_SECONDS), np.float32))
        stream.input_finished()
        while self._recognizer.is_ready(stream):
            self._recognizer.decode_stream(stream)
        heard, initial = [], ""
        for token in self._recognizer.tokens(stream):
            if token in _INITIALS:
                initial = token
            else:
                heard.append(initial + _toneless(token))
                initial = ""
        return heard
