"""What a zone goes by instead of the wall clock: a time that never goes back, deadlines that nobody prolongs.

While the wall clock shows what it should, this is the wall clock. When it was set back, time goes on from the
latest that was seen, by CLOCK_BOOTTIME; the clock is then `behind` until it shows as much again, or until an
admin confirms it. A minute a day is forgiven: then this time stands still until the clock has caught up with
it. When the clock was set forward, so is this time: what would have expired by then has.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Final

from appliance.box.clock.jumps import JUMP_SECONDS, JumpWatch, Moment, read
from appliance.box.clock.latest import ClockRecord, Jump, JumpKind, LatestFile
from appliance.box.status.reports import Clock
from appliance.protocol.bucket import LeakyBucket

#: How often the latest time is kept; a power cut and a clock set back by less than this go unnoticed.
STORE_SECONDS: Final = 10.0
#: A box without a battery for its clock learns the time from the network soon after its start.
FIRST_SECONDS: Final = 3600.0
#: What a time service may correct in a day without anybody's word; deadlines are prolonged by no more.
FORGIVEN_MS: Final = 60_000.0
_DAY_SECONDS: Final = 86_400.0
#: Later than any deadline: what ends at a time has ended.
FOREVER: Final = 2**53


class BoxClock:
    """One process's clock. Times are unix ms, unless they say otherwise."""

    def __init__(self, path: Path | None = None, seen: int = 0, moment: Callable[[], Moment] = read) -> None:
        """Go on from the latest time in the file at `path`, or from `seen` where that is later."""
        self._moment = moment
        at = moment()
        self._watch = JumpWatch(at)
        self._file = LatestFile(path) if path is not None else None
        record = self._file.load() if self._file is not None else None
        self._unconfirmed = record.jump if record is not None else None
        self._confirmed = record.confirmed if record is not None else 0
        self._first: Jump | None = None
        latest = max(seen, record.latest if record is not None else 0)
        wall = round(at.wall * 1000)
        self._news: list[Jump] = []
        if record is not None and not record.taken:
            # Said while nobody ran: what was seen before it counts no more.
            self._tell("confirmed", latest, wall)
            latest = record.latest
        #: how far the wall clock is behind the latest time, in ms
        self._offset = max(0.0, float(latest - wall))
        self._last = latest
        if self._offset < JUMP_SECONDS * 1000:
            self._offset = 0.0
            if self._unconfirmed is not None and self._unconfirmed.kind in {"back", "behind"}:
                self._tell("right", latest, wall)
        else:
            self._tell("behind", latest, wall)
        self._forgiven = LeakyBucket(FORGIVEN_MS / _DAY_SECONDS, FORGIVEN_MS)
        self._looked = at.boot
        self._next_store = at.boot
        self._store(at)

    @property
    def behind(self) -> bool:
        """Whether the wall clock shows less than was seen before: how much time has passed is not known."""
        return self._offset > 0

    def now(self) -> int:
        """The time, which never goes back unless an admin confirms an earlier one."""
        self._last = max(self._last, round(self._moment().wall * 1000 + self._offset))
        return self._last

    def deadline(self) -> int:
        """What deadlines are held against: the time, and while the clock is behind, one after all of them."""
        return FOREVER if self.behind else self.now()

    def turn(self) -> list[Jump]:
        """Look at the clock; what happened to it since the last time. To be called every second or so."""
        if self._file is not None and self._file.replaced():
            self._take_confirmation(self._file)
        at = self._moment()
        jump = self._watch.look(at)
        wall, before = round(at.wall * 1000), self._offset
        if before > 0:
            # Whatever is gained, in a step or slowly, is less to be behind.
            self._offset = before - self._watch.gained * 1000 - self._stood_still(at, before)
            if self._offset < JUMP_SECONDS * 1000:
                self._offset = 0.0
                self._tell("right", round(wall + before - self._watch.gained * 1000), wall)
            jump = 0.0 if jump > 0 and self._watch.gained * 1000 < before + JUMP_SECONDS * 1000 else jump
        if jump < 0:
            if before == 0:
                self._offset = -jump * 1000
            self._tell("back", round(wall + self._offset), wall)
        elif jump > 0:
            first = self._watch.jumps == 1 and at.boot < FIRST_SECONDS
            self._tell("first" if first else "forward", round(wall - jump * 1000 + before), wall)
        self._looked = at.boot
        if at.boot >= self._next_store or self._news:
            self._store(at)
        news, self._news = self._news, []
        return news

    def _stood_still(self, at: Moment, behind: float) -> float:
        """How many ms the time stands still for a clock that is behind by so many, where that is forgiven."""
        if self._forgiven.level(at.boot) + behind > FORGIVEN_MS:
            return 0.0
        passed = min(behind, max(0.0, at.boot - self._looked) * 1000)
        return passed if self._forgiven.pour(passed, at.boot) else 0.0

    def told(self) -> Clock:
        """The clock as the console shows it."""
        jump = self._unconfirmed or self._first
        if jump is None:
            return Clock()
        if self.behind:
            return Clock("behind", jump.was, jump.now, round(self._offset / 1000))
        return Clock("first" if jump is self._first else "jumped", jump.was, jump.now)

    def close(self) -> None:
        """Keep the latest time."""
        self._store(self._moment())
        if self._file is not None:
            self._file.close()

    def _tell(self, kind: JumpKind, was: int, now: int) -> None:
        jump = Jump(kind, max(0, was), max(0, now))
        self._news.append(jump)
        if kind == "first":
            self._first = jump
        elif kind == "right":
            # What a clock that was set forward has dated is for a person to judge; this one is set right.
            if self._unconfirmed is not None and self._unconfirmed.kind != "forward":
                self._unconfirmed = None
        elif kind == "confirmed":
            self._unconfirmed = self._first = None
        else:
            self._unconfirmed = jump

    def _take_confirmation(self, file: LatestFile) -> None:
        record = file.load()
        if record is None or not record.confirmed or record.confirmed == self._confirmed:
            return
        at = self._moment()
        # It was said of the time that the clock showed then; a jump since is seen as any other.
        self._confirmed = record.confirmed
        was, self._offset, self._last = self.now(), 0.0, 0
        self._tell("confirmed", was, round(at.wall * 1000))

    def _store(self, at: Moment) -> None:
        self._next_store = at.boot + STORE_SECONDS
        if self._file is not None:
            self._file.store(ClockRecord(1, self.now(), self._unconfirmed, self._confirmed))
