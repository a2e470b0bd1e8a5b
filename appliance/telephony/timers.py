"""Timers of a core without a clock: callbacks by due time, run when the driver says what time it is."""

from __future__ import annotations

import heapq
from collections.abc import Callable
from itertools import count


class Timer:
    """A callback that waits; `cancel` keeps it from being run."""

    __slots__ = ("callback", "due")

    def __init__(self, due: float, callback: Callable[[float], None]) -> None:
        self.due = due
        self.callback: Callable[[float], None] | None = callback

    def cancel(self) -> None:
        """Forget the callback."""
        self.callback = None


class Timers:
    """All timers of one core, in the order in which they are due."""

    def __init__(self) -> None:
        self._heap: list[tuple[float, int, Timer]] = []
        self._count = count()

    def start(self, due: float, callback: Callable[[float], None]) -> Timer:
        """Run `callback(now)` once `due` is reached."""
        timer = Timer(due, callback)
        heapq.heappush(self._heap, (due, next(self._count), timer))
        return timer

    def next_due(self) -> float | None:
        """When the earliest timer is due, or None."""
        while self._heap and self._heap[0][2].callback is None:
            heapq.heappop(self._heap)
        return self._heap[0][0] if self._heap else None

    def run(self, now: float) -> None:
        """Run what is due; a callback may start and cancel timers."""
        while (due := self.next_due()) is not None and due <= now:
            timer = heapq.heappop(self._heap)[2]
            callback, timer.callback = timer.callback, None
            if callback is not None:
                callback(now)
