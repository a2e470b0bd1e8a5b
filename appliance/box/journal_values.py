"""Values that may stand in the journal beside counts and codes; each takes one kind of thing alone."""

from __future__ import annotations

import errno
import ipaddress
import re
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import ClassVar, Final, Protocol

#: What stands where something else was passed.
REPLACED: Final = "[withheld]"
#: A Chinese mobile number has eleven digits; a count that large would be refused with it.
LARGEST: Final = 9_999_999_999

#: Seven digits in a row, hyphens between them or not, are the shortest Chinese subscriber number.
_NUMBER: Final = re.compile(r"[0-9](?:-?[0-9]){6,}")


class Value:
    """A value and the only form in which it is written."""

    def __init__(self, text: str, pattern: str) -> None:
        self.text: Final = text if re.fullmatch(pattern, text) else REPLACED

    def __repr__(self) -> str:
        """The value as it is written."""
        return f"{type(self).__name__}({self.text})"


class Named(Protocol):
    """Something of the box that has a name; a text has none."""

    @property
    def name(self) -> str:
        """The name."""


class CallMark(Value):
    """The random id of a call."""

    def __init__(self, call: str) -> None:
        super().__init__(call, r"[A-Za-z0-9_-]{22}")


class ErrorType(Value):
    """The type of an error; its message may hold anything, and is not looked at."""

    def __init__(self, error: BaseException | type[BaseException]) -> None:
        kind = error if isinstance(error, type) else type(error)
        super().__init__(kind.__name__, r"[A-Za-z_][A-Za-z0-9_]{0,63}")


class Place(Value):
    """Where an error was raised: the innermost module and line, no values."""

    def __init__(self, error: BaseException) -> None:
        traceback, text = error.__traceback__, "unknown:0"
        while traceback is not None:
            text = f"{Path(traceback.tb_frame.f_code.co_filename).stem}:{traceback.tb_lineno}"
            traceback = traceback.tb_next
        super().__init__(text, r"[A-Za-z0-9_.<>-]{1,64}:[0-9]{1,6}")


class ErrnoName(Value):
    """The name of an operating system's error, such as ENOSPC."""

    def __init__(self, name: str) -> None:
        super().__init__(name if name in errno.errorcode.values() else "EIO", r"E[A-Z0-9]{1,15}")


class Address(Value):
    """An IP address of the box, a gateway or an admin's machine."""

    def __init__(self, address: str) -> None:
        try:
            text = str(ipaddress.ip_address(address.partition("%")[0]))
        except ValueError:
            text = ""
        super().__init__(text, r"[0-9a-f.:]{2,45}")


class NameOf(Value):
    """The name of a model or a policy, taken from the thing that has it."""

    def __init__(self, named: Named) -> None:
        text = named.name
        super().__init__("" if _NUMBER.search(text) else text, r"[a-z0-9][a-z0-9_-]{0,63}")


class StrategyName(Value):
    """The id of a strategy that was advised."""

    def __init__(self, strategy: str) -> None:
        super().__init__(strategy, r"[a-z][a-z_]{0,39}[0-9]{0,3}")


class Digest(Value):
    """A SHA-256, in 64 letters from a to p, among which no telephone number can be found."""

    def __init__(self, letters: str) -> None:
        super().__init__(letters, r"[a-p]{64}")


class FieldPath(Value):
    """Which of a message's fields: names of the schema and places in its lists."""

    known: ClassVar[frozenset[str]] = frozenset()

    def __init__(self, path: str) -> None:
        known = all(part in self.known for part in re.findall(r"[a-z_]+", path))
        step = r"[a-z_]+(?:\[(?:[0-9]{1,2}|\.\.\.)\])?"
        super().__init__(path if known else "?", rf"(?:{step}(?:\.{step}){{0,8}})?")


class Tally(Value):
    """Counts under names of a closed list; what is counted under another name is joined under `other`."""

    names: ClassVar[frozenset[str]] = frozenset()
    prefix: ClassVar[str] = ""
    #: whether counts of 0 are left out
    sparse: ClassVar[bool] = True

    def __init__(self, counts: Mapping[str, int] | Iterable[tuple[str, int]]) -> None:
        super().__init__("", "")
        found: dict[str, int] = {}
        for name, count in sorted(dict(counts).items()):
            key = self.prefix + (name if name in self.names else "other")
            if isinstance(count, int) and 0 <= count <= LARGEST and (count or not self.sparse):
                found[key] = found.get(key, 0) + count
        self.counts: Final[dict[str, int | float | bool | str | None]] = {**found}
