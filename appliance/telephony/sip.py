"""SIP messages (RFC 3261, section 7 and 25): parsing with strict limits, and serialising.

Lines may end in CRLF or in a bare LF, header names may be in their compact form and values may be folded, as
section 7.3 has it. Bytes that are no UTF-8 survive a round trip (surrogate escapes) but mean nothing.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from typing import Final

SIP_VERSION: Final = "SIP/2.0"

#: A datagram cannot be longer, and a SIPREC INVITE with metadata takes 3 to 6 KB.
MAX_MESSAGE_BYTES: Final = 65_535
#: Start line and headers together; real ones take about 2 KB.
MAX_HEAD_BYTES: Final = 16_384
MAX_HEADER_FIELDS: Final = 128
#: One header with its folded lines; Identity headers of a long certificate chain stay below.
MAX_HEADER_BYTES: Final = 8_192
#: Values in one header that holds a list; a request that passed 70 proxies (Max-Forwards) has 71 Vias.
MAX_LIST_VALUES: Final = 128

_TOKEN: Final = re.compile(r"[A-Za-z0-9\-.!%*_+`'~]{1,64}")
_STATUS_LINE: Final = re.compile(r"SIP/2\.0 ([1-6][0-9]{2})(?: ([^\r\n]*))?")
_CONTROL: Final = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f]")

#: Compact forms (RFC 3261 section 20, RFC 4028 section 4, and the IANA registry).
_COMPACT: Final = {
    "a": "Accept-Contact", "b": "Referred-By", "c": "Content-Type", "d": "Request-Disposition",
    "e": "Content-Encoding", "f": "From", "i": "Call-ID", "k": "Supported", "l": "Content-Length",
    "m": "Contact", "o": "Event", "r": "Refer-To", "s": "Subject", "t": "To", "u": "Allow-Events",
    "v": "Via", "x": "Session-Expires", "y": "Identity",
}  # fmt: skip
_CANONICAL: Final = {
    name.lower(): name
    for name in (
        *_COMPACT.values(), "Accept", "Accept-Encoding", "Allow", "CSeq", "Content-Disposition", "Date",
        "Expires",
        "MIME-Version", "Max-Forwards", "Min-SE", "Reason", "Record-Route", "Require", "Retry-After", "Route",
        "Server", "Timestamp", "Unsupported", "User-Agent", "Warning",
    )
}  # fmt: skip
#: Fields that a message must not hold twice (RFC 3261 section 7.3.1 and 8.1.1).
_SINGLE: Final = ("From", "To", "Call-ID", "CSeq", "Content-Length", "Content-Type", "Max-Forwards")


class SipError(ValueError):
    """Bytes are not a SIP message that can be worked with.

    `status` is the response that says so, `fields` what it must carry, and `head` what was understood of the
    message, so that the response can be addressed.
    """

    def __init__(
        self,
        message: str,
        status: int = 400,
        head: SipMessage | None = None,
        *,
        fields: tuple[tuple[str, str], ...] = (),
    ) -> None:
        super().__init__(message)
        self.status = status
        self.head = head
        self.fields = fields


def canonical_name(name: str) -> str:
    """The usual spelling of a header's name, `Call-ID` for `i` or `call-id`."""
    lower = name.lower()
    return _COMPACT.get(lower) or _CANONICAL.get(lower) or name


