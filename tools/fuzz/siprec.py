"""The parsers that a gateway's bytes meet: SIP, SDP, multipart, metadata, and the whole recording server."""

from __future__ import annotations

import itertools
import re
from collections.abc import Sequence

from appliance.box.config import Roles
from appliance.capture.roles import resolve_roles
from appliance.telephony.multipart import MultipartError, split_body
from appliance.telephony.recording_events import SessionChanged, SessionOffered
from appliance.telephony.recording_metadata import MetadataError, parse_recording_metadata
from appliance.telephony.recording_server import RecordingServer, ServerSettings
from appliance.telephony.sdp import Origin, SdpError, parse_sdp
from appliance.telephony.sdp_answer import NotAcceptableError, choose_streams, make_answer
from appliance.telephony.signalled import Wanted
from appliance.telephony.sip import SipError, SipRequest, parse_datagram
from appliance.telephony.sip_headers import parse_cseq, parse_name_address, parse_via, uri_address, user_of
from appliance.telephony.sip_stream import SipStream
from appliance.telephony.sip_transaction import Peer
from tools.fuzz.target import Target, shared

_METHODS = ("INVITE", "ACK", "BYE", "CANCEL", "OPTIONS", "UPDATE")
_SIP_WORDS = (
    b"\r\n",
    b"\r\n\r\n",
    b": ",
    b",",
    b";",
    b"<",
    b">",
    b'"',
    b"\\",
    b"Via: ",
    b"Content-Length: ",
    b"Require: siprec",
    b";tag=",
    b";branch=z9hG4bK",
    b"Session-Expires: 90;refresher=uas\r\n",
    b"Supported: timer\r\n",
    b"Min-SE: 90\r\n",
    b"Record-Route: <sip:192.0.2.9;lr>\r\n",
    b"Content-Encoding: gzip\r\n",
    b"\xff\xfe",
    b"\0",
    "\u0663".encode(),
)
_SDP_WORDS = (
    b"m=audio 0 RTP/AVP 8\r\n",
    b"a=inactive\r\n",
    b"a=label:",
    b"a=rtpmap:",
    b"c=IN IP4 0.0.0.0\r\n",
    b"/8000",
    b"=",
)
_XML_WORDS = (
    b"<!DOCTYPE x>",
    b"<!ENTITY a 'b'>",
    b"&a;",
    b"<participant participant_id='a'>",
    b"<send>",
    b"</recording>",
    b"<![CDATA[",
    b"<datamode>partial</datamode>",
    b"<?xml version='1.0' encoding='utf-16'?>",
    b"<stream id='s'/>",
)


def _bodies() -> list[tuple[str, bytes]]:
    """The vendors' offers with the Content-Type that fits each."""
    found = []
    for path in sorted(shared("data/protocol/siprec").glob("*.txt")):
        data = path.read_bytes()
        boundary = re.search(rb"^--(\S+)", data, re.MULTILINE)
        if boundary is not None:
            found.append((f'multipart/mixed;boundary="{boundary[1].decode()}"', data))
        else:
            found += [("application/sdp", one) for one in data.split(b"__split_here__\n")]
    return found


def _message(method: str, cseq: int, content_type: str = "", body: bytes = b"", tag: str = "") -> bytes:
    lines = [
        f"{method} sip:srs@192.0.2.1 SIP/2.0",
        f"Via: SIP/2.0/UDP 192.0.2.10:5060;branch=z9hG4bK{method}{cseq};rport",
        "Max-Forwards: 70",
        'From: "SRC" <sip:src@192.0.2.10>;tag=abc',
        "To: <sip:srs@192.0.2.1>" + (f";tag={tag}" if tag else ""),
        "Call-ID: fuzz@192.0.2.10",
        f"CSeq: {cseq} {method}",
        "Contact: <sip:src@192.0.2.10:5060>;+sip.src",
        "Require: siprec",
        "Supported: timer, replaces",
        "Allow: INVITE, ACK, BYE, CANCEL, UPDATE",
    ]
    if content_type:
        lines.append(f"Content-Type: {content_type}")
    return "\r\n".join([*lines, f"Content-Length: {len(body)}", "", ""]).encode() + body


def _read_sip(data: bytes) -> None:
    message = parse_datagram(data)
    for name in ("Via", "Contact", "Route", "Require"):
        message.headers.values(name)
    for name, parse in (("From", parse_name_address), ("To", parse_name_address), ("Via", parse_via)):
        for value in message.headers.values(name):
            parsed = parse(value)
            uri_address(getattr(parsed, "uri", ""))
            user_of(getattr(parsed, "uri", ""))
    parse_cseq(message.headers.get("CSeq"))
    again = parse_datagram(message.serialise())
    if again.body != message.body:
        raise AssertionError("the body has changed on the way out and in")


