"""One recording session: its dialog, the INVITE that waits for an answer or an ACK, and its session timer."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Final, Protocol

from appliance.telephony.dialog import Dialog, Incoming
from appliance.telephony.recording_events import EndReason
from appliance.telephony.recording_metadata import RecordingMetadata
from appliance.telephony.sdp import SessionDescription
from appliance.telephony.session_timer import SessionTimer, minimum_of, parse_session_expires
from appliance.telephony.sip import SipError, SipRequest, SipResponse
from appliance.telephony.sip_transaction import ClientTransaction, ServerTransaction
from appliance.telephony.timers import Timer, Timers

#: A refresh that met a request of the client's is tried again after this (RFC 3261 section 14.1: 0 to 2 s for
#: the side that does not own the Call-ID).
RETRY_REFRESH: Final = 1.0


class Requester(Protocol):
    """What a session needs of its server."""

    @property
    def timers(self) -> Timers:
        """The timers of the server."""

    def send_request(
        self,
        session: RecordingSession,
        request: SipRequest,
        answered: Callable[[SipResponse | None, float], None],
        now: float,
    ) -> ClientTransaction:
        """Send a request within the session's dialog."""

    def token(self) -> str:
        """Random characters."""

    def session_over(self, session: RecordingSession, reason: EndReason) -> None:
        """Forget the session and tell the program."""


@dataclass(slots=True)
class PendingRequest:
    """An INVITE or UPDATE with an offer that the program has not answered yet."""

    incoming: Incoming
    transaction: ServerTransaction
    timer: SessionTimer | None
    offer: SessionDescription = field(repr=False)


class RecordingSession:
    """The state of one session, and what happens in it by itself."""

    def __init__(self, name: str, dialog: Dialog, server: Requester) -> None:
        self.name = name
        self.dialog = dialog
        self.pending: PendingRequest | None = None
        #: the number of the INVITE that opened the dialog
        self.invite_cseq = dialog.remote_cseq
        #: INVITEs whose 2xx is not acknowledged yet, by CSeq
        self.unacknowledged: dict[int, ServerTransaction] = {}
        #: the first 2xx is acknowledged
        self.confirmed = False
        self.established = False
        #: our 2xx held an offer, and the ACK holds its answer
        self.awaits_answer = False
        self.local: SessionDescription | None = None
        self.metadata: RecordingMetadata | None = None
        self.client_methods: set[str] = set()
        #: an INVITE or UPDATE of ours that has no final response yet
        self.refreshing: ClientTransaction | None = None
        #: end as soon as the ACK has come, and why
        self.end_when_confirmed: EndReason | None = None
        self.over = False
        self._server = server
        self._interval = 0
        self._timers: list[Timer] = []

    @property
    def invite_in_progress(self) -> bool:
        """Whether a request of the client waits for our final response, or a response for its ACK."""
        return self.pending is not None or bool(self.unacknowledged)

    def arm(self, timer: SessionTimer | None, *, ours: bool, now: float) -> None:
        """Begin a new interval of the session timer; `ours`: this side refreshes."""
        for running in self._timers:
            running.cancel()
        self._timers = []
        if timer is None:
            return
        self._interval = timer.interval
        if ours:
            self._timers.append(self._server.timers.start(now + timer.refresh_after, self.refresh))
            self._timers.append(self._server.timers.start(now + timer.interval, self._expire))
        else:
            self._timers.append(self._server.timers.start(now + timer.end_after, self._expire))

    def disarm(self) -> None:
        """Stop the session timer."""
        self.arm(None, ours=False, now=0.0)

    def refresh(self, now: float) -> None:
        """Refresh the session: by UPDATE where the client allows it, else by re-INVITE (RFC 4028 7.4)."""
        if self.over:
            return
        if self.refreshing is not None or self.invite_in_progress:
            self._timers.append(self._server.timers.start(now + RETRY_REFRESH, self.refresh))
            return
        method = "UPDATE" if "update" in self.client_methods else "INVITE"
        request = self.dialog.request(method, self._server.token())
        request.headers.add("Supported", "timer")
        request.headers.add("Session-Expires", f"{self._interval};refresher=uac")
        request.headers.add("Min-SE", "90")
        if method == "INVITE" and self.local is not None:
            # RFC 4028 section 7.4: the version stays, so that the client sees that nothing has changed.
            request.headers.add("Content-Type", "application/sdp")
            request.body = self.local.serialise()
        self.refreshing = self._server.send_request(self, request, self._refreshed, now)

    def _refreshed(self, response: SipResponse | None, now: float) -> None:
        request = self.refreshing.request if self.refreshing is not None else None
        self.refreshing = None
        if self.over or request is None:
            return
        if response is None or response.status in (408, 481):
            self.over = True
            self.end_by_bye("unreachable", now)
            return
        try:
            if 200 <= response.status < 300:
                self._agreed(response, now)
            elif response.status == 422:
                self._interval = max(self._interval, minimum_of(response.headers))
                self.refresh(now)
            elif response.status == 491:
                self._timers.append(self._server.timers.start(now + RETRY_REFRESH, self.refresh))
            elif request.method == "UPDATE" and response.status in (405, 501):
                self.client_methods.discard("update")
                self.refresh(now)
            # Any other refusal leaves the session as it is, until it expires.
        except SipError:
            return

    def _agreed(self, response: SipResponse, now: float) -> None:
        value = response.headers.get("Session-Expires")
        if value is None:
            # RFC 4028 section 7.2: without the field the session does not expire.
            self.disarm()
            return
        interval, refresher = parse_session_expires(value)
        timer = SessionTimer(max(interval, 1), refresher or "uac", client_supports=True)
        self.arm(timer, ours=timer.refresher == "uac", now=now)

    def _expire(self, now: float) -> None:
        if not self.over:
            self.end_by_bye("expired", now)

    def end_by_bye(self, reason: EndReason, now: float) -> None:
        """Send BYE and forget the session; its client transaction goes on by itself.

        Before the client has acknowledged our 2xx a BYE must not be sent (RFC 3261 section 15): then it waits
        for the ACK or for the end of its time.
        """
        if self.established and not self.confirmed and reason != "no_ack":
            self.end_when_confirmed = reason
            return
        self.over = True
        self.disarm()
        if self.established:
            bye = self.dialog.request("BYE", self._server.token())
            self._server.send_request(self, bye, lambda _response, _now: None, now)
        self._server.session_over(self, reason)
