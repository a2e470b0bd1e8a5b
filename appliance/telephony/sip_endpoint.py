"""The lower half of a SIP server without I/O: framing, transactions, and messages nobody can be told about.

It stands between the network's bytes and the user of the transactions (RFC 3261 section 5: transport and
transaction layer), who gets each request once, however often it was sent.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from typing import Final, Protocol

from appliance.telephony.dialog import ALLOWED_METHODS, Incoming, read_leniently, read_request
from appliance.telephony.responses import Fields, make_response
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


class TransactionUser(Protocol):
    """Who decides what requests mean."""

    def requested(self, incoming: Incoming, transaction: ServerTransaction) -> None:
        """A new request, neither ACK nor CANCEL; the transaction has to be given its response.

        Raises:
            SipError: the request is refused with the error's status.
        """

    def acknowledged(self, incoming: Incoming) -> None:
        """An ACK for a 2xx."""

    def cancelled(self, incoming: Incoming, transaction: ServerTransaction) -> None:
        """A CANCEL for the INVITE of this transaction."""


class SipEndpoint:
    """All transactions of one server; `counters` has requests by method, refusals by status, and oddities."""

    def __init__(self, user: TransactionUser, token: Callable[[], str]) -> None:
        self.timers = Timers()
        self.counters: Counter[str] = Counter()
        #: random characters for tags and branches
        self.token = token
        self._user = user
        self._outbox: list[Transmission] = []
        self._server_transactions: dict[str, ServerTransaction] = {}
        self._client_transactions: dict[str, ClientTransaction] = {}
        self._streams: dict[int, SipStream] = {}

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

    def data_to_send(self) -> list[Transmission]:
        """What to send, in order; asked for once."""
        outbox, self._outbox = self._outbox, []
        return outbox

    @property
    def waits_for_answers(self) -> bool:
        """Whether a request of ours waits for its final response."""
        return any(not transaction.done for transaction in self._client_transactions.values())

    def transmit(self, data: bytes, peer: Peer) -> None:
        """Put bytes into the outbox."""
        self._outbox.append(Transmission(data, peer))

    def send_request(
        self,
        request: SipRequest,
        peer: Peer,
        answered: Callable[[SipResponse | None, float], None],
        now: float,
    ) -> ClientTransaction:
        """Send a request; `answered` gets its final response, or None when there is none."""
        branch = parse_via(request.headers.values("Via")[0]).branch

        def ended() -> None:
            self._client_transactions.pop(branch, None)

        transaction = ClientTransaction(self, request, peer, now, answered=answered, ended=ended)
        self._client_transactions[branch] = transaction
        return transaction

    def respond(
        self,
        incoming: Incoming,
        transaction: ServerTransaction,
        status: int,
        now: float,
        *,
        fields: Fields = (),
        tag: str | None = None,
    ) -> None:
        """Give a transaction a response without body."""
        if status >= 300:
            self.counters[f"refused_{status}"] += 1
        if status in (500, 491) and not fields:
            fields = (("Retry-After", str(RETRY_AFTER)),)
        transaction.respond(make_response(incoming, status, tag or self.token(), fields), now)

    def refuse_statelessly(self, incoming: Incoming, status: int, fields: Fields = ()) -> None:
        """Respond without remembering it (RFC 3261 section 8.2.7), so that a flood costs no memory."""
        self.counters[f"refused_{status}"] += 1
        response = make_response(incoming, status, stateless_tag(incoming), fields)
        self.transmit(response.serialise(), incoming.peer)

    def _refuse_unreadable(self, error: SipError, peer: Peer, now: float) -> None:
        self.counters["unreadable"] += 1
        head = error.head
        if not isinstance(head, SipRequest) or head.method == "ACK":
            return
        incoming = read_leniently(head, peer, now)
        if incoming is not None:
            self.refuse_statelessly(incoming, error.status)

    def _receive(self, message: SipMessage, peer: Peer, now: float) -> None:
        if isinstance(message, SipResponse):
            self._receive_response(message, now)
            return
        try:
            incoming = read_request(message, peer, now)
            key = transaction_key(incoming.request, incoming.via, incoming.cseq)
        except SipError as error:
            error.head = message
            self._refuse_unreadable(error, peer, now)
            return
        method = incoming.request.method
        transaction = self._server_transactions.get(key)
        self.counters[method.lower() if method in ALLOWED_METHODS else "other"] += 1
        if method == "ACK":
            self._receive_ack(incoming, transaction)
        elif method == "CANCEL":
            if transaction is None or not transaction.is_invite:
                self.refuse_statelessly(incoming, 481)
            else:
                self._user.cancelled(incoming, transaction)
        elif transaction is not None:
            self.counters["retransmitted"] += 1
            transaction.request_again()
        elif len(self._server_transactions) >= MAX_TRANSACTIONS:
            self.refuse_statelessly(incoming, 503, (("Retry-After", str(RETRY_AFTER)),))
        else:
            self._receive_request(incoming, key)

    def _receive_request(self, incoming: Incoming, key: str) -> None:
        def ended() -> None:
            self._server_transactions.pop(key, None)

        transaction = ServerTransaction(self, incoming.request.method, incoming.peer, ended)
        self._server_transactions[key] = transaction
        try:
            self._user.requested(incoming, transaction)
        except RefusedWithoutStateError as error:
            ended()
            self.refuse_statelessly(incoming, error.status, error.fields)
        except SipError as error:
            self.respond(incoming, transaction, error.status, incoming.now, fields=error.fields)

    def _receive_ack(self, incoming: Incoming, transaction: ServerTransaction | None) -> None:
        """An ACK: for a refusal by its transaction, for a 2xx by its dialog."""
        if (
            transaction is not None
            and transaction.response is not None
            and transaction.response.status >= 300
        ):
            transaction.acknowledge()
        else:
            self._user.acknowledged(incoming)

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
            acknowledgement = acknowledge_response(transaction.request, response)
        transaction.response(response, now, acknowledgement)


class RefusedWithoutStateError(SipError):
    """A request that is refused without a transaction, because there is too much of its kind."""


def stateless_tag(incoming: Incoming) -> str:
    """A tag for To that is the same for each repetition of a request."""
    return "s" + "".join(character for character in incoming.via.branch[-16:] if character.isalnum())


def acknowledge_response(invite: SipRequest, response: SipResponse) -> bytes:
    """The ACK for a final response to an INVITE of ours (RFC 3261 sections 13.2.2.4 and 17.1.1.3)."""
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