def _read_stream(data: bytes) -> None:
    stream = SipStream()
    for start in range(0, len(data), 700):
        stream.feed(data[start : start + 700])
        while stream.next_message() is not None:
            pass


def _read_sdp(data: bytes) -> None:
    offer = parse_sdp(data)
    if parse_sdp(offer.serialise()).media != offer.media:
        raise AssertionError("the streams have changed on the way out and in")
    choices = {choice.index: choice for choice in choose_streams(offer)}
    answer = make_answer(
        offer, choices, dict.fromkeys(choices, 20000), Origin("ridge", "1", 1, "IP4", "192.0.2.1")
    )
    if len(parse_sdp(answer.serialise()).media) != len(offer.media):
        raise AssertionError("the answer has another number of streams than the offer")


def _read_metadata(data: bytes) -> None:
    metadata = parse_recording_metadata(data, _WANTED.elements)
    joined = metadata.updated(metadata)
    resolve_roles(joined, [stream.label for stream in joined.streams], Roles(direction="inbound"))


def _read_multipart(data: bytes) -> None:
    content_type, _, body = data.partition(b"\n")
    split_body(content_type.decode("utf-8", "surrogateescape"), body)


#: Flags that a site reads; the documents of gateways have elements of the second kind.
_WANTED = Wanted(frozenset(["x-ridge-consent", "user-agent"]), frozenset(["consent", "nameid", "label"]))
_PEER = Peer("UDP", "192.0.2.10", 5060, "192.0.2.1", 5060)
_SEPARATOR = b"\n%%%%\n"
_PLAY_WORDS = tuple(
    _SEPARATOR + command + _SEPARATOR
    for command in (b"%WAIT 1", b"%WAIT 310", b"%WAIT 700", b"%END", b"%SLOW", b"%REPLY SIP/2.0 500 No", b"")
)


class _Play:
    """One server, a client that says what it is told to, and time that passes.

    Of the parts of an input, `%WAIT n` lets n seconds pass, `%END` ends the call from our side, `%SLOW`
    leaves offers without an answer, and `%REPLY rest` answers our last request with a response that begins
    with rest. Everything else is a message; in it, `SESSION` stands for our tag.
    """

    def __init__(self) -> None:
        counter = itertools.count()
        self._server = RecordingServer(
            ServerSettings(2, 1800, lambda _: True, lambda: f"token{next(counter)}", _WANTED)
        )
        self._now = 0.0
        self._tag = b""
        self._request: SipRequest | None = None
        self._session = ""
        self._answers = True

    def take(self, part: bytes) -> None:
        """Play one part."""
        command, _, rest = part.partition(b" ")
        if command == b"%WAIT":
            self._wait(int(rest) if re.fullmatch(rb"[0-9]{1,4}", rest) else 1)
        elif command == b"%END":
            self._server.end(self._session, self._now)
        elif command == b"%SLOW":
            self._answers = False
        elif command != b"%REPLY":
            self._server.receive_datagram(part.replace(b"SESSION", self._tag), _PEER, self._now)
        elif self._request is not None:
            kept = ("Via", "From", "To", "Call-ID", "CSeq")
            echoed = [f"{name}: {value}" for name, value in self._request.headers if name in kept]
            end = b"\r\n" + "\r\n".join(echoed).encode("utf-8", "surrogateescape") + b"\r\n\r\n"
            self._server.receive_datagram(rest + end, _PEER, self._now)
        self._drive()

    def finish(self) -> None:
        """Let time pass until nothing is left to do, which has to come by itself."""
        for _ in range(5_000):
            due = self._server.next_timer()
            if due is None:
                break
            self._now = max(self._now, due)
            self._server.handle_timer(self._now)
            self._drive()
        else:
            raise AssertionError("timers without end")
        if self._server.waits_for_answers and not self._server.sessions:
            raise AssertionError("a request of ours waits without a timer")

    def _wait(self, seconds: int) -> None:
        end = self._now + seconds
        while (due := self._server.next_timer()) is not None and due <= end:
            self._now = max(self._now, due)
            self._server.handle_timer(self._now)
            self._drive()
        self._now = end

    def _drive(self) -> None:
        while (event := self._server.next_event()) is not None:
            self._session = event.session
            if isinstance(event, SessionOffered | SessionChanged) and self._answers:
                self._answer(event)
        for transmission in self._server.data_to_send():
            message = parse_datagram(transmission.data)
            if isinstance(message, SipRequest):
                self._request = message
            elif (found := re.search(r";tag=(\S+)", message.headers.get("To") or "")) is not None:
                self._tag = found[1].encode("utf-8", "surrogateescape")

    def _answer(self, event: SessionOffered | SessionChanged) -> None:
        labels: list[str | None] = []
        if event.body.description is not None:
            try:
                choices = {choice.index: choice for choice in choose_streams(event.body.description)}
            except NotAcceptableError as error:
                self._server.reject(event.session, 488, self._now, (("Warning", error.warning),))
                return
            labels = [choice.label for choice in choices.values()]
            origin = Origin("ridge", "1", 1, "IP4", "192.0.2.1")
            answer = make_answer(event.body.description, choices, dict.fromkeys(choices, 20000), origin)
            self._server.accept(event.session, answer, self._now)
        resolve_roles(event.body.metadata, labels, Roles())


