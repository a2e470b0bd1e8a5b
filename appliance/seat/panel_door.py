"""Who may open the panel: checks of a browser's request, and the headers of every answer. Pure.

The panel listens on loopback, where every program and every web page of the machine can knock. Three locks:
the `Host` must be loopback's own name (a page of a rebound DNS name sends its own), the `Origin`, where there
is one, must be the panel itself, and the live socket wants the token that only the panel's link carries. The
link has it behind `#`, which browsers neither send nor log; there is no cookie, because cookies of 127.0.0.1
go to every port.
"""

from __future__ import annotations

import hmac
import os
import re
import secrets
from collections.abc import Iterable
from pathlib import Path
from typing import Final
from urllib.parse import urlsplit

HOST: Final = "127.0.0.1"
NAMES: Final = (HOST, "localhost")
#: The WebSocket's subprotocol; a second one carries the token, because browsers let a page set no headers.
SUBPROTOCOL: Final = "ridge.panel.v1"
TOKEN_PREFIX: Final = "token."  # noqa: S105
#: 256 bits: not to be guessed however often somebody knocks.
TOKEN_BYTES: Final = 32
_TOKEN: Final = re.compile(r"[A-Za-z0-9_-]{43}")


class PanelError(Exception):
    """The panel cannot begin; the text says what to do next."""


class PanelDoor:
    """The locks of one panel. `embed` are the origins of the pages that may show it in a frame."""

    def __init__(self, port: int, token: str, embed: Iterable[str] = ()) -> None:
        self._token = token
        self.embed = tuple(embed)
        self.hosts = tuple(f"{name}:{port}" for name in NAMES)
        self.origins = tuple(f"http://{host}" for host in self.hosts)
        self.link = f"http://{HOST}:{port}/#{token}"

    def host_allowed(self, hosts: list[str]) -> bool:
        """Whether a request with these `Host` headers is meant for the panel (RFC 9112, 3.2: exactly one)."""
        return len(hosts) == 1 and hosts[0].lower() in self.hosts

    def origin_allowed(self, origins: list[str], *, needed: bool) -> bool:
        """Whether a request with these `Origin` headers comes from the panel's own page."""
        if not origins:
            return not needed
        return len(origins) == 1 and origins[0] in self.origins

    def token_allowed(self, subprotocols: Iterable[str]) -> bool:
        """Whether one of the offered subprotocols carries the token."""
        found = False
        for offered in subprotocols:
            if offered.startswith(TOKEN_PREFIX):
                given = offered[len(TOKEN_PREFIX) :].encode("ascii", "replace")
                found |= hmac.compare_digest(given, self._token.encode())
        return found

    def headers(self) -> dict[str, str]:
        """The headers of every answer."""
        sockets = " ".join(f"ws://{host}" for host in self.hosts)
        ancestors = " ".join(self.embed) or "'none'"
        headers = {
            "Content-Security-Policy": (
                "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; "
                f"connect-src 'self' {sockets}; base-uri 'none'; form-action 'none'; "
                f"frame-ancestors {ancestors}"
            ),
            "X-Content-Type-Options": "nosniff",
            "Referrer-Policy": "no-referrer",
            "Cross-Origin-Opener-Policy": "same-origin",
            "Cross-Origin-Resource-Policy": "same-origin",
            "Cache-Control": "no-cache",
        }
        if not self.embed:
            headers["X-Frame-Options"] = "DENY"
        return headers


def new_token() -> str:
    """A token of `TOKEN_BYTES` random bytes, URL-safe."""
    return secrets.token_urlsafe(TOKEN_BYTES)


def kept_token(path: Path) -> str:
    """The token in `path`; the file is made, for its owner only, where there is none.

    Raises:
        PanelError: the file cannot be read or made, or holds no token.
    """
    try:
        try:
            descriptor = os.open(path, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600)
        except FileExistsError:
            token = path.read_text(encoding="ascii", errors="replace").strip()
        else:
            with os.fdopen(descriptor, "w", encoding="ascii") as file:
                token = new_token()
                file.write(token + "\n")
    except OSError as error:
        raise PanelError(f"{path}: {error.strerror}; name a file that you may write") from error
    if not _TOKEN.fullmatch(token):
        raise PanelError(f"{path}: holds no panel token; remove the file and a new one is made")
    return token


def checked_origin(text: str) -> str:
    """An origin as browsers write it, such as `https://crm.bank.example`.

    Raises:
        PanelError: it is not one.
    """
    advice = "write scheme, host and port only, such as https://crm.bank.example"
    try:
        parts = urlsplit(text)
        port = parts.port
    except ValueError as error:
        raise PanelError(f"--embed {text}: {error}; {advice}") from error
    host = parts.hostname or ""
    if parts.scheme not in {"http", "https"} or not re.fullmatch(r"[a-z0-9.-]+", host):
        raise PanelError(f"--embed {text}: is no origin; {advice}")
    origin = f"{parts.scheme}://{host}" + (f":{port}" if port else "")
    if text.rstrip("/").lower() != origin:
        raise PanelError(f"--embed {text}: is more than an origin; {advice}")
    if parts.scheme == "http" and host not in NAMES:
        raise PanelError(f"--embed {text}: a page that came without TLS can be anybody's; use https")
    default = {"http": 80, "https": 443}[parts.scheme]
    return f"{parts.scheme}://{host}" if port == default else origin
