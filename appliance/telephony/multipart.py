"""MIME bodies of SIP messages (RFC 2046 section 5.1, RFC 5621): splitting multipart into its parts."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import Final

#: A SIPREC offer has two or three parts; gateways of one vendor add a GTD part.
MAX_PARTS: Final = 16
#: RFC 2046 section 5.1.1: a boundary has 1 to 70 characters.
MAX_BOUNDARY: Final = 70
MAX_PART_HEADERS: Final = 32
MAX_NESTING: Final = 2

_NAME: Final = re.compile(r"[A-Za-z0-9!#$%&'*+.^_`|~-]{1,64}")


class MultipartError(ValueError):
    """A body is not the multipart that its Content-Type says."""


@dataclass(frozen=True, slots=True)
class ContentType:
    """A media type in lower case, with its parameters (names in lower case)."""

    media_type: str
    parameters: dict[str, str] = field(default_factory=dict)


def parse_content_type(value: str) -> ContentType:
    """Parse `multipart/mixed;boundary="a;b"`; what cannot be read of the parameters is left out."""
    main, _, rest = value.partition(";")
    parameters: dict[str, str] = {}
    pattern = re.compile(
        r"""\s*([^\s=;"]{1,64})\s*(?:=\s*("(?:[^"\\]|\\.)*"|[^;"]*))?\s*(?:;|$)""", re.DOTALL
    )
    position = 0
    while position < len(rest):
        matched = pattern.match(rest, position)
        if matched is None or matched.end() == position:
            break
        text = (matched[2] or "").strip()
        if text.startswith('"'):
            text = re.sub(r"\\(.)", r"\1", text[1:-1], flags=re.DOTALL)
        parameters.setdefault(matched[1].lower(), text)
        position = matched.end()
    return ContentType("".join(main.split()).lower(), parameters)


@dataclass(frozen=True, slots=True)
class Part:
    """One part of a body."""

    content_type: ContentType
    #: Content-Disposition's first word in lower case, such as `session` or `recording-session`
    disposition: str
    #: Content-Disposition says `handling=required` in so many words
    required: bool
    body: bytes = field(repr=False)


def split_multipart(body: bytes, boundary: str) -> list[Part]:
    """Split a multipart body; lines may end in CRLF or LF, and the final boundary may be missing.

    What stands before the first boundary and after the final one is thrown away.

    Raises:
        MultipartError: the boundary is empty, too long or not in the body, or there are more than MAX_PARTS.
    """
    if not 0 < len(boundary) <= MAX_BOUNDARY:
        raise MultipartError(f"a boundary of {len(boundary)} characters; 1 to {MAX_BOUNDARY} are allowed")
    delimiter = re.compile(
        rb"(?:^|\r\n|\n)--"
        + re.escape(boundary.encode("utf-8", "surrogateescape"))
        + rb"(--)?[ \t]*(?=\r?\n|\r?$|\Z)"
    )
    found = list(_first(delimiter, body))
    if not found:
        raise MultipartError("the boundary is not in the body")
    parts: list[Part] = []
    for index, matched in enumerate(found):
        if matched[1]:
            break
        if len(parts) == MAX_PARTS:
            raise MultipartError(f"more than {MAX_PARTS} parts")
        end = found[index + 1].start() if index + 1 < len(found) else len(body)
        parts.append(_parse_part(body[matched.end() : end]))
    return parts


def _first(delimiter: re.Pattern[bytes], body: bytes) -> list[re.Match[bytes]]:
    found: list[re.Match[bytes]] = []
    for matched in delimiter.finditer(body):
        found.append(matched)
        if matched[1] or len(found) > MAX_PARTS + 1:
            break
    return found


def _parse_part(data: bytes) -> Part:
    # The line end of the delimiter's own line still stands in front.
    data = re.sub(rb"\A\r?\n", b"", data, count=1)
    blank = re.search(rb"\A\r?\n|\r?\n\r?\n", data)
    # RFC 2046: a part may have no headers at all; it then begins with the blank line.
    head, body = (data[: blank.start()], data[blank.end() :]) if blank else (data, b"")
    headers: dict[str, str] = {}
    last = ""
    for line in head.decode("utf-8", "surrogateescape").replace("\r\n", "\n").split("\n")[:MAX_PART_HEADERS]:
        if line[:1] in (" ", "\t") and last:
            headers[last] += " " + line.strip()
            continue
        name, colon, value = line.partition(":")
        if colon and _NAME.fullmatch(name.strip()):
            last = name.strip().lower()
            headers.setdefault(last, value.strip())
    disposition = parse_content_type(headers.get("content-disposition", ""))
    length = headers.get("content-length", "")
    # A length inside a part is honoured only where it cuts off nothing but the line end before the boundary:
    # vendors count it wrongly.
    if re.fullmatch(r"[0-9]{1,6}", length, re.ASCII) and not body[int(length) :].strip(b"\r\n"):
        body = body[: int(length)]
    return Part(
        parse_content_type(headers.get("content-type", "text/plain")),
        disposition.media_type,
        disposition.parameters.get("handling", "").lower() == "required",
        body,
    )


def split_body(content_type: str, body: bytes) -> list[Part]:
    """The parts of a SIP body: of a multipart all leaves, else the body itself as the only part.

    Args:
        content_type: the value of the message's Content-Type.
        body: the message's body.

    Raises:
        MultipartError: a multipart has no boundary, cannot be split, or is nested deeper than MAX_NESTING.
    """
    return _leaves([Part(parse_content_type(content_type), "", False, body)], MAX_NESTING)


def _leaves(parts: list[Part], depth: int) -> list[Part]:
    leaves: list[Part] = []
    for part in parts:
        if not part.content_type.media_type.startswith("multipart/"):
            leaves.append(part)
            continue
        if depth == 0:
            raise MultipartError(f"multipart nested deeper than {MAX_NESTING}")
        inner = split_multipart(part.body, part.content_type.parameters.get("boundary", ""))
        leaves.extend(_leaves(inner, depth - 1))
    if len(leaves) > MAX_PARTS:
        raise MultipartError(f"more than {MAX_PARTS} parts")
    return leaves
