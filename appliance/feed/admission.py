"""Who may in now: the grants as the authenticator and the publisher see them.

Every key gets a random mark when the feed first sees it. The mark goes with a connection, as a property that
the authenticator gives it, and every lease belongs to one. When a key is not valid any more, or its grant
gets another topic, its mark goes: the leases of all its connections end, and a connection that was let in
with it is never served again, whatever is granted later.
"""

from __future__ import annotations

import secrets
from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from appliance.feed.grants import Grant


@dataclass(frozen=True, slots=True)
class Admitted:
    """A peer that was let in."""

    seat: str
    #: 8 hexadecimal digits
    mark: str
    #: what it may see, and nothing else: `seat/8001/`, or `group/loans/` for a supervisor
    topic: str
    #: false where the key has been replaced and is valid for a while only
    current: bool = True


@dataclass(frozen=True, slots=True)
class Change:
    """What new grants have ended."""

    #: keys that are not valid any more
    lost: frozenset[Admitted]
    #: those of them whose seat has no key left that it had before
    ended: frozenset[Admitted]


@dataclass(frozen=True, slots=True)
class _State:
    by_key: Mapping[str, Admitted]
    #: by seat and mark
    by_mark: Mapping[tuple[str, str], Admitted]
    #: the topics that a seat's messages go to
    audience: Mapping[str, tuple[str, ...]]


class Admission:
    """The admitted seats. Read from the authenticator's thread while the feed's thread replaces them."""

    def __init__(self) -> None:
        # One reference that is replaced as a whole, so that a reader in another thread sees all or nothing.
        self._state = _State({}, {}, {})

    def replace(self, grants: Mapping[str, Grant], wall: int = 0) -> Change:
        """Use these grants from now on; `wall` is unix time in ms."""
        old = self._state
        by_key: dict[str, Admitted] = {}
        kept: set[str] = set()
        for seat, grant in grants.items():
            for key in grant.keys(wall):
                before, current = old.by_key.get(key), key == grant.key
                mark = secrets.token_hex(4)
                if before is not None and (before.seat, before.topic) == (seat, topic_of(grant)):
                    mark = before.mark
                    kept.add(seat)
                by_key[key] = Admitted(seat, mark, topic_of(grant), current)
        by_mark = {(peer.seat, peer.mark): peer for peer in by_key.values()}
        lost = frozenset(peer for place, peer in old.by_mark.items() if place not in by_mark)
        self._state = _State(by_key, by_mark, _audience(grants.values()))
        return Change(lost, frozenset(peer for peer in lost if peer.seat not in kept))

    def admit(self, key: str) -> Admitted | None:
        """The peer with this public key (Z85), or None where it is not to be let in."""
        return self._state.by_key.get(key)

    def peer(self, seat: str | None, mark: str | None) -> Admitted | None:
        """The peer of a connection that was let in as `seat` with `mark`, while it still has its grant."""
        return self._state.by_mark.get((seat, mark)) if seat and mark else None

    def audience(self, seat: str) -> tuple[str, ...]:
        """The topics that a seat's messages go to, its own first; empty for one that nobody may be."""
        return self._state.audience.get(seat, ())

    @property
    def topics(self) -> frozenset[str]:
        """The topics that somebody has a grant for."""
        return frozenset(peer.topic for peer in self._state.by_key.values())

    @property
    def seats(self) -> frozenset[str]:
        """The ids that have a grant."""
        return frozenset(peer.seat for peer in self._state.by_key.values())


def topic_of(grant: Grant) -> str:
    """The one topic that a grant is for."""
    if grant.role == "supervisor":
        return f"group/{grant.group}/"
    return f"seat/{grant.id}/"


def _audience(grants: Iterable[Grant]) -> dict[str, tuple[str, ...]]:
    supervised = defaultdict[str, set[str]](set)
    for grant in grants:
        if grant.role == "supervisor" and grant.group:
            supervised[grant.group].add(topic_of(grant))
    return {
        grant.id: (topic_of(grant), *sorted(supervised.get(grant.group or "", ())))
        for grant in grants
        if grant.role == "seat"
    }