def _serve(data: bytes) -> None:
    play = _Play()
    for part in data.split(_SEPARATOR)[:16]:
        play.take(part)
    play.finish()


def _plays(invites: Sequence[bytes], document: bytes, description: bytes) -> list[bytes]:
    """Whole calls: with changes, refreshed by us in either way, cancelled, ended by us."""
    acknowledge = _message("ACK", 1, tag="SESSION")
    update = _message("UPDATE", 2, "application/rs-metadata+xml", document, tag="SESSION")
    bye = _message("BYE", 6, tag="SESSION")
    changes = (
        acknowledge,
        update,
        _message("INVITE", 3, "application/sdp", description, tag="SESSION"),
        _message("ACK", 3, tag="SESSION"),
        _message("INVITE", 4, tag="SESSION"),
        _message("ACK", 4, "application/sdp", description, tag="SESSION"),
        _message("OPTIONS", 5, tag="SESSION"),
        bye,
    )
    timed = b"Session-Expires: 600;refresher=uas\r\nRecord-Route: <sip:192.0.2.9;lr>\r\nMax-Forwards"
    plays: list[tuple[bytes, ...]] = []
    for invite in invites:
        ours = invite.replace(b"Max-Forwards", timed)
        old = ours.replace(b", UPDATE", b"")
        plays += [
            (invite, *changes),
            (
                ours,
                acknowledge,
                b"%WAIT 301",
                b"%REPLY SIP/2.0 200 OK\r\nSession-Expires: 600",
                b"%WAIT 301",
                bye,
            ),
            (ours, acknowledge, b"%WAIT 301", b"%REPLY SIP/2.0 422 No\r\nMin-SE: 900", b"%WAIT 4", update),
            (old, acknowledge, b"%WAIT 301", b"%REPLY SIP/2.0 200 OK\r\nSession-Expires: 90", b"%WAIT 99"),
            (
                old,
                acknowledge,
                b"%WAIT 301",
                b"%REPLY SIP/2.0 491 Wait",
                b"%WAIT 3",
                update,
                b"%REPLY SIP/2.0 481 No",
            ),
            (b"%SLOW", invite, _message("CANCEL", 1).replace(b"bKCANCEL", b"bKINVITE"), acknowledge),
            (invite, b"%END", acknowledge, b"%REPLY SIP/2.0 100 Trying", b"%REPLY SIP/2.0 200 OK", bye),
        ]
    return [_SEPARATOR.join(parts) for parts in plays]


def targets() -> Sequence[Target]:
    """SIP as datagrams and as a stream, SDP, multipart, metadata, and whole calls."""
    bodies = _bodies()
    invites = [_message("INVITE", 1, content_type, body) for content_type, body in bodies]
    others = [_message(method, 2, tag="SESSION") for method in _METHODS]
    response = b"SIP/2.0 200 OK\r\nVia: SIP/2.0/UDP 192.0.2.1;branch=z9hG4bKx\r\nCSeq: 1 BYE\r\n\r\n"
    descriptions, documents = [], []
    for content_type, body in bodies:
        for part in split_body(content_type, body):
            if part.content_type.media_type == "application/sdp":
                descriptions.append(part.body)
            elif b"recording" in part.body:
                documents.append(part.body)
    return (
        Target("sip", [*invites, *others, response], _read_sip, (SipError,), _SIP_WORDS),
        Target(
            "sip_stream",
            [b"".join(invites[:3]) + b"\r\n\r\n", *others],
            _read_stream,
            (SipError,),
            _SIP_WORDS,
        ),
        Target("sdp", descriptions, _read_sdp, (SdpError, NotAcceptableError), _SDP_WORDS),
        Target(
            "multipart",
            [content_type.encode() + b"\n" + body for content_type, body in bodies],
            _read_multipart,
            (MultipartError,),
            (b"\r\n--", b"--", b"Content-Type: multipart/mixed;boundary=x\r\n\r\n", b";boundary="),
        ),
        Target("metadata", documents, _read_metadata, (MetadataError,), _XML_WORDS),
        Target(
            "recording_server",
            _plays(invites, documents[0], descriptions[0]),
            _serve,
            (),
            (*_SIP_WORDS, *_SDP_WORDS, *_XML_WORDS, *_PLAY_WORDS),
        ),
    )
