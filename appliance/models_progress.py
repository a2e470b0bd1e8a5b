"""Shows how a download comes on: a bar on a terminal, a line now and then elsewhere."""

from __future__ import annotations

import sys
from types import TracebackType
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from rich.progress import Progress

#: Without a terminal, a line is written each tenth of the whole, or where that is unknown each so many bytes.
_STEP_BYTES = 10_000_000


class Arrival:
    """Writes to standard error, so that standard output holds the result alone; use it as a context."""

    def __init__(self) -> None:
        """Draws nothing before the first call."""
        self._bar: Progress | None = None
        self._said = -1

    def __enter__(self) -> Arrival:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._end_bar()
        if isinstance(error, KeyboardInterrupt):
            print(
                "interrupted: nothing was installed; what has arrived is kept, and the same command goes on "
                "there",
                file=sys.stderr,
            )

    def stage(self, text: str) -> None:
        """A new part of the work begins."""
        self._end_bar()
        print(text, file=sys.stderr, flush=True)

    def progress(self, arrived: int, total: int | None) -> None:
        """So many bytes of so many are there."""
        if sys.stderr.isatty():
            self._draw(arrived, total)
            return
        step = total // 10 + 1 if total else _STEP_BYTES
        if arrived // step != self._said or arrived == total:
            self._said = arrived // step
            whole = f" of {total / 1e6:.1f} MB ({arrived * 100 // total} %)" if total else " MB"
            print(f"  {arrived / 1e6:.1f}{whole}", file=sys.stderr, flush=True)

    def _draw(self, arrived: int, total: int | None) -> None:
        from rich.console import Console  # noqa: PLC0415
        from rich.progress import (  # noqa: PLC0415
            BarColumn,
            DownloadColumn,
            Progress,
            TimeRemainingColumn,
            TransferSpeedColumn,
        )

        if self._bar is None:
            columns = (BarColumn(), DownloadColumn(), TransferSpeedColumn(), TimeRemainingColumn())
            self._bar = Progress(*columns, console=Console(stderr=True))
            self._bar.add_task("fetching", total=total)
            self._bar.start()
        task = self._bar.task_ids[0]
        self._bar.update(task, completed=arrived, total=total)

    def _end_bar(self) -> None:
        if self._bar is not None:
            self._bar.stop()
            self._bar = None
