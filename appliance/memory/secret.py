"""The secret of a box's memory, and the two keys that come from it."""

from __future__ import annotations

import hashlib
import hmac
import os
import secrets
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

SECRET_FILE: Final = "memory.secret"  # noqa: S105
SECRET_BYTES: Final = 32
#: 128 bits of a keyed hash: no two customers of a bank meet.
IDENTITY_CHARACTERS: Final = 32


class MemoryFileError(Exception):
    """A file of the memory cannot be used; the message names it and says what to do next."""


@dataclass(frozen=True, slots=True)
class MemorySecret:
    """Gives customers' identities and the key that seals what is remembered.

    Without the secret neither can a number be found from an identity (there are too few telephone numbers for
    a plain hash to hide one) nor a record be read. Who erases it erases the whole memory.
    """

    secret: bytes = field(repr=False)

    @classmethod
    def load(cls, directory: Path, *, make: bool = False) -> MemorySecret | None:
        """The secret of the directory; None where there is none and `make` is false.

        Raises:
            MemoryFileError: it cannot be read or made, is damaged, or others may read it.
        """
        path = directory / SECRET_FILE
        try:
            if make:
                _make(path)
            status = path.stat()
            secret = path.read_bytes()
        except FileNotFoundError:
            return None
        except OSError as error:
            raise MemoryFileError(f"{path}: {error.strerror}; make it readable for this user") from error
        if status.st_mode & 0o077:
            raise MemoryFileError(f"{path}: others may read it; run chmod 600 {path}")
        if len(secret) != SECRET_BYTES:
            raise MemoryFileError(
                f"{path}: is damaged ({len(secret)} bytes); remove it and the records beside it, "
                "which nobody can read without it"
            )
        return cls(secret)

    def identity(self, number: str) -> str | None:
        """The keyed hash (HMAC-SHA-256, 128 bits as hex) of a telephone number; None where it is none."""
        plain = normal(number)
        if plain is None:
            return None
        return self._derived(b"ridge memory identity 1:" + plain.encode()).hex()[:IDENTITY_CHARACTERS]

    @property
    def seal_key(self) -> bytes:
        """32 bytes for AES-256-GCM."""
        return self._derived(b"ridge memory seal 1")

    def _derived(self, what: bytes) -> bytes:
        return hmac.new(self.secret, what, hashlib.sha256).digest()


def directory_of(state_directory: Path) -> Path:
    """Where a box keeps its memory."""
    return state_directory / "memory"


def normal(number: str) -> str | None:
    """A telephone number as one spelling: digits, without China's country code and a trunk 0 of mobiles.

    None where there are fewer than 5 or more than 20 digits: a withheld number is no customer.
    """
    digits = "".join(character for character in number if character in "0123456789")
    for prefix in ("0086", "86"):
        if digits.startswith(prefix) and len(digits) - len(prefix) >= 10:
            digits = digits[len(prefix) :]
            break
    if len(digits) == 12 and digits.startswith("01"):
        digits = digits[1:]
    return digits if 5 <= len(digits) <= 20 else None


def _make(path: Path) -> None:
    """Make the secret where there is none; of several processes that do so at once, one wins."""
    if path.exists():
        return
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    temporary = path.with_name(f".{path.name}.{secrets.token_hex(4)}")
    descriptor = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(descriptor, "wb") as file:
        file.write(secrets.token_bytes(SECRET_BYTES))
        file.flush()
        os.fsync(file.fileno())
    try:
        os.link(temporary, path)
    except FileExistsError:
        pass
    finally:
        temporary.unlink()
