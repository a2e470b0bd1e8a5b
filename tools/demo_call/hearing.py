"""What the appliance's recognizer hears, in tone-less syllables: the judge of the synthetic voices."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from pypinyin import Style, lazy_pinyin

from appliance.box.config import Speech
from appliance.models import ModelStore
from appliance.speech.errorrate import count_errors
from appliance.speech.loading import load_recognizer
from appliance.speech.pinyin import join_tokens, without_tone
from appliance.telephony.band import TELEPHONE_RATE, to_rate

MODEL = "asr-zh-pinyin-zipformer"


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
        self._model, _ = load_recognizer(ModelStore(), Speech(model=MODEL), 1)

    def hear(self, samples: NDArray[np.int16]) -> list[str]:
        """Tone-less syllables of int16 samples at 8 kHz, shape (n,)."""
        stream = self._model.open()
        wide = to_rate(samples, TELEPHONE_RATE, self._model.rate).astype(np.float32) / 32768
        stream.accept(wide)
        stream.finish()
        while stream.ready():
            self._model.decode([stream])
        result = stream.hearing()
        heard = join_tokens(result.tokens, result.times, result.log_probabilities)
        return [without_tone(syllable.text) for syllable in heard]
