"""What a seat's machine does with keys: redeem a one-time code, and exchange its key for a new one.

Secret keys are made here and never leave this machine. Needs pyzmq and msgpack only.
"""

from __future__ import annotations

import contextlib
import json
import secrets
from pathlib import Path
from typing import Final

import msgpack  # type: ignore[import-untyped]
import zmq

from appliance.seat.keys import SeatError, SeatKeys, write_key_directory, write_private

#: A box answers in well under a second; one that is busy or far away may need more.
ANSWER_SECONDS: Final = 10.0
#: Whether a key is let in shows sooner.
KNOWN_SECONDS: Final = 3.0
NEXT_SECRET_FILE: Final = "seat.key_secret.next"  # noqa: S105 - a file's name

_REASONS: Final = {
    "bad_code": "the code was not accepted: it is mistyped, was used, or has expired. Ask for another one",
    "old_key": "this key was exchanged already; use the directory with the new one",
    "too_many_requests": "too many keys in a short time; try again in ten minutes",
    "unavailable": "the box cannot write its files now; ask the admin to look at its journal",
    "not_granted": "the box does not let this seat in any more; ask the admin to enrol it again",
}


def redeem(box: Path, seat: str, code: str, directory: Path, seconds: float = ANSWER_SECONDS) -> SeatKeys:
    """Enrol `seat` with a new key for a one-time code, and write its key directory.

    `box` is the file `box.json` that the admin made together with the codes.

    Raises:
        SeatError: the file is damaged, the box does not answer or does not accept the code, or the directory
            cannot be written.
    """
    host, port, key = _address(box)
    if (directory / "seat.key_secret").exists():
        raise SeatError(f"{directory}: has a key already; move it away, or name another directory")
    public, secret = zmq.curve_keypair()
    request: dict[str, object] = {"ask": "redeem", "seat": seat, "code": code.strip()}
    reply = _ask(f"tcp://{host}:{port}", (key, public, secret), request, seconds)
    ports = int(reply["publish_port"]), int(reply["control_port"])
    keys = SeatKeys(seat, public, secret, key, host, *ports, directory)
    write_key_directory(directory, keys)
    return keys


def exchange_key(directory: Path, seat: str | None = None, seconds: float = ANSWER_SECONDS) -> float:
    """Give the seat of a key directory a new key; returns the seconds for which the old one stays valid.

    The new key is written down before the box hears of it, so that an interrupted exchange can be repeated.
    A client that is running goes on; it takes the new key when it connects anew.

    Raises:
        SeatError: the box does not answer or refuses, or the directory cannot be written.
    """
    keys = SeatKeys.load(directory, seat)
    _, control = keys.addresses()
    folder = keys.directory or directory
    waiting = folder / NEXT_SECRET_FILE
    secret = waiting.read_bytes().strip() if waiting.exists() else b""
    left: float | None = None
    if len(secret) == 40:
        # An earlier try may have reached the box, and its answer not us: then this key is let in.
        with contextlib.suppress(SeatError):
            _ask(control, (keys.box, zmq.curve_public(secret), secret), {"ask": "lease"}, KNOWN_SECONDS)
            left = 0.0
    else:
        secret = zmq.curve_keypair()[1]
        write_private(waiting, secret + b"\n")
    public = zmq.curve_public(secret)
    if left is None:
        request: dict[str, object] = {"ask": "rotate", "key": public.decode("ascii")}
        left = float(_ask(control, (keys.box, keys.public, keys.secret), request, seconds)["seconds"])
    write_private(folder / "seat.key_secret", secret + b"\n")
    write_private(folder / "seat.key", public + b"\n")
    waiting.unlink(missing_ok=True)
    return left


def _ask(
    address: str, keys: tuple[bytes, bytes, bytes], request: dict[str, object], seconds: float
) -> dict[str, float]:
    """Send one request with the keys (box, public, secret) and return the reply's head."""
    context: zmq.Context[zmq.Socket[bytes]] = zmq.Context()
    socket = context.socket(zmq.DEALER)
    try:
        socket.linger = 0
        socket.curve_serverkey, socket.curve_publickey, socket.curve_secretkey = keys
        socket.ipv6 = "[" in address
        socket.connect(address)
        socket.send(msgpack.packb(request | {"id": 1 + secrets.randbelow(2**31)}))
        if not socket.poll(int(seconds * 1000)):
            raise SeatError(
                f"{address} did not answer within {seconds:g} s; check the address, and that the box knows "
                "this key (or that its codes are still open)"
            )
        head: dict[str, float] = msgpack.unpackb(socket.recv_multipart()[0])
    except zmq.ZMQError as error:
        raise SeatError(f"{address}: {error}; check the address and the keys") from error
    finally:
        context.destroy(linger=0)
    if head.get("error"):
        reason = str(head["error"])
        raise SeatError(_REASONS.get(reason, f"the box refused: {reason}"))
    return head


def _address(path: Path) -> tuple[str, int, bytes]:
    try:
        box = json.loads(path.read_text(encoding="utf-8"))
        host, port, key = box["host"], box["enrol_port"], box["box"].encode("ascii")
    except OSError as error:
        raise SeatError(f"{path}: cannot be read: {error.strerror}; ask the admin for box.json") from error
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise SeatError(f"{path}: is damaged; ask the admin for box.json again") from error
    if not isinstance(host, str) or not isinstance(port, int) or len(key) != 40:
        raise SeatError(f"{path}: is damaged; ask the admin for box.json again")
    return (f"[{host}]" if ":" in host else host), port, key
