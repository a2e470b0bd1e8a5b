"""Takes what the processes say of themselves, and judges which of it is to be believed. Pure."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Final

from appliance.box.status.board import Board, Part, Refused, name_of
from appliance.box.status.line import REPORT_SECONDS
from appliance.box.status.reports import Report, ReportError, State, decode
from appliance.console.plausible import SOONEST_SECONDS, plausible, plausible_start

#: A process that was silent so long may be followed by another of its name; its last word makes way at once.
SUCCESSION_SECONDS: Final = 3 * REPORT_SECONDS
_ORDER: Final[dict[State, int]] = {"running": 0, "stopping": 1, "failed": 2}


@dataclass(slots=True)
class _Heard:
    pid: int
    #: monotonic seconds, as all times here: a wall clock that jumps must not make a dead process look alive
    at: float
    report: Report
    starts: int = 1
    #: when it last got something done, or had nothing to do
    progress: float = 0.0


@dataclass(slots=True)
class Collector:
    """The last report of each process."""

    box: str
    _heard: dict[str, _Heard] = field(default_factory=dict)
    malformed: int = 0
    too_soon: int = 0
    another: int = 0
    implausible: int = 0

    def take(self, data: bytes, pid: int, now: float) -> bool:
        """Take one datagram.

        Args:
            data: the datagram.
            pid: its sender, as the kernel tells.
            now: monotonic seconds.

        Returns:
            Whether it counts.
        """
        try:
            report = decode(data)
        except ReportError:
            self.malformed += 1
            return False
        name = name_of(report)
        before = self._heard.get(name)
        if before is None:
            self._heard[name] = _Heard(pid, now, report, progress=now)
            return True
        if before.pid != pid:
            if before.report.process.state == "running" and now - before.at < SUCCESSION_SECONDS:
                self.another += 1
                return False
            if not plausible_start(report, now - before.at):
                self.implausible += 1
                return False
            self._heard[name] = _Heard(pid, now, report, before.starts + 1, now)
            return True
        was, is_now = _ORDER[before.report.process.state], _ORDER[report.process.state]
        if is_now < was or (is_now == was and now - before.at < SOONEST_SECONDS):
            # A process that has failed says so once; what it says while it tidies up changes nothing.
            self.too_soon += 1
            return False
        if not plausible(before.report, report, now - before.at):
            self.implausible += 1
            return False
        was_process, process = before.report.process, report.process
        if process.done > was_process.done or process.asked == was_process.asked:
            before.progress = now
        before.at, before.report = now, report
        return True

    def board(self, now: float, wall: int) -> Board:
        """All that is known at `now` (monotonic seconds), which is `wall` (unix ms)."""

        def dated(moment: float) -> int:
            return max(0, wall - round(1000 * (now - moment)))

        parts = (
            Part(name, heard.pid, dated(heard.at), heard.starts, heard.report, dated(heard.progress))
            for name, heard in sorted(self._heard.items())
        )
        refused = Refused(self.malformed, self.too_soon, self.another, self.implausible)
        return Board(box=self.box, written=wall, parts=tuple(parts), refused=refused)
