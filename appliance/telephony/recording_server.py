"""A SIPREC recording server (RFC 7866) without I/O: datagrams and stream bytes in, messages and events out.

The program that drives it hands in what came from the network together with the time, sends what
`data_to_send` lists, calls `handle_timer` when `next_timer` says so, and answers the offers that
`next_event` tells of. An INVITE without a session description is refused with 488: only the client knows
which streams it has (RFC 7866 section 6.1). Within a session it gets our last description as an offer,
because gateways refresh that way. OPTIONS is answered with 200 even under load, because gateways take
a trunk out of service otherwise.
"""

from __future__ import annotations

from collections import Counter, deque
from collections.abc import Callable
from dataclasses import dataclass, field

from appliance.telephony.dialog import SUPPORTED_OPTIONS, Dialog, Incoming, remote_contact
from appliance.telephony.recording_body import RecordingBody, read_body
from appliance.telephony.recording_events import (
    EndReason,
    RecordingEvent,
    SessionBody,
    SessionChanged,
    SessionConfirmed,
    SessionEnded,
    SessionOffered,
    SessionSignalled,
)
from appliance.telephony.recording_session import PendingRequest, RecordingSession
from appliance.telephony.responses import SUPPORTED, Fields, make_response
from appliance.telephony.sdp import SessionDescription
from appliance.telephony.sdp_answer import advertised
from appliance.telephony.session_timer import SessionTimer, negotiate
from appliance.telephony.signalled import Wanted, signalled
from appliance.telephony.sip import SipError, SipRequest, SipResponse
from appliance.telephony.sip_endpoint import RETRY_AFTER, RefusedWithoutStateError, SipEndpoint, stateless_tag
from appliance.telephony.sip_headers import parse_name_address
from appliance.telephony.sip_transaction import ClientTransaction, Peer, ServerTransaction, Transmission
from appliance.telephony.timers import Timers

_DELAYED_OFFER: Fields = (("Warning", '399 ridge "Send a session description with the INVITE"'),)


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
    #: what the program wants to know of a request beside the recording
    wanted: Wanted = field(default_factory=Wanted)


