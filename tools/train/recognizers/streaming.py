"""The trained network as sherpa-onnx runs it: the T-one interface, in ONNX, int8.

Input `signal` int32 (batch, 2400, 1): 300 ms of samples at 8 kHz in int16 scale. Input and output `state`
float16 (batch, state_dim). Output `logprobs` float32 (batch, 10, tokens): frames of 30 ms.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Final

import numpy as np
import onnx
import torch
from onnx import helper, numpy_helper
from torch import Tensor, nn

from tools.train.recognizers.network import CHUNK, FRAME_MS, RATE, Recognizer

#: Largest magnitude of a quantized weight; matrices with a shorter side than this stay float.
_MOST_INT8: Final = 127
_LEAST_SIDE: Final = 16


class Streaming(nn.Module):
    """One chunk of every stream of a batch."""

    def __init__(self, network: Recognizer, blank_penalty: float) -> None:
        """`blank_penalty` is taken from the blank's logit, so that fewer tokens are left out."""
        super().__init__()
        self.blank_penalty = blank_penalty
        self.network = network
        self.shapes = network.state_shapes()
        self.sizes = [math.prod(shape) for shape in self.shapes]

    def forward(self, signal: Tensor, state: Tensor) -> tuple[Tensor, Tensor]:
        """Log-probabilities and the next state; shapes as at the head of this file."""
        parts = [
            part.reshape(-1, *shape)
            for part, shape in zip(state.float().split(self.sizes, 1), self.shapes, strict=True)
        ]
        # samples lie in the state as full-scale fractions, which float16 holds
        features, before = self.network.features(signal.squeeze(2).float(), parts[0] * 32768.0)
        logits, after = self.network(features, parts[1:])
        kept = [before / 32768.0, *after]
        logits = torch.cat([logits[:, :, :1] - self.blank_penalty, logits[:, :, 1:]], 2)
        return logits.log_softmax(2), torch.cat([part.flatten(1) for part in kept], 1).half()


def export(
    network: Recognizer, table: Sequence[str], blank_penalty: float, directory: Path
) -> tuple[Path, Path]:
    """Write the network as float and as int8 ONNX and its tokens; the paths of the two networks."""
    directory.mkdir(parents=True, exist_ok=True)
    streaming = Streaming(network.eval(), blank_penalty).eval()
    state = torch.zeros(2, sum(streaming.sizes), dtype=torch.float16)
    wide = directory / "recognizer.float.onnx"
    torch.onnx.export(
        streaming,
        (torch.zeros(2, CHUNK, 1, dtype=torch.int32), state),
        str(wide),
        input_names=["signal", "state"],
        output_names=["logprobs", "next_state"],
        dynamic_axes={name: {0: "batch"} for name in ("signal", "state", "logprobs", "next_state")},
        opset_version=17,
        dynamo=False,
    )
    model = onnx.load(wide)
    describe(model, sum(streaming.sizes), network.lag)
    onnx.save(model, wide)
    narrow = directory / "recognizer.int8.onnx"
    onnx.save(_with_narrow_weights(model), narrow)
    (directory / "tokens.txt").write_text(
        "".join(f"{token} {number}\n" for number, token in enumerate(table)), encoding="utf-8"
    )
    return wide, narrow


def describe(model: Any, state_dim: int, lag: int) -> None:
    """Write what sherpa-onnx asks a T-one network for, and by how much the output lags behind the audio."""
    entries = {
        "model_type": "t-one",
        "frame_length_ms": str(CHUNK * 1000 // RATE),
        "state_dim": str(state_dim),
        "sample_rate": str(RATE),
        "lag_ms": str(lag * FRAME_MS),
        "comment": "Ridge: toned pinyin initials and finals, 30 ms a frame",
    }
    del model.metadata_props[:]
    for key, value in entries.items():
        model.metadata_props.add(key=key, value=value)


def _with_narrow_weights(model: Any) -> Any:
    """The same network with its learned matrices in int8, one scale a column.

    Products stay in float. Quantizing what goes into them as well would be faster, but the scale is then
    taken over the whole batch, and what is heard on one line would depend on the others.
    """
    learned = {
        one.name: numpy_helper.to_array(one)
        for one in model.graph.initializer
        if len(one.dims) == 2 and min(one.dims) >= _LEAST_SIDE
    }
    spectral = {node.input[1] for node in [node for node in model.graph.node if node.op_type == "MatMul"][:2]}
    nodes = []
    for name, matrix in learned.items():
        if name in spectral:
            continue
        scale = (np.abs(matrix).max(0) / _MOST_INT8).clip(1e-12).astype(np.float32)
        whole = np.rint(matrix / scale).clip(-_MOST_INT8, _MOST_INT8).astype(np.int8)
        (old,) = (one for one in model.graph.initializer if one.name == name)
        model.graph.initializer.remove(old)
        model.graph.initializer.extend(
            [
                numpy_helper.from_array(whole, f"{name}.int8"),
                numpy_helper.from_array(scale, f"{name}.scale"),
                numpy_helper.from_array(np.zeros(len(scale), np.int8), f"{name}.zero"),
            ]
        )
        inputs = [f"{name}.int8", f"{name}.scale", f"{name}.zero"]
        nodes.append(helper.make_node("DequantizeLinear", inputs, [name], axis=1))
    rest = list(model.graph.node)
    del model.graph.node[:]
    model.graph.node.extend([*nodes, *rest])
    onnx.checker.check_model(model)
    return model


def run_chunks(path: Path, samples: np.ndarray, lag: int) -> np.ndarray:
    """Log-probabilities (frames, tokens) of one utterance, chunk by chunk, as sherpa-onnx would feed it."""
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = 1
    session = onnxruntime.InferenceSession(str(path), options, providers=["CPUExecutionProvider"])
    state = np.zeros((1, session.get_inputs()[1].shape[1]), np.float16)
    chunks = math.ceil((len(samples) / 240 + lag) / 10)
    padded = np.zeros(chunks * CHUNK, np.int32)
    padded[: len(samples)] = np.clip(np.rint(samples), -32768, 32767)
    found = []
    for chunk in padded.reshape(chunks, 1, CHUNK, 1):
        scores, state = session.run(None, {"signal": chunk, "state": state})
        found.append(scores[0])
    return np.concatenate(found)[lag:]
