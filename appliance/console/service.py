"""`ridge-console`: collects what the processes say of themselves, and shows it to the admins over TLS."""

from __future__ import annotations

import asyncio
import contextlib
import signal
import socket
import ssl
from collections.abc import Iterator
from typing import Final

import uvicorn

from appliance.box.config import Config
from appliance.box.journal import Journal
from appliance.box.journal_events import ClockJumped
from appliance.box.journal_values import Address
from appliance.box.notify import ServiceManager
from appliance.box.quiet import guarded
from appliance.box.runtime_directory import claimed
from appliance.console.app import Console, application
from appliance.console.certificate import Certificate, CertificateError, load_certificate
from appliance.console.console_events import (
    CertificateRenewed,
    ConsoleReady,
    ConsoleStopped,
    Fingerprint,
    Logins,
    SessionsEnded,
)
from appliance.console.guard import Guard
from appliance.console.status_socket import StatusSocket
from appliance.feed.private_file import PrivateFileError

#: How often the watchdog is judged and the models are looked at.
TURN_SECONDS: Final = 1.0
#: Connections at once: a few admins with a few tabs each, and a Prometheus server.
MOST_CONNECTIONS: Final = 64
#: Headers of one request; a browser's are below 4 KiB.
MOST_HEADER_BYTES: Final = 16 * 1024
KEEP_ALIVE_SECONDS: Final = 15
STOP_SECONDS: Final = 3


class ConsoleError(Exception):
    """The console cannot start; the text says what to do next."""


class _Server(uvicorn.Server):
    """A server that leaves the signals to the service."""

    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        """Take none."""
        yield


class ConsoleService:
    """The status socket, and the web server where it is enabled, on one loop."""

    def __init__(self, config: Config, journal: Journal, certificate: Certificate | None) -> None:
        self._config = config
        self._journal = journal
        self._manager = ServiceManager()
        self._status = StatusSocket(config.box.runtime_directory, config.box.name, self._manager)
        self._certificate = certificate
        self._guard: Guard | None = None
        self._context: ssl.SSLContext | None = None

    async def run(self, stop: asyncio.Event) -> None:
        """Serve until `stop` is set.

        Raises:
            ConsoleError: a socket cannot be bound.
        """
        try:
            self._status.open()
        except OSError as error:
            raise ConsoleError(
                f"{self._config.box.runtime_directory}: status.sock cannot be bound: {error.strerror}; "
                "check the directory's owner, or set box.runtime_directory"
            ) from error
        try:
            await self._serve(stop)
        finally:
            self._status.close()

    async def _serve(self, stop: asyncio.Event) -> None:
        if self._certificate is None:
            self._journal.write(ConsoleReady(console_port=0))
            self._manager.ready()
            await self._turns(stop, None)
            return
        console = Console(
            self._config,
            self._journal,
            lambda: self._status.board,
            self._certificate,
            unwritten=lambda: self._status.unwritten,
        )
        self._guard = application(console)
        line = self._bind()
        self._context = self._certificate.context()
        server = _Server(_settings(self._guard, self._context))
        serving = asyncio.create_task(server.serve(sockets=[line]))
        self._journal.write(
            ConsoleReady(
                console_address=Address(self._config.console.bind),
                console_port=line.getsockname()[1],
                fingerprint=Fingerprint(self._certificate.fingerprint.replace(":", "")[:16]),
            )
        )
        self._manager.ready()
        await self._turns(stop, console)
        server.should_exit = True
        await serving
        line.close()
        self._journal.write(ConsoleStopped(logins=Logins(console.door.counters), requests=self._guard.asked))

    async def _turns(self, stop: asyncio.Event, console: Console | None) -> None:
        loop = asyncio.get_running_loop()
        while not stop.is_set():
            if console is not None:
                console.models.verify_when_due(loop.time())
                self._look_at_the_clock(console)
            asked, done = (self._guard.asked, self._guard.done) if self._guard else (0, 0)
            if self._manager.turn(loop.time(), asked, done):
                sessions = console.door.logged_in if console else 0
                self._manager.status(parts=len(self._status.board.parts), sessions=sessions)
            with contextlib.suppress(asyncio.TimeoutError):
                await asyncio.wait_for(stop.wait(), TURN_SECONDS)
        self._manager.stopping()

    def _look_at_the_clock(self, console: Console) -> None:
        """Where it jumped, nobody stays logged in, and a certificate that ended by it is made anew."""
        jumps = console.clock.turn()
        if not jumps:
            return
        for jump in jumps:
            self._journal.write(ClockJumped.of(jump))
        self._journal.write(SessionsEnded(sessions=console.door.end_all()))
        if not console.certificate.own:
            return
        with contextlib.suppress(CertificateError, PrivateFileError, OSError):
            # Where it cannot be made, the overview says that the one that is there has ended.
            found = load_certificate(self._config)
            if found.fingerprint != console.certificate.fingerprint and self._context is not None:
                self._context.load_cert_chain(found.certificate, found.key)
                console.certificate = found
                mark = Fingerprint(found.fingerprint.replace(":", "")[:16])
                self._journal.write(CertificateRenewed(fingerprint=mark))

    def _bind(self) -> socket.socket:
        settings = self._config.console
        family = socket.AF_INET6 if ":" in settings.bind else socket.AF_INET
        line = socket.socket(family, socket.SOCK_STREAM)
        try:
            line.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            line.bind((settings.bind, settings.port))
        except OSError as error:
            line.close()
            raise ConsoleError(
                f"cannot listen on {settings.bind} port {settings.port}: {error.strerror}; end the other "
                "program that uses the port, or set console.port or console.bind"
            ) from error
        return line


def _settings(guard: Guard, context: ssl.SSLContext) -> uvicorn.Config:
    settings = uvicorn.Config(
        guard,
        loop="asyncio",
        http="h11",
        ws="none",
        lifespan="off",
        log_config=None,
        access_log=False,
        server_header=False,
        proxy_headers=False,
        limit_concurrency=MOST_CONNECTIONS,
        timeout_keep_alive=KEEP_ALIVE_SECONDS,
        timeout_graceful_shutdown=STOP_SECONDS,
        h11_max_incomplete_event_size=MOST_HEADER_BYTES,
    )
    settings.load()
    # Its own loading of certificates asks for a passphrase on a terminal, and knows no lowest version.
    settings.ssl = context
    return settings


async def _serve(config: Config, certificate: Certificate | None, journal: Journal) -> None:
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stop.set)
    await ConsoleService(config, journal, certificate).run(stop)


def run(config: Config) -> int:
    """Serve until SIGTERM or SIGINT; returns the exit status.

    Raises:
        CertificateError: the site's certificate cannot be used.
        ConsoleError: a socket cannot be bound.
        PrivateFileError: the box's own certificate cannot be read or written.
        RuntimeDirectoryError: the runtime directory cannot be used, or another console has it.
    """
    certificate = load_certificate(config) if config.console.enabled else None
    journal = Journal("console")
    with (
        claimed(config.box.runtime_directory, "console"),
        guarded(journal, expected=(ConsoleError, PrivateFileError)),
    ):
        asyncio.run(_serve(config, certificate, journal))
    return 0
