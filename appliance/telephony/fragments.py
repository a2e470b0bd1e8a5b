"""Puts fragments of IP packets together (RFC 791 §3.2, RFC 8200 §4.5), within bounds.

SIP over UDP with a SIPREC body is larger than an Ethernet frame, so its first INVITE comes in fragments.
"""

from __future__ import annotations

from collections import OrderedDict
from dataclasses import dataclass, field
from typing import Final

#: RFC 8200 §4.5 gives up after 60 s; a sender on a local network needs far less, and memory is bounded.
REASSEMBLY_SECONDS: Final = 30.0
#: Packets that may be incomplete at once; beyond that the oldest is given up.
MAX_INCOMPLETE: Final = 64
#: RFC 791 §3.1: the length field has 16 bits.
MAX_PACKET: Final = 65_535

Key = tuple[bytes, bytes, int, int]


@dataclass(slots=True)
class _Incomplete:
    began: float
    pieces: dict[int, bytes] = field(default_factory=dict)
    total: int | None = None


class FragmentBuffer:
    """Incomplete packets by source, destination, protocol and identification."""

    def __init__(self) -> None:
        #: fragments that came
        self.fragments = 0
        #: packets that were put together
        self.reassembled = 0
        #: packets that were given up: incomplete for too long, overlapping (RFC 5722), or too many
        self.given_up = 0
        self._incomplete: OrderedDict[Key, _Incomplete] = OrderedDict()

    def add(self, key: Key, offset: int, more: bool, piece: bytes, now: float) -> bytes | None:
        """Take a fragment that begins at byte `offset`; returns the payload once it is whole."""
        self.fragments += 1
        self._expire(now)
        packet = self._incomplete.get(key)
        if packet is None:
            packet = self._incomplete[key] = _Incomplete(now)
            if len(self._incomplete) > MAX_INCOMPLETE:
                self._incomplete.popitem(last=False)
                self.given_up += 1
        if packet.pieces.get(offset) == piece:
            return None
        if self._contradicts(packet, offset, more, piece):
            del self._incomplete[key]
            self.given_up += 1
            return None
        packet.pieces[offset] = piece
        if not more:
            packet.total = offset + len(piece)
        if packet.total is None or sum(map(len, packet.pieces.values())) < packet.total:
            return None
        del self._incomplete[key]
        self.reassembled += 1
        return b"".join(packet.pieces[start] for start in sorted(packet.pieces))

    def _contradicts(self, packet: _Incomplete, offset: int, more: bool, piece: bytes) -> bool:
        end = offset + len(piece)
        if not piece or end > MAX_PACKET or (more and len(piece) % 8):
            return True
        if packet.total is not None and (end > packet.total or not more):
            return True
        if not more and any(start + len(other) > end for start, other in packet.pieces.items()):
            return True
        return any(start < end and offset < start + len(other) for start, other in packet.pieces.items())

    def _expire(self, now: float) -> None:
        while self._incomplete:
            key, packet = next(iter(self._incomplete.items()))
            if now - packet.began < REASSEMBLY_SECONDS:
                return
            del self._incomplete[key]
            self.given_up += 1
