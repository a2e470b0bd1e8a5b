"""The latest time that a zone has seen, in a file of a fixed size that is overwritten in place.

As systemd-timesyncd keeps the time of `/var/lib/systemd/timesync/clock`, but for the opposite purpose:
nothing is set by it. What it tells is that a clock which shows less was set back while nobody looked.
"""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Annotated, Final, Literal

import msgspec
from msgspec import Meta

from appliance.box.whole_file import give_to_owner, writing_whole

CLOCK_FILE: Final = "clock.json"
#: Directories of the state directory in which a zone keeps such a file.
ZONES: Final = ("feed", "memory")
#: Within one sector, so that it is never written in part; and it does not grow.
FILE_BYTES: Final = 256

UnixMilliseconds = Annotated[int, Meta(ge=0, le=2**53)]
#: back, forward: while a process looked. first: forward, soon after the machine's start, as on a box whose
#: clock has no battery. behind: at a start, less than was seen before. right: behind no more.
#: confirmed: an admin said that it is right.
JumpKind = Literal["back", "forward", "first", "behind", "right", "confirmed"]


class Jump(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """One jump, in unix ms."""

    kind: JumpKind
    #: what the clock was to show, as far as anybody knows
    was: UnixMilliseconds
    #: what it showed
    now: UnixMilliseconds


class ClockRecord(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What is kept."""

    v: Literal[1]
    latest: UnixMilliseconds
    #: the last jump that nobody has confirmed
    jump: Jump | None = None
    #: when an admin last said that the clock is right
    confirmed: UnixMilliseconds = 0
    #: whether the zone's process has taken that up
    taken: bool = True


class LatestFile:
    """One zone's file. A fault of the disk keeps nobody from serving calls: the next write is another try."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._descriptor: int | None = None

    def load(self) -> ClockRecord | None:
        """What was kept last; None where there is nothing, or what is there is no record."""
        self.close()
        try:
            self._descriptor = os.open(self._path, os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW, 0o600)
            record = record_in(os.pread(self._descriptor, FILE_BYTES, 0))
            os.ftruncate(self._descriptor, FILE_BYTES)
        except OSError:
            return None
        return record

    def replaced(self) -> bool:
        """Whether another file was put in the place of the one that was loaded: `confirm` does that."""
        try:
            there = self._path.stat()
        except OSError:
            return False
        if self._descriptor is None:
            return True
        own = os.fstat(self._descriptor)
        return (own.st_dev, own.st_ino) != (there.st_dev, there.st_ino)

    def store(self, record: ClockRecord) -> None:
        """Keep a record; of several processes with one file, the latest time counts."""
        if self._descriptor is None:
            return
        with contextlib.suppress(OSError):
            there = record_in(os.pread(self._descriptor, FILE_BYTES, 0))
            if there is not None and there.latest > record.latest:
                record = msgspec.structs.replace(record, latest=there.latest)
            os.pwrite(self._descriptor, _bytes(record), 0)

    def close(self) -> None:
        """Close the file."""
        if self._descriptor is not None:
            os.close(self._descriptor)
            self._descriptor = None


def record_in(data: bytes) -> ClockRecord | None:
    """The record in a file's bytes; None where there is none."""
    try:
        return msgspec.json.decode(data.strip(), type=ClockRecord)
    except (msgspec.DecodeError, UnicodeDecodeError):
        return None


def read_latest(directory: Path) -> ClockRecord | None:
    """The record of a zone's directory; None where there is none that can be read."""
    try:
        with (directory / CLOCK_FILE).open("rb") as file:
            return record_in(file.read(FILE_BYTES))
    except OSError:
        return None


def confirm(state_directory: Path, wall: int) -> Iterator[Path]:
    """Say that the clock, which shows `wall` (unix ms), is right: in the file of every zone that has one.

    A process that runs sees within a second that its file was replaced.

    Raises:
        OSError: a file cannot be written.
    """
    for zone in ZONES:
        path = state_directory / zone / CLOCK_FILE
        if not path.exists():
            continue
        with writing_whole(path) as file:
            give_to_owner(file.fileno(), path.parent)
            file.write(_bytes(ClockRecord(1, wall, None, wall, taken=False)))
        yield path


def _bytes(record: ClockRecord) -> bytes:
    return msgspec.json.encode(record).ljust(FILE_BYTES - 1) + b"\n"
