"""Which calls there are, as capture tells the feed: the feed lets through what engines say of these alone.

A datagram has the random id and the seat of each call that is on or was a while ago, and nothing else;
capture made the ids up itself. It goes to `calls.sock`, which the engines do not reach. Capture tells the
feed of a call before it tells the engine, so whatever the engine says comes after it.
"""

from __future__ import annotations

import contextlib
import socket
import time
from pathlib import Path
from typing import Annotated, Final, Literal

import msgspec
from msgspec import Meta

from appliance.protocol.messages import CallId, SeatId

CALLS_SOCKET: Final = "calls.sock"
#: The calls that a box can be configured for.
MOST_CALLS: Final = 2000
#: So many calls, and as many that are over, with the longest names of seats, as msgpack; the kernel takes a
#: datagram of 208 KiB (net.core.wmem_default).
MAX_BYTES: Final = 208 * 1024
MOST_OVER: Final = 1400
#: How long a call that is over is named: an engine tells a feed that was started anew of it so long
#: (engine/outbox.py), and its last words may take a minute.
OVER_SECONDS: Final = 960.0
#: A feed that was started anew waits for this.
TELL_SECONDS: Final = 1.0


class RunningCall(msgspec.Struct, frozen=True, forbid_unknown_fields=True, array_like=True):
    """One call that is on."""

    call: CallId
    seat: SeatId


class RunningCalls(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """All calls that are on, and those that were."""

    v: Literal[1]
    calls: Annotated[tuple[RunningCall, ...], Meta(max_length=MOST_CALLS)]
    over: Annotated[tuple[RunningCall, ...], Meta(max_length=MOST_OVER)] = ()


_decoder: Final = msgspec.msgpack.Decoder(RunningCalls)


def decode_calls(data: bytes) -> RunningCalls | None:
    """What a datagram says; None where it is not in the schema."""
    try:
        return _decoder.decode(data)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return None


class CallsLine:
    """Capture's side. Nothing here blocks, and nothing here raises."""

    def __init__(self, runtime_directory: Path) -> None:
        self._address = str(runtime_directory / CALLS_SOCKET)
        self._calls: dict[str, RunningCall] = {}
        self._over: dict[str, tuple[float, RunningCall]] = {}
        self._next = 0.0

    def begin(self, call: str, seat: str) -> None:
        """A call begins; to be said before the engine is told."""
        self.note(call, seat)
        self.tell()

    def note(self, call: str, seat: str) -> None:
        """A call is on; it is told with the next word."""
        self._calls[call] = RunningCall(call, seat)

    def end(self, call: str) -> None:
        """A call is over; the feed lets its last words pass."""
        ended = self._calls.pop(call, None)
        if ended is not None:
            self._over[call] = (time.monotonic() + OVER_SECONDS, ended)
            self.tell()

    def turn(self, now: float) -> None:
        """Tell again what is on, for a feed that was started meanwhile; `now` is monotonic, in seconds."""
        if now >= self._next:
            self._next = now + TELL_SECONDS
            self._over = {call: one for call, one in self._over.items() if now < one[0]}
            self.tell()

    def tell(self) -> None:
        """Send the list; where nobody takes it, the next one is soon."""
        running = tuple(self._calls.values())[:MOST_CALLS]
        over = tuple(one for _, one in self._over.values())[-MOST_OVER:]
        with contextlib.suppress(OSError), socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as line:
            line.setblocking(False)
            line.sendto(msgspec.msgpack.encode(RunningCalls(1, running, over)), self._address)
