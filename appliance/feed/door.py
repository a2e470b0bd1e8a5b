"""The feed's side of the door: what the engines send is validated and metered here."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

import zmq

from appliance.feed.publisher import BindError
from appliance.feed.topics import FORGET_SECONDS
from appliance.protocol.bucket import LeakyBucket
from appliance.protocol.budget import call_bits, has_quotes
from appliance.protocol.codec import MAX_MESSAGE_BYTES, SchemaError, decode_door
from appliance.protocol.information import History
from appliance.protocol.messages import DoorMessage

DOOR_SOCKET: Final = "door.sock"
#: Messages that are taken before the other sockets get their turn.
MESSAGES_A_TURN: Final = 256
#: The calls that a box can be configured for.
MAX_CALLS: Final = 2000
#: Seats that are metered at once.
MAX_SEATS: Final = 4096
#: A seat's readers may be told half as much again as a call has: one call ends while the next one begins.
SEAT_SHARE: Final = 1.5
#: Linux, sockaddr_un.sun_path less its end (unix(7)).
MAX_SOCKET_PATH: Final = 107


@dataclass(slots=True)
class _Seat:
    """What one seat's readers have been sent, and how much more they may be."""

    bits: LeakyBucket
    used: float
    history: History = field(default_factory=History)
    calls: dict[str, tuple[LeakyBucket, LeakyBucket]] = field(default_factory=dict)


class Budget:
    """What may pass of a call (bytes and bits), to a seat and out of the box (bits). Pure.

    Calls of one seat share its bits, so that calls that are made up gain nothing.

    Args:
        quotes: whether the site has quotes shown.
        calls: that the box may serve at once.
    """

    def __init__(self, *, quotes: bool = False, calls: int = MAX_CALLS) -> None:
        rate, burst = self._call_bits = call_bits(quotes=quotes)
        self._seat_bits = rate * SEAT_SHARE, burst * SEAT_SHARE
        self._box = LeakyBucket(rate * calls, burst * calls)
        self._seats: dict[str, _Seat] = {}

    def accept(self, message: DoorMessage, size: int, now: float) -> bool:
        """Whether a message of `size` bytes may pass at `now` (monotonic seconds); if so, it is counted."""
        seat = self._seats.get(message.seat) or self._new_seat(message.seat, now)
        if seat is None:
            return False
        call_bytes, call_bits = self._call(seat, message.call, now)
        bits = seat.history.bits(message, now)
        meters = ((call_bytes, size), (call_bits, bits), (seat.bits, bits), (self._box, bits))
        if any(bucket.wait(amount, now) for bucket, amount in meters):
            return False
        for bucket, amount in meters:
            bucket.pour(amount, now)
        seat.history.note(message, now)
        seat.used = now
        return True

    def forget(self, now: float) -> None:
        """Forget the seats that nothing was said to for a while; what they are told next counts as new."""
        self._seats = {name: seat for name, seat in self._seats.items() if now - seat.used < FORGET_SECONDS}

    def _new_seat(self, name: str, now: float) -> _Seat | None:
        if len(self._seats) >= MAX_SEATS:
            # A seat whose bucket is empty gains nothing by being forgotten.
            idle = [one for one, seat in self._seats.items() if seat.bits.level(now) == 0]
            for one in idle:
                del self._seats[one]
        if len(self._seats) >= MAX_SEATS:
            return None
        seat = self._seats[name] = _Seat(LeakyBucket(*self._seat_bits), now)
        return seat

    def _call(self, seat: _Seat, call: str, now: float) -> tuple[LeakyBucket, LeakyBucket]:
        found = seat.calls.get(call)
        if found is None:
            # An empty bucket is as good as a new one, so that forgetting it gives a call nothing.
            seat.calls = {
                name: pair for name, pair in seat.calls.items() if any(one.level(now) > 0 for one in pair)
            }
            found = seat.calls[call] = LeakyBucket(), LeakyBucket(*self._call_bits)
        return found


@dataclass(slots=True)
class DoorCounters:
    """What came through the door, and what did not."""

    accepted: int = 0
    bytes: int = 0
    #: not in the schema
    refused: int = 0
    #: over the bytes or bits of its call, its seat or the box
    over_budget: int = 0
    #: of calls that capture does not know, or of another seat than theirs
    unknown_call: int = 0
    #: the last refused field, for the journal
    last_field: str = field(default="", repr=False)


class Door:
    """The PULL socket that the engines connect to.

    Args:
        context: of the sockets.
        directory: where `door.sock` is made.
        quotes: whether words of customers may pass, as evidence's quotes.
        calls: that the box may serve at once.
        knows: whether a call (its id, its seat) is one that capture has; None: every call is.
    """

    def __init__(
        self,
        context: zmq.Context[zmq.Socket[bytes]],
        directory: Path,
        *,
        quotes: bool = False,
        calls: int = MAX_CALLS,
        knows: Callable[[str, str, float], bool] | None = None,
    ) -> None:
        self._knows = knows
        self._path = directory / DOOR_SOCKET
        self._quotes = quotes
        self._budget = Budget(quotes=quotes, calls=calls)
        self.counters = DoorCounters()
        self.socket = context.socket(zmq.PULL)
        self.socket.linger = 0
        # Larger frames end the connection before they are read; slack, so that small mistakes are counted.
        self.socket.maxmsgsize = 4 * MAX_MESSAGE_BYTES

    def bind(self) -> None:
        """Bind to `door.sock` in a directory that is there; a socket that is left from before is replaced.

        Raises:
            BindError: the socket cannot be bound.
        """
        if len(os.fsencode(self._path)) > MAX_SOCKET_PATH:
            raise BindError(
                f"{self._path}: is longer than the {MAX_SOCKET_PATH} bytes a unix socket's path may have; "
                "choose a shorter box.runtime_directory"
            )
        try:
            self.socket.bind(f"ipc://{self._path}")
            # Engines of the same group connect; nobody else.
            self._path.chmod(0o660)
        except (zmq.ZMQError, OSError) as error:
            raise BindError(
                f"{self._path}: cannot be bound: {error}; check the owner of box.runtime_directory"
            ) from error

    def take(self, now: float) -> Iterator[DoorMessage]:
        """The messages that may pass; `now` is monotonic, in seconds. The rest is refused and counted."""
        for _ in range(MESSAGES_A_TURN):
            try:
                data = self.socket.recv(zmq.NOBLOCK)
            except zmq.Again:
                return
            more = 0
            while self.socket.getsockopt(zmq.RCVMORE):
                self.socket.recv(zmq.NOBLOCK)
                more += 1
            if more:
                self._refuse("frames")
                continue
            message = self._validate(data, now)
            if message is not None:
                yield message

    def expire(self, now: float) -> None:
        """Forget what was said to seats that nothing is said to any more."""
        self._budget.forget(now)

    def close(self) -> None:
        """Close the socket and remove its file."""
        self.socket.close()
        self._path.unlink(missing_ok=True)

    def _validate(self, data: bytes, now: float) -> DoorMessage | None:
        try:
            message = decode_door(data)
        except SchemaError as error:
            self._refuse(error.field)
            return None
        if not self._quotes and has_quotes(message):
            self._refuse("evidence.quote")
            return None
        if self._knows is not None and not self._knows(message.call, message.seat, now):
            self.counters.unknown_call += 1
            return None
        if not self._budget.accept(message, len(data), now):
            self.counters.over_budget += 1
            return None
        self.counters.accepted += 1
        self.counters.bytes += len(data)
        return message

    def _refuse(self, name: str) -> None:
        self.counters.refused += 1
        self.counters.last_field = name
