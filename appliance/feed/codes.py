"""One-time codes: a seat that has one enrols itself with a key that never leaves its machine."""

from __future__ import annotations

import contextlib
import hashlib
import secrets
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, Final, Literal

import msgspec
from msgspec import Meta, Struct

from appliance.feed.grants import MAX_SEATS, Entry, GrantBook, GrantError
from appliance.feed.private_file import (
    PrivateFileError,
    locked,
    make_private_directory,
    read_private,
    write_private,
)
from appliance.protocol.messages import UnixMilliseconds

CODES_FILE: Final = "codes.json"
#: Crockford's base 32: no I, L, O or U, so that a code can be read aloud and typed.
_ALPHABET: Final = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"
#: 80 bits: not to be guessed, whatever the rate.
CODE_CHARACTERS: Final = 16
#: After this many wrong tries for a seat its code is void, so that an attack shows.
MAX_TRIES: Final = 10


class OpenCode(Struct, frozen=True, forbid_unknown_fields=True):
    """A code that was given out and not used yet."""

    entry: Entry
    #: sha256 of the seat's id, a line break and the code, in hexadecimal
    digest: Annotated[str, Meta(pattern=r"^[0-9a-f]{64}$")]
    #: unix time in ms
    until: UnixMilliseconds
    #: when it was given out; one of a later time was given out by a clock that was wrong
    issued: UnixMilliseconds = 0
    tries: Annotated[int, Meta(ge=0)] = 0


class _CodeFile(Struct, frozen=True, forbid_unknown_fields=True):
    v: Literal[1]
    codes: Annotated[list[OpenCode], Meta(max_length=MAX_SEATS)]


class CodeError(Exception):
    """A code was not accepted: wrong, used, expired or void. A stranger is not told which."""


class CodeBook:
    """The file of open codes, beside the book of grants. Only digests of codes are kept."""

    def __init__(self, directory: Path, book: GrantBook) -> None:
        self._directory = directory
        self._book = book
        self.path = directory / CODES_FILE

    def read(self) -> dict[str, OpenCode]:
        """The open codes by seat, expired ones too.

        Raises:
            PrivateFileError: the file cannot be read, is open to other users, or is damaged.
        """
        data = read_private(self.path)
        if data is None:
            return {}
        try:
            return {code.entry.id: code for code in msgspec.json.decode(data, type=_CodeFile).codes}
        except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError) as error:
            raise PrivateFileError(
                f"{self.path}: is damaged ({error}); remove it and give new codes out. Until then no code is "
                "accepted"
            ) from error

    def issue(self, entries: Sequence[Entry], wall: int, until: int) -> list[tuple[Entry, str]]:
        """A new code for each; one that a seat had before is void.

        Raises:
            GrantError: as `GrantBook.enrol`; nothing was issued.
            PrivateFileError: a file cannot be read or written.
        """
        with self._locked():
            GrantBook.check(self._book.read(), entries)
            codes = {seat: code for seat, code in self.read().items() if code.until > wall}
            issued = [(entry, _new_code()) for entry in entries]
            for entry, code in issued:
                codes[entry.id] = OpenCode(entry, _digest(entry.id, code), until, wall)
            self._write(codes)
            return issued

    def redeem(self, seat: str, code: str, key: bytes, wall: int) -> Entry:
        """Enrol a seat with a public key (Z85) for a code, which is used up.

        Raises:
            CodeError: the code was not accepted.
            PrivateFileError: a file cannot be read or written.
        """
        with self._locked():
            codes = self.read()
            known = codes.get(seat)
            if known is None or not known.issued <= wall < known.until:
                raise CodeError(seat)
            if not secrets.compare_digest(known.digest, _digest(seat, code)):
                tries = known.tries + 1
                if tries < MAX_TRIES:
                    codes[seat] = msgspec.structs.replace(known, tries=tries)
                else:
                    del codes[seat]
                self._write(codes)
                raise CodeError(seat)
            try:
                # The grant first: a crash in between leaves a code for a seat that has one already.
                self._book.enrol_all([(known.entry, key)], wall)
            except GrantError as error:
                raise CodeError(seat) from error
            del codes[seat]
            self._write(codes)
            return known.entry

    def void(self) -> int:
        """Make all open codes void; returns how many that were.

        Raises:
            PrivateFileError: the file cannot be read or written.
        """
        if not self.path.exists():
            return 0
        with self._locked():
            codes = self.read()
            if codes:
                self._write({})
            return len(codes)

    def _locked(self) -> contextlib.AbstractContextManager[None]:
        make_private_directory(self._directory)
        return locked(self._directory / "codes.lock")

    def _write(self, codes: dict[str, OpenCode]) -> None:
        file = _CodeFile(1, list(codes.values()))
        write_private(self.path, msgspec.json.encode(file) + b"\n")


def _new_code() -> str:
    text = "".join(secrets.choice(_ALPHABET) for _ in range(CODE_CHARACTERS))
    return "-".join(text[first : first + 4] for first in range(0, CODE_CHARACTERS, 4))


def _digest(seat: str, code: str) -> str:
    plain = code.upper().replace("-", "").replace(" ", "").translate(str.maketrans("OIL", "011"))
    return hashlib.sha256(f"{seat}\n{plain}".encode()).hexdigest()
