"""A passage: the audio of one utterance, from its pre-roll to its endpoint, on its way to characters."""

from __future__ import annotations

from typing import Final

import numpy as np
import soxr
from numpy.typing import NDArray

from appliance.speech.reading import HeardWord, Reading, geometric_mean
from appliance.speech.streamingmodel import ModelStream, StreamingModel
from appliance.speech.utterance import Utterance, Word
from appliance.telephony.audioblock import Leg

_FULL_SCALE: Final = 32768.0
#: Mean confidence below which a passage of up to so many syllables was no speech but a cough or a tone.
_LEAST_CONFIDENCE: Final = 0.35
_SHORT: Final = 2
#: The same for longer ones. Of 870 telephone-band passages of the training sets one in two hundred is below;
#: what the recognizer writes for a babble of voices mostly is.
_LEAST_CONFIDENCE_LONG: Final = 0.33
#: The same for a passage that has so many milliseconds for each syllable: a word in much sound.
_LEAST_CONFIDENCE_SPARSE: Final = 0.5
_SPARSE_MS: Final = 1500
#: Geometric mean that a growing passage must reach before it is shown, because what was shown becomes an
#: utterance.
_LEAST_CONFIDENCE_SHOWN: Final = 0.5


class Passage:
    """Feeds one recognizer stream and reads its result as an utterance.

    The stream always gets the recognizer's rate, whatever the leg's rate is.
    """

    def __init__(self, model: StreamingModel, reading: Reading, leg: Leg, rate: int, start_ms: int) -> None:
        """Begin at `start_ms` of the call with int16 audio at `rate` Hz."""
        self.stream: ModelStream = model.open()
        self._reading = reading
        self._resampler = (
            None if rate == model.rate else soxr.ResampleStream(rate, model.rate, 1, "float32", "HQ")
        )
        self._leg: Leg = leg
        self._rate = rate
        self._tokens: list[str] = []
        self._shown = ""
        self.start_ms = start_ms
        #: samples accepted at the leg's rate
        self.samples = 0
        self.closed = False
        self.failed = False
        #: nobody is to be told what it heard
        self.dropped = False
        #: set by whoever counts the leg's utterances when the first words come
        self.number: int | None = None

    @property
    def length_ms(self) -> int:
        """Milliseconds of audio accepted."""
        return self.samples * 1000 // self._rate

    @property
    def barren(self) -> bool:
        """Whether nothing was heard in it so far that is likely to be speech."""
        return not self._credible()

    def accept(self, samples: NDArray[np.int16]) -> None:
        """Add int16 audio, shape (n,), at the passage's rate."""
        self.samples += len(samples)
        wide = samples.astype(np.float32) / _FULL_SCALE
        self.stream.accept(wide if self._resampler is None else self._resampler.resample_chunk(wide))

    def close(self) -> None:
        """No more audio follows."""
        if self.closed:
            return
        self.closed = True
        if self._resampler is not None:
            self.stream.accept(self._resampler.resample_chunk(np.zeros(0, np.float32), last=True))
        self.stream.finish()

    def ready(self) -> bool:
        """Whether a chunk waits to be decoded."""
        return not (self.failed or self.dropped) and self.stream.ready()

    def grown(self) -> Utterance | None:
        """The growing utterance, where the last step of decoding brought new words."""
        heard = self.stream.hearing()
        if heard.tokens == self._tokens:
            return None
        self._tokens = list(heard.tokens)
        self._reading.hear(heard)
        if not self._credible() or (self.number is None and not self._certain()):
            return None
        growing = self._utterance(final=False)
        if growing is None or growing.text == self._shown:
            return None
        self._shown = growing.text
        return growing

    def result(self) -> Utterance | None:
        """The whole utterance; None where nothing was said that could be understood."""
        return self._utterance(final=True) if self._credible() else None

    def _certain(self) -> bool:
        """Whether a growing passage may be shown: one doubtful syllable among two makes it wait."""
        return geometric_mean(self._reading.confidences()) >= _LEAST_CONFIDENCE_SHOWN

    def _credible(self) -> bool:
        """Whether this is speech; what has been shown stays so."""
        confidences = self._reading.confidences()
        if not confidences:
            return False
        least = _LEAST_CONFIDENCE if len(confidences) <= _SHORT else _LEAST_CONFIDENCE_LONG
        if self.length_ms > _SPARSE_MS * len(confidences):
            least = max(least, _LEAST_CONFIDENCE_SPARSE)
        return self.number is not None or sum(confidences) >= least * len(confidences)

    def _utterance(self, final: bool) -> Utterance | None:
        heard = self._reading.words(final)
        if not heard:
            return None
        words = tuple(self._word(word) for word in heard)
        return Utterance(
            leg=self._leg,
            number=self.number or 0,
            start_ms=words[0].start_ms,
            end_ms=words[-1].end_ms,
            text="".join(word.text for word in words),
            pinyin=tuple(syllable for word in heard for syllable in word.pinyin),
            words=words,
            confidence=geometric_mean(self._reading.confidences()),
            final=final,
        )

    def _word(self, word: HeardWord) -> Word:
        end = self.start_ms + self.length_ms
        return Word(
            text=word.text,
            start_ms=min(self.start_ms + word.start_ms, end),
            end_ms=min(self.start_ms + word.end_ms, end),
            confidence=word.confidence,
        )
