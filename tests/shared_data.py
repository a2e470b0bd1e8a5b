"""The shared data that tests read: beside the checkout, or where RIDGE_SHARED says."""

from __future__ import annotations

import os
from pathlib import Path

_SHARED = Path(os.environ.get("RIDGE_SHARED", Path(__file__).resolve().parents[2] / "shared"))


def shared_data(place: str) -> Path:
    """A file or folder below `data`; its absence is a failure with a next step, never a silent skip."""
    path = _SHARED / "data" / place
    assert path.exists(), f"{path} is missing: set RIDGE_SHARED to the directory with the shared data"
    return path
