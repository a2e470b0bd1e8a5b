"""The configuration for a support bundle: what is set and how, without what only the site may know.

Kept as they are: truth values, numbers, choices among the words of the schema, and whatever is the default.
Of addresses the kind is told, of lists the length, of every other text only that it is set: role patterns,
seats, names of queues, of products and of the box, paths, URLs.
"""

from __future__ import annotations

import ipaddress
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, Literal, get_args, get_origin

from pydantic import BaseModel
from pydantic.fields import FieldInfo

from appliance.box.config import Config

#: Shorter texts are no names; replacing them everywhere would only make the rest unreadable.
_SHORTEST = 3


def redacted(config: Config) -> dict[str, Any]:
    """The configuration without what is the site's own."""
    return _section(config, Config())


def private_texts(config: Config) -> dict[str, str]:
    """Every text of the configuration that is not told, and the key that has it."""
    return {text: key for key, text in _texts(config, "", Config()) if len(text) >= _SHORTEST}


def _section(section: BaseModel, default: BaseModel | None) -> dict[str, Any]:
    told = {}
    for name, field in type(section).model_fields.items():
        value = getattr(section, name)
        usual = (
            getattr(default, name) if default is not None else field.get_default(call_default_factory=True)
        )
        told[name] = _told(value, usual, field)
    return told


def _told(value: Any, usual: Any, field: FieldInfo) -> Any:
    if isinstance(value, BaseModel):
        return _section(value, usual if isinstance(usual, type(value)) else None)
    if isinstance(value, bool | int | float) or value is None:
        return value
    if isinstance(value, Path):
        return "default" if value == usual else "set"
    if isinstance(value, str):
        if value == usual or value in _choices(field.annotation):
            return value
        return _kind(value)
    if isinstance(value, Mapping):
        return f"{len(value)} entries"
    items = list(value)
    if items and all(isinstance(item, BaseModel) for item in items):
        return [_section(item, None) for item in items]
    if all(isinstance(item, int) for item in items):
        return items
    return f"{len(items)} {'entry' if len(items) == 1 else 'entries'}{' (default)' if value == usual else ''}"


def _choices(annotation: Any) -> set[object]:
    if get_origin(annotation) is Literal:
        return set(get_args(annotation))
    return {choice for part in get_args(annotation) for choice in _choices(part)}


def _kind(value: str) -> str:
    try:
        address = ipaddress.ip_address(value)
    except ValueError:
        return "set"
    if address.is_loopback or address.is_unspecified:
        return value
    return f"IPv{address.version}, {'private' if address.is_private else 'global'}"


def _texts(value: Any, key: str, usual: Any) -> Iterator[tuple[str, str]]:
    """All texts below a value that differ from the default, each with its key."""
    if isinstance(value, BaseModel):
        for name in type(value).model_fields:
            below = f"{key}.{name}" if key else name
            usual_below = getattr(usual, name, None) if usual is not None else None
            yield from _texts(getattr(value, name), below, usual_below)
    elif isinstance(value, str | Path):
        if value != usual:
            yield key, str(value)
    elif isinstance(value, Mapping):
        for name, one in value.items():
            yield key, str(name)
            yield from _texts(one, key, None)
    elif isinstance(value, tuple | list):
        for one in value:
            if not (isinstance(usual, tuple | list) and one in usual):
                yield from _texts(one, key, None)
