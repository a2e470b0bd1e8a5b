"""Lines of the journal for a support bundle: events that this program writes, their codes and numbers."""

from __future__ import annotations

import importlib
import json
import re
import time
import typing
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field, fields
from functools import cache
from typing import Any, Final

from appliance.box.journal import Event, event_types
from appliance.box.journal_values import Tally
from appliance.inspection.support.scrubbing import rounded, vocabulary

#: Some hours of a quiet box, some minutes of one in trouble.
MOST_LINES: Final = 2000
MAX_LINE_BYTES: Final = 4096
#: Fields whose values name a call or a seat; they are numbered in the order in which they appear.
_NUMBERED: Final = frozenset({"call", "seat"})
#: The modules that declare events.
_ROOMS: Final = (
    "box.journal_events", "capture.capture_events", "engine.engine_events", "feed.feed_events",
    "console.console_events", "speech.speech_events",
)  # fmt: skip
_PROCESS: Final = re.compile(r"(supervisor|capture|engine|feed|console)(-\d{1,2})?")
#: Where an error came up: a module and a line.
_PLACE: Final = re.compile(r"([a-z_]+)(?:\.py)?:\d{1,5}")
#: The year 2100; what is later is no time.
_LATEST: Final = 4_102_444_800
WITHHELD: Final = "[withheld]"


@dataclass(slots=True)
class JournalFilter:
    """Passes what is known for an event, and counts what is not."""

    kept: int = 0
    left_out: int = 0
    _names: dict[tuple[str, str], str] = field(default_factory=dict)

    def lines(self, lines: Iterable[str]) -> list[str]:
        """The lines that pass, each a JSON object."""
        found = []
        for line in lines:
            event = self._event(line)
            if event is None:
                self.left_out += bool(line.strip())
            else:
                self.kept += 1
                found.append(json.dumps(event))
        return found[-MOST_LINES:]

    def _event(self, line: str) -> dict[str, Any] | None:
        if len(line) > MAX_LINE_BYTES:
            return None
        try:
            event = json.loads(line)
        except ValueError:
            return None
        if not isinstance(event, dict):
            return None
        name, process = event.get("event"), event.get("process")
        known = declared_events().get(name) if isinstance(name, str) else None
        if known is None or not isinstance(process, str) or not _PROCESS.fullmatch(process):
            return None
        told = {"at": _time(event.get("at")), "process": process, "event": name}
        told |= {key: self._field(key, value) for key, value in event.items() if key in known - told.keys()}
        return told

    def _field(self, key: str, value: Any) -> Any:
        if isinstance(value, bool) or value is None:
            return value
        if isinstance(value, int | float):
            return rounded(value)
        if not isinstance(value, str):
            return WITHHELD
        if key in _NUMBERED:
            return self._names.setdefault((key, value), f"{key}-{len(self._names) + 1}")
        place = _PLACE.fullmatch(value)
        return value if value in vocabulary() or (place and place[1] in vocabulary()) else WITHHELD


@cache
def declared_events() -> dict[str, frozenset[str]]:
    """The fields of every event that this program declares, by the event's name."""
    for room in _ROOMS:
        importlib.import_module(f"appliance.{room}")
    found: dict[str, frozenset[str]] = {}
    for kind in event_types().values():
        # Two processes may call different events by one name.
        found[kind.event] = found.get(kind.event, frozenset()).union(_keys(kind))
    return found


def _keys(kind: type[Event]) -> Iterator[str]:
    """The keys that an event's line may have; a tally stands in it by the names that it counts under."""
    hints = typing.get_type_hints(kind)
    for one in fields(kind):
        hint = hints[one.name]
        if isinstance(hint, type) and issubclass(hint, Tally):
            yield from (hint.prefix + name for name in (*hint.names, "other"))
        else:
            yield one.name


def _time(at: Any) -> str | None:
    """UTC, where this is a time of our days."""
    if isinstance(at, bool) or not isinstance(at, int | float) or not 0 < at < _LATEST:
        return None
    return time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(at))
