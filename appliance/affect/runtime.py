"""One small interface over the TFLite runtimes: int8 models, batches, one thread."""

from __future__ import annotations

import importlib
from pathlib import Path
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from appliance.affect.features import Floats
from appliance.models import ModelError

#: tflite-runtime ends at Python 3.11; ai-edge-litert is its successor
RUNTIMES: Final = ("tflite_runtime.interpreter", "ai_edge_litert.interpreter")
#: batches are rounded up to one of these, so that the interpreter seldom allocates anew
BATCHES: Final = (1, 2, 4, 8, 16, 32)


class RuntimeMissingError(ModelError):
    """No TFLite runtime is installed; the message says what to install."""


class ModelShapeError(ModelError):
    """A model has other inputs or outputs than this program was written for."""


def interpreter_class() -> Any:
    """The Interpreter of the first runtime that can be imported.

    Raises:
        RuntimeMissingError: there is none.
    """
    for name in RUNTIMES:
        try:
            return importlib.import_module(name).Interpreter
        except ImportError:
            continue
    raise RuntimeMissingError(
        "no TFLite runtime is installed: install tflite-runtime (Python 3.10 and 3.11) or ai-edge-litert "
        "(Python 3.12), or set policy.emotion = false"
    )


class TfliteModel:
    """An int8 (or float) model with one input and one output whose first dimension is the batch."""

    def __init__(self, path: Path) -> None:
        """Load a verified model file.

        Raises:
            RuntimeMissingError: no runtime is installed.
            ModelShapeError: the model has several inputs or outputs.
        """
        self._interpreter = interpreter_class()(model_path=str(path), num_threads=1)
        inputs, outputs = self._interpreter.get_input_details(), self._interpreter.get_output_details()
        if len(inputs) != 1 or len(outputs) != 1:
            raise ModelShapeError(
                f"{path.name} has {len(inputs)} inputs and {len(outputs)} outputs, one of each is "
                "understood; train it again with the program named in its card"
            )
        self._input, self._output = inputs[0], outputs[0]
        #: shape of one item, without the batch
        self.input_shape: tuple[int, ...] = tuple(int(size) for size in self._input["shape"][1:])
        self.output_size = int(np.prod(self._output["shape"][1:]))
        self._batch = 0

    def run(self, items: Floats) -> Floats:
        """Outputs of shape (n, output_size) for items of shape (n, *input_shape).

        Raises:
            ModelShapeError: the items have another shape than the model's input.
        """
        if items.shape[1:] != self.input_shape:
            raise ModelShapeError(
                f"items of shape {items.shape[1:]} for a model of input {self.input_shape}: the model was "
                "trained with other features; install the one that belongs to this version"
            )
        largest = BATCHES[-1]
        parts = [self._run(items[start : start + largest]) for start in range(0, len(items), largest)]
        return np.concatenate(parts) if parts else np.zeros((0, self.output_size), np.float32)

    def _run(self, items: Floats) -> Floats:
        count = len(items)
        batch = next(size for size in BATCHES if size >= count)
        if batch != self._batch:
            self._interpreter.resize_tensor_input(self._input["index"], [batch, *self.input_shape])
            self._interpreter.allocate_tensors()
            self._batch = batch
        given = _quantise(items, self._input)
        if count < batch:
            # what fills the batch is never read
            given = np.concatenate([given, np.zeros((batch - count, *self.input_shape), given.dtype)])
        self._interpreter.set_tensor(self._input["index"], given)
        self._interpreter.invoke()
        output = _dequantise(self._interpreter.get_tensor(self._output["index"]), self._output)
        return output.reshape(batch, -1)[:count]


def _quantise(values: Floats, tensor: Any) -> NDArray[Any]:
    if tensor["dtype"] == np.float32:
        return values
    scale, zero = tensor["quantization"]
    limits = np.iinfo(tensor["dtype"])
    steps = values / np.float32(scale)
    np.rint(steps, out=steps)
    steps += np.float32(zero)
    return np.asarray(np.clip(steps, limits.min, limits.max, out=steps), tensor["dtype"])


def _dequantise(values: NDArray[Any], tensor: Any) -> Floats:
    if tensor["dtype"] == np.float32:
        return values.astype(np.float32)
    scale, zero = tensor["quantization"]
    return np.asarray((values.astype(np.float32) - np.float32(zero)) * np.float32(scale), np.float32)
