"""CURVE keys of the box, and the key directory that a seat is given."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

import zmq

from appliance.feed.private_file import (
    PrivateFileError,
    locked,
    make_private_directory,
    read_private,
    write_private,
)

BOX_SECRET_FILE: Final = "box.key_secret"  # noqa: S105 - a file's name
BOX_PUBLIC_FILE: Final = "box.key"
SEAT_SECRET_FILE: Final = "seat.key_secret"  # noqa: S105 - a file's name
SEAT_PUBLIC_FILE: Final = "seat.key"
CONNECTION_FILE: Final = "connection.json"


@dataclass(frozen=True, slots=True)
class CurveKeys:
    """A CURVE25519 key pair, both halves as 40 characters of Z85 (ZeroMQ RFC 32)."""

    public: bytes
    secret: bytes = field(repr=False)

    @classmethod
    def generate(cls) -> CurveKeys:
        """A new key pair from the system's randomness."""
        public, secret = zmq.curve_keypair()
        return cls(public, secret)


@dataclass(frozen=True, slots=True)
class Connection:
    """Where a seat finds the box. A port is None where the box lets the system choose it."""

    host: str
    publish_port: int | None
    control_port: int | None


def box_keys(directory: Path) -> CurveKeys:
    """The box's key pair from `directory`; made there when there is none.

    Raises:
        PrivateFileError: the files cannot be read or written, are open to other users, or hold no keys.
    """
    make_private_directory(directory)
    with locked(directory / "box.lock"):
        secret_file = directory / BOX_SECRET_FILE
        secret = read_private(secret_file)
        if secret is None:
            keys = CurveKeys.generate()
            write_private(secret_file, keys.secret + b"\n")
        else:
            keys = pair_of(secret.strip(), secret_file)
        if read_private(directory / BOX_PUBLIC_FILE) != keys.public + b"\n":
            write_private(directory / BOX_PUBLIC_FILE, keys.public + b"\n")
        return keys


def pair_of(secret: bytes, path: Path) -> CurveKeys:
    """The pair of a secret key that was read from `path`.

    Raises:
        PrivateFileError: it is no key.
    """
    try:
        return CurveKeys(zmq.curve_public(secret), secret)
    except (zmq.ZMQError, ValueError) as error:
        raise PrivateFileError(
            f"{path}: holds no CURVE key of 40 characters; restore it from your backup, or remove it and "
            "enrol all seats again"
        ) from error


def write_seat_keys(directory: Path, seat: str, keys: CurveKeys, box: bytes, connection: Connection) -> None:
    """Write the directory that a seat's machine needs: its key pair, the box's public key, the address.

    Raises:
        PrivateFileError: a file exists already or cannot be written.
    """
    make_private_directory(directory)
    if (directory / SEAT_SECRET_FILE).exists():
        raise PrivateFileError(
            f"{directory / SEAT_SECRET_FILE}: exists already; move it away, or name another place with --out"
        )
    address = {
        "v": 1,
        "seat": seat,
        "host": connection.host,
        "publish_port": connection.publish_port,
        "control_port": connection.control_port,
    }
    write_private(directory / SEAT_PUBLIC_FILE, keys.public + b"\n")
    write_private(directory / BOX_PUBLIC_FILE, box + b"\n")
    write_private(directory / CONNECTION_FILE, json.dumps(address, indent=1).encode() + b"\n")
    write_private(directory / SEAT_SECRET_FILE, keys.secret + b"\n")
