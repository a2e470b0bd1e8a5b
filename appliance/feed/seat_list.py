"""A list of seats to enrol, as an admin has it: CSV, TOML, or one id a line. Pure."""

from __future__ import annotations

import csv
import io
import sys
from collections.abc import Iterator, Mapping
from typing import Final, cast

from appliance.feed.grants import MAX_SEATS, Entry, GrantError, Role, check_entry

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib

_COLUMNS: Final = ("seat", "group", "role")
_ROLES: Final = ("seat", "supervisor")
#: Ten thousand lines of a hundred characters.
MAX_LIST_BYTES: Final = 1_000_000

#: Where it stands (`line 3`), and its fields.
_Row = tuple[str, Mapping[str, object]]


class SeatListError(Exception):
    """A list cannot be used; `problems` names each place, what is wrong, and what would be right."""

    def __init__(self, problems: list[str]) -> None:
        super().__init__("\n".join(problems))
        self.problems = problems


def read_seat_list(data: bytes, name: str, group: str | None = None) -> list[Entry]:
    """The entries of a list; `group` is for those that name none.

    A name that ends in `.toml` is TOML (`[[seats]]` with `seat`, `group`, `role`). A first line with the
    column `seat` makes it CSV (columns `seat`, `group`, `role`; commas,
    semicolons or tabs). Else there is one id a line. Empty lines, and lines that begin with `#`, say nothing.

    Raises:
        SeatListError: everything that is wrong with it.
    """
    if len(data) > MAX_LIST_BYTES:
        raise SeatListError([f"{name}: is over {MAX_LIST_BYTES} bytes; divide the list"])
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise SeatListError([f"{name}: is not UTF-8 at byte {error.start}; save it as UTF-8"]) from error
    rows = list(_toml(text, name) if name.endswith(".toml") else _lines(text, name))
    problems: list[str] = []
    entries: dict[str, Entry] = {}
    for place, fields in rows:
        try:
            entry = _entry(fields, group)
            if entry.id in entries:
                raise GrantError(f"seat {entry.id} is on the list twice; leave one")
            entries[entry.id] = entry
        except GrantError as error:
            problems.append(f"{name}, {place}: {error}")
    if not rows:
        problems.append(f"{name}: names no seat; write one id a line")
    if len(rows) > MAX_SEATS:
        problems.append(f"{name}: names {len(rows)} seats; {MAX_SEATS} are allowed")
    if problems:
        raise SeatListError(problems)
    return list(entries.values())


def _lines(text: str, name: str) -> Iterator[_Row]:
    lines = [
        (number, line.strip())
        for number, line in enumerate(text.splitlines(), 1)
        if line.strip() and not line.lstrip().startswith("#")
    ]
    separator = next((sign for sign in ";\t," if lines and sign in lines[0][1]), ",")
    header = [column.strip().lower() for column in lines[0][1].split(separator)] if lines else []
    if "seat" not in header:
        for number, line in lines:
            yield f"line {number}", {"seat": line}
        return
    unknown = [column for column in header if column not in _COLUMNS]
    if unknown:
        raise SeatListError(
            [f"{name}, line {lines[0][0]}: no such column: {unknown[0]}; there are {', '.join(_COLUMNS)}"]
        )
    for number, line in lines[1:]:
        values = next(csv.reader(io.StringIO(line), delimiter=separator))
        if len(values) > len(header):
            raise SeatListError(
                [f"{name}, line {number}: has {len(values)} fields, but there are {len(header)} columns"]
            )
        yield (
            f"line {number}",
            {column: value.strip() for column, value in zip(header, values, strict=False) if value.strip()},
        )


def _toml(text: str, name: str) -> Iterator[_Row]:
    try:
        document = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise SeatListError([f"{name}: is not TOML: {error}; correct that line"]) from error
    seats = document.get("seats")
    if not isinstance(seats, list) or not all(isinstance(seat, dict) for seat in seats) or len(document) > 1:
        raise SeatListError([f'{name}: write [[seats]] tables only, each with seat = "8001"'])
    for number, seat in enumerate(seats, 1):
        yield f"entry {number}", seat


def _entry(fields: Mapping[str, object], group: str | None) -> Entry:
    for key, value in fields.items():
        if key not in _COLUMNS:
            raise GrantError(f"no such key: {key}; there are {', '.join(_COLUMNS)}")
        if not isinstance(value, str):
            raise GrantError(f"{key} is {value!r}; write a text, in quotes")
    seat, role = str(fields.get("seat", "")), str(fields.get("role", "seat"))
    if role not in _ROLES:
        raise GrantError(f"{role!r} is no role; write seat or supervisor")
    named = fields.get("group", group)
    entry = Entry(seat, cast(Role, role), None if named is None else str(named))
    check_entry(entry.id, entry.role, entry.group)
    return entry
