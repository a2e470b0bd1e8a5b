"""The clock: what is signed, what expires and what is kept is dated by it."""

from __future__ import annotations

import ctypes
import itertools
import json
from collections.abc import Iterator
from typing import Final

from appliance.inspection.finding import Facts, Finding, failed, not_checked, ok, warning
from appliance.inspection.ground import Ground, ProgramMissingError

#: Less is a clock that is being set right; adjtime(3) slews by less than a millisecond a second.
JUMP_SECONDS: Final = 1.0
#: Entries of the system's journal that are compared; some hours of a quiet box.
JOURNAL_ENTRIES: Final = 5000
#: adjtimex(2), linux/timex.h: the clock is not synchronised
STA_UNSYNC: Final = 0x0040


class _Timex(ctypes.Structure):
    """The beginning of struct timex (adjtimex(2)); the rest is room for what the kernel writes."""

    _fields_ = (
        ("modes", ctypes.c_uint), ("offset", ctypes.c_long), ("freq", ctypes.c_long),
        ("maxerror", ctypes.c_long), ("esterror", ctypes.c_long), ("status", ctypes.c_int),
        ("rest", ctypes.c_byte * 256),
    )  # fmt: skip


def check(ground: Ground) -> Iterator[Finding]:
    """Whether it jumped, whether it went back behind what was signed, and whether anything sets it right."""
    yield _steady(ground)
    yield _synchronised(ground)


def _steady(ground: Ground) -> Finding:
    history = _journal_history(ground)
    signed = _last_signed(ground)
    now = ground.now()
    facts: Facts = {"journal_entries": len(history)}
    if signed is not None and signed > now + JUMP_SECONDS:
        facts["behind_seconds"] = round(signed - now, 1)
        return failed("clock.steady", "CLOCK_REALTIME", "clock_behind", facts, seconds=round(signed - now))
    jumps = [
        later - earlier
        for earlier, later in itertools.pairwise(history)
        if abs(later - earlier) > JUMP_SECONDS
    ]
    if jumps:
        facts |= {
            "jumps": len(jumps),
            "largest_jump_seconds": round(max(map(abs, jumps)), 1),
        }
        return warning("clock.steady", "CLOCK_REALTIME", "clock_jumped", facts, jumps=len(jumps))
    if len(history) < 2 and signed is None:
        return not_checked("clock.steady", "CLOCK_REALTIME", "clock_no_history", facts)
    return ok("clock.steady", "CLOCK_REALTIME", facts)


def _journal_history(ground: Ground) -> list[float]:
    """How far the wall clock was ahead of the monotonic one, in seconds, at each entry since the start."""
    if not ground.systemd:
        return []
    command = ["journalctl", "--boot", "--output=json", f"--lines={JOURNAL_ENTRIES}", "--no-pager", "--quiet",
               "--output-fields=_SOURCE_MONOTONIC_TIMESTAMP"]  # fmt: skip
    try:
        printed = ground.run(command, "").out
    except ProgramMissingError:
        return []
    ahead = []
    for line in printed.splitlines():
        try:
            entry = json.loads(line)
            ahead.append((int(entry["__REALTIME_TIMESTAMP"]) - int(entry["__MONOTONIC_TIMESTAMP"])) / 1e6)
        except (ValueError, KeyError, TypeError):
            continue
    return ahead


def _last_signed(ground: Ground) -> float | None:
    """The time of the ledger's last signature, in unix seconds."""
    from appliance.feed.ledger import HEAD_FILE
    from appliance.feed.ledger_records import head_of

    try:
        return head_of((ground.feed_directory / "ledger" / HEAD_FILE).read_bytes()).t / 1000
    except (OSError, ValueError):
        return None


def _synchronised(ground: Ground) -> Finding:
    """By the kernel's own word; where the sandbox keeps that from us, by what systemd says of it."""
    timex = _Timex()
    if ctypes.CDLL(None, use_errno=True).adjtimex(ctypes.byref(timex)) >= 0:
        facts: Facts = {"largest_error_ms": timex.maxerror // 1000}
        return _judged(not timex.status & STA_UNSYNC, "adjtimex", facts)
    try:
        shown = ground.run(["timedatectl", "show", "--property=NTPSynchronized", "--value"], "").out.strip()
    except ProgramMissingError as error:
        return not_checked("clock.synchronised", "timedatectl", "program_missing", program=error.program)
    if shown not in ("yes", "no"):
        return not_checked("clock.synchronised", "timedatectl", "program_failed", program="timedatectl")
    return _judged(shown == "yes", "timedatectl", {})


def _judged(synchronised: bool, subject: str, facts: Facts) -> Finding:
    if not synchronised:
        return warning("clock.synchronised", subject, "clock_unsynchronised", facts)
    return ok("clock.synchronised", subject, facts)
