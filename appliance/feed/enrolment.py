"""The enrolment socket: open only while codes are, and good for nothing but redeeming one.

Whoever knows the box's public key may connect; the code decides. The key of the connection is the one that
the seat is enrolled with, so no key is ever sent.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

import zmq

from appliance.feed.authenticator import ENROL_DOMAIN, Authenticator, guard, peer_of
from appliance.feed.codes import CodeBook, CodeError
from appliance.feed.egress import Egress
from appliance.feed.private_file import PrivateFileError
from appliance.feed.publisher import BACKLOG, bind_tcp
from appliance.protocol.bucket import LeakyBucket
from appliance.protocol.codec import SchemaError
from appliance.protocol.replies import ErrorReply, RedeemReply, Reply
from appliance.protocol.requests import MAX_REQUEST_BYTES, decode_redeem

#: A whole centre may redeem its codes in one morning's minutes; guessing is hopeless at any rate.
REQUESTS_A_SECOND: Final = 20.0
REQUESTS_BURST: Final = 100.0
#: Redeeming writes two files; the calls that are on come first.
REQUESTS_A_TURN: Final = 2
QUEUED_REPLIES: Final = 64
MAX_FRAMES: Final = 2


@dataclass(slots=True)
class EnrolmentCounters:
    """What happened at the enrolment socket."""

    redeemed: int = 0
    bad_codes: int = 0
    bad: int = 0
    too_many: int = 0


class Enrolment:
    """Opens and closes the socket as there are codes, and redeems them."""

    def __init__(
        self,
        context: zmq.Context[zmq.Socket[bytes]],
        authenticator: Authenticator,
        codes: CodeBook,
        address: tuple[str, int],
        egress: Egress,
        *,
        deadline: Callable[[], int],
    ) -> None:
        self._egress = egress
        #: what the ends of codes are held against (unix ms)
        self._deadline = deadline
        self._context = context
        self._authenticator = authenticator
        self._codes = codes
        self._address = address
        self._budget = LeakyBucket(REQUESTS_A_SECOND, REQUESTS_BURST)
        self._seen: tuple[int, int] | None = None
        self._until = 0
        self.counters = EnrolmentCounters()
        self.socket: zmq.Socket[bytes] | None = None
        self.port = 0

    def poll(self, secret: bytes) -> bool:
        """Open or close as there are codes; true when that has changed.

        Raises:
            AuthenticatorError: the authenticator did not answer its probe; nothing is bound.
            BindError: the port cannot be used.
            PrivateFileError: the codes cannot be read; the socket is closed.
        """
        try:
            status = self._codes.path.stat()
            seen = (status.st_mtime_ns, status.st_ino)
        except OSError:
            seen = None
        if seen != self._seen:
            self._seen, self._until = seen, 0
            self._until = max((code.until for code in self._codes.read().values()), default=0)
        wanted = self._deadline() < self._until
        if wanted == (self.socket is not None):
            return False
        if wanted:
            self._open(secret)
        else:
            self.close()
        return True

    def serve(self, ports: tuple[int, int], now: float) -> bool:
        """Redeem what has come in; `ports` are those of publisher and control. True when one was enrolled."""
        enrolled = False
        for _ in range(REQUESTS_A_TURN if self.socket is not None else 0):
            try:
                frames = self._receive()
            except zmq.Again:
                break
            enrolled |= frames is not None and self._answer(*frames, ports, now)
        return enrolled

    def close(self) -> None:
        """Close the socket, if it is open."""
        if self.socket is not None:
            self.socket.close()
            self.socket = None
            self._authenticator.enrolling = False

    def _open(self, secret: bytes) -> None:
        socket = self._context.socket(zmq.ROUTER)
        socket.sndhwm = socket.rcvhwm = QUEUED_REPLIES
        socket.linger = 500
        socket.backlog = BACKLOG
        socket.maxmsgsize = 4 * MAX_REQUEST_BYTES
        guard(socket, secret, ENROL_DOMAIN)
        try:
            self._authenticator.probe()
            self.port = bind_tcp(socket, *self._address)
        except BaseException:
            socket.close()
            # Tried again at the next change of the file only.
            self._until = 0
            raise
        self.socket = socket
        self._authenticator.enrolling = True

    def _receive(self) -> tuple[list[bytes], zmq.Frame] | None:
        """The envelope and the request; None where it is none."""
        if self.socket is None:
            return None
        frames = [self.socket.recv(zmq.NOBLOCK, copy=False)]
        while self.socket.getsockopt(zmq.RCVMORE):
            frame = self.socket.recv(zmq.NOBLOCK, copy=False)
            if len(frames) <= MAX_FRAMES:
                frames.append(frame)
        envelope = [frame.bytes for frame in frames[:-1]]
        if len(frames) == 2 or (len(frames) == 3 and not envelope[1]):
            return envelope, frames[-1]
        self.counters.bad += 1
        return None

    def _answer(self, envelope: list[bytes], frame: zmq.Frame, ports: tuple[int, int], now: float) -> bool:
        if not self._budget.pour(1.0, now):
            self.counters.too_many += 1
            return False
        key, _ = peer_of(frame)
        try:
            request = decode_redeem(frame.bytes)
        except SchemaError:
            self.counters.bad += 1
            self._send(envelope, ErrorReply(0, "bad_request"))
            return False
        reply: Reply
        try:
            self._codes.redeem(request.seat, request.code, (key or "").encode(), self._deadline())
        except CodeError:
            self.counters.bad_codes += 1
            reply = ErrorReply(request.id, "bad_code")
        except PrivateFileError:
            reply = ErrorReply(request.id, "unavailable")
        else:
            self.counters.redeemed += 1
            reply = RedeemReply(request.id, *ports)
        self._send(envelope, reply)
        return isinstance(reply, RedeemReply)

    def _send(self, envelope: list[bytes], reply: Reply) -> None:
        if self.socket is not None:
            self._egress.reply(self.socket, "", envelope, reply)
