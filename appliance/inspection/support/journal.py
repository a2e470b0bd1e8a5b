"""Lines of the journal for a support bundle: events that this program writes, their codes and numbers."""

from __future__ import annotations

import json
import time
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any, Final

from appliance.inspection.support.scrubbing import rounded, vocabulary

#: Some hours of a quiet box, some minutes of one in trouble.
MOST_LINES: Final = 2000
MAX_LINE_BYTES: Final = 4096
#: Fields whose values name a call or a seat; they are numbered in the order in which they appear.
_NUMBERED: Final = {"call": "call", "seat": "seat"}
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
        if not isinstance(event, dict) or not {"process", "event"} <= event.keys():
            return None
        if event["process"] not in vocabulary() or event["event"] not in vocabulary():
            return None
        return {
            key: self._field(key, value) for key, value in event.items() if key in vocabulary() or key == "at"
        }

    def _field(self, key: str, value: Any) -> Any:
        if key == "at" and isinstance(value, int | float):
            return time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(value))
        if isinstance(value, bool) or value is None:
            return value
        if isinstance(value, int | float):
            return rounded(value)
        if not isinstance(value, str):
            return WITHHELD
        if key in _NUMBERED:
            place = (key, value)
            return self._names.setdefault(place, f"{key}-{len(self._names) + 1}")
        return value if value in vocabulary() else WITHHELD
