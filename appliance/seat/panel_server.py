"""The panel's server on loopback: static files over HTTP, the live state over a WebSocket for each tab."""

from __future__ import annotations

import asyncio
import http
import json
import logging
import time
from collections.abc import Callable
from typing import Final

from websockets.asyncio.server import Server, ServerConnection, serve
from websockets.datastructures import Headers
from websockets.exceptions import ConnectionClosed
from websockets.http11 import Request, Response

from appliance.seat.calls import Calls
from appliance.seat.panel_door import HOST, SUBPROTOCOL, PanelDoor, PanelError
from appliance.seat.panel_files import PanelFile
from appliance.seat.panel_messages import MAX_TAB_MESSAGE_BYTES, Mark, TabView, Watch, decode_tab_message

LIVE: Final = "/live"
MAX_TABS: Final = 32
#: A tab is told something at most this often: faster than this nobody reads.
TURN_SECONDS: Final = 0.1
#: A tab rests this many times as long as its telling took, so that a large group does not fill the machine.
PAUSES: Final = 10
#: And at least this often, so that the page can tell a program that hangs from a call that is quiet.
BEAT_SECONDS: Final = 1.0
#: What a tab may say a second, and at once: clicks and key presses of one person.
MESSAGES_A_SECOND: Final = 5.0
MESSAGES_AT_ONCE: Final = 20
#: A tab that does not answer a ping for this long is gone.
PING_SECONDS: Final = 15.0
CLOSE_SECONDS: Final = 2.0
BAD_MESSAGE: Final = 1008
GOING_AWAY: Final = 1001


class PanelServer:
    """Serves one `Calls` to any number of tabs. `on_mark` is told what agents say of an advice."""

    def __init__(
        self,
        calls: Calls,
        files: dict[str, PanelFile],
        on_mark: Callable[[Mark], None],
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._calls = calls
        self._files = files
        self._on_mark = on_mark
        self._clock = clock
        self._tabs: set[_Tab] = set()
        self._server: Server | None = None
        self._door: PanelDoor | None = None
        #: requests that were turned away
        self.refused = 0

    async def open(self, port: int, door: Callable[[int], PanelDoor]) -> PanelDoor:
        """Listen; `door` makes the door when the port is known. Port 0 lets the system choose.

        Raises:
            PanelError: the port is taken.
        """
        logging.getLogger("websockets").addHandler(logging.NullHandler())
        try:
            self._server = await serve(
                self._live,
                HOST,
                port,
                process_request=self._answer,
                subprotocols=[SUBPROTOCOL],  # type: ignore[list-item]
                compression=None,
                max_size=MAX_TAB_MESSAGE_BYTES * 2,
                max_queue=4,
                open_timeout=5,
                ping_interval=PING_SECONDS,
                ping_timeout=PING_SECONDS,
                close_timeout=CLOSE_SECONDS,
                server_header=None,
                start_serving=False,
            )
        except OSError as error:
            raise PanelError(
                f"port {port} of {HOST} cannot be listened on ({error.strerror}); another panel may run: "
                "name another port with --port, or --port 0 for any"
            ) from error
        self._door = door(self._server.sockets[0].getsockname()[1])
        await self._server.start_serving()
        return self._door

    def changed(self) -> None:
        """Tell every tab soon."""
        for tab in self._tabs:
            tab.changed.set()

    async def close(self) -> None:
        """Say goodbye to the tabs and stop."""
        if self._server is not None:
            self._server.close(code=GOING_AWAY, reason="the panel program ends")
            await self._server.wait_closed()

    def _answer(self, connection: ServerConnection, request: Request) -> Response | None:
        """Everything but the live socket is answered here."""
        assert self._door is not None
        live = request.path == LIVE
        if not self._door.host_allowed(request.headers.get_all("Host")):
            return self._refuse(http.HTTPStatus.MISDIRECTED_REQUEST, "this name is not the panel's")
        if not self._door.origin_allowed(request.headers.get_all("Origin"), needed=live):
            return self._refuse(http.HTTPStatus.FORBIDDEN, "this origin is not the panel's")
        if live:
            offered = ",".join(request.headers.get_all("Sec-WebSocket-Protocol")).split(",")
            if not self._door.token_allowed(word.strip() for word in offered):
                return self._refuse(http.HTTPStatus.FORBIDDEN, "the link's token is missing or old")
            if len(self._tabs) >= MAX_TABS:
                return self._refuse(http.HTTPStatus.SERVICE_UNAVAILABLE, f"more than {MAX_TABS} tabs")
            return None
        file = self._files.get(request.path.partition("?")[0])
        if file is None:
            return self._refuse(http.HTTPStatus.NOT_FOUND, "there is nothing here")
        return self._response(http.HTTPStatus.OK, file)

    def _refuse(self, status: http.HTTPStatus, why: str) -> Response:
        self.refused += 1
        return self._response(
            status, PanelFile("text/plain; charset=utf-8", f"Ridge panel: {why}\n".encode())
        )

    def _response(self, status: http.HTTPStatus, file: PanelFile) -> Response:
        assert self._door is not None
        headers = Headers(self._door.headers())
        headers["Content-Type"] = file.content_type
        headers["Content-Length"] = str(len(file.body))
        headers["Connection"] = "close"
        return Response(status.value, status.phrase, headers, file.body)

    async def _live(self, connection: ServerConnection) -> None:
        tab = _Tab(connection)
        self._tabs.add(tab)
        listening = asyncio.ensure_future(self._listen(tab))
        try:
            while not listening.done():
                tab.changed.clear()
                begun = self._clock()
                told = json.dumps(tab.view.next(self._calls, begun), ensure_ascii=False)
                pause = max(TURN_SECONDS, (self._clock() - begun) * PAUSES)
                await connection.send(told)
                await asyncio.sleep(pause)
                await tab.wait_for_change(BEAT_SECONDS)
        except ConnectionClosed:
            pass
        finally:
            self._tabs.discard(tab)
            listening.cancel()
            await asyncio.gather(listening, return_exceptions=True)

    async def _listen(self, tab: _Tab) -> None:
        allowance, last = float(MESSAGES_AT_ONCE), self._clock()
        async for data in tab.connection:
            now = self._clock()
            allowance = min(MESSAGES_AT_ONCE, allowance + (now - last) * MESSAGES_A_SECOND) - 1
            last = now
            message = decode_tab_message(data)
            if message is None or allowance < 0:
                self.refused += 1
                await tab.connection.close(BAD_MESSAGE, "no message of a panel, or too many")
                return
            if isinstance(message, Watch):
                tab.view.watch(message.call)
            else:
                self._on_mark(message)
            tab.changed.set()


class _Tab:
    """One tab: its socket, what it has been told, and whether there is more."""

    def __init__(self, connection: ServerConnection) -> None:
        self.connection = connection
        self.view = TabView()
        self.changed = asyncio.Event()

    async def wait_for_change(self, seconds: float) -> None:
        try:
            await asyncio.wait_for(self.changed.wait(), seconds)
        except asyncio.TimeoutError:
            return
