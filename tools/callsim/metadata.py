"""The body of a recording client's INVITE, in the manners of different gateways.

Each style varies what vendors are seen to vary: the namespace, prefixes, names of the id attributes, where
`send` and `recv` stand, what labels look like, and further parts of the body.
"""

from __future__ import annotations

import base64
import uuid
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Literal
from xml.sax.saxutils import escape, quoteattr

from appliance.telephony.rtp import Codec
from tools.callsim.media import COMFORT_NOISE, PAYLOAD_TYPES, TELEPHONE_EVENT

Direction = Literal["inbound", "outbound"]
MediaDirection = Literal["sendonly", "inactive"]


def _identifier() -> str:
    return base64.b64encode(uuid.uuid4().bytes).decode()


@dataclass(frozen=True, slots=True)
class Party:
    """One end of the recorded call and its stream."""

    number: str
    calling: bool
    label: str
    participant: str = field(default_factory=_identifier)
    stream: str = field(default_factory=_identifier)


@dataclass(frozen=True, slots=True)
class Part:
    """One part of a multipart body."""

    content_type: str
    disposition: str
    content: bytes


@dataclass(frozen=True, slots=True)
class Session:
    """The parties in the order of their streams."""

    parties: tuple[Party, Party]
    host: str
    identifier: str = field(default_factory=_identifier)


@dataclass(frozen=True, slots=True)
class Style:
    """How a kind of gateway writes."""

    #: labels of the two streams
    labels: tuple[str, str]
    metadata: Callable[[Session], str] | None
    #: further parts after SDP and metadata
    extra: tuple[Part, ...] = ()
    metadata_first: bool = False
    #: a third stream in which both voices are mixed
    mixed: bool = False


_RECORDING = "urn:ietf:params:xml:ns:recording"
_START = "2026-01-05T09:30:00Z"


def _document(namespace: str, content: str, prefix: str = "") -> str:
    name = f"{prefix}:recording" if prefix else "recording"
    declaration = f"xmlns:{prefix}" if prefix else "xmlns"
    return (
        f'<?xml version="1.0" encoding="UTF-8"?>\n<{name} {declaration}="{namespace}">\n{content}</{name}>\n'
    )


def _aor(session: Session, party: Party) -> str:
    return quoteattr(f"sip:{party.number}@{session.host}")


def _other(session: Session, party: Party) -> Party:
    return session.parties[1] if party is session.parties[0] else session.parties[0]


def _standard(
    session: Session, prefix: str = "", namespace: str = f"{_RECORDING}:1", send: bool = True
) -> str:
    """As the examples of RFC 7865: association elements beside participants and streams."""
    p = f"{prefix}:" if prefix else ""
    lines = [
        f"<{p}datamode>complete</{p}datamode>",
        f'<{p}session session_id="{session.identifier}"><{p}start-time>{_START}</{p}start-time></{p}session>',
    ]
    for party in session.parties:
        lines += [
            f'<{p}participant participant_id="{party.participant}">',
            f"<{p}nameID aor={_aor(session, party)}><{p}name>{escape(party.number)}</{p}name></{p}nameID>",
            f"</{p}participant>",
            f'<{p}stream stream_id="{party.stream}" session_id="{session.identifier}">',
            f"<{p}label>{party.label}</{p}label></{p}stream>",
        ]
    for party in session.parties:
        lines += [
            f'<{p}participantsessionassoc participant_id="{party.participant}" '
            f'session_id="{session.identifier}"><{p}associate-time>{_START}</{p}associate-time>'
            f"</{p}participantsessionassoc>",
        ]
        if send:
            lines += [
                f'<{p}participantstreamassoc participant_id="{party.participant}">',
                f"<{p}send>{party.stream}</{p}send><{p}recv>{_other(session, party).stream}</{p}recv>",
                f"</{p}participantstreamassoc>",
            ]
    return _document(namespace, "\n".join(lines) + "\n", prefix)


def _acme(session: Session) -> str:
    """`id` attributes, `send` inside the participant, an extension that names the calling party."""
    lines = [
        "<datamode>complete</datamode>",
        f'<session id="{session.identifier}"><associate-time>{_START}</associate-time></session>',
    ]
    for party in session.parties:
        lines += [
            f'<participant id="{party.participant}" session="{session.identifier}">',
            f"<nameID aor={_aor(session, party)}><name>{escape(party.number)}</name></nameID>",
            f"<send>{party.stream}</send>",
            '<extensiondata xmlns:apkt="http://acmepacket.com/siprec/extensiondata">',
            f"<apkt:callingParty>{str(party.calling).lower()}</apkt:callingParty>",
            "</extensiondata></participant>",
        ]
    for party in session.parties:
        lines += [
            f'<stream id="{party.stream}" session="{session.identifier}">',
            f"<label>{party.label}</label><mode>separate</mode></stream>",
        ]
    return _document(_RECORDING, "\n".join(lines) + "\n")


