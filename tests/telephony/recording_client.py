"""A recording client for tests of the recording server's core: its bytes, and a clock that stands still."""

from __future__ import annotations

import itertools

from appliance.telephony.recording_events import RecordingEvent
from appliance.telephony.recording_server import RecordingServer, ServerSettings
from appliance.telephony.sdp import Origin, parse_sdp
from appliance.telephony.sdp_answer import choose_streams, make_answer
from appliance.telephony.signalled import Wanted
from appliance.telephony.sip import SipMessage, SipRequest, SipResponse, parse_datagram
from appliance.telephony.sip_transaction import Peer
from tests.shared_data import shared_data

OFFERS = shared_data("protocol/siprec")

UDP = Peer("UDP", "192.0.2.10", 5060, "192.0.2.1", 5060)
TCP = Peer("TCP", "192.0.2.10", 40000, "192.0.2.1", 5060, 7)

OFFER = (
    b"v=0\r\no=- 1 1 IN IP4 192.0.2.10\r\ns=-\r\nc=IN IP4 192.0.2.10\r\nt=0 0\r\n"
    b"m=audio 30000 RTP/AVP 8 101\r\na=rtpmap:8 PCMA/8000\r\na=rtpmap:101 telephone-event/8000\r\n"
    b"a=label:1\r\na=sendonly\r\n"
    b"m=audio 30002 RTP/AVP 8\r\na=rtpmap:8 PCMA/8000\r\na=label:2\r\na=sendonly\r\n"
)


class Client:
    """Speaks to one `RecordingServer` and keeps what it says."""

    def __init__(
        self,
        peer: Peer = UDP,
        max_sessions: int = 10,
        session_expires: int = 1800,
        *,
        wanted: Wanted | None = None,
    ) -> None:
        tokens = itertools.count(1)
        self.server = RecordingServer(
            ServerSettings(
                max_sessions,
                session_expires,
                lambda _: True,
                lambda: f"t{next(tokens):08d}",
                wanted or Wanted(),
            )
        )
        self.peer = peer
        self.now = 1000.0
        self.sent: list[SipMessage] = []
        self.events: list[RecordingEvent] = []
        self._branches = itertools.count(1)
        self.to_tag: str | None = None

    def request(
        self,
        method: str,
        cseq: int,
        *,
        body: bytes = b"",
        content_type: str = "application/sdp",
        headers: dict[str, str] | None = None,
        branch: str | None = None,
        call: str = "call-1",
        to_tag: str | None = None,
    ) -> bytes:
        """The bytes of a request; a header given as an empty string is left out."""
        tag = self.to_tag if to_tag is None else to_tag
        fields = {
            "Via": f"SIP/2.0/{self.peer.transport} 192.0.2.10:5060"
            f";branch={branch or f'z9hG4bKc{next(self._branches)}'};rport",
            "Max-Forwards": "70",
            "From": "<sip:src@192.0.2.10>;tag=abc",
            "To": "<sip:srs@192.0.2.1>" + (f";tag={tag}" if tag else ""),
            "Call-ID": call,
            "CSeq": f"{cseq} {method}",
        }
        if method in ("INVITE", "UPDATE"):
            fields["Contact"] = "<sip:src@192.0.2.10:5060>;+sip.src"
        if body:
            fields["Content-Type"] = content_type
        fields["Content-Length"] = str(len(body))
        fields.update(headers or {})
        head = [
            f"{method} sip:srs@192.0.2.1 SIP/2.0",
            *(f"{name}: {value}" for name, value in fields.items() if value),
        ]
        return "\r\n".join([*head, "", ""]).encode() + body

    def send(self, data: bytes) -> list[SipMessage]:
        """Hand bytes in; returns what the server sends at once."""
        if self.peer.transport == "UDP":
            self.server.receive_datagram(data, self.peer, self.now)
        else:
            self.server.receive_stream(data, self.peer, self.now)
        return self.collect()

    def collect(self) -> list[SipMessage]:
        """Take events and messages; offers are not answered."""
        while (event := self.server.next_event()) is not None:
            self.events.append(event)
        new = [parse_datagram(one.data) for one in self.server.data_to_send()]
        self.sent += new
        return new

    def advance(self, seconds: float) -> list[SipMessage]:
        """Let time pass, stopping at each timer; returns all that the server sends meanwhile."""
        end, new = self.now + seconds, []
        while (due := self.server.next_timer()) is not None and due <= end:
            self.now = max(self.now, due)
            self.server.handle_timer(self.now)
            new += self.collect()
        self.now = end
        return new

    def accept(self, offer: bytes = OFFER) -> SipResponse:
        """Answer the offer of the last event, as the program would."""
        description = parse_sdp(offer)
        choices = {choice.index: choice for choice in choose_streams(description)}
        ports = {index: 20000 + 2 * index for index in choices}
        answer = make_answer(description, choices, ports, Origin("ridge", "1", 1, "IP4", "192.0.2.1"))
        self.server.accept(self.events[-1].session, answer, self.now)
        response = self.collect()[-1]
        assert isinstance(response, SipResponse)
        return response

    def call(self, *, acknowledge: bool = True, headers: dict[str, str] | None = None) -> SipResponse:
        """A call up to its ACK; returns the 200."""
        self.send(self.request("INVITE", 1, body=OFFER, headers=headers))
        response = self.accept()
        assert response.status == 200
        self.to_tag = (response.headers.get("To") or "").partition("tag=")[2]
        if acknowledge:
            self.send(self.request("ACK", 1))
        return response

    def requests(self, method: str) -> list[SipRequest]:
        """What the server has asked."""
        return [one for one in self.sent if isinstance(one, SipRequest) and one.method == method]

    def respond(
        self, request: SipRequest, status: int, headers: dict[str, str] | None = None
    ) -> list[SipMessage]:
        """Answer a request of the server."""
        lines = [f"SIP/2.0 {status} X"]
        lines += [
            f"{name}: {value}"
            for name, value in request.headers
            if name in ("Via", "From", "To", "Call-ID", "CSeq")
        ]
        lines += [f"{name}: {value}" for name, value in (headers or {}).items()]
        return self.send(("\r\n".join([*lines, "Content-Length: 0", "", ""])).encode())


def only(messages: list[SipMessage]) -> SipMessage:
    """The only message."""
    assert len(messages) == 1, messages
    return messages[0]


def status(messages: list[SipMessage]) -> int:
    """The status of the only message, which is a response."""
    message = only(messages)
    assert isinstance(message, SipResponse)
    return message.status


def offer_of(name: str) -> tuple[str, bytes]:
    """A vendor's offer: the value of Content-Type, and the body with the line ends of its file."""
    data = (OFFERS / name).read_bytes()
    first = next((line for line in data.splitlines() if line.startswith(b"--")), None)
    if first is None:
        return "application/sdp", data
    return f'multipart/mixed;boundary="{first[2:].decode().strip()}"', data
