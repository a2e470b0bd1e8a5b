"""Structured SIP header values: addresses, Via, CSeq, parameters (RFC 3261 sections 20 and 25)."""

from __future__ import annotations

import ipaddress
import re
from dataclasses import dataclass, field, replace
from typing import Final
from urllib.parse import unquote

from appliance.telephony.sip import SipError

#: Parameters of one value; the longest list that a real Contact carries is about 20.
MAX_PARAMETERS: Final = 64
#: RFC 3261 section 8.1.1.5: CSeq is below 2**31.
MAX_CSEQ: Final = 2**31 - 1
#: RFC 3261 section 8.1.1.7: a branch that begins so identifies its transaction.
MAGIC_COOKIE: Final = "z9hG4bK"

_PARAMETER_NAME: Final = re.compile(r"[A-Za-z0-9\-.!%*_+`'~\[\]:]{1,128}")
_VIA: Final = re.compile(r"SIP\s*/\s*2\.0\s*/\s*([A-Za-z0-9]{1,16})\s+([^\s;,]{1,255})\s*(;.*)?", re.DOTALL)
_CSEQ: Final = re.compile(r"([0-9]{1,10})\s+([A-Za-z0-9\-.!%*_+`'~]{1,64})")
_HOST_PORT: Final = re.compile(r"(\[[0-9A-Fa-f:.]{2,45}\]|[A-Za-z0-9._\-]{1,255})(?:\s*:\s*([0-9]{1,5}))?")


def parse_parameters(text: str) -> dict[str, str | None]:
    """Parameters such as `;tag=x;rport;+sip.src`: names in lower case, quoted values unquoted.

    Raises:
        SipError: a name is no token, a quote is not closed, or there are more than MAX_PARAMETERS.
    """
    found: dict[str, str | None] = {}
    for part in _split_semicolons(text):
        if not part:
            continue
        name, equals, value = part.partition("=")
        name, value = name.strip(), value.strip()
        if not _PARAMETER_NAME.fullmatch(name):
            raise SipError("a parameter whose name is no token")
        if value.startswith('"'):
            if len(value) < 2 or not value.endswith('"'):
                raise SipError("a quoted value that is not closed")
            value = re.sub(r"\\(.)", r"\1", value[1:-1])
        found.setdefault(name.lower(), value if equals else None)
        if len(found) > MAX_PARAMETERS:
            raise SipError(f"more than {MAX_PARAMETERS} parameters")
    return found


def _split_semicolons(text: str) -> list[str]:
    if '"' not in text:
        return [part.strip() for part in text.split(";")]
    parts: list[str] = []
    start, quoted, escaped = 0, False, False
    for position, character in enumerate(text):
        if escaped:
            escaped = False
        elif quoted:
            escaped = character == "\\"
            quoted = character != '"'
        elif character == '"':
            quoted = True
        elif character == ";":
            parts.append(text[start:position].strip())
            start = position + 1
    parts.append(text[start:].strip())
    return parts


@dataclass(frozen=True, slots=True)
class NameAddress:
    """The value of From, To, Contact, Route: a URI with parameters; the display name is dropped."""

    uri: str = field(repr=False)
    parameters: dict[str, str | None] = field(repr=False)

    @property
    def tag(self) -> str | None:
        """The tag parameter; an empty one counts as none."""
        return self.parameters.get("tag") or None


def parse_name_address(value: str) -> NameAddress:
    """Parse `"Name" <uri>;parameters` or `uri;parameters` (RFC 3261 section 20.10).

    Raises:
        SipError: there is no URI, or a bracket or quote is not closed.
    """
    rest = value.strip()
    if rest.startswith('"'):
        closing = re.match(r'"(?:[^"\\]|\\.)*"', rest, re.DOTALL)
        if closing is None:
            raise SipError("a display name whose quote is not closed")
        rest = rest[closing.end() :].lstrip()
        if not rest.startswith("<"):
            raise SipError("a display name without an address after it")
    opening = rest.find("<")
    if opening >= 0:
        closing_at = rest.find(">", opening)
        if closing_at < 0:
            raise SipError("an address whose bracket is not closed")
        uri, parameters = rest[opening + 1 : closing_at].strip(), rest[closing_at + 1 :]
        if parameters.strip() and not parameters.lstrip().startswith(";"):
            raise SipError("text after an address")
    else:
        # Without brackets, what follows a semicolon belongs to the header (section 20).
        uri, _, parameters = rest.partition(";")
        uri = uri.strip()
    if not uri or any(character.isspace() for character in uri):
        raise SipError("an address without a URI")
    return NameAddress(uri, parse_parameters(parameters))


