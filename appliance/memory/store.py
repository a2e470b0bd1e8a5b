"""The sealed records on disk: one file a customer, named by the keyed hash of the number.

A record is `nonce | AES-256-GCM(JSON)`, bound to its name, so that no record can be put in another's place.
"""

from __future__ import annotations

import os
import re
import secrets
from collections.abc import Iterator
from pathlib import Path
from typing import Final

import msgspec
from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from appliance.memory.remembered import DAY_MS, Remembered
from appliance.memory.secret import IDENTITY_CHARACTERS, MemoryFileError, MemorySecret

RECORDS: Final = "records"
SUFFIX: Final = ".sealed"
#: NIST SP 800-38D recommends 96 bits.
NONCE_BYTES: Final = 12
#: A record has some two dozen needs; anything larger is not ours.
MAX_BYTES: Final = 16 * 1024
_NAME: Final = re.compile(rf"[0-9a-f]{{{IDENTITY_CHARACTERS}}}")
_ABOUT: Final = b"ridge memory record 1:"


class MemoryStore:
    """The memory of one box."""

    def __init__(self, directory: Path, secret: MemorySecret, retention_days: int) -> None:
        self._directory = directory / RECORDS
        self._seal = AESGCM(secret.seal_key)
        self._retention_days = retention_days

    def load(self, identity: str, today: int) -> Remembered | None:
        """What is remembered of a customer; None where it is nothing, or older than the retention.

        What is dated later than `today` was kept while the clock was wrong: nobody knows how old it is, and
        it counts as too old.

        Raises:
            MemoryFileError: the record cannot be read, or was altered.
        """
        path = self._path(identity)
        try:
            data = path.read_bytes()
        except FileNotFoundError:
            return None
        except OSError as error:
            raise MemoryFileError(f"{path}: {error.strerror}; make it readable for this user") from error
        try:
            if len(data) > MAX_BYTES:
                raise InvalidTag
            plain = self._seal.decrypt(data[:NONCE_BYTES], data[NONCE_BYTES:], _ABOUT + identity.encode())
            remembered = msgspec.json.decode(plain, type=Remembered)
        except (InvalidTag, ValueError, msgspec.MsgspecError) as error:
            raise MemoryFileError(
                f"{path}: cannot be opened with this box's secret (altered, or of another box); remove it"
            ) from error
        return remembered if 0 <= today - remembered.day <= self._days(remembered) else None

    def save(self, identity: str, remembered: Remembered) -> None:
        """Seal and write a record; a reader sees the old or the new one.

        Raises:
            MemoryFileError: it cannot be written.
        """
        path = self._path(identity)
        nonce = secrets.token_bytes(NONCE_BYTES)
        about = _ABOUT + identity.encode()
        data = nonce + self._seal.encrypt(nonce, msgspec.json.encode(remembered), about)
        temporary = path.with_name(f".{path.name}.{secrets.token_hex(4)}")
        try:
            path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
            descriptor = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
            with os.fdopen(descriptor, "wb") as file:
                file.write(data)
                file.flush()
                os.fsync(file.fileno())
            temporary.replace(path)
        except OSError as error:
            temporary.unlink(missing_ok=True)
            raise MemoryFileError(f"{path}: cannot be written: {error.strerror}; check the disk") from error

    def erase(self, identity: str) -> bool:
        """Forget a customer; false where nothing was remembered.

        Raises:
            MemoryFileError: the record cannot be removed.
        """
        path = self._path(identity)
        try:
            path.unlink()
        except FileNotFoundError:
            return False
        except OSError as error:
            raise MemoryFileError(f"{path}: cannot be removed: {error.strerror}; do it as root") from error
        return True

    def identities(self) -> Iterator[str]:
        """Of whom something is kept, in no order."""
        if self._directory.is_dir():
            for path in self._directory.iterdir():
                if path.suffix == SUFFIX and _NAME.fullmatch(path.stem):
                    yield path.stem

    def sweep(self, now_ms: int) -> int:
        """Remove records that are older than their retention, or cannot be read and are; returns how many."""
        removed = 0
        for identity in list(self.identities()):
            path = self._path(identity)
            try:
                age = now_ms - path.stat().st_mtime * 1000
                if not -DAY_MS <= age <= (self._retention_days + 1) * DAY_MS or self._is_over(
                    identity, now_ms // DAY_MS
                ):
                    path.unlink()
                    removed += 1
            except OSError:
                # another process was quicker
                continue
        return removed

    def _is_over(self, identity: str, today: int) -> bool:
        try:
            return self.load(identity, today) is None
        except MemoryFileError:
            # What cannot be read goes by the time of its file.
            return False

    def _days(self, remembered: Remembered) -> int:
        own = remembered.retention_days
        return self._retention_days if own is None else min(own, self._retention_days)

    def _path(self, identity: str) -> Path:
        if not _NAME.fullmatch(identity):
            raise MemoryFileError(f"{identity!r} is no identity of a customer; it comes from the number")
        return self._directory / f"{identity}{SUFFIX}"
