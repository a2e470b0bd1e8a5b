"""A streaming transducer of three networks (encoder, decoder, joiner), run by sherpa-onnx."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, Final, Literal

import numpy as np
import sherpa_onnx
from numpy.typing import NDArray

from appliance.box.config import SiteWord
from appliance.models import InstalledModel, ModelError, Units
from appliance.speech.networkfile import read_tokens
from appliance.speech.spelling import Spelling
from appliance.speech.streamingmodel import Hearing, ModelStream
from appliance.speech.transducercheck import check_transducer

#: The rate that every stream is fed with; sherpa-onnx ends the process when a stream's rate changes.
RATE: Final = 16_000
_PARTS: Final = ("encoder", "decoder", "joiner", "tokens")
_BEAM_PATHS: Final = 4
#: Taken from the blank's logit: through the telephone band the recognizer leaves syllables out more often
#: than it invents them (tools/train/confusions.tsv counts 830 to 333).
_BLANK_PENALTY: Final = 0.3
#: Added to the log-probability of each token of a name of the site; what sherpa-onnx takes by itself.
_HOTWORD_SCORE: Final = 1.5
#: Silence behind the last sample, so that the encoder's last chunk is filled and its tokens come out.
_PAD: Final = np.zeros(RATE * 400 // 1000, np.float32)


class TransducerModel:
    """A `sherpa_onnx.OnlineRecognizer` of verified files.

    Its streams are decoded one by one: sherpa-onnx takes the streams' states away before it runs a batch and
    does not give them back when that fails, so that one bad stream would end the others' utterances.
    """

    rate = RATE
    largest_batch = 1
    confusions: Path | None = None

    def __init__(
        self,
        model: InstalledModel,
        search: Literal["greedy", "beam"],
        threads: int,
        words: Sequence[SiteWord] = (),
    ) -> None:
        """Load it.

        Args:
            model: verified files.
            search: names of the site need the beam where the model writes characters, whatever is asked for.
            threads: threads of one inference.
            words: the site's names; a model that writes characters gets them as hotwords.

        Raises:
            ModelError: the manifest lacks one of the files, or they are no transducer that sherpa-onnx runs.
        """
        name = model.entry.name
        self.units: Units = model.entry.units or "pinyin"
        files = {part: _file_of(model, part) for part in _PARTS}
        tokens, blank = read_tokens(name, files["tokens"])
        check_transducer(name, files, tokens, blank)
        self.symbols: frozenset[str] = frozenset(tokens)
        hotwords = Spelling(words, self.symbols).hotwords() if self.units == "characters" else ""
        beam = search == "beam" or bool(hotwords)
        with _in_memory(hotwords) as hotwords_file:
            try:
                self._recognizer: Any = sherpa_onnx.OnlineRecognizer.from_transducer(
                    **{part: str(path) for part, path in files.items()},
                    num_threads=threads,
                    sample_rate=RATE,
                    decoding_method="modified_beam_search" if beam else "greedy_search",
                    max_active_paths=_BEAM_PATHS,
                    blank_penalty=_BLANK_PENALTY if self.units == "pinyin" else 0.0,
                    hotwords_file=hotwords_file,
                    hotwords_score=_HOTWORD_SCORE,
                    modeling_unit="cjkchar",
                )
            except (RuntimeError, ValueError) as error:
                raise ModelError(f"model {name} cannot be loaded: {error}; install it again") from error

    def open(self) -> TransducerStream:
        """A stream for a new utterance."""
        return TransducerStream(self._recognizer)

    def decode(self, streams: Sequence[ModelStream]) -> None:
        """One chunk of one stream.

        Raises:
            RuntimeError: the network failed.
        """
        for stream in streams:
            assert isinstance(stream, TransducerStream)
            stream.decode()


class TransducerStream:
    """One utterance. It is fed one rate in all its life."""

    def __init__(self, recognizer: Any) -> None:
        self._recognizer = recognizer
        self._stream = recognizer.create_stream()

    def accept(self, samples: NDArray[np.float32]) -> None:
        """Add audio at 16 kHz, shape (n,), -1..1."""
        if len(samples):
            self._stream.accept_waveform(RATE, samples)

    def finish(self) -> None:
        """Add the silence that brings the last tokens out."""
        self._stream.accept_waveform(RATE, _PAD)

    def ready(self) -> bool:
        """Whether a chunk waits."""
        return bool(self._recognizer.is_ready(self._stream))

    def decode(self) -> None:
        """One chunk."""
        self._recognizer.decode_stream(self._stream)

    def hearing(self) -> Hearing:
        """What was heard so far."""
        result = self._recognizer.recognizer.get_result(self._stream)
        return Hearing(result.tokens, result.timestamps, result.ys_probs)


@contextlib.contextmanager
def _in_memory(text: str) -> Iterator[str]:
    """A path that the text can be read from while it is needed; it lies in memory and on no disk."""
    if not text:
        yield ""
        return
    descriptor = os.memfd_create("hotwords", os.MFD_CLOEXEC)
    try:
        with os.fdopen(os.dup(descriptor), "w", encoding="utf-8") as file:
            file.write(text)
        yield f"/proc/self/fd/{descriptor}"
    finally:
        os.close(descriptor)


def _file_of(model: InstalledModel, part: str) -> Path:
    for file in model.entry.file:
        if file.name.startswith(part):
            return model.path(file.name)
    raise ModelError(
        f"model {model.entry.name}: the manifest lists no {part} file, so it is no transducer; "
        "choose another recognizer as speech.model"
    )
