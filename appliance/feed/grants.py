"""Who may see what: the enrolled seats, kept in one file that a running feed watches."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from contextlib import AbstractContextManager
from pathlib import Path
from types import MappingProxyType
from typing import Annotated, Final, Literal

import msgspec
from msgspec import Meta, Struct

from appliance.feed.private_file import (
    PrivateFileError,
    locked,
    make_private_directory,
    read_private,
    write_private,
)
from appliance.protocol.messages import SeatId, UnixMilliseconds
from appliance.protocol.requests import PublicKey

GRANTS_FILE: Final = "seats.json"
#: Far above the seats of a call centre that one box serves.
MAX_SEATS: Final = 10_000
#: `.` and `..` would be directories of their own when key files are written.
_NAME: Final = re.compile(r"(?!\.{1,2}\Z)[A-Za-z0-9_.-]{1,32}\Z")


GroupName = Annotated[str, Meta(pattern=r"^[A-Za-z0-9_.-]{1,32}(?!\n)$")]
Role = Literal["seat", "supervisor"]


class Grant(Struct, frozen=True, forbid_unknown_fields=True, omit_defaults=True):
    """One enrolled seat, or a supervisor of a group.

    The role `seat` owns its own topic and nothing else; the role `supervisor` has the topic of its group,
    where the messages of the group's seats come.
    """

    id: SeatId
    key: PublicKey
    role: Role
    #: unix time in ms
    enrolled: UnixMilliseconds
    #: the group that a seat belongs to, or that a supervisor sees
    group: GroupName | None = None
    #: the key that `key` replaced, valid until then (unix time in ms)
    previous: PublicKey | None = None
    previous_until: UnixMilliseconds = 0

    def keys(self, wall: int) -> tuple[str, ...]:
        """The keys that are valid at `wall`, the present one first."""
        overlap = self.previous is not None and wall < self.previous_until
        return (self.key, self.previous) if self.previous and overlap else (self.key,)


class Entry(Struct, frozen=True, forbid_unknown_fields=True, omit_defaults=True):
    """Whom an admin wants to enrol."""

    id: SeatId
    role: Role = "seat"
    group: GroupName | None = None


class _GrantFile(Struct, frozen=True, forbid_unknown_fields=True):
    v: Literal[1]
    seats: Annotated[list[Grant], Meta(max_length=MAX_SEATS)]


class GrantError(Exception):
    """A seat cannot be enrolled or revoked; the text says what to do next."""


def check_entry(seat: str, role: Role, group: str | None) -> None:
    """Check what an admin wrote.

    Raises:
        GrantError: the id or the group is not one, or a supervisor has none.
    """
    if not _NAME.match(seat):
        raise GrantError(f"{seat!r} is no seat id; use 1 to 32 letters, digits, dots, dashes or underscores")
    if group is not None and not _NAME.match(group):
        raise GrantError(
            f"{group!r} is no name of a group; use 1 to 32 letters, digits, dots, dashes or underscores"
        )
    if role == "supervisor" and group is None:
        raise GrantError(f"{seat} is to be a supervisor, but of which group? Name it with --group")


class GrantBook:
    """The file of enrolled seats in a directory. Safe against other processes that use it."""

    def __init__(self, directory: Path) -> None:
        self._directory = directory
        self.path = directory / GRANTS_FILE

    def read(self) -> dict[str, Grant]:
        """The enrolled seats by id; empty where no seat was enrolled yet.

        Raises:
            PrivateFileError: the file cannot be read, is open to other users, or is not of this format.
        """
        data = read_private(self.path)
        if data is None:
            return {}
        try:
            seats = msgspec.json.decode(data, type=_GrantFile).seats
        except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError) as error:
            raise PrivateFileError(
                f"{self.path}: is damaged ({error}); restore it from your backup, or remove it and enrol all "
                "seats again. Until then no seat is let in"
            ) from error
        grants = {grant.id: grant for grant in seats}
        keys = [key for grant in seats for key in (grant.key, grant.previous) if key]
        if len(grants) != len(seats) or len(set(keys)) != len(keys):
            raise PrivateFileError(
                f"{self.path}: a seat or a key is there twice; leave one entry each. "
                "Until then no seat is let in"
            )
        return grants

    def enrol(
        self, seat: str, key: bytes, wall: int, *, role: Role = "seat", group: str | None = None
    ) -> Grant:
        """Enter a seat with its CURVE public key (40 characters of Z85); `wall` is unix time in ms.

        Raises:
            GrantError: the id or the group is not one, the seat is enrolled already, or the book is full.
            PrivateFileError: the file cannot be read or written.
        """
        return self.enrol_all([(Entry(seat, role, group), key)], wall)[0]

    def enrol_all(self, entries: Sequence[tuple[Entry, bytes]], wall: int) -> list[Grant]:
        """Enter many at once, all or none.

        Raises:
            GrantError: as `enrol`; the first thing that is wrong.
            PrivateFileError: the file cannot be read or written.
        """
        with self._locked():
            grants = self.read()
            self.check(grants, [entry for entry, _ in entries])
            used = {key for grant in grants.values() for key in (grant.key, grant.previous)}
            if any(key.decode("ascii") in used for _, key in entries):
                raise GrantError("this key is another seat's already; every seat needs one of its own")
            new = [
                Grant(entry.id, key.decode("ascii"), entry.role, wall, entry.group) for entry, key in entries
            ]
            self._write({**grants, **{grant.id: grant for grant in new}})
            return new

    @staticmethod
    def check(grants: Mapping[str, Grant], entries: Sequence[Entry]) -> None:
        """Check that these could be enrolled beside the grants there are.

        Raises:
            GrantError: an id or a group is not one, a seat is enrolled already, or the book would overflow.
        """
        for entry in entries:
            check_entry(entry.id, entry.role, entry.group)
        there = [entry.id for entry in entries if entry.id in grants]
        if len(there) == 1:
            raise GrantError(
                f"seat {there[0]} is enrolled already; revoke it first: ridge seats revoke {there[0]}"
            )
        if there:
            raise GrantError(
                f"{len(there)} of these seats are enrolled already ({', '.join(there[:5])}"
                f"{', ...' if len(there) > 5 else ''}); take them off the list, or revoke them first"
            )
        if len(grants) + len(entries) > MAX_SEATS:
            raise GrantError(
                f"{len(grants)} seats are enrolled, and at most {MAX_SEATS} are allowed; revoke some first"
            )

    def rotate(self, seat: str, key: bytes, wall: int, overlap_ms: int) -> Grant:
        """Give a seat a new key; the present one stays valid for `overlap_ms`.

        Raises:
            GrantError: the seat is not enrolled, or the key is somebody's already.
            PrivateFileError: the file cannot be read or written.
        """
        with self._locked():
            grants = self.read()
            old, new = grants.get(seat), key.decode("ascii")
            if old is None:
                raise GrantError(_not_enrolled(seat))
            if any(new in {grant.key, grant.previous} for grant in grants.values()):
                raise GrantError(f"this key is in use already; make a new one for seat {seat}")
            grant = msgspec.structs.replace(
                old, key=new, previous=old.key if overlap_ms else None, previous_until=wall + overlap_ms
            )
            self._write({**grants, seat: grant})
            return grant

    def move(self, seat: str, group: str | None) -> Grant:
        """Put a seat into another group, or a supervisor before one; None takes a seat out of its group.

        Raises:
            GrantError: the seat is not enrolled, or the group is no name.
            PrivateFileError: the file cannot be read or written.
        """
        with self._locked():
            grants = self.read()
            old = grants.get(seat)
            if old is None:
                raise GrantError(_not_enrolled(seat))
            check_entry(seat, old.role, group)
            grant = msgspec.structs.replace(old, group=group)
            self._write({**grants, seat: grant})
            return grant

    def revoke(self, seat: str) -> Grant:
        """Remove a seat. A running feed cuts it off within a second.

        Raises:
            GrantError: the seat is not enrolled.
            PrivateFileError: the file cannot be read or written.
        """
        with self._locked():
            grants = self.read()
            grant = grants.pop(seat, None)
            if grant is None:
                raise GrantError(_not_enrolled(seat))
            self._write(grants)
            return grant

    def _locked(self) -> AbstractContextManager[None]:
        make_private_directory(self._directory)
        return locked(self._directory / "seats.lock")

    def _write(self, grants: Mapping[str, Grant]) -> None:
        file = _GrantFile(1, sorted(grants.values(), key=lambda grant: grant.id))
        write_private(self.path, msgspec.json.format(msgspec.json.encode(file), indent=1) + b"\n")


def _not_enrolled(seat: str) -> str:
    return f"seat {seat} is not enrolled; `ridge seats list` shows the seats that are"


class GrantWatch:
    """Sees enrolments and revocations of other processes."""

    def __init__(self, book: GrantBook) -> None:
        self._book = book
        self._seen: tuple[int, int, int, int] | None = None
        self._first = True
        self.grants: Mapping[str, Grant] = MappingProxyType({})

    def poll(self) -> bool:
        """Look at the file; true when the grants were read anew.

        A file that cannot be read grants nothing: after the error `grants` is empty.

        Raises:
            PrivateFileError: the file changed and cannot be used now; said once for each change.
        """
        try:
            status = self._book.path.stat()
            seen = (status.st_mtime_ns, status.st_ino, status.st_size, status.st_mode)
        except OSError:
            # An unreadable directory is told apart by read() below, which says so.
            seen = None
        if seen == self._seen and not self._first:
            return False
        self._first = False
        self._seen = seen
        self.grants = MappingProxyType({})
        self.grants = MappingProxyType(self._book.read())
        return True
