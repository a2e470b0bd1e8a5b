"""Seats that an admin revoked on the console's page: asked for in a file that the feed looks at.

The console may write to nothing of the feed's, and asks nobody anything. So what it wants is in a file beside
the status board, and the feed takes it up within a second, as it takes up what `ridge seats revoke` wrote. A
request is good for a minute, by the clock that nobody can set, and only against a grant that is older than
itself: what is left of the file can never cut off a seat that was enrolled again. A grant that is dated later
than now was made when the wall clock was wrong, and is cut off.
"""

from __future__ import annotations

import secrets
from pathlib import Path
from typing import Annotated, Final, Literal

import msgspec
from msgspec import Meta

from appliance.box.group_file import write_group_file
from appliance.feed.grants import GrantBook, GrantError
from appliance.protocol.messages import SeatId, UnixMilliseconds

REVOCATIONS_FILE: Final = "revoke.json"
#: Requests that are kept; each is looked at within a second.
MOST_REQUESTS: Final = 32
#: How long a request is good for.
GOOD_MS: Final = 60_000
_MAX_BYTES: Final = 16 * 1024

RequestId = Annotated[str, Meta(pattern=r"^[0-9a-f]{16}(?!\n)$")]


class Request(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """One seat that is to be revoked."""

    id: RequestId
    seat: SeatId
    #: unix time in ms, and ms of CLOCK_BOOTTIME
    at: UnixMilliseconds
    boot: UnixMilliseconds


class _Requests(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    v: Literal[1]
    requests: Annotated[tuple[Request, ...], Meta(max_length=MOST_REQUESTS)]


class Revocations:
    """The console's side: asks."""

    def __init__(self, runtime_directory: Path) -> None:
        self._path = runtime_directory / REVOCATIONS_FILE
        self._requests: list[Request] = []

    def ask(self, seat: str, wall: int, boot: int) -> None:
        """Ask the feed to revoke a seat; `wall` is unix time in ms, `boot` CLOCK_BOOTTIME in ms.

        Raises:
            OSError: the file cannot be written.
        """
        fresh = [request for request in self._requests if 0 <= boot - request.boot <= GOOD_MS]
        self._requests = [*fresh[1 - MOST_REQUESTS :], Request(secrets.token_hex(8), seat, wall, boot)]
        write_group_file(self._path, msgspec.json.encode(_Requests(1, tuple(self._requests))))


class RevocationWatch:
    """The feed's side: takes up what is asked, once."""

    def __init__(self, runtime_directory: Path, book: GrantBook) -> None:
        self._path = runtime_directory / REVOCATIONS_FILE
        self._book = book
        self._seen: tuple[int, int] | None = None
        self._done: dict[str, int] = {}
        #: times that the file could not be used
        self.refused = 0

    def poll(self, wall: int, boot: int) -> int:
        """Revoke what is newly asked for; how many seats that were. Times as in `Revocations.ask`.

        Raises:
            PrivateFileError: the grants cannot be read or written.
        """
        revoked = 0
        for request in self._asked():
            if request.id in self._done or not 0 <= boot - request.boot <= GOOD_MS:
                continue
            self._done[request.id] = request.boot
            grant = self._book.read().get(request.seat)
            if grant is None or request.at < grant.enrolled <= wall:
                continue
            try:
                self._book.revoke(request.seat)
            except GrantError:
                # Somebody else revoked it just now.
                continue
            revoked += 1
        self._done = {id_: at for id_, at in self._done.items() if boot - at <= 2 * GOOD_MS}
        return revoked

    def _asked(self) -> tuple[Request, ...]:
        try:
            status = self._path.stat()
            seen = (status.st_ino, status.st_mtime_ns)
            if seen == self._seen:
                return ()
            with self._path.open("rb") as file:
                data = file.read(_MAX_BYTES + 1)
            self._seen = seen
        except OSError:
            return ()
        try:
            if len(data) > _MAX_BYTES:
                raise msgspec.DecodeError
            return msgspec.json.decode(data, type=_Requests).requests
        except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
            self.refused += 1
            return ()
