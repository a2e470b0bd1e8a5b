"""From a compromised engine to a seat that is in league with it: the feed's own door, budgets and topics.

Time is the test's, so that minutes of smuggling pass in a second. The sockets between are left out: what they
carry is what is decoded here.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import zmq

from appliance.feed.door import Door
from appliance.feed.register import Register
from appliance.feed.topics import Topics
from appliance.protocol.codec import decode_seat
from appliance.protocol.information import TICK_SECONDS
from appliance.protocol.messages import SeatMessage

#: The clock when smuggling begins, in seconds.
BEGIN = 10_000.0


@dataclass(frozen=True, slots=True)
class Came:
    """What a reader received."""

    tick: int
    topic: str
    message: SeatMessage
    size: int


class Passage:
    """A feed with these seats enrolled, each of which has a reader in league with the engine."""

    def __init__(
        self,
        seats: tuple[str, ...] = ("8001",),
        *,
        quotes: bool = False,
        calls: int = 60,
        register: Register | None = None,
    ) -> None:
        """Without `register` the door takes whatever calls there are said to be."""
        self._context: zmq.Context[zmq.Socket[bytes]] = zmq.Context()
        self.door = Door(
            self._context,
            Path("/nowhere"),
            quotes=quotes,
            calls=calls,
            knows=register.knows if register is not None else None,
        )
        self._topics = Topics(256)
        self._seats = seats

    def send(self, data: bytes, tick: int) -> Came | None:
        """Put bytes in at the door at a tick; returns what a reader got of it."""
        now = BEGIN + tick * TICK_SECONDS
        message = self.door._validate(data, now)
        if message is None or message.seat not in self._seats:
            return None
        topic = f"seat/{message.seat}/"
        if self._topics.repeated(topic, message):
            return None
        out = self._topics.enter(topic, message, now)
        return Came(tick, topic, decode_seat(out), len(out))

    def close(self) -> None:
        self.door.socket.close()
        self._context.term()
