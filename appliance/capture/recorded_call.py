"""One recorded call: its streams, who is on which leg, and what the engine is told of it."""

from __future__ import annotations

import secrets
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Final, Literal

import msgspec

from appliance.box.config import Roles
from appliance.capture.call_policy import SessionPolicy
from appliance.capture.leg import LegCounters, LegReceiver
from appliance.capture.media import RtpSocket, RtpSockets
from appliance.capture.roles import AssignedRoles, UnknownRoles, resolve_roles
from appliance.telephony.audioblock import (
    CallEnded,
    CallHeld,
    CallMessage,
    CallPolicy,
    CallStarted,
    CustomerKnown,
    Leg,
    PolicyChanged,
)
from appliance.telephony.recording_metadata import RecordingMetadata
from appliance.telephony.rtp import Codec
from appliance.telephony.sdp import Origin, SessionDescription
from appliance.telephony.sdp_answer import StreamChoice, choose_streams, make_answer

#: Streams of one call that get a port while it is not known which of them are the legs.
MAX_STREAMS: Final = 4

CallEnd = Literal["bye", "timeout", "no_media", "limit", "shutdown", "end_of_file", "error"]


@dataclass(slots=True)
class _Stream:
    """One stream that is received.

    `receiver` is None while it is no leg, or while its call may not be analysed; its media is thrown away.
    """

    choice: StreamChoice
    socket: RtpSocket
    leg: Leg | None = None
    receiver: LegReceiver | None = None
    #: what was counted before the analysis was stopped
    counted: LegCounters | None = None
    #: payload types that the receiver knows
    codecs: Mapping[int, Codec] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class EndedLegs:
    """The counters of an analysed call."""

    call: str
    milliseconds: int
    legs: dict[Leg, LegCounters]
    #: packets that the kernel dropped
    dropped: int


