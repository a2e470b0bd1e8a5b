"""What the processes say of themselves, as the console keeps it (`status.json`)."""

from __future__ import annotations

import time
from collections.abc import Iterator

from appliance.box.status.board import SILENT_MS, Board, Part, read_board
from appliance.box.status.reports import FeedReport
from appliance.inspection.checks.parts import expected_parts
from appliance.inspection.finding import Facts, Finding, failed, not_checked, ok, warning
from appliance.inspection.ground import Ground


def check(ground: Ground) -> Iterator[Finding]:
    """Judge the last word of each process that the configuration asks for."""
    board = read_board(ground.config.box.runtime_directory)
    now = int(ground.now() * 1000)
    if board is None or not -1000 <= now - board.written <= SILENT_MS:
        yield not_checked("status.progress", "console", "no_console")
        return
    for part in expected_parts(ground):
        if part.command == "console":
            continue  # it keeps the board
        told = board.part(part.name)
        if told is None:
            yield failed("status.progress", part.name, "part_unheard", unit=part.unit)
        else:
            yield _progress(board, told, part.unit)
            if isinstance(told.report, FeedReport):
                yield _clock(told.report)
                yield _ledger(told.report)


def _progress(board: Board, told: Part, unit: str) -> Finding:
    process = told.report.process
    facts: Facts = {
        "version": process.version, "uptime_seconds": process.uptime, "starts": told.starts,
        "asked": process.asked, "done": process.done, "watchdog": process.watchdog,
    }  # fmt: skip
    if told.silent(board.written):
        seconds = (board.written - told.at) // 1000
        return failed("status.progress", told.name, "part_silent", facts, seconds=seconds, unit=unit)
    if process.state == "failed":
        return failed(
            "status.progress", told.name, "part_failed", facts, fault=process.fault or "unforeseen", unit=unit
        )
    if told.starts > 1:
        return warning(
            "status.progress", told.name, "unit_restarted", facts, unit=unit, restarts=told.starts - 1
        )
    return ok("status.progress", told.name, facts)


def _clock(report: FeedReport) -> Finding:
    """The feed judges the clock for all: it remembers what was before its start."""
    process, clock = report.process, report.clock
    facts: Facts = {"jumps": process.clock_jumps, "last_jump_ms": process.last_jump_ms}
    if clock is None or clock.state in {"ok", "first"}:
        return ok("clock.steady", "feed", facts)
    facts |= {"jump_was": _time(clock.was), "jump_now": _time(clock.now)}
    if clock.state == "behind":
        return failed("clock.steady", "feed", "clock_behind", facts, seconds=clock.behind_seconds)
    was, now = facts["jump_was"], facts["jump_now"]
    return warning("clock.steady", "feed", "clock_unconfirmed", facts, was=was, now=now)


def _time(milliseconds: int) -> str:
    return time.strftime("%Y-%m-%d %H:%M:%S", time.localtime(milliseconds / 1000))


def _ledger(report: FeedReport) -> Finding:
    facts: Facts = {
        "sent": report.sent, "sent_bytes": report.sent_bytes, "withheld": report.withheld,
        "over_budget": report.over_budget, "undecodable": report.undecodable,
        "keys_refused": report.keys_refused,
    }  # fmt: skip
    ledger = report.ledger
    if ledger is not None and ledger.state == "failed":
        return failed("status.egress", "feed", "ledger_failing", facts, code=ledger.reason or "EIO")
    return ok("status.egress", "feed", facts)