def _broadworks(session: Session) -> str:
    """`dataMode` with a capital, hexadecimal ids, no `recv`."""
    lines = [
        "<dataMode>complete</dataMode>",
        f'<session session_id="{session.identifier}"></session>',
        f'<sessionrecordingassoc session_id="{session.identifier}"></sessionrecordingassoc>',
    ]
    for party in session.parties:
        lines += [
            f'<participant participant_id="{party.participant}">',
            f"<nameID aor={_aor(session, party)}></nameID></participant>",
            f'<participantstreamassoc participant_id="{party.participant}">',
            f"<send>{party.stream}</send></participantstreamassoc>",
        ]
    for party in session.parties:
        lines.append(
            f'<stream stream_id="{party.stream}" session_id="{session.identifier}">'
            f"<label>{party.label}</label></stream>"
        )
    return _document(f"{_RECORDING}:1", "\n".join(lines) + "\n")


def _mixed(session: Session) -> str:
    """A third stream that both participants send."""
    both = _identifier()
    associations = "".join(
        f'<participantstreamassoc participant_id="{party.participant}"><send>{both}</send>'
        "</participantstreamassoc>\n"
        for party in session.parties
    )
    stream = f'<stream stream_id="{both}" session_id="{session.identifier}"><label>3</label></stream>\n'
    return _standard(session).replace("</recording>", f"{stream}{associations}</recording>")


STYLES: dict[str, Style] = {
    "rfc7865": Style(("1", "2"), _standard),
    "acme": Style(("16777301", "16777302"), _acme),
    "broadworks": Style(("10", "20"), _broadworks, metadata_first=True),
    "cisco": Style(
        ("1", "2"),
        _standard,
        (Part("application/gtd", "signal;handling=optional", b"IAM,\r\nGCI,0102030405060708\r\n"),),
    ),
    "sonus": Style(("1", "2"), lambda session: _standard(session, "tns", _RECORDING)),
    "prefixed": Style(("main-877", "main-878"), lambda session: _standard(session, "rs")),
    "words": Style(("a_leg", "b_leg"), _standard),
    "mixed": Style(("1", "2"), _mixed, mixed=True),
    #: participants and streams, but nothing that joins them
    "unassociated": Style(("1", "2"), lambda session: _standard(session, send=False)),
    #: an offer alone
    "none": Style(("1", "2"), None),
}


@dataclass(frozen=True, slots=True)
class Offer:
    """What the client offers: a stream for each party, and where it sends from."""

    host: str
    ports: tuple[int, ...]
    labels: tuple[str, ...]
    codec: Codec
    version: int = 1
    direction: MediaDirection = "sendonly"

    def sdp(self) -> bytes:
        """The session description (RFC 8866)."""
        payload_type = PAYLOAD_TYPES[self.codec]
        lines = [
            "v=0",
            f"o=callsim 1 {self.version} IN IP4 {self.host}",
            "s=-",
            f"c=IN IP4 {self.host}",
            "t=0 0",
        ]
        for port, label in zip(self.ports, self.labels, strict=True):
            lines += [
                f"m=audio {port} RTP/AVP {payload_type} {TELEPHONE_EVENT} {COMFORT_NOISE}",
                f"a=rtpmap:{payload_type} {self.codec}/8000",
                f"a=rtpmap:{TELEPHONE_EVENT} telephone-event/8000",
                f"a=fmtp:{TELEPHONE_EVENT} 0-15",
                "a=ptime:20",
                f"a=label:{label}",
                f"a={self.direction}",
            ]
        return "".join(f"{line}\r\n" for line in lines).encode()


def body(offer: bytes, style: Style, session: Session) -> tuple[str, bytes]:
    """Content type and body of the INVITE."""
    if style.metadata is None:
        return "application/sdp", offer
    parts = [Part("application/sdp", "session;handling=required", offer)]
    parts.insert(
        0 if style.metadata_first else 1,
        Part("application/rs-metadata+xml", "recording-session", style.metadata(session).encode()),
    )
    boundary = "callsim-" + uuid.uuid4().hex
    lines = []
    for part in (*parts, *style.extra):
        head = f"Content-Type: {part.content_type}\r\nContent-Disposition: {part.disposition}\r\n\r\n"
        lines.append(f"--{boundary}\r\n{head}".encode() + part.content + b"\r\n")
    return f'multipart/mixed;boundary="{boundary}"', b"".join(lines) + f"--{boundary}--\r\n".encode()
