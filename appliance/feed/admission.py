"""Who may in now: the grants as the authenticator and the publisher see them.

Every grant gets a random mark when the feed first sees it. The mark goes with a connection (as a property
that the authenticator gives it) and into the topic that is published, so a grant that was revoked and given
again under another key, or a feed that was started anew, never continues an old connection's view.
Leases fit here: a mark that is not renewed in time is forgotten, and with it all its connections.
"""

from __future__ import annotations

import secrets
from collections.abc import Mapping
from dataclasses import dataclass

from appliance.feed.grants import Grant


@dataclass(frozen=True, slots=True)
class Admitted:
    """A peer that was let in."""

    seat: str
    #: 8 hexadecimal digits
    mark: str


@dataclass(frozen=True, slots=True)
class _State:
    by_key: Mapping[str, Admitted]
    by_seat: Mapping[str, Admitted]
    keys: Mapping[str, str]


class Admission:
    """The admitted seats. Read from the authenticator's thread while the feed's thread replaces them."""

    def __init__(self) -> None:
        # One reference that is replaced as a whole, so that a reader in another thread sees all or nothing.
        self._state = _State({}, {}, {})

    def replace(self, grants: Mapping[str, Grant]) -> frozenset[str]:
        """Use these grants from now on; returns the seats that lost theirs (revoked, or under a new key)."""
        old = self._state
        by_seat: dict[str, Admitted] = {}
        for seat, grant in grants.items():
            kept = old.by_seat.get(seat) if old.keys.get(seat) == grant.key else None
            by_seat[seat] = kept or Admitted(seat, secrets.token_hex(4))
        self._state = _State(
            by_key={grant.key: by_seat[seat] for seat, grant in grants.items()},
            by_seat=by_seat,
            keys={seat: grant.key for seat, grant in grants.items()},
        )
        return frozenset(seat for seat, peer in old.by_seat.items() if by_seat.get(seat) != peer)

    def admit(self, key: str) -> Admitted | None:
        """The peer with this public key (Z85), or None where it is not to be let in."""
        return self._state.by_key.get(key)

    def mark(self, seat: str) -> str | None:
        """The mark of a seat's grant, or None where the seat has none."""
        peer = self._state.by_seat.get(seat)
        return peer.mark if peer else None

    def holds(self, seat: str | None, mark: str | None) -> bool:
        """Whether a connection that was let in as `seat` with `mark` still has its grant."""
        return seat is not None and mark is not None and self.mark(seat) == mark

    @property
    def seats(self) -> tuple[str, ...]:
        """The seats that have a grant."""
        return tuple(self._state.by_seat)
