"""The publishing socket: XPUB where every subscription is judged before it counts.

A peer asks for its topic `seat/<id>/`, and is subscribed to `seat/<id>/<mark>/now`, where the mark is that
of its grant. Subscriptions match by prefix, so the peer needs to know nothing of the mark; but when the
grant goes, so does the mark, nothing is published under it any more, and every connection that was let in
with it is cut off although libzmq has no call to take a subscription from a connected peer.

A late subscriber gets the last profile under a topic that only its connection is subscribed to, and for
that moment only. (libzmq's XPUB_MANUAL_LAST_VALUE, a draft, would send the next message after *any*
subscription frame to that peer alone, so that a refused subscription costs the others a message.)
"""

from __future__ import annotations

import contextlib
import secrets
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

import zmq

from appliance.feed.admission import Admission
from appliance.feed.authenticator import Authenticator, guard, peer_of
from appliance.protocol.bucket import LeakyBucket

#: Messages that wait for a slow seat before it misses some (it asks for them later): a minute of a busy call.
QUEUED_MESSAGES: Final = 256
#: A subscription is a byte and a topic; 41 bytes are the longest that can be granted.
MAX_SUBSCRIPTION_BYTES: Final = 1024
#: Subscriptions that are judged before the other sockets get their turn.
SUBSCRIPTIONS_A_TURN: Final = 256
#: Late profiles that one seat can ask for at once, and a second after that.
LATE_PROFILES_BURST: Final = 8.0
LATE_PROFILES_A_SECOND: Final = 1.0
#: Connections that may wait to be accepted while a whole centre reconnects.
BACKLOG: Final = 1024


class BindError(Exception):
    """A socket cannot be bound; the text says what to do next."""


@dataclass(slots=True)
class PublisherCounters:
    """What happened at the publishing socket."""

    granted: int = 0
    refused: int = 0
    late_profiles: int = 0
    messages: int = 0
    bytes: int = 0


class Publisher:
    """Publishes to seats that own the topic they ask for."""

    def __init__(
        self,
        context: zmq.Context[zmq.Socket[bytes]],
        secret: bytes,
        admission: Admission,
        last_profile: Callable[[str], bytes | None],
    ) -> None:
        self._admission = admission
        self._last_profile = last_profile
        self._late: dict[str, LeakyBucket] = {}
        self.counters = PublisherCounters()
        self.socket = context.socket(zmq.XPUB)
        self.socket.setsockopt(zmq.XPUB_MANUAL, 1)
        self.socket.sndhwm = QUEUED_MESSAGES
        self.socket.linger = 500
        self.socket.backlog = BACKLOG
        self.socket.maxmsgsize = MAX_SUBSCRIPTION_BYTES
        guard(self.socket, secret)

    def bind(self, authenticator: Authenticator, address: str, port: int) -> int:
        """Bind to `address`; port 0 lets the system choose. Returns the port.

        Raises:
            AuthenticatorError: the authenticator did not answer its probe; nothing is bound.
            BindError: the address or the port cannot be used.
        """
        authenticator.probe()
        return bind_tcp(self.socket, address, port)

    def publish(self, seat: str, data: bytes) -> bool:
        """Send one encoded message to a seat's topic; false where the seat has no grant. Never blocks."""
        mark = self._admission.mark(seat)
        if mark is None:
            return False
        self.socket.send_multipart([_live(seat, mark), data], zmq.NOBLOCK)
        self.counters.messages += 1
        self.counters.bytes += len(data)
        return True

    def serve(self, now: float) -> None:
        """Judge the subscriptions that have come in; `now` is monotonic, in seconds."""
        for _ in range(SUBSCRIPTIONS_A_TURN):
            try:
                frame = self.socket.recv(zmq.NOBLOCK, copy=False)
            except zmq.Again:
                return
            self._judge(frame, now)

    def forget(self, seat: str) -> None:
        """Forget what is kept for a seat that lost its grant."""
        self._late.pop(seat, None)

    def close(self) -> None:
        """Close the socket; what is queued goes out within half a second."""
        self.socket.close()

    def _judge(self, frame: zmq.Frame, now: float) -> None:
        data = frame.bytes
        subscribe, topic = data[:1] == b"\x01", data[1:]
        seat, mark = peer_of(frame)
        if data[:1] == b"\x00" and seat is None:
            # libzmq's own note that a connection has gone, with its subscriptions.
            return
        if (
            seat is None
            or mark is None
            or data[:1] not in {b"\x00", b"\x01"}
            or topic != topic_of(seat)
            or not self._admission.holds(seat, mark)
        ):
            # Until a subscription is set the peer has none, so there is nothing to undo.
            self.counters.refused += subscribe
            return
        live = _live(seat, mark)
        if not subscribe:
            self.socket.setsockopt(zmq.UNSUBSCRIBE, live)
            return
        self._send_late_profile(seat, mark, now)
        self.socket.setsockopt(zmq.SUBSCRIBE, live)
        self.counters.granted += 1

    def _send_late_profile(self, seat: str, mark: str, now: float) -> None:
        profile = self._last_profile(seat)
        bucket = self._late.setdefault(seat, LeakyBucket(LATE_PROFILES_A_SECOND, LATE_PROFILES_BURST))
        if profile is None or not bucket.pour(1.0, now):
            return
        # Options of a manual XPUB act on the connection whose frame was received last (zmq_setsockopt).
        late = topic_of(seat) + f"{mark}/late-{secrets.token_hex(8)}".encode()
        self.socket.setsockopt(zmq.SUBSCRIBE, late)
        with contextlib.suppress(zmq.Again):
            self.socket.send_multipart([late, profile], zmq.NOBLOCK)
        self.socket.setsockopt(zmq.UNSUBSCRIBE, late)
        self.counters.late_profiles += 1
        self.counters.bytes += len(profile)


def topic_of(seat: str) -> bytes:
    """The topic that a seat owns and asks for, such as `seat/8001/`."""
    return f"seat/{seat}/".encode()


def _live(seat: str, mark: str) -> bytes:
    return topic_of(seat) + f"{mark}/now".encode()


def bind_tcp(socket: zmq.Socket[bytes], address: str, port: int) -> int:
    """Bind a socket to an IP address; port 0 lets the system choose. Returns the port.

    Raises:
        BindError: the address or the port cannot be used.
    """
    host = address
    if ":" in address:
        socket.ipv6 = True
        host = f"[{address}]"
    try:
        socket.bind(f"tcp://{host}:{port or '*'}")
    except zmq.ZMQError as error:
        raise BindError(
            f"cannot listen on {address} port {port}: {error}; free the port, or change feed.bind, "
            "feed.publish_port or feed.control_port in the configuration"
        ) from error
    endpoint = socket.getsockopt(zmq.LAST_ENDPOINT)
    text = endpoint.rstrip(b"\0").decode() if isinstance(endpoint, bytes) else str(endpoint)
    return int(text.rpartition(":")[2])
