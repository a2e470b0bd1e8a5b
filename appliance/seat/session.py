"""What a seat says and hears: its lease, the messages in order, and its verdicts. Pure.

Frames and `now` (monotonic seconds) go in; requests, messages and what to subscribe to come out.
`client` moves them over sockets.
"""

from __future__ import annotations

from collections.abc import Sequence

import msgpack  # type: ignore[import-untyped]

from appliance.seat.lease import SeatLease
from appliance.seat.stream import Message, SeatStream, unpack
from appliance.seat.verdicts import SeatVerdicts


class SeatSession:
    """One seat's, or one supervisor's, conversation with the feed."""

    def __init__(self) -> None:
        self.lease = SeatLease()
        self.stream = SeatStream()
        self.verdicts = SeatVerdicts()
        #: the feed said that the grant of this connection is gone
        self.refused = False
        self._last_id = 0

    def published(self, topic: bytes, payload: bytes, now: float) -> bool:
        """Take in one publication, its topic frame and its payload frame; whether it was for this lease."""
        prefix = self.lease.prefix
        if prefix is None or not topic.startswith(prefix):
            # Of a lease that has been replaced.
            return False
        self.stream.published(payload, now)
        return True

    def replied(self, frames: Sequence[bytes], now: float) -> None:
        """Take in one reply of the control socket: its head, then a frame for each message."""
        head = unpack(frames[0]) if frames else None
        if not isinstance(head, dict):
            return
        if head.get("error") == "not_granted":
            self.refused = True
            self.lease.lose(now)
            return
        if head.get("error") == "no_lease":
            self.lease.renew()
        if self.lease.replied(head, now):
            self.refused = False
            self.stream.leased(head.get("epoch"), head.get("seq"), now)
        elif not self.verdicts.replied(head):
            self.stream.replied(head, frames[1:], now)

    def requests(self, now: float) -> list[bytes]:
        """The requests to send now, encoded. Call this after every input, and at `due`."""
        due: list[dict[str, object]] = []
        lease = self.lease.request(self._last_id % 0xFFFFFFFF + 1, now)
        if lease is not None:
            self._next_id()
            due.append(lease)
        if self.lease.prefix is not None:
            due += self.stream.requests(self._next_id, now)
            due += self.verdicts.requests(self._next_id, now)
        return [msgpack.packb(request) for request in due]

    def due(self, now: float) -> float:
        """Seconds until `requests` should be called although nothing came in."""
        return min(self.lease.due(now), self.stream.due(now))

    def take(self) -> list[Message]:
        """The messages that are ready, in order."""
        return self.stream.take()

    def _next_id(self) -> int:
        self._last_id = self._last_id % 0xFFFFFFFF + 1
        return self._last_id
