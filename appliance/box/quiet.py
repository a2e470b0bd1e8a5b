"""Keeps everything but the journal from saying what calls are about.

An exception's text, a library's log line, a C library's complaint: any of them may quote what was said in a
call or who called. While a process is `guarded`, none of them reaches standard error; the journal tells the
type of an error and its place, and how much else was held back.
"""

from __future__ import annotations

import contextlib
import logging
import os
import sys
import threading
import time
import warnings
from collections.abc import Iterator
from types import TracebackType
from typing import Any, Final, TextIO, get_args

from appliance.box.journal import Event, Journal
from appliance.box.journal_events import Level, Library, LibraryLogged, OutputHeldBack, ProcessFailed
from appliance.box.journal_values import ErrorType, Place

#: What libraries log is told in sums at this interval, so that a flood does not fill the disk.
TELL_SECONDS: Final = 60.0
#: Exit status of a process that an unforeseen error ended (sysexits.h, EX_SOFTWARE).
EX_SOFTWARE: Final = 70
_LIBRARIES: Final[dict[str, Library]] = {name: name for name in get_args(Library)}
_LEVELS: Final[dict[int, Level]] = {
    logging.DEBUG: "debug", logging.INFO: "info", logging.WARNING: "warning",
    logging.ERROR: "error", logging.CRITICAL: "critical",
}  # fmt: skip


class CountingHandler(logging.Handler):
    """Counts what is logged, by library and level; looks at no message, argument or traceback."""

    def __init__(self, journal: Journal) -> None:
        super().__init__(logging.WARNING)
        self._journal = journal
        self._counts: dict[tuple[Library, Level], int] = {}
        self._told: dict[tuple[Library, Level], float] = {}

    def emit(self, record: logging.LogRecord) -> None:
        """Count one record, and tell of it unless its like was told a moment ago."""
        name = record.name.partition(".")[0]
        library = _LIBRARIES.get(name, "other")
        level = _LEVELS.get(record.levelno // 10 * 10, "error")
        key = (library, level)
        self._counts[key] = self._counts.get(key, 0) + 1
        now = time.monotonic()
        if now - self._told.get(key, -TELL_SECONDS) < TELL_SECONDS:
            return
        self._told[key] = now
        error = record.exc_info[0] if isinstance(record.exc_info, tuple) else None
        self._journal.write(
            LibraryLogged(
                library=library,
                level=level,
                lines=self._counts.pop(key),
                error=ErrorType(error) if error is not None else None,
            )
        )


@contextlib.contextmanager
def guarded(
    journal: Journal, *, expected: tuple[type[Exception], ...] = (), hold_back: bool = False
) -> Iterator[None]:
    """Guard this process while the block runs.

    Args:
        journal: told of what happens, by type and place.
        expected: errors whose texts were written for the admin before any call; they pass.
        hold_back: whether also what other code writes to the descriptor of standard error is held back.

    Raises:
        SystemExit: an error that is not expected ended the block.
    """
    with contextlib.ExitStack() as stack:
        stack.enter_context(_quiet_logging(journal))
        stack.enter_context(_quiet_hooks(journal))
        if hold_back:
            stack.enter_context(_held_back(journal))
        try:
            yield
        except expected:
            raise
        except Exception as error:
            journal.write(failure(error))
            raise SystemExit(EX_SOFTWARE) from None


def failure(error: BaseException) -> Event:
    """The event of an error that nothing was prepared for."""
    return ProcessFailed(error=ErrorType(error), place=Place(error))


@contextlib.contextmanager
def _quiet_logging(journal: Journal) -> Iterator[None]:
    root, handler = logging.getLogger(), CountingHandler(journal)
    before, propagating = list(root.handlers), logging.lastResort
    root.handlers[:] = [handler]
    # Without a handler of its own a library must not fall back to standard error.
    logging.lastResort, raising = None, logging.raiseExceptions
    logging.raiseExceptions = False
    shown = warnings.showwarning
    warnings.showwarning = lambda *_arguments, **_more: logging.getLogger("py").warning("")
    try:
        yield
    finally:
        root.handlers[:] = before
        logging.lastResort, logging.raiseExceptions = propagating, raising
        warnings.showwarning = shown


@contextlib.contextmanager
def _quiet_hooks(journal: Journal) -> Iterator[None]:
    """An error that ends a thread, or comes where nobody can catch it, is told by type and place."""
    hooks = sys.excepthook, threading.excepthook, sys.unraisablehook

    def excepthook(_kind: type[BaseException], error: BaseException, _trace: TracebackType | None) -> None:
        journal.write(failure(error))

    def lost(found: Any) -> None:
        # Both kinds of arguments have it; an error that was never made has none.
        if found.exc_value is not None:
            journal.write(failure(found.exc_value))

    sys.excepthook, threading.excepthook, sys.unraisablehook = excepthook, lost, lost
    try:
        yield
    finally:
        sys.excepthook, threading.excepthook, sys.unraisablehook = hooks


@contextlib.contextmanager
def _held_back(journal: Journal) -> Iterator[None]:
    """Let nothing but the journal's lines pass standard error's descriptor; count the rest."""
    sys.stderr.flush()
    kept = os.dup(2)
    reading, writing = os.pipe()
    # A library that complains while it holds Python's lock must not wait for the reader, who needs that lock.
    os.set_blocking(writing, False)
    os.dup2(writing, 2)
    os.close(writing)
    Journal.out = out = os.fdopen(kept, "w", encoding="ascii", closefd=False)
    reader = threading.Thread(target=_count, args=(reading, journal), daemon=True)
    reader.start()
    try:
        yield
    finally:
        with contextlib.suppress(OSError, ValueError):
            sys.stderr.flush()
        # The pipe's last writer goes with this, and the reader ends.
        os.dup2(kept, 2)
        reader.join(1.0)
        Journal.out = None
        _close(out)
        os.close(kept)


def _count(reading: int, journal: Journal) -> None:
    held, told = 0, -TELL_SECONDS
    with os.fdopen(reading, "rb", buffering=0) as pipe:
        while data := pipe.read(65_536):
            held += len(data)
            if time.monotonic() - told >= TELL_SECONDS:
                told = time.monotonic()
                journal.write(OutputHeldBack(bytes=held))
                held = 0
    if held:
        journal.write(OutputHeldBack(bytes=held))


def _close(out: TextIO) -> None:
    with contextlib.suppress(OSError, ValueError):
        out.close()
