"""The objection network in torch, and the same network as an ONNX graph, quantized to int8.

Both channels are embedded (unit and hashed pair), put side by side, and read by two layers that see three
and then five syllables; the maximum and an attention-weighted mean over time feed the output layer. The
layers are written as matrix products over shifted copies, because onnxruntime quantizes those best.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
import onnx
import torch
from onnx import TensorProto, helper, numpy_helper
from onnxruntime.quantization import QuantType, quantize_dynamic
from torch import nn

UNIT = 40
PAIR = 32
HIDDEN = 128
OPSET = 17


class ObjectionNetwork(nn.Module):
    """(batch, n, 2) ids of characters and syllables to (batch, types) logits; id 0 pads."""

    def __init__(self, tables: list[np.ndarray], types: int) -> None:
        """`tables` are the first embeddings: characters, their pairs, syllables, their pairs."""
        super().__init__()
        self.character, self.character_pair, self.syllable, self.syllable_pair = (
            nn.Embedding.from_pretrained(torch.from_numpy(table.copy()), freeze=False, padding_idx=0)
            for table in tables
        )
        width = 2 * (UNIT + PAIR)
        self.first = nn.Linear(3 * width, HIDDEN)
        self.second = nn.Linear(3 * HIDDEN, HIDDEN)
        self.attention = nn.Linear(HIDDEN, 1)
        self.output = nn.Linear(2 * HIDDEN, types)
        self.dropout = nn.Dropout(0.35)
        self.channel_dropout = 0.2

    def forward(self, characters: torch.Tensor, syllables: torch.Tensor) -> torch.Tensor:
        """The logits, shape (batch, types)."""
        mask = (characters[:, :, 0] != 0).unsqueeze(-1)
        written = torch.cat([self.character(characters[..., 0]), self.character_pair(characters[..., 1])], -1)
        heard = torch.cat([self.syllable(syllables[..., 0]), self.syllable_pair(syllables[..., 1])], -1)
        if self.training:
            # Some utterances are seen by one channel only, so that neither leans on the other.
            draw = torch.rand(len(characters), 1, 1)
            written = written * (draw > self.channel_dropout)
            heard = heard * (draw < 1 - self.channel_dropout / 2)
        units = self.dropout(torch.cat([written, heard], -1)) * mask
        low = torch.relu(self.first(_neighbours(units))) * mask
        high = (torch.relu(self.second(_neighbours(low))) + low) * mask
        weights = torch.softmax(self.attention(high).masked_fill(~mask, -1e4), dim=1)
        pooled = torch.cat([high.max(dim=1).values, (high * weights).sum(dim=1)], -1)
        return self.output(self.dropout(pooled))


def _neighbours(units: torch.Tensor) -> torch.Tensor:
    padded = nn.functional.pad(units, (0, 0, 1, 1))
    return torch.cat([padded[:, :-2], padded[:, 1:-1], padded[:, 2:]], -1)


def export(network: ObjectionNetwork, path: Path) -> None:
    """Write the network (for one unpadded utterance a call) as a float ONNX graph."""
    weights = {name: value.detach().numpy() for name, value in network.state_dict().items()}
    initializers = []
    nodes = []

    def constant(name: str, value: np.ndarray) -> str:
        initializers.append(numpy_helper.from_array(value, name))
        return name

    def node(kind: str, inputs: list[str], output: str, **attributes: object) -> str:
        nodes.append(helper.make_node(kind, inputs, [output], **attributes))
        return output

    def integers(name: str, *values: int) -> str:
        return constant(name, np.array(values, dtype=np.int64))

    (
        integers("zero", 0),
        integers("one", 1),
        integers("two", 2),
        integers("minus_one", -1),
        integers("minus_two", -2),
    )
    (
        integers("axis_time", 1),
        integers("far", 1 << 30),
        constant("index_0", np.array(0)),
        constant("index_1", np.array(1)),
    )
    integers("pads", 0, 1, 0, 0, 1, 0)
    columns = []
    for channel, singular in (("characters", "character"), ("syllables", "syllable")):
        for index, suffix in (("index_0", ""), ("index_1", "_pair")):
            ids = node("Gather", [channel, index], f"{singular}{suffix}_ids", axis=2)
            table = constant(f"{singular}{suffix}_table", weights[f"{singular}{suffix}.weight"])
            columns.append(node("Gather", [table, ids], f"{singular}{suffix}_units", axis=0))
    units = node("Concat", columns, "units", axis=-1)

    def layer(name: str, data: str) -> str:
        padded = node("Pad", [data, "pads"], f"{name}_padded")
        left = node("Slice", [padded, "zero", "minus_two", "axis_time"], f"{name}_left")
        middle = node("Slice", [padded, "one", "minus_one", "axis_time"], f"{name}_middle")
        right = node("Slice", [padded, "two", "far", "axis_time"], f"{name}_right")
        near = node("Concat", [left, middle, right], f"{name}_near", axis=-1)
        product = node(
            "MatMul",
            [near, constant(f"{name}_weight", weights[f"{name}.weight"].T.copy())],
            f"{name}_product",
        )
        total = node("Add", [product, constant(f"{name}_bias", weights[f"{name}.bias"])], f"{name}_sum")
        return node("Relu", [total], f"{name}_out")

    low = layer("first", units)
    high = node("Add", [layer("second", low), low], "high")
    score = node(
        "MatMul", [high, constant("attention_weight", weights["attention.weight"].T.copy())], "score"
    )
    share = node("Softmax", [score], "share", axis=1)
    weighted = node("Mul", [high, share], "weighted")
    mean = node("ReduceSum", [weighted, "axis_time"], "mean", keepdims=0)
    peak = node("ReduceMax", [high], "peak", axes=[1], keepdims=0)
    pooled = node("Concat", [peak, mean], "pooled", axis=-1)
    product = node(
        "MatMul", [pooled, constant("output_weight", weights["output.weight"].T.copy())], "product"
    )
    node("Add", [product, constant("output_bias", weights["output.bias"])], "logits")
    graph = helper.make_graph(
        nodes,
        "objections",
        [
            helper.make_tensor_value_info(name, TensorProto.INT64, [1, "n", 2])
            for name in ("characters", "syllables")
        ],
        [helper.make_tensor_value_info("logits", TensorProto.FLOAT, [1, len(weights["output.bias"])])],
        initializers,
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", OPSET)], ir_version=8)
    onnx.checker.check_model(model)
    onnx.save(model, str(path))


def quantize(source: Path, target: Path) -> None:
    """Store the weights of all embeddings and products as int8 (dynamic quantization)."""
    quantize_dynamic(
        source,
        target,
        weight_type=QuantType.QInt8,
        per_channel=False,
        op_types_to_quantize=["MatMul", "Gather"],
        nodes_to_exclude=[],
    )
