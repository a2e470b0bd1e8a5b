"""The console's pages: which path shows what, and to whom."""

from __future__ import annotations

import functools
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from importlib import resources
from pathlib import Path
from typing import Any, Final

from jinja2 import Environment, PackageLoader, StrictUndefined
from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import HTMLResponse, PlainTextResponse, RedirectResponse, Response
from starlette.routing import Route

from appliance.box.clock.boxclock import BoxClock
from appliance.box.clock.jumps import read
from appliance.box.config import Config
from appliance.box.journal import Journal
from appliance.box.journal_values import Address, ErrorType, Place
from appliance.box.status.board import Board
from appliance.box.status.line import installed_version
from appliance.console import metrics, pages
from appliance.console.box_state import (
    COUNTERS_FILE,
    MAX_REPORT_BYTES,
    Models,
    newest_report,
    read_counters,
    rules_loaded,
)
from appliance.console.certificate import Certificate
from appliance.console.console_events import FormRefused, Logout, MetricsRefused, PageFailed, RevocationAsked
from appliance.console.guard import Guard
from appliance.console.health import Circumstances, Finding, judge
from appliance.console.login import (
    LOGIN_COOKIE,
    SESSION_COOKIE,
    LoginDoor,
    address_of,
    give_cookie,
    proves_form,
    take_cookie,
)
from appliance.console.password import PasswordFile
from appliance.console.private import directory_of
from appliance.console.sessions import Session
from appliance.console.token import token_holds
from appliance.console.words import LOCALES, Locale, Words, words
from appliance.feed.private_file import PrivateFileError
from appliance.feed.revocations import Revocations

LOOK_COOKIE: Final = "ridge-look"
#: A scraper with a wrong token asks every few seconds for ever.
REFUSAL_SECONDS: Final = 60.0
THEMES: Final = ("light", "dark")
#: A report styles itself, and does nothing else.
REPORT_POLICY: Final = (
    "default-src 'none'; style-src 'unsafe-inline'; img-src data:; base-uri 'none'; form-action 'none'; "
    "frame-ancestors 'none'; sandbox"
)
_FILES: Final = {
    "/console.css": ("appliance.console", "web/console.css", "text/css"),
    "/theme.css": ("appliance.seat", "web/theme.css", "text/css"),
    "/refresh.js": ("appliance.console", "web/refresh.js", "text/javascript"),
    "/icon.svg": ("appliance.seat", "web/icon.svg", "image/svg+xml"),
}
Page = Callable[["Console", Request, Session], Awaitable[Response]]


