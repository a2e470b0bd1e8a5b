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
