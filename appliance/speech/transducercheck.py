"""Whether three ONNX files are a streaming transducer that sherpa-onnx runs.

What each family of encoders must tell of itself is read in sherpa-onnx/csrc/online-*-transducer-model.cc; a
key that is missing there ends the process.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Final

from appliance.models import ModelError
from appliance.speech.networkfile import fits, number, open_network

#: Filter bank energies of a frame, as sherpa-onnx computes them.
_FEATURES: Final = 80
#: By the encoder's `model_type`: numbers, and lists of numbers with a number for each layer.
_NUMBERS: Final = {
    "conformer": ("T", "decode_chunk_len", "num_encoder_layers", "left_context", "encoder_dim", "pad_length"),
    "lstm": ("T", "decode_chunk_len", "num_encoder_layers", "rnn_hidden_size", "d_model"),
    "zipformer": ("T", "decode_chunk_len"),
    "zipformer2": ("T", "decode_chunk_len"),
}
_LISTS: Final = {
    "conformer": (),
    "lstm": (),
    "zipformer": (
        *("encoder_dims", "attention_dims", "num_encoder_layers", "cnn_module_kernels"),
        "left_context_len",
    ),
    "zipformer2": (
        *("encoder_dims", "query_head_dims", "value_head_dims", "num_heads", "num_encoder_layers"),
        *("cnn_module_kernels", "left_context_len"),
    ),
}


def open_transducer(
    name: str, files: Mapping[str, Path], tokens: Sequence[str], blank: int, threads: int
) -> dict[str, Any]:
    """The networks as ONNX Runtime's sessions; files that sherpa-onnx would end the process over are refused.

    Args:
        name: what errors call the model.
        files: the ONNX files of "encoder", "decoder" (the prediction network) and "joiner".
        tokens: the symbols, by number.
        blank: the blank's number.
        threads: threads of one inference.

    Raises:
        ModelError: the file, what is wrong with it, and what to do.
    """
    if blank != 0:
        raise ModelError(f"model {name}: the blank is token {blank}, a transducer's is token 0")
    sessions = {}
    for part, check in (("encoder", _encoder), ("decoder", _decoder), ("joiner", _joiner)):
        path = files[part]
        session = sessions[part] = open_network(name, path, threads)
        try:
            check(session, len(tokens))
        except ModelError as error:
            raise ModelError(
                f"model {name}: {path.name} is no part of a streaming transducer: {error}; "
                "install the model again, or choose another recognizer as speech.model"
            ) from error
    return sessions


def _encoder(session: Any, _tokens: int) -> None:
    metadata = session.get_modelmeta().custom_metadata_map
    family = metadata.get("model_type", "")
    if family not in _NUMBERS:
        raise ModelError(f"its model_type is {family or 'not told'}, not one of {', '.join(_NUMBERS)}")
    for key in _NUMBERS[family]:
        number(metadata, key)
    lengths = set()
    for key in _LISTS[family]:
        value = metadata.get(key, "")
        if not re.fullmatch(r"[0-9]{1,6}(,[0-9]{1,6})*", value):
            raise ModelError(f"its metadata has no list of numbers {key}")
        lengths.add(value.count(","))
    if len(lengths) > 1:
        raise ModelError("the lists of its metadata are of different lengths")
    inputs, outputs = session.get_inputs(), session.get_outputs()
    if len(inputs) < 2 or len(outputs) != len(inputs):
        raise ModelError(f"it has {len(inputs)} inputs and {len(outputs)} outputs: no state goes round")
    fits(inputs[0], "tensor(float)", (None, number(metadata, "T"), _FEATURES))


def _decoder(session: Any, tokens: int) -> None:
    metadata = session.get_modelmeta().custom_metadata_map
    vocabulary, context = number(metadata, "vocab_size"), number(metadata, "context_size")
    if not 1 <= vocabulary <= tokens:
        raise ModelError(f"it knows {vocabulary} tokens, but the tokens' file names {tokens}")
    inputs = session.get_inputs()
    if len(inputs) != 1:
        raise ModelError(f"it has {len(inputs)} inputs, not the last tokens alone")
    fits(inputs[0], "tensor(int64)", (None, context))


def _joiner(session: Any, tokens: int) -> None:
    inputs, outputs = session.get_inputs(), session.get_outputs()
    if len(inputs) != 2 or len(outputs) != 1:
        raise ModelError(f"it has {len(inputs)} inputs and {len(outputs)} outputs, not two and one")
    scores = outputs[0].shape[-1] if outputs[0].shape else 0
    if isinstance(scores, int) and not 1 <= scores <= tokens:
        raise ModelError(f"it scores {scores} tokens, but the tokens' file names {tokens}")
