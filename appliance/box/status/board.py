"""The last word of every process, as the console keeps it and other commands read it.

`status.json` in the runtime directory is one object, written anew every two seconds by the console (mode
0640, on a tmpfs):

    {"v": 1, "box": "ridge-branch-12", "written": 1764130000123,      # unix time in ms
     "refused": {"malformed": 0, "too_soon": 0, "another": 0, "implausible": 0},        # not taken
     "console": {…},                                                  # reports.py, Process
     "parts": [{"name": "capture" | "engine-0" … | "feed",
                "pid": 4711, "at": 1764130000001,                     # when its last report came
                "starts": 1,                                          # processes seen under this name
                "progress": 1764130000001,                            # when it last got on
                "report": {"role": "capture" | "engine" | "feed", …}}]}     # reports.py

A part that has said nothing for `SILENT_MS` is silent: it is stuck, or gone without a word. One whose
`report.process` has the state `failed` has told why in `fault`. A board that is older than `SILENT_MS` is
itself the last word of a console that has gone.
"""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Final

import msgspec
from msgspec import Meta

from appliance.box.group_file import write_group_file
from appliance.box.status.reports import Count, Process, Report, role_of

BOARD_FILE: Final = "status.json"
#: Three reports that did not come. A process that loads its models anew says nothing meanwhile, either.
SILENT_MS: Final = 7_000
#: The feed's report at its longest, sixteen engines and capture, as JSON.
MAX_BOARD_BYTES: Final = 4 * 1024 * 1024

UnixMilliseconds = Annotated[int, Meta(ge=0, le=2**53)]
PartName = Annotated[str, Meta(pattern=r"^(capture|feed|engine-[0-9]{1,2})(?!\n)$")]


class Part(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """One process: its last report, and when it came."""

    name: PartName
    #: as the kernel told with the datagram
    pid: int
    at: UnixMilliseconds
    #: processes that were seen under this name; one more with every new start
    starts: Count
    report: Report
    #: when it last got something done, or had nothing to do (unix time in ms)
    progress: UnixMilliseconds = 0

    def silent(self, wall: int) -> bool:
        """Whether nothing has come for too long; `wall` is unix time in ms."""
        return wall - self.at > SILENT_MS


class Refused(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Datagrams that were not taken."""

    #: not in the schema, or too long
    malformed: Count = 0
    #: sooner after the last one than a process may report
    too_soon: Count = 0
    #: from a second process that claims the name of one that lives
    another: Count = 0
    #: cannot be true after the report before: names that changed, counters that no box can count
    implausible: Count = 0


class Board(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What is known of all processes."""

    box: str
    written: UnixMilliseconds
    parts: tuple[Part, ...]
    refused: Refused
    v: int = 1
    #: what the console, which sends no report, says of itself
    console: Process | None = None

    def part(self, name: str) -> Part | None:
        """The part of this name, if it was ever heard of."""
        return next((part for part in self.parts if part.name == name), None)


def name_of(report: Report) -> str:
    """The name of the part that a report is of."""
    role = role_of(report)
    return f"engine-{report.shard}" if role == "engine" else role


def read_board(runtime_directory: Path) -> Board | None:
    """The board as the console last wrote it; None where there is none, or what is there is no board."""
    try:
        with (runtime_directory / BOARD_FILE).open("rb") as file:
            data = file.read(MAX_BOARD_BYTES + 1)
    except OSError:
        return None
    if len(data) > MAX_BOARD_BYTES:
        return None
    try:
        return msgspec.json.decode(data, type=Board)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return None


def write_board(runtime_directory: Path, board: Board) -> None:
    """Write the board, whole or not at all.

    Raises:
        OSError: it cannot be written.
    """
    write_group_file(runtime_directory / BOARD_FILE, msgspec.json.encode(board))
