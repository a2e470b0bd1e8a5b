"""The ZAP handler (ZeroMQ RFC 27): tells libzmq whom to let in, before a peer's first message is read."""

from __future__ import annotations

import os
import struct
import threading
from collections.abc import Callable
from typing import Final

import zmq
import zmq.utils.z85

from appliance.feed.admission import Admitted

ZAP_ENDPOINT: Final = "inproc://zeromq.zap.01"
ZAP_VERSION: Final = b"1.0"
#: ZAP domain of the feed's sockets; a request from elsewhere is denied.
DOMAIN: Final = b"ridge-feed"
#: ZAP domain of the enrolment socket, where any key may in to redeem a code.
ENROL_DOMAIN: Final = b"ridge-enrol"
#: Name of the property that carries the grant's mark on every message of a connection.
MARK_PROPERTY: Final = "Ridge-Mark"
#: A handler in this process answers in well under a millisecond; on a loaded box a second is plenty.
PROBE_SECONDS: Final = 2.0
#: Request id of a probe; libzmq's own requests have the id `1`.
PROBE: Final = b"probe"

Decide = Callable[[str], Admitted | None]


class AuthenticatorError(Exception):
    """The authenticator does not do its work, so nothing may be bound."""


class Authenticator:
    """Answers libzmq's questions in a thread of its own.

    `decide` is given a peer's public key (Z85); when it fails, that one peer is denied and the next is asked.
    """

    def __init__(
        self,
        context: zmq.Context[zmq.Socket[bytes]],
        decide: Decide,
        probe_seconds: float = PROBE_SECONDS,
    ) -> None:
        self._probe_seconds = probe_seconds
        self._context = context
        self._decide = decide
        self._thread: threading.Thread | None = None
        self._stop_address = f"inproc://ridge-authenticator-{id(self)}"
        self._stopper: zmq.Socket[bytes] | None = None
        self.admitted = 0
        self.denied = 0
        #: whether any key may in at the enrolment socket
        self.enrolling = False
        #: times that `decide` failed
        self.failed = 0

    def start(self) -> None:
        """Begin to answer.

        Raises:
            AuthenticatorError: another handler has the ZAP endpoint of this context.
        """
        zap = self._context.socket(zmq.ROUTER)
        zap.linger = 0
        try:
            zap.bind(ZAP_ENDPOINT)
        except zmq.ZMQError as error:
            zap.close()
            raise AuthenticatorError(
                f"another authenticator has {ZAP_ENDPOINT} ({error}); give the feed a context of its own"
            ) from error
        stopped = self._context.socket(zmq.PAIR)
        stopped.bind(self._stop_address)
        self._stopper = self._context.socket(zmq.PAIR)
        self._stopper.linger = 0
        self._stopper.connect(self._stop_address)
        self._thread = threading.Thread(
            target=self._serve, args=(zap, stopped), name="authenticator", daemon=True
        )
        self._thread.start()

    def stop(self) -> None:
        """Stop answering; from then on nobody new gets in."""
        if self._thread is None or self._stopper is None:
            return
        self._stopper.send(b"")
        self._thread.join()
        self._stopper.close()
        self._thread = None

    def probe(self) -> None:
        """Ask as libzmq does, with a key that nobody has, and expect a denial.

        Raises:
            AuthenticatorError: no answer within `probe_seconds`, or the unknown key was let in.
        """
        seconds = self._probe_seconds
        asker = self._context.socket(zmq.REQ)
        asker.linger = 0
        try:
            asker.connect(ZAP_ENDPOINT)
            asker.send_multipart(
                [ZAP_VERSION, PROBE, DOMAIN, b"127.0.0.1", b"", b"CURVE", os.urandom(32)], zmq.NOBLOCK
            )
            if not asker.poll(int(seconds * 1000)):
                raise AuthenticatorError(
                    f"the authenticator did not answer a probe within {seconds:g} s; nothing is bound, "
                    "because without it any key would be let in. Restart the feed"
                )
            reply = asker.recv_multipart()
        except zmq.ZMQError as error:
            raise AuthenticatorError(
                f"the authenticator cannot be asked ({error}); nothing is bound"
            ) from error
        finally:
            asker.close()
        if len(reply) != 6 or reply[:2] != [ZAP_VERSION, PROBE] or reply[2] != b"400":
            raise AuthenticatorError(
                "the authenticator let in a key that nobody has; nothing is bound. Report this"
            )

    def _serve(self, zap: zmq.Socket[bytes], stopped: zmq.Socket[bytes]) -> None:
        poller = zmq.Poller()
        poller.register(zap, zmq.POLLIN)
        poller.register(stopped, zmq.POLLIN)
        try:
            while True:
                ready = dict(poller.poll())
                if stopped in ready:
                    return
                self._answer(zap)
        except zmq.ContextTerminated:
            pass
        finally:
            zap.close()
            stopped.close()

    def _answer(self, zap: zmq.Socket[bytes]) -> None:
        frames = zap.recv_multipart()
        if len(frames) < 8 or frames[1] != b"" or frames[2] != ZAP_VERSION:
            # libzmq asks in this form only; whoever else is in this process gets no answer.
            self.denied += 1
            return
        route, _, _, request, domain, _address, _identity, mechanism, *credentials = frames
        peer = self._judge(domain, mechanism, credentials)
        if peer is None:
            self.denied += request != PROBE
            answer = [b"400", b"not enrolled", b"", b""]
        else:
            self.admitted += request != PROBE
            answer = [b"200", b"", peer.seat.encode(), _property(MARK_PROPERTY, peer.mark)]
        zap.send_multipart([route, b"", ZAP_VERSION, request, *answer])

    def _judge(self, domain: bytes, mechanism: bytes, credentials: list[bytes]) -> Admitted | None:
        if mechanism != b"CURVE" or len(credentials) != 1 or len(credentials[0]) != 32:
            return None
        key = zmq.utils.z85.encode(credentials[0]).decode("ascii")
        if domain == ENROL_DOMAIN and self.enrolling:
            # The code decides; the key is what the seat will be enrolled with.
            return Admitted(key, "enrolling", "")
        if domain != DOMAIN:
            return None
        try:
            return self._decide(key)
        except Exception:
            # Whatever fails, this one peer is denied and the next is asked about.
            self.failed += 1
            return None


