"""Whether the wall clock jumped: what is signed, what expires and what is kept is dated by it."""

from __future__ import annotations

from typing import Final

#: Less is a clock that is being set right; adjtime(3) slews by less than a millisecond a second.
JUMP_SECONDS: Final = 1.0


class ClockWatch:
    """Compares the wall clock with the monotonic one. Pure."""

    def __init__(self, monotonic: float, wall: float) -> None:
        self._ahead = wall - monotonic
        self.jumps = 0
        #: the last jump in ms; positive is forward
        self.last_ms = 0

    def look(self, monotonic: float, wall: float) -> bool:
        """Compare both clocks now, in seconds; true where the wall clock has jumped since the last look."""
        ahead = wall - monotonic
        jump, self._ahead = ahead - self._ahead, ahead
        if abs(jump) < JUMP_SECONDS:
            return False
        self.jumps += 1
        self.last_ms = round(jump * 1000)
        return True
