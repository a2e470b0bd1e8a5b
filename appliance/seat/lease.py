"""A seat's lease: nothing is received without one, and it must be renewed in time. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

#: A request that was not answered is made again after this time.
RETRY_SECONDS: Final = 0.5
#: After a refusal for too many requests.
PATIENCE_SECONDS: Final = 3.0
#: A lease is renewed this often in its time, so that two requests may get lost.
RENEWALS_A_LEASE: Final = 3


class SeatLease:
    """Asks for a lease and renews it; `now` is monotonic, in seconds."""

    def __init__(self) -> None:
        self._lease: str | None = None
        self._next: float | None = None
        self._asked: int | None = None
        #: the topic of the grant, such as `seat/8001/`, once the feed has said it
        self.topic: str | None = None
        #: seconds between two beats, as the feed said
        self.beat_seconds = 0.0
        #: the key that the box will have, once it has announced one
        self.next_box: bytes | None = None

    @property
    def prefix(self) -> bytes | None:
        """What to subscribe to; None while there is no lease."""
        return f"{self.topic}{self._lease}/".encode() if self._lease and self.topic else None

    def request(self, id_: int, now: float) -> dict[str, object] | None:
        """The request to send now with the id `id_`, if one is due."""
        if self._next is not None and now < self._next:
            return None
        self._asked, self._next = id_, now + RETRY_SECONDS
        request: dict[str, object] = {"ask": "lease", "id": id_}
        return request | {"lease": self._lease} if self._lease else request

    def due(self, now: float) -> float:
        """Seconds until a request is due."""
        return 0.0 if self._next is None else max(0.0, self._next - now)

    def replied(self, head: Mapping[str, object], now: float) -> bool:
        """Take in a reply's head; whether it was one to this, and gave the lease."""
        if self._asked is None or head.get("id") != self._asked:
            return False
        if head.get("reply") == "error":
            self._next = now + PATIENCE_SECONDS
            return False
        lease, topic = head.get("lease"), head.get("topic")
        seconds, beat = head.get("seconds"), head.get("beat")
        if not isinstance(lease, str) or not isinstance(topic, str):
            return False
        if not isinstance(seconds, (int, float)) or not isinstance(beat, (int, float)):
            return False
        self._asked = None
        self._lease, self.topic, self.beat_seconds = lease, topic, float(beat)
        self._next = now + seconds / RENEWALS_A_LEASE
        next_box = head.get("next_box")
        if isinstance(next_box, str) and len(next_box) == 40:
            self.next_box = next_box.encode("ascii", "replace")
        return True

    def renew(self) -> None:
        """Ask again at once: the feed says that there is no lease."""
        self._next = None

    def lose(self, now: float) -> None:
        """The grant is gone; the feed is asked again after a while."""
        self._lease = None
        self._next = now + PATIENCE_SECONDS
