"""The terminal view of a seat: the profile at a glance; a supervisor's group as a table.

From 70 columns everything has its place; below that what matters most stands in one column.
"""

from __future__ import annotations

import time
from typing import Any, Final

from rich.align import Align
from rich.console import Console, ConsoleOptions, Group, RenderableType, RenderResult
from rich.layout import Layout
from rich.panel import Panel
from rich.table import Table
from rich.text import Text

from appliance.seat.calls import Call, Calls
from appliance.seat.view_group import group_view
from appliance.seat.view_meters import (
    EMOTION_COLOUR,
    PACE_COLOUR,
    PACE_SIGN,
    STAGE_COLOUR,
    Bar,
    EmotionStrip,
    Gauge,
    clock,
    trend_sign,
)
from appliance.seat.words import Words

#: How long a cue stays on the screen.
CUE_SECONDS: Final = 8.0
#: Below this confidence style claims nothing (see `Influence.style_confidence`).
STYLE_CLAIM: Final = 0.3
#: Below this many columns there is one column of cards.
NARROW: Final = 70

STAGES: Final = ("cold", "warming", "trusting", "ready")
STYLES: Final = ("tiger", "peacock", "koala", "owl", "chameleon")
_CONNECTION: Final = {"connected": ("●", "cyan"), "connecting": ("○", "yellow"), "silent": ("○", "yellow")}

Part = dict[str, Any]


