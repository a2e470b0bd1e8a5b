"""SIP transactions (RFC 3261 section 17, RFC 6026): retransmission, absorption and giving up."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Final, Literal, Protocol

from appliance.telephony.sip import SipRequest, SipResponse
from appliance.telephony.sip_headers import MAGIC_COOKIE, Via
from appliance.telephony.timers import Timer, Timers

#: RFC 3261 section 17.1.1.1, in seconds: the estimate of a round trip, and the longest wait between two
#: retransmissions.
T1: Final = 0.5
T2: Final = 4.0
#: How long a message can stay in the network.
T4: Final = 5.0
#: Timers B, F, H, J, L and the wait for an ACK.
GIVE_UP: Final = 64 * T1

Transport = Literal["UDP", "TCP"]


@dataclass(frozen=True, slots=True)
class Peer:
    """Where messages come from and go to, and under which address that side knows us."""

    transport: Transport
    address: str
    port: int
    #: our own address and port on the way to this peer
    local_address: str
    local_port: int
    #: which TCP connection; 0 for UDP
    connection: int = 0

    @property
    def reliable(self) -> bool:
        """Whether the transport retransmits by itself."""
        return self.transport == "TCP"


@dataclass(frozen=True, slots=True)
class Transmission:
    """Bytes to send to a peer."""

    data: bytes = field(repr=False)
    peer: Peer


class Sender(Protocol):
    """What a transaction needs of the core that it belongs to."""

    timers: Timers

    def transmit(self, data: bytes, peer: Peer) -> None:
        """Send bytes."""


def transaction_key(request: SipRequest, via: Via, cseq: int) -> str:
    """What identifies the server transaction of a request (RFC 3261 section 17.2.3).

    ACK and CANCEL have the key of the INVITE that they belong to.
    """
    method = "INVITE" if request.method in ("ACK", "CANCEL") else request.method
    if via.branch.startswith(MAGIC_COOKIE):
        return "\n".join((method, via.branch, via.host.lower(), str(via.port)))
    # Clients of RFC 2543 have no unique branch.
    headers = request.headers
    tag = (headers.get("From") or "").partition("tag=")[2]
    return "\n".join((method, headers.get("Call-ID") or "", str(cseq), tag, via.serialise()))


class ServerTransaction:
    """One request of the client and our responses to it."""

    def __init__(self, sender: Sender, method: str, peer: Peer, ended: Callable[[], None]) -> None:
        #: whether this is an INVITE transaction, which an ACK completes
        self.is_invite = method == "INVITE"
        self.peer = peer
        #: the last response, None while there is none
        self.response: SipResponse | None = None
        self._data = b""
        self._sender = sender
        self._ended = ended
        self._retransmission: Timer | None = None
        self._acknowledged = False

    def request_again(self) -> None:
        """The client has sent the request again: repeat the last response."""
        if self._data and not self._acknowledged:
            self._sender.transmit(self._data, self.peer)

    def respond(
        self, response: SipResponse, now: float, unacknowledged: Callable[[float], None] | None = None
    ) -> None:
        """Send a response; a final one begins the waiting for retransmissions or for the ACK.

        Args:
            response: complete with its headers.
            now: the time.
            unacknowledged: called when no ACK has come for a 2xx to INVITE within 64*T1.
        """
        self.response = response
        self._data = response.serialise()
        self._sender.transmit(self._data, self.peer)
        if response.status < 200:
            return
        if not self.is_invite:
            self._end_after(0.0 if self.peer.reliable else GIVE_UP, now)
            return
        # RFC 3261 section 13.3.1.4: a 2xx is retransmitted over any transport, because the hop behind a proxy
        # may be unreliable. Other responses need it over UDP only (timer G).
        success = response.status < 300
        if success or not self.peer.reliable:
            self._retransmit(T1, now + T1, now + GIVE_UP)

        def given_up(later: float) -> None:
            self._stop()
            self._ended()
            if unacknowledged is not None and not self._acknowledged:
                unacknowledged(later)

        self._sender.timers.start(now + GIVE_UP, given_up)

    def acknowledge(self) -> None:
        """The ACK has come; the transaction stays to absorb what is repeated."""
        self._acknowledged = True
        self._stop()

    @property
    def acknowledged(self) -> bool:
        """Whether the ACK has come."""
        return self._acknowledged

    def _retransmit(self, interval: float, due: float, until: float) -> None:
        def again(now: float) -> None:
            self._sender.transmit(self._data, self.peer)
            following = min(2 * interval, T2)
            if due + following < until:
                self._retransmit(following, due + following, until)

        self._retransmission = self._sender.timers.start(due, again)

    def _stop(self) -> None:
        if self._retransmission is not None:
            self._retransmission.cancel()

    def _end_after(self, wait: float, now: float) -> None:
        self._sender.timers.start(now + wait, lambda _: self._ended())


class ClientTransaction:
    """One request of ours: BYE, UPDATE, or a re-INVITE that refreshes the session."""

    def __init__(
        self,
        sender: Sender,
        request: SipRequest,
        peer: Peer,
        now: float,
        *,
        answered: Callable[[SipResponse | None, float], None],
        ended: Callable[[], None],
    ) -> None:
        """Send the request; `answered` is called once: with the final response, or None when none came."""
        self.request = request
        self.peer = peer
        self._sender = sender
        self._answered = answered
        self._ended = ended
        self._done = False
        self._acknowledgement = b""
        self._data = request.serialise()
        sender.transmit(self._data, peer)
        self._retransmission: Timer | None = None
        if not peer.reliable:
            self._retransmit(T1, now + T1)
        self._timeout = sender.timers.start(now + GIVE_UP, self._give_up)

    def response(self, response: SipResponse, now: float, acknowledgement: bytes = b"") -> None:
        """A response has come; `acknowledgement` is the ACK to send for a final response to INVITE."""
        if response.status < 200:
            if self.request.method == "INVITE" and self._retransmission is not None:
                self._retransmission.cancel()
            return
        if acknowledgement:
            self._acknowledgement = acknowledgement
        if self._acknowledgement:
            # For every repetition of the response, or it will never cease.
            self._sender.transmit(self._acknowledgement, self.peer)
        if self._done:
            return
        self._finish()
        wait = 0.0 if self.peer.reliable and not self._acknowledgement else GIVE_UP
        self._sender.timers.start(now + wait, lambda _: self._ended())
        self._answered(response, now)

    @property
    def done(self) -> bool:
        """Whether the final response has come, or will not come any more."""
        return self._done

    def fail(self, now: float) -> None:
        """The transport is gone."""
        if not self._done:
            self._give_up(now)

    def _give_up(self, now: float) -> None:
        self._finish()
        self._ended()
        self._answered(None, now)

    def _finish(self) -> None:
        self._done = True
        self._timeout.cancel()
        if self._retransmission is not None:
            self._retransmission.cancel()

    def _retransmit(self, interval: float, due: float) -> None:
        def again(_: float) -> None:
            self._sender.transmit(self._data, self.peer)
            # Timer A doubles without a bound, timer E up to T2; timers B and F end both.
            following = 2 * interval if self.request.method == "INVITE" else min(2 * interval, T2)
            self._retransmit(following, due + following)

        self._retransmission = self._sender.timers.start(due, again)
