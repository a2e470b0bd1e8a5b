"""The egress ledger: every message that leaves is entered before it is sent, and never what it says."""

from __future__ import annotations

import contextlib
import errno
import hashlib
import os
import threading
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Final

import msgspec
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from appliance.box.clock.latest import Jump
from appliance.feed.ledger_records import (
    GENESIS,
    LEDGER_VERSION,
    Checkpoint,
    ClockJump,
    Fields,
    Head,
    Header,
    Record,
    Sent,
    Unrecorded,
    fields_of,
    head_of,
    line_of,
    link,
    record_of,
    sign,
)
from appliance.feed.private_file import PrivateFileError, make_private_directory, read_private, write_private

SECRET_FILE: Final = "ledger.key_secret"  # noqa: S105 - a file's name
PUBLIC_FILE: Final = "ledger.key"
HEAD_FILE: Final = "head.json"
#: The head is overwritten in place, within one sector: a full disk cannot keep it from being written.
HEAD_BYTES: Final = 512
#: The disk's share is divided into so many files; the oldest goes when another is needed.
FILES: Final = 16
#: What is not signed yet when the power goes is at most this.
CHECKPOINT_MS: Final = 1_000
CHECKPOINT_RECORDS: Final = 4_096
#: What the system has not written to the disk yet when the power goes is at most this.
SYNC_SECONDS: Final = 5.0


class LedgerError(Exception):
    """The ledger cannot be written; what was to be sent must not be."""

    def __init__(self, error: OSError) -> None:
        super().__init__(error.strerror or str(error))
        #: such as `ENOSPC`
        self.code = errno.errorcode.get(error.errno or 0, "EIO")


@dataclass(frozen=True, slots=True)
class _Position:
    """How far the ledger is written."""

    n: int = 0
    chain: bytes = GENESIS
    file: int = 0
    size: int = 0
    #: time of the last record: none is before it
    t: int = 0


def file_name(number: int) -> str:
    """The name of a file of the ledger."""
    return f"ledger-{number:08d}.jsonl"


def file_numbers(directory: Path) -> list[int]:
    """The numbers of the files that there are, ascending."""
    names = (path.name for path in directory.glob("ledger-*.jsonl"))
    return sorted(int(name[7:-6]) for name in names if name[7:-6].isdecimal())


def last_signed(directory: Path) -> int:
    """When the last checkpoint was signed (unix ms); 0 where there is none that can be read."""
    try:
        return head_of((directory / HEAD_FILE).read_bytes()).t
    except (OSError, ValueError):
        return 0


def ledger_key(directory: Path) -> Ed25519PrivateKey:
    """The signing key in the feed's directory; made there when there is none.

    Raises:
        PrivateFileError: the key cannot be read or written, or is none.
    """
    path = directory / SECRET_FILE
    data = read_private(path)
    if data is None:
        make_private_directory(directory)
        key = Ed25519PrivateKey.generate()
        write_private(path, key.private_bytes_raw().hex().encode() + b"\n")
    else:
        try:
            key = Ed25519PrivateKey.from_private_bytes(bytes.fromhex(data.decode("ascii").strip()))
        except ValueError as error:
            raise PrivateFileError(
                f"{path}: holds no key of 64 hexadecimal digits; restore it from your backup, or move the "
                "ledger away together with it"
            ) from error
    public = key.public_key().public_bytes_raw().hex().encode() + b"\n"
    if read_private(directory / PUBLIC_FILE) != public:
        write_private(directory / PUBLIC_FILE, public)
    return key


