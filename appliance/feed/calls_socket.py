"""Where capture tells which calls there are. Engines do not get here: the directory is not theirs."""

from __future__ import annotations

import contextlib
import socket
from pathlib import Path
from typing import Final

from appliance.box.calls_line import CALLS_SOCKET, MAX_BYTES, decode_calls
from appliance.feed.publisher import BindError
from appliance.feed.register import Register

#: Datagrams that are taken before others get their turn; capture sends one a second and one a change.
TAKEN_A_TURN: Final = 256


class CallsSocket:
    """Bound in the feed's directory, or where a link there leads: on a box, a directory of its own."""

    def __init__(self, directory: Path) -> None:
        path = directory / CALLS_SOCKET
        self._path = path.readlink() if path.is_symlink() else path
        self._socket: socket.socket | None = None
        #: datagrams that are not in the schema
        self.refused = 0

    def bind(self) -> None:
        """Bind; a socket that is left from before is replaced.

        Raises:
            BindError: the socket cannot be bound.
        """
        line = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        try:
            line.setblocking(False)
            with contextlib.suppress(FileNotFoundError):
                self._path.unlink()
            line.bind(str(self._path))
            # Writing is sending; the directory's group may.
            self._path.chmod(0o620)
        except OSError as error:
            line.close()
            raise BindError(
                f"{self._path}: cannot be bound: {error.strerror or error}; check the owner of its directory"
            ) from error
        self._socket = line

    def take(self, register: Register, now: float) -> None:
        """Take what has come; the newest list counts. `now` is monotonic, in seconds."""
        for _ in range(TAKEN_A_TURN if self._socket is not None else 0):
            try:
                assert self._socket is not None
                data = self._socket.recv(MAX_BYTES + 1)
            except OSError:
                return
            told = decode_calls(data) if len(data) <= MAX_BYTES else None
            if told is None:
                self.refused += 1
            else:
                register.take(told.calls, told.over, now)

    def close(self) -> None:
        """Close the socket and remove its file."""
        if self._socket is not None:
            self._socket.close()
            self._socket = None
            with contextlib.suppress(OSError):
                self._path.unlink()
