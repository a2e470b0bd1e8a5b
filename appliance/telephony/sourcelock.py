"""Listens to one RTP source, and changes over to another only with care.

The first source to come is the leg's. A packet with another SSRC or from another address may be a transferred
call, a gateway that failed over, or somebody who injects sound; so another source is believed only after it
has sent packets in order while the old one was silent.
"""

from __future__ import annotations

from collections import deque
from typing import Final

from appliance.telephony.rtp import RtpPacket, sequence_delta

Source = tuple[str, int]

#: Packets in order that another source must send; RFC 3550 appendix A.1 asks for two of a new source, but
#: here an old one would be given up for it.
RELOCK_PACKETS: Final = 5
#: Seconds that the old source must have been silent: longer than jitter, shorter than a word.
RELOCK_SILENCE: Final = 0.2
#: Packets of the other source that are kept to be played once it is believed: 200 ms at six times real time.
KEPT: Final = 64


class SourceLock:
    """Which SSRC and address are listened to."""

    def __init__(self) -> None:
        self.ssrc: int | None = None
        self.source: Source | None = None
        #: when the source that is listened to last sent; the caller keeps it up to date
        self.heard = 0.0
        #: times that another source was believed
        self.changes = 0
        self._thrown_away = 0
        self._candidate: tuple[int, Source] | None = None
        self._kept: deque[tuple[RtpPacket, float]] = deque(maxlen=KEPT)

    @property
    def refused(self) -> int:
        """Packets of other sources that are not played, those included that may yet be."""
        return self._thrown_away + len(self._kept)

    def matches(self, packet: RtpPacket, source: Source) -> bool:
        """Whether this is the source that is listened to."""
        return packet.ssrc == self.ssrc and source == self.source

    def offer(self, packet: RtpPacket, source: Source, now: float) -> list[tuple[RtpPacket, float]]:
        """A packet of another source; returns what to play, with arrivals, once it is believed."""
        if self.ssrc is None:
            self.ssrc, self.source = packet.ssrc, source
            return [(packet, now)]
        identity = (packet.ssrc, source)
        in_order = (
            identity == self._candidate
            and bool(self._kept)
            and sequence_delta(packet.sequence, self._kept[-1][0].sequence) == 1
            and self.heard < self._kept[0][1]
        )
        if not in_order:
            self._thrown_away += len(self._kept)
            self._kept.clear()
            self._candidate = identity
        elif len(self._kept) == KEPT:
            self._thrown_away += 1
        self._kept.append((packet, now))
        if len(self._kept) < RELOCK_PACKETS or now - self.heard < RELOCK_SILENCE:
            return []
        self.ssrc, self.source = identity
        self.changes += 1
        believed = list(self._kept)
        self._kept.clear()
        self._candidate = None
        return believed
