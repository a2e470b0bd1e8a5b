"""The control socket: a ROUTER where a seat renews its lease, asks for what it has not, and judges advice."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

import zmq

from appliance.feed.admission import Admission, Admitted
from appliance.feed.authenticator import Authenticator, guard, peer_of
from appliance.feed.egress import Egress
from appliance.feed.feedback import Feedback
from appliance.feed.grants import GrantError
from appliance.feed.leases import Leases
from appliance.feed.private_file import PrivateFileError
from appliance.feed.publisher import BACKLOG, bind_tcp
from appliance.feed.topics import NotGivenError, Topics, UnknownCallError
from appliance.protocol.bucket import LeakyBucket
from appliance.protocol.codec import SchemaError
from appliance.protocol.replies import (
    ErrorCode,
    ErrorReply,
    FeedbackReply,
    LeaseReply,
    ReplayReply,
    Reply,
    RotateReply,
    SnapshotReply,
)
from appliance.protocol.requests import (
    MAX_REQUEST_BYTES,
    FeedbackRequest,
    LeaseRequest,
    ReplayRequest,
    Request,
    RotateRequest,
    SnapshotRequest,
    decode_request,
)

#: Messages in one reply; 64 of 4 KiB are a quarter of a megabyte.
MESSAGES_A_REPLY: Final = 64
#: A seat asks twice when it connects, once a gap, and renews its lease three times in the lease's time.
REQUESTS_A_SECOND: Final = 10.0
REQUESTS_BURST: Final = 40.0
#: A seat takes one when it starts, and one when it could not renew the last in time.
NEW_LEASES_A_SECOND: Final = 0.5
NEW_LEASES_BURST: Final = 16.0
#: An agent judges a piece of advice now and then; a call is given some ten.
VERDICTS_A_SECOND: Final = 0.5
VERDICTS_BURST: Final = 10.0
#: A key is exchanged a few times a year.
ROTATIONS_A_SECOND: Final = 1 / 600
ROTATIONS_BURST: Final = 3.0
#: Requests that are answered before the other sockets get their turn.
REQUESTS_A_TURN: Final = 64
#: Replies that wait for a slow seat before it misses some.
QUEUED_REPLIES: Final = 64
#: Frames of one request that are read at all; a request has one, and some clients put an empty one before it.
MAX_FRAMES: Final = 2


#: Gives a seat another public key (Z85), and returns the seconds for which the old one stays valid. May raise
#: GrantError (the key is in use) or PrivateFileError.
Rotate = Callable[[str, str], float]


@dataclass(frozen=True, slots=True)
class Timing:
    """What a lease tells a seat of the feed's pace, in seconds."""

    lease_seconds: float
    beat_seconds: float


@dataclass(slots=True)
class ControlCounters:
    """What happened at the control socket."""

    answered: int = 0
    bad: int = 0
    not_granted: int = 0
    no_lease: int = 0
    too_many: int = 0
    verdicts: int = 0
    verdicts_refused: int = 0
    rotated: int = 0
    bytes: int = 0


