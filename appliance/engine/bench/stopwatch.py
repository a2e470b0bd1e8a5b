"""Processor time by stage, where one stage calls another: each second counts for the innermost."""

from __future__ import annotations

import time
from collections.abc import Callable
from functools import wraps
from inspect import isfunction
from typing import Any, TypeVar

_Class = TypeVar("_Class", bound=type)


class Stopwatch:
    """Counts seconds of the process's own time, so that other work on the machine does not count."""

    def __init__(self, clock: Callable[[], float] = time.process_time) -> None:
        self._clock = clock
        self._running: list[str] = []
        self._last = 0.0
        self.seconds: dict[str, float] = {}

    def begin(self, stage: str) -> None:
        """From here on time counts for this stage."""
        now = self._clock()
        self._count(now)
        self._running.append(stage)
        self._last = now

    def end(self) -> None:
        """The stage that began last is over; the one around it goes on."""
        now = self._clock()
        self._count(now)
        self._running.pop()
        self._last = now

    def clear(self) -> None:
        """Forget what was counted."""
        self.seconds.clear()

    def timed(self, stage: str, function: Callable[..., Any]) -> Callable[..., Any]:
        """The function, whose time counts for a stage."""

        @wraps(function)
        def counted(*arguments: Any, **named: Any) -> Any:
            self.begin(stage)
            try:
                return function(*arguments, **named)
            finally:
                self.end()

        return counted

    def timed_class(self, stage: str, base: _Class) -> _Class:
        """A subclass whose public methods count for a stage."""
        methods = {
            name: self.timed(stage, value)
            for name, value in vars(base).items()
            if isfunction(value) and not name.startswith("_")
        }
        return type(base.__name__, (base,), methods)  # type: ignore[return-value]

    def _count(self, now: float) -> None:
        if self._running:
            stage = self._running[-1]
            self.seconds[stage] = self.seconds.get(stage, 0.0) + now - self._last
