"""When which RTP packet of a leg is sent, and what the network does to it on the way."""

from __future__ import annotations

import heapq
import random
import struct
from collections.abc import Iterator
from dataclasses import dataclass, field

from appliance.telephony import g711
from appliance.telephony.rtp import CLOCK_RATE, Codec, RtpPacket, build
from tools.callsim.recording import FRAME

FRAME_SECONDS = FRAME / CLOCK_RATE
#: A reordered packet comes this many frames late, so that the next two overtake it.
REORDERED_FRAMES = 2.5
COMFORT_NOISE = 13
TELEPHONE_EVENT = 101
PAYLOAD_TYPES: dict[Codec, int] = {"PCMU": 0, "PCMA": 8}
#: Frames whose loudest sample is below this are silence to a gateway with silence suppression.
SILENT = 80


@dataclass(frozen=True, slots=True)
class Impairments:
    """What goes wrong on the way; probabilities 0..1 a packet, times in seconds."""

    loss: float = 0.0
    #: each packet is delayed by a random time up to this
    jitter: float = 0.0
    reorder: float = 0.0
    duplicate: float = 0.0


@dataclass(frozen=True, slots=True)
class Script:
    """What happens during the media; times are seconds of the recording."""

    speed: float = 1.0
    #: spans without media, while the call is on hold
    holds: tuple[tuple[float, float], ...] = ()
    #: times at which the customer presses a key
    keypresses: tuple[float, ...] = ()
    #: send nothing while a leg is silent (RFC 3551 §4.1), but for one comfort-noise packet
    silence_suppression: bool = False


@dataclass(slots=True)
class Tally:
    """What was sent of a leg, and what was held back on purpose."""

    sent: int = 0
    lost: int = 0
    duplicated: int = 0
    reordered: int = 0
    suppressed: int = 0
    event_packets: int = 0


@dataclass(slots=True)
class LegMedia:
    """One leg's stream of packets."""

    coded: bytes
    codec: Codec
    impairments: Impairments
    script: Script
    seed: int
    tally: Tally = field(default_factory=Tally)

    def packets(self) -> Iterator[tuple[float, bytes]]:
        """Datagrams with the time to send them, in seconds after the first, in that order."""
        chance = random.Random(self.seed)
        waiting: list[tuple[float, int, bytes]] = []
        for number, (at, datagram) in enumerate(self._sent(chance)):
            base = at / self.script.speed
            while waiting and waiting[0][0] <= base:
                yield self._pop(waiting)
            if chance.random() < self.impairments.loss:
                self.tally.lost += 1
                continue
            due = base + chance.random() * self.impairments.jitter
            if chance.random() < self.impairments.reorder:
                self.tally.reordered += 1
                due += REORDERED_FRAMES * FRAME_SECONDS / self.script.speed
            heapq.heappush(waiting, (due, number, datagram))
            if chance.random() < self.impairments.duplicate:
                self.tally.duplicated += 1
                heapq.heappush(waiting, (due + 0.001, number, datagram))
        while waiting:
            yield self._pop(waiting)

    def _pop(self, waiting: list[tuple[float, int, bytes]]) -> tuple[float, bytes]:
        due, _, datagram = heapq.heappop(waiting)
        self.tally.sent += 1
        return due, datagram

    def _sent(self, chance: random.Random) -> Iterator[tuple[float, bytes]]:
        """What the gateway sends, with its time in the recording."""
        ssrc, sequence = chance.getrandbits(32), chance.getrandbits(16)
        first = chance.getrandbits(32)
        payload_type = PAYLOAD_TYPES[self.codec]
        talking = False
        events = self._events(chance)
        for index in range(len(self.coded) // FRAME):
            at = index * FRAME_SECONDS
            payload = self.coded[index * FRAME : (index + 1) * FRAME]
            kind, timestamp = payload_type, first + index * FRAME
            if any(start <= at < end for start, end in self.script.holds):
                talking = False
                continue
            if index in events:
                pressed, payload = events[index]
                kind, timestamp = TELEPHONE_EVENT, first + pressed * FRAME
                self.tally.event_packets += 1
            elif self.script.silence_suppression and self._silent(payload):
                if not talking:
                    self.tally.suppressed += 1
                    continue
                kind, payload, talking = COMFORT_NOISE, b"\x40", False
            marker = kind == payload_type and not talking
            talking = talking or kind == payload_type
            yield (
                at,
                build(RtpPacket(kind, marker, sequence, timestamp & 0xFFFF_FFFF, ssrc, payload)),
            )
            sequence = (sequence + 1) & 0xFFFF

    def _events(self, chance: random.Random) -> dict[int, tuple[int, bytes]]:
        """Frame to the report sent instead of sound: a key for 100 ms, its end sent three times."""
        events = {}
        for at in self.script.keypresses:
            pressed, key = int(at / FRAME_SECONDS), chance.randrange(12)
            for step in range(7):
                ended = 0x80 if step >= 4 else 0
                report = struct.pack("!BBH", key, ended | 10, FRAME * min(step + 1, 5))
                events[pressed + step] = (pressed, report)
        return events

    def _silent(self, payload: bytes) -> bool:
        decode = g711.alaw_decode if self.codec == "PCMA" else g711.ulaw_decode
        return int(abs(decode(payload).astype(int)).max()) < SILENT
