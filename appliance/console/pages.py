"""What each page shows, as plain values for its template."""

from __future__ import annotations

import re
import time
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import msgspec

from appliance.box.config import Config
from appliance.box.policies import ResolvedPolicy
from appliance.box.status.board import Board, Part
from appliance.box.status.line import installed_version
from appliance.box.status.reports import Confinement, EngineReport, FeedReport, LiveCall
from appliance.console.box_state import Counters, KnownModel
from appliance.console.health import Finding, expected_parts, worst
from appliance.console.words import Words

#: The menu, in its order.
MENU: Final = ("overview", "calls", "seats", "models", "updates", "privacy")
#: A seat's name as it may stand in an address; the same as in a report.
SEAT: Final = re.compile(r"[A-Za-z0-9_.-]{1,32}")
#: Fields of a report that are no counter of its own.
_NOT_COUNTERS: Final = frozenset({"process", "shard", "live", "models", "seats", "ledger", "clock"})


@dataclass(frozen=True, slots=True)
class Shown:
    """One part on the overview."""

    name: str
    label: str
    zone: str
    unit: str
    #: worst severity, or `ok`
    severity: str
    state: str
    part: Part | None
    numbers: list[tuple[str, str]]


def moment(milliseconds: int) -> str:
    """A time of the wall clock, in the box's time zone."""
    return time.strftime("%Y-%m-%d %H:%M:%S %z", time.localtime(milliseconds / 1000))


def label(name: str, words: Words) -> str:
    """What people call a part."""
    if name.startswith("engine-"):
        return words("engine", shard=name.removeprefix("engine-"))
    return words(name)


def unit(name: str) -> str:
    """The systemd unit of a part."""
    return f"ridge-{name.replace('engine-', 'engine@')}"


def told(findings: Iterable[Finding], words: Words) -> list[dict[str, Any]]:
    """Findings as sentences."""
    rows = []
    for finding in findings:
        what, then = words.finding(finding.code, unit=unit(finding.part), **finding.facts)
        rows.append(
            {
                "severity": finding.severity,
                "part": label(finding.part, words),
                "code": finding.code,
                "what": what,
                "next": then,
            }
        )
    return rows


def overview(board: Board, config: Config, findings: list[Finding], words: Words) -> dict[str, Any]:
    """Every part, and what is wrong."""
    bad = sum(finding.severity == "bad" for finding in findings)
    warned = sum(finding.severity == "warn" for finding in findings)
    return {
        "parts": [_shown(name, board, findings, words) for name in expected_parts(config)],
        "findings": told(findings, words),
        "verdict": "bad" if bad else "warn" if warned else "ok",
        "headline": words("is_wrong", count=bad)
        if bad
        else words("needs_look", count=warned)
        if warned
        else words("all_well"),
        "calls": feed.calls if (feed := _feed(board)) else 0,
    }


def _shown(name: str, board: Board, findings: list[Finding], words: Words) -> Shown:
    part = board.part(name)
    state = "absent"
    numbers: list[tuple[str, str]] = []
    if part is not None:
        state = "silent" if part.silent(board.written) else part.report.process.state
        if part.report.process.state == "failed":
            state = "failed"
        plain = msgspec.structs.asdict(part.report)
        numbers = [
            (words(f"n_{key}"), f"{value:,}")
            for key, value in plain.items()
            if key not in _NOT_COUNTERS and isinstance(value, int) and not isinstance(value, bool)
        ]
    return Shown(
        name,
        label(name, words),
        "black" if name == "feed" else "red",
        unit(name),
        worst(findings, name) or "ok",
        state,
        part,
        numbers,
    )


def calls(board: Board, config: Config, words: Words) -> dict[str, Any]:
    """The live calls as the feed told of them, the longest first."""
    feed = _feed(board)
    rows = [
        {
            "mark": call.mark,
            "seat": call.seat,
            "span": words.span(call.seconds),
            "analyses": [words(f"a_{analysis}") for analysis in call.analyses],
            "held": call.held,
            "heard": call.heard,
            "why": _why(call, config, words),
        }
        for call in (feed.live if feed else ())
    ]
    return {"feed": feed, "calls": rows, "more": max(0, feed.calls - len(rows)) if feed else 0}


