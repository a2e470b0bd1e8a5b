"""Text networks of the store: read with their settings, and started."""

from __future__ import annotations

from typing import TypeVar

import msgspec
import onnxruntime

from appliance.models import ModelError, ModelStore

S = TypeVar("S", bound=msgspec.Struct)


def stored(store: ModelStore, name: str, network: str, settings: str, kind: type[S]) -> tuple[bytes, S]:
    """The file `network` of a model, and what its file `settings` holds.

    Raises:
        ModelError: it is not installed, was altered, or its settings cannot be read.
    """
    model = store.open(name)
    try:
        read = msgspec.json.decode(model.path(settings).read_bytes(), type=kind)
    except msgspec.MsgspecError as error:
        raise ModelError(f"model {name}: {settings} is not valid: {error}; install it again") from error
    return model.path(network).read_bytes(), read


def started(network: bytes) -> onnxruntime.InferenceSession:
    """A session on one thread: one utterance is too little to share out."""
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = options.inter_op_num_threads = 1
    options.log_severity_level = 3
    return onnxruntime.InferenceSession(network, options, providers=["CPUExecutionProvider"])
