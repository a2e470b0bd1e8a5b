"""The control socket: a ROUTER where a seat asks for the present state, or for messages that it missed."""

from __future__ import annotations

import contextlib
from dataclasses import dataclass
from typing import Final

import msgspec
import zmq

from appliance.feed.admission import Admission
from appliance.feed.authenticator import Authenticator, guard, peer_of
from appliance.feed.publisher import BACKLOG, bind_tcp
from appliance.feed.topics import Topics
from appliance.protocol.bucket import LeakyBucket
from appliance.protocol.codec import SchemaError
from appliance.protocol.requests import MAX_REQUEST_BYTES, SnapshotRequest, decode_request

#: Messages in one reply; 64 of 4 KiB are a quarter of a megabyte.
MESSAGES_A_REPLY: Final = 64
#: A seat asks once when it connects and once a gap.
REQUESTS_A_SECOND: Final = 10.0
REQUESTS_BURST: Final = 40.0
#: Requests that are answered before the other sockets get their turn.
REQUESTS_A_TURN: Final = 64
#: Replies that wait for a slow seat before it misses some.
QUEUED_REPLIES: Final = 64
#: Frames of one request that are read at all; a request has one, and some clients put an empty one before it.
MAX_FRAMES: Final = 2


class ReplyHead(msgspec.Struct, frozen=True):
    """The first frame of an answer; encoded messages follow as frames of their own."""

    reply: str
    id: int
    #: of the grant: the third part of the topic that messages come under
    mark: str = ""
    #: the topic's last sequence number
    seq: int = 0
    #: there are more messages: ask again after the last one
    more: bool = False


class ErrorReply(msgspec.Struct, frozen=True, tag="error", tag_field="reply"):
    """The answer to a request that was refused; `id` is 0 where the request had none that could be read."""

    id: int
    #: `bad_request`, `not_granted` or `too_many_requests`
    error: str


@dataclass(slots=True)
class ControlCounters:
    """What happened at the control socket."""

    answered: int = 0
    bad: int = 0
    not_granted: int = 0
    too_many: int = 0
    bytes: int = 0


class Control:
    """Answers seats that hold their grant, about their own topic only."""

    def __init__(
        self,
        context: zmq.Context[zmq.Socket[bytes]],
        secret: bytes,
        admission: Admission,
        topics: Topics,
    ) -> None:
        self._admission = admission
        self._topics = topics
        self._budgets: dict[str, LeakyBucket] = {}
        self._encoder = msgspec.msgpack.Encoder()
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
        seat, mark = peer_of(frames[-1])
        if seat is None or mark is None or not self._admission.holds(seat, mark):
            self.counters.not_granted += 1
            self._send([*envelope, self._encoder.encode(ErrorReply(0, "not_granted"))])
            return
        budget = self._budgets.setdefault(seat, LeakyBucket(REQUESTS_A_SECOND, REQUESTS_BURST))
        if not budget.pour(1.0, now):
            self.counters.too_many += 1
            return
        if len(frames) != len(envelope):
            self.counters.bad += 1
            self._send([*envelope, self._encoder.encode(ErrorReply(0, "bad_request"))])
            return
        try:
            request = decode_request(frames[-1].bytes)
        except SchemaError:
            self.counters.bad += 1
            self._send([*envelope, self._encoder.encode(ErrorReply(0, "bad_request"))])
            return
        if isinstance(request, SnapshotRequest):
            snapshot = self._topics.snapshot(seat)
            head = ReplyHead("snapshot", request.id, mark, snapshot.sequence)
            messages = snapshot.messages
        else:
            replay = self._topics.replay(seat, request.after, MESSAGES_A_REPLY)
            head = ReplyHead("replay", request.id, mark, replay.sequence, replay.more)
            messages = replay.messages
        self.counters.answered += 1
        self.counters.bytes += sum(map(len, messages))
        self._send([*envelope, self._encoder.encode(head), *messages])

    def _send(self, frames: list[bytes]) -> None:
        # A ROUTER drops what a peer that has gone or does not read cannot take.
        with contextlib.suppress(zmq.Again):
            self.socket.send_multipart(frames, zmq.NOBLOCK)
