"""Tiny networks with the interfaces of real recognizers, which hear how loud it is.

Token k sounds as a 1 kHz tone with a mean magnitude of `STEP` · k, so tests can say anything they like.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
import onnx
from numpy.typing import NDArray
from onnx import TensorProto, helper, numpy_helper

from appliance.models import ModelStore

#: Mean magnitude, of 32767, from one token to the next.
STEP = 1000.0
#: of a sine of 1 kHz at the eight points of a cycle where 8 kHz sees it
_MEAN_MAGNITUDE = float(np.abs(np.sin(2 * np.pi * np.arange(8) / 8)).mean())
FRAME_MS = 20
CHUNK_MS = 300
#: Token 0 is the blank, which is silence.
SYLLABLE_TOKENS = ("<blk>", "zh", "ōng", "g", "uó", "y", "ín", "h", "áng")
OPSET = 13


def tone(token: int, milliseconds: int, rate: int = 8000) -> NDArray[np.int16]:
    """A token of a toy network as sound."""
    time = np.arange(milliseconds * rate // 1000) / rate
    return np.rint(token * STEP / _MEAN_MAGNITUDE * np.sin(2 * np.pi * 1000 * time)).astype(np.int16)


def say(*tokens: int, rate: int = 8000, before: int = 400, behind: int = 800) -> NDArray[np.int16]:
    """Tokens of 60 ms each, with silence around them."""
    return np.concatenate(
        (tone(0, before, rate), *(tone(token, 60, rate) for token in tokens), tone(0, behind, rate))
    )


def tokens_text(tokens: Sequence[str]) -> str:
    """The content of a tokens.txt."""
    return "".join(f"{symbol} {number}\n" for number, symbol in enumerate(tokens))


def tone_ctc(
    vocabulary: int = len(SYLLABLE_TOKENS),
    *,
    chunk_ms: int = CHUNK_MS,
    batch: int | str = "N",
    state: int = 4,
    metadata: Mapping[str, str] | None = None,
    audio_type: int = TensorProto.INT32,
    state_type: int = TensorProto.FLOAT16,
    scores: str = "log_probs",
) -> bytes:
    """A CTC network with the T-one interface; its state counts the chunks.

    `metadata`, types and `scores` (the tensor that goes out as scores) may be wrong on purpose.
    """
    samples = chunk_ms * 8
    frames = chunk_ms // FRAME_MS
    constants = {
        "frames": np.array([0, frames, samples // frames], np.int64),
        "levels": np.arange(vocabulary, dtype=np.float32) * STEP,
        "sharpness": np.array([-1e-5], np.float32),
        "one": np.ones(1, np.float16 if state_type == TensorProto.FLOAT16 else np.float32),
    }
    nodes = [
        helper.make_node("Cast", ["x"], ["wide"], to=TensorProto.FLOAT),
        helper.make_node("Abs", ["wide"], ["magnitude"]),
        helper.make_node("Reshape", ["magnitude", "frames"], ["framed"]),
        helper.make_node("ReduceMean", ["framed"], ["level"], axes=[2], keepdims=1),
        helper.make_node("Sub", ["level", "levels"], ["distance"]),
        helper.make_node("Mul", ["distance", "distance"], ["squared"]),
        helper.make_node("Mul", ["squared", "sharpness"], ["logits"]),
        helper.make_node("LogSoftmax", ["logits"], ["log_probs"], axis=2),
        helper.make_node("Add", ["state", "one"], ["next_state"]),
    ]
    graph = helper.make_graph(
        nodes,
        "toy",
        [
            helper.make_tensor_value_info("x", audio_type, [batch, samples, 1]),
            helper.make_tensor_value_info("state", state_type, [batch, state]),
        ],
        [
            helper.make_tensor_value_info(scores, TensorProto.FLOAT, [batch, frames, vocabulary]),
            helper.make_tensor_value_info("next_state", state_type, [batch, state]),
        ],
        [numpy_helper.from_array(value, name) for name, value in constants.items()],
    )
    if metadata is None:
        metadata = {"frame_length_ms": str(chunk_ms), "state_dim": str(state), "sample_rate": "8000"}
    return serialized(graph, metadata)


def serialized(graph: onnx.GraphProto, metadata: Mapping[str, str]) -> bytes:
    """An ONNX file."""
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", OPSET)], ir_version=8)
    helper.set_model_props(model, dict(metadata))
    return bytes(model.SerializeToString())


def installed(
    place: Path,
    name: str,
    files: Mapping[str, bytes],
    *,
    network: str = "tone-ctc",
    units: str = "pinyin",
    research_only: bool = False,
) -> ModelStore:
    """A store whose manifest knows one more model than the appliance's lexicon: this one, installed."""
    bundled = place / "bundled"
    (bundled / name).mkdir(parents=True)
    lines = [
        f'[[model]]\nname = "{name}"\nkind = "asr"\nlicence = "none"',
        f"research_only = {str(research_only).lower()}",
        f'source = "the test"\npurpose = "Hears tones."\ncard = "{name}/CARD.md"',
        f'units = "{units}"\nnetwork = "{network}"',
    ]
    for file, content in files.items():
        (bundled / name / file).write_bytes(content)
        lines.append(_file_entry(file, content))
    lexicon = ModelStore().open("lexicon-zh")
    lines.append('[[model]]\nname = "lexicon-zh"\nkind = "lexicon"\nlicence = "none"\nresearch_only = false')
    lines.append('source = "the test"\npurpose = "Words."\ncard = "lexicon-zh/CARD.md"')
    (bundled / "lexicon-zh").symlink_to(lexicon.directory)
    for entry in lexicon.entry.file:
        lines.append(_file_entry(entry.name, lexicon.path(entry.name).read_bytes()))
    (bundled / "manifest.toml").write_text("\n".join(lines) + "\n", encoding="utf-8")
    return ModelStore(place / "site", manifest=bundled / "manifest.toml")