class RecordingServer:
    """All sessions of one server."""

    def __init__(self, settings: ServerSettings) -> None:
        #: refuse new calls with 503
        self.stopping = False
        self._settings = settings
        self._endpoint = SipEndpoint(self, settings.token)
        self._events: deque[RecordingEvent] = deque()
        self._sessions: dict[str, RecordingSession] = {}
        self._dialogs: dict[tuple[str, str, str], RecordingSession] = {}

    # What the program calls

    def receive_datagram(self, data: bytes, peer: Peer, now: float) -> None:
        """Take one UDP datagram."""
        self._endpoint.receive_datagram(data, peer, now)

    def receive_stream(self, data: bytes, peer: Peer, now: float) -> bool:
        """Take bytes of a TCP connection; False: nothing more can be read from it, close it."""
        return self._endpoint.receive_stream(data, peer, now)

    def close_stream(self, connection: int, now: float) -> None:
        """A TCP connection is closed."""
        self._endpoint.close_stream(connection, now)

    def next_event(self) -> RecordingEvent | None:
        """The next thing the program has to know, or None."""
        return self._events.popleft() if self._events else None

    def data_to_send(self) -> list[Transmission]:
        """What to send, in order; asked for once."""
        return self._endpoint.data_to_send()

    def next_timer(self) -> float | None:
        """When `handle_timer` is to be called next."""
        return self.timers.next_due()

    def handle_timer(self, now: float) -> None:
        """Do what is due."""
        self.timers.run(now)

    @property
    def counters(self) -> Counter[str]:
        """What happened: requests by method, refusals by status, and oddities."""
        return self._endpoint.counters

    @property
    def sessions(self) -> int:
        """How many sessions there are."""
        return len(self._sessions)

    @property
    def waits_for_answers(self) -> bool:
        """Whether a request of ours waits for its final response, or a session for the ACK to be ended."""
        return bool(self._sessions) or self._endpoint.waits_for_answers

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
        self._refuse_pending(session, status, now, fields)
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

    # What sessions call

    @property
    def timers(self) -> Timers:
        """The timers of all sessions and transactions."""
        return self._endpoint.timers

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
        peer = session.dialog.destination(self._settings.allowed)
        return self._endpoint.send_request(request, peer, answered, now)

    def session_over(self, session: RecordingSession, reason: EndReason) -> None:
        """Forget a session and tell the program."""
        session.disarm()
        for transaction in session.unacknowledged.values():
            # Nobody waits for this 200 any more.
            transaction.acknowledge()
        session.unacknowledged.clear()
        self._sessions.pop(session.name, None)
        self._dialogs.pop(session.dialog.key, None)
        self._events.append(SessionEnded(session.name, reason))

    # What the transactions call

    def requested(self, incoming: Incoming, transaction: ServerTransaction) -> None:
        """A new request: the checks of RFC 3261 section 8.2, then by method."""
        request = incoming.request
        method = request.method
        if method not in ("INVITE", "BYE", "OPTIONS", "UPDATE"):
            raise SipError("a method that is not supported", 405)
        if not request.uri.lower().startswith(("sip:", "sips:", "tel:")):
            raise SipError("a URI scheme that is not supported", 416)
        session = self._session_of(incoming) if incoming.to_tag is not None else None
        if session is None and (incoming.to_tag is not None or method in ("BYE", "UPDATE")):
            raise SipError("no such dialog", 481)
        if session is not None and method in ("INVITE", "UPDATE"):
            # Before anything can be wrong with the request: an objection counts however it comes.
            told = signalled(request, self._settings.wanted)
            if told.headers:
                self._events.append(SessionSignalled(session.name, told))
        unknown = [
            option for option in request.headers.values("Require") if option.lower() not in SUPPORTED_OPTIONS
        ]
        if unknown:
            fields = (("Unsupported", ", ".join(unknown)), ("Supported", SUPPORTED))
            raise SipError("an extension that is not supported", 420, fields=fields)
        if session is not None:
            self._check_order(session, incoming)
        if method == "OPTIONS":
            self._endpoint.respond(incoming, transaction, 200, incoming.now)
        elif session is None:
            self._invite(incoming, transaction)
        elif method == "BYE":
            self._bye(incoming, transaction, session)
        else:
            self._change(incoming, transaction, session)

    def acknowledged(self, incoming: Incoming) -> None:
        """An ACK for a 2xx."""
        session = self._session_of(incoming)
        transaction = session.unacknowledged.pop(incoming.cseq, None) if session is not None else None
        if session is None or transaction is None:
            # Repeated, or of a session that is over.
            self.counters["stray_ack"] += 1
            return
        transaction.acknowledge()
        if session.awaits_answer:
            session.awaits_answer = False
            try:
                body = self._read_body(incoming)
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

    def cancelled(self, incoming: Incoming, transaction: ServerTransaction) -> None:
        """A CANCEL (RFC 3261 section 9.2): it has an effect only before the final response."""
        session = next(
            (
                held
                for held in self._sessions.values()
                if held.pending is not None and held.pending.transaction is transaction
            ),
            None,
        )
        tag = session.dialog.local_tag if session is not None else stateless_tag(incoming)
        if transaction.response is not None:
            # The tag is that of the response to the INVITE.
            tag = parse_name_address(transaction.response.headers.get("To") or "").tag or tag
        self._endpoint.transmit(make_response(incoming, 200, tag).serialise(), incoming.peer)
        if session is None:
            return
        self._refuse_pending(session, 487, incoming.now)
        if not session.established:
            session.over = True
            self.session_over(session, "cancelled")

    # Requests by method

    def _session_of(self, incoming: Incoming) -> RecordingSession | None:
        return self._dialogs.get((incoming.call_id, incoming.to_tag or "", incoming.from_tag))

    def _check_order(self, session: RecordingSession, incoming: Incoming) -> None:
        """RFC 3261 section 12.2.2: an older CSeq is an error; and section 14.2: one offer at a time."""
        if incoming.cseq <= session.dialog.remote_cseq:
            raise SipError("a CSeq that is out of order", 500)
        session.dialog.remote_cseq = incoming.cseq
        session.dialog.peer = incoming.peer
        if incoming.request.method in ("INVITE", "UPDATE"):
            if session.pending is not None:
                raise SipError("a request while another waits for its answer", 500)
            if session.refreshing is not None and session.refreshing.request.method == "INVITE":
                raise SipError("a request that meets one of ours", 491)

    def _invite(self, incoming: Incoming, transaction: ServerTransaction) -> None:
        """A new call."""
        if self.stopping or len(self._sessions) >= self._settings.max_sessions:
            raise RefusedWithoutStateError(
                "more calls than are allowed", 503, fields=(("Retry-After", str(RETRY_AFTER)),)
            )
        if any(
            call_id == incoming.call_id and tag == incoming.from_tag and held.invite_cseq == incoming.cseq
            for (call_id, _, tag), held in self._dialogs.items()
        ):
            # RFC 3261 section 8.2.2.2: the same request has come on another way.
            raise SipError("a merged request", 482)
        headers = incoming.request.headers
        timer = negotiate(headers, self._settings.session_expires)
        body = self._read_body(incoming)
        if body.description is None:
            raise SipError("an INVITE without an offer", 488, fields=_DELAYED_OFFER)
        siprec = "+sip.src" in remote_contact(incoming).parameters or "siprec" in headers.tokens("Require")
        session = RecordingSession(self.token(), Dialog.of(incoming, self.token()), self)
        session.pending = PendingRequest(incoming, transaction, timer, body.description)
        session.client_methods = headers.tokens("Allow")
        self._sessions[session.name] = session
        self._dialogs[session.dialog.key] = session
        told = self._tell(session, body)
        said = signalled(incoming.request, self._settings.wanted)
        self._events.append(SessionOffered(session.name, incoming.peer.address, told, siprec, said))

    def _bye(self, incoming: Incoming, transaction: ServerTransaction, session: RecordingSession) -> None:
        self._endpoint.respond(incoming, transaction, 200, incoming.now)
        if session.pending is not None:
            self._refuse_pending(session, 487, incoming.now)
        session.over = True
        self.session_over(session, "bye")

    def _change(self, incoming: Incoming, transaction: ServerTransaction, session: RecordingSession) -> None:
        """A re-INVITE or UPDATE."""
        headers = incoming.request.headers
        timer = negotiate(headers, self._settings.session_expires)
        body = self._read_body(incoming)
        if "Contact" in headers:
            session.dialog.remote_target = remote_contact(incoming).uri
        if "Allow" in headers:
            session.client_methods = headers.tokens("Allow")
        told = self._tell(session, body)
        if body.description is not None:
            session.pending = PendingRequest(incoming, transaction, timer, body.description)
            self._events.append(SessionChanged(session.name, told, needs_answer=True))
            return
        description = None
        if incoming.request.method == "INVITE" and session.local is not None:
            session.local = description = advertised(session.local)
            session.awaits_answer = True
        self._succeed(session, incoming, transaction, timer, description=description, now=incoming.now)
        if body.metadata is not None or body.broken_metadata:
            self._events.append(SessionChanged(session.name, told, needs_answer=False))

    def _read_body(self, incoming: Incoming) -> RecordingBody:
        return read_body(incoming.request, self._settings.wanted.elements)

    def _tell(self, session: RecordingSession, body: RecordingBody) -> SessionBody:
        """Join the message's metadata to what the client has said before."""
        if body.metadata is not None:
            session.metadata = (
                body.metadata if session.metadata is None else session.metadata.updated(body.metadata)
            )
        return SessionBody(body.description, session.metadata, body.broken_metadata)

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
            session.unacknowledged.pop(incoming.cseq, None)
            if not session.over:
                session.end_by_bye("no_ack", later)

        if incoming.request.method == "INVITE":
            session.unacknowledged[incoming.cseq] = transaction
        transaction.respond(response, now, unacknowledged)

    def _refuse_pending(
        self, session: RecordingSession, status: int, now: float, fields: Fields = ()
    ) -> None:
        pending, session.pending = session.pending, None
        if pending is not None:
            self._endpoint.respond(
                pending.incoming,
                pending.transaction,
                status,
                now,
                fields=fields,
                tag=session.dialog.local_tag,
            )
