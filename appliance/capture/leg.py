"""One leg of a call: RTP datagrams in, audio blocks on the call's time axis out. No sockets and no clock.

Read every datagram that waits before `poll`: what has not been read yet looks as if it had not come.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from appliance.telephony import telephone_event
from appliance.telephony.audioblock import AudioBlock, Leg
from appliance.telephony.jitterbuffer import JitterBuffer, Released
from appliance.telephony.playout import Block, Playout
from appliance.telephony.rtp import (
    CLOCK_RATE,
    COMFORT_NOISE,
    MAX_PAYLOAD,
    Codec,
    RtpError,
    RtpPacket,
    WrongVersionError,
    is_rtcp,
    parse,
)
from appliance.telephony.sourcelock import SourceLock


@dataclass(frozen=True, slots=True)
class LegCounters:
    """What happened on the leg so far; packets unless the name says milliseconds."""

    #: datagrams that came
    received: int
    #: missing in the sequence; one that came too late is in `late` as well
    lost: int
    #: came after their place had been filled
    late: int
    duplicate: int
    #: came out of order, and were put in order
    reordered: int
    heard_ms: int
    concealed_ms: int
    #: silence suppression, hold, and what was missing beyond concealment
    silence_ms: int
    wrong_version: int
    #: no RTP, empty, or longer than RFC 3551 allows
    malformed: int
    wrong_payload_type: int
    #: of another source than the one that is listened to
    wrong_ssrc: int
    #: telephone-event packets thrown away (one key press is many; which key is not known here)
    events: int
    comfort_noise: int
    #: RTCP that came on the RTP port (RFC 5761), not used
    rtcp: int
    #: sequence or timestamps that began anew
    restarts: int
    #: changes to another source
    relocks: int


class LegReceiver:
    """Receives one leg.

    Args:
        call: the call's id.
        leg: whose voice this is.
        codecs: payload type to codec, as negotiated.
        telephone_event: payload types of telephone-event, as negotiated.
        started: when the call began, in seconds on the clock of every `now`; position 0 of the blocks.
        joined: when this begins to listen, where that is later; what was before has no blocks.
    """

    def __init__(
        self,
        call: str,
        leg: Leg,
        codecs: Mapping[int, Codec],
        telephone_event: frozenset[int],
        started: float,
        *,
        joined: float | None = None,
    ) -> None:
        #: when media last came from the source that is listened to
        self.last_media: float | None = None
        self._call: Final = call
        self._leg: Final[Leg] = leg
        self._codecs: Final = dict(codecs)
        self._events: Final = telephone_event
        self._noise: Final = COMFORT_NOISE - self._codecs.keys() - telephone_event
        self._lock = SourceLock()
        self._jitter = JitterBuffer()
        self._playout = Playout(started, started if joined is None else joined)
        self._polled = started if joined is None else joined
        self._error: Exception | None = None
        self._received = self._wrong_version = self._malformed = self._wrong_type = 0
        self._event_packets = self._noise_packets = self._rtcp = 0

    def datagram(self, data: bytes, source: tuple[str, int], now: float) -> None:
        """Take what came from `source` at `now`; whatever it is, it is played or counted.

        Raises nothing: all calls' datagrams are read together. What should fail is raised by the next `poll`.
        """
        try:
            self._take(data, source, now)
        except Exception as error:  # one call's fault must not end the others
            self._error = self._error or error

    def _take(self, data: bytes, source: tuple[str, int], now: float) -> None:
        self._received += 1
        try:
            packet = parse(data)
        except WrongVersionError:
            self._wrong_version += 1
            return
        except RtpError:
            self._malformed += 1
            return
        lock = self._lock
        if packet.ssrc == lock.ssrc and source == lock.source:
            lock.heard = self.last_media = now
            for released in self._jitter.push(packet, now):
                self._play(released)
        elif is_rtcp(data):
            self._rtcp += 1
        elif not self._known(packet):
            self._wrong_type += 1
        else:
            self._other_source(packet, source, now)

    def poll(self, now: float) -> list[AudioBlock]:
        """The blocks that are complete at `now`, 80 ms each; call it every 20 to 40 ms.

        Raises:
            Exception: a datagram could not be taken for a fault of ours; the leg is of no more use.
        """
        if self._error is not None:
            raise self._error
        for released in self._jitter.due(now):
            self._play(released)
        if not self._jitter.waiting:
            # Up to the last poll everything has surely been read, even if this process was held up since.
            self._playout.advance(self._polled)
        self._polled = now
        return [self._audio(block) for block in self._playout.take()]

    def hold(self, held: bool, now: float) -> None:
        """The call was put on hold or resumed at `now`; silence on hold is no loss."""
        for released in self._jitter.due(now):
            self._play(released)
        self._playout.hold(held)

    def flush(self, now: float) -> list[AudioBlock]:
        """Everything that has come up to `now`; the last block may be shorter than 80 ms."""
        self._polled = now
        for released in self._jitter.flush():
            self._play(released)
        return [self._audio(block) for block in self._playout.take(whole=False)]

    @property
    def counters(self) -> LegCounters:
        """The counters as they stand."""
        jitter, playout, lock = self._jitter, self._playout, self._lock
        per_millisecond = CLOCK_RATE // 1000
        return LegCounters(
            received=self._received,
            lost=jitter.lost,
            late=jitter.late + playout.late,
            duplicate=jitter.duplicate,
            reordered=jitter.reordered,
            heard_ms=playout.heard // per_millisecond,
            concealed_ms=playout.concealed // per_millisecond,
            silence_ms=playout.silence // per_millisecond,
            wrong_version=self._wrong_version,
            malformed=self._malformed,
            wrong_payload_type=self._wrong_type,
            wrong_ssrc=lock.refused,
            events=self._event_packets,
            comfort_noise=self._noise_packets,
            rtcp=self._rtcp,
            restarts=jitter.restarts + playout.restarts,
            relocks=lock.changes,
        )

    def _known(self, packet: RtpPacket) -> bool:
        kind = packet.payload_type
        return kind in self._codecs or kind in self._events or kind in self._noise

    def _other_source(self, packet: RtpPacket, source: tuple[str, int], now: float) -> None:
        before = self._lock.ssrc
        believed = self._lock.offer(packet, source, now)
        if not believed:
            return
        if before != packet.ssrc:
            for released in self._jitter.flush():
                self._play(released)
            self._jitter.reset()
            self._playout.restart()
        self._lock.heard = self.last_media = now
        for kept, arrival in believed:
            for released in self._jitter.push(kept, arrival):
                self._play(released)

    def _play(self, released: Released) -> None:
        packet = released.packet
        codec = self._codecs.get(packet.payload_type)
        if codec is not None:
            if 0 < len(packet.payload) <= MAX_PAYLOAD:
                self._playout.sound(packet.timestamp, packet.payload, codec, released.lost, released.arrival)
            else:
                self._malformed += 1
        elif packet.payload_type in self._events:
            try:
                telephone_event.progress(packet.payload)
            except telephone_event.TelephoneEventError:
                self._malformed += 1
            else:
                self._event_packets += 1
        elif packet.payload_type in self._noise:
            self._noise_packets += 1
            self._playout.comfort_noise(packet.timestamp, released.lost, released.arrival)
        else:
            self._wrong_type += 1

    def _audio(self, block: Block) -> AudioBlock:
        return AudioBlock(
            self._call,
            self._leg,
            block.position,
            CLOCK_RATE,
            block.samples.astype("<i2", copy=False).tobytes(),
            block.lost,
            block.held,
        )
