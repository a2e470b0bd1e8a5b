"""The journal: one JSON line an event on standard error, made of codes and numbers only.

Speech, names and telephone numbers must never be logged. A field is a number, a truth value, or a short
string without runs of digits that could be somebody's number; anything else is replaced.
"""

from __future__ import annotations

import contextlib
import json
import re
import sys
import time
from typing import Final

#: Letters, digits and the punctuation of addresses, paths and codes; no hanzi, no spaces.
_PLAIN: Final = re.compile(r"[A-Za-z0-9_.:/+@-]{0,120}")
#: Seven digits in a row, hyphens between them or not, are the shortest Chinese subscriber number.
_NUMBER: Final = re.compile(r"[0-9](?:-?[0-9]){6,}")
REPLACED: Final = "[withheld]"

Field = int | float | bool | str | None


class Journal:
    """Writes the events of one process."""

    def __init__(self, process: str) -> None:
        self._process = process

    def event(self, name: str, /, **fields: Field) -> None:
        """Write one event, such as `event("call_ended", received=1200, lost=3)`."""
        line: dict[str, Field] = {"at": round(time.time(), 3), "process": self._process, "event": name}
        for key, value in fields.items():
            line[key] = _safe(value)
        # A full disk, or a reader that has gone, must not end the calls that are on.
        with contextlib.suppress(OSError, ValueError):
            print(json.dumps(line, ensure_ascii=True), file=sys.stderr, flush=True)


def _safe(value: Field) -> Field:
    if isinstance(value, str) and (not _PLAIN.fullmatch(value) or _NUMBER.search(value)):
        return REPLACED
    return value
