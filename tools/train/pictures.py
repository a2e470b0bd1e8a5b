"""A confusion matrix as a picture that a card can show: SVG, readable in light and dark pages."""

from __future__ import annotations

from collections.abc import Sequence
from xml.sax.saxutils import escape

import numpy as np
from numpy.typing import NDArray

_CELL_WIDTH, _CELL_HEIGHT = 104, 46
_LEFT, _TOP = 116, 74


def _text(
    x: float, y: float, words: str, size: int = 14, colour: str = "#222", anchor: str = "middle"
) -> str:
    style = f'font-size="{size}" fill="{colour}" text-anchor="{anchor}"'
    return f'<text x="{x}" y="{y}" {style}>{escape(words)}</text>'


def confusion(
    title: str, truth: Sequence[str], heard: Sequence[str], counts: NDArray[np.int64], what: str
) -> str:
    """The matrix as SVG; each cell says its count and its share of the row, and is as dark as that share.

    Args:
        title: one line over the picture.
        truth: names of the rows.
        heard: names of the columns.
        counts: shape (rows, columns).
        what: what is counted, such as "recordings".
    """
    width, height = _LEFT + _CELL_WIDTH * len(heard) + 12, _TOP + _CELL_HEIGHT * len(truth) + 30
    shares = counts / np.maximum(counts.sum(axis=1, keepdims=True), 1)
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{width}" height="{height}" '
        f'viewBox="0 0 {width} {height}" font-family="sans-serif" role="img">',
        f"<title>{escape(title)}</title>",
        f'<rect width="{width}" height="{height}" fill="#ffffff"/>',
        _text(12, 24, title, 15, anchor="start"),
    ]
    for column, name in enumerate(heard):
        parts.append(_text(_LEFT + _CELL_WIDTH * (column + 0.5), _TOP - 12, name, 13))
    for row, name in enumerate(truth):
        y = _TOP + _CELL_HEIGHT * row
        parts.append(_text(_LEFT - 10, y + _CELL_HEIGHT / 2 + 5, name, 13, anchor="end"))
        for column in range(len(heard)):
            share = float(shares[row, column])
            x = _LEFT + _CELL_WIDTH * column
            blue = round(255 - 200 * share)
            parts.append(
                f'<rect x="{x}" y="{y}" width="{_CELL_WIDTH - 2}" height="{_CELL_HEIGHT - 2}" '
                f'fill="rgb({round(255 - 225 * share)},{blue},{round(255 - 115 * share)})"/>'
            )
            colour = "#ffffff" if share > 0.5 else "#222222"
            middle = x + _CELL_WIDTH / 2 - 1
            parts.append(_text(middle, y + 20, f"{100 * share:.1f} %", 14, colour))
            parts.append(_text(middle, y + 36, f"{counts[row, column]:,}", 11, colour))
    parts.append(
        _text(12, height - 10, f"rows: truth; columns: what the model hears; {what}", 11, anchor="start")
    )
    return "\n".join([*parts, "</svg>", ""])
