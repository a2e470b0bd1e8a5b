"""What the feed closes when the wall clock jumps: all that was decided by a time that was wrong.

Calls and leases go by no wall clock, and go on.
"""

from __future__ import annotations

from appliance.box.clock.boxclock import BoxClock
from appliance.box.journal import Journal
from appliance.box.journal_events import ClockJumped
from appliance.feed.codes import CodeBook
from appliance.feed.daycounts import DayCounts
from appliance.feed.egress import Egress
from appliance.feed.feed_events import CodesVoid


def close_after_jumps(
    clock: BoxClock, journal: Journal, *, egress: Egress, days: DayCounts, codes: CodeBook
) -> bool:
    """Look at the clock; where it jumped, tell and enter it, void open codes, and forget days that are not.

    Returns:
        Whether it jumped, so that keys that were replaced are to be held against the time as it is now.

    Raises:
        PrivateFileError: the open codes cannot be read or made void; all else is done.
    """
    jumps = clock.turn()
    for jump in jumps:
        journal.write(ClockJumped.of(jump))
        egress.clock_jumped(jump)
    if jumps:
        days.keep_until(clock.now())
    if any(jump.kind != "right" for jump in jumps) and (count := codes.void()):
        journal.write(CodesVoid(codes=count))
    return bool(jumps)
