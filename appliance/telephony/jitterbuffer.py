"""Puts the packets of one RTP source back in order, and says which are missing.

A recognizer is not a loudspeaker: packets that are in order pass at once, and only a missing one makes
the ones behind it wait.
"""

from __future__ import annotations

from typing import Final

from msgspec import Struct

from appliance.telephony.rtp import RtpPacket, sequence_delta

#: How long a missing packet is waited for once a later one is there, in seconds.
JITTER_DELAY: Final = 0.060
#: So many packets behind a gap settle it at once, because media may come faster than the clock; 200 ms of
#: 20 ms packets.
REORDER_PACKETS: Final = 10
#: Slots of the ring, a power of two; 64 packets of 20 ms are 1.28 s, far more than ever waits.
CAPACITY: Final = 64
#: RFC 3550 appendix A.1: a jump further than this is a new numbering, once two packets in a row agree on it.
MAX_DROPOUT: Final = 3000
MAX_MISORDER: Final = 100

_MASK: Final = CAPACITY - 1


class Released(Struct, frozen=True, gc=False):
    """A packet in its order."""

    packet: RtpPacket
    #: packets missing directly before this one
    lost: int
    #: when it was received, on the caller's clock, in seconds
    arrival: float


class JitterBuffer:
    """A ring of packets indexed by sequence number modulo `CAPACITY`."""

    def __init__(self) -> None:
        #: packets that were given up; one that comes after all is counted as late too
        self.lost = 0
        #: packets that came after they were given up
        self.late = 0
        #: packets that came twice
        self.duplicate = 0
        #: packets that came after a later one, yet in time
        self.reordered = 0
        #: times that the numbering began anew
        self.restarts = 0
        self._slots: list[tuple[RtpPacket, float] | None] = [None] * CAPACITY
        self._seen = [-1] * CAPACITY
        self._waiting = 0
        self._next: int | None = None
        self._highest = 0
        self._gap_since = 0.0
        self._restart: tuple[RtpPacket, float] | None = None

    @property
    def waiting(self) -> int:
        """Packets that wait for a missing one."""
        return self._waiting

    def push(self, packet: RtpPacket, now: float) -> list[Released]:
        """Take a packet received at `now`; returns what is in order with it."""
        sequence = packet.sequence
        if self._next is None:
            self._next = self._highest = sequence
        delta = sequence_delta(sequence, self._next)
        if delta == 0 and not self._waiting:
            self._seen[sequence & _MASK] = sequence
            self._highest = sequence
            self._next = (sequence + 1) & 0xFFFF
            return [Released(packet, 0, now)]
        if delta >= MAX_DROPOUT or delta < -MAX_MISORDER:
            return self._renumbered(packet, now)
        if self._seen[sequence & _MASK] == sequence:
            self.duplicate += 1
            return []
        if delta < 0:
            self.late += 1
            return []
        released: list[Released] = []
        if delta >= CAPACITY:
            released = self.flush()
            delta = sequence_delta(sequence, self._next)
            if delta >= CAPACITY:
                self.lost += delta
                self._next = (sequence + 1) & 0xFFFF
                self._seen[sequence & _MASK] = self._highest = sequence
                return [*released, Released(packet, delta, now)]
        self._store(packet, now)
        if delta == 0:
            return released + self._run()
        if self._waiting >= REORDER_PACKETS:
            return released + self._skip()
        return released

    def due(self, now: float) -> list[Released]:
        """What need not wait any longer at `now`."""
        released: list[Released] = []
        while self._waiting and now - self._gap_since >= JITTER_DELAY:
            released += self._skip()
        return released

    def flush(self) -> list[Released]:
        """Everything that waits."""
        released: list[Released] = []
        while self._waiting:
            released += self._skip()
        return released

    def reset(self) -> None:
        """Forget the numbering; the next packet begins a new one. The counters stay."""
        self._slots = [None] * CAPACITY
        self._seen = [-1] * CAPACITY
        self._waiting = 0
        self._next = None
        self._restart = None

    def _store(self, packet: RtpPacket, now: float) -> None:
        sequence = packet.sequence
        if sequence_delta(sequence, self._highest) < 0:
            self.reordered += 1
        else:
            self._highest = sequence
        if not self._waiting:
            self._gap_since = now
        self._slots[sequence & _MASK] = (packet, now)
        self._seen[sequence & _MASK] = sequence
        self._waiting += 1

    def _skip(self) -> list[Released]:
        """Give up the missing packets before the first one that waits, and release from there."""
        assert self._next is not None
        lost = 0
        while self._slots[(self._next + lost) & _MASK] is None:
            lost += 1
        self.lost += lost
        self._next = (self._next + lost) & 0xFFFF
        return self._run(lost)

    def _run(self, lost: int = 0) -> list[Released]:
        """Release packets up to the next gap."""
        assert self._next is not None
        released: list[Released] = []
        while (slot := self._slots[self._next & _MASK]) is not None:
            self._slots[self._next & _MASK] = None
            self._next = (self._next + 1) & 0xFFFF
            self._waiting -= 1
            released.append(Released(slot[0], lost, slot[1]))
            lost = 0
        if self._waiting:
            self._gap_since = min(slot[1] for slot in self._slots if slot is not None)
        return released

    def _renumbered(self, packet: RtpPacket, now: float) -> list[Released]:
        first, self._restart = self._restart, (packet, now)
        if first is None or sequence_delta(packet.sequence, first[0].sequence) != 1:
            self.late += 1
            return []
        released = self.flush()
        self.reset()
        self.restarts += 1
        # The first packet of the new numbering was counted as late while it stood alone.
        self.late -= 1
        return [*released, *self.push(first[0], first[1]), *self.push(packet, now)]
