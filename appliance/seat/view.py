"""The terminal view of a seat: the profile at a glance, from 80 columns by 24 lines upwards."""

from __future__ import annotations

import time
from typing import Any, Final

from rich.align import Align
from rich.console import Console, ConsoleOptions, Group, RenderableType, RenderResult
from rich.layout import Layout
from rich.panel import Panel
from rich.table import Table
from rich.text import Text

from appliance.seat.words import Words

#: How long a cue stays on the screen.
CUE_SECONDS: Final = 8.0
#: Below this confidence style claims nothing (see `Influence.style_confidence`).
STYLE_CLAIM: Final = 0.3
#: The view keeps this many calls in mind.
MAX_CALLS: Final = 4

STAGES: Final = ("cold", "warming", "trusting", "ready")
STYLES: Final = ("tiger", "peacock", "koala", "owl", "chameleon")
_STAGE_COLOUR: Final = {"cold": "blue", "warming": "yellow", "trusting": "green", "ready": "bright_green"}
_PACE_COLOUR: Final = {"hold": "red", "build": "yellow", "advance": "green", "close": "bright_green"}
_EMOTION_COLOUR: Final = {"angry": "red", "happy": "green", "sad": "blue"}
_CONNECTION: Final = {"connected": ("●", "green"), "connecting": ("○", "yellow"), "silent": ("○", "yellow")}

Part = dict[str, Any]


