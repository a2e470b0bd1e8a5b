"""The publishing socket: XPUB where every subscription is judged before it counts.

A peer asks for its topic and its lease, `seat/8001/<lease>/`, and is subscribed to `seat/8001/<lease>/now`.
Messages are published under the leases that are running, each by itself. When a lease ends, nothing is
published under it any more, and the connection is cut off although libzmq has no call to take a subscription
from a connected peer.

A new subscriber gets the present state at once, under its lease, which is nobody else's. (libzmq's
XPUB_MANUAL_LAST_VALUE, a draft, would send the next message after *any* subscription frame to that peer
alone, so that a refused subscription costs the others a message.)
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import zmq

from appliance.feed.admission import Admission, Admitted
from appliance.feed.authenticator import Authenticator, guard, peer_of
from appliance.feed.egress import Egress
from appliance.feed.leases import Leases
from appliance.feed.topics import Topics
from appliance.protocol.bucket import LeakyBucket

#: Messages that wait for a slow seat before it misses some (it asks for them later): a minute of a busy call.
QUEUED_MESSAGES: Final = 256
#: A subscription is a byte, a topic and a lease; 57 bytes are the longest that can be granted.
MAX_SUBSCRIPTION_BYTES: Final = 1024
#: Subscriptions that are judged before the other sockets get their turn.
SUBSCRIPTIONS_A_TURN: Final = 256
#: States that one grant's new subscriptions are sent at once, and a second after that.
STATES_BURST: Final = 8.0
STATES_A_SECOND: Final = 1.0
#: Messages of a state, half of what may wait for a seat; a larger group is asked for over the control socket.
STATE_MESSAGES: Final = QUEUED_MESSAGES // 2
#: Connections that may wait to be accepted while a whole centre reconnects.
BACKLOG: Final = 1024
_SUBSCRIBE: Final = b"\x01"
_UNSUBSCRIBE: Final = b"\x00"


class BindError(Exception):
    """A socket cannot be bound; the text says what to do next."""


@dataclass(slots=True)
class PublisherCounters:
    """What happened at the publishing socket."""

    granted: int = 0
    refused: int = 0
    states: int = 0


class Publisher:
    """Publishes to peers that hold a lease on the topic they ask for."""

    def __init__(
        self,
        context: zmq.Context[zmq.Socket[bytes]],
        secret: bytes,
        admission: Admission,
        *,
        leases: Leases,
        topics: Topics,
        egress: Egress,
    ) -> None:
        self._egress = egress
        self._admission = admission
        self._leases = leases
        self._topics = topics
        self._states: dict[str, LeakyBucket] = {}
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

    def publish(self, topic: str, data: bytes, now: float) -> None:
        """Send an encoded message under every running lease on a topic."""
        self._send(topic, self._leases.on(topic, now), data)

    def beat(self, wall: int, now: float) -> None:
        """Send a heartbeat under every running lease; `wall` is unix time in ms."""
        for lease, peer in self._leases.running(now):
            data = self._topics.beat(peer.topic, peer.seat, wall)
            self._egress.beat(self.socket, peer.topic, data, _live(peer.topic, lease))

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
        self._states.pop(seat, None)

    def close(self) -> None:
        """Close the socket; what is queued goes out within half a second."""
        self.socket.close()

    def _judge(self, frame: zmq.Frame, now: float) -> None:
        data = frame.bytes
        kind, wanted = data[:1], data[1:]
        seat, mark = peer_of(frame)
        if kind == _UNSUBSCRIBE and seat is None:
            # libzmq's own note that a connection has gone, with its subscriptions.
            return
        peer = self._admission.peer(seat, mark)
        lease = _lease_in(wanted, peer) if peer and kind in {_SUBSCRIBE, _UNSUBSCRIBE} else None
        # Options of a manual XPUB act on the connection whose frame was received last (zmq_setsockopt).
        if peer is not None and lease is not None and kind == _UNSUBSCRIBE:
            self.socket.setsockopt(zmq.UNSUBSCRIBE, _live(peer.topic, lease))
            return
        if peer is None or lease is None or not self._leases.holds(peer, lease, now):
            # Until a subscription is set the peer has none, so there is nothing to undo.
            self.counters.refused += kind == _SUBSCRIBE
            return
        self.socket.setsockopt(zmq.SUBSCRIBE, _live(peer.topic, lease))
        self.counters.granted += 1
        self._send_state(peer, lease, now)

    def _send_state(self, peer: Admitted, lease: str, now: float) -> None:
        messages = self._topics.snapshot(peer.topic).messages[-STATE_MESSAGES:]
        bucket = self._states.setdefault(peer.seat, LeakyBucket(STATES_A_SECOND, STATES_BURST))
        if messages and bucket.pour(1.0, now):
            self.counters.states += 1
            for data in messages:
                self._send(peer.topic, [lease], data)

    def _send(self, topic: str, leases: list[str], data: bytes) -> None:
        self._egress.publish(self.socket, topic, data, [_live(topic, lease) for lease in leases])


def _lease_in(wanted: bytes, peer: Admitted) -> str | None:
    """The lease in a subscription to the peer's own topic, such as `seat/8001/<lease>/`; else None."""
    topic = peer.topic.encode()
    if not wanted.startswith(topic) or not wanted.endswith(b"/"):
        return None
    return wanted[len(topic) : -1].decode("ascii", "replace")


def _live(topic: str, lease: str) -> bytes:
    return f"{topic}{lease}/now".encode()


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
