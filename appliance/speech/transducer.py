"""Builds the streaming recognizer from verified files only."""

from __future__ import annotations

from typing import Any, Final, Literal

import sherpa_onnx

from appliance.models import InstalledModel, ModelError, ModelStore

#: The rate that every stream is fed with; sherpa-onnx ends the process when a stream's rate changes.
RATE: Final = 16_000
_PARTS: Final = ("encoder", "decoder", "joiner", "tokens")
_BEAM_PATHS: Final = 4
#: Taken from the blank's logit: through the telephone band the recognizer leaves syllables out more often
#: than it invents them (tools/train/confusions.tsv counts 830 to 333).
_BLANK_PENALTY: Final = 0.3


def load_transducer(
    store: ModelStore, name: str, search: Literal["greedy", "beam"], threads: int
) -> Any:  # sherpa_onnx has no types
    """A `sherpa_onnx.OnlineRecognizer` of a transducer of the store.

    Raises:
        ModelError: the model is unknown, missing, altered, no recognizer, or not in the form this reads.
    """
    if (fault := store.entry(name).why_not_a_recognizer()) is not None:
        usable = [entry.name for entry in store.entries if entry.why_not_a_recognizer() is None]
        raise ModelError(f"model {name} {fault}; set speech.model to one of {', '.join(usable)}")
    model = store.open(name)
    files = {part: _file_of(model, part) for part in _PARTS}
    try:
        return sherpa_onnx.OnlineRecognizer.from_transducer(
            **files,
            num_threads=threads,
            sample_rate=RATE,
            decoding_method="greedy_search" if search == "greedy" else "modified_beam_search",
            max_active_paths=_BEAM_PATHS,
            blank_penalty=_BLANK_PENALTY,
        )
    except (RuntimeError, ValueError) as error:
        raise ModelError(f"model {name} cannot be loaded: {error}; install it again") from error


def _file_of(model: InstalledModel, part: str) -> str:
    for file in model.entry.file:
        if file.name.startswith(part):
            return str(model.path(file.name))
    raise ModelError(
        f"model {model.entry.name}: the manifest lists no {part} file, so it is no transducer; "
        "choose another recognizer as speech.model"
    )