class SeatView:
    """Takes a seat's messages in, and draws their state whenever it is rendered."""

    def __init__(self, seat: str, words: Words) -> None:
        self._seat = seat
        self._words = words
        self._calls = Calls()

    def connection(self, state: str, lost: int, topic: str | None = None) -> None:
        """Say how the connection is, how many updates were missed, and what it is for (`group/loans/`)."""
        self._calls.connected(state, lost, topic)

    def update(self, message: Part, now: float | None = None) -> None:
        """Take one message in; `now` is monotonic, in seconds."""
        self._calls.update(message, time.monotonic() if now is None else now)

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        """Draw the state, filling the console."""
        now = time.monotonic()
        width, height = options.max_width, options.height or console.size.height
        board = self._calls.group is not None
        call = None if board else self._calls.current()
        layout = Layout()
        layout.split_column(
            Layout(self._header(call, now, width), size=1, name="header"), Layout(name="body")
        )
        if board:
            layout["body"].update(group_view(self._calls, self._words, now, width, height - 1))
        elif call is None or call.profile is None:
            layout["body"].update(self._idle(call))
        else:
            layout["body"].update(self._narrow(call) if width < NARROW else self._wide(call))
        yield layout

    def _header(self, call: Call | None, now: float, width: int) -> RenderableType:
        word, calls = self._words.of, self._calls
        sign, colour = _CONNECTION.get(calls.connection, ("×", "red"))
        left = Text.assemble(
            (" Ridge ", "bold reverse"),
            f" {word('panel', 'supervisor') if calls.group else word('label', 'seat')} {self._seat}  ",
        )
        silent = calls.silent_seconds(now)
        if calls.connection == "connected" and calls.stale(now) and silent is not None:
            left.append(f"! {word('panel', 'stale')} {clock(silent)}", "bold reverse yellow")
        else:
            left.append(f"{sign} {word('connection', calls.connection)}", colour)
        right = Text()
        if call is not None:
            running = not (call.held or call.over)
            right.append(word("call_event", call.event), "bold cyan" if running else "bold yellow")
            right.append(f"  {clock(calls.elapsed_ms(call, now) / 1000)}")
            if call.held:
                right.append(
                    f" ({word('panel', 'on_hold_for')} {clock(calls.held_ms(call, now) / 1000)})", "yellow"
                )
            right.append(f"  {word('direction', call.direction)} " if width >= NARROW else " ")
        elif calls.group is not None:
            right.append(f"{calls.group} ")
        grid = Table.grid(expand=True)
        grid.add_column(no_wrap=True, overflow="ellipsis")
        grid.add_column(justify="right", no_wrap=True, overflow="ellipsis")
        grid.add_row(left, right)
        return grid

    def _idle(self, call: Call | None) -> RenderableType:
        if call is not None and call.unheard and self._calls.connection != "refused":
            return self._unheard(call)
        running = call is not None and not call.over
        title, hint = ("hearing", "hearing_hint") if running else ("idle", "idle_hint")
        if self._calls.connection == "refused":
            hint = "refused_hint"
        text = Text(justify="center")
        text.append(self._words.of("label", title) + "\n\n", "bold")
        text.append(self._words.of("label", hint), "red" if hint == "refused_hint" else "dim")
        return Panel(Align.center(text, vertical="middle"), border_style="dim")

    def _unheard(self, call: Call) -> RenderableType:
        """That a call is on, and why nothing of it is shown."""
        text = Text(justify="center")
        text.append(self._words.of("label", "not_analysed") + "\n\n", "bold")
        text.append(self._words.of("off_reason", (call.policy or {}).get("reason", "unknown")), "dim")
        return Panel(Align.center(text, vertical="middle"), border_style="dim")

    def _wide(self, call: Call) -> RenderableType:
        profile = call.profile or {}
        body = Layout()
        body.split_column(
            Layout(self._relationship(profile["relationship"]), size=4),
            Layout(name="middle", minimum_size=9),
            Layout(name="bottom", minimum_size=8),
            Layout(self._footer(profile), size=1),
        )
        body["middle"].split_row(
            Layout(self._person(call, profile), ratio=2), Layout(self._say(call, profile), ratio=3)
        )
        body["bottom"].split_row(
            Layout(self._demand(profile["demand"]), ratio=2), Layout(self._evidence(profile), ratio=3)
        )
        return body

    def _narrow(self, call: Call) -> RenderableType:
        profile = call.profile or {}
        body = Layout()
        body.split_column(
            Layout(self._in_one_line(call, profile), size=2),
            Layout(self._say(call, profile), minimum_size=7, ratio=3),
            Layout(self._demand(profile["demand"]), ratio=2),
        )
        return body

    def _in_one_line(self, call: Call, profile: Part) -> RenderableType:
        """Score, stage, pace and emotion, where there is no room for cards."""
        word, relationship = self._words.of, profile["relationship"]
        stage, pace, emotion = relationship["stage"], relationship["pace"], profile["influence"]["emotion"]
        first = Text.assemble(
            (f" {relationship['score']} {trend_sign(relationship['trend'])} ", "bold"),
            (f"{relationship['low']}–{relationship['high']} ", "dim"),
            (f"{word('stage', stage)} ", f"bold {STAGE_COLOUR.get(stage, '')}"),
            (f" {PACE_SIGN.get(pace, '')} {word('pace', pace)} ", f"bold reverse {PACE_COLOUR.get(pace)}"),
            no_wrap=True, overflow="ellipsis",
        )  # fmt: skip
        grid = Table.grid(expand=True)
        grid.add_column(no_wrap=True)
        grid.add_column(ratio=1)
        mood = EMOTION_COLOUR.get(emotion["label"], "")
        grid.add_row(
            Text(
                f" {word('emotion', emotion['label'])} ", f"bold reverse {mood}" if emotion["alert"] else mood
            ),
            EmotionStrip(call.history.moods()),
        )
        return Group(first, grid)

    def _relationship(self, relationship: Part) -> RenderableType:
        word = self._words.of
        stage, pace = relationship["stage"], relationship["pace"]
        colour = STAGE_COLOUR.get(stage, "white")
        arrow = trend_sign(relationship["trend"])
        grid = Table.grid(expand=True, padding=(0, 1))
        grid.add_column(ratio=1)
        grid.add_column(justify="right", no_wrap=True)
        grid.add_row(
            Gauge(relationship["score"], relationship["low"], relationship["high"], colour),
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
            (
                f" {PACE_SIGN.get(pace, '')} {word('pace', pace)} ",
                f"bold reverse {PACE_COLOUR.get(pace, 'white')}",
            ),
        )
        grid.add_row(steps, paced)
        return Panel(
            grid, title=_title(word("label", "relationship")), title_align="left", border_style=colour
        )

    def _person(self, call: Call, profile: Part) -> RenderableType:
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
                Text(word("style", name), style), Bar(share, style or "cyan"), Text(f"{share:.0%}", style)
            )
        rows: list[RenderableType] = [grid]
        hint = word("style_hint", first) if claimed else word("label", "listening")
        rows.append(Text(f"▸ {hint}", "cyan" if claimed else "dim"))
        emotion = influence["emotion"]
        colour = "bold reverse red" if emotion["alert"] else EMOTION_COLOUR.get(emotion["label"], "")
        line = Text.assemble(
            (word("label", "emotion") + " ", "dim"),
            (word("label", "not_measured"), "dim")
            if call.is_off("emotion")
            else (word("emotion", emotion["label"]), colour),
        )
        if emotion["label"] != "uncertain":
            line.append(f" {emotion['confidence']:.0%}", "dim")
        mood = Table.grid(expand=True, padding=(0, 1))
        mood.add_column(no_wrap=True)
        mood.add_column(ratio=1)
        mood.add_row(line, EmotionStrip(call.history.moods()))
        rows.append(mood)
        title = _title(word("label", "style"))
        return Panel(Group(*rows), title=title, title_align="left", border_style="dim")

    def _say(self, call: Call, profile: Part) -> RenderableType:
        word = self._words.of
        rows: list[RenderableType] = []
        cue = _fresh_cue(call)
        colon = "：" if self._words.locale == "zh" else ": "
        if cue is not None:
            text = f" ! {word('cue', cue['kind'])}{colon}{self._words.evidence(cue['code'])} "
            rows.append(Text(text, "bold reverse red"))
        objections = sorted(
            (entry for entry in profile["influence"]["objections"] if entry["open"]),
            key=lambda entry: -int(entry["at"]),
        )
        for objection in objections[:2]:
            rows.append(
                Text.assemble(
                    ("● ", "red"),
                    (word("objection", objection["type"]), "bold red"),
                    (f"  {objection['confidence']:.0%}  {clock(objection['at'] / 1000)}", "dim"),
                )
            )
        if not objections:
            rows.append(Text(word("label", "no_objection"), "dim"))
        for number, advice in enumerate(profile["advice"][:2]):
            strategy = self._words.strategy(advice["id"])
            rows.append(Text(f"▸ {strategy.title}", "bold cyan" if number == 0 else "cyan"))
            if number == 0:
                rows.append(Text(strategy.say, "bold"))
                if strategy.avoid:
                    rows.append(Text(f"✗ {word('label', 'avoid')}{colon}{strategy.avoid}", "red"))
        border = "red" if cue is not None or objections else "cyan"
        return Panel(
            Group(*rows), title=_title(word("label", "say")), title_align="left", border_style=border
        )

    def _demand(self, demand: Part) -> RenderableType:
        word = self._words.of
        rows: list[RenderableType] = []
        needs = Text()
        for need in demand["needs"][-6:][::-1]:
            colour = "red" if need["stance"] == "rejects" else "cyan" if need["stance"] == "wants" else ""
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
            colour = "cyan" if weight > 0 else "red" if weight < 0 else ""
            quote = f"“{entry['quote']}”" if entry.get("quote") else ""
            grid.add_row(
                clock(entry["at"] / 1000),
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
        if self._calls.lost:
            parts.append(f"{word('label', 'missed')} {self._calls.lost}")
        return Text(" " + "  ".join(parts), "dim", no_wrap=True, overflow="ellipsis")


def _fresh_cue(call: Call) -> Part | None:
    if not call.cues:
        return None
    cue, seen = call.cues[-1]
    return cue if time.monotonic() - seen < CUE_SECONDS else None


def _known(profile: Part) -> list[tuple[str, Part]]:
    return [(name, entry) for name, entry in profile["influence"]["mind"].items() if entry["confidence"] > 0]


def _title(text: str) -> Text:
    return Text(text, "bold")
