"""A CTC network with the T-one interface: raw audio in chunks, one flat state, tokens by the best path.

The interface is the one that sherpa-onnx runs as `OnlineRecognizer.from_t_one_ctc`
(sherpa-onnx/csrc/online-t-one-ctc-model.cc):

| | |
|---|---|
| input 1 | int32 (N, samples of a chunk, 1): audio scaled to ±32767 |
| input 2 | float16 (N, state_dim): the state before the chunk; zeros at the beginning |
| output 1 | float32 (N, T, V): log-probabilities of T frames |
| output 2 | float16 (N, state_dim): the state behind the chunk |
| metadata | frame_length_ms (of a chunk), state_dim, sample_rate; lag_ms where the output lags the audio |

ONNX Runtime runs it here directly, because sherpa-onnx waits for a second chunk before it decodes the first
(300 ms later), gives no probabilities for CTC, and ends the process where a file does not fit.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, Protocol

import numpy as np
from numpy.typing import NDArray

from appliance.models import ModelError, Units
from appliance.speech.bestpath import BestPath
from appliance.speech.networkfile import fits, number, open_network, read_tokens
from appliance.speech.streamingmodel import Hearing, ModelStream
from appliance.speech.syllablesearch import SyllableGrammar, SyllablePath

#: sherpa-onnx scales by 32767 and cuts off the fraction; the same here, so that both hear the same.
_SCALE: Final = 32767.0
#: Silence behind the last sample, before the last chunk is filled up: CTC tells a token after its sound.
_TAIL_MS: Final = 300
#: What a network with a known lag needs on top of it: a token is told within so long of its sound.
_LAST_TOKEN_MS: Final = 120
#: Larger batches gain nothing on the processors of a box and make the others wait.
_LARGEST_BATCH: Final = 32
_CHUNK_MS: Final = range(20, 2001)
_RATES: Final = (8000, 16_000)
_LARGEST_STATE: Final = 1 << 20
_LONGEST_LAG_MS: Final = 1000


@dataclass(frozen=True, slots=True)
class Shape:
    """The sizes that a network of this kind must tell."""

    rate: int
    #: samples of a chunk
    chunk: int
    #: numbers of a state
    state: int
    #: by how much a frame lags behind the audio that it speaks of
    lag_ms: int


class Search(Protocol):
    """What makes tokens of the frames of one utterance."""

    def advance(self, frames: NDArray[np.float32]) -> None:
        """Go on through log-probabilities, shape (n, tokens)."""

    def hearing(self, frame_seconds: float, lag_seconds: float) -> Hearing:
        """The tokens so far."""


class ToneCtcModel:
    """A verified and checked network."""

    def __init__(
        self,
        name: str,
        network: Path,
        tokens: Path,
        units: Units,
        threads: int,
        *,
        confusions: Path | None = None,
    ) -> None:
        """Open it and try it on silence.

        Args:
            name: what errors call the model.
            network: the ONNX file.
            tokens: lines of symbol and number, parted by a space; one symbol is the blank.
            units: what the tokens spell.
            threads: threads of one inference.
            confusions: how it mishears, where it brings its own table.

        Raises:
            ModelError: it is no ONNX file, or has not this interface; the message says what differs.
        """
        self.units: Units = units
        self.confusions = confusions
        self._tokens, self._blank = read_tokens(name, tokens)
        self.symbols: frozenset[str] = frozenset(self._tokens)
        self._session: Any = open_network(name, network, threads)
        try:
            shape, fixed = _interface(self._session)
            self._inputs = [one.name for one in self._session.get_inputs()]
            self._outputs = [one.name for one in self._session.get_outputs()][:2]
            self._shape = shape
            self.largest_batch = fixed or _LARGEST_BATCH
            self._frame_seconds = shape.chunk / shape.rate / self._try_out(2 if fixed is None else 1)
        except ModelError as error:
            raise ModelError(
                f"model {name}: {network.name} is no streaming CTC network: {error}; "
                "install the model again, or choose another recognizer as speech.model"
            ) from error
        self.rate = shape.rate
        self._grammar = SyllableGrammar(self._tokens, self._blank) if units == "pinyin" else None

    def open(self) -> ToneCtcStream:
        """A stream for a new utterance."""
        return ToneCtcStream(self._shape, self._frame_seconds, self._search())

    def _search(self) -> Search:
        if self._grammar is None:
            return BestPath(self._tokens, self._blank)
        return SyllablePath(self._grammar)

    def decode(self, streams: Sequence[ModelStream]) -> None:
        """One chunk of each stream in one inference.

        Raises:
            RuntimeError: the network failed; no stream has gone on.
        """
        ours = [stream for stream in streams if isinstance(stream, ToneCtcStream)]
        assert len(ours) == len(streams)
        scores, states = self._run(
            np.stack([stream.chunk() for stream in ours]), np.stack([stream.state for stream in ours])
        )
        for stream, frames, state in zip(ours, scores, states, strict=True):
            stream.go_on(state, frames)

    def _run(
        self, audio: NDArray[np.int32], states: NDArray[np.float16]
    ) -> tuple[NDArray[np.float32], NDArray[np.float16]]:
        try:
            scores, after = self._session.run(
                self._outputs, dict(zip(self._inputs, (audio[:, :, np.newaxis], states), strict=True))
            )
        except Exception as error:  # ONNX Runtime has no common class for what an inference can do
            raise RuntimeError(f"the network failed: {error}") from error
        return scores, after

    def _try_out(self, batch: int) -> int:
        """Frames of a chunk, seen on `batch` chunks of silence."""
        shape = self._shape
        try:
            scores, after = self._run(
                np.zeros((batch, shape.chunk), np.int32), np.zeros((batch, shape.state), np.float16)
            )
        except RuntimeError as error:
            raise ModelError(str(error)) from error
        if scores.ndim != 3 or scores.shape[0] != batch or scores.shape[1] < 1:
            raise ModelError(f"for {batch} chunks it gives scores of shape {scores.shape}, not (N, T, V)")
        if scores.shape[2] != len(self._tokens):
            raise ModelError(
                f"it scores {scores.shape[2]} tokens, but the tokens' file names {len(self._tokens)}"
            )
        if not np.isfinite(scores).all() or scores.max() > 1e-3:
            raise ModelError("what it gives for silence are no log-probabilities")
        if after.shape != (batch, shape.state) or after.dtype != np.float16:
            raise ModelError(f"its state comes back as {after.dtype} of shape {after.shape}")
        return int(scores.shape[1])


class ToneCtcStream:
    """One utterance: audio that waits, the network's state, the search for tokens."""

    def __init__(self, shape: Shape, frame_seconds: float, search: Search) -> None:
        self._shape = shape
        self._frame_seconds = frame_seconds
        self._search = search
        self._heard: Hearing | None = None
        self._waiting = np.zeros(0, np.int32)
        self.state = np.zeros(shape.state, np.float16)

    def accept(self, samples: NDArray[np.float32]) -> None:
        """Add audio at the model's rate, shape (n,), -1..1."""
        scaled = (np.clip(samples, -1.0, 1.0) * np.float32(_SCALE)).astype(np.int32)
        self._waiting = np.concatenate((self._waiting, scaled))

    def finish(self) -> None:
        """Add silence up to the end of a chunk, so that everything said is told."""
        tail = self._shape.rate * max(_TAIL_MS, self._shape.lag_ms + _LAST_TOKEN_MS) // 1000
        whole = -(-(len(self._waiting) + tail) // self._shape.chunk) * self._shape.chunk
        self._waiting = np.pad(self._waiting, (0, whole - len(self._waiting)))

    def ready(self) -> bool:
        """Whether a chunk waits."""
        return len(self._waiting) >= self._shape.chunk

    def hearing(self) -> Hearing:
        """What was heard so far."""
        if self._heard is None:
            self._heard = self._search.hearing(self._frame_seconds, self._shape.lag_ms / 1000)
        return self._heard

    def chunk(self) -> NDArray[np.int32]:
        """The next chunk, which stays until `go_on`."""
        return self._waiting[: self._shape.chunk]

    def go_on(self, state: NDArray[np.float16], frames: NDArray[np.float32]) -> None:
        """The chunk was decoded: the state behind it, and its log-probabilities (n, tokens)."""
        self._waiting = self._waiting[self._shape.chunk :]
        self.state = state
        self._search.advance(frames)
        self._heard = None


def _interface(session: Any) -> tuple[Shape, int | None]:
    """The sizes of a network, and its batch size where that is fixed.

    Raises:
        ModelError: what differs from the interface.
    """
    metadata = session.get_modelmeta().custom_metadata_map
    rate = number(metadata, "sample_rate")
    milliseconds = number(metadata, "frame_length_ms")
    state = number(metadata, "state_dim")
    lag = number(metadata, "lag_ms") if "lag_ms" in metadata else 0
    if (
        rate not in _RATES
        or milliseconds not in _CHUNK_MS
        or not 1 <= state <= _LARGEST_STATE
        or not 0 <= lag <= _LONGEST_LAG_MS
    ):
        raise ModelError(
            f"sample_rate {rate}, frame_length_ms {milliseconds}, state_dim {state} or lag_ms {lag} of its "
            "metadata is out of range"
        )
    shape = Shape(rate, rate * milliseconds // 1000, state, lag)
    inputs, outputs = session.get_inputs(), session.get_outputs()
    if len(inputs) != 2 or len(outputs) < 2:
        raise ModelError(f"it has {len(inputs)} inputs and {len(outputs)} outputs, not audio and state")
    fits(inputs[0], "tensor(int32)", (None, shape.chunk, 1))
    fits(inputs[1], "tensor(float16)", (None, shape.state))
    fits(outputs[0], "tensor(float)", (None, None, None))
    fits(outputs[1], "tensor(float16)", (None, shape.state))
    batch = inputs[0].shape[0]
    return shape, batch if isinstance(batch, int) else None
