"""The runtime directory: that it is safe, and that no two processes take the same part of it.

Binding a unix socket of ZeroMQ removes one of that name that is already there. Without a lock, a second
appliance on the same directory would take the first one's calls from it, and neither would notice.
"""

from __future__ import annotations

import contextlib
import fcntl
import os
import stat
from collections.abc import Iterator
from pathlib import Path
from typing import Final

#: Linux, sockaddr_un.sun_path less its end (unix(7)), and the longest name of a socket of ours.
MAX_SOCKET_PATH: Final = 107
LONGEST_NAME: Final = "audio-63.sock"


class RuntimeDirectoryError(Exception):
    """The runtime directory cannot be used; the text says what to do next."""


def prepare(directory: Path) -> None:
    """Make the directory where there is none, and see to it that nobody else can put sockets there.

    Raises:
        RuntimeDirectoryError: it cannot be made, is another user's, all users may write in it, or its path is
            too long for a unix socket.
    """
    if len(os.fsencode(directory / LONGEST_NAME)) > MAX_SOCKET_PATH:
        raise RuntimeDirectoryError(
            f"{directory}: is too long, because the path of a unix socket in it may have {MAX_SOCKET_PATH} "
            "bytes; choose a shorter box.runtime_directory"
        )
    try:
        directory.mkdir(mode=0o700, parents=True, exist_ok=True)
        # Of a link, both the link and what it points to.
        for status in (directory.lstat(), directory.stat()):
            _judge(directory, status)
    except OSError as error:
        raise RuntimeDirectoryError(
            f"{directory}: cannot be made: {error.strerror}; make it, or set box.runtime_directory"
        ) from error


def _judge(directory: Path, status: os.stat_result) -> None:
    user = os.geteuid()
    if user not in (0, status.st_uid) and status.st_uid != 0:
        raise RuntimeDirectoryError(
            f"{directory}: belongs to another user, who could take the calls' audio there; remove it, or "
            "set box.runtime_directory to a directory of your own"
        )
    if stat.S_ISDIR(status.st_mode) and status.st_mode & stat.S_IWOTH:
        raise RuntimeDirectoryError(
            f"{directory}: all users may write in it (mode {stat.S_IMODE(status.st_mode):03o}), and could "
            "take the calls' audio there; run chmod o-w on it, or set box.runtime_directory to another"
        )


@contextlib.contextmanager
def claimed(directory: Path, part: str) -> Iterator[None]:
    """Prepare the directory and hold `<part>.lock` in it, as long as this process lives at most.

    Raises:
        RuntimeDirectoryError: the directory cannot be used, or another process holds this part.
    """
    prepare(directory)
    path = directory / f"{part}.lock"
    try:
        descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW, 0o600)
    except OSError as error:
        raise RuntimeDirectoryError(
            f"{path}: cannot be opened: {error.strerror}; check the directory's owner and the free space, or "
            "set box.runtime_directory to another"
        ) from error
    try:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            raise RuntimeDirectoryError(
                f"{path}: is held by another process, so an appliance runs on this directory already; stop "
                "that one first, or set box.runtime_directory to another"
            ) from error
        yield
    finally:
        os.close(descriptor)
