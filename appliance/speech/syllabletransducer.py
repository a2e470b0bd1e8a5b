"""A streaming zipformer transducer that also tells what else each token may have been.

The search is greedy with at most one token a frame, as sherpa-onnx's; the scores of the other tokens, which
sherpa-onnx keeps to itself, are what the lexicon chooses from. ONNX Runtime runs the three networks.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from appliance.models import Units
from appliance.speech.filterbank import FILTERS, RATE, FilterBank
from appliance.speech.networkfile import number
from appliance.speech.streamingmodel import Hearing, ModelStream

#: Taken from the blank's logit: through the telephone band the recognizer leaves syllables out more often
#: than it invents them (tools/train/confusions.tsv counts 830 to 333).
BLANK_PENALTY: Final = 0.3
#: Rivals told of each token; less likely ones cost as much as what was not heard at all.
_RIVALS: Final = 16
#: Logits are divided by this for the confidence of a token; the confusions were counted so.
_CONFIDENCE_TEMPERATURE: Final = 2.0
#: Silence behind the last sample, so that the encoder's last chunk is filled and its tokens come out.
_PAD: Final = np.zeros(RATE * 400 // 1000, np.float32)
#: What a token advances the clock by: four frames of 10 ms.
_FRAME_SECONDS: Final = 0.04
#: Contexts of two tokens whose prediction is kept; all that Mandarin has are fewer.
_CONTEXTS_KEPT: Final = 20_000
_BLANK: Final = 0
_CONTEXT: Final = 2
#: What the decoder is told to stand before an utterance; it takes negative tokens for none.
_NOTHING_BEFORE: Final = -1

_State = list[NDArray[Any]]


class SyllableTransducer:
    """Networks that `transducercheck` has found sound, exported for one stream at a time."""

    rate = RATE
    units: Units = "pinyin"
    largest_batch = 1
    confusions: Path | None = None

    def __init__(self, networks: Mapping[str, Any], tokens: Sequence[str]) -> None:
        """Use sessions of "encoder", "decoder" and "joiner" for which `runs` is true, and the symbols."""
        self.symbols: frozenset[str] = frozenset(tokens)
        self._tokens = tokens
        self._encoder, self._decoder = networks["encoder"], networks["decoder"]
        self._joiner = networks["joiner"]
        metadata = self._encoder.get_modelmeta().custom_metadata_map
        self.frames, self.shift = number(metadata, "T"), number(metadata, "decode_chunk_len")
        inputs = self._encoder.get_inputs()
        self._inputs = [one.name for one in inputs]
        self._first = [
            np.zeros(one.shape, np.int64 if one.type == "tensor(int64)" else np.float32) for one in inputs[1:]
        ]
        self._encoder_out, self._decoder_out = (one.name for one in self._joiner.get_inputs())
        self._context = self._decoder.get_inputs()[0].name
        self._predictions: dict[tuple[int, int], NDArray[np.float32]] = {}

    def open(self) -> SyllableStream:
        """A stream for a new utterance."""
        return SyllableStream(self._first, self.frames, self.shift)

    def decode(self, streams: Sequence[ModelStream]) -> None:
        """One chunk of one stream.

        Raises:
            RuntimeError: a network failed.
        """
        for stream in streams:
            assert isinstance(stream, SyllableStream)
            heard, *state = self._run(
                self._encoder, dict(zip(self._inputs, (stream.chunk(), *stream.state), strict=True))
            )
            stream.go_on(state)
            self._search(stream, heard[0])

    def _search(self, stream: SyllableStream, frames: NDArray[np.float32]) -> None:
        """Greedy: a frame that is not blank is a token, and changes what the next ones are scored with."""
        place = 0
        while place < len(frames):
            prediction = np.repeat(self._predict(stream.context), len(frames) - place, axis=0)
            (logits,) = self._run(
                self._joiner, {self._encoder_out: frames[place:], self._decoder_out: prediction}
            )
            logits[:, _BLANK] -= BLANK_PENALTY
            best = logits.argmax(axis=1)
            hits = np.flatnonzero(best)
            if not len(hits):
                break
            first = int(hits[0])
            place += first
            row = logits[first]
            row[_BLANK] += BLANK_PENALTY
            self._note(stream, int(best[first]), row, place)
            place += 1
        stream.decoded += len(frames)

    def _note(self, stream: SyllableStream, token: int, logits: NDArray[np.float32], place: int) -> None:
        scores = logits.astype(np.float64)
        scores -= scores.max()
        tempered = scores / _CONFIDENCE_TEMPERATURE
        stream.tokens.append(self._tokens[token])
        stream.times.append((stream.decoded + place) * _FRAME_SECONDS)
        stream.log_probabilities.append(float(tempered[token] - np.log(np.exp(tempered).sum())))
        scores -= np.log(np.exp(scores).sum())
        rivals = np.argpartition(-scores[1:], _RIVALS)[:_RIVALS] + 1
        stream.alternatives.append({self._tokens[rival]: float(scores[rival]) for rival in rivals.tolist()})
        stream.context = (stream.context[1], token)

    def _predict(self, context: tuple[int, int]) -> NDArray[np.float32]:
        found = self._predictions.get(context)
        if found is None:
            if len(self._predictions) >= _CONTEXTS_KEPT:
                self._predictions.clear()
            (found,) = self._run(self._decoder, {self._context: np.array([context], np.int64)})
            self._predictions[context] = found
        return found

    @staticmethod
    def _run(network: Any, inputs: Mapping[str, NDArray[Any]]) -> list[NDArray[Any]]:
        try:
            outputs: list[NDArray[Any]] = network.run(None, inputs)
        except Exception as error:  # ONNX Runtime has no common class for what an inference can do
            raise RuntimeError(f"the network failed: {error}") from error
        return outputs


def runs(networks: Mapping[str, Any]) -> bool:
    """Whether this is a zipformer that was exported for one stream at a time and looks two tokens back."""
    states = networks["encoder"].get_inputs()[1:]
    return (
        networks["encoder"].get_modelmeta().custom_metadata_map["model_type"] == "zipformer2"
        and number(networks["decoder"].get_modelmeta().custom_metadata_map, "context_size") == _CONTEXT
        and all(isinstance(size, int) for one in states for size in one.shape)
    )


class SyllableStream:
    """One utterance: frames that wait, the encoder's state, the tokens so far."""

    def __init__(self, state: _State, frames: int, shift: int) -> None:
        self._bank = FilterBank()
        self._waiting = np.zeros((0, FILTERS), np.float32)
        self._frames, self._shift = frames, shift
        self.state = state
        #: the last two tokens
        self.context = (_NOTHING_BEFORE, _BLANK)
        #: encoded frames of 40 ms
        self.decoded = 0
        self.tokens: list[str] = []
        self.times: list[float] = []
        self.log_probabilities: list[float] = []
        self.alternatives: list[Mapping[str, float]] = []

    def accept(self, samples: NDArray[np.float32]) -> None:
        """Add audio at 16 kHz, shape (n,), -1..1."""
        self._waiting = np.concatenate((self._waiting, self._bank.accept(samples)))

    def finish(self) -> None:
        """Add the silence that brings the last tokens out."""
        self.accept(_PAD)

    def ready(self) -> bool:
        """Whether a chunk waits."""
        return len(self._waiting) >= self._frames

    def hearing(self) -> Hearing:
        """What was heard so far."""
        return Hearing(self.tokens, self.times, self.log_probabilities, self.alternatives)

    def chunk(self) -> NDArray[np.float32]:
        """The next frames, shape (1, frames, 80), which stay until `go_on`."""
        return self._waiting[np.newaxis, : self._frames]

    def go_on(self, state: _State) -> None:
        """The chunk was encoded, and this is the state behind it."""
        self._waiting = self._waiting[self._shift :]
        self.state = state
