"""A streaming transducer of three networks (encoder, decoder, joiner), run by sherpa-onnx."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final, Literal

import numpy as np
import sherpa_onnx
from numpy.typing import NDArray

from appliance.models import InstalledModel, ModelError, Units
from appliance.speech.streamingmodel import Hearing, ModelStream

#: The rate that every stream is fed with; sherpa-onnx ends the process when a stream's rate changes.
RATE: Final = 16_000
_PARTS: Final = ("encoder", "decoder", "joiner", "tokens")
_BEAM_PATHS: Final = 4
#: Taken from the blank's logit: through the telephone band the recognizer leaves syllables out more often
#: than it invents them (tools/train/confusions.tsv counts 830 to 333).
_BLANK_PENALTY: Final = 0.3
#: Silence behind the last sample, so that the encoder's last chunk is filled and its tokens come out.
_PAD: Final = np.zeros(RATE * 400 // 1000, np.float32)


class TransducerModel:
    """A `sherpa_onnx.OnlineRecognizer` of verified files.

    Its streams are decoded one by one: sherpa-onnx takes the streams' states away before it runs a batch and
    does not give them back when that fails, so that one bad stream would end the others' utterances.
    """

    rate = RATE
    largest_batch = 1

    def __init__(self, model: InstalledModel, search: Literal["greedy", "beam"], threads: int) -> None:
        """Load it.

        Raises:
            ModelError: the manifest lacks one of the files, or they do not fit.
        """
        self.units: Units = model.entry.units or "pinyin"
        files = {part: _file_of(model, part) for part in _PARTS}
        try:
            self._recognizer: Any = sherpa_onnx.OnlineRecognizer.from_transducer(
                **files,
                num_threads=threads,
                sample_rate=RATE,
                decoding_method="greedy_search" if search == "greedy" else "modified_beam_search",
                max_active_paths=_BEAM_PATHS,
                blank_penalty=_BLANK_PENALTY,
            )
        except (RuntimeError, ValueError) as error:
            raise ModelError(
                f"model {model.entry.name} cannot be loaded: {error}; install it again"
            ) from error

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


def _file_of(model: InstalledModel, part: str) -> str:
    for file in model.entry.file:
        if file.name.startswith(part):
            return str(model.path(file.name))
    raise ModelError(
        f"model {model.entry.name}: the manifest lists no {part} file, so it is no transducer; "
        "choose another recognizer as speech.model"
    )
