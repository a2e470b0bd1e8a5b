"""A streaming transducer of three networks (encoder, decoder, joiner), run by sherpa-onnx."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, Final

import numpy as np
import sherpa_onnx
from numpy.typing import NDArray

from appliance.box.config import Speech
from appliance.models import InstalledModel, ModelEntry, ModelError, Units
from appliance.speech.networkfile import read_tokens
from appliance.speech.spelling import Spelling
from appliance.speech.streamingmodel import Hearing, ModelStream, StreamingModel
from appliance.speech.syllabletransducer import BLANK_PENALTY, SyllableTransducer, runs
from appliance.speech.transducercheck import open_transducer

#: The rate that every stream is fed with; sherpa-onnx ends the process when a stream's rate changes.
RATE: Final = 16_000
_PARTS: Final = ("encoder", "decoder", "joiner", "tokens")
_BEAM_PATHS: Final = 4
#: Added to the log-probability of each token of a name of the site; what sherpa-onnx takes by itself.
_HOTWORD_SCORE: Final = 1.5
#: Silence behind the last sample, so that the encoder's last chunk is filled and its tokens come out.
_PAD: Final = np.zeros(RATE * 400 // 1000, np.float32)


def load_transducer(model: InstalledModel, speech: Speech, threads: int) -> StreamingModel:
    """A transducer of verified files.

    Syllables by greedy search are heard by `SyllableTransducer`, which tells the lexicon what else they may
    have been; everything else is sherpa-onnx's.

    Raises:
        ModelError: the manifest lacks one of the files, or they are no transducer that can be run.
    """
    name = model.entry.name
    files = {part: _file_of(model, part) for part in _PARTS}
    tokens, blank = read_tokens(name, files["tokens"])
    networks = open_transducer(name, files, tokens, blank, threads)
    if model.entry.units == "pinyin" and speech.search == "greedy" and runs(networks):
        return SyllableTransducer(networks, tokens)
    return TransducerModel(model.entry, files, frozenset(tokens), speech, threads)


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
        entry: ModelEntry,
        files: Mapping[str, Path],
        symbols: frozenset[str],
        speech: Speech,
        threads: int,
    ) -> None:
        """Load it.

        Args:
            entry: the manifest's entry.
            files: verified and checked, by the names of sherpa-onnx's arguments.
            symbols: of the tokens.
            speech: its search, and the site's names, which a model that writes characters gets as hotwords
                and which need the beam then, whatever the search is.
            threads: threads of one inference.

        Raises:
            ModelError: sherpa-onnx cannot load it.
        """
        self.units: Units = entry.units or "pinyin"
        self.symbols = symbols
        hotwords = Spelling(speech.words, symbols).hotwords() if self.units == "characters" else ""
        beam = speech.search == "beam" or bool(hotwords)
        with _in_memory(hotwords) as hotwords_file:
            try:
                self._recognizer: Any = sherpa_onnx.OnlineRecognizer.from_transducer(
                    **{part: str(path) for part, path in files.items()},
                    num_threads=threads,
                    sample_rate=RATE,
                    decoding_method="modified_beam_search" if beam else "greedy_search",
                    max_active_paths=_BEAM_PATHS,
                    blank_penalty=BLANK_PENALTY if self.units == "pinyin" else 0.0,
                    hotwords_file=hotwords_file,
                    hotwords_score=_HOTWORD_SCORE,
                    modeling_unit="cjkchar",
                )
            except (RuntimeError, ValueError) as error:
                raise ModelError(f"model {entry.name} cannot be loaded: {error}; install it again") from error

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