class Ledger:
    """Writes the ledger; `wall` is unix time in ms. Records wait for `flush`, which writes all or none.

    A time before that of the last record is not written; that record's stands in its place.
    """

    def __init__(self, directory: Path, key: Ed25519PrivateKey, megabytes: int) -> None:
        self._directory = directory
        self._key = key
        self._file_bytes = megabytes * 1024 * 1024 // FILES
        self._descriptor: int | None = None
        self._head: int | None = None
        self._at = _Position()
        self._written = _Position()
        self._first_file = 1
        self._pending: list[bytes] = []
        self._kinds: set[str] = set()
        self._signed_n, self._signed_at = 0, 0
        #: what is missing before the present file: bytes of a torn line, and records that were signed
        self._found = (0, 0)
        self._syncer = _Syncer()

    def open(self, wall: int) -> None:
        """Go on after the last whole record, in a new file.

        Raises:
            LedgerError: the directory cannot be read or written.
        """
        try:
            make_private_directory(self._directory)
            self._go_on(wall)
            self.flush(wall)
        except PrivateFileError as error:
            raise LedgerError(OSError(errno.EACCES, str(error))) from error
        except OSError as error:
            raise LedgerError(error) from error

    def reopen(self, wall: int) -> None:
        """Try again after a failure.

        Raises:
            LedgerError: it still cannot be written.
        """
        if self._descriptor is None:
            self.open(wall)
        else:
            # Something must be written to know that it can be.
            self._checkpoint(wall)
            self.flush(wall)

    @property
    def position(self) -> tuple[int, str]:
        """The number of records, and the hash of the last one."""
        return self._written.n, self._written.chain.hex()

    def enter(self, kind: str, topic: str, data: bytes, copies: int, wall: int) -> None:
        """Enter a message that will be sent to `copies` connections."""
        self._name(kind, wall)
        digest = hashlib.sha256(data).hexdigest()
        self._put(Sent(self._at.n, wall, kind, topic, len(data), digest, copies))

    def enter_all(self, kind: str, sent: Sequence[tuple[str, bytes]], wall: int) -> None:
        """Enter small messages of one kind (topic, message) in one record."""
        if not sent:
            return
        self._name(kind, wall)
        together = hashlib.sha256()
        for _, data in sent:
            together.update(data)
        size = sum(len(data) for _, data in sent)
        topics: str | list[str] = [topic for topic, _ in sent] if len(sent) > 1 else sent[0][0]
        self._put(Sent(self._at.n, wall, kind, topics, size, together.hexdigest()))

    def enter_unrecorded(self, since: int, messages: int, size: int, wall: int) -> None:
        """Enter that messages left without entries."""
        self._put(Unrecorded(self._at.n, wall, since, messages, size))

    def enter_jump(self, jump: Jump, wall: int) -> None:
        """Enter that the clock jumped; from one that an admin has confirmed on, times may be earlier ones."""
        if jump.kind == "confirmed":
            self._at = replace(self._at, t=wall)
            self._signed_at = min(self._signed_at, wall)
        self._put(ClockJump(self._at.n, wall, jump.kind, jump.was, jump.now))

    def flush(self, wall: int) -> None:
        """Write what was entered, a checkpoint where one is due, and another file where this one is full.

        Raises:
            LedgerError: nothing of it was written; it is forgotten.
        """
        due = wall - self._signed_at >= CHECKPOINT_MS or self._at.n - self._signed_n >= CHECKPOINT_RECORDS
        if self._at.n > self._signed_n and due:
            self._checkpoint(wall)
        if not self._pending:
            return
        try:
            self._write()
            if self._written.size >= self._file_bytes:
                self._checkpoint(wall)
                self._write()
                self._next_file(wall)
                self._write()
        except OSError as error:
            self._roll_back(wall)
            raise LedgerError(error) from error

    def close(self, wall: int) -> None:
        """Sign the end, and close the file.

        Raises:
            LedgerError: the end could not be written.
        """
        try:
            if self._descriptor is not None:
                self._signed_at = 0
                self.flush(wall)
        finally:
            self._syncer.stop()
            for descriptor in (self._descriptor, self._head):
                if descriptor is not None:
                    os.close(descriptor)
            self._descriptor = self._head = None

    def _name(self, kind: str, wall: int) -> None:
        if kind not in self._kinds:
            self._kinds.add(kind)
            self._put(Fields(self._at.n, wall, kind, list(fields_of(kind))))

    def _put(self, record: Record) -> None:
        at = self._at
        if record.t < at.t:
            record = msgspec.structs.replace(record, t=at.t)
        line = line_of(record)
        self._pending.append(line)
        self._at = replace(
            at, n=at.n + 1, chain=link(at.chain, line), size=at.size + len(line) + 1, t=record.t
        )

    def _checkpoint(self, wall: int) -> None:
        # What is signed is the time that will stand there.
        wall = max(wall, self._at.t)
        n, chain = self._at.n, self._at.chain.hex()
        self._put(Checkpoint(n, wall, chain, sign(self._key, "checkpoint", n, wall, chain)))

    def _write(self) -> None:
        if self._syncer.error is not None:
            error, self._syncer.error = self._syncer.error, None
            raise error
        if self._descriptor is None:
            raise OSError(errno.EBADF, "no file is open")
        data = b"".join(line + b"\n" for line in self._pending)
        while data:
            data = data[os.write(self._descriptor, data) :]
        signed = next((line for line in reversed(self._pending) if b'{"is":"checkpoint"' in line[:20]), None)
        self._pending.clear()
        self._written = self._at
        if signed is not None:
            self._write_head(signed)

    def _write_head(self, line: bytes) -> None:
        checkpoint = record_of(line)
        if not isinstance(checkpoint, Checkpoint) or self._head is None:
            return
        n, wall, chain = checkpoint.n, checkpoint.t, checkpoint.chain
        self._signed_n, self._signed_at = self._written.n, wall
        place = (n, wall, chain, self._written.file, self._first_file)
        head = Head(LEDGER_VERSION, *place, sign(self._key, "head", *place))
        os.pwrite(self._head, line_of(head).ljust(HEAD_BYTES - 1) + b"\n", 0)

    def _roll_back(self, wall: int) -> None:
        self._pending.clear()
        self._kinds.clear()
        self._at = self._written
        if self._descriptor is not None:
            # A part of a line may have been written; shortening a file needs no space.
            with contextlib.suppress(OSError):
                os.ftruncate(self._descriptor, self._written.size)
            if self._written.size == 0:
                self._put_header(wall)

    def _put_header(self, wall: int) -> None:
        torn, lost = self._found
        at = self._at
        self._put(Header(at.n, wall, LEDGER_VERSION, at.file, at.chain.hex(), torn=torn, lost=lost))

    def _next_file(self, wall: int, torn: int = 0, lost: int = 0) -> None:
        self._found = (torn, lost)
        number = self._at.file + 1
        path = self._directory / file_name(number)
        flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_APPEND
        descriptor = os.open(path, flags, 0o600)
        if self._descriptor is not None:
            os.close(self._descriptor)
        self._descriptor = descriptor
        self._syncer.watch(descriptor)
        self._kinds.clear()
        self._at = replace(self._at, file=number, size=0)
        self._written = self._at
        self._put(
            Header(self._at.n, wall, LEDGER_VERSION, number, self._at.chain.hex(), torn=torn, lost=lost)
        )
        self._first_file = max(self._first_file, number - FILES + 1)
        for old in file_numbers(self._directory):
            if old < self._first_file:
                (self._directory / file_name(old)).unlink()

    def _go_on(self, wall: int) -> None:
        if self._head is None:
            self._head = os.open(self._directory / HEAD_FILE, os.O_RDWR | os.O_CREAT, 0o600)
        head = None
        with contextlib.suppress(msgspec.MsgspecError):
            head = head_of(os.pread(self._head, HEAD_BYTES, 0))
        if head is not None:
            self._first_file = head.first_file
        numbers = file_numbers(self._directory)
        torn = 0
        while numbers:
            path = self._directory / file_name(numbers[-1])
            if path.stat().st_size:
                self._at, torn = _end_of(path, numbers[-1])
                break
            # Left by a crash or a full disk before its header was written.
            path.unlink()
            numbers.pop()
        lost = max(0, head.n + 1 - self._at.n) if head is not None else 0
        if lost and head is not None:
            # What was signed must not be used again for other records.
            self._at = replace(
                self._at, n=head.n + 1, file=max(self._at.file, head.file), t=max(self._at.t, head.t)
            )
        self._pending.clear()
        self._next_file(wall, torn, lost)
        self._checkpoint(wall)


