"""What processes write to any disk, as the kernel (fanotify) and /proc tell it."""

from __future__ import annotations

import contextlib
import ctypes
import os
import struct
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Final

# linux/fanotify.h
_FAN_CLOEXEC: Final = 0x1
_FAN_NONBLOCK: Final = 0x2
_FAN_UNLIMITED_QUEUE: Final = 0x10
_FAN_MARK_ADD: Final = 0x1
_FAN_MARK_FILESYSTEM: Final = 0x100
_FAN_MODIFY: Final = 0x2
_FAN_CLOSE_WRITE: Final = 0x8
_FAN_Q_OVERFLOW: Final = 0x4000
_AT_FDCWD: Final = -100
_EVENT: Final = struct.Struct("=IBBHQii")
#: File systems that hold files; the others are the kernel's own windows.
_KEEP_FILES: Final = frozenset(["ext4", "ext3", "xfs", "btrfs", "overlay", "tmpfs", "f2fs", "vfat", "zfs"])
#: Of one file so much is read when it is closed.
_MOST_BYTES: Final = 16 << 20
_POLL_SECONDS: Final = 0.1


def descendants(pid: int) -> set[int]:
    """A process and everything that it has started, as far as it lives."""
    parents: dict[int, int] = {}
    for entry in Path("/proc").iterdir():
        if entry.name.isdecimal():
            with contextlib.suppress(OSError, ValueError, IndexError):
                # The name in brackets may hold spaces.
                parents[int(entry.name)] = int((entry / "stat").read_text().rpartition(")")[2].split()[1])
    found, waiting = {pid}, [pid]
    while waiting:
        parent = waiting.pop()
        for child, its in parents.items():
            if its == parent and child not in found:
                found.add(child)
                waiting.append(child)
    return found


def open_here() -> set[str]:
    """What this process has open: a child inherits the files into which pytest collects output."""
    found = set()
    for entry in Path("/proc/self/fd").iterdir():
        with contextlib.suppress(OSError):
            found.add(entry.readlink().as_posix())
    return found


class DiskWatch:
    """Notes every file that certain processes write, with what stands in it when it is closed.

    `kernel` says whether the kernel told of every write; that needs root. Without it, files that are open for
    writing are looked for in /proc ten times a second, which misses those that live shorter.
    """

    def __init__(self, pids: Callable[[], set[int]]) -> None:
        self._pids = pids
        self._known: set[int] = set()
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._descriptor = _open()
        self.kernel = self._descriptor >= 0
        #: the kernel could not keep up, and not every write was told
        self.overflowed = False
        #: path to what was in it at the last close, or b"" where it was only open
        self.written: dict[str, bytes] = {}
        #: files that are mapped into memory for all to see, so that writes need no system call
        self.mapped: set[str] = set()

    def __enter__(self) -> DiskWatch:
        self._known = self._pids()
        self._thread.start()
        return self

    def __exit__(self, *_error: object) -> None:
        time.sleep(3 * _POLL_SECONDS)
        self._stop.set()
        self._thread.join(10)
        if self.kernel:
            os.close(self._descriptor)

    def _run(self) -> None:
        while not self._stop.is_set():
            self._known |= self._pids()
            for pid in self._known:
                self._look(pid)
            if self.kernel:
                self._read()
            self._stop.wait(_POLL_SECONDS)

    def _read(self) -> None:
        while True:
            try:
                data = os.read(self._descriptor, 65_536)
            except BlockingIOError:
                return
            for mask, descriptor, pid in _events(data):
                if mask & _FAN_Q_OVERFLOW:
                    self.overflowed = True
                if descriptor < 0:
                    continue
                try:
                    if pid in self._known:
                        self._note(descriptor, closed=bool(mask & _FAN_CLOSE_WRITE))
                finally:
                    os.close(descriptor)

    def _note(self, descriptor: int, *, closed: bool) -> None:
        path = Path(f"/proc/self/fd/{descriptor}").readlink().as_posix()
        self.written.setdefault(path, b"")
        if closed:
            self.written[path] += os.pread(descriptor, _MOST_BYTES, 0)

    def _look(self, pid: int) -> None:
        with contextlib.suppress(OSError):
            for entry in Path(f"/proc/{pid}/fd").iterdir():
                with contextlib.suppress(OSError):
                    path = entry.readlink().as_posix()
                    if path.startswith("/") and _writable(pid, entry.name) and _is_file(entry):
                        self.written.setdefault(path, b"")
        with contextlib.suppress(OSError):
            for line in Path(f"/proc/{pid}/maps").read_text(errors="replace").splitlines():
                parts = line.split(maxsplit=5)
                if len(parts) == 6 and parts[1].startswith("rw") and parts[1][3] == "s":
                    self.mapped.add(parts[5])


def _open() -> int:
    """A fanotify group that is told of every write on every file system; -1 where that is not allowed."""
    library = ctypes.CDLL(None, use_errno=True)
    try:
        descriptor = library.fanotify_init(_FAN_CLOEXEC | _FAN_NONBLOCK | _FAN_UNLIMITED_QUEUE, os.O_RDONLY)
    except AttributeError:
        return -1
    if descriptor < 0:
        return -1
    marked = [
        mount
        for mount in _mounts()
        if library.fanotify_mark(
            descriptor,
            _FAN_MARK_ADD | _FAN_MARK_FILESYSTEM,
            ctypes.c_uint64(_FAN_MODIFY | _FAN_CLOSE_WRITE),
            _AT_FDCWD,
            os.fsencode(mount),
        )
        == 0
    ]
    if "/" in marked:
        return int(descriptor)
    os.close(descriptor)
    return -1


def _mounts() -> list[str]:
    lines = Path("/proc/self/mounts").read_text(encoding="utf-8", errors="replace").splitlines()
    return [place for _, place, kind, *_ in (line.split() for line in lines) if kind in _KEEP_FILES]


def _events(data: bytes) -> Iterator[tuple[int, int, int]]:
    """Mask, descriptor and process id of each event."""
    start = 0
    while start + _EVENT.size <= len(data):
        length, _, _, _, mask, descriptor, pid = _EVENT.unpack_from(data, start)
        yield mask, descriptor, pid
        start += length


def _writable(pid: int, descriptor: str) -> bool:
    for line in Path(f"/proc/{pid}/fdinfo/{descriptor}").read_text().splitlines():
        if line.startswith("flags:"):
            return bool(int(line.split()[1], 8) & os.O_ACCMODE)
    return False


def _is_file(entry: Path) -> bool:
    return entry.is_file()