class Headers:
    """The header fields in order; names compare without case and compact forms are spelled out."""

    __slots__ = ("_fields",)

    def __init__(self, fields: Iterable[tuple[str, str]] = ()) -> None:
        self._fields = [(canonical_name(name), value) for name, value in fields]

    def __iter__(self) -> Iterator[tuple[str, str]]:
        return iter(self._fields)

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Headers):
            return NotImplemented
        ours = [(name.lower(), value) for name, value in self._fields]
        return ours == [(name.lower(), value) for name, value in other]

    __hash__ = None  # type: ignore[assignment]

    def __repr__(self) -> str:
        # Values hold names and numbers of people, which must not reach a log by way of a traceback.
        return f"Headers({len(self._fields)} fields)"

    def __contains__(self, name: str) -> bool:
        return self.get(name) is not None

    def add(self, name: str, value: str) -> None:
        """Append a field."""
        self._fields.append((canonical_name(name), value))

    def get(self, name: str) -> str | None:
        """The first value of a field, or None."""
        wanted = canonical_name(name).lower()
        return next((value for key, value in self._fields if key.lower() == wanted), None)

    def get_all(self, name: str) -> list[str]:
        """The values of all fields of that name, as they stand."""
        wanted = canonical_name(name).lower()
        return [value for key, value in self._fields if key.lower() == wanted]

    def values(self, name: str) -> list[str]:
        """The single values of a field that holds a comma-separated list, over all its lines.

        Raises:
            SipError: more than MAX_LIST_VALUES values.
        """
        found: list[str] = []
        for value in self.get_all(name):
            found.extend(split_list(value))
            if len(found) > MAX_LIST_VALUES:
                raise SipError(f"more than {MAX_LIST_VALUES} values of {canonical_name(name)}")
        return found

    def tokens(self, name: str) -> set[str]:
        """The values of a list of option tags or methods, in lower case."""
        return {value.lower() for value in self.values(name)}


def split_list(value: str) -> list[str]:
    """Split at commas that stand neither in a quoted string nor in angle brackets."""
    if "," not in value:
        stripped = value.strip()
        return [stripped] if stripped else []
    parts: list[str] = []
    start, quoted, depth, escaped = 0, False, 0, False
    for position, character in enumerate(value):
        if escaped:
            escaped = False
        elif quoted:
            escaped = character == "\\"
            quoted = character != '"'
        elif character == '"':
            quoted = True
        elif character == "<":
            depth = 1
        elif character == ">":
            depth = 0
        elif character == "," and not depth:
            parts.append(value[start:position].strip())
            start = position + 1
    parts.append(value[start:].strip())
    return [part for part in parts if part]


@dataclass(slots=True)
class SipRequest:
    """A request; `body` is as long as Content-Length says."""

    method: str
    uri: str = field(repr=False)
    headers: Headers
    body: bytes = field(default=b"", repr=False)

    def serialise(self) -> bytes:
        """The bytes of the message, with a Content-Length that fits the body."""
        return _serialise(f"{self.method} {self.uri} {SIP_VERSION}", self.headers, self.body)


@dataclass(slots=True)
class SipResponse:
    """A response."""

    status: int
    reason: str
    headers: Headers
    body: bytes = field(default=b"", repr=False)

    def serialise(self) -> bytes:
        """The bytes of the message, with a Content-Length that fits the body."""
        return _serialise(f"{SIP_VERSION} {self.status} {self.reason}", self.headers, self.body)


SipMessage = SipRequest | SipResponse


def _serialise(start: str, headers: Headers, body: bytes) -> bytes:
    lines = [start]
    lines += [f"{name}: {value}" for name, value in headers if name != "Content-Length"]
    lines += [f"Content-Length: {len(body)}", "", ""]
    return "\r\n".join(lines).encode("utf-8", "surrogateescape") + body


def find_head_end(data: bytes | bytearray, start: int = 0) -> tuple[int, int] | None:
    """Where the head ends and the body begins: (index of the blank line's CRLF, index after it), or None."""
    crlf = data.find(b"\r\n\r\n", start)
    bare = data.find(b"\n\n", start)
    mixed = data.find(b"\n\r\n", start)
    candidates = [
        (position, position + length)
        for position, length in ((crlf, 4), (bare, 2), (mixed, 3))
        if position >= 0
    ]
    return min(candidates, key=lambda found: found[1]) if candidates else None


