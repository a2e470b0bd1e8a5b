"""Session descriptions (RFC 8866): parsing with limits, and serialising."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import Final, Literal, get_args

#: A description is part of a SIP message, which is shorter.
MAX_DESCRIPTION_BYTES: Final = 32_768
MAX_LINES: Final = 512
MAX_LINE_CHARACTERS: Final = 2_048
#: Two legs and a mixed stream, audio and video, leave room to spare.
MAX_MEDIA: Final = 16

MediaDirection = Literal["sendrecv", "sendonly", "recvonly", "inactive"]
_DIRECTIONS: Final[tuple[MediaDirection, ...]] = get_args(MediaDirection)

#: Static payload types that matter here (RFC 3551, table 4); they may come without rtpmap.
STATIC_PAYLOAD_TYPES: Final = {0: ("PCMU", 8000), 8: ("PCMA", 8000)}

_MEDIA: Final = re.compile(
    r"([A-Za-z0-9!#$%&'*+\-.^_`{|}~]{1,32}) ([0-9]{1,5})(?:/([0-9]{1,5}))? (\S{1,64})((?: \S{1,64})*)"
)
_ORIGIN: Final = re.compile(r"(\S{1,256}) (-?[0-9]{1,40}) (-?[0-9]{1,40}) (\S{1,16}) (\S{1,16}) (\S{1,256})")
_CONNECTION: Final = re.compile(r"\S{1,16} (\S{1,16}) (\S{1,256})")
_RTPMAP: Final = re.compile(
    r"([0-9]{1,3})\s+([A-Za-z0-9!#$%&'*+\-.^_`{|}~]{1,64})/([0-9]{1,9})(?:/([0-9]{1,3}))?\s*"
)


class SdpError(ValueError):
    """Bytes are no session description."""


Attribute = tuple[str, str | None]


@dataclass(frozen=True, slots=True)
class Origin:
    """The `o=` line; a new version of the same session has a larger `version`."""

    username: str
    session_id: str
    version: int
    address_type: str
    address: str

    def serialise(self) -> str:
        """The line's value."""
        return f"{self.username} {self.session_id} {self.version} IN {self.address_type} {self.address}"


@dataclass(frozen=True, slots=True)
class MediaFormat:
    """What one RTP payload type means."""

    payload_type: int
    #: in upper case, such as `PCMA` or `TELEPHONE-EVENT`
    encoding: str
    clock_rate: int


@dataclass(frozen=True, slots=True)
class Media:
    """One `m=` section."""

    kind: str
    #: 0: the stream is refused or taken away (RFC 3264 section 6 and 8.2)
    port: int
    protocol: str
    formats: tuple[str, ...]
    #: the section's own `c=` address
    connection: str | None = None
    attributes: tuple[Attribute, ...] = ()

    def attribute(self, name: str) -> str | None:
        """The value of the first attribute of that name, empty where it has none, None without it."""
        return next((value or "" for key, value in self.attributes if key == name), None)

    @property
    def label(self) -> str | None:
        """The `a=label` (RFC 4574)."""
        value = self.attribute("label")
        return value.strip() or None if value is not None else None

    @property
    def direction(self) -> MediaDirection | None:
        """The section's own direction."""
        return _direction(self.attributes)

    @property
    def media_formats(self) -> tuple[MediaFormat, ...]:
        """The RTP payload types in the order of preference; those without a known meaning are left out."""
        mapped = {
            int(matched[1]): (matched[2].upper(), int(matched[3]))
            for name, value in reversed(self.attributes)
            if name == "rtpmap" and (matched := _RTPMAP.fullmatch(value or ""))
        }
        return tuple(
            MediaFormat(int(text), *meaning)
            for text in self.formats
            if re.fullmatch(r"[0-9]{1,3}", text, re.ASCII)
            and int(text) < 128
            and (meaning := mapped.get(int(text)) or STATIC_PAYLOAD_TYPES.get(int(text)))
        )


