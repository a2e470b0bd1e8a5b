"""`python -m tools.demo_call.panel_picture`: draws the browser panel during the demo call, for the documents.

The two calls are replayed through the engine; the panel shows them as they stood at a time of the call, in a
headless Chromium. Pictures with hanzi need a font that has them (Debian package `fonts-noto-cjk`).
"""

from __future__ import annotations

import argparse
import asyncio
import subprocess
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import msgspec

from appliance.box.config import Config, Roles
from appliance.engine.offline import messages_of
from appliance.seat.calls import Calls
from appliance.seat.panel_door import PanelDoor, new_token
from appliance.seat.panel_files import panel_files
from appliance.seat.panel_server import PanelServer
from tools.browser import Browser
from tools.running import REPOSITORY

HERE = Path(__file__).parent
CALL, SECOND_CALL = HERE / "demo_call.wav", HERE / "second_call.wav"
OUT = REPOSITORY / "appliance/seat"
#: The monotonic second at which the pictures are drawn, and a time at the box.
NOW, WALL = 10_000.0, 1_760_000_000_000

Message = dict[str, Any]


def main() -> int:
    options = _options()
    if "Noto Sans CJK" not in subprocess.run(["fc-list"], capture_output=True, text=True, check=False).stdout:
        print("the pictures need hanzi; run: apt-get install fonts-noto-cjk")
        return 1
    # As the demo's gateway says of its calls.
    config = Config(roles=Roles(direction="outbound"))
    first, second = (
        [msgspec.to_builtins(m) for m in messages_of([path], config)] for path in (CALL, SECOND_CALL)
    )
    seat, group = Calls(), Calls()
    group.connected("connected", 0, "group/loans/")
    play(seat, first, options.at, seat="8001", call="demo-call-0000000000-1")
    for number, (messages, at, held) in enumerate(
        [(first, 30.0, False), (second, 28.0, False), (first, 55.0, False), (second, 12.0, False),
         (first, 18.0, True), (second, 38.0, False), (first, 8.0, False), (first, 90.0, False)]
    ):  # fmt: skip
        play(
            group,
            messages,
            at,
            seat=f"80{number + 1:02d}",
            call=f"demo-call-000000000-{number:02d}",
            held=held,
        )
    with Browser() as browser:
        with served(seat, seat="8001") as link:
            for locale, dark in (("en", False), ("zh", True)):
                draw(browser, f"{link('locale=' + locale)}", OUT / f"panel-{locale}.png", dark=dark)
            draw(browser, link("locale=zh"), OUT / "panel-beside-crm.png", size=(380, 800))
        with served(group, seat="lead") as link:
            draw(browser, link("locale=en"), OUT / "panel-supervisor.png", dark=True, size=(1280, 640))
    return 0


def play(
    calls: Calls, messages: list[Message], at: float, *, seat: str, call: str, held: bool = False
) -> None:
    """Have `calls` take in what came up to `at` seconds, as if that were now."""
    begun = NOW - at
    wall = WALL + round(begun * 1000)
    calls.connected("connected", 0)
    told = [message for message in messages if message["at"] <= at * 1000]
    if not any(message.get("event") == "ended" for message in told):
        # They are told at the end only, whatever time they are of.
        told = [message for message in told if message["type"] != "opportunity"]
    if held:
        event = next(message for message in messages if message["type"] == "call")
        told.append(event | {"event": "held", "at": round(at * 1000) - 9_000})
    for message in told:
        moved = {"seat": seat, "call": call, "wall": wall + message["at"]}
        calls.update(message | moved, begun + message["at"] / 1000)
    calls.update({"v": 1, "type": "beat", "seat": seat, "seq": 0, "wall": WALL + round(NOW * 1000)}, NOW)


@contextmanager
def served(calls: Calls, **page: Any) -> Iterator[Any]:
    """A panel of these calls in a thread; gives a function from a query to the address."""
    loop = asyncio.new_event_loop()
    server = PanelServer(
        calls, panel_files(page | {"locale": "en", "embed": []}), lambda mark: None, lambda: NOW
    )
    token = new_token()
    thread = threading.Thread(target=loop.run_forever, daemon=True)
    thread.start()
    door = asyncio.run_coroutine_threadsafe(
        server.open(0, lambda port: PanelDoor(port, token)), loop
    ).result()
    try:
        yield lambda query: door.link.replace("/#", f"/?{query}#")
    finally:
        asyncio.run_coroutine_threadsafe(server.close(), loop).result()
        loop.call_soon_threadsafe(loop.stop)
        thread.join()
        loop.close()


def draw(
    browser: Browser, link: str, path: Path, *, dark: bool = False, size: tuple[int, int] = (1280, 800)
) -> None:
    """One picture, when everything is there."""
    page = browser.page(link, dark=dark, size=size)
    page.wait("document.body.dataset.live === ''")
    browser.pump(0.3)
    page.picture(path)
    if complaints := page.complaints():
        print(f"{path.name}: {complaints}")
    page.close()
    print(path, f"{path.stat().st_size // 1024} KiB")


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m tools.demo_call.panel_picture", description=__doc__)
    parser.add_argument("--at", type=float, default=55.0, help="seconds into the call")
    return parser.parse_args()


if __name__ == "__main__":
    raise SystemExit(main())
