"""`python -m tools.demo_call.picture`: draws the seat's view during the demo call, for the documents.

The demo call is replayed through the engine, and the view is drawn as it stood at a time of the call.
"""

from __future__ import annotations

import argparse
import html
import io
import re
import time
from pathlib import Path

import msgspec
from rich.cells import cell_len
from rich.console import Console

from appliance.box.config import Config, Roles
from appliance.engine.offline import messages_of
from appliance.seat.view import SeatView
from appliance.seat.words import Words

CALL = Path(__file__).with_name("demo_call.wav")
OUT = Path(__file__).resolve().parents[2] / "appliance/seat"
#: Terminal size of the picture, in characters.
WIDTH, HEIGHT = 100, 30
#: Width of a cell in Rich's SVG, in its units.
CELL = 12.2
_TEXT = re.compile(r'(?P<before><text [^>]*?)textLength="[^"]*"(?P<after>[^>]*>)(?P<content>[^<]*)</text>')


def main() -> int:
    options = _options()
    views = {locale: SeatView("8001", Words.load(locale)) for locale in ("zh", "en")}
    begun, wall = time.monotonic() - options.at, time.time_ns() // 1_000_000 - round(options.at * 1000)
    for message in messages_of([CALL], Config(roles=Roles(direction="outbound"))):
        if message.at > options.at * 1000:
            break
        told = msgspec.to_builtins(message) | {"wall": wall + message.at}
        for view in views.values():
            view.connection("connected", 0)
            view.update(told, begun + message.at / 1000)
    beat = {"type": "beat", "seat": "8001", "seq": 0, "wall": wall + round(options.at * 1000)}
    for view in views.values():
        view.update(beat)
    for locale, view in views.items():
        path = OUT / f"view-{locale}.svg"
        path.write_text(_svg(view), encoding="utf-8")
        print(path)
    return 0


def _svg(view: SeatView) -> str:
    console = Console(width=WIDTH, height=HEIGHT, record=True, file=io.StringIO(), force_terminal=True)
    console.print(view)
    svg = console.export_svg(title="ridge listen --seat 8001", unique_id="ridge-seat")
    # The picture must not fetch anything: no fonts from outside.
    svg = re.sub(r"\s*@font-face \{.*?\}", "", svg, flags=re.DOTALL)
    return _TEXT.sub(_widened, svg)


def _widened(text: re.Match[str]) -> str:
    # Rich counts characters where hanzi take two cells, and would squeeze them.
    cells = cell_len(html.unescape(text["content"]))
    return f'{text["before"]}textLength="{cells * CELL:g}"{text["after"]}{text["content"]}</text>'


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m tools.demo_call.picture", description=__doc__)
    parser.add_argument("--at", type=float, default=55.0, help="seconds into the call")
    return parser.parse_args()


if __name__ == "__main__":
    raise SystemExit(main())
