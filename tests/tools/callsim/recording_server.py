"""A small recording server for the simulator's tests: answers as told, and keeps what it is sent."""

from __future__ import annotations

import asyncio
import contextlib
import time
from dataclasses import dataclass, field

from tools.callsim.sip_client import Message, parse, response

Address = tuple[str, int]


class _Media(asyncio.DatagramProtocol):
    def __init__(self) -> None:
        self.datagrams: list[tuple[float, bytes, Address]] = []

    def datagram_received(self, data: bytes, addr: Address) -> None:
        self.datagrams.append((time.monotonic(), data, addr))


@dataclass
class Session:
    """One call as the server saw it."""

    invite: Message
    streams: list[_Media]
    offers: list[bytes]
    acknowledged: int = 0
    ended: bool = False


@dataclass
class RecordingServer(asyncio.DatagramProtocol):
    """Answers INVITE, re-INVITE, BYE and OPTIONS over UDP or TCP."""

    #: refuse every INVITE with this status line
    refuse: str | None = None
    #: throw the first so many messages away, as a lossy network would
    deaf: int = 0
    #: repeat the 200 to an INVITE, as if the ACK had been lost
    repeat_answer: bool = False
    #: end each call after this many seconds
    hang_up_after: float | None = None
    #: give this number of streams in the answer, whatever was offered
    streams_answered: int | None = None
    sessions: dict[str, Session] = field(default_factory=dict)
    requests: list[str] = field(default_factory=list)
    answers: list[Message] = field(default_factory=list)
    updates: list[Message] = field(default_factory=list)

    async def open(self, transport: str) -> Address:
        loop = asyncio.get_running_loop()
        self._tasks: set[asyncio.Task[None]] = set()
        if transport == "tcp":
            self._server = await asyncio.start_server(self._connection, "127.0.0.1", 0)
            self.address: Address = self._server.sockets[0].getsockname()[:2]
        else:
            self._udp, _ = await loop.create_datagram_endpoint(lambda: self, local_addr=("127.0.0.1", 0))
            self.address = self._udp.get_extra_info("sockname")[:2]
        return self.address

    def datagram_received(self, data: bytes, addr: Address) -> None:
        if self.deaf:
            self.deaf -= 1
            return
        self._handle(parse(data), lambda answer: self._udp.sendto(answer, addr))

    async def _connection(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with contextlib.suppress(asyncio.IncompleteReadError, ConnectionError):
            while True:
                message = parse(await reader.readuntil(b"\r\n\r\n"))
                length = int(message.get("content-length") or 0)
                body = await reader.readexactly(length)
                self._handle(Message(message.start, message.headers, body), writer.write)

    def _handle(self, message: Message, send) -> None:
        if message.status is not None:
            self.answers.append(message)
            return
        method = message.start.split(" ")[0]
        self.requests.append(method)
        if method == "UPDATE":
            self.updates.append(message)
        task = asyncio.ensure_future(self._answer(method, message, send))
        self._tasks.add(task)

    async def _answer(self, method: str, message: Message, send) -> None:
        call = message.get("call-id") or ""
        session = self.sessions.get(call)
        if method == "ACK":
            if session:
                session.acknowledged += 1
        elif method == "INVITE":
            if self.refuse:
                send(response(message, self.refuse, ("Retry-After: 7",)))
                return
            send(response(message, "100 Trying"))
            if session is None:
                session = await self._begin(call, message, send)
            session.offers.append(message.body)
            answer = self._ok(message, session)
            send(answer)
            if self.repeat_answer:
                await asyncio.sleep(0.02)
                send(answer)
        elif method == "BYE" and session:
            session.ended = True
            send(response(message, "200 OK"))
        else:
            send(response(message, "200 OK"))

    async def _begin(self, call: str, message: Message, send) -> Session:
        loop = asyncio.get_running_loop()
        count = self.streams_answered or message.body.count(b"m=audio")
        media = []
        for _ in range(count):
            _, protocol = await loop.create_datagram_endpoint(_Media, local_addr=("127.0.0.1", 0))
            media.append(protocol)
            protocol.port = _.get_extra_info("sockname")[1]
        session = self.sessions[call] = Session(message, media, [])
        if self.hang_up_after is not None:
            self._tasks.add(asyncio.ensure_future(self._hang_up(message, send)))
        return session

    async def _hang_up(self, invite: Message, send) -> None:
        await asyncio.sleep(self.hang_up_after or 0)
        lines = [
            "BYE sip:gateway@127.0.0.1 SIP/2.0",
            f"Via: SIP/2.0/UDP {self.address[0]}:{self.address[1]};branch=z9hG4bKhangup",
            f"From: {invite.get('to')};tag=server",
            f"To: {invite.get('from')}",
            f"Call-ID: {invite.get('call-id')}",
            "CSeq: 1 BYE",
            "Content-Length: 0",
        ]
        send(("\r\n".join(lines) + "\r\n\r\n").encode())

    def _ok(self, message: Message, session: Session) -> bytes:
        host, port = self.address
        sdp = ["v=0", f"o=- 1 1 IN IP4 {host}", "s=-", f"c=IN IP4 {host}", "t=0 0"]
        direction = "inactive" if b"a=inactive" in message.body else "recvonly"
        for media in session.streams:
            sdp += [f"m=audio {media.port} RTP/AVP 8 0", f"a={direction}"]
        tagged = Message(
            message.start,
            tuple(
                (name, f"{value};tag=server" if name == "to" and "tag=" not in value else value)
                for name, value in message.headers
            ),
            message.body,
        )
        extra = (f"Contact: <sip:server@{host}:{port}>;+sip.srs", "Content-Type: application/sdp")
        return response(tagged, "200 OK", extra, "".join(f"{line}\r\n" for line in sdp).encode())
