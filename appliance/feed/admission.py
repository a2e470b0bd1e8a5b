"""Who may in now: the grants as the authenticator and the publisher see them.

Every grant gets a random mark when the feed first sees it. The mark goes with a connection, as a property
that the authenticator gives it, and every lease belongs to one. When a grant goes, or gets another key or
another topic, so does its mark: the leases of all its connections end with it, and a connection that was let
in with it is never served again, whatever is granted later.
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


@dataclass(frozen=True, slots=True)
class _State:
    by_key: Mapping[str, Admitted]
    by_seat: Mapping[str, Admitted]
    keys: Mapping[str, str]
    #: the topics that a seat's messages go to
    audience: Mapping[str, tuple[str, ...]]


class Admission:
    """The admitted seats. Read from the authenticator's thread while the feed's thread replaces them."""

    def __init__(self) -> None:
        # One reference that is replaced as a whole, so that a reader in another thread sees all or nothing.
        self._state = _State({}, {}, {}, {})

    def replace(self, grants: Mapping[str, Grant]) -> frozenset[Admitted]:
        """Use these grants from now on; returns the peers that lost theirs."""
        old = self._state
        by_seat: dict[str, Admitted] = {}
        for seat, grant in grants.items():
            kept = old.by_seat.get(seat)
            same = kept and old.keys.get(seat) == grant.key and kept.topic == topic_of(grant)
            by_seat[seat] = kept if kept and same else Admitted(seat, secrets.token_hex(4), topic_of(grant))
        self._state = _State(
            by_key={grant.key: by_seat[seat] for seat, grant in grants.items()},
            by_seat=by_seat,
            keys={seat: grant.key for seat, grant in grants.items()},
            audience=_audience(grants.values()),
        )
        return frozenset(old.by_seat.values()) - frozenset(by_seat.values())

    def admit(self, key: str) -> Admitted | None:
        """The peer with this public key (Z85), or None where it is not to be let in."""
        return self._state.by_key.get(key)

    def peer(self, seat: str | None, mark: str | None) -> Admitted | None:
        """The peer of a connection that was let in as `seat` with `mark`, while it still has its grant."""
        found = self._state.by_seat.get(seat) if seat else None
        return found if found and found.mark == mark else None

    def audience(self, seat: str) -> tuple[str, ...]:
        """The topics that a seat's messages go to, its own first; empty for one that nobody may be."""
        return self._state.audience.get(seat, ())

    @property
    def topics(self) -> frozenset[str]:
        """The topics that somebody has a grant for."""
        return frozenset(peer.topic for peer in self._state.by_seat.values())

    @property
    def peers(self) -> tuple[Admitted, ...]:
        """Everybody who has a grant."""
        return tuple(self._state.by_seat.values())


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
