"""The admin's password: set on the box, kept as a scrypt hash, and read again when it was changed.

There is no default. While none is set nobody gets in.
"""

from __future__ import annotations

import hashlib
import hmac
import secrets
from pathlib import Path
from typing import Annotated, Final, Literal

import msgspec
from msgspec import Meta

from appliance.feed.private_file import (
    PrivateFileError,
    make_private_directory,
    read_private,
    write_private,
)

PASSWORD_FILE: Final = "password"  # noqa: S105 - the file's name
#: NIST SP 800-63B-4, section 3.1.1.2: 15 where a password is the only factor.
SHORTEST: Final = 15
#: Longer ones are hashed all the same; this bounds what a stranger can make us read.
LONGEST: Final = 256
#: RFC 7914; 32 MiB and some 0.1 s a try.
_COST: Final = 2**15
_BLOCK: Final = 8
_MEMORY: Final = 64 * 1024 * 1024
_HASH_BYTES: Final = 32

Hexadecimal = Annotated[str, Meta(pattern=r"^[0-9a-f]{32,64}$")]


class _Stored(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    v: Literal[1]
    #: scrypt's n; r is 8 and p is 1
    cost: Annotated[int, Meta(ge=2**14, le=2**17)]
    salt: Hexadecimal
    hash: Hexadecimal


class PasswordError(ValueError):
    """A password cannot be used; the text says why."""


class PasswordFile:
    """The password of a console's directory."""

    def __init__(self, directory: Path) -> None:
        self._directory = directory
        self._path = directory / PASSWORD_FILE
        self._seen: tuple[int, int, int] | None = None
        self._stored: _Stored | None = None

    def set(self, password: str) -> None:
        """Hash and write a new password; sessions under the old one end.

        Raises:
            PasswordError: it is too short or too long.
            PrivateFileError: it cannot be written.
        """
        if not SHORTEST <= len(password) <= LONGEST:
            raise PasswordError(
                f"the password has {len(password)} characters; choose {SHORTEST} to {LONGEST}, such as four "
                "words that have nothing to do with each other"
            )
        salt = secrets.token_bytes(16)
        stored = _Stored(1, _COST, salt.hex(), _hash(password, salt, _COST).hex())
        make_private_directory(self._directory)
        write_private(self._path, msgspec.json.encode(stored) + b"\n")

    def generation(self) -> str | None:
        """Names the password that holds now; None while none is set.

        Raises:
            PrivateFileError: what is there cannot be used.
        """
        stored = self._read()
        return stored.salt if stored is not None else None

    def verify(self, password: str) -> bool:
        """Whether this is the password; takes some 0.1 s, so call it off the loop.

        Raises:
            PrivateFileError: what is there cannot be used.
        """
        stored = self._read()
        if stored is None or len(password) > LONGEST:
            return False
        found = _hash(password, bytes.fromhex(stored.salt), stored.cost)
        return hmac.compare_digest(found, bytes.fromhex(stored.hash))

    def _read(self) -> _Stored | None:
        try:
            status = self._path.stat()
        except FileNotFoundError:
            self._seen = self._stored = None
            return None
        except OSError as error:
            raise PrivateFileError(f"{self._path}: cannot be read: {error.strerror}") from error
        seen = (status.st_ino, status.st_mtime_ns, status.st_mode)
        if seen != self._seen:
            data = read_private(self._path)
            try:
                self._stored = msgspec.json.decode(data, type=_Stored) if data is not None else None
            except msgspec.DecodeError as error:
                raise PrivateFileError(
                    f"{self._path}: is damaged; set the password again: ridge console password"
                ) from error
            self._seen = seen
        return self._stored


def _hash(password: str, salt: bytes, cost: int) -> bytes:
    return hashlib.scrypt(
        password.encode("utf-8", "surrogatepass"),
        salt=salt, n=cost, r=_BLOCK, p=1, maxmem=_MEMORY * (cost // _COST or 1), dklen=_HASH_BYTES,
    )  # fmt: skip