class SeatView:
    """Takes a seat's messages in, and draws their state whenever it is rendered."""

    def __init__(self, seat: str, words: Words) -> None:
        self._seat = seat
        self._words = words
        self._connection = "connecting"
        self._lost = 0
        #: the last event and the last profile of each call, in the order the calls began
        self._calls: dict[str, tuple[str, str]] = {}
        self._profiles: dict[str, Part] = {}
        self._at: dict[str, tuple[int, float]] = {}
        self._cue: tuple[Part, float] | None = None

    def connection(self, state: str, lost: int) -> None:
        """Say how the connection is, and how many updates were missed."""
        self._connection, self._lost = state, lost

    def update(self, message: Part, now: float | None = None) -> None:
        """Take one message in; `now` is monotonic, in seconds."""
        now = time.monotonic() if now is None else now
        kind, call = message["type"], message.get("call", "")
        if kind == "beat":
            return
        if kind == "call":
            if message["event"] == "started":
                self._calls.pop(call, None)
            self._calls[call] = (message["event"], message["direction"])
        else:
            self._calls.setdefault(call, ("started", "unknown"))
        if kind == "profile":
            self._profiles[call] = message
        if kind == "cue":
            self._cue = (message, now)
        self._at[call] = (message["at"], now)
        while len(self._calls) > MAX_CALLS:
            oldest = next(iter(self._calls))
            for known in (self._calls, self._profiles, self._at):
                known.pop(oldest, None)

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        """Draw the state, filling the console."""
        call = self._shown_call()
        profile = self._profiles.get(call or "")
        layout = Layout()
        layout.split_column(Layout(self._header(call), size=1, name="header"), Layout(name="body"))
        layout["body"].update(self._idle(call) if profile is None else self._profile(profile))
        yield layout

    def _shown_call(self) -> str | None:
        """The newest call that goes on, else the newest of all."""
        going = [call for call, (event, _) in self._calls.items() if event != "ended"]
        known = going or list(self._calls)
        return known[-1] if known else None

    def _header(self, call: str | None) -> RenderableType:
        word = self._words.of
        sign, colour = _CONNECTION.get(self._connection, ("×", "red"))
        left = Text.assemble(
            (" Ridge ", "bold reverse"),
            f" {word('label', 'seat')} {self._seat}  ",
            (f"{sign} {word('connection', self._connection)}", colour),
        )
        right = Text()
        if call is not None:
            event, direction = self._calls[call]
            at, seen = self._at[call]
            running = event in {"started", "resumed"}
            elapsed = at / 1000 + (time.monotonic() - seen if running else 0.0)
            right.append(word("call_event", event), "bold green" if running else "bold yellow")
            right.append(f"  {_clock(elapsed)}  {word('direction', direction)} ")
        grid = Table.grid(expand=True)
        grid.add_column(no_wrap=True)
        grid.add_column(justify="right", no_wrap=True)
        grid.add_row(left, right)
        return grid

    def _idle(self, call: str | None) -> RenderableType:
        running = call is not None and self._calls[call][0] != "ended"
        title, hint = ("hearing", "hearing_hint") if running else ("idle", "idle_hint")
        if self._connection == "refused":
            hint = "refused_hint"
        text = Text(justify="center")
        text.append(self._words.of("label", title) + "\n\n", "bold")
        text.append(self._words.of("label", hint), "red" if hint == "refused_hint" else "dim")
        return Panel(Align.center(text, vertical="middle"), border_style="dim")

    def _profile(self, profile: Part) -> RenderableType:
        body = Layout()
        body.split_column(
            Layout(self._relationship(profile["relationship"]), size=4),
            Layout(name="middle", minimum_size=9),
            Layout(name="bottom", minimum_size=8),
            Layout(self._footer(profile), size=1),
        )
        body["middle"].split_row(Layout(self._person(profile), ratio=2), Layout(self._say(profile), ratio=3))
        body["bottom"].split_row(
            Layout(self._demand(profile["demand"]), ratio=2), Layout(self._evidence(profile), ratio=3)
        )
        return body

    def _relationship(self, relationship: Part) -> RenderableType:
        word = self._words.of
        stage, pace = relationship["stage"], relationship["pace"]
        colour = _STAGE_COLOUR.get(stage, "white")
        trend = relationship["trend"]
        arrow = "↑" if trend > 0.1 else "↓" if trend < -0.1 else "→"
        grid = Table.grid(expand=True, padding=(0, 1))
        grid.add_column(ratio=1)
        grid.add_column(justify="right", no_wrap=True)
        grid.add_row(
            _Gauge(relationship["score"], relationship["low"], relationship["high"], colour),
            Text.assemble(
                (f"{relationship['score']}", f"bold {colour}"),
                (f" {arrow}  ", "bold"),
                (f"{relationship['low']}–{relationship['high']}", "dim"),
            ),
        )
        steps = Text()
        for number, name in enumerate(STAGES):
            steps.append(" › " if number else "", "dim")
            steps.append(
                f" {word('stage', name)} " if name == stage else word("stage", name),
                f"bold reverse {colour}" if name == stage else "dim",
            )
        paced = Text.assemble(
            (word("label", "pace") + " ", "dim"),
            (f" {word('pace', pace)} ", f"bold reverse {_PACE_COLOUR.get(pace, 'white')}"),
        )
        grid.add_row(steps, paced)
        return Panel(
            grid, title=_title(word("label", "relationship")), title_align="left", border_style=colour
        )

    def _person(self, profile: Part) -> RenderableType:
        word = self._words.of
        influence = profile["influence"]
        claimed = influence["style_confidence"] >= STYLE_CLAIM
        styles = influence["style"]
        first = max(STYLES, key=lambda name: styles.get(name, 0.0))
        grid = Table.grid(expand=True, padding=(0, 1))
        grid.add_column(no_wrap=True, overflow="ellipsis", ratio=3)
        grid.add_column(ratio=2, min_width=6)
        grid.add_column(justify="right", width=4)
        for name in STYLES:
            strong = claimed and name == first
            style = "bold cyan" if strong else "" if claimed else "dim"
            share = styles.get(name, 0.0)
            grid.add_row(
                Text(word("style", name), style), _Bar(share, style or "cyan"), Text(f"{share:.0%}", style)
            )
        rows: list[RenderableType] = [grid]
        hint = word("style_hint", first) if claimed else word("label", "listening")
        rows.append(Text(f"▸ {hint}", "cyan" if claimed else "dim"))
        emotion = influence["emotion"]
        colour = "bold reverse red" if emotion["alert"] else _EMOTION_COLOUR.get(emotion["label"], "")
        line = Text.assemble(
            (word("label", "emotion") + " ", "dim"),
            (word("emotion", emotion["label"]), colour),
        )
        if emotion["label"] != "uncertain":
            line.append(f" {emotion['confidence']:.0%}", "dim")
        rows.append(line)
        title = _title(word("label", "style"))
        return Panel(Group(*rows), title=title, title_align="left", border_style="dim")

    def _say(self, profile: Part) -> RenderableType:
        word = self._words.of
        rows: list[RenderableType] = []
        cue = self._current_cue(profile["call"])
        if cue is not None:
            text = (
                f"{word('cue', cue['kind'])}："
                if self._words.locale == "zh"
                else f"{word('cue', cue['kind'])}: "
            )
            rows.append(Text(f" {text}{self._words.evidence(cue['code'])} ", "bold reverse red"))
        objections = sorted(
            (entry for entry in profile["influence"]["objections"] if entry["open"]),
            key=lambda entry: -int(entry["at"]),
        )
        for objection in objections[:2]:
            rows.append(
                Text.assemble(
                    ("● ", "red"),
                    (word("objection", objection["type"]), "bold red"),
                    (f"  {objection['confidence']:.0%}  {_clock(objection['at'] / 1000)}", "dim"),
                )
            )
        if not objections:
            rows.append(Text(word("label", "no_objection"), "dim"))
        for number, advice in enumerate(profile["advice"][:2]):
            strategy = self._words.strategy(advice["id"])
            rows.append(Text(f"▸ {strategy.title}", "bold green" if number == 0 else "green"))
            if number == 0:
                rows.append(Text(strategy.say, "bold"))
                if strategy.avoid:
                    rows.append(Text(f"{word('label', 'avoid')}: {strategy.avoid}", "dim italic"))
        border = "red" if cue is not None or objections else "green"
        return Panel(
            Group(*rows), title=_title(word("label", "say")), title_align="left", border_style=border
        )

    def _demand(self, demand: Part) -> RenderableType:
        word = self._words.of
        rows: list[RenderableType] = []
        needs = Text()
        for need in demand["needs"][-6:][::-1]:
            colour = (
                "red" if need["stance"] == "rejects" else "green" if need["stance"] == "wants" else "cyan"
            )
            needs.append(f"{word('stance', need['stance'])} ", "dim")
            needs.append(word("need", need["tag"]), colour)
            needs.append("  ")
        rows.append(needs if demand["needs"] else Text(word("label", "none"), "dim"))
        for kind, label in (
            ("suitability", "customer_suitability"), ("life_stage", "life_stage"), ("stratum", "stratum")
        ):  # fmt: skip
            if demand[kind] != "unknown":
                rows.append(Text.assemble((word("label", label) + " ", "dim"), word(kind, demand[kind])))
        rows.extend(
            Text.assemble((word("label", "gaps") + " ", "dim"), (word("gap", gap), "yellow"))
            for gap in demand["gaps"][:2]
        )
        return Panel(
            Group(*rows), title=_title(word("label", "needs")), title_align="left", border_style="dim"
        )

    def _evidence(self, profile: Part) -> RenderableType:
        grid = Table.grid(padding=(0, 1))
        grid.add_column(no_wrap=True, style="dim")
        grid.add_column(no_wrap=True, style="dim")
        grid.add_column(no_wrap=True)
        grid.add_column(overflow="ellipsis", no_wrap=True)
        for entry in sorted(profile["evidence"], key=lambda entry: -int(entry["at"])):
            weight = entry["weight"]
            colour = "green" if weight > 0 else "red" if weight < 0 else ""
            quote = f"“{entry['quote']}”" if entry.get("quote") else ""
            grid.add_row(
                _clock(entry["at"] / 1000),
                self._words.of("source", entry["source"]),
                Text(f"{weight:+.2f}", colour),
                Text.assemble(self._words.evidence(entry["code"]), (f" {quote}", "italic dim")),
            )
        title = self._words.of("label", "evidence")
        return Panel(grid, title=_title(title), title_align="left", border_style="dim")

    def _footer(self, profile: Part) -> RenderableType:
        word = self._words.of
        parts = [f"{word('mind', name)} {estimate['value']:.0%}" for name, estimate in _known(profile)]
        if profile["audio"]["lost"] > 0:
            parts.append(f"{word('label', 'lost_audio')} {profile['audio']['lost']:.0%}")
        if self._lost:
            parts.append(f"{word('label', 'missed')} {self._lost}")
        return Text(" " + "  ".join(parts), "dim", no_wrap=True, overflow="ellipsis")

    def _current_cue(self, call: str) -> Part | None:
        if self._cue is None:
            return None
        cue, since = self._cue
        return cue if cue["call"] == call and time.monotonic() - since < CUE_SECONDS else None


class _Gauge:
    """0 to 100 as wide as there is room: the interval shaded, the score as a mark."""

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


class _Bar:
    """A share of 0 to 1 as wide as there is room."""

    def __init__(self, share: float, style: str) -> None:
        self._share, self._style = share, style

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        cells = max(options.max_width, 1)
        full = round(min(1.0, max(0.0, self._share)) * cells)
        yield Text.assemble(("━" * full, self._style), ("─" * (cells - full), "dim"), no_wrap=True)


def _known(profile: Part) -> list[tuple[str, Part]]:
    return [(name, entry) for name, entry in profile["influence"]["mind"].items() if entry["confidence"] > 0]


def _clock(seconds: float) -> str:
    minutes, rest = divmod(int(seconds), 60)
    return f"{minutes:02d}:{rest:02d}"


def _title(text: str) -> Text:
    return Text(text, "bold")
