"""The trained network as an ONNX graph for one utterance a call, and quantized to int8."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper
from onnxruntime.quantization import QuantType, quantize_dynamic

from tools.train.objections.network import DILATIONS, ObjectionNetwork

OPSET = 17
INPUTS = ("characters", "syllables", "agent_characters", "agent_syllables")


class Graph:
    """Nodes and constants of a graph that grows."""

    def __init__(self, weights: dict[str, np.ndarray]) -> None:
        self._weights = weights
        self._constants: dict[str, np.ndarray] = {}
        self.nodes: list[onnx.NodeProto] = []

    def constant(self, name: str, value: np.ndarray) -> str:
        """The name of a constant, stored once."""
        self._constants[name] = value
        return name

    def number(self, *values: int) -> str:
        """An int64 vector."""
        return self.constant("n" + "_".join(map(str, values)), np.array(values, dtype=np.int64))

    def weight(self, name: str, turned: bool = True) -> str:
        """A parameter of the network; weights of linear layers are turned for MatMul."""
        value = self._weights[name]
        return self.constant(name.replace(".", "_"), value.T.copy() if turned else value)

    def node(self, kind: str, inputs: list[str], output: str, **attributes: object) -> str:
        """Append a node and give the name of its output."""
        self.nodes.append(helper.make_node(kind, inputs, [output], **attributes))
        return output

    def initializers(self) -> list[TensorProto]:
        """All constants."""
        return [numpy_helper.from_array(value, name) for name, value in self._constants.items()]

    def embed(self, prefix: str) -> tuple[str, str]:
        """Units of one side, masked by what is no padding, and that mask as float."""
        columns = []
        for channel, singular in (("characters", "character"), ("syllables", "syllable")):
            for place, suffix in ((0, ""), (1, "_pair")):
                index = self.constant(f"index_{place}", np.array(place))
                ids = self.node(
                    "Gather", [prefix + channel, index], f"{prefix}{singular}{suffix}_ids", axis=2
                )
                table = self.weight(f"body.{singular}{suffix}.weight", turned=False)
                columns.append(self.node("Gather", [table, ids], f"{prefix}{singular}{suffix}_units", axis=0))
        units = self.node("Concat", columns, f"{prefix}embedded", axis=-1)
        some = self.node("Cast", [f"{prefix}character_ids"], f"{prefix}ids_float", to=TensorProto.FLOAT)
        sign = self.node("Sign", [some], f"{prefix}sign")
        mask = self.node("Unsqueeze", [sign, self.number(2)], f"{prefix}mask")
        return self.node("Mul", [units, mask], f"{prefix}units"), mask

    def layer(self, place: int, data: str, prefix: str = "") -> str:
        """A layer before its ReLU."""
        name, reach = f"{prefix}layer{place}", DILATIONS[place]
        padded = self.node("Pad", [data, self.number(0, reach, 0, 0, reach, 0)], f"{name}_padded")
        time = self.number(1)
        left = self.node("Slice", [padded, self.number(0), self.number(-2 * reach), time], f"{name}_left")
        right = self.node(
            "Slice", [padded, self.number(2 * reach), self.number(1 << 30), time], f"{name}_right"
        )
        near = self.node("Concat", [left, data, right], f"{name}_near", axis=-1)
        product = self.node("MatMul", [near, self.weight(f"body.layers.{place}.weight")], f"{name}_product")
        return self.node("Add", [product, self.weight(f"body.layers.{place}.bias", False)], f"{name}_sum")


def export(network: ObjectionNetwork, path: Path) -> None:
    """Write the network as a float graph: the four inputs as ObjectionModel gives them, output `logits`."""
    graph = Graph({name: value.detach().numpy() for name, value in network.state_dict().items()})
    said, said_mask = graph.embed("agent_")
    read = graph.node("Relu", [graph.layer(0, said, "agent_")], "agent_read")
    peak = graph.node(
        "ReduceMax", [graph.node("Mul", [read, said_mask], "agent_seen")], "agent_peak", axes=[1]
    )
    shift = graph.node("MatMul", [peak, graph.weight("body.agent.weight")], "agent_shift")
    data, _ = graph.embed("")
    first = graph.node("Add", [graph.layer(0, data), shift], "shifted")
    units = graph.node("Relu", [first], "units0")
    for place in range(1, len(DILATIONS)):
        more = graph.node("Relu", [graph.layer(place, units)], f"more{place}")
        units = graph.node("Add", [more, units], f"units{place}")
    product = graph.node("MatMul", [units, graph.weight("body.attention.weight")], "attention_product")
    scores = graph.node("Add", [product, graph.weight("body.attention.bias", False)], "attention_sum")
    share = graph.node("Softmax", [scores], "share", axis=1)
    turned = graph.node("Transpose", [share], "share_turned", perm=[0, 2, 1])
    means = graph.node("MatMul", [turned, units], "means")
    flat = graph.node("Reshape", [means, graph.number(1, -1)], "means_flat")
    highest = graph.node("ReduceMax", [units], "highest", axes=[1], keepdims=0)
    pooled = graph.node("Concat", [highest, flat], "pooled", axis=-1)
    product = graph.node("MatMul", [pooled, graph.weight("output.weight")], "output_product")
    graph.node("Add", [product, graph.weight("output.bias", False)], "logits")
    types = len(network.output.bias)
    model = helper.make_model(
        helper.make_graph(
            graph.nodes,
            "objections",
            [
                helper.make_tensor_value_info(name, TensorProto.INT64, [1, f"n_{place // 2}", 2])
                for place, name in enumerate(INPUTS)
            ],
            [helper.make_tensor_value_info("logits", TensorProto.FLOAT, [1, types])],
            graph.initializers(),
        ),
        opset_imports=[helper.make_opsetid("", OPSET)],
        ir_version=8,
    )
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
