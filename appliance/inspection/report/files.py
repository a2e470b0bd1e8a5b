"""The report's files: written whole or not at all, for the group to read and nobody else."""

from __future__ import annotations

import contextlib
import os
from pathlib import Path
from typing import Final

from appliance.box.whole_file import writing_whole

#: below the state directory
DIRECTORY: Final = "reports"
MODE: Final = 0o640
#: Reports that a box keeps by itself; a year of daily ones. Whoever signs one files it elsewhere.
MOST_KEPT: Final = 366


class ReportError(Exception):
    """A report cannot be written; the text says what to do next."""


def report_name(at: str) -> str:
    """The name of a report's files without ending, such as `ridge-privacy-20261126T041531Z`."""
    return "ridge-privacy-" + at.replace("-", "").replace(":", "")


def write_whole(path: Path, data: bytes) -> None:
    """Write a file of mode 0640 with the group of its directory, so that a reader sees all of it or nothing.

    Raises:
        ReportError: it cannot be written.
    """
    try:
        with writing_whole(path) as file:
            group = path.parent.stat().st_gid
            # A directory with the set-group-ID bit has given its group already, and the unit's filter of
            # system calls lets no owner be changed.
            if os.geteuid() == 0 and os.fstat(file.fileno()).st_gid != group:
                os.fchown(file.fileno(), -1, group)
            file.write(data)
            os.fchmod(file.fileno(), MODE)
    except OSError as error:
        raise ReportError(
            f"{path}: cannot be written: {error.strerror}; name another directory, or make room"
        ) from error


def make_directory(path: Path) -> None:
    """Make the directory of reports where there is none.

    Raises:
        ReportError: it cannot be made.
    """
    try:
        path.mkdir(mode=0o750, parents=True, exist_ok=True)
    except OSError as error:
        raise ReportError(
            f"{path}: cannot be made: {error.strerror}; name a directory of yours with --output"
        ) from error


def newest(directory: Path, ending: str) -> Path | None:
    """The newest report of an ending such as `.html`, by its name; None where there is none."""
    try:
        return max(directory.glob(f"ridge-privacy-*{ending}"), default=None)
    except OSError:
        return None


def clear_old(directory: Path) -> int:
    """Remove what is more than `MOST_KEPT` reports; how many files were removed."""
    stems = sorted({path.name.split(".")[0] for path in directory.glob("ridge-privacy-*")})
    removed = 0
    for stem in stems[:-MOST_KEPT]:
        for path in directory.glob(f"{stem}.*"):
            with contextlib.suppress(OSError):
                path.unlink()
                removed += 1
    return removed
