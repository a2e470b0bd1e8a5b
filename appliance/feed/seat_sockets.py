"""The sockets that seats reach: publisher, control and enrolment, all with the box's key."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

import zmq

from appliance.box.config import Feed
from appliance.feed.admission import Admission
from appliance.feed.authenticator import Authenticator, AuthenticatorError
from appliance.feed.codes import CodeBook
from appliance.feed.control import Control, Rotate, Timing
from appliance.feed.egress import Egress
from appliance.feed.enrolment import Enrolment
from appliance.feed.feedback import Feedback
from appliance.feed.leases import Leases
from appliance.feed.publisher import BindError, Publisher
from appliance.feed.topics import Topics

#: Tries to find two ports side by side where the system may choose both.
PORT_PAIR_TRIES: Final = 20
#: A port that was ours a moment ago is free again well within this.
REBIND_SECONDS: Final = 5.0
_REBIND_PAUSE: Final = 0.02


@dataclass(frozen=True, slots=True)
class State:
    """What the sockets serve from; it outlives them."""

    admission: Admission
    leases: Leases
    topics: Topics
    feedback: Feedback
    codes: CodeBook
    rotate: Rotate
    egress: Egress
    #: what the ends of codes are held against (unix ms)
    deadline: Callable[[], int]


class SeatSockets:
    """Opens the sockets, and opens them anew when the box takes another key."""

    publisher: Publisher
    control: Control

    def __init__(
        self,
        context: zmq.Context[zmq.Socket[bytes]],
        authenticator: Authenticator,
        feed: Feed,
        state: State,
    ) -> None:
        self._context = context
        self._authenticator = authenticator
        self._feed = feed
        self._state = state
        self._poller = zmq.Poller()
        self._secret = b""
        self.publish_port = 0
        self.control_port = 0
        self.enrolment = Enrolment(
            context,
            authenticator,
            state.codes,
            (feed.bind, feed.enrol_port),
            state.egress,
            deadline=state.deadline,
        )

    def open(self, secret: bytes) -> None:
        """Bind publisher and control with the box's secret key.

        Where the system may choose both ports, the control port is the one above the publishing port.

        Raises:
            AuthenticatorError: the authenticator does not answer; nothing is bound.
            BindError: a port cannot be bound.
        """
        feed = self._feed
        both_free = feed.publish_port == 0 and feed.control_port == 0
        for attempt in range(PORT_PAIR_TRIES):
            try:
                self._bind(secret, feed.publish_port, None if both_free else feed.control_port)
            except BindError:
                if not both_free or attempt == PORT_PAIR_TRIES - 1:
                    raise
            else:
                return

    def reopen(self, secret: bytes) -> None:
        """Bind the same ports with another key. Seats connect anew, and ask for what they missed.

        Raises:
            AuthenticatorError: the authenticator does not answer; nothing is bound.
            BindError: a port is not free again.
        """
        publisher, control = self.publisher.counters, self.control.counters
        self.close()
        deadline = time.monotonic() + REBIND_SECONDS
        while True:
            try:
                self._bind(secret, self.publish_port, self.control_port)
            except BindError:
                if time.monotonic() >= deadline:
                    raise
                time.sleep(_REBIND_PAUSE)
            else:
                break
        self.publisher.counters, self.control.counters = publisher, control

    def poll_enrolment(self) -> bool:
        """Open or close the enrolment socket as there are codes; true when that has changed.

        Raises:
            AuthenticatorError, BindError, PrivateFileError: as `Enrolment.poll`.
        """
        changed = self.enrolment.poll(self._secret)
        if changed:
            self._watch()
        return changed

    def poll(self, timeout_ms: int) -> None:
        """Wait until a seat said something."""
        self._poller.poll(timeout_ms)

    def forget(self, seat: str) -> None:
        """Forget what is kept for a seat that lost its grant."""
        self.publisher.forget(seat)
        self.control.forget(seat)

    def close(self) -> None:
        """Close all sockets; what is queued goes out within half a second."""
        self.publisher.close()
        self.control.close()
        self.enrolment.close()

    def _bind(self, secret: bytes, publish_port: int, control_port: int | None) -> None:
        state, feed = self._state, self._feed
        self.publisher = Publisher(
            self._context,
            secret,
            state.admission,
            leases=state.leases,
            topics=state.topics,
            egress=state.egress,
        )
        self.control = Control(
            self._context,
            secret,
            admission=state.admission,
            leases=state.leases,
            topics=state.topics,
            feedback=state.feedback,
            timing=Timing(feed.lease_seconds, feed.beat_seconds),
            rotate=state.rotate,
            egress=state.egress,
        )
        try:
            self.publish_port = self.publisher.bind(self._authenticator, feed.bind, publish_port)
            wanted = self.publish_port + 1 if control_port is None else control_port
            self.control_port = self.control.bind(self._authenticator, feed.bind, wanted)
        except (BindError, AuthenticatorError):
            self.publisher.close()
            self.control.close()
            raise
        self._secret = secret
        self._watch()

    def _watch(self) -> None:
        self._poller = zmq.Poller()
        for socket in (self.publisher.socket, self.control.socket, self.enrolment.socket):
            if socket is not None:
                self._poller.register(socket, zmq.POLLIN)