def _end_of(path: Path, number: int) -> tuple[_Position, int]:
    """Where the next record goes after the last whole line of a file, and the bytes after that line."""
    data = path.read_bytes()
    whole = data[: data.rfind(b"\n") + 1]
    chain, n, t = GENESIS, 0, 0
    for line in whole.splitlines():
        with contextlib.suppress(msgspec.MsgspecError):
            record = record_of(line)
            if isinstance(record, Header):
                chain = bytes.fromhex(record.prev)
            n, t = record.n + 1, record.t
        chain = link(chain, line)
    return _Position(n, chain, number, len(whole), t), len(data) - len(whole)


class _Syncer:
    """Writes the file through to the disk every few seconds, beside the feed, which must not wait for it."""

    def __init__(self) -> None:
        self._descriptor: int | None = None
        self._lock = threading.Lock()
        self._stopping = threading.Event()
        self._thread: threading.Thread | None = None
        self.error: OSError | None = None

    def watch(self, descriptor: int) -> None:
        with self._lock:
            if self._descriptor is not None:
                os.close(self._descriptor)
            self._descriptor = os.dup(descriptor)
        if self._thread is None:
            self._stopping.clear()
            self._thread = threading.Thread(target=self._run, name="ledger-sync", daemon=True)
            self._thread.start()

    def stop(self) -> None:
        self._stopping.set()
        if self._thread is not None:
            self._thread.join()
            self._thread = None

    def _run(self) -> None:
        ended = False
        while not ended:
            ended = self._stopping.wait(SYNC_SECONDS)
            # A new file waits for this one to be on the disk, which happens once in many megabytes.
            with self._lock:
                if self._descriptor is None:
                    continue
                try:
                    os.fdatasync(self._descriptor)
                except OSError as error:
                    self.error = error
                if ended:
                    os.close(self._descriptor)
                    self._descriptor = None
