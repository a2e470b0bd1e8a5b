"""The browser panel of a seat or a supervisor: `ridge listen --web`.

The seat client runs in a thread of its own, because it belongs to one; the server and all that is shown
live in one event loop. Between them go batches of messages one way and marks of advice the other.
"""

from __future__ import annotations

import asyncio
import contextlib
import signal
import threading
import time
import webbrowser
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from appliance.seat.calls import Calls
from appliance.seat.client import SeatClient
from appliance.seat.panel_door import PanelDoor, PanelError, checked_origin, kept_token, new_token
from appliance.seat.panel_files import panel_files
from appliance.seat.panel_messages import Mark
from appliance.seat.panel_server import PanelServer

#: The port of a panel whose agent names none.
DEFAULT_PORT: Final = 8730
#: The longest wait of the client's thread before it sends marks and looks for the end.
RECEIVE_SECONDS: Final = 0.1
#: Messages that are handed to the loop together.
BATCH: Final = 256
#: How often the loop looks whether a silent feed has made the view stale.
LOOK_SECONDS: Final = 0.5
#: What became of a mark (`seat.verdicts`) in the words of the page; all else can be tried again.
_MARK_STATES: Final = {"accepted": "sent", "unknown_call": "late", "not_given": "late"}


@dataclass(frozen=True, slots=True)
class PanelSettings:
    """What the command line says of the panel."""

    seat: str
    port: int = DEFAULT_PORT
    locale: str = "zh"
    embed: tuple[str, ...] = ()
    token_file: Path | None = None
    #: the site's own catalogue of strategies
    catalogue: Path | None = None
    open_browser: bool = False
    #: end after this many seconds; None: never
    seconds: float | None = None


def run_panel(client: SeatClient, settings: PanelSettings) -> None:
    """Serve the panel until Ctrl-C, SIGTERM or the end of `settings.seconds`.

    Raises:
        WordsError: the site's catalogue cannot be read.
        PanelError: the port is taken, the token file cannot be used, or an origin of `embed` is none.
    """
    asyncio.run(_Panel(client, settings).run())


class _Panel:
    def __init__(self, client: SeatClient, settings: PanelSettings) -> None:
        self._settings = settings
        self._calls = Calls()
        self._embed = tuple(checked_origin(origin) for origin in settings.embed)
        self._token = kept_token(settings.token_file) if settings.token_file else new_token()
        page = {"seat": settings.seat, "locale": settings.locale, "embed": self._embed}
        files = panel_files(page, settings.catalogue)
        self._server = PanelServer(self._calls, files, self._on_mark)
        self._source = _Source(client, self)

    async def run(self) -> None:
        loop = asyncio.get_running_loop()
        self._ended = asyncio.Event()
        for number in (signal.SIGINT, signal.SIGTERM):
            # Windows has no signal handlers in the loop; Ctrl-C comes as KeyboardInterrupt there.
            with contextlib.suppress(NotImplementedError):
                loop.add_signal_handler(number, self._ended.set)
        door = await self._server.open(
            self._settings.port, lambda port: PanelDoor(port, self._token, self._embed)
        )
        self._source.start(loop)
        looking = asyncio.ensure_future(self._look())
        try:
            print(f"The panel of {self._settings.seat} is at {door.link}", flush=True)
            print("The link holds its key: give it to nobody. Ctrl-C ends the panel.", flush=True)
            if self._settings.open_browser:
                webbrowser.open(door.link)
            with contextlib.suppress(asyncio.TimeoutError):
                await asyncio.wait_for(self._ended.wait(), self._settings.seconds)
        finally:
            looking.cancel()
            self._source.stop()
            await self._server.close()
        if self._source.error is not None:
            raise self._source.error

    def take(
        self, messages: list[dict[str, Any]], state: str, lost: int, topic: str | None, now: float
    ) -> None:
        """Take in what the client has received."""
        news = self._calls.connected(state, lost, topic)
        for message in messages:
            news |= self._calls.update(message, now) is not None
        if news:
            self._server.changed()

    def marked(self, mark: Mark, state: str) -> None:
        """Show how far a mark has come."""
        if self._calls.mark(mark.call, mark.advice, mark.verdict, state):
            self._server.changed()

    def end(self) -> None:
        """End the panel."""
        self._ended.set()

    def _on_mark(self, mark: Mark) -> None:
        self.marked(mark, "sending")
        self._source.give(mark)

    async def _look(self) -> None:
        stale = False
        while True:
            await asyncio.sleep(LOOK_SECONDS)
            if stale != (stale := self._calls.stale(time.monotonic())):
                self._server.changed()


class _Source:
    """The thread that owns the client."""

    def __init__(self, client: SeatClient, panel: _Panel) -> None:
        self._client = client
        self._panel = panel
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, name="seat client", daemon=True)
        self.error: Exception | None = None

    def start(self, loop: asyncio.AbstractEventLoop) -> None:
        self._loop = loop
        self._thread.start()

    def stop(self) -> None:
        self._stop.set()
        self._thread.join()

    def give(self, mark: Mark) -> None:
        """Have a mark sent; the panel is told how far it comes."""

        def done(outcome: str) -> None:
            self._tell(self._panel.marked, mark, _MARK_STATES.get(outcome, "failed"))

        self._client.feedback(mark.call, mark.advice, mark.verdict, done)

    def _run(self) -> None:
        try:
            while not self._stop.is_set():
                self._turn()
        except Exception as error:  # whatever it is, the panel must not go on without news
            self.error = error
            self._tell(self._panel.end)

    def _turn(self) -> None:
        messages = []
        message = self._client.receive(RECEIVE_SECONDS)
        while message is not None:
            messages.append(message)
            message = self._client.receive(0) if len(messages) < BATCH else None
        client = self._client
        self._tell(self._panel.take, messages, client.state, client.lost, client.topic, time.monotonic())

    def _tell(self, what: Any, *about: Any) -> None:
        # The loop may have ended in the meantime; then there is nobody to tell.
        with contextlib.suppress(RuntimeError):
            self._loop.call_soon_threadsafe(what, *about)


__all__ = ["DEFAULT_PORT", "PanelError", "PanelSettings", "run_panel"]
