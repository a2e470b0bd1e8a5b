"""The files of a recognizer, looked at before anything runs them.

sherpa-onnx ends the process on a file that does not fit, so what it would stumble over is found here first.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

import onnxruntime

from appliance.models import ModelError

#: The symbols that training recipes give to "nothing new"; a network's tokens hold exactly one of them.
BLANKS: Final = ("<blk>", "<eps>", "<blank>")


def open_network(name: str, path: Path, threads: int = 1) -> Any:  # onnxruntime has no types
    """An `onnxruntime.InferenceSession` of a model's file.

    Raises:
        ModelError: it is no ONNX file that can run here.
    """
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = threads
    options.inter_op_num_threads = 1
    options.log_severity_level = 4
    try:
        return onnxruntime.InferenceSession(str(path), options)
    except Exception as error:  # ONNX Runtime has no common class for what a file can do to it
        raise ModelError(f"model {name}: {path.name} cannot be opened: {error}; install it again") from error


def read_tokens(name: str, path: Path) -> tuple[list[str], int]:
    """The symbols of a tokens' file in the order of their numbers, and the blank's number.

    Raises:
        ModelError: a line is no pair, the numbers are not 0 to n-1, or there is not exactly one blank.
    """
    numbered: dict[int, str] = {}
    remedy = f"model {name}: {path.name}"
    try:
        lines = path.read_text(encoding="utf-8").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        raise ModelError(f"{remedy} cannot be read: {error}; install the model again") from error
    for place, line in enumerate(lines, 1):
        symbol, _, number = line.rpartition(" ")
        if not symbol or not number.isdecimal() or int(number) in numbered:
            raise ModelError(f"{remedy}: line {place} is no new symbol with its number; install it again")
        numbered[int(number)] = symbol
    tokens = [numbered.get(place, "") for place in range(len(numbered))]
    blanks = [place for place, symbol in enumerate(tokens) if symbol in BLANKS]
    if "" in tokens or len(blanks) != 1:
        raise ModelError(
            f"{remedy} must number {len(numbered)} symbols from 0 on without a gap, with one of "
            f"{', '.join(BLANKS)} among them; install the model again"
        )
    return tokens, blanks[0]


def number(metadata: Mapping[str, str], key: str) -> int:
    """A whole number of a file's metadata.

    Raises:
        ModelError: it is not there, or no number.
    """
    value = metadata.get(key, "")
    if not value.isdecimal() or len(value) > 9:
        raise ModelError(f"its metadata has no number {key}")
    return int(value)


def fits(tensor: Any, kind: str, sizes: tuple[int | None, ...]) -> None:
    """Refuse a tensor whose declared type or sizes differ; None, and sizes that are names, may be anything.

    Raises:
        ModelError: what it is, and what it should be.
    """
    declared = list(tensor.shape)
    if (
        tensor.type != kind
        or len(declared) != len(sizes)
        or any(
            isinstance(one, int) and wanted is not None and one != wanted
            for one, wanted in zip(declared, sizes, strict=True)
        )
    ):
        wanted = ", ".join("*" if size is None else str(size) for size in sizes)
        raise ModelError(f"{tensor.name} is {tensor.type} of {declared}, not {kind} of ({wanted})")
