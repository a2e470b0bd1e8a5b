"""Leases: what a connection must hold to receive anything, and must renew every few seconds. Pure.

A lease's random id is part of the topic that is published, so a lease that ended takes its subscription with
it, although libzmq has no call to take a subscription from a connected peer.
"""

from __future__ import annotations

import secrets
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

from appliance.feed.admission import Admitted

#: Leases that one grant may hold at once: an agent's panel, terminal and CRM, and as many that are ending.
MAX_LEASES_A_GRANT: Final = 8


@dataclass(slots=True)
class _Lease:
    peer: Admitted
    until: float


class Leases:
    """The leases that are running. `now` is monotonic, in seconds."""

    def __init__(self, seconds: float, new_id: Callable[[], str] = lambda: secrets.token_hex(8)) -> None:
        """Leases end `seconds` after they were given or renewed."""
        self._seconds = seconds
        self._new_id = new_id
        self._leases: dict[str, _Lease] = {}
        self._by_topic: dict[str, dict[str, _Lease]] = {}
        #: leases that were not renewed in time
        self.expired = 0

    def __len__(self) -> int:
        return len(self._leases)

    def grant(self, peer: Admitted, lease: str | None, now: float) -> str:
        """Renew `lease` where it is the peer's and still runs, else give a new one; returns its id.

        The oldest lease of a grant ends when it holds `MAX_LEASES_A_GRANT`.
        """
        if lease is not None and self.holds(peer, lease, now):
            self._leases[lease].until = now + self._seconds
            return lease
        mine = [(held.until, id_) for id_, held in self._of(peer.topic).items() if _same(held.peer, peer)]
        if len(mine) >= MAX_LEASES_A_GRANT:
            self._end(min(mine)[1])
        new = self._new_id()
        self._leases[new] = self._by_topic.setdefault(peer.topic, {})[new] = _Lease(peer, now + self._seconds)
        return new

    def holds(self, peer: Admitted, lease: str, now: float) -> bool:
        """Whether this is a running lease of this peer."""
        held = self._leases.get(lease)
        return held is not None and _same(held.peer, peer) and now < held.until

    def any(self, peer: Admitted, now: float) -> bool:
        """Whether the peer holds a running lease."""
        return any(_same(held.peer, peer) and now < held.until for held in self._of(peer.topic).values())

    def on(self, topic: str, now: float) -> list[str]:
        """The running leases on a topic."""
        return [id_ for id_, held in self._of(topic).items() if now < held.until]

    def running(self, now: float) -> list[tuple[str, Admitted]]:
        """Every running lease with its peer."""
        return [(id_, held.peer) for id_, held in self._leases.items() if now < held.until]

    def revoke(self, peer: Admitted) -> None:
        """End all leases of a peer that lost its grant."""
        for lease in [id_ for id_, held in self._of(peer.topic).items() if _same(held.peer, peer)]:
            self._end(lease)

    def expire(self, now: float) -> None:
        """Forget the leases that were not renewed."""
        for lease in [id_ for id_, held in self._leases.items() if now >= held.until]:
            self._end(lease)
            self.expired += 1

    def _of(self, topic: str) -> dict[str, _Lease]:
        return self._by_topic.get(topic, {})

    def _end(self, lease: str) -> None:
        topic = self._leases.pop(lease).peer.topic
        del self._by_topic[topic][lease]
        if not self._by_topic[topic]:
            del self._by_topic[topic]


def _same(one: Admitted, other: Admitted) -> bool:
    """Whether two are of one key; it may have been replaced meanwhile."""
    return (one.seat, one.mark) == (other.seat, other.mark)
