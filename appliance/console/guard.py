"""What every request passes before a page sees it: who may ask, how much, and what every answer says."""

from __future__ import annotations

import ipaddress
from collections.abc import Awaitable, Callable, MutableMapping, Sequence
from typing import Any, Final

Scope = MutableMapping[str, Any]
Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]
Application = Callable[[Scope, Receive, Send], Awaitable[None]]

#: The longest form has a password, a token and a seat's name.
MAX_BODY_BYTES: Final = 8 * 1024
#: No script and no style but our own files; nothing frames these pages; no other site is asked for anything.
POLICY: Final = (
    "default-src 'none'; style-src 'self'; script-src 'self'; img-src 'self'; connect-src 'self'; "
    "form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
)
_HEADERS: Final = (
    (b"content-security-policy", POLICY.encode()),
    (b"strict-transport-security", b"max-age=31536000"),
    (b"x-frame-options", b"DENY"),
    (b"x-content-type-options", b"nosniff"),
    # With "no-referrer" browsers send forms with the origin "null", which could be anybody's.
    (b"referrer-policy", b"same-origin"),
    (b"cross-origin-opener-policy", b"same-origin"),
    (b"cross-origin-resource-policy", b"same-origin"),
    (b"permissions-policy", b"camera=(), microphone=(), geolocation=()"),
    (b"cache-control", b"no-store"),
)


class Guard:
    """Wraps an application; counts what goes through."""

    def __init__(self, inner: Application, admins: Sequence[str], refusal: Callable[[], str]) -> None:
        """Let this machine and the networks of `admins` in; tell everybody else `refusal`."""
        self._inner = inner
        self._admins = tuple(ipaddress.ip_network(network) for network in admins)
        self._refusal = refusal
        #: requests that came in, that were answered, and that were turned away here
        self.asked = self.done = self.refused = 0

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one connection's request."""
        if scope["type"] != "http":
            return
        self.asked += 1
        try:
            await self._serve(scope, receive, send)
        finally:
            self.done += 1

    async def _serve(self, scope: Scope, receive: Receive, send: Send) -> None:
        async def guarded(message: Message) -> None:
            if message["type"] == "http.response.start":
                own = {name for name, _ in message.get("headers", ())}
                added = [header for header in _HEADERS if header[0] not in own]
                message["headers"] = [*message.get("headers", ()), *added]
            await send(message)

        address = (scope.get("client") or ("", 0))[0]
        if not self._may(address):
            self.refused += 1
            await _plain(guarded, 403, self._refusal())
            return
        body = await _body(receive)
        if body is None:
            self.refused += 1
            await _plain(guarded, 413, "too large")
            return
        given = False

        async def again() -> Message:
            nonlocal given
            if given:
                return await receive()
            given = True
            return {"type": "http.request", "body": body, "more_body": False}

        await self._inner(scope, again, guarded)

    def _may(self, address: str) -> bool:
        try:
            parsed = ipaddress.ip_address(address)
        except ValueError:
            return False
        if isinstance(parsed, ipaddress.IPv6Address) and parsed.ipv4_mapped is not None:
            parsed = parsed.ipv4_mapped
        return parsed.is_loopback or any(parsed in network for network in self._admins)


async def _body(receive: Receive) -> bytes | None:
    """The whole body, or None where it is too long or the peer has gone."""
    parts, size = [], 0
    while True:
        message = await receive()
        if message["type"] != "http.request":
            return None
        parts.append(message.get("body", b""))
        size += len(parts[-1])
        if size > MAX_BODY_BYTES:
            return None
        if not message.get("more_body", False):
            return b"".join(parts)


async def _plain(send: Send, status: int, text: str) -> None:
    body = text.encode()
    headers = [
        (b"content-type", b"text/plain; charset=utf-8"),
        (b"content-length", str(len(body)).encode()),
        (b"connection", b"close"),
    ]
    await send({"type": "http.response.start", "status": status, "headers": headers})
    await send({"type": "http.response.body", "body": body})