def parse_head(data: bytes) -> SipMessage:
    """Parse start line and headers, without the blank line and the body.

    Raises:
        SipError: the head is no SIP, or breaks a limit.
    """
    if len(data) > MAX_HEAD_BYTES:
        raise SipError(f"a head of {len(data)} bytes; {MAX_HEAD_BYTES} are allowed", 513)
    text = data.decode("utf-8", "surrogateescape")
    if _CONTROL.search(text):
        raise SipError("a control character in the head")
    lines = text.replace("\r\n", "\n").split("\n")
    headers = _parse_headers(lines[1:])
    start = lines[0]
    if "\r" in start:
        raise SipError("a bare carriage return in the start line")
    if start.startswith("SIP/"):
        matched = _STATUS_LINE.fullmatch(start)
        if matched is None:
            raise SipError("not a status line of SIP/2.0")
        return SipResponse(int(matched[1]), matched[2] or "", headers)
    parts = start.split(" ")
    if len(parts) != 3 or not _TOKEN.fullmatch(parts[0]) or not parts[1]:
        raise SipError("not a request line")
    request = SipRequest(parts[0], parts[1], headers)
    if parts[2] != SIP_VERSION:
        if re.fullmatch(r"SIP/[0-9]+\.[0-9]+", parts[2]):
            raise SipError("a version of SIP other than 2.0", 505, request)
        raise SipError("not a request line")
    return request


def _parse_headers(lines: list[str]) -> Headers:
    fields: list[tuple[str, str]] = []
    for line in lines:
        if "\r" in line:
            raise SipError("a bare carriage return in a header")
        if line[:1] in (" ", "\t"):
            if not fields:
                raise SipError("a folded line before the first header")
            name, value = fields[-1]
            joined = f"{value} {line.strip()}".strip()
            if len(joined) > MAX_HEADER_BYTES:
                raise SipError(f"a header of more than {MAX_HEADER_BYTES} bytes", 513)
            fields[-1] = (name, joined)
            continue
        if len(line) > MAX_HEADER_BYTES:
            raise SipError(f"a header of more than {MAX_HEADER_BYTES} bytes", 513)
        name, colon, value = line.partition(":")
        name = name.rstrip(" \t")
        if not colon or not _TOKEN.fullmatch(name):
            raise SipError("a line that is no header")
        fields.append((name, value.strip(" \t")))
        if len(fields) > MAX_HEADER_FIELDS:
            raise SipError(f"more than {MAX_HEADER_FIELDS} headers", 513)
    headers = Headers(fields)
    for name in _SINGLE:
        values = set(headers.get_all(name))
        if len(values) > 1:
            raise SipError(f"two different values of {name}")
    return headers


def content_length(headers: Headers) -> int | None:
    """The value of Content-Length, or None where there is none.

    Raises:
        SipError: it is no number, or larger than MAX_MESSAGE_BYTES (status 513).
    """
    value = headers.get("Content-Length")
    if value is None:
        return None
    if not re.fullmatch(r"[0-9]{1,10}", value, re.ASCII):
        raise SipError("a Content-Length that is no number")
    if int(value) > MAX_MESSAGE_BYTES:
        raise SipError(f"a body of more than {MAX_MESSAGE_BYTES} bytes", 513)
    return int(value)


def parse_datagram(data: bytes) -> SipMessage:
    """Parse one message that is a whole datagram (RFC 3261 section 18.3).

    What follows the body that Content-Length promises is thrown away; without Content-Length the body
    reaches to the end of the datagram.

    Raises:
        SipError: the datagram is no SIP message; `SipError.status` is fit for a response.
    """
    if len(data) > MAX_MESSAGE_BYTES:
        raise SipError(f"a message of more than {MAX_MESSAGE_BYTES} bytes", 513)
    end = find_head_end(data)
    head, body = (data[: end[0]], data[end[1] :]) if end else (data.rstrip(b"\r\n"), b"")
    message = parse_head(head)
    try:
        length = content_length(message.headers)
    except SipError as error:
        error.head = message
        raise
    if length is not None:
        if length > len(body):
            raise SipError(f"Content-Length says {length}, but {len(body)} bytes came", head=message)
        body = body[:length]
    message.body = body
    return message