class Control:
    """Answers seats that hold their grant, about their own topic only."""

    def __init__(
        self,
        context: zmq.Context[zmq.Socket[bytes]],
        secret: bytes,
        *,
        admission: Admission,
        leases: Leases,
        topics: Topics,
        feedback: Feedback,
        timing: Timing,
        rotate: Rotate,
        egress: Egress,
    ) -> None:
        self._egress = egress
        self._admission = admission
        self._leases = leases
        self._topics = topics
        self._feedback = feedback
        self._timing = timing
        self._rotate = rotate
        #: the key that the box will have, and from when on (unix time in ms)
        self.next_box: tuple[str, int] | None = None
        self._budgets: dict[str, LeakyBucket] = {}
        self._rotation_budgets: dict[str, LeakyBucket] = {}
        self._lease_budgets: dict[str, LeakyBucket] = {}
        self._verdict_budgets: dict[str, LeakyBucket] = {}
        self.counters = ControlCounters()
        self.socket = context.socket(zmq.ROUTER)
        self.socket.sndhwm = QUEUED_REPLIES
        self.socket.rcvhwm = QUEUED_REPLIES
        self.socket.linger = 500
        self.socket.backlog = BACKLOG
        # A frame above this ends the connection; a little slack, so that small mistakes get an answer.
        self.socket.maxmsgsize = 4 * MAX_REQUEST_BYTES
        guard(self.socket, secret)

    def bind(self, authenticator: Authenticator, address: str, port: int) -> int:
        """Bind to `address`; port 0 lets the system choose. Returns the port.

        Raises:
            AuthenticatorError: the authenticator did not answer its probe; nothing is bound.
            BindError: the address or the port cannot be used.
        """
        authenticator.probe()
        return bind_tcp(self.socket, address, port)

    def serve(self, now: float) -> None:
        """Answer the requests that have come in; `now` is monotonic, in seconds."""
        for _ in range(REQUESTS_A_TURN):
            try:
                route = self.socket.recv(zmq.NOBLOCK)
            except zmq.Again:
                return
            frames = self._rest()
            if frames:
                self._answer(route, frames, now)
            else:
                self.counters.bad += 1

    def forget(self, seat: str) -> None:
        """Forget what is kept for a seat that lost its grant."""
        self._budgets.pop(seat, None)
        self._rotation_budgets.pop(seat, None)
        self._lease_budgets.pop(seat, None)
        self._verdict_budgets.pop(seat, None)

    def close(self) -> None:
        """Close the socket; what is queued goes out within half a second."""
        self.socket.close()

    def _rest(self) -> list[zmq.Frame]:
        """The frames after the route; empty where there are none or too many."""
        frames: list[zmq.Frame] = []
        count = 0
        while self.socket.getsockopt(zmq.RCVMORE):
            frame = self.socket.recv(zmq.NOBLOCK, copy=False)
            count += 1
            if count <= MAX_FRAMES:
                frames.append(frame)
        return frames if count <= MAX_FRAMES else []

    def _answer(self, route: bytes, frames: list[zmq.Frame], now: float) -> None:
        # A REQ socket puts an empty frame before its request, and wants it back.
        envelope = [route, b""] if len(frames) == 2 and not frames[0].bytes else [route]
        peer = self._admission.peer(*peer_of(frames[-1]))
        if peer is None:
            self.counters.not_granted += 1
            self._send(envelope, ErrorReply(0, "not_granted"))
            return
        budget = self._budgets.setdefault(peer.seat, LeakyBucket(REQUESTS_A_SECOND, REQUESTS_BURST))
        if not budget.pour(1.0, now):
            self.counters.too_many += 1
            return
        request = _read(frames, envelope)
        if request is None:
            self.counters.bad += 1
            self._send(envelope, ErrorReply(0, "bad_request"), peer.topic)
            return
        head, messages = self._reply(peer, request, now)
        if not isinstance(head, ErrorReply):
            self.counters.answered += 1
            self.counters.bytes += sum(map(len, messages))
        self._send(envelope, head, peer.topic, messages)

    def _reply(self, peer: Admitted, request: Request, now: float) -> tuple[Reply, tuple[bytes, ...]]:
        if isinstance(request, LeaseRequest):
            return self._leased(peer, request, now), ()
        if isinstance(request, RotateRequest):
            return self._rotated(peer, request, now), ()
        if not self._leases.any(peer, now):
            self.counters.no_lease += 1
            return ErrorReply(request.id, "no_lease"), ()
        if isinstance(request, SnapshotRequest):
            snapshot = self._topics.snapshot(peer.topic)
            return SnapshotReply(request.id, snapshot.epoch, snapshot.sequence), snapshot.messages
        if isinstance(request, ReplayRequest):
            replay = self._topics.replay(peer.topic, request.after, MESSAGES_A_REPLY)
            return ReplayReply(request.id, replay.epoch, replay.sequence, replay.more), replay.messages
        return self._judged(peer, request, now), ()

    def _leased(self, peer: Admitted, request: LeaseRequest, now: float) -> Reply:
        renewed = request.lease is not None and self._leases.holds(peer, request.lease, now)
        budget = self._lease_budgets.setdefault(peer.seat, LeakyBucket(NEW_LEASES_A_SECOND, NEW_LEASES_BURST))
        if not renewed and not budget.pour(1.0, now):
            self.counters.too_many += 1
            return ErrorReply(request.id, "too_many_requests")
        lease = self._leases.grant(peer, request.lease, now)
        epoch, sequence = self._topics.position(peer.topic)
        next_box, next_box_from = self.next_box or (None, None)
        return LeaseReply(
            request.id,
            lease,
            peer.topic,
            epoch,
            sequence,
            seconds=self._timing.lease_seconds,
            beat=self._timing.beat_seconds,
            next_box=next_box,
            next_box_from=next_box_from,
            ledger=self._egress.recorded,
        )

    def _rotated(self, peer: Admitted, request: RotateRequest, now: float) -> Reply:
        budget = self._rotation_budgets.setdefault(
            peer.seat, LeakyBucket(ROTATIONS_A_SECOND, ROTATIONS_BURST)
        )
        if not peer.current:
            # Whoever has found an old key must not be able to lock the seat out with it.
            return ErrorReply(request.id, "old_key")
        if not budget.pour(1.0, now):
            self.counters.too_many += 1
            return ErrorReply(request.id, "too_many_requests")
        try:
            seconds = self._rotate(peer.seat, request.key)
        except GrantError:
            return ErrorReply(request.id, "key_in_use")
        except PrivateFileError:
            return ErrorReply(request.id, "unavailable")
        self.counters.rotated += 1
        return RotateReply(request.id, seconds)

    def _judged(self, peer: Admitted, request: FeedbackRequest, now: float) -> Reply:
        budget = self._verdict_budgets.setdefault(peer.seat, LeakyBucket(VERDICTS_A_SECOND, VERDICTS_BURST))
        error: ErrorCode = "too_many_requests"
        if budget.pour(1.0, now):
            try:
                before = self._topics.judge(peer.topic, request.call, request.advice, request.verdict)
            except UnknownCallError:
                error = "unknown_call"
            except NotGivenError:
                error = "not_given"
            else:
                self._feedback.enter(request.advice, request.verdict, before)
                self.counters.verdicts += 1
                return FeedbackReply(request.id)
        self.counters.verdicts_refused += 1
        return ErrorReply(request.id, error)

    def _send(
        self, envelope: list[bytes], reply: Reply, topic: str = "", messages: tuple[bytes, ...] = ()
    ) -> None:
        self._egress.reply(self.socket, topic, envelope, reply, messages=messages)


def _read(frames: list[zmq.Frame], envelope: list[bytes]) -> Request | None:
    if len(frames) != len(envelope):
        return None
    try:
        return decode_request(frames[-1].bytes)
    except SchemaError:
        return None
