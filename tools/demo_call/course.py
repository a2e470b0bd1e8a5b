"""`python -m tools.demo_call.course`: draws the demo call with its profile over time, for the documents.

The demo call is replayed through the engine; what a seat was told is drawn over the time of the call.
"""

from __future__ import annotations

import html
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

from appliance.box.config import Config
from appliance.engine.offline import messages_of
from appliance.profile import constants as c
from appliance.protocol.messages import CueMessage, DoorMessage, Need, ProfileMessage
from appliance.seat.words import Words

CALL = Path(__file__).with_name("demo_call.wav")
OUT = Path(__file__).resolve().parents[2] / "appliance/profile/course.svg"
#: Pixels: the drawing, its margins, the height of the curve, of a row of spans, and of a line of text.
WIDTH, LEFT, RIGHT, TOP, CURVE, ROW = 1000, 130, 20, 40, 230, 20
STAGE_TINT = ("#f3f4f6", "#fef3c7", "#dcfce7", "#bbf7d0")
INK, LINE, BAND, OPEN, NEED, CUE = "#1f2937", "#1d4ed8", "#bfdbfe", "#dc2626", "#047857", "#b45309"


@dataclass(frozen=True, slots=True)
class Span:
    """Something that held from one time to another, ms."""

    name: str
    start: int
    end: int


def main() -> int:
    """Replay the demo call and write the picture."""
    OUT.write_text(draw(list(messages_of([CALL], Config())), Words.load("en")), encoding="utf-8")
    print(OUT)
    return 0


def draw(messages: Sequence[DoorMessage], words: Words) -> str:
    """The picture as SVG: relationship with its interval, objections, needs, pace and advice over time."""
    profiles = [message for message in messages if isinstance(message, ProfileMessage)]
    cues = [message for message in messages if isinstance(message, CueMessage)]
    last = max(profile.at for profile in profiles)
    rows: list[tuple[str, list[Span], str]] = [
        ("Pace", spans([(p.at, [words.of("pace", p.relationship.pace)]) for p in profiles], last), LINE),
        (
            "Objections",
            spans(
                [
                    (p.at, [words.of("objection", o.type) for o in p.influence.objections if o.open])
                    for p in profiles
                ],
                last,
            ),
            OPEN,
        ),
        (
            "Needs",
            spans(
                [
                    (
                        p.at,
                        [f"{words.of('stance', n.stance)} {words.of('need', n.tag)}" for n in p.demand.needs],
                    )
                    for p in profiles
                ],
                last,
            ),
            NEED,
        ),
        (
            "Say next",
            spans([(p.at, [words.strategy(a.id).title for a in p.advice[:1]]) for p in profiles], last),
            CUE,
        ),
    ]
    body, height = _rows(rows, last)
    return "\n".join(
        [
            f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {height}" '
            f'font-family="sans-serif" font-size="12" fill="{INK}">',
            f'<rect width="{WIDTH}" height="{height}" fill="white"/>',
            _text(LEFT, 20, "Relationship during the demo call: score and its 80 % interval", size=14),
            *_curve(profiles, last, words),
            *_cues(cues, last, words),
            *body,
            "</svg>",
            "",
        ]
    )


def spans(states: Iterable[tuple[int, list[str]]], last: int) -> list[Span]:
    """From what held at each time, how long each thing held without a break."""
    since: dict[str, int] = {}
    found: list[Span] = []
    for at, names in states:
        for name in [name for name in since if name not in names]:
            found.append(Span(name, since.pop(name), at))
        for name in names:
            since.setdefault(name, at)
    found += [Span(name, start, last) for name, start in since.items()]
    return sorted(found, key=lambda span: (span.start, span.end, span.name))


def _need(need: Need, words: Words) -> str:
    return f"{words.of('stance', need.stance)} {words.of('need', need.tag)}"


def _x(at: float, last: int) -> float:
    return LEFT + (WIDTH - LEFT - RIGHT) * at / last


def _y(score: float) -> float:
    return TOP + CURVE * (1.0 - score / 100.0)


