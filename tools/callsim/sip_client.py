"""The client's side of SIP (RFC 3261): an endpoint with a UDP socket or a TCP connection, a dialog a call."""

from __future__ import annotations

import asyncio
import contextlib
import re
import secrets
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Literal

Transport = Literal["udp", "tcp"]
Address = tuple[str, int]

#: RFC 3261 §17.1.1.2: T1, T2 and the 64 T1 after which a transaction gives up.
T1, T2 = 0.5, 4.0
GIVE_UP = 64 * T1
_CONTACT = re.compile(r"<?sips?:(?:[^@>]*@)?([0-9.]+|\[[0-9a-fA-F:]+\])(?::([0-9]+))?")
_HEAD_END = b"\r\n\r\n"


class SipFailureError(Exception):
    """A call could not go on as asked."""


class CallRefusedError(SipFailureError):
    """The server answered with a final error."""

    def __init__(self, status: int, reason: str, retry_after: str | None) -> None:
        wait = f"; it asks to come back after {retry_after} s" if retry_after else ""
        super().__init__(f"the server answered {status} {reason}{wait}")
        self.status = status
        self.retry_after = retry_after


class NoAnswerError(SipFailureError):
    """The server did not answer in time."""


@dataclass(frozen=True, slots=True)
class Message:
    """A SIP message: start line, headers in order, body."""

    start: str
    headers: tuple[tuple[str, str], ...]
    body: bytes

    @property
    def status(self) -> int | None:
        """The status of a response, or None for a request."""
        return int(self.start.split(" ", 2)[1]) if self.start.startswith("SIP/2.0 ") else None

    @property
    def reason(self) -> str:
        """The reason phrase of a response."""
        return self.start.split(" ", 2)[2] if self.start.count(" ") >= 2 else ""

    def all(self, name: str) -> list[str]:
        """All values of a header."""
        return [value for key, value in self.headers if key == name.lower()]

    def get(self, name: str) -> str | None:
        """The first value of a header."""
        return next(iter(self.all(name)), None)


_SHORT = {
    "v": "via", "f": "from", "t": "to", "i": "call-id", "m": "contact", "l": "content-length",
    "c": "content-type", "x": "session-expires", "k": "supported",
}  # fmt: skip


def parse(data: bytes) -> Message:
    """Read a whole message.

    Raises:
        ValueError: it is none.
    """
    head, separator, rest = data.partition(_HEAD_END)
    lines = head.decode("utf-8").split("\r\n")
    if not separator or "SIP/2.0" not in lines[0]:
        raise ValueError("not a SIP message")
    headers = []
    for line in lines[1:]:
        name, colon, value = line.partition(":")
        if not colon:
            raise ValueError("a header without a colon")
        key = name.strip().lower()
        headers.append((_SHORT.get(key, key), value.strip()))
    return Message(lines[0], tuple(headers), rest)


class Endpoint(asyncio.DatagramProtocol):
    """The gateway's SIP address: sends for all dialogs, and hands each what is its own."""

    def __init__(self, target: Address, transport: Transport) -> None:
        self.target = target
        self.transport: Transport = transport
        self.local: Address = ("", 0)
        self.dialogs: dict[str, Callable[[Message, Address], None]] = {}
        self._udp: asyncio.DatagramTransport | None = None
        self._tcp: asyncio.StreamWriter | None = None
        self._reader: asyncio.Task[None] | None = None

    async def open(self, bind: str) -> None:
        """Bind, and for TCP connect.

        Raises:
            SipFailureError: nobody listens there.
        """
        loop = asyncio.get_running_loop()
        if self.transport == "udp":
            self._udp, _ = await loop.create_datagram_endpoint(lambda: self, local_addr=(bind, 0))
            self.local = self._udp.get_extra_info("sockname")[:2]
            return
        try:
            reader, self._tcp = await asyncio.open_connection(*self.target, local_addr=(bind, 0))
        except OSError as error:
            raise SipFailureError(
                f"no TCP connection to {self.target[0]}:{self.target[1]} ({error.strerror}); "
                "is the appliance running?"
            ) from error
        self.local = self._tcp.get_extra_info("sockname")[:2]
        self._reader = loop.create_task(self._read(reader))

    def send(self, data: bytes, address: Address | None = None) -> None:
        """Send a message; over TCP always on the one connection."""
        if self._tcp is not None:
            self._tcp.write(data)
        elif self._udp is not None:
            self._udp.sendto(data, address or self.target)

    async def close(self) -> None:
        """Close the socket."""
        if self._udp is not None:
            self._udp.close()
        if self._tcp is not None:
            with contextlib.suppress(OSError):
                await self._tcp.drain()
            self._tcp.close()
        if self._reader is not None:
            self._reader.cancel()

    def datagram_received(self, data: bytes, addr: tuple[str, int]) -> None:
        """Hand a datagram to its dialog."""
        with contextlib.suppress(ValueError):
            self._dispatch(parse(data), addr[:2])

    def error_received(self, exc: Exception) -> None:
        """A refused port shows as a missing answer."""

    async def _read(self, reader: asyncio.StreamReader) -> None:
        with contextlib.suppress(asyncio.IncompleteReadError, OSError):
            while True:
                head = (await reader.readuntil(_HEAD_END)).lstrip(b"\r\n")
                if not head:
                    continue
                message = parse(head)
                length = int(message.get("content-length") or 0)
                self._dispatch(
                    Message(message.start, message.headers, await reader.readexactly(length)), self.target
                )

    def _dispatch(self, message: Message, source: Address) -> None:
        dialog = self.dialogs.get(message.get("call-id") or "")
        if dialog is not None:
            dialog(message, source)
        elif message.status is None and not message.start.startswith("ACK "):
            ok = message.start.startswith("OPTIONS ")
            self.send(response(message, "200 OK" if ok else "481 Call/Transaction Does Not Exist"), source)


