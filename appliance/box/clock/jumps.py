"""Whether the wall clock jumped, by comparison with CLOCK_BOOTTIME, which nobody can set; `read` has both."""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import Final

#: Less is a clock that is being set right a little; NTP steps from 128 ms on (RFC 5905, STEPT).
JUMP_SECONDS: Final = 1.0
#: How fast a clock may be slewed: chrony does 83 ms a second at most (maxslewrate), adjtime(3) half a one.
SLEW: Final = 0.1
#: Both clocks are read one after the other; a pause between them would look like a jump.
READ_SECONDS: Final = 0.01
_READ_TRIES: Final = 8


@dataclass(frozen=True, slots=True)
class Moment:
    """Both clocks at one time, in seconds."""

    #: CLOCK_BOOTTIME: since the machine started, with the time that it was suspended
    boot: float
    #: CLOCK_REALTIME: unix time
    wall: float


def read() -> Moment:
    """Both clocks now."""
    for _ in range(_READ_TRIES):
        before = time.clock_gettime(time.CLOCK_BOOTTIME)
        wall = time.time()
        after = time.clock_gettime(time.CLOCK_BOOTTIME)
        if after - before <= READ_SECONDS:
            break
    return Moment(after, wall)


class JumpWatch:
    """Tells a jump from a clock that is slewed, and from a machine that was suspended.

    Many small steps are a jump, too: what the wall clock gains or loses is added up, and only as much of it
    is forgiven as a clock can be slewed in the time.
    """

    def __init__(self, now: Moment) -> None:
        self._at = now
        self._strain = 0.0
        #: what the wall clock gained against the other one between the last two looks, in seconds
        self.gained = 0.0
        self.jumps = 0
        #: the last jump in ms; positive is forward
        self.last_ms = 0

    def look(self, now: Moment) -> float:
        """Compare the clocks; the jump since the last look in seconds, positive forward; 0.0: none."""
        elapsed = now.boot - self._at.boot
        self.gained = now.wall - self._at.wall - elapsed
        self._at = now
        self._strain += self.gained
        forgiven = SLEW * max(0.0, elapsed)
        if abs(self._strain) - forgiven < JUMP_SECONDS:
            self._strain = max(0.0, self._strain - forgiven) + min(0.0, self._strain + forgiven)
            return 0.0
        jump, self._strain = self._strain, 0.0
        self.jumps += 1
        self.last_ms = round(jump * 1000)
        return jump
