"""The learning curve as a picture: errors over the hours of speech heard."""

from __future__ import annotations

import json
from pathlib import Path

_WIDTH, _HEIGHT, _LEFT, _BOTTOM, _TOP, _RIGHT = 720, 360, 64, 48, 40, 24
_COLOURS = ("#1f5fa8", "#b3541e", "#3c7d3c")
_MARKS = ("", "6 4", "2 3")


def draw(curve: Path) -> str:
    """SVG of the JSON lines that the training wrote."""
    lines = [json.loads(line) for line in curve.read_text(encoding="utf-8").splitlines()]
    names = [name for name in lines[-1] if name not in {"step", "minutes", "hours_heard"}]
    most = max(line["hours_heard"] for line in lines)
    wide, high = _WIDTH - _LEFT - _RIGHT, _HEIGHT - _BOTTOM - _TOP

    def at(hours: float, share: float) -> str:
        return f"{_LEFT + wide * hours / most:.1f},{_TOP + high * (1 - min(1.0, share)):.1f}"

    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {_WIDTH} {_HEIGHT}" font-family="sans-serif" '
        'font-size="13" role="img">',
        "<title>Tone-less syllable errors while learning</title>",
        f'<rect width="{_WIDTH}" height="{_HEIGHT}" fill="#ffffff"/>',
        f'<text x="{_LEFT}" y="22">Tone-less syllable errors through the telephone band</text>',
    ]
    for percent in range(0, 101, 20):
        y = _TOP + high * (1 - percent / 100)
        parts.append(f'<path d="M{_LEFT} {y:.1f}h{wide}" stroke="#d8d8d8"/>')
        parts.append(f'<text x="{_LEFT - 8}" y="{y + 4:.1f}" text-anchor="end">{percent} %</text>')
    for quarter in range(5):
        hours = most * quarter / 4
        x = _LEFT + wide * quarter / 4
        parts.append(f'<text x="{x:.1f}" y="{_HEIGHT - 24}" text-anchor="middle">{hours:.0f} h</text>')
    parts.append(
        f'<text x="{_LEFT + wide}" y="{_HEIGHT - 6}" text-anchor="end">speech heard in training</text>'
    )
    for index, name in enumerate(names):
        points = " ".join(at(line["hours_heard"], line[name]) for line in lines)
        style = f'stroke="{_COLOURS[index % 3]}" stroke-width="2" stroke-dasharray="{_MARKS[index % 3]}"'
        parts.append(f'<polyline points="{points}" fill="none" {style}/>')
        y = _TOP + 16 + 18 * index
        parts.append(f'<path d="M{_LEFT + wide - 250} {y - 4}h28" {style}/>')
        parts.append(f'<text x="{_LEFT + wide - 214}" y="{y}">{name}, last {lines[-1][name]:.1%}</text>')
    return "\n".join([*parts, "</svg>", ""])