@dataclass(frozen=True, slots=True)
class SessionDescription:
    """A whole description; lines that have no meaning here (b=, k=, i=, z= ...) are dropped."""

    origin: Origin
    name: str = field(default="-", repr=False)
    #: the session's `c=` address
    connection: str | None = None
    attributes: tuple[Attribute, ...] = ()
    media: tuple[Media, ...] = ()

    def connection_of(self, index: int) -> str | None:
        """The address of the section at `index`: its own, or the session's."""
        return self.media[index].connection or self.connection

    def direction_of(self, index: int) -> MediaDirection:
        """The direction of the section at `index`: its own, or the session's, or sendrecv (RFC 8866 6.7).

        An address of 0.0.0.0 is the old sign of hold (RFC 3264 section 8.4), but vendors of recording clients
        write it into every offer; a sender that says `sendonly` with it does send.
        """
        return self.media[index].direction or _direction(self.attributes) or "sendrecv"

    def serialise(self) -> bytes:
        """The description as bytes, lines ended by CRLF."""
        lines = ["v=0", f"o={self.origin.serialise()}", f"s={self.name or '-'}"]
        if self.connection is not None:
            lines.append(_connection_line(self.connection))
        lines.append("t=0 0")
        lines += [_attribute_line(attribute) for attribute in self.attributes]
        for media in self.media:
            lines.append(f"m={media.kind} {media.port} {media.protocol} {' '.join(media.formats)}".rstrip())
            if media.connection is not None:
                lines.append(_connection_line(media.connection))
            lines += [_attribute_line(attribute) for attribute in media.attributes]
        return ("\r\n".join(lines) + "\r\n").encode("utf-8", "surrogateescape")


def _direction(attributes: tuple[Attribute, ...]) -> MediaDirection | None:
    names = [name for name, _ in attributes]
    return min((direction for direction in _DIRECTIONS if direction in names), key=names.index, default=None)


def _connection_line(address: str) -> str:
    return f"c=IN {'IP6' if ':' in address else 'IP4'} {address}"


def _attribute_line(attribute: Attribute) -> str:
    name, value = attribute
    return f"a={name}" if value is None else f"a={name}:{value}"


def parse_sdp(data: bytes) -> SessionDescription:
    """Parse a session description; the order of lines within a section does not matter.

    Raises:
        SdpError: there is no `v=0`, `o=` or readable `m=` line, or a limit is broken.
    """
    if len(data) > MAX_DESCRIPTION_BYTES:
        raise SdpError(f"a description of {len(data)} bytes; {MAX_DESCRIPTION_BYTES} are allowed")
    text = data.decode("utf-8", "surrogateescape").strip("\r\n \t")
    lines = re.split(r"\r\n|\n|\r", text)
    if len(lines) > MAX_LINES:
        raise SdpError(f"more than {MAX_LINES} lines")
    if lines[0].rstrip() != "v=0":
        raise SdpError("the first line is not v=0")
    session = _Section()
    sections: list[_Section] = []
    for line in lines[1:]:
        if not line.strip():
            continue
        if len(line) > MAX_LINE_CHARACTERS:
            raise SdpError(f"a line of more than {MAX_LINE_CHARACTERS} characters")
        letter, equals, value = line[:1], line[1:2], line[2:].rstrip(" \t")
        if equals != "=" or not letter.isalpha():
            raise SdpError("a line that does not begin with a letter and =")
        if letter == "m":
            if len(sections) == MAX_MEDIA:
                raise SdpError(f"more than {MAX_MEDIA} media sections")
            sections.append(_Section(value))
        else:
            (sections[-1] if sections else session).take(letter, value)
    if session.origin is None:
        raise SdpError("no o= line")
    media = tuple(section.media() for section in sections)
    return SessionDescription(
        session.origin, session.name, session.connection, tuple(session.attributes), media
    )


class _Section:
    """What the lines of the session or of one media section have said so far."""

    def __init__(self, media: str = "") -> None:
        self._media = media
        self.origin: Origin | None = None
        self.name = "-"
        self.connection: str | None = None
        self.attributes: list[Attribute] = []

    def take(self, letter: str, value: str) -> None:
        if letter == "o" and self.origin is None:
            matched = _ORIGIN.fullmatch(value.strip())
            if matched is None:
                raise SdpError("an o= line that cannot be read")
            self.origin = Origin(matched[1], matched[2], int(matched[3]), matched[5], matched[6])
        elif letter == "s":
            self.name = value or "-"
        elif letter == "c" and self.connection is None:
            connection = _CONNECTION.fullmatch(value.strip())
            if connection is None:
                raise SdpError("a c= line that cannot be read")
            # A multicast address carries its time to live behind a slash.
            self.connection = connection[2].partition("/")[0] or None
        elif letter == "a":
            name, colon, text = value.partition(":")
            if name:
                self.attributes.append((name, text if colon else None))

    def media(self) -> Media:
        matched = _MEDIA.fullmatch(self._media.strip())
        if matched is None:
            raise SdpError("an m= line that cannot be read")
        port = int(matched[2])
        if port > 65535:
            raise SdpError("an m= line with a port above 65535")
        return Media(
            matched[1].lower(),
            port,
            matched[4],
            tuple(matched[5].split()),
            self.connection,
            tuple(self.attributes),
        )
