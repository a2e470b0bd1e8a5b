"""The feed's side of the door: what the engines send is validated and metered here."""

from __future__ import annotations

import os
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

import zmq

from appliance.feed.publisher import BindError
from appliance.protocol.bucket import LeakyBucket
from appliance.protocol.codec import MAX_MESSAGE_BYTES, SchemaError, decode_door
from appliance.protocol.messages import DoorMessage

DOOR_SOCKET: Final = "door.sock"
#: Messages that are taken before the other sockets get their turn.
MESSAGES_A_TURN: Final = 256
#: Calls that are metered at once; twice the calls that a box can be configured for.
MAX_CALLS: Final = 4096
#: Linux, sockaddr_un.sun_path less its end (unix(7)).
MAX_SOCKET_PATH: Final = 107


class Budget:
    """A leaky bucket for every call. Pure."""

    def __init__(self) -> None:
        self._buckets: dict[str, LeakyBucket] = {}

    def accept(self, call: str, size: int, now: float) -> bool:
        """Whether a message of `size` bytes of this call may pass at `now` (monotonic seconds)."""
        bucket = self._buckets.get(call)
        if bucket is None:
            if len(self._buckets) >= MAX_CALLS:
                self._drop_empty(now)
            if len(self._buckets) >= MAX_CALLS:
                return False
            bucket = self._buckets[call] = LeakyBucket()
        return bucket.pour(size, now)

    def _drop_empty(self, now: float) -> None:
        # An empty bucket is as good as a new one, so that forgetting it gives a call nothing.
        self._buckets = {call: bucket for call, bucket in self._buckets.items() if bucket.level(now) > 0}


@dataclass(slots=True)
class DoorCounters:
    """What came through the door, and what did not."""

    accepted: int = 0
    bytes: int = 0
    #: not in the schema
    refused: int = 0
    #: over the call's 1 KiB/s
    over_budget: int = 0
    #: the last refused field, for the journal
    last_field: str = field(default="", repr=False)


class Door:
    """The PULL socket that the engines connect to."""

    def __init__(self, context: zmq.Context[zmq.Socket[bytes]], directory: Path) -> None:
        self._path = directory / DOOR_SOCKET
        self._budget = Budget()
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
        if not self._budget.accept(message.call, len(data), now):
            self.counters.over_budget += 1
            return None
        self.counters.accepted += 1
        self.counters.bytes += len(data)
        return message

    def _refuse(self, name: str) -> None:
        self.counters.refused += 1
        self.counters.last_field = name
