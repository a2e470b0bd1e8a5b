"""What the appliance's recognizer hears, in tone-less syllables: the judge of the synthetic voices."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from pypinyin import Style, lazy_pinyin

from appliance.models import ModelStore
from appliance.speech.errorrate import count_errors
from appliance.speech.pinyin import join_tokens, without_tone
from appliance.speech.transducer import RATE, load_transducer
from appliance.telephony.band import TELEPHONE_RATE, to_rate

MODEL = "asr-zh-pinyin-zipformer"
#: The last syllable comes out only after about this much silence.
_TAIL_SECONDS = 0.8


def syllables(text: str) -> list[str]:
    """Hanzi to tone-less pinyin, one syllable a character (ü is v); punctuation is left out."""
    hanzi = "".join(character for character in text if "\u4e00" <= character <= "\u9fff")
    return lazy_pinyin(hanzi, style=Style.NORMAL, v_to_u=False)


def edits(expected: list[str], heard: list[str]) -> int:
    """Fewest substitutions, insertions and deletions that turn one list into the other."""
    return count_errors(expected, heard).total


class Ear:
    """The zipformer of the appliance, greedy, one thread, without any lexicon."""

    def __init__(self) -> None:
        self._recognizer = load_transducer(ModelStore(), MODEL, "greedy", 1)

    def hear(self, samples: NDArray[np.int16]) -> list[str]:
        """Tone-less syllables of int16 samples at 8 kHz, shape (n,)."""
        stream = self._recognizer.create_stream()
        wide = to_rate(samples, TELEPHONE_RATE, RATE).astype(np.float32) / 32768
        stream.accept_waveform(RATE, wide)
        stream.accept_waveform(RATE, np.zeros(int(RATE * _TAIL_SECONDS), np.float32))
        stream.input_finished()
        while self._recognizer.is_ready(stream):
            self._recognizer.decode_stream(stream)
        result = self._recognizer.recognizer.get_result(stream)
        heard = join_tokens(result.tokens, result.timestamps, result.ys_probs)
        return [without_tone(syllable.text) for syllable in heard]
