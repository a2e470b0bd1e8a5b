"""The key directory that an admin made with `ridge seats enrol`, read on the seat's machine."""

from __future__ import annotations

import contextlib
import json
import os
import secrets
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

BOX_FILE: Final = "box.key"
NEXT_BOX_FILE: Final = "box.key.next"


class SeatError(Exception):
    """The seat cannot begin; the text says what to do next."""


@dataclass(frozen=True, slots=True)
class SeatKeys:
    """What a seat needs to be let in. Keys are 40 characters of Z85 (ZeroMQ RFC 32)."""

    seat: str
    public: bytes
    secret: bytes = field(repr=False)
    #: public key of the box; a machine that does not have its secret key is not listened to
    box: bytes
    host: str | None = None
    publish_port: int | None = None
    control_port: int | None = None
    #: where they were read from
    directory: Path | None = None

    @classmethod
    def load(cls, directory: Path, seat: str | None = None) -> SeatKeys:
        """Read `directory`, or the directory of `seat` inside it.

        Raises:
            SeatError: there are no keys, they are for another seat, or a file is damaged.
        """
        if seat is not None and (directory / seat / "seat.key_secret").exists():
            directory = directory / seat
        connection = _connection(directory)
        named = connection.get("seat")
        if seat is not None and named != seat:
            raise SeatError(
                f"{directory}: holds the keys of seat {named}, not of {seat}; name the other directory"
            )
        return cls(
            seat=str(named),
            public=_key(directory / "seat.key"),
            secret=_key(directory / "seat.key_secret"),
            box=_key(directory / BOX_FILE),
            host=connection.get("host"),
            publish_port=connection.get("publish_port"),
            control_port=connection.get("control_port"),
            directory=directory,
        )

    def addresses(self, publish: str | None = None, control: str | None = None) -> tuple[str, str]:
        """The two addresses to connect to, where only one or none is given.

        The control port is the one that the key directory names, else the one above the publishing port.

        Raises:
            SeatError: no address is known, or it is not `tcp://HOST:PORT`.
        """
        if publish is None:
            if not (self.host and self.publish_port):
                raise SeatError("the key directory names no address; say --connect tcp://HOST:PORT")
            publish = f"tcp://{self.host}:{self.publish_port}"
        host, _, port = publish.removeprefix("tcp://").rpartition(":")
        if not publish.startswith("tcp://") or not host or not port.isdecimal() or not 0 < int(port) < 65536:
            raise SeatError(f"{publish} is no address of a feed; write it as tcp://HOST:PORT")
        if control is None:
            beside = (
                self.control_port if self.control_port and int(port) == self.publish_port else int(port) + 1
            )
            control = f"tcp://{host}:{beside}"
        return publish, control

    def next_box(self) -> bytes | None:
        """The key that the box announced for later, if it did."""
        path = self.directory / NEXT_BOX_FILE if self.directory else None
        return _key(path) if path is not None and path.exists() else None

    def keep_next_box(self, key: bytes) -> None:
        """Write down the key that the box will have, for a client that is started after that.

        Raises:
            SeatError: the directory cannot be written.
        """
        if self.directory is not None:
            write_private(self.directory / NEXT_BOX_FILE, key + b"\n")

    def take_box(self, key: bytes) -> None:
        """The box has answered with this key: it is the one from now on.

        Raises:
            SeatError: the directory cannot be written.
        """
        if self.directory is not None:
            write_private(self.directory / BOX_FILE, key + b"\n")
            with contextlib.suppress(OSError):
                (self.directory / NEXT_BOX_FILE).unlink()


def write_key_directory(directory: Path, keys: SeatKeys) -> None:
    """Write a key directory as `ridge seats enrol` does, the secret key last.

    Raises:
        SeatError: it cannot be written.
    """
    try:
        directory.mkdir(mode=0o700, parents=True, exist_ok=True)
    except OSError as error:
        raise SeatError(f"{directory}: cannot be made: {error.strerror}; name another --keys") from error
    address = {
        "v": 1,
        "seat": keys.seat,
        "host": keys.host,
        "publish_port": keys.publish_port,
        "control_port": keys.control_port,
    }
    write_private(directory / "connection.json", json.dumps(address, indent=1).encode() + b"\n")
    write_private(directory / BOX_FILE, keys.box + b"\n")
    write_private(directory / "seat.key", keys.public + b"\n")
    write_private(directory / "seat.key_secret", keys.secret + b"\n")


def write_private(path: Path, data: bytes) -> None:
    """Write a file of mode 0600, whole or not at all.

    Raises:
        SeatError: it cannot be written.
    """
    temporary = path.with_name(f".{path.name}.{secrets.token_hex(4)}")
    try:
        descriptor = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with os.fdopen(descriptor, "wb") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        temporary.replace(path)
    except OSError as error:
        with contextlib.suppress(OSError):
            temporary.unlink()
        raise SeatError(
            f"{path}: cannot be written: {error.strerror}; check the directory's owner"
        ) from error


def _connection(directory: Path) -> dict[str, Any]:
    path = directory / "connection.json"
    try:
        connection = json.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise SeatError(
            f"{path}: cannot be read: {error.strerror}; ask the admin of the box for a key directory "
            "(ridge seats enrol ID)"
        ) from error
    except ValueError as error:
        raise SeatError(f"{path}: is damaged: {error}; copy the key directory again") from error
    if (
        not isinstance(connection, dict)
        or connection.get("v") != 1
        or not isinstance(connection.get("seat"), str)
    ):
        raise SeatError(f"{path}: is of another version; ask the admin to enrol the seat again")
    return connection


def _key(path: Path) -> bytes:
    try:
        key = path.read_bytes().strip()
    except OSError as error:
        raise SeatError(
            f"{path}: cannot be read: {error.strerror}; copy the whole key directory again"
        ) from error
    if len(key) != 40:
        raise SeatError(f"{path}: holds no key of 40 characters; copy the key directory again")
    return key
