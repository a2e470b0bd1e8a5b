"""Say in a sentence what is wrong with a value of the configuration, and what would be right."""

from __future__ import annotations

import difflib
import reprlib
import typing
from pathlib import Path
from typing import Any

from pydantic import BaseModel
from pydantic_core import ErrorDetails

_shortened = reprlib.Repr()
_shortened.maxstring = _shortened.maxother = 60


def describe(path: Path, problem: ErrorDetails, schema: type[BaseModel]) -> str:
    """`<file>: <key>: <what is wrong>; <what would be right>` for one problem that pydantic found.

    `schema` is the model of the whole file, for the names of the keys that exist.
    """
    location = problem["loc"]
    key = _key(location)
    if problem["type"] == "extra_forbidden":
        known = _keys_at(location[:-1], schema)
        near = difflib.get_close_matches(str(location[-1]), known, n=1)
        hint = f"did you mean {near[0]}?" if near else f"known here: {', '.join(sorted(known))}"
        return f"{path}: {key}: no such key; {hint}"
    return f"{path}: {key}: {_sentence(problem, key)}"


def _key(location: tuple[int | str, ...]) -> str:
    key = ""
    for part in location:
        if isinstance(part, int):
            key += f"[{part}]"
        else:
            key += f".{part}" if key else part
    return key or "(the whole file)"


def _sentence(problem: ErrorDetails, key: str) -> str:
    limits: dict[str, Any] = problem.get("ctx", {})
    found = _toml(problem["input"])
    match problem["type"]:
        case "value_error":
            # Our own validators name the value where it matters, and say what would be right.
            return problem["msg"].removeprefix("Value error, ")
        case "greater_than_equal":
            return f"{found} is too small; write {limits['ge']:g} or more"
        case "less_than_equal":
            return f"{found} is too large; write {limits['le']:g} or less"
        case "int_type" | "int_from_float" | "int_parsing":
            return f"{found} is not a whole number; write one, without quotes"
        case "float_type" | "float_parsing" | "finite_number":
            return f"{found} is not a number; write one, without quotes"
        case "bool_type" | "bool_parsing":
            return f"{found} is not a truth value; write true or false, without quotes"
        case "string_type" | "path_type":
            return f"{found} is not a text; write one in quotes"
        case "string_pattern_mismatch":
            return f"{found} has a wrong length or a character that is not allowed; write {limits['pattern']}"
        case "literal_error":
            return f"{found} is not one of the choices; write {limits['expected']}"
        case "tuple_type" | "list_type":
            return f"{found} is not a list; write one, such as [...], with its items between the brackets"
        case "missing" if isinstance(problem["loc"][-1], str):
            return f"is missing; write it: {problem['loc'][-1]} = ..."
        case "missing":
            return f"the list is too short; write {_items(problem)}"
        case "too_long":
            return f"the list has {limits['actual_length']} items; write {limits['max_length']}"
        case "model_type" if isinstance(problem["loc"][-1], int):
            return f"{found} is neither a text nor a table; write a text in quotes"
        case "model_type" | "dict_type":
            return f"{found} stands where a table belongs; write [{key}] on a line of its own, then its keys"
        case _:
            return f"{problem['msg']} (found {found})"


def _items(problem: ErrorDetails) -> str:
    last = problem["loc"][-1]
    assert isinstance(last, int)
    return f"at least {last + 1} items"


def _toml(value: object) -> str:
    """A value as it stands in the file, shortened where it is long."""
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, str):
        return f'"{_shortened.repr(value)[1:-1]}"'
    return _shortened.repr(value)


def _keys_at(location: tuple[int | str, ...], schema: type[BaseModel]) -> list[str]:
    model: Any = schema
    for part in location:
        if isinstance(part, int):
            model = _item_type(model)
            continue
        field = getattr(model, "model_fields", {}).get(part)
        model = field.annotation if field else None
    return list(typing.cast("dict[str, object]", getattr(model, "model_fields", {})))


def _item_type(annotation: Any) -> Any:
    """X of tuple[X, ...], where X may be annotated."""
    item = next(iter(typing.get_args(annotation)), None)
    return typing.get_args(item)[0] if typing.get_origin(item) is typing.Annotated else item
