"""The pool of RTP ports: even ones (RFC 3550 section 11), and none is used again before it has rested."""

from __future__ import annotations

from collections import deque


class PortPool:
    """Hands out even ports; the one that has rested longest comes first."""

    def __init__(self, low: int, high: int, cooldown: float) -> None:
        """Pool the even ports from `low` to `high`, inclusive; a released one rests `cooldown` seconds."""
        first = low + low % 2
        self._free: deque[tuple[int, float]] = deque(
            (port, float("-inf")) for port in range(first, high + 1, 2)
        )
        self._used: set[int] = set()
        self._cooldown = cooldown

    @property
    def in_use(self) -> int:
        """How many ports are handed out."""
        return len(self._used)

    def acquire(self, now: float) -> int | None:
        """A port, or None where all are in use or still rest."""
        if not self._free or self._free[0][1] > now:
            return None
        port, _ = self._free.popleft()
        self._used.add(port)
        return port

    def release(self, port: int, now: float) -> None:
        """Give a port back; it rests from `now` on. A port that is not in use is ignored."""
        if port in self._used:
            self._used.remove(port)
            self._free.append((port, now + self._cooldown))
