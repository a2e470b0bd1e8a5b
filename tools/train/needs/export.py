"""The trained network as an ONNX graph for one utterance a call."""

from __future__ import annotations

import warnings
from pathlib import Path

import onnx
import torch

from appliance.language.needs_model import AGENT, CUSTOMER, TOLD
from tools.train.needs.network import NeedNetwork

OPSET = 17


def export(network: NeedNetwork, path: Path) -> None:
    """Write the network as a float graph with the inputs and outputs that NeedModel uses."""
    place = torch.tensor([[AGENT, *[CUSTOMER] * 5]])
    units = torch.full((1, 6, 2), 2)
    named, told = torch.zeros(1, 6, len(network.bias)), torch.zeros(1, len(network.bias), TOLD)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        torch.onnx.export(
            network.eval(),
            (units, units.clone(), place, named, told),
            str(path),
            input_names=["characters", "syllables", "place", "named", "told"],
            output_names=["presence", "stances"],
            dynamic_axes={
                "characters": {1: "n"},
                "syllables": {1: "n"},
                "place": {1: "n"},
                "named": {1: "n"},
            },
            opset_version=OPSET,
            dynamo=False,
        )
    onnx.checker.check_model(onnx.load(str(path)))
