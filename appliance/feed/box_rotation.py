"""Another key for the box: announced to every seat for a while, and then taken."""

from __future__ import annotations

import contextlib
from dataclasses import dataclass
from pathlib import Path
from typing import Final, Literal

import msgspec
from msgspec import Struct

from appliance.feed.keys import BOX_PUBLIC_FILE, BOX_SECRET_FILE, CurveKeys, box_keys, pair_of
from appliance.feed.private_file import PrivateFileError, locked, read_private, write_private
from appliance.protocol.messages import UnixMilliseconds
from appliance.protocol.requests import PublicKey

NEXT_FILE: Final = "box.next.json"


@dataclass(frozen=True, slots=True)
class BoxRotation:
    """The next key pair, and when it is taken (unix time in ms)."""

    keys: CurveKeys
    at: int


class _NextFile(Struct, frozen=True, forbid_unknown_fields=True):
    v: Literal[1]
    secret: PublicKey
    at: UnixMilliseconds


def begin_rotation(directory: Path, at: int) -> BoxRotation:
    """Make the next key pair, to be taken at `at` (unix time in ms).

    Raises:
        PrivateFileError: a rotation is on already, or the file cannot be written.
    """
    box_keys(directory)
    with locked(directory / "box.lock"):
        if read_private(directory / NEXT_FILE) is not None:
            raise PrivateFileError(
                f"{directory / NEXT_FILE}: the box has a next key already; wait until it is taken, or stop "
                "that with ridge seats rotate-box --cancel"
            )
        rotation = BoxRotation(CurveKeys.generate(), at)
        file = _NextFile(1, rotation.keys.secret.decode("ascii"), at)
        write_private(directory / NEXT_FILE, msgspec.json.encode(file) + b"\n")
        return rotation


def read_rotation(directory: Path) -> BoxRotation | None:
    """The rotation that is on, if any.

    Raises:
        PrivateFileError: the file cannot be read or is damaged.
    """
    path = directory / NEXT_FILE
    data = read_private(path)
    if data is None:
        return None
    try:
        file = msgspec.json.decode(data, type=_NextFile)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError) as error:
        raise PrivateFileError(f"{path}: is damaged ({error}); remove it. The box keeps its key") from error
    return BoxRotation(pair_of(file.secret.encode(), path), file.at)


def finish_rotation(directory: Path, rotation: BoxRotation) -> None:
    """Take the next key.

    Raises:
        PrivateFileError: a file cannot be written; the box keeps its key.
    """
    with locked(directory / "box.lock"):
        write_private(directory / BOX_SECRET_FILE, rotation.keys.secret + b"\n")
        write_private(directory / BOX_PUBLIC_FILE, rotation.keys.public + b"\n")
        with contextlib.suppress(FileNotFoundError):
            (directory / NEXT_FILE).unlink()


def cancel_rotation(directory: Path) -> bool:
    """Forget the next key; whether there was one. Seats that heard of it go on trying both."""
    with locked(directory / "box.lock"):
        try:
            (directory / NEXT_FILE).unlink()
        except FileNotFoundError:
            return False
        return True
