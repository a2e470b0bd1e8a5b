"""A SIPREC recording server (RFC 7866) without I/O: datagrams and stream bytes in, messages and events out.

The program that drives it hands in what came from the network together with the time, sends what
`data_to_send` lists, calls `handle_timer` when `next_timer` says so, and answers the offers that
`next_event` tells of. An INVITE without a session description is refused with 488: only the client knows
which streams it has (RFC 7866 section 6.1). Within a session it gets our last description as an offer,
because gateways refresh that way.
"""

from __future__ import annotations

from collections import Counter, deque
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

from appliance.telephony.dialog import (
    SUPPORTED_OPTIONS,
    Dialog,
    Incoming,
    read_request,
    remote_contact,
)
from appliance.telephony.recording_body import RecordingBody, read_body
from appliance.telephony.recording_events import (
    EndReason,
    RecordingEvent,
    SessionBody,
    SessionChanged,
    SessionConfirmed,
    SessionEnded,
    SessionOffered,
)
from appliance.telephony.recording_session import PendingRequest, RecordingSession
from appliance.telephony.responses import ALLOW, SUPPORTED, Fields, make_response
from appliance.telephony.sdp import SessionDescription
from appliance.telephony.sdp_answer import NotAcceptableError, advertised
from appliance.telephony.session_timer import IntervalTooSmallError, SessionTimer, negotiate
from appliance.telephony.sip import Headers, SipError, SipMessage, SipRequest, SipResponse, parse_datagram
from appliance.telephony.sip_headers import parse_via
from appliance.telephony.sip_stream import PONG, SipStream
from appliance.telephony.sip_transaction import (
    ClientTransaction,
    Peer,
    ServerTransaction,
    Transmission,
    transaction_key,
)
from appliance.telephony.timers import Timers

#: Transactions are remembered for 32 s; a gateway with 60 calls makes a few hundred in that time.
MAX_TRANSACTIONS: Final = 20_000
#: What a client that was refused for load should wait, in seconds.
RETRY_AFTER: Final = 5

DELAYED_OFFER: Final = NotAcceptableError(399, "Send a session description with the INVITE")


@dataclass(frozen=True, slots=True)
class ServerSettings:
    """How the server behaves."""

    max_sessions: int
    #: RFC 4028, in seconds
    session_expires: int
    #: whether requests of ours may be sent to this IP address
    allowed: Callable[[str], bool]
    #: random characters for tags and branches (RFC 3261 section 19.3: at least 32 random bits)
    token: Callable[[], str]


