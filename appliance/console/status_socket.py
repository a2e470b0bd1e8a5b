"""The socket that the processes report to, and the file that others read."""

from __future__ import annotations

import asyncio
import contextlib
import socket
import struct
import time
from pathlib import Path
from typing import Final

import msgspec

from appliance.box.notify import ServiceManager
from appliance.box.status.board import Board, write_board
from appliance.box.status.line import STATUS_SOCKET, StatusLine
from appliance.box.status.reports import MAX_BYTES
from appliance.console.collector import Collector

#: How often status.json is written.
WRITE_SECONDS: Final = 2.0
#: Datagrams that are taken before others get their turn.
TAKEN_A_TURN: Final = 64
#: unix(7): struct ucred is pid, uid and gid.
_CREDENTIALS: Final = struct.Struct("iII")
#: Linux, asm-generic/socket.h and linux/socket.h; Python has a name for the first only where libc has.
_SO_PASSCRED: Final = 16
_SCM_CREDENTIALS: Final = 2


class StatusSocket:
    """Binds `status.sock` in a directory that is there, and keeps the board."""

    def __init__(self, directory: Path, box: str, manager: ServiceManager | None = None) -> None:
        self._directory = directory
        #: the console's own word, which goes onto the board without a datagram
        self._own = StatusLine(directory, manager)
        self._path = directory / STATUS_SOCKET
        self._collector = Collector(box)
        self._socket: socket.socket | None = None
        self._next_write: asyncio.TimerHandle | None = None
        #: times that status.json could not be written
        self.unwritten = 0

    @property
    def board(self) -> Board:
        """What is known now."""
        now = time.monotonic()
        return msgspec.structs.replace(self._collector.board(now, _wall()), console=self._own.process(now))

    def open(self) -> None:
        """Bind, and begin to listen on the running loop; a socket that is left from before is replaced.

        Raises:
            OSError: it cannot be bound.
        """
        line = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        try:
            line.setblocking(False)
            line.setsockopt(socket.SOL_SOCKET, _SO_PASSCRED, 1)
            with contextlib.suppress(FileNotFoundError):
                self._path.unlink()
            line.bind(str(self._path))
            # Writing is sending; the directory's group may.
            self._path.chmod(0o620)
        except BaseException:
            line.close()
            raise
        self._socket = line
        loop = asyncio.get_running_loop()
        loop.add_reader(line.fileno(), self._read)
        self._write()

    def close(self) -> None:
        """Stop listening; the board stays as the last word."""
        if self._next_write is not None:
            self._next_write.cancel()
        if self._socket is not None:
            asyncio.get_running_loop().remove_reader(self._socket.fileno())
            self._socket.close()
            self._socket = None
            with contextlib.suppress(OSError):
                self._path.unlink()

    def _read(self) -> None:
        line = self._socket
        assert line is not None
        for _ in range(TAKEN_A_TURN):
            try:
                data, control, _, _ = line.recvmsg(MAX_BYTES + 1, socket.CMSG_SPACE(_CREDENTIALS.size))
            except OSError:
                return
            self._collector.take(data, _sender(control), time.monotonic())

    def _write(self) -> None:
        self._next_write = asyncio.get_running_loop().call_later(WRITE_SECONDS, self._write)
        try:
            write_board(self._directory, self.board)
        except OSError:
            self.unwritten += 1


def _sender(control: list[tuple[int, int, bytes]]) -> int:
    """The process id that the kernel put beside a datagram; 0 where it has none in this namespace."""
    for level, kind, data in control:
        if level == socket.SOL_SOCKET and kind == _SCM_CREDENTIALS and len(data) >= _CREDENTIALS.size:
            return int(_CREDENTIALS.unpack_from(data)[0])
    return 0


def _wall() -> int:
    return time.time_ns() // 1_000_000