def _property(name: str, value: str) -> bytes:
    """One metadata property in the encoding of ZMTP 3.0 (ZeroMQ RFC 23, `metadata`)."""
    return bytes([len(name)]) + name.encode() + struct.pack(">I", len(value)) + value.encode()


def peer_of(frame: zmq.Frame) -> tuple[str | None, str | None]:
    """The seat and the mark that a received frame's connection was let in with."""
    return _get(frame, "User-Id"), _get(frame, MARK_PROPERTY)


def _get(frame: zmq.Frame, name: str) -> str | None:
    try:
        value = frame.get(name)
    except zmq.ZMQError:
        return None
    return value if isinstance(value, str) and value else None


def guard(socket: zmq.Socket[bytes], secret: bytes, domain: bytes = DOMAIN) -> None:
    """Make a socket a CURVE server that asks the authenticator, and refuses everybody where none answers."""
    socket.curve_server = True
    socket.curve_secretkey = secret
    socket.zap_domain = domain
    # Without this libzmq lets every key in while no handler is bound (ZMQ_ZAP_ENFORCE_DOMAIN).
    socket.setsockopt(zmq.ZAP_ENFORCE_DOMAIN, 1)
    # A peer that does not finish its handshake is dropped; the default is 30 s.
    socket.handshake_ivl = 5_000
    socket.setsockopt(zmq.HEARTBEAT_IVL, 5_000)
    socket.setsockopt(zmq.HEARTBEAT_TIMEOUT, 15_000)