def _curve(profiles: Sequence[ProfileMessage], last: int, words: Words) -> list[str]:
    out = []
    entries = [("cold", 0.0), *c.STAGE_ENTRY]
    ends = [*(score for _, score in c.STAGE_ENTRY), 100.0]
    for (name, low), high, tint in zip(entries, ends, STAGE_TINT, strict=True):
        top = _y(high)
        out.append(
            f'<rect x="{LEFT}" y="{top:.1f}" width="{WIDTH - LEFT - RIGHT}" height="{_y(low) - top:.1f}" '
            f'fill="{tint}"/>'
        )
        out.append(_text(LEFT - 10, (top + _y(low)) / 2 + 4, words.of("stage", name), anchor="end"))
    upper = [f"{_x(p.at, last):.1f},{_y(p.relationship.high):.1f}" for p in profiles]
    lower = [f"{_x(p.at, last):.1f},{_y(p.relationship.low):.1f}" for p in profiles]
    out.append(f'<polygon points="{" ".join([*upper, *reversed(lower)])}" fill="{BAND}" opacity="0.6"/>')
    middle = " ".join(f"{_x(p.at, last):.1f},{_y(p.relationship.score):.1f}" for p in profiles)
    out.append(f'<polyline points="{middle}" fill="none" stroke="{LINE}" stroke-width="2.5"/>')
    score = profiles[-1].relationship.score
    out.append(_text(WIDTH - RIGHT, _y(score) - 8, str(score), "end"))
    for seconds in range(0, last // 1000 + 1, 10):
        x = _x(seconds * 1000, last)
        out.append(f'<line x1="{x:.1f}" x2="{x:.1f}" y1="{TOP}" y2="{TOP + CURVE}" stroke="white"/>')
        out.append(_text(x, TOP + CURVE + 16, f"{seconds // 60}:{seconds % 60:02d}", "middle"))
    return out


def _cues(cues: Sequence[CueMessage], last: int, words: Words) -> list[str]:
    out = []
    for place, cue in enumerate(cues):
        x, y = _x(cue.at, last), TOP + 14 + 14 * (place % 3)
        out.append(
            f'<line x1="{x:.1f}" x2="{x:.1f}" y1="{y}" y2="{TOP + CURVE}" stroke="{CUE}" '
            f'stroke-dasharray="3 3"/>'
        )
        out.append(_text(x + 4, y, words.evidence(cue.code), colour=CUE))
    return out


def _rows(rows: Sequence[tuple[str, list[Span], str]], last: int) -> tuple[list[str], int]:
    out: list[str] = []
    y = TOP + CURVE + 34
    for title, found, colour in rows:
        out.append(_text(LEFT - 10, y + 14, title, "end", size=13))
        lanes: list[float] = []
        for span in found:
            x, end = _x(span.start, last), _x(span.end, last)
            reach = max(end, x + 7.0 * len(span.name))
            if reach > WIDTH - 4:
                x_text, anchor = min(end, WIDTH - RIGHT) - 4, "end"
                begin = min(x, x_text - 7.0 * len(span.name))
            else:
                x_text, anchor, begin = x + 4, "start", x
            lane = next((i for i, taken in enumerate(lanes) if taken <= begin), len(lanes))
            lanes[lane : lane + 1] = [reach + 2]
            top = y + lane * ROW
            out.append(
                f'<rect x="{x:.1f}" y="{top}" width="{max(end - x, 2):.1f}" height="{ROW - 4}" rx="3" '
                f'fill="{colour}" opacity="0.25"/>'
            )
            out.append(_text(x_text, top + 12, span.name, anchor, colour=colour))
        y += max(1, len(lanes)) * ROW + 10
    return out, y + 4


def _text(x: float, y: float, words: str, anchor: str = "start", *, colour: str = INK, size: int = 12) -> str:
    return (
        f'<text x="{x:.1f}" y="{y:.1f}" text-anchor="{anchor}" fill="{colour}" font-size="{size}">'
        f"{html.escape(words)}</text>"
    )


if __name__ == "__main__":
    raise SystemExit(main())