@dataclass
class Console:
    """Everything that the pages show and use."""

    config: Config
    journal: Journal
    board: Callable[[], Board]
    certificate: Certificate
    unwritten: Callable[[], int] = lambda: 0
    clock: BoxClock = field(default_factory=BoxClock)
    counters_file: Path = COUNTERS_FILE
    began: float = field(default_factory=time.monotonic)

    def __post_init__(self) -> None:
        self.directory = directory_of(self.config)
        idle = self.config.console.session_minutes * 60.0
        self.door = LoginDoor(PasswordFile(self.directory), idle, self.journal)
        self.models = Models(self.config)
        self.revocations = Revocations(self.config.box.runtime_directory)
        self._next_refusal = 0.0
        self._templates = Environment(
            loader=PackageLoader("appliance.console", "pages"),
            autoescape=True,
            undefined=StrictUndefined,
            trim_blocks=True,
            lstrip_blocks=True,
        )

    def findings(self, board: Board) -> list[Finding]:
        """What is wrong now."""
        around = Circumstances(
            listening_ms=int((time.monotonic() - self.began) * 1000),
            certificate_days=int((self.certificate.until.timestamp() - time.time()) // 86_400),
            certificate_early=self.certificate.since.timestamp() > time.time(),
            clock=self.clock.told(),
            unwritten=self.unwritten(),
            rules_loaded=rules_loaded(read_counters(self.counters_file), time.time()),
            research_only=self.models.research_only,
        )
        return judge(board, self.config, around)

    def metrics_refused(self, request: Request) -> None:
        """Journal that somebody asked for metrics without the token, now and then."""
        now = time.monotonic()
        if now >= self._next_refusal:
            self._next_refusal = now + REFUSAL_SECONDS
            self.journal.write(MetricsRefused(address=Address(address_of(request))))

    def words(self, request: Request) -> Words:
        """The reader's language: as chosen, else the box's."""
        chosen = _look(request)[0]
        return words(chosen or self.config.box.locale)

    def page(
        self, request: Request, name: str, session: Session | None, status: int = 200, **values: Any
    ) -> Response:
        """A page of a template."""
        said = self.words(request)
        text = self._templates.get_template(f"{name}.html").render(
            w=said,
            name=name,
            menu=pages.MENU,
            box=self.config.box.name,
            other=next(locale for locale in LOCALES if locale != said.locale),
            theme=_look(request)[1] or "",
            csrf=session.csrf if session else "",
            logged_in=session is not None,
            path=request.url.path,
            moment=pages.moment,
            **values,
        )
        return HTMLResponse(text, status)


def application(console: Console) -> Guard:
    """The whole application, guarded."""

    def bound(
        page: Callable[[Console, Request], Awaitable[Response]],
    ) -> Callable[[Request], Awaitable[Response]]:
        @functools.wraps(page)
        async def serve(request: Request) -> Response:
            return await page(console, request)

        return serve

    def private(page: Page) -> Callable[[Request], Awaitable[Response]]:
        """Only for who is logged in, and a POST only from a page of theirs."""

        @functools.wraps(page)
        async def serve(request: Request) -> Response:
            session = console.door.session(request)
            if session is None:
                return RedirectResponse(
                    "/login?ended" if SESSION_COOKIE in request.cookies else "/login", 303
                )
            if request.method == "POST":
                form = await request.form(max_fields=8, max_files=0)
                if not proves_form(request, session, str(form.get("csrf", ""))):
                    console.journal.write(FormRefused(address=Address(address_of(request))))
                    return console.page(request, "message", session, 403, text="form_old")
            return await page(console, request, session)

        return serve

    async def failed(request: Request, error: Exception) -> Response:
        code = error.status_code if isinstance(error, HTTPException) else 500
        text = {404: "not_found", 405: "bad_method"}.get(code, "failed")
        if code == 500:
            console.journal.write(PageFailed(error=ErrorType(error), place=Place(error)))
        return console.page(request, "message", console.door.session(request), code, text=text)

    routes = [
        Route("/", private(_overview)),
        Route("/calls", private(_calls)),
        Route("/seats", private(_seats)),
        Route("/seats/revoke", private(_revoke_page), methods=["GET"]),
        Route("/seats/revoke", private(_revoke), methods=["POST"]),
        Route("/models", private(_models)),
        Route("/updates", private(_updates)),
        Route("/privacy", private(_privacy)),
        Route("/privacy/report", private(_report)),
        Route("/logout", private(_logout), methods=["POST"]),
        Route("/login", bound(_login_page), methods=["GET"]),
        Route("/login", bound(_login), methods=["POST"]),
        Route("/look", bound(_choose_look), methods=["GET"]),
        Route("/metrics", bound(_metrics), methods=["GET"]),
        *(Route(path, bound(_file), methods=["GET"]) for path in _FILES),
    ]
    handlers: Any = {404: failed, 405: failed, 500: failed, HTTPException: failed}
    inner = Starlette(routes=routes, exception_handlers=handlers)
    return Guard(
        inner,
        console.config.firewall.admins,
        lambda: words(console.config.box.locale)("not_admin") + "\n",
    )


async def _overview(console: Console, request: Request, session: Session) -> Response:
    board = console.board()
    values = pages.overview(board, console.config, console.findings(board), console.words(request))
    return console.page(request, "overview", session, board=board, **values)


async def _calls(console: Console, request: Request, session: Session) -> Response:
    board = console.board()
    values = pages.calls(board, console.config, console.words(request))
    return console.page(request, "calls", session, board=board, **values)


async def _seats(console: Console, request: Request, session: Session) -> Response:
    board = console.board()
    asked = request.query_params.get("revoked", "")
    note = console.words(request)("revoke_sent", seat=asked) if pages.SEAT.fullmatch(asked) else None
    return console.page(request, "seats", session, board=board, note=note, **pages.seats(board))


async def _revoke_page(console: Console, request: Request, session: Session) -> Response:
    """Ask once more: whoever is revoked needs new keys, carried by hand."""
    seat = request.query_params.get("seat", "")
    if not pages.is_enrolled(console.board(), seat):
        return console.page(request, "message", session, 404, text="not_found")
    return console.page(request, "revoke", session, seat=seat)


async def _revoke(console: Console, request: Request, session: Session) -> Response:
    seat = str((await request.form()).get("seat", ""))
    if not pages.is_enrolled(console.board(), seat):
        return console.page(request, "message", session, 404, text="not_found")
    try:
        now = read()
        console.revocations.ask(seat, round(now.wall * 1000), round(now.boot * 1000))
    except OSError:
        return console.page(request, "message", session, 503, text="revoke_failed")
    console.journal.write(RevocationAsked(address=Address(address_of(request))))
    return RedirectResponse(f"/seats?revoked={seat}", 303)


async def _models(console: Console, request: Request, session: Session) -> Response:
    board = console.board()
    return console.page(
        request, "models", session, board=board, **pages.models(console.models.known(), board)
    )


async def _updates(console: Console, request: Request, session: Session) -> Response:
    board = console.board()
    values = pages.updates(board, console.words(request))
    return console.page(request, "updates", session, board=board, **values)


async def _privacy(console: Console, request: Request, session: Session) -> Response:
    board = console.board()
    said, counters = console.words(request), read_counters(console.counters_file)
    report = newest_report(console.config, said.locale)
    values = pages.privacy(board, console.config, report, counters, said)
    return console.page(request, "privacy", session, board=board, **values)


async def _report(console: Console, request: Request, session: Session) -> Response:
    path = newest_report(console.config, console.words(request).locale)
    try:
        data = path.read_bytes() if path else b""
    except OSError:
        data = b""
    if not data or len(data) > MAX_REPORT_BYTES:
        return console.page(request, "message", session, 404, text="not_found")
    return HTMLResponse(data, headers={"content-security-policy": REPORT_POLICY})


async def _login_page(console: Console, request: Request) -> Response:
    if console.door.session(request) is not None:
        return RedirectResponse("/", 303)
    return _login_form(console, request, "session_ended" if "ended" in request.query_params else None)


def _login_form(
    console: Console, request: Request, note: str | None, status: int = 200, **facts: object
) -> Response:
    try:
        is_set = console.door.generation() is not None
    except PrivateFileError:
        return console.page(request, "message", None, 503, text="password_unusable")
    cookie, proof = console.door.login_form(request)
    said = console.words(request)
    text = said(note, **facts) if note else None
    response = console.page(request, "login" if is_set else "first_run", None, status, proof=proof, note=text)
    give_cookie(response, LOGIN_COOKIE, cookie)
    return response


async def _login(console: Console, request: Request) -> Response:
    form = await request.form(max_fields=8, max_files=0)
    if not console.door.proves_login_form(request, str(form.get("proof", ""))):
        return _login_form(console, request, "form_old", 403)
    try:
        token, wait = await console.door.try_password(request, str(form.get("password", "")))
    except PrivateFileError:
        return console.page(request, "message", None, 503, text="password_unusable")
    if wait:
        seconds = int(wait) + 1
        response = _login_form(console, request, "wait", 429, seconds=seconds)
        response.headers["retry-after"] = str(seconds)
        return response
    if token is None:
        return _login_form(console, request, "wrong_password", 403)
    response = RedirectResponse("/", 303)
    give_cookie(response, SESSION_COOKIE, token)
    take_cookie(response, LOGIN_COOKIE)
    return response


async def _logout(console: Console, request: Request, _session: Session) -> Response:
    console.door.end(request)
    console.journal.write(Logout(address=Address(address_of(request))))
    response = RedirectResponse("/login", 303)
    take_cookie(response, SESSION_COOKIE)
    return response


async def _choose_look(console: Console, request: Request) -> Response:
    """Language and colours: a cookie that says nothing else and decides nothing else."""
    locale, theme = _look(request)
    wanted = request.query_params.get("language")
    if wanted in LOCALES:
        locale = wanted
    if request.query_params.get("theme") in (*THEMES, "system"):
        theme = request.query_params["theme"]
    back = request.query_params.get("back", "/")
    if back.lstrip("/") not in (*pages.MENU, "login"):
        back = "/"
    response = RedirectResponse(back, 303)
    response.set_cookie(
        LOOK_COOKIE,
        f"{locale or ''}.{theme or ''}",
        max_age=365 * 86_400,
        path="/",
        secure=True,
        httponly=True,
        samesite="strict",
    )
    return response


def _look(request: Request) -> tuple[Locale | None, str | None]:
    """The language and the colours that a reader chose."""
    locale, _, theme = request.cookies.get(LOOK_COOKIE, "").partition(".")
    chosen: Locale | None = next((one for one in LOCALES if one == locale), None)
    return chosen, theme if theme in THEMES else None


async def _metrics(console: Console, request: Request) -> Response:
    scheme, _, token = request.headers.get("authorization", "").partition(" ")
    try:
        holds = scheme.lower() == "bearer" and token_holds(console.directory, token.strip())
    except PrivateFileError:
        holds = False
    if not holds:
        console.metrics_refused(request)
        text = "metrics need a bearer token; make one on the box: ridge console token\n"
        return PlainTextResponse(text, 401, {"www-authenticate": "Bearer"})
    board = console.board()
    data = metrics.exposition(
        board, console.findings(board), console.certificate.until.timestamp(), installed_version()
    )
    return Response(data, media_type="text/plain; version=0.0.4; charset=utf-8")


async def _file(_console: Console, request: Request) -> Response:
    package, place, kind = _FILES[request.url.path]
    return Response((resources.files(package) / place).read_bytes(), media_type=kind)
