"""What the terminal view draws values with: a gauge with its interval, bars, a sparkline.

All are as wide as there is room. Colours are the terminal's own sixteen; each goes with a sign or a word, so
that nothing rests on colour alone.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from rich.console import Console, ConsoleOptions, RenderResult
from rich.text import Text

STAGE_COLOUR: Final = {"cold": "blue", "warming": "yellow", "trusting": "cyan", "ready": "bright_cyan"}
PACE_COLOUR: Final = {"hold": "red", "build": "yellow", "advance": "blue", "close": "cyan"}
PACE_SIGN: Final = {"hold": "‖", "build": "↗", "advance": "→", "close": "✓"}
EMOTION_COLOUR: Final = {"angry": "red", "happy": "cyan", "sad": "blue"}
#: One letter of an emotion's strip is its height: valence from low to high.
SPARKS: Final = "▁▂▃▄▅▆▇█"


def trend_sign(trend: float) -> str:
    """An arrow for a trend of -1..1."""
    return "↑" if trend > 0.1 else "↓" if trend < -0.1 else "→"


def clock(seconds: float) -> str:
    """Seconds as mm:ss."""
    minutes, rest = divmod(int(seconds), 60)
    return f"{minutes:02d}:{rest:02d}"


class Gauge:
    """0 to 100: the interval shaded, the score as a mark."""

    def __init__(self, score: int, low: int, high: int, colour: str) -> None:
        self._score, self._low, self._high, self._colour = score, low, high, colour

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        cells = max(options.max_width, 10)

        def cell(value: int) -> int:
            return min(cells - 1, value * cells // 100)

        text = Text(no_wrap=True)
        for number in range(cells):
            if number == cell(self._score):
                text.append("█", f"bold {self._colour}")
            elif cell(self._low) <= number <= cell(self._high):
                text.append("▓", self._colour)
            else:
                text.append("░", "dim")
        yield text


class Bar:
    """A share of 0 to 1."""

    def __init__(self, share: float, style: str) -> None:
        self._share, self._style = share, style

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        cells = max(options.max_width, 1)
        full = round(min(1.0, max(0.0, self._share)) * cells)
        yield Text.assemble(("━" * full, self._style), ("─" * (cells - full), "dim"), no_wrap=True)


class EmotionStrip:
    """Valence (-1..1) over the call as a sparkline, coloured by the emotion's name."""

    def __init__(self, points: Sequence[tuple[int, float, str]]) -> None:
        """`points`: at (ms), valence and label, in the order of time."""
        self._points = points

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        yield strip(self._points, max(options.max_width, 1))


def strip(points: Sequence[tuple[int, float, str]], cells: int) -> Text:
    """The sparkline of `cells` characters; the last point is at its right end."""
    text = Text(no_wrap=True)
    if not points:
        return text
    last = max(1, points[-1][0])
    number = 0
    for cell in range(cells):
        until = (cell + 1) * last / cells
        while number + 1 < len(points) and points[number + 1][0] <= until:
            number += 1
        at, valence, label = points[number]
        if at > until:
            text.append(" ")
            continue
        height = round((max(-1.0, min(1.0, valence)) + 1) / 2 * (len(SPARKS) - 1))
        text.append(SPARKS[height], EMOTION_COLOUR.get(label, "dim" if label == "uncertain" else ""))
    return text