def _file_entry(name: str, content: bytes) -> str:
    digest = hashlib.sha256(content).hexdigest()
    return f'[[model.file]]\nname = "{name}"\nbytes = {len(content)}\nsha256 = "{digest}"'


#: Frames of 10 ms that the toy transducer's encoder takes at once; sherpa-onnx counts four of them a token.
_CHUNK_FRAMES = 32


def toy_transducer(
    vocabulary: int,
    *,
    metadata: Mapping[str, str] | None = None,
    decoder_metadata: Mapping[str, str] | None = None,
    features: int = 80,
    alike: tuple[int, int] | None = None,
) -> dict[str, bytes]:
    """The three networks of an LSTM transducer whose encoder hears which of its filters is loudest.

    Token k sounds as a tone of the k-th of `vocabulary` - 1 frequencies (`pitch`); silence is the blank. Of
    two tokens that are `alike`, the first sounds as the second, which is written unless something speaks for
    the first. The other arguments may be wrong on purpose.
    """
    filters = np.zeros((features, vocabulary), np.float32)
    bias = np.zeros(vocabulary, np.float32)
    # A token that was just written is not written again: the decoder takes it off the score.
    once = -100.0 * np.eye(vocabulary, dtype=np.float32)
    once[0, 0] = 0.0
    for token in range(1, vocabulary):
        filters[_filter_of(token, vocabulary), token] = _SHARPNESS
    if alike is not None:
        first, second = alike
        filters[:, first] = filters[:, second]
        bias[second] = 0.5
        once[first, second] = once[second, first] = -100.0
    blank = np.zeros(vocabulary, np.float32)
    blank[0] = 1.0
    encoder = helper.make_graph(
        [
            helper.make_node("Reshape", ["x", "by_four"], ["fours"]),
            helper.make_node("ReduceMax", ["fours"], ["loudest"], axes=[2], keepdims=0),
            helper.make_node("MatMul", ["loudest", "filters"], ["energies"]),
            helper.make_node("Slice", ["energies", "one", "all", "two"], ["of_tokens"]),
            helper.make_node("ReduceMax", ["of_tokens"], ["best"], axes=[2], keepdims=1),
            helper.make_node("Max", ["best", "loud"], ["audible"]),
            helper.make_node("Sub", ["audible", "below"], ["of_blank"]),
            helper.make_node("Mul", ["of_blank", "blank"], ["blank_alone"]),
            helper.make_node("Add", ["energies", "blank_alone"], ["scores"]),
            helper.make_node("Add", ["scores", "bias"], ["encoder_out"]),
            helper.make_node("Identity", ["h"], ["next_h"]),
            helper.make_node("Identity", ["c"], ["next_c"]),
        ],
        "encoder",
        [
            helper.make_tensor_value_info("x", TensorProto.FLOAT, ["N", _CHUNK_FRAMES, features]),
            helper.make_tensor_value_info("h", TensorProto.FLOAT, [1, "N", 2]),
            helper.make_tensor_value_info("c", TensorProto.FLOAT, [1, "N", 2]),
        ],
        [
            helper.make_tensor_value_info("encoder_out", TensorProto.FLOAT, ["N", "T", vocabulary]),
            helper.make_tensor_value_info("next_h", TensorProto.FLOAT, [1, "N", 2]),
            helper.make_tensor_value_info("next_c", TensorProto.FLOAT, [1, "N", 2]),
        ],
        [
            numpy_helper.from_array(np.array([0, _CHUNK_FRAMES // 4, 4, features], np.int64), "by_four"),
            numpy_helper.from_array(filters, "filters"),
            numpy_helper.from_array(np.array([1], np.int64), "one"),
            numpy_helper.from_array(np.array([2], np.int64), "two"),
            numpy_helper.from_array(np.array([vocabulary], np.int64), "all"),
            numpy_helper.from_array(np.array([_LOUD * _SHARPNESS], np.float32), "loud"),
            numpy_helper.from_array(np.array([5], np.float32), "below"),
            numpy_helper.from_array(blank, "blank"),
            numpy_helper.from_array(bias, "bias"),
        ],
    )
    decoder = helper.make_graph(
        [
            helper.make_node("Gather", ["once", "y"], ["each"]),
            helper.make_node("ReduceSum", ["each", "axis"], ["decoder_out"], keepdims=0),
        ],
        "decoder",
        [helper.make_tensor_value_info("y", TensorProto.INT64, ["N", 2])],
        [helper.make_tensor_value_info("decoder_out", TensorProto.FLOAT, ["N", vocabulary])],
        [numpy_helper.from_array(once, "once"), numpy_helper.from_array(np.array([1], np.int64), "axis")],
    )
    joiner = helper.make_graph(
        [helper.make_node("Add", ["encoder_out", "decoder_out"], ["logit"])],
        "joiner",
        [
            helper.make_tensor_value_info("encoder_out", TensorProto.FLOAT, ["N", vocabulary]),
            helper.make_tensor_value_info("decoder_out", TensorProto.FLOAT, ["N", vocabulary]),
        ],
        [helper.make_tensor_value_info("logit", TensorProto.FLOAT, ["N", vocabulary])],
    )
    if metadata is None:
        metadata = LSTM_METADATA
    if decoder_metadata is None:
        decoder_metadata = {"vocab_size": str(vocabulary), "context_size": "2"}
    return {
        "encoder.onnx": serialized(encoder, metadata),
        "decoder.onnx": serialized(decoder, decoder_metadata),
        "joiner.onnx": serialized(joiner, {}),
    }


LSTM_METADATA: Mapping[str, str] = {
    "model_type": "lstm",
    "num_encoder_layers": "1",
    "T": str(_CHUNK_FRAMES),
    "decode_chunk_len": str(_CHUNK_FRAMES),
    "rnn_hidden_size": "2",
    "d_model": "2",
}
#: Log energy of a filter between silence and the tones of `pitch`, as sherpa-onnx computes it.
_LOUD = -4.0
#: Logits for one unit of log energy: so many that a token is sure where its tone sounds.
_SHARPNESS = 10.0


def _filter_of(token: int, vocabulary: int) -> int:
    return 8 + (token - 1) * 48 // max(1, vocabulary - 2)


def pitch(token: int, vocabulary: int, milliseconds: int, rate: int = 16_000) -> NDArray[np.int16]:
    """A token of `toy_transducer` as sound; 0 is silence."""
    if token == 0:
        return np.zeros(milliseconds * rate // 1000, np.int16)
    # Filters lie evenly on the mel scale between 20 Hz and 400 Hz below half the rate (Kaldi's).
    edges = [1127 * np.log(1 + hertz / 700) for hertz in (20.0, 7600.0)]
    mel = edges[0] + (_filter_of(token, vocabulary) + 1) * (edges[1] - edges[0]) / 81
    hertz = 700 * (np.exp(mel / 1127) - 1)
    time = np.arange(milliseconds * rate // 1000) / rate
    return np.rint(6000 * np.sin(2 * np.pi * hertz * time)).astype(np.int16)
