"""The supervisor's view in a terminal: all calls of the group, the most urgent first."""

from __future__ import annotations

from rich.align import Align
from rich.console import Group, RenderableType
from rich.panel import Panel
from rich.table import Table
from rich.text import Text

from appliance.seat.calls import Call, Calls
from appliance.seat.view_meters import (
    EMOTION_COLOUR,
    PACE_COLOUR,
    PACE_SIGN,
    STAGE_COLOUR,
    clock,
    strip,
    trend_sign,
)
from appliance.seat.words import Words

#: From here on a call is called urgent.
URGENT = 25
#: Below this many columns the emotion and the objections go.
NARROW = 90
SPARK_CELLS = 12


def group_view(calls: Calls, words: Words, now: float, width: int, rows: int) -> RenderableType:
    """The table, in at most `rows` lines and `width` columns."""
    known = calls.by_urgency(now)
    if not known:
        text = Text(words.of("panel", "no_calls") + "\n\n", "bold", justify="center")
        text.append(words.of("panel", "no_calls_hint"), "dim")
        return Panel(Align.center(text, vertical="middle"), border_style="dim")
    wide = width >= NARROW
    table = Table(expand=True, box=None, padding=(0, 1), header_style="dim")
    for kind, code, ratio in (
        ("panel", "urgency", 5), ("label", "seat", 2), ("panel", "state", 3), ("label", "relationship", 3),
        ("label", "pace", 3),
    ):  # fmt: skip
        table.add_column(words.of(kind, code), ratio=ratio, overflow="ellipsis", no_wrap=True)
    if wide:
        table.add_column(words.of("label", "emotion"), width=SPARK_CELLS + 8, no_wrap=True)
        table.add_column(words.of("label", "objections"), ratio=3, overflow="ellipsis", no_wrap=True)
    for call in known[: max(1, rows - 2)]:
        table.add_row(*_row(calls, call, words, now, wide))
    left = len(known) - max(1, rows - 2)
    return Group(table, Text(f" … {left}", "dim")) if left > 0 else table


def _row(calls: Calls, call: Call, words: Words, now: float, wide: bool) -> list[Text]:
    word = words.of
    urgent = call.urgency(now)
    faded = "dim" if call.over else ""
    between = "、" if words.locale == "zh" else ", "
    hot = urgent.points >= URGENT and not call.over
    why = Text(f"{'!' if hot else ' '}{'' if call.over else urgent.points:>3} ", "bold red" if hot else "dim")
    why.append(between.join(words.evidence(code) for code in urgent.reasons), "bold" if hot else faded)
    if call.over and call.opportunities:
        left = between.join(word("opportunity", part["code"]) for part in call.opportunities)
        why.append(f"{word('panel', 'not_followed_up')} {left}", "yellow")
    ms = calls.held_ms(call, now) or calls.elapsed_ms(call, now)
    # That a call runs needs no word here: nearly all do.
    event = word("call_event", call.event) if call.held or call.over else ""
    state = Text(f"{clock(ms / 1000)} {event}", faded or ("yellow" if call.held else ""))
    row = [why, Text(call.seat, f"bold {faded}"), state]
    if call.profile is None:
        why_not = Text(word("label", "not_analysed"), "dim") if call.unheard else Text("–", "dim")
        return [*row, why_not, *[Text("–", "dim")] * (3 if wide else 1)]
    relationship, influence = call.profile["relationship"], call.profile["influence"]
    stage, pace = relationship["stage"], relationship["pace"]
    row.append(
        Text.assemble(
            (f"{relationship['score']:>3} {trend_sign(relationship['trend'])} ", f"bold {faded}"),
            (word("stage", stage), faded or STAGE_COLOUR.get(stage, "")),
        )
    )
    row.append(Text(f"{PACE_SIGN.get(pace, '')} {word('pace', pace)}", faded or PACE_COLOUR.get(pace, "")))
    if wide:
        label = influence["emotion"]["label"]
        mood = strip(call.history.moods(), SPARK_CELLS)
        if call.is_off("emotion"):
            mood.append(f" {word('label', 'not_measured')}", "dim")
        else:
            mood.append(f" {word('emotion', label)}", faded or EMOTION_COLOUR.get(label, ""))
        row.append(mood)
        opens = [word("objection", part["type"]) for part in influence["objections"] if part["open"]]
        row.append(Text(between.join(opens), faded or "red"))
    return row
