"""Where the clauses of an utterance begin and end."""

from __future__ import annotations

import itertools
from collections.abc import Iterable, Iterator

from appliance.language.pinyin_forms import Heard


def clauses(heard: Heard, walls: Iterable[int] = ()) -> Iterator[tuple[int, int]]:
    """The clauses as units [start, end): parted by pauses, punctuation and `walls` (connectives)."""
    edges = sorted({0, *heard.breaks, *walls, len(heard)})
    yield from itertools.pairwise(edges)


def words_of(heard: Heard, start: int, end: int) -> str:
    """The characters of the units [start, end)."""
    return "".join(heard.characters[start:end])
