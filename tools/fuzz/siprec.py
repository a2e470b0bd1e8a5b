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
    metadata = parse_recording_metadata(data)
    joined = metadata.updated(metadata)
    resolve_roles(joined, [stream.label for stream in joined.streams], Roles(direction="inbound"))


def _read_multipart(data: bytes) -> None:
    content_type, _, body = data.partition(b"\n")
    split_body(content_type.decode("utf-8", "surrogateescape"), body)


_SEPARATOR = b"\n%%%%\n"


def _serve(data: bytes) -> None:
    """Messages after one another to one server that accepts every offer; `SESSION` stands for our tag."""
    counter = itertools.count()
    server = RecordingServer(ServerSettings(4, 1800, lambda _: True, lambda: f"token{next(counter)}"))
    peer = Peer("UDP", "192.0.2.10", 5060, "192.0.2.1", 5060)
    now, tag = 0.0, b""
    for part in data.split(_SEPARATOR)[:12]:
        server.receive_datagram(part.replace(b"SESSION", tag), peer, now)
        _drive(server, now)
        for transmission in server.data_to_send():
            response = parse_datagram(transmission.data)
            found = re.search(r";tag=(\S+)", response.headers.get("To") or "")
            if found is not None and not isinstance(response, SipRequest):
                tag = found[1].encode("utf-8", "surrogateescape")
        now += 0.3
        server.handle_timer(now)
    # Everything has to come to an end by itself.
    for _ in range(2_000):
        due = server.next_timer()
        if due is None:
            break
        now = max(now, due)
        server.handle_timer(now)
        _drive(server, now)
        server.data_to_send()
    else:
        raise AssertionError("timers without end")


def _drive(server: RecordingServer, now: float) -> None:
    while (event := server.next_event()) is not None:
        if not isinstance(event, SessionOffered | SessionChanged):
            continue
        labels: list[str | None] = []
        if event.body.description is not None:
            try:
                choices = {choice.index: choice for choice in choose_streams(event.body.description)}
            except NotAcceptableError as error:
                server.reject(event.session, 488, now, (("Warning", error.warning),))
                continue
            labels = [choice.label for choice in choices.values()]
            origin = Origin("ridge", "1", 1, "IP4", "192.0.2.1")
            answer = make_answer(event.body.description, choices, dict.fromkeys(choices, 20000), origin)
            server.accept(event.session, answer, now)
        resolve_roles(event.body.metadata, labels, Roles())


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
    calls = [
        _SEPARATOR.join(
            (
                invite,
                _message("ACK", 1, tag="SESSION"),
                _message("UPDATE", 2, "application/rs-metadata+xml", documents[0], tag="SESSION"),
                _message("INVITE", 3, "application/sdp", descriptions[0], tag="SESSION"),
                _message("ACK", 3, tag="SESSION"),
                _message("INVITE", 4, tag="SESSION"),
                _message("ACK", 4, "application/sdp", descriptions[0], tag="SESSION"),
                _message("BYE", 5, tag="SESSION"),
            )
        )
        for invite in invites
    ]
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
        Target("recording_server", calls, _serve, (), (*_SIP_WORDS, *_SDP_WORDS, *_XML_WORDS, _SEPARATOR)),
    )
