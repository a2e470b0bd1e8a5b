"""Files that only the feed's user may read, written whole or not at all."""

from __future__ import annotations

import contextlib
import fcntl
import os
import stat
from collections.abc import Iterator
from pathlib import Path
from typing import Final

from appliance.box.whole_file import give_to_owner, writing_whole

#: The largest file of this room: ten thousand grants of some 150 bytes.
MAX_FILE_BYTES: Final = 4 * 1024 * 1024


class PrivateFileError(Exception):
    """A private file cannot be used; the text says what to do next."""


def make_private_directory(path: Path) -> None:
    """Make a directory (and its parents) that only this user may enter.

    Raises:
        PrivateFileError: the directory cannot be made.
    """
    try:
        path.mkdir(mode=0o700, parents=True, exist_ok=True)
    except OSError as error:
        raise PrivateFileError(
            f"{path}: cannot be made: {error.strerror}; make it, or let this user write in its parent"
        ) from error


def write_private(path: Path, data: bytes) -> None:
    """Write a file of mode 0600 so that a reader sees the old or the new content, also after a power cut.

    Raises:
        PrivateFileError: the directory is not writable or the disk is full.
    """
    try:
        with writing_whole(path) as file:
            # An admin who enrols a seat as root must not lock the feed's own user out.
            give_to_owner(file.fileno(), path.parent)
            file.write(data)
        directory = os.open(path.parent, os.O_RDONLY | os.O_DIRECTORY)
        try:
            os.fsync(directory)
        finally:
            os.close(directory)
    except OSError as error:
        raise PrivateFileError(
            f"{path}: cannot be written: {error.strerror}; check the directory's owner and the free space"
        ) from error


def read_private(path: Path) -> bytes | None:
    """The content of a private file, or None where there is none.

    Raises:
        PrivateFileError: others may read or write the file, it is too large, or it cannot be read.
    """
    try:
        with path.open("rb") as file:
            status = os.fstat(file.fileno())
            if stat.S_IMODE(status.st_mode) & 0o077:
                raise PrivateFileError(
                    f"{path}: other users may read it (mode {stat.S_IMODE(status.st_mode):03o}); run chmod "
                    "600 on it, and make new keys if somebody may have copied it"
                )
            data = file.read(MAX_FILE_BYTES + 1)
    except FileNotFoundError:
        return None
    except OSError as error:
        raise PrivateFileError(
            f"{path}: cannot be read: {error.strerror}; run as the user that owns it"
        ) from error
    if len(data) > MAX_FILE_BYTES:
        raise PrivateFileError(f"{path}: is over {MAX_FILE_BYTES} bytes; it is not a file of the feed")
    return data


@contextlib.contextmanager
def locked(path: Path, *, wait: bool = True) -> Iterator[None]:
    """Hold the lock file `path` against other processes.

    Raises:
        PrivateFileError: the lock cannot be made; or somebody holds it and `wait` is false.
    """
    try:
        descriptor = os.open(path, os.O_RDWR | os.O_CREAT, 0o600)
        # The same as with the files that it guards.
        give_to_owner(descriptor, path.parent)
    except OSError as error:
        raise PrivateFileError(
            f"{path}: cannot be opened: {error.strerror}; run as the user that owns the directory"
        ) from error
    try:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | (0 if wait else fcntl.LOCK_NB))
        except BlockingIOError as error:
            raise PrivateFileError(f"{path}: is held by another process; stop that one first") from error
        yield
    finally:
        os.close(descriptor)
