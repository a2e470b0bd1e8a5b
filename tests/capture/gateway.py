"""A gateway's recording client with real sockets, for tests of the capture process."""

from __future__ import annotations

import itertools
import socket
import struct
import time
from collections.abc import Sequence

from appliance.telephony.sdp import parse_sdp
from appliance.telephony.sip import SipMessage, SipRequest, SipResponse, parse_datagram

_calls = itertools.count(1)


def describe(
    directions: Sequence[str] = ("sendonly", "sendonly"),
    formats: str = "8 101",
    labels: Sequence[str] = ("1", "2", "3"),
) -> bytes:
    """An offer of one stream for each direction."""
    lines = ["v=0", "o=- 1 1 IN IP4 127.0.0.1", "s=-", "c=IN IP4 127.0.0.1", "t=0 0"]
    for index, direction in enumerate(directions):
        lines += [
            f"m=audio {40000 + 2 * index} RTP/AVP {formats}",
            "a=rtpmap:101 telephone-event/8000",
            f"a=label:{labels[index]}",
            f"a={direction}",
        ]
    return "\r\n".join([*lines, ""]).encode()


def metadata(first: str, second: str, mode: str = "complete", mixed: bool = False) -> bytes:
    """A document in which `first` sends stream 1 and `second` stream 2; `mixed`: and both stream 3."""
    both = "<send>s3</send>" if mixed else ""
    return (
        f"<recording xmlns='urn:ietf:params:xml:ns:recording:1'><datamode>{mode}</datamode>"
        f"<participant participant_id='a'><nameID aor='sip:{first}@x'/></participant>"
        f"<participant participant_id='b'><nameID aor='sip:{second}@x'/></participant>"
        "<stream stream_id='s1'><label>1</label></stream><stream stream_id='s2'><label>2</label></stream>"
        "<stream stream_id='s3'><label>3</label></stream>"
        f"<participantstreamassoc participant_id='a'><send>s1</send>{both}</participantstreamassoc>"
        f"<participantstreamassoc participant_id='b'><send>s2</send>{both}</participantstreamassoc>"
        "</recording>"
    ).encode()


def both_parts(description: bytes, document: bytes) -> tuple[str, bytes]:
    """Content-Type and body of a request with both."""
    body = (
        b"--part\r\nContent-Type: application/sdp\r\n\r\n" + description + b"\r\n--part\r\n"
        b"Content-Type: application/rs-metadata+xml\r\nContent-Disposition: recording-session\r\n\r\n"
        + document
        + b"\r\n--part--\r\n"
    )
    return "multipart/mixed;boundary=part", body


class Gateway:
    """One recording session over UDP."""

    def __init__(self, port: int, address: str = "127.0.0.1") -> None:
        family = socket.AF_INET6 if ":" in address else socket.AF_INET
        self.socket = socket.socket(family, socket.SOCK_DGRAM)
        self.socket.bind((address, 0))
        self._local = f"[{address}]" if ":" in address else address
        self.socket.settimeout(5)
        self.ports: list[int] = []
        self.directions: list[str] = []
        #: where the answer says that media should go
        self.address = ""
        self._server = (address, port)
        self._call = f"call-{next(_calls)}@test"
        self._cseq = 0
        self._tag = ""
        self._rtp = [socket.socket(family, socket.SOCK_DGRAM) for _ in range(3)]
        self._sequence = [0, 0, 0]

    def close(self) -> None:
        for opened in (self.socket, *self._rtp):
            opened.close()

    def send(
        self,
        method: str,
        body: bytes = b"",
        content_type: str = "application/sdp",
        fields: Sequence[str] = (),
    ) -> None:
        """Send a request with more header lines; an ACK has the number of the request before it."""
        if method != "ACK":
            self._cseq += 1
        local = f"{self._local}:{self.socket.getsockname()[1]}"
        lines = [
            f"{method} sip:srs@{self._local} SIP/2.0",
            f"Via: SIP/2.0/UDP {local};branch=z9hG4bK{self._call}{method}{self._cseq};rport",
            "From: <sip:src@127.0.0.1>;tag=gateway",
            "To: <sip:srs@127.0.0.1>" + (f";tag={self._tag}" if self._tag else ""),
            f"Call-ID: {self._call}",
            f"CSeq: {self._cseq} {method}",
            f"Contact: <sip:src@{local}>;+sip.src",
            f"Content-Length: {len(body)}",
            *fields,
        ]
        if body:
            lines.append(f"Content-Type: {content_type}")
        self.socket.sendto("\r\n".join([*lines, "", ""]).encode() + body, self._server)

    def receive(self) -> SipMessage:
        return parse_datagram(self.socket.recv(65535))

    def receive_request(self, method: str) -> SipRequest:
        """Wait for a request of the server, and answer it with 200."""
        while True:
            message = self.receive()
            if isinstance(message, SipRequest) and message.method == method:
                break
        kept = [one for one in message.headers if one[0] in ("Via", "From", "To", "Call-ID", "CSeq")]
        lines = ["SIP/2.0 200 OK", *(f"{name}: {value}" for name, value in kept), "Content-Length: 0", "", ""]
        self.socket.sendto("\r\n".join(lines).encode(), self._server)
        return message

    def ask(
        self,
        method: str,
        body: bytes = b"",
        content_type: str = "application/sdp",
        fields: Sequence[str] = (),
    ) -> SipResponse:
        """Send a request and return its response; a 2xx to INVITE is acknowledged."""
        self.send(method, body, content_type, fields)
        while True:
            response = self.receive()
            if isinstance(response, SipResponse) and (response.headers.get("CSeq") or "").endswith(method):
                break
        if response.status == 200 and not self._tag:
            self._tag = (response.headers.get("To") or "").partition("tag=")[2]
        if method == "INVITE":
            self.send("ACK")
        if response.status == 200 and response.body:
            answer = parse_sdp(response.body)
            self.address = answer.connection_of(0) or ""
            self.ports = [media.port for media in answer.media]
            self.directions = [answer.direction_of(index) for index in range(len(answer.media))]
        return response

    def play(
        self, packets: int, streams: Sequence[int] = (0, 1), code: int = 0x35, payload_type: int = 8
    ) -> None:
        """Send packets of 20 ms to the streams, as fast as they go."""
        for _ in range(packets):
            for stream in streams:
                number = self._sequence[stream]
                self._sequence[stream] += 1
                header = struct.pack("!BBHII", 0x80, payload_type, number, 160 * number, 77 + stream)
                self._rtp[stream].sendto(header + bytes([code]) * 160, (self.address, self.ports[stream]))
            if packets > 50:
                time.sleep(0.001)