def _why(call: LiveCall, config: Config, words: Words) -> str | None:
    """Why something of a call is off, with the policies that may have said so; None where nothing is.

    A call's queue is known to capture alone. What is off in the call and what the configuration says of each
    queue leave, as a rule, one of them.
    """
    if call.reason is None:
        return None
    names = [policy.name for policy in config.policies() if _may_hold(policy, call)]
    if call.reason in {"site", "announcement"} and names:
        return words(f"why_{call.reason}_of", names=" / ".join(names))
    return words(f"why_{call.reason}")


def _may_hold(policy: ResolvedPolicy, call: LiveCall) -> bool:
    """Whether a call of this policy would be as this one is."""
    if call.reason == "announcement":
        return policy.require_announcement
    if not call.heard:
        return not policy.analysis
    on = {
        "emotion": policy.emotion,
        "prosody": policy.voice,
        "quotes": policy.quotes,
        "memory": policy.memory,
    }
    return policy.analysis and {name for name, is_on in on.items() if is_on} == set(call.analyses)


def seats(board: Board) -> dict[str, Any]:
    """Who is enrolled and connected, as the feed last said."""
    report = _feed(board)
    if report is None:
        return {"feed": None, "seats": (), "more": 0}
    return {"feed": report, "seats": report.seats, "more": report.enrolled - len(report.seats)}


def is_enrolled(board: Board, seat: str) -> bool:
    """Whether the feed has told of this seat."""
    return any(one.id == seat for one in seats(board)["seats"])


def models(known: list[KnownModel], board: Board) -> dict[str, Any]:
    """Every model of the manifest; the names that processes told count only where the manifest has them."""
    used = {name for report in _engines(board) for name in (*report.models, report.recognizer)}
    rows = [
        {
            "name": model.entry.name,
            "kind": model.entry.kind,
            "purpose": model.entry.purpose,
            "licence": model.entry.licence,
            "research_only": model.entry.research_only,
            "state": model.state,
            "at": moment(model.at * 1000) if model.at else None,
            "used": model.entry.name in used,
            "files": len(model.entry.file),
            "megabytes": round(model.entry.size / 1_000_000, 1),
        }
        for model in known
    ]
    rows.sort(key=lambda row: (not row["used"], row["state"] == "missing", row["kind"], row["name"]))
    return {"models": rows}


def updates(board: Board, words: Words) -> dict[str, Any]:
    """Versions, and what the box supports."""
    own = installed_version()
    rows = [
        {
            "label": label(part.name, words),
            "version": part.report.process.version,
            "span": words.span(part.report.process.uptime),
        }
        for part in board.parts
    ]
    return {"own": own, "versions": rows, "mixed": any(row["version"] != own for row in rows)}


def privacy(
    board: Board, config: Config, report: Path | None, counters: Counters | None, words: Words
) -> dict[str, Any]:
    """The newest report, the ledger, the firewall, the sandboxes and the policies."""
    feed = _feed(board)
    return {
        "report": report.name if report else None,
        "report_at": moment(int(report.stat().st_mtime * 1000)) if report else None,
        "ledger": feed.ledger if feed else None,
        "counters": sorted(counters.counters.items()) if counters else [],
        "counters_at": moment(counters.at * 1000) if counters else None,
        "confinement": _confinements(board, words),
        "confinement_fields": [field.name for field in msgspec.structs.fields(Confinement)],
        "policies": config.policies(),
    }


def _confinements(board: Board, words: Words) -> list[tuple[str, Confinement]]:
    """What each process found of its sandbox, the console last."""
    found = [(label(part.name, words), part.report.process.confinement) for part in board.parts]
    if board.console is not None:
        found.append((words("own_process"), board.console.confinement))
    return [(name, measured) for name, measured in found if measured is not None]


def _engines(board: Board) -> list[EngineReport]:
    """The engines that speak; what a silent one said last is no news."""
    return [
        part.report
        for part in board.parts
        if isinstance(part.report, EngineReport) and not part.silent(board.written)
    ]


def _feed(board: Board) -> FeedReport | None:
    part = board.part("feed")
    if part is None or not isinstance(part.report, FeedReport) or part.silent(board.written):
        return None
    return part.report
