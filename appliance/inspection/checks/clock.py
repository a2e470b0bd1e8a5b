"""The clock: what is signed, what expires and what is kept is dated by it."""

from __future__ import annotations

import ctypes
import itertools
import json
import time
from collections.abc import Iterator
from typing import Final

from appliance.box.clock.jumps import JUMP_SECONDS
from appliance.box.clock.latest import ClockRecord, Jump, read_latest
from appliance.inspection.finding import Facts, Finding, failed, not_checked, ok, warning
from appliance.inspection.ground import Ground, ProgramMissingError

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
    record = read_latest(ground.feed_directory)
    seen = _latest(ground, record)
    now = ground.now()
    history = _journal_history(ground, record.confirmed / 1000 if record is not None else 0.0)
    facts: Facts = {"journal_entries": len(history)}
    if record is not None and record.confirmed:
        facts["confirmed"] = _time(record.confirmed)
    if seen is not None and seen > now + JUMP_SECONDS:
        facts["behind_seconds"] = round(seen - now, 1)
        return failed("clock.steady", "CLOCK_REALTIME", "clock_behind", facts, seconds=round(seen - now))
    if record is not None and record.jump is not None:
        jump: Jump = record.jump
        facts |= {"jump_was": _time(jump.was), "jump_now": _time(jump.now)}
        return warning(
            "clock.steady", "CLOCK_REALTIME", "clock_unconfirmed", facts,
            was=facts["jump_was"], now=facts["jump_now"],
        )  # fmt: skip
    slept = _suspended()
    jumps = [
        later - earlier
        for earlier, later in itertools.pairwise(history)
        # The journal's other clock stands still while the machine sleeps; this one does not.
        if not -JUMP_SECONDS <= later - earlier <= JUMP_SECONDS + slept
    ]
    if jumps:
        facts |= {
            "jumps": len(jumps),
            "largest_jump_seconds": round(max(map(abs, jumps)), 1),
        }
        return warning("clock.steady", "CLOCK_REALTIME", "clock_jumped", facts, jumps=len(jumps))
    if len(history) < 2 and seen is None:
        return not_checked("clock.steady", "CLOCK_REALTIME", "clock_no_history", facts)
    return ok("clock.steady", "CLOCK_REALTIME", facts)


def _journal_history(ground: Ground, since: float) -> list[float]:
    """How far the wall clock was ahead of the monotonic one, in seconds, at each entry since the start.

    Only of entries after `since` (unix time): an admin has said then that the clock was right.
    """
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
            wall, monotonic = (int(entry[name]) for name in ("__REALTIME_TIMESTAMP", "__MONOTONIC_TIMESTAMP"))
            if wall / 1e6 >= since:
                ahead.append((wall - monotonic) / 1e6)
        except (ValueError, KeyError, TypeError):
            continue
    return ahead


def _latest(ground: Ground, record: ClockRecord | None) -> float | None:
    """The latest time that the feed has seen or signed, in unix seconds; None where it has seen none."""
    from appliance.feed.ledger import last_signed

    if record is not None and not record.taken:
        # Confirmed while no feed ran: what it signed before counts no more.
        return record.latest / 1000
    seen = max(last_signed(ground.feed_directory / "ledger"), record.latest if record is not None else 0)
    return seen / 1000 if seen else None


def _suspended() -> float:
    """How long this machine has been suspended since its start, in seconds."""
    return max(0.0, time.clock_gettime(time.CLOCK_BOOTTIME) - time.clock_gettime(time.CLOCK_MONOTONIC))


def _time(milliseconds: int) -> str:
    return time.strftime("%Y-%m-%d %H:%M:%S", time.localtime(milliseconds / 1000))


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
