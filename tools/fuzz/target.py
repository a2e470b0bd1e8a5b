"""What can be fuzzed: a parser with seeds to mutate and the errors that it may raise."""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).parents[2]
SHARED = Path(os.environ.get("RIDGE_SHARED", ROOT.parent / "shared"))


@dataclass(frozen=True)
class Target:
    """One parser: `run` is given bytes and must raise nothing but `errors`.

    A module of this package that defines `targets() -> Sequence[Target]` is found by itself.
    """

    name: str
    seeds: Sequence[bytes]
    run: Callable[[bytes], object]
    errors: tuple[type[Exception], ...]
    #: pieces that mutations put in
    words: Sequence[bytes] = ()


def shared(path: str) -> Path:
    """A file or directory of the shared data.

    Raises:
        SystemExit: it is not there.
    """
    found = SHARED / path
    if not found.exists():
        raise SystemExit(f"{found} is missing; set RIDGE_SHARED to the directory with the shared data")
    return found