class RecordedCall:
    """A recording session as far as its media goes."""

    def __init__(
        self,
        sockets: RtpSockets,
        roles: Roles,
        address: str,
        now: float,
        *,
        policy: SessionPolicy,
        send: Callable[[CallMessage], None],
        ended: Callable[[EndedLegs, CallEnd], None],
        forget: Callable[[str], None] = lambda _call: None,
        identify: Callable[[str], str | None] = lambda _number: None,
        ask: Callable[[str, str], None] = lambda _call, _number: None,
    ) -> None:
        """Begin a call without streams.

        Args:
            sockets: where RTP ports come from.
            roles: how the legs are told.
            address: our address towards the client, for the answer.
            now: the time.
            policy: what may be done with the call, and what the gateway says of it.
            send: takes what the engine is to know.
            forget: told of a call whose audio must not reach the engine any more, also what waits for it.
            identify: gives the keyed hash of a customer's number, None where nothing is remembered.
            ask: told call and customer's number when a call begins, to look the customer up.
            ended: told when an analysed call is over, before `CallEnded` is sent.
        """
        #: the random id that the engine and the seats know; None while nothing is analysed
        self.call: str | None = None
        self.began = now
        #: the client has our first answer
        self.answered = False
        #: since when media may be expected: the beginning, or the last resumption
        self.expects_media_since = now
        self.roles: AssignedRoles | UnknownRoles = UnknownRoles("no_metadata")
        self.held = False
        #: what may be done with the call that is analysed
        self.policy = CallPolicy(analysis=False)
        #: datagrams of streams that were thrown away, up to now
        self._discarded = 0
        self._foreign = 0
        self._sockets = sockets
        self._settings = roles
        self.session_policy = policy
        self._send = send
        self._forget = forget
        self._ended = ended
        self._identify = identify
        self._ask = ask
        self._streams: dict[int, _Stream] = {}
        self._started = now
        self._beginning: CallStarted | None = None
        #: what the bank's record says of the customer of the analysed call
        self._known: CustomerKnown | None = None
        kind = "IP6" if ":" in address else "IP4"
        self._origin = Origin("ridge", str(secrets.randbits(62)), 0, kind, address)

    def answer(
        self, offer: SessionDescription, metadata: RecordingMetadata | None, now: float
    ) -> SessionDescription:
        """Take a first or a new offer, and answer it.

        Raises:
            NotAcceptableError: no stream of the offer can be received; nothing has changed.
            NoPortError: no RTP port is free; nothing has changed.
        """
        choices = {choice.index: choice for choice in choose_streams(offer)}
        told = resolve_roles(metadata, [choice.label for choice in choices.values()], self._settings)
        if isinstance(told, AssignedRoles):
            wanted = [index for index, choice in choices.items() if choice.label in told.labels.values()]
        elif self.call is not None and isinstance(self.roles, AssignedRoles):
            known = self.roles.labels.values()
            wanted = [index for index, choice in choices.items() if choice.label in known]
        else:
            wanted = list(choices)[:MAX_STREAMS]
        opened: dict[int, RtpSocket] = {}
        try:
            for index in wanted:
                if index not in self._streams:
                    opened[index] = self._sockets.open(now)
        except Exception:
            for socket in opened.values():
                self._sockets.close(socket, now)
            raise
        leaving = [index for index in self._streams if index not in wanted]
        if any(self._streams[index].leg is not None for index in leaving):
            self._finish("bye", now)
        for index in leaving:
            self._close(self._streams.pop(index), now)
        for index in wanted:
            if index in self._streams:
                self._streams[index].choice = choices[index]
            else:
                self._streams[index] = _Stream(choices[index], opened[index])
        self._take_roles(told, now)
        self._take_directions(now)
        version = self._origin.version + 1
        self._origin = Origin(
            "ridge", self._origin.session_id, version, self._origin.address_type, self._origin.address
        )
        ports = {index: stream.socket.port for index, stream in self._streams.items()}
        return make_answer(offer, choices, ports, self._origin)

    def told(self, metadata: RecordingMetadata | None, now: float) -> None:
        """Take metadata that came without an offer."""
        labels = [stream.choice.label for stream in self._streams.values()]
        self._take_roles(resolve_roles(metadata, labels, self._settings), now)
        self._take_directions(now)

    def changed_directions(self, answer: SessionDescription, now: float) -> None:
        """Take the client's answer to a description of ours: who sends, and who holds."""
        for choice in choose_streams(answer):
            stream = self._streams.get(choice.index)
            if stream is not None and choice.codecs == stream.choice.codecs:
                stream.choice = choice
        self._take_directions(now)

    def _take_roles(self, told: AssignedRoles | UnknownRoles, now: float) -> None:
        if isinstance(told, UnknownRoles):
            # Once told, roles stay: the last update of a call often names nobody any more.
            if self.call is None:
                self.roles = told
            elif not self._legs_stand():
                self._finish("bye", now)
                self.roles = told
            return
        if self._same_legs(told) and self._legs_stand():
            self.session_policy.agent(told)
            return
        # Another seat, another stream or another coding: what follows is another call to the engine, so that
        # one seat never sees what belongs to the next.
        if self.call is not None:
            self._finish("bye", now)
        self.roles = told
        self._start(told, now)

    def _same_legs(self, told: AssignedRoles) -> bool:
        """Whether an analysed call has these streams on its legs and this seat."""
        roles = self.roles
        return (
            self.call is not None
            and isinstance(roles, AssignedRoles)
            and roles.labels == told.labels
            and roles.seat == told.seat
        )

    def _legs_stand(self) -> bool:
        """Whether each leg still has its stream, coded as its receiver knows it."""
        legs = [stream for stream in self._streams.values() if stream.leg is not None]
        if len(legs) != 2 or not isinstance(self.roles, AssignedRoles):
            return False
        return all(
            stream.leg is not None
            and stream.choice.label == self.roles.labels[stream.leg]
            and stream.codecs == stream.choice.codecs
            for stream in legs
        )

    def _start(self, roles: AssignedRoles, now: float) -> None:
        legs: dict[str, Leg] = {label: leg for leg, label in roles.labels.items()}
        self.call = secrets.token_urlsafe(16)
        self._started = now
        self._known = None
        self.held = False
        self.policy = self.session_policy.begin(roles)
        self._beginning = CallStarted(
            self.call,
            roles.seat,
            roles.direction,
            "siprec",
            int(time.time() * 1000),
            self._customer(roles),
            self.policy,
        )
        self._send(self._beginning)
        for stream in self._streams.values():
            stream.leg = legs.get(stream.choice.label or "")
            stream.codecs, stream.counted = stream.choice.codecs, None
        if self.policy.analysis:
            self._listen(roles, now)

    def _customer(self, roles: AssignedRoles) -> str | None:
        """What stands for the customer towards the engine, where something may be remembered."""
        number = roles.customer_number
        return self._identify(number) if number is not None and self.policy.memory else None

    def _listen(self, roles: AssignedRoles, now: float) -> None:
        """Begin to hear both legs of the call."""
        assert self.call is not None
        if roles.customer_number is not None:
            self._ask(self.call, roles.customer_number)
        for stream in self._streams.values():
            if stream.leg is None:
                continue
            choice = stream.choice
            stream.receiver = LegReceiver(
                self.call, stream.leg, choice.codecs, choice.telephone_event, self._started, joined=now
            )
            stream.receiver.hold(not choice.sends, now)
            stream.socket.sink = stream.receiver.datagram

    def reconsider(self, now: float) -> bool:
        """Take what the gateway has said of consent since: stop hearing the call, or begin to.

        What has come and was not sent yet is thrown away with the receivers. True where anything has changed.
        """
        if self.call is None or self._beginning is None or not isinstance(self.roles, AssignedRoles):
            return False
        policy = self.session_policy.current
        if policy == self.policy:
            return False
        heard, self.policy = self.policy.analysis, policy
        if heard and not policy.analysis:
            for stream in self._streams.values():
                if stream.receiver is not None:
                    stream.counted = stream.receiver.counters
                    stream.socket.sink = stream.receiver = None
            self._known = None
            self._forget(self.call)
        customer = self._customer(self.roles)
        self._beginning = msgspec.structs.replace(self._beginning, policy=policy, customer=customer)
        self._send(PolicyChanged(self.call, self.at(now), policy, customer))
        if policy.analysis and not heard:
            self._listen(self.roles, now)
        elif policy.analysis:
            self._say_known()
        return True

    def _take_directions(self, now: float) -> None:
        """Hold and resume; a call is held when no stream of it sends any more."""
        legs = [stream for stream in self._streams.values() if stream.leg is not None]
        for stream in legs:
            if stream.receiver is not None:
                stream.receiver.hold(not stream.choice.sends, now)
        held = not any(stream.choice.sends for stream in legs or self._streams.values())
        if held != self.held:
            self.held = held
            self.expects_media_since = now
            if self.call is not None:
                self._send(CallHeld(self.call, held, self.at(now)))

    def at(self, now: float) -> int:
        """Milliseconds since the analysed call began."""
        return max(0, int((now - self._started) * 1000))

    def announce(self) -> None:
        """Say again that the call is on, and what is known, to an engine that was started anew."""
        if self.call is not None and self._beginning is not None:
            self._send(self._beginning)
            self._say_known()

    def known(self, message: CustomerKnown) -> None:
        """Take what the bank's record says of the customer: tell it, and keep it while the call lasts."""
        if message.call == self.call and self.policy.analysis:
            self._known = message
            self._say_known()

    def _say_known(self) -> None:
        if self._known is not None and self.policy.analysis:
            self._send(self._known)

    def poll(self, now: float) -> None:
        """Send the blocks that are complete."""
        for stream in self._streams.values():
            if stream.receiver is not None:
                for block in stream.receiver.poll(now):
                    self._send(block)

    @property
    def last_media(self) -> float:
        """When media last came, or was first expected."""
        times = [
            stream.receiver.last_media if stream.receiver is not None else stream.socket.last
            for stream in self._streams.values()
        ]
        return max([self.expects_media_since, *(moment for moment in times if moment is not None)])

    @property
    def discarded(self) -> int:
        """Datagrams that were thrown away: roles were not known, or the call might not be analysed."""
        return self._discarded + sum(stream.socket.discarded for stream in self._streams.values())

    @property
    def foreign(self) -> int:
        """Datagrams from outside the gateways' networks."""
        return self._foreign + sum(stream.socket.foreign for stream in self._streams.values())

    @property
    def dropped(self) -> int:
        """Datagrams that the kernel dropped on the sockets that are open."""
        return sum(stream.socket.dropped for stream in self._streams.values())

    def counters(self) -> dict[Leg, LegCounters]:
        """The counters of the legs that are analysed, or were until the analysis was stopped."""
        found: dict[Leg, LegCounters] = {}
        for stream in self._streams.values():
            counters = stream.receiver.counters if stream.receiver is not None else stream.counted
            if stream.leg is not None and counters is not None:
                found[stream.leg] = counters
        return found

    def end(self, reason: CallEnd, now: float) -> None:
        """The session is over: tell the engine, and free the ports."""
        try:
            self._finish(reason, now)
        finally:
            for stream in self._streams.values():
                self._close(stream, now)
            self._streams.clear()

    def _finish(self, reason: CallEnd, now: float) -> None:
        """End the analysed call, if there is one; the streams stay."""
        if self.call is None:
            return
        call, self.call, self._known = self.call, None, None
        legs: dict[Leg, LegCounters] = {}
        try:
            for stream in self._streams.values():
                leg, stream.leg = stream.leg, None
                if leg is not None and stream.receiver is not None:
                    for block in stream.receiver.flush(now):
                        self._send(block)
                    stream.counted = stream.receiver.counters
                    stream.socket.sink = stream.receiver = None
                if leg is not None and stream.counted is not None:
                    legs[leg] = stream.counted
        finally:
            # Whatever happens, the engine must not wait for this call for ever.
            self._ended(EndedLegs(call, self.at(now), legs, self.dropped), reason)
            self._send(CallEnded(call, self.at(now), reason))

    def _close(self, stream: _Stream, now: float) -> None:
        self._discarded += stream.socket.discarded
        self._foreign += stream.socket.foreign
        self._sockets.close(stream.socket, now)
