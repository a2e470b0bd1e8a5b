"""Logging in and out: what proves a form, what a try costs, and what the audit says of it."""

from __future__ import annotations

import asyncio
import hashlib
import hmac
import secrets
import time
from typing import Final

from starlette.requests import Request
from starlette.responses import Response

from appliance.box.journal import Journal
from appliance.box.journal_values import Address
from appliance.console.console_events import Login, LoginFailed, LoginLimited
from appliance.console.loginlimits import LoginLimits
from appliance.console.password import PasswordFile
from appliance.console.sessions import Session, Sessions, same
from appliance.feed.private_file import PrivateFileError

#: The prefix makes browsers take it only from this host, over TLS, for all its paths (RFC 6265bis, 4.1.3.2).
SESSION_COOKIE: Final = "__Host-ridge"
LOGIN_COOKIE: Final = "__Host-ridge-login"
#: What the page sends when it refreshes itself; it is no sign that somebody is there.
REFRESH_HEADER: Final = "x-refresh"
#: Tries beyond the limits are journalled once in so long, so that a flood does not fill the disk.
LIMITED_SECONDS: Final = 10.0


class LoginDoor:
    """Who is logged in, and who may become so."""

    def __init__(self, passwords: PasswordFile, idle_seconds: float, journal: Journal) -> None:
        self._passwords = passwords
        self._sessions = Sessions(idle_seconds)
        self._limits = LoginLimits()
        self._journal = journal
        self._secret = secrets.token_bytes(32)
        # One hash at a time: each takes 32 MiB.
        self._turn = asyncio.Lock()
        self._next_limited = 0.0
        self.counters = {"right": 0, "wrong": 0, "limited": 0}

    @property
    def logged_in(self) -> int:
        """Sessions that run."""
        return len(self._sessions)

    def generation(self) -> str | None:
        """Names the password that holds; None while none is set.

        Raises:
            PrivateFileError: its file cannot be used.
        """
        return self._passwords.generation()

    def session(self, request: Request) -> Session | None:
        """The session that a request belongs to."""
        token = request.cookies.get(SESSION_COOKIE)
        if token is None:
            return None
        try:
            generation = self._passwords.generation()
        except PrivateFileError:
            return None
        automatic = REFRESH_HEADER in request.headers or "auto" in request.query_params
        return self._sessions.find(token, generation, time.monotonic(), touch=not automatic)

    def login_form(self, request: Request) -> tuple[str, str]:
        """A cookie and the hidden field that belongs to it: no other site can know both."""
        cookie = request.cookies.get(LOGIN_COOKIE) or secrets.token_urlsafe(32)
        return cookie, self._proof(cookie)

    def proves_login_form(self, request: Request, field: str) -> bool:
        """Whether a login comes from a page of ours."""
        cookie = request.cookies.get(LOGIN_COOKIE)
        return cookie is not None and of_this_site(request) and same(field, self._proof(cookie))

    async def try_password(self, request: Request, password: str) -> tuple[str | None, float]:
        """Try to log in.

        Returns:
            The new session's cookie, or None; and the seconds to wait, 0 where the password was tried.

        Raises:
            PrivateFileError: the password's file cannot be used.
        """
        address = address_of(request)
        wait = self._limits.wait(address, time.monotonic())
        if wait > 0:
            self.counters["limited"] += 1
            if time.monotonic() >= self._next_limited:
                self._next_limited = time.monotonic() + LIMITED_SECONDS
                self._journal.write(LoginLimited(address=Address(address), seconds=round(wait)))
            return None, wait
        async with self._turn:
            right = await asyncio.to_thread(self._passwords.verify, password)
        generation = self._passwords.generation()
        if not right or generation is None:
            self.counters["wrong"] += 1
            mistakes = self._limits.failed(address, time.monotonic())
            self._journal.write(LoginFailed(address=Address(address), mistakes=mistakes))
            return None, 0.0
        self._limits.succeeded(address)
        self.counters["right"] += 1
        # Always a new id: one that somebody planted in the browser before is worth nothing.
        self.end(request)
        token, _ = self._sessions.begin(generation, time.monotonic())
        self._journal.write(Login(address=Address(address), sessions=len(self._sessions)))
        return token, 0.0

    def end(self, request: Request) -> None:
        """Log out."""
        token = request.cookies.get(SESSION_COOKIE)
        if token is not None:
            self._sessions.end(token)

    def end_all(self) -> int:
        """Log everybody out; returns how many that were. Who has to wait for another try waits on."""
        return self._sessions.end_all()

    def _proof(self, cookie: str) -> str:
        data = cookie.encode("utf-8", "surrogatepass")
        return hmac.new(self._secret, data, hashlib.sha256).hexdigest()


def proves_form(request: Request, session: Session, field: str) -> bool:
    """Whether a form comes from a page of this session."""
    return of_this_site(request) and same(field, session.csrf)


def of_this_site(request: Request) -> bool:
    """Whether the browser says that a page of this site sent the form, as far as it says anything."""
    fetch = request.headers.get("sec-fetch-site", "same-origin")
    origin = request.headers.get("origin")
    own = f"https://{request.headers.get('host', '')}"
    return fetch in {"same-origin", "none"} and (origin is None or origin == own)


def address_of(request: Request) -> str:
    """Where a request comes from."""
    return request.client.host if request.client else ""


def give_cookie(response: Response, name: str, value: str) -> None:
    """Set a cookie for this host alone, over TLS alone, out of reach of scripts and other sites."""
    response.set_cookie(name, value, path="/", secure=True, httponly=True, samesite="strict")


def take_cookie(response: Response, name: str) -> None:
    """Remove a cookie."""
    response.delete_cookie(name, path="/", secure=True, httponly=True, samesite="strict")