def response(request: Message, status: str, extra: tuple[str, ...] = (), body: bytes = b"") -> bytes:
    """A response with the headers that RFC 3261 §8.2.6.2 copies."""
    lines = [f"SIP/2.0 {status}", *(f"Via: {via}" for via in request.all("via"))]
    lines += [f"{name}: {request.get(name)}" for name in ("From", "To", "Call-ID", "CSeq")]
    lines += [*extra, f"Content-Length: {len(body)}", "", ""]
    return "\r\n".join(lines).encode() + body


@dataclass(slots=True)
class _Transaction:
    """A request that waits for its final response."""

    done: asyncio.Future[Message]
    provisional: bool = False


@dataclass(slots=True)
class Dialog:
    """One recording session with the server."""

    endpoint: Endpoint
    from_user: str
    to_user: str
    #: seconds until an unanswered request counts as failed
    patience: float = GIVE_UP
    #: answers a refresh by the server, which may carry no offer of ours
    describe: Callable[[], bytes] = lambda: b""
    #: further header lines of the first INVITE
    fields: tuple[str, ...] = ()
    #: set when the server has ended the call
    ended_by_server: asyncio.Event = field(default_factory=asyncio.Event)
    #: the server has answered the first INVITE with 200
    established: bool = False
    #: seconds after which this side must refresh the session (RFC 4028), once negotiated
    refresh_after: float | None = None
    call_id: str = field(default_factory=lambda: secrets.token_hex(12))
    _tag: str = field(default_factory=lambda: secrets.token_hex(6))
    _to: str = ""
    _uri: str = ""
    _peer: Address | None = None
    _cseq: int = 0
    _waiting: dict[tuple[int, str], _Transaction] = field(default_factory=dict)
    _acks: dict[int, bytes] = field(default_factory=dict)

    def __post_init__(self) -> None:
        host, port = self.endpoint.target
        self._uri = f"sip:{self.to_user}@{host}:{port}"
        self._to = f"<{self._uri}>"
        self.endpoint.dialogs[self.call_id] = self._receive

    async def invite(self, content_type: str, body: bytes) -> Message:
        """Begin, or change, the session; returns the 200 and has acknowledged it.

        Raises:
            CallRefusedError: a final error came.
            NoAnswerError: nothing came in time.
        """
        answer = await self._request(
            "INVITE",
            (
                "Require: siprec",
                "Accept: application/sdp, application/rs-metadata",
                "Allow: INVITE, ACK, BYE, CANCEL, OPTIONS, UPDATE",
                "Supported: timer",
                "Session-Expires: 1800",
                f"Content-Type: {content_type}",
                *(() if self.established else self.fields),
            ),
            body,
        )
        expires = (answer.get("session-expires") or "").lower()
        number = re.match(r"[0-9]+", expires)
        if number and "refresher=uac" in expires.replace(" ", ""):
            self.refresh_after = int(number.group()) / 2
        return answer

    async def update(self, *fields: str) -> None:
        """Refresh the session timer; with further header lines."""
        await self._request("UPDATE", ("Supported: timer", "Session-Expires: 1800;refresher=uac", *fields))

    async def bye(self) -> None:
        """End the session."""
        await self._request("BYE")

    def abandon(self) -> None:
        """Send a BYE and wait for nothing."""
        self._cseq += 1
        branch = "z9hG4bK" + secrets.token_hex(8)
        self.endpoint.send(self._message("BYE", self._cseq, branch, (), b""), self._peer)

    def close(self) -> None:
        """Take no more messages."""
        self.endpoint.dialogs.pop(self.call_id, None)

    def _message(self, method: str, cseq: int, branch: str, extra: tuple[str, ...], body: bytes) -> bytes:
        host, port = self.endpoint.local
        protocol = self.endpoint.transport
        lines = [
            f"{method} {self._uri} SIP/2.0",
            f"Via: SIP/2.0/{protocol.upper()} {host}:{port};branch={branch};rport",
            "Max-Forwards: 70",
            f"From: <sip:{self.from_user}@{host}>;tag={self._tag}",
            f"To: {self._to}",
            f"Call-ID: {self.call_id}",
            f"CSeq: {cseq} {method}",
            f"Contact: <sip:{self.from_user}@{host}:{port};transport={protocol}>;+sip.src",
            "User-Agent: callsim",
            *extra,
            f"Content-Length: {len(body)}",
        ]
        return ("\r\n".join(lines) + "\r\n\r\n").encode() + body

    async def _request(self, method: str, extra: tuple[str, ...] = (), body: bytes = b"") -> Message:
        self._cseq += 1
        cseq = self._cseq
        branch = "z9hG4bK" + secrets.token_hex(8)
        data = self._message(method, cseq, branch, extra, body)
        transaction = _Transaction(asyncio.get_running_loop().create_future())
        self._waiting[cseq, method] = transaction
        try:
            final = await asyncio.wait_for(self._repeat(method, data, transaction), self.patience)
        except asyncio.TimeoutError:
            raise NoAnswerError(f"no final response to {method} within {self.patience:g} s") from None
        finally:
            del self._waiting[cseq, method]
        status = final.status or 0
        if method == "INVITE":
            if status < 300:
                self._establish(final)
                branch = "z9hG4bK" + secrets.token_hex(8)
            ack = self._acknowledgement(final, cseq, branch)
            self._acks[cseq] = ack
            self.endpoint.send(ack, self._peer)
        if status >= 300:
            raise CallRefusedError(status, final.reason, final.get("retry-after"))
        return final

    async def _repeat(self, method: str, data: bytes, transaction: _Transaction) -> Message:
        wait = T1
        while True:
            self.endpoint.send(data, self._peer)
            if self.endpoint.transport == "tcp":
                return await transaction.done
            try:
                return await asyncio.wait_for(asyncio.shield(transaction.done), wait)
            except asyncio.TimeoutError:
                if method == "INVITE" and transaction.provisional:
                    return await transaction.done
                wait = wait * 2 if method == "INVITE" else min(wait * 2, T2)

    def _establish(self, answer: Message) -> None:
        self.established = True
        self._to = answer.get("to") or self._to
        contact = answer.get("contact") or ""
        uri = re.search(r"<([^>]*)>", contact)
        if uri:
            self._uri = uri.group(1)
        found = _CONTACT.search(contact)
        if found and self.endpoint.transport == "udp":
            self._peer = (found.group(1).strip("[]"), int(found.group(2) or 5060))

    def _acknowledgement(self, final: Message, cseq: int, branch: str) -> bytes:
        to, self._to = self._to, final.get("to") or self._to
        ack = self._message("ACK", cseq, branch, (), b"")
        if (final.status or 0) >= 300:
            self._to = to
        return ack

    def _receive(self, message: Message, source: Address) -> None:
        number, _, method = (message.get("cseq") or "").partition(" ")
        if message.status is None:
            self._answer(message, message.start.partition(" ")[0], source)
            return
        cseq = int(number) if number.isdigit() else -1
        transaction = self._waiting.get((cseq, method.strip()))
        if transaction is None or transaction.done.done():
            if method.strip() == "INVITE" and message.status >= 200 and cseq in self._acks:
                # Our ACK was lost (RFC 3261 §13.2.2.4).
                self.endpoint.send(self._acks[cseq], self._peer)
        elif message.status < 200:
            transaction.provisional = True
        else:
            transaction.done.set_result(message)

    def _answer(self, request: Message, method: str, source: Address) -> None:
        if method == "BYE":
            self.endpoint.send(response(request, "200 OK"), source)
            self.ended_by_server.set()
        elif method in ("INVITE", "UPDATE"):
            # A session refresh: nothing changes on this side.
            body = self.describe() if method == "INVITE" or request.body else b""
            host, port = self.endpoint.local
            extra = [
                f"Contact: <sip:{self.from_user}@{host}:{port};transport={self.endpoint.transport}>;+sip.src"
            ]
            if request.get("session-expires"):
                extra.append(f"Session-Expires: {request.get('session-expires')}")
            if body:
                extra.append("Content-Type: application/sdp")
            self.endpoint.send(response(request, "200 OK", tuple(extra), body), source)
        elif method == "OPTIONS":
            self.endpoint.send(response(request, "200 OK"), source)
        elif method != "ACK":
            self.endpoint.send(response(request, "501 Not Implemented"), source)
