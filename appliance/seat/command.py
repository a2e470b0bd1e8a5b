"""`ridge listen`: a seat's messages, as a live view, as a page for the browser or as JSON lines."""

from __future__ import annotations

import argparse
import json
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

from appliance.cli import CommandError

if TYPE_CHECKING:
    from appliance.seat.client import SeatClient


def add_commands(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add `listen`."""
    listen = commands.add_parser("listen", help="show a seat's live profiles")
    listen.add_argument(
        "--connect", metavar="URL", help="tcp://HOST:PORT of the feed (default: what the key directory names)"
    )
    listen.add_argument(
        "--control", metavar="URL", help="tcp://HOST:PORT of the control socket (default: the next port)"
    )
    listen.add_argument("--seat", required=True, metavar="ID", help="seat id, such as 8001")
    listen.add_argument(
        "--keys",
        type=Path,
        default=Path("seat-keys"),
        metavar="DIR",
        help="key directory made by `ridge seats enrol`, or the one above it (default: %(default)s)",
    )
    form = listen.add_mutually_exclusive_group()
    form.add_argument("--json", action="store_true", help="print every message as one JSON line")
    form.add_argument("--web", action="store_true", help="serve the panel for a browser on 127.0.0.1")
    listen.add_argument("--once-call", action="store_true", help="exit after the first call has ended")
    listen.add_argument("--timeout", type=float, metavar="S", help="give up after S seconds (exit status 1)")
    listen.add_argument("--locale", choices=("zh", "en"), default="zh", help="language of the view")
    listen.add_argument(
        "--catalogue", type=Path, metavar="FILE", help="the site's catalogue of strategies, for its words"
    )
    web = listen.add_argument_group("with --web")
    web.add_argument("--port", type=_port, metavar="N", help="port on 127.0.0.1 (default: 8730; 0: any)")
    web.add_argument("--open", action="store_true", help="open the panel in the browser")
    web.add_argument(
        "--embed",
        action="append",
        metavar="ORIGIN",
        help="a page of this origin may show the panel in a frame",
    )
    web.add_argument(
        "--token-file",
        type=Path,
        metavar="FILE",
        help="keep the panel's key here, so that its link stays the same",
    )
    listen.set_defaults(run=run_listen)


def run_listen(options: argparse.Namespace) -> int:
    """Show messages until the first call has ended (--once-call), the time is over, or Ctrl-C."""
    from appliance.seat.client import SeatClient
    from appliance.seat.keys import SeatError, SeatKeys

    web_only = [
        f"--{name.replace('_', '-')}" for name in _WEB_ONLY if getattr(options, name) not in (None, False)
    ]
    if web_only and not options.web:
        raise CommandError(f"{', '.join(web_only)}: only with --web")
    if options.web and options.once_call:
        raise CommandError("--once-call: not with --web; the panel stays for the next call")
    try:
        client = SeatClient(SeatKeys.load(options.keys, options.seat), options.connect, options.control)
    except SeatError as error:
        raise CommandError(str(error)) from error
    with client:
        if options.web:
            return _serve_panel(client, options)
        return _print_lines(client, options) if options.json else _show_view(client, options)


_WEB_ONLY = ("port", "open", "embed", "token_file")


def _port(text: str) -> int:
    if not text.isdecimal() or int(text) > 65535:
        raise argparse.ArgumentTypeError(f"{text} is no port; write a number of 0 to 65535")
    return int(text)


def _serve_panel(client: SeatClient, options: argparse.Namespace) -> int:
    from appliance.seat.panel import DEFAULT_PORT, PanelError, PanelSettings, run_panel
    from appliance.seat.words import WordsError

    settings = PanelSettings(
        seat=options.seat,
        port=DEFAULT_PORT if options.port is None else options.port,
        locale=options.locale,
        embed=tuple(options.embed or ()),
        token_file=options.token_file,
        catalogue=options.catalogue,
        open_browser=options.open,
        seconds=options.timeout,
    )
    try:
        run_panel(client, settings)
    except (PanelError, WordsError) as error:
        raise CommandError(str(error)) from error
    return 0


class FirstCall:
    """Knows when the first call that was seen is over and its final profile is there."""

    def __init__(self) -> None:
        self._ended: set[str] = set()
        self._final: set[str] = set()

    def over(self, message: dict[str, Any]) -> bool:
        """Take a message in; true once a call has ended and its final profile has come."""
        call = message.get("call")
        if isinstance(call, str):
            if message["type"] == "call" and message["event"] == "ended":
                self._ended.add(call)
            elif message["type"] == "profile" and message["final"]:
                self._final.add(call)
        return bool(self._ended & self._final)


def _print_lines(client: SeatClient, options: argparse.Namespace) -> int:
    first = FirstCall()
    end = None if options.timeout is None else time.monotonic() + options.timeout
    said_refused = False
    while end is None or time.monotonic() < end:
        message = client.receive(0.25)
        if client.state == "refused" and not said_refused:
            said_refused = True
            print(f"ridge listen: {_REFUSED.format(seat=options.seat)}", file=sys.stderr, flush=True)
        if message is None:
            continue
        print(json.dumps(message, ensure_ascii=False), flush=True)
        if options.once_call and first.over(message):
            return 0
    return _timed_out(options)


def _show_view(client: SeatClient, options: argparse.Namespace) -> int:
    from rich.console import Console
    from rich.live import Live

    from appliance.seat.view import SeatView
    from appliance.seat.words import Words, WordsError

    try:
        words = Words.load(options.locale, options.catalogue)
    except WordsError as error:
        raise CommandError(str(error)) from error
    first = FirstCall()
    view = SeatView(options.seat, words)
    end = None if options.timeout is None else time.monotonic() + options.timeout
    console = Console()
    # Drawn from this thread only, because the view changes here.
    with Live(view, console=console, screen=console.is_terminal, auto_refresh=False) as live:
        while end is None or time.monotonic() < end:
            message = client.receive(0.25)
            view.connection(client.state, client.lost, client.topic)
            if message is not None:
                view.update(message)
            live.refresh()
            if message is not None and options.once_call and first.over(message):
                break
        else:
            return _timed_out(options)
    if console.is_terminal:
        # The alternate screen has gone with its content; leave the last state where the eyes are.
        console.print(view)
    return 0


_REFUSED = (
    "the box does not let seat {seat} in: its key is not enrolled there (or was revoked). "
    "Ask the admin for a new key directory (ridge seats enrol); still trying"
)


def _timed_out(options: argparse.Namespace) -> int:
    if options.once_call:
        raise CommandError(
            f"no call has ended within {options.timeout:g} s; check that seat {options.seat} is that of "
            "the call (roles.seats), and that the feed is reached"
        )
    return 0
