"""What the calls of a day came to, as counts: no call, no seat, no person, no time but the day."""

from __future__ import annotations

import time
from collections import deque
from pathlib import Path
from typing import Annotated, Final, Literal, TypeVar

import msgspec
from msgspec import Meta, Struct

from appliance.feed.counts_file import CountsFile
from appliance.protocol.messages import (
    CallMessage,
    CueMessage,
    DoorMessage,
    OpportunityMessage,
    ProfileMessage,
    forgets,
)
from appliance.protocol.vocabulary import CUE_CODES, OBJECTION_TYPES, OpportunityCode, Stage

DAYS_FILE: Final = "days.json"
#: A year and a month, so that a month can be held against the same one of the year before.
MAX_DAYS: Final = 400
#: What an engine tells again after a break is not counted again; more calls do not end meanwhile.
REMEMBERED: Final = 4096
#: Room for `MAX_DAYS` days, each with every code that there is and 999,999 of each.
FILE_BYTES: Final = 192 * 1024
DAY_MS: Final = 86_400_000

_PACING: Final = frozenset(code for code in CUE_CODES if code.startswith("pacing."))

Key = TypeVar("Key", bound=str)
_Count = Annotated[int, Meta(ge=0)]
_Day = Annotated[str, Meta(pattern=r"^[0-9]{4}-[0-9]{2}-[0-9]{2}(?!\n)$")]


class DayCount(Struct, forbid_unknown_fields=True):
    """One day."""

    #: calls that ended
    calls: _Count = 0
    #: stage of the relationship when they ended
    stages: dict[Stage, _Count] = msgspec.field(default_factory=dict)
    #: calls in which an objection of a type was raised
    objections: dict[str, _Count] = msgspec.field(default_factory=dict)
    #: pacing warnings
    pacing: dict[str, _Count] = msgspec.field(default_factory=dict)
    #: opportunities that were not followed up
    missed: dict[OpportunityCode, _Count] = msgspec.field(default_factory=dict)


class _DaysFile(Struct, forbid_unknown_fields=True):
    v: Literal[1]
    days: Annotated[dict[_Day, DayCount], Meta(max_length=MAX_DAYS)]


class DayCounts:
    """The counts by day, and their file in the feed's directory."""

    def __init__(self, directory: Path) -> None:
        self._file = CountsFile(directory / DAYS_FILE, _DaysFile, "Days are", FILE_BYTES)
        self._days: dict[str, DayCount] = {}
        self._seen: deque[tuple[str, ...]] = deque(maxlen=REMEMBERED)
        self._changed = False

    @property
    def days(self) -> dict[str, DayCount]:
        """By day (2026-03-01, the box's own calendar), the oldest first."""
        return dict(sorted(self._days.items()))

    def load(self) -> None:
        """Go on from the counts of the last run.

        Raises:
            PrivateFileError: the file cannot be read or is damaged; counting begins at zero.
        """
        last = self._file.load()
        if last is not None:
            self._days = dict(last.days)
        else:
            # The file is there, at its size, before the first call.
            self._changed = True

    def enter(self, message: DoorMessage, wall: int) -> None:
        """Count what a message from the door tells, each thing of a call once, for the day of `wall`.

        That is the feed's own time (unix ms): the day is not for an engine to choose.
        """
        if isinstance(message, CallMessage):
            if message.event == "ended" and self._first(message.call, "ended"):
                self._day(wall).calls += 1
        elif isinstance(message, ProfileMessage):
            # A call that was not analysed has no stage that it ended in.
            if message.final and not forgets(message) and self._first(message.call, "final"):
                day = self._day(wall)
                _add(day.stages, message.relationship.stage)
                for kind in {objection.type for objection in message.influence.objections}:
                    _add(day.objections, kind if kind in OBJECTION_TYPES else "other")
        elif isinstance(message, OpportunityMessage):
            if self._first(message.call, "missed", message.code, message.tag or ""):
                _add(self._day(wall).missed, message.code)
        elif isinstance(message, CueMessage) and message.kind == "pacing":
            code = message.code if message.code in _PACING else ".other"
            _add(self._day(wall).pacing, code.partition(".")[2])

    def keep_until(self, wall: int) -> None:
        """Forget the days that are `MAX_DAYS` before that of `wall` (unix ms), and those that are after it.

        A day that is not there yet was dated by a clock that was wrong.
        """
        oldest, newest = _name(wall - MAX_DAYS * DAY_MS), _name(wall)
        kept = {day: count for day, count in self._days.items() if oldest < day <= newest}
        self._changed |= len(kept) != len(self._days)
        self._days = kept

    def save(self) -> None:
        """Write what has changed.

        Raises:
            PrivateFileError: the file cannot be written.
        """
        if not self._changed:
            return
        self._file.save(_DaysFile(1, self._days))
        self._changed = False

    def _first(self, *what: str) -> bool:
        if what in self._seen:
            return False
        self._seen.append(what)
        return True

    def _day(self, wall: int) -> DayCount:
        self._changed = True
        name = _name(wall)
        if name not in self._days:
            self.keep_until(wall)
        return self._days.setdefault(name, DayCount())


def _name(wall: int) -> str:
    return time.strftime("%Y-%m-%d", time.localtime(wall / 1000))


def _add(counts: dict[Key, int], key: Key) -> None:
    counts[key] = counts.get(key, 0) + 1