class RecordingServer:
    """All sessions and transactions of one server."""

    def __init__(self, settings: ServerSettings) -> None:
        self.timers = Timers()
        #: what happened: requests by method, refusals by status, and oddities
        self.counters: Counter[str] = Counter()
        #: refuse new calls with 503
        self.stopping = False
        self._settings = settings
        self._events: deque[RecordingEvent] = deque()
        self._outbox: list[Transmission] = []
        self._server_transactions: dict[str, ServerTransaction] = {}
        self._client_transactions: dict[str, ClientTransaction] = {}
        self._sessions: dict[str, RecordingSession] = {}
        self._dialogs: dict[tuple[str, str, str], RecordingSession] = {}
        self._streams: dict[int, SipStream] = {}

    # What the driver calls

    def receive_datagram(self, data: bytes, peer: Peer, now: float) -> None:
        """Take one UDP datagram."""
        if not data.strip(b"\r\n\0 "):
            self.counters["keep_alive"] += 1
            return
        try:
            message = parse_datagram(data)
        except SipError as error:
            self._refuse_unreadable(error, peer, now)
            return
        self._receive(message, peer, now)

    def receive_stream(self, data: bytes, peer: Peer, now: float) -> bool:
        """Take bytes of a TCP connection; False: nothing more can be read from it, close it."""
        stream = self._streams.setdefault(peer.connection, SipStream())
        stream.feed(data)
        try:
            while (message := stream.next_message()) is not None:
                self._receive(message, peer, now)
        except SipError as error:
            self._refuse_unreadable(error, peer, now)
            return False
        for _ in range(stream.take_pongs()):
            self.transmit(PONG, peer)
        return True

    def close_stream(self, connection: int, now: float) -> None:
        """A TCP connection is closed; requests of ours that wait on it have failed."""
        self._streams.pop(connection, None)
        for transaction in list(self._client_transactions.values()):
            if transaction.peer.connection == connection:
                transaction.fail(now)

    def next_event(self) -> RecordingEvent | None:
        """The next thing the program has to know, or None."""
        return self._events.popleft() if self._events else None

    def data_to_send(self) -> list[Transmission]:
        """What to send, in order; asked for once."""
        outbox, self._outbox = self._outbox, []
        return outbox

    def next_timer(self) -> float | None:
        """When `handle_timer` is to be called next."""
        return self.timers.next_due()

    def handle_timer(self, now: float) -> None:
        """Do what is due."""
        self.timers.run(now)

    @property
    def sessions(self) -> int:
        """How many sessions there are."""
        return len(self._sessions)

    @property
    def waits_for_answers(self) -> bool:
        """Whether a request of ours waits for its final response, or a session for the ACK to be ended."""
        return bool(self._sessions) or any(
            not transaction.done for transaction in self._client_transactions.values()
        )

    def accept(self, name: str, answer: SessionDescription, now: float) -> None:
        """Answer the offer that the session waits with."""
        session = self._sessions.get(name)
        if session is None or session.pending is None:
            return
        pending, session.pending = session.pending, None
        session.local = answer
        self._succeed(
            session, pending.incoming, pending.transaction, pending.timer, description=answer, now=now
        )

    def reject(self, name: str, status: int, now: float, fields: Fields = ()) -> None:
        """Refuse the offer that the session waits with; a new session is over with it."""
        session = self._sessions.get(name)
        if session is None or session.pending is None:
            return
        pending, session.pending = session.pending, None
        self._respond(
            pending.incoming, pending.transaction, status, now, fields=fields, tag=session.dialog.local_tag
        )
        if not session.established:
            session.over = True
            self.session_over(session, "rejected")

    def end(self, name: str, now: float) -> None:
        """End a session with BYE (or refuse it, where it was not answered yet)."""
        session = self._sessions.get(name)
        if session is None:
            return
        if session.pending is not None:
            self.reject(name, 480, now)
        if not session.over:
            session.end_by_bye("ended", now)

    # What sessions and transactions call

    def transmit(self, data: bytes, peer: Peer) -> None:
        """Put bytes into the outbox."""
        self._outbox.append(Transmission(data, peer))

    def token(self) -> str:
        """Random characters."""
        return self._settings.token()

    def send_request(
        self,
        session: RecordingSession,
        request: SipRequest,
        answered: Callable[[SipResponse | None, float], None],
        now: float,
    ) -> ClientTransaction:
        """Send a request within a session."""
        branch = parse_via(request.headers.values("Via")[0]).branch
        peer = session.dialog.destination(self._settings.allowed)
        transaction = ClientTransaction(
            self, request, peer, now, answered=answered, ended=lambda: self._forget_client(branch)
        )
        self._client_transactions[branch] = transaction
        return transaction

    def session_over(self, session: RecordingSession, reason: EndReason) -> None:
        """Forget a session and tell the program."""
        session.disarm()
        dialog = session.dialog
        self._sessions.pop(session.name, None)
        self._dialogs.pop((dialog.call_id, dialog.local_tag, dialog.remote_tag), None)
        self._events.append(SessionEnded(session.name, reason))

    def _forget_client(self, branch: str) -> None:
        self._client_transactions.pop(branch, None)

    # Receiving

    def _refuse_unreadable(self, error: SipError, peer: Peer, now: float) -> None:
        self.counters["unreadable"] += 1
        head = error.head
        if not isinstance(head, SipRequest) or head.method == "ACK":
            return
        try:
            incoming = read_request(head, peer, now)
        except SipError:
            return
        self._refuse_statelessly(incoming, error.status)

    def _receive(self, message: SipMessage, peer: Peer, now: float) -> None:
        if isinstance(message, SipResponse):
            self._receive_response(message, now)
            return
        try:
            incoming = read_request(message, peer, now)
        except SipError:
            # Without Via, From, To, Call-ID and CSeq no response can be addressed.
            self.counters["unreadable"] += 1
            return
        key = transaction_key(incoming.request, incoming.via, incoming.cseq)
        transaction = self._server_transactions.get(key)
        self.counters[incoming.request.method.lower() if incoming.request.method in ALLOW else "other"] += 1
        if incoming.request.method == "ACK":
            self._acknowledge(incoming, transaction)
        elif incoming.request.method == "CANCEL":
            self._cancel(incoming, transaction)
        elif transaction is not None:
            self.counters["retransmitted"] += 1
            transaction.request_again()
        elif len(self._server_transactions) >= MAX_TRANSACTIONS:
            self._refuse_statelessly(incoming, 503, (("Retry-After", str(RETRY_AFTER)),))
        else:
            self._handle(incoming, key)

    def _handle(self, incoming: Incoming, key: str) -> None:
        """Handle a new request: checks of RFC 3261 section 8.2, then by method."""
        transaction = ServerTransaction(
            self, incoming.request, incoming.peer, lambda: self._forget_server(key)
        )
        request = incoming.request
        session = None
        try:
            if request.method not in ("INVITE", "BYE", "OPTIONS", "UPDATE"):
                raise SipError("a method that is not supported", 405)
            if not request.uri.lower().startswith(("sip:", "sips:", "tel:")):
                raise SipError("a URI scheme that is not supported", 416)
            required = request.headers.values("Require")
            unknown = [option for option in required if option.lower() not in SUPPORTED_OPTIONS]
            if incoming.to_tag is not None:
                session = self._session_of(incoming)
                if session is None:
                    raise SipError("no such dialog", 481)
            if unknown:
                self._register(key, transaction)
                fields = (("Unsupported", ", ".join(unknown)), ("Supported", SUPPORTED))
                self._respond(incoming, transaction, 420, incoming.now, fields=fields)
                return
            if session is not None:
                self._check_order(session, incoming)
            elif request.method == "INVITE" and self._refuses_calls():
                # Kept without state, so that a flood costs neither memory nor retransmissions.
                self._refuse_statelessly(incoming, 503, (("Retry-After", str(RETRY_AFTER)),))
                return
            self._register(key, transaction)
            self._dispatch(incoming, transaction, session)
        except NotAcceptableError as error:
            self._respond(incoming, transaction, 488, incoming.now, fields=(("Warning", error.warning),))
        except IntervalTooSmallError as error:
            self._register(key, transaction)
            self._respond(incoming, transaction, 422, incoming.now, fields=(("Min-SE", str(error.minimum)),))
        except SipError as error:
            self._register(key, transaction)
            self._respond(incoming, transaction, error.status, incoming.now)

    def _register(self, key: str, transaction: ServerTransaction) -> None:
        self._server_transactions[key] = transaction

    def _forget_server(self, key: str) -> None:
        self._server_transactions.pop(key, None)

    def _refuses_calls(self) -> bool:
        return self.stopping or len(self._sessions) >= self._settings.max_sessions

    def _session_of(self, incoming: Incoming) -> RecordingSession | None:
        return self._dialogs.get((incoming.call_id, incoming.to_tag or "", incoming.from_tag))

    def _check_order(self, session: RecordingSession, incoming: Incoming) -> None:
        """RFC 3261 section 12.2.2: an older CSeq is an error; and section 14.2: one INVITE at a time."""
        if incoming.cseq <= session.dialog.remote_cseq:
            raise SipError("a CSeq that is out of order", 500)
        session.dialog.remote_cseq = incoming.cseq
        session.dialog.peer = incoming.peer
        if incoming.request.method in ("INVITE", "UPDATE"):
            if session.pending is not None:
                raise SipError("a request while another waits for its answer", 500)
            if session.refreshing is not None and session.refreshing.request.method == "INVITE":
                raise SipError("a request that meets one of ours", 491)

    def _dispatch(
        self, incoming: Incoming, transaction: ServerTransaction, session: RecordingSession | None
    ) -> None:
        method = incoming.request.method
        if method == "OPTIONS":
            self._respond(incoming, transaction, 200, incoming.now)
        elif session is None and method == "INVITE":
            self._invite(incoming, transaction)
        elif session is None:
            raise SipError("a request outside of any dialog", 481)
        elif method == "BYE":
            self._respond(incoming, transaction, 200, incoming.now)
            if session.pending is not None:
                pending, session.pending = session.pending, None
                self._respond(pending.incoming, pending.transaction, 487, incoming.now)
            session.over = True
            self.session_over(session, "bye")
        else:
            self._change(incoming, transaction, session)

    def _invite(self, incoming: Incoming, transaction: ServerTransaction) -> None:
        """A new call."""
        if any(
            dialog[0] == incoming.call_id
            and dialog[2] == incoming.from_tag
            and held.invite_cseq == incoming.cseq
            for dialog, held in self._dialogs.items()
        ):
            # RFC 3261 section 8.2.2.2: the same request has come on another way.
            raise SipError("a merged request", 482)
        timer = negotiate(incoming.request.headers, self._settings.session_expires)
        body = read_body(incoming.request)
        if body.description is None:
            raise DELAYED_OFFER
        headers = incoming.request.headers
        siprec = "+sip.src" in remote_contact(incoming).parameters or "siprec" in headers.tokens("Require")
        dialog = Dialog.of(incoming, self.token())
        session = RecordingSession(self.token(), dialog, self)
        session.pending = PendingRequest(incoming, transaction, timer, body.description)
        session.invite = transaction
        session.client_methods = headers.tokens("Allow")
        self._sessions[session.name] = session
        self._dialogs[dialog.call_id, dialog.local_tag, dialog.remote_tag] = session
        told = self._tell(session, body)
        self._events.append(SessionOffered(session.name, incoming.peer.address, told, siprec))

    def _tell(self, session: RecordingSession, body: RecordingBody) -> SessionBody:
        if body.metadata is not None:
            session.metadata = (
                body.metadata if session.metadata is None else session.metadata.updated(body.metadata)
            )
        return SessionBody(body.description, session.metadata, body.broken_metadata)

    def _change(self, incoming: Incoming, transaction: ServerTransaction, session: RecordingSession) -> None:
        """A re-INVITE or UPDATE."""
        headers = incoming.request.headers
        is_invite = incoming.request.method == "INVITE"
        timer = negotiate(headers, self._settings.session_expires)
        body = read_body(incoming.request)
        if "Contact" in headers:
            session.dialog.remote_target = remote_contact(incoming).uri
        if "Allow" in headers:
            session.client_methods = headers.tokens("Allow")
        if is_invite:
            session.invite, session.invite_cseq = transaction, incoming.cseq
        told = self._tell(session, body)
        if body.description is not None:
            session.pending = PendingRequest(incoming, transaction, timer, body.description)
            self._events.append(SessionChanged(session.name, told, needs_answer=True))
            return
        description = None
        if is_invite and session.local is not None:
            session.local = description = advertised(session.local)
            session.awaits_answer = True
        self._succeed(session, incoming, transaction, timer, description=description, now=incoming.now)
        if body.metadata is not None or body.broken_metadata:
            self._events.append(SessionChanged(session.name, told, needs_answer=False))

    def _acknowledge(self, incoming: Incoming, transaction: ServerTransaction | None) -> None:
        """An ACK: for a refusal by its transaction, for a 2xx by its dialog."""
        if (
            transaction is not None
            and transaction.response is not None
            and transaction.response.status >= 300
        ):
            transaction.acknowledge()
            return
        session = self._session_of(incoming)
        if session is None or session.invite is None or incoming.cseq != session.invite_cseq:
            self.counters["stray_ack"] += 1
            return
        if session.invite.acknowledged:
            return
        session.invite.acknowledge()
        if session.awaits_answer:
            session.awaits_answer = False
            try:
                body = read_body(incoming.request)
            except SipError:
                # Nothing can answer an ACK; the streams stay as they were.
                self.counters["unreadable_answer"] += 1
            else:
                told = self._tell(session, body)
                self._events.append(SessionChanged(session.name, told, needs_answer=False))
        if not session.confirmed:
            session.confirmed = True
            self._events.append(SessionConfirmed(session.name))
        if session.end_when_confirmed is not None:
            session.end_by_bye(session.end_when_confirmed, incoming.now)

    def _cancel(self, incoming: Incoming, transaction: ServerTransaction | None) -> None:
        """A CANCEL (RFC 3261 section 9.2): it has an effect only before the final response."""
        if transaction is None or not transaction.is_invite:
            self._refuse_statelessly(incoming, 481)
            return
        session = next(
            (
                held
                for held in self._sessions.values()
                if held.pending is not None and held.pending.transaction is transaction
            ),
            None,
        )
        tag = session.dialog.local_tag if session is not None else self._stateless_tag(incoming)
        self.transmit(make_response(incoming, 200, tag).serialise(), incoming.peer)
        if session is None or session.pending is None:
            return
        pending, session.pending = session.pending, None
        self._respond(pending.incoming, pending.transaction, 487, incoming.now, tag=tag)
        if not session.established:
            session.over = True
            self.session_over(session, "cancelled")

    def _receive_response(self, response: SipResponse, now: float) -> None:
        try:
            vias = response.headers.values("Via")
            via = parse_via(vias[0]) if vias else None
        except SipError:
            via = None
        transaction = self._client_transactions.get(via.branch) if via is not None else None
        if transaction is None:
            self.counters["stray_response"] += 1
            return
        acknowledgement = b""
        if transaction.request.method == "INVITE" and response.status >= 200:
            acknowledgement = self._acknowledgement(transaction.request, response)
        transaction.response(response, now, acknowledgement)

    def _acknowledgement(self, invite: SipRequest, response: SipResponse) -> bytes:
        """The ACK for a final response to our re-INVITE (RFC 3261 sections 13.2.2.4 and 17.1.1.3)."""
        fields = []
        for name, value in invite.headers:
            if name == "Via" and response.status < 300:
                # For a 2xx the ACK is a request of its own, with its own branch.
                branch = parse_via(value).branch
                fields.append((name, value.replace(branch, branch + ".ack")))
            elif name in ("Via", "Max-Forwards", "Route", "From", "Call-ID"):
                fields.append((name, value))
            elif name == "To":
                fields.append((name, response.headers.get("To") or value))
            elif name == "CSeq":
                fields.append((name, value.replace("INVITE", "ACK")))
        return SipRequest("ACK", invite.uri, Headers(fields)).serialise()

    # Responding

    def _succeed(
        self,
        session: RecordingSession,
        incoming: Incoming,
        transaction: ServerTransaction,
        timer: SessionTimer | None,
        *,
        description: SessionDescription | None,
        now: float,
    ) -> None:
        """Send the 200 of an INVITE or UPDATE."""
        fields = tuple(timer.headers()) if timer is not None else ()
        body = description.serialise() if description is not None else b""
        response = make_response(incoming, 200, session.dialog.local_tag, fields, body)
        session.established = True
        session.arm(timer, ours=timer is not None and timer.refresher == "uas", now=now)

        def unacknowledged(later: float) -> None:
            if not session.over:
                session.end_by_bye("no_ack", later)

        transaction.respond(response, now, unacknowledged)

    def _respond(
        self,
        incoming: Incoming,
        transaction: ServerTransaction,
        status: int,
        now: float,
        *,
        fields: Fields = (),
        tag: str | None = None,
    ) -> None:
        if status >= 300:
            self.counters[f"refused_{status}"] += 1
        if status in (500, 491) and not fields:
            fields = (("Retry-After", str(RETRY_AFTER)),)
        transaction.respond(make_response(incoming, status, tag or self.token(), fields), now)

    def _refuse_statelessly(self, incoming: Incoming, status: int, fields: Fields = ()) -> None:
        """Respond without remembering it (RFC 3261 section 8.2.7): the To tag is the same each time."""
        self.counters[f"refused_{status}"] += 1
        response = make_response(incoming, status, self._stateless_tag(incoming), fields)
        self.transmit(response.serialise(), incoming.peer)

    @staticmethod
    def _stateless_tag(incoming: Incoming) -> str:
        return "s" + "".join(character for character in incoming.via.branch[-16:] if character.isalnum())