@dataclass(frozen=True, slots=True)
class Via:
    """One Via value (RFC 3261 section 20.42)."""

    transport: str
    host: str
    port: int | None
    parameters: dict[str, str | None]

    @property
    def branch(self) -> str:
        """The branch parameter, empty where there is none."""
        return self.parameters.get("branch") or ""

    def received_from(self, address: str, port: int) -> Via:
        """With `received` and `rport` set as RFC 3261 section 18.2.1 and RFC 3581 section 4 have it."""
        parameters = dict(self.parameters)
        if "rport" in parameters:
            parameters["rport"] = str(port)
            parameters["received"] = address
        elif self.host.strip("[]") != address:
            parameters["received"] = address
        return replace(self, parameters=parameters)

    def serialise(self) -> str:
        """The header's value."""
        port = f":{self.port}" if self.port is not None else ""
        return f"SIP/2.0/{self.transport} {self.host}{port}" + "".join(
            f";{name}" if value is None else f";{name}={value}" for name, value in self.parameters.items()
        )


def parse_via(value: str) -> Via:
    """Parse one Via value.

    Raises:
        SipError: it is none.
    """
    matched = _VIA.fullmatch(value.strip())
    if matched is None:
        raise SipError("a Via that cannot be read")
    host, port = parse_host_port(matched[2])
    parameters = parse_parameters(matched[3] or "")
    for text in parameters.values():
        if text is not None and re.search(r'[\s;,"]', text):
            raise SipError("a Via parameter with characters that need quotes")
    return Via(matched[1].upper(), host, port, parameters)


def parse_host_port(text: str) -> tuple[str, int | None]:
    """Split `host:port`; an IPv6 host keeps its brackets.

    Raises:
        SipError: no host, or a port outside 1 to 65535.
    """
    matched = _HOST_PORT.fullmatch(text.strip())
    if matched is None:
        raise SipError("a host that cannot be read")
    port = int(matched[2]) if matched[2] else None
    if port is not None and not 1 <= port <= 65535:
        raise SipError("a port outside 1 to 65535")
    return matched[1], port


def parse_cseq(value: str | None) -> tuple[int, str]:
    """Parse CSeq: (number, method).

    Raises:
        SipError: it is missing, no number and method, or the number is 2**31 or more.
    """
    matched = _CSEQ.fullmatch(value or "")
    if matched is None or int(matched[1]) > MAX_CSEQ:
        raise SipError("a CSeq that cannot be read")
    return int(matched[1]), matched[2]


def uri_address(uri: str) -> tuple[str, int, str | None] | None:
    """Host, port and transport of a `sip:` URI whose host is an IP address; else None."""
    matched = re.fullmatch(
        r"sip:(?:[^@]*@)?(\[[^\]]*\]|[^:;?>]*)(?::([0-9]{1,5}))?([;?].*)?", uri, re.IGNORECASE
    )
    if matched is None:
        return None
    host = matched[1].strip("[]")
    try:
        ipaddress.ip_address(host)
    except ValueError:
        return None
    port = int(matched[2] or 5060)
    if not 1 <= port <= 65535:
        return None
    transport = re.search(r";transport=([A-Za-z]+)", matched[3] or "", re.IGNORECASE)
    return host, port, transport[1].upper() if transport else None


def user_of(uri: str) -> str:
    """The user part of an address of record: `8001` of `sip:8001;cpc=x@host`, `tel:8001` or `8001@host`.

    Empty where there is none. Visual separators of telephone numbers (RFC 3966 section 5.1.1) are removed
    from numbers.
    """
    text = uri.strip().strip("<>")
    scheme, colon, rest = text.partition(":")
    is_telephone = colon and scheme.lower() == "tel"
    if colon and scheme.lower() in ("sip", "sips", "tel"):
        text = rest
    if is_telephone:
        user = text.partition(";")[0]
    else:
        user, at, _ = text.rpartition("@")
        if not at:
            return ""
        user = user.partition(":")[0].partition(";")[0]
    user = unquote(user).strip()
    if re.fullmatch(r"\+?[0-9][0-9().\- ]*", user):
        user = re.sub(r"[().\- ]", "", user)
    return user


def host_of(uri: str) -> str:
    """The host of a `sip:` or `sips:` URI or of `user@host`, in lower case, without port and brackets.

    Empty where there is none, as in a `tel:` URI.
    """
    text = uri.strip().strip("<>")
    scheme, colon, rest = text.partition(":")
    if colon and scheme.lower() in ("sip", "sips"):
        text = rest
    elif "@" not in text:
        return ""
    text = re.split(r"[;?]", text.rpartition("@")[2])[0]
    bracketed = re.match(r"\[([^\]]*)\]", text)
    return (bracketed[1] if bracketed else text.partition(":")[0]).lower()[:255]


def host_for_uri(address: str) -> str:
    """An IP address as it stands in a URI or a Via: IPv6 in brackets."""
    return f"[{address}]" if ":" in address else address
