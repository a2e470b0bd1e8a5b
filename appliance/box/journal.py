"""The journal: one JSON line an event on standard error, of types that cannot hold speech, numbers or names.

What can be written is an `Event`: a frozen dataclass whose fields are counts, durations, truth values, codes
of a closed list, and `Value`s, each of which takes one kind of thing and nothing else. There is no field for
a text, so a text from outside cannot be passed: mypy refuses it, and what comes at run time is withheld.
"""

from __future__ import annotations

import contextlib
import json
import sys
import time
import types
import typing
from collections.abc import Callable, Mapping
from dataclasses import dataclass, fields
from typing import Any, ClassVar, Final, Literal, TextIO

from appliance.box.journal_values import LARGEST, REPLACED, Tally, Value

#: Which process writes; an engine's has its shard behind a hyphen.
Process = Literal["supervisor", "capture", "engine", "feed", "console", "bench", "test"]
Plain = int | float | bool | str | None

_Check = Callable[[object], Plain]


@dataclass(frozen=True, kw_only=True)
class Event:
    """One thing that happened; a subclass is declared with the event's name."""

    event: ClassVar[str] = ""

    def __init_subclass__(cls, *, name: str = "", **more: Any) -> None:
        """Give the event its name."""
        super().__init_subclass__(**more)
        cls.event = name or cls.event


class Journal:
    """Writes the events of one process."""

    #: where lines go instead of standard error, while what else comes there is held back
    out: ClassVar[TextIO | None] = None

    def __init__(self, process: Process, shard: int | None = None) -> None:
        self._process = process if shard is None else f"{process}-{shard}"

    def write(self, event: Event) -> None:
        """Write one event."""
        line = {"at": round(time.time(), 3), "process": self._process, "event": event.event, **plain(event)}
        # A full disk, or a reader that has gone, must not end the calls that are on.
        with contextlib.suppress(OSError, ValueError):
            print(json.dumps(line, ensure_ascii=True), file=self.out or sys.stderr, flush=True)


def plain(event: Event) -> dict[str, Plain]:
    """The fields of an event as they stand in its line; what is not of the declared type is withheld."""
    found: dict[str, Plain] = {}
    for name, check in _checks(type(event)):
        value = getattr(event, name)
        if isinstance(value, Tally):
            found.update(value.counts if check(value) is None else {name: REPLACED})
        else:
            found[name] = check(value)
    return found


def _checks(kind: type[Event]) -> tuple[tuple[str, _Check], ...]:
    known = _known.get(kind)
    if known is None:
        hints = typing.get_type_hints(kind)
        known = tuple((field.name, _check_of(hints[field.name])) for field in fields(kind))
        _known[kind] = known
    return known


def _check_of(kind: Any) -> _Check:
    """What a value of this type becomes in the line.

    Raises:
        TypeError: the type may not stand in an event.
    """
    if kind is type(None):
        return lambda value: None if value is None else REPLACED
    if kind is bool:
        return lambda value: value if isinstance(value, bool) else REPLACED
    if kind is int:
        return _whole
    if kind is float:
        return _decimal
    if typing.get_origin(kind) is Literal:
        codes = frozenset(typing.get_args(kind))
        return lambda value: value if isinstance(value, str) and value in codes else REPLACED
    if typing.get_origin(kind) in (typing.Union, types.UnionType):
        return _any_of([_check_of(member) for member in typing.get_args(kind)])
    if isinstance(kind, type) and issubclass(kind, Tally):
        return lambda value: None if type(value) is kind else REPLACED
    if isinstance(kind, type) and issubclass(kind, Value):
        return lambda value: value.text if type(value) is kind and isinstance(value, Value) else REPLACED
    raise TypeError(f"{kind} may not stand in an event; use a count, a code of a closed list, or a Value")


_known: Final[dict[type[Event], tuple[tuple[str, _Check], ...]]] = {}


def _whole(value: object) -> Plain:
    if isinstance(value, bool) or not isinstance(value, int):
        return REPLACED
    return value if -LARGEST <= value <= LARGEST else REPLACED


def _decimal(value: object) -> Plain:
    if isinstance(value, bool) or not isinstance(value, (int, float)):
        return REPLACED
    return round(float(value), 3) if -LARGEST <= value <= LARGEST else REPLACED


def _any_of(checks: list[_Check]) -> _Check:
    def check(value: object) -> Plain:
        for one in checks:
            found = one(value)
            if found != REPLACED:
                return found
        return REPLACED

    return check


def event_types() -> Mapping[str, type[Event]]:
    """Every event that has been declared so far, by module and name."""
    found: dict[str, type[Event]] = {}
    waiting = Event.__subclasses__()
    while waiting:
        kind = waiting.pop()
        waiting.extend(kind.__subclasses__())
        found[f"{kind.__module__}.{kind.__qualname__}"] = kind
    return found


def refuse_open_types(kind: type[Event]) -> None:
    """Raise TypeError where a field of this event could hold what its type does not bound."""
    _checks(kind)
