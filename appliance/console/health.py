"""What is wrong with the box, judged from what its processes say: codes and numbers, the worst first. Pure.

The sentences for the codes, with the next step for each, stand in `words/`.
"""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Final, Literal

from appliance.box.config import Config
from appliance.box.status.board import Board, Part
from appliance.box.status.reports import CaptureReport, Clock, Confinement, EngineReport, FeedReport

Severity = Literal["bad", "warn", "note"]
SEVERITIES: Final[tuple[Severity, ...]] = ("bad", "warn", "note")

#: Loading and verifying the models takes so long on a small box; until then a part may be on its way.
STARTING_MS: Final = 60_000
#: Half of the watchdog's time, which then ends the process.
STALLED_MS: Final = 15_000
#: Less is what a healthy network loses now and then.
LOSS: Final = 0.01
#: Below so many packets a share says nothing.
ENOUGH_PACKETS: Final = 500
#: Waiting messages beyond which an engine does not reach the feed.
WAITING: Final = 100
#: Of siprec.max_calls.
NEARLY_FULL: Final = 0.9
CERTIFICATE_DAYS: Final = 30


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that is not as it should be."""

    code: str
    severity: Severity
    #: such as `engine-0`; `console` for what concerns the box as a whole
    part: str
    facts: Mapping[str, int | float | str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Circumstances:
    """What the console knows beside the reports."""

    #: how long the console has listened, in ms
    listening_ms: int
    certificate_days: int
    #: status.json could not be written so often
    unwritten: int = 0
    #: whether the firewall's table was there when its counters were last written; None where nobody has said
    rules_loaded: bool | None = None
    #: names of the manifest's models that are for research only
    research_only: frozenset[str] = frozenset()
    #: the certificate begins later than now
    certificate_early: bool = False
    #: the wall clock, as the console saw it since its start
    clock: Clock = field(default_factory=Clock)


def expected_parts(config: Config) -> tuple[str, ...]:
    """The processes that this configuration asks for, in the order of a call's way."""
    capture = ("capture",) if config.siprec.enabled else ()
    return (*capture, *(f"engine-{shard}" for shard in range(config.engine.processes)), "feed")


def judge(board: Board, config: Config, around: Circumstances) -> list[Finding]:
    """Everything that is worth an admin's look, the worst first."""
    found: list[Finding] = []
    for name in expected_parts(config):
        part = board.part(name)
        found.extend(_absent(name, around) if part is None else _part(part, board.written, around))
    found.extend(_box(board, around))
    return sorted(found, key=lambda finding: SEVERITIES.index(finding.severity))


def worst(findings: list[Finding], part: str) -> Severity | None:
    """How a part is: its worst finding; None where there is none."""
    own = [finding.severity for finding in findings if finding.part == part]
    return min(own, key=SEVERITIES.index) if own else None


def _absent(name: str, around: Circumstances) -> Iterator[Finding]:
    if around.listening_ms < STARTING_MS:
        yield Finding("starting", "warn", name)
    elif around.rules_loaded is False and not name.startswith("engine"):
        # These two are started only after the rules have been loaded.
        yield Finding("no_rules_no_start", "bad", name)
    else:
        yield Finding("never_heard", "bad", name)


def _part(part: Part, wall: int, around: Circumstances) -> Iterator[Finding]:
    process, name = part.report.process, part.name
    if process.state == "failed":
        yield Finding(f"failed_{process.fault or 'unforeseen'}", "bad", name)
    elif part.silent(wall):
        seconds = (wall - part.at) // 1000
        if process.state == "stopping":
            yield Finding("stopped", "bad", name, {"seconds": seconds})
        else:
            yield Finding("silent", "bad", name, {"seconds": seconds})
        return
    elif process.state == "stopping":
        yield Finding("stopping", "warn", name)
    elif part.progress and part.at - part.progress > STALLED_MS:
        yield Finding("stalled", "bad", name, {"seconds": (part.at - part.progress) // 1000})
    if part.starts > 1:
        yield Finding("restarted", "warn", name, {"times": part.starts - 1})
    if process.confinement is not None and process.watchdog:
        yield from _confinement(name, process.confinement)
    report = part.report
    if isinstance(report, CaptureReport):
        yield from _capture(name, report)
    elif isinstance(report, EngineReport):
        yield from _engine(name, report, around)
    else:
        yield from _feed(name, report)


def _confinement(name: str, confinement: Confinement) -> Iterator[Finding]:
    if name.startswith("engine") and confinement.internet:
        yield Finding("engine_has_internet", "bad", name)
    flaws = [
        flaw
        for flaw, there in (
            ("NoNewPrivileges", not confinement.no_new_privileges),
            ("SystemCallFilter", not confinement.system_call_filter),
            ("CapabilityBoundingSet", not confinement.no_capabilities),
            ("LimitCORE", confinement.core_dumps),
            ("ProtectSystem", confinement.writable_root),
        )
        if there
    ]
    if flaws:
        yield Finding("sandbox_not_enforced", "bad", name, {"settings": ", ".join(flaws)})


def _capture(name: str, report: CaptureReport) -> Iterator[Finding]:
    if report.failed_ticks:
        yield Finding("ticks_failed", "bad", name, {"times": report.failed_ticks})
    if report.failed:
        yield Finding("calls_failed", "warn", name, {"calls": report.failed})
    if report.dropped_ms:
        yield Finding("engine_behind", "warn", name, {"seconds": round(report.dropped_ms / 1000, 1)})
    if report.unknown_roles:
        yield Finding("roles_unknown", "warn", name, {"calls": report.unknown_roles})
    packets = report.received + report.lost
    if packets >= ENOUGH_PACKETS and report.lost / packets > LOSS:
        yield Finding("packets_lost", "warn", name, {"percent": round(100 * report.lost / packets, 1)})
    if report.kernel_dropped:
        yield Finding("kernel_dropped", "warn", name, {"packets": report.kernel_dropped})
    if report.most_calls and report.calls >= NEARLY_FULL * report.most_calls:
        yield Finding("nearly_full", "warn", name, {"calls": report.calls, "most": report.most_calls})
    if report.broken_metadata:
        yield Finding("metadata_broken", "warn", name, {"times": report.broken_metadata})
    if report.unknown_flags:
        yield Finding("flags_unknown", "warn", name, {"calls": report.unknown_flags})
    if report.foreign:
        yield Finding("strangers", "note", name, {"datagrams": report.foreign})


def _engine(name: str, report: EngineReport, around: Circumstances) -> Iterator[Finding]:
    if report.failed:
        yield Finding("calls_failed", "warn", name, {"calls": report.failed})
    if report.waiting > WAITING:
        yield Finding("feed_not_reached", "bad", name, {"messages": report.waiting})
    if report.undecodable:
        yield Finding("audio_undecodable", "bad", name, {"messages": report.undecodable})
    if report.abandoned:
        yield Finding("calls_abandoned", "warn", name, {"calls": report.abandoned})
    used = {*report.models, *([report.recognizer] if report.recognizer else [])}
    if research := sorted(used & around.research_only):
        yield Finding("research_only", "warn", name, {"models": ", ".join(research)})


def _feed(name: str, report: FeedReport) -> Iterator[Finding]:
    ledger = report.ledger
    if ledger is not None and ledger.state == "failed":
        facts: dict[str, int | float | str] = {"reason": ledger.reason or "EIO"}
        if ledger.policy == "stop":
            yield Finding("ledger_failed", "bad", name, {**facts, "messages": report.withheld})
        else:
            yield Finding("ledger_failed_goes_on", "bad", name, {**facts, "messages": report.unrecorded})
    elif ledger is not None and ledger.state == "off":
        yield Finding("ledger_off", "warn", name)
    if report.undecodable:
        yield Finding("door_refused", "bad", name, {"messages": report.undecodable})
    if report.over_budget:
        yield Finding("over_budget", "bad", name, {"messages": report.over_budget})
    if report.unknown_calls:
        yield Finding("calls_unknown", "bad", name, {"messages": report.unknown_calls})
    if not report.enrolled:
        yield Finding("no_seats", "warn", name)
    if report.unclaimed:
        yield Finding("unclaimed", "warn", name, {"messages": report.unclaimed})
    if report.keys_refused:
        yield Finding("keys_refused", "note", name, {"times": report.keys_refused})
    if report.rotation:
        yield Finding("rotation", "note", name)
    if report.enrolment_open:
        yield Finding("enrolment_open", "note", name)


def _clock(board: Board, around: Circumstances) -> Iterator[Finding]:
    """By the feed's word, which remembers what was before its start; else, by the console's."""
    feed, clock = board.part("feed"), around.clock
    if feed is not None and not feed.silent(board.written) and isinstance(feed.report, FeedReport):
        clock = feed.report.clock or clock
    facts: dict[str, int | float | str] = {"was": _moment(clock.was), "now": _moment(clock.now)}
    if clock.state == "behind":
        yield Finding("clock_behind", "bad", "console", {**facts, "seconds": clock.behind_seconds})
    elif clock.state == "jumped":
        yield Finding("clock_jumped", "warn", "console", facts)
    elif clock.state == "first":
        yield Finding("clock_first", "note", "console", facts)


def _moment(milliseconds: int) -> str:
    return time.strftime("%Y-%m-%d %H:%M:%S", time.localtime(milliseconds / 1000))


def _box(board: Board, around: Circumstances) -> Iterator[Finding]:
    yield from _clock(board, around)
    own = board.console
    if own is not None and own.confinement is not None and own.watchdog:
        yield from _confinement("console", own.confinement)
    refused = board.refused
    if any(not part.report.process.watchdog for part in board.parts):
        # `ridge run` has no sandbox, and is not for a site.
        yield Finding("no_sandbox", "warn", "console")
    if refused.another:
        yield Finding("another_process", "bad", "console", {"datagrams": refused.another})
    if refused.malformed:
        yield Finding("status_malformed", "bad", "console", {"datagrams": refused.malformed})
    if refused.implausible:
        yield Finding("status_implausible", "bad", "console", {"datagrams": refused.implausible})
    if around.rules_loaded is False:
        yield Finding("rules_not_loaded", "bad", "console")
    elif around.rules_loaded is None:
        yield Finding("rules_unknown", "note", "console")
    if around.unwritten:
        yield Finding("board_unwritten", "warn", "console", {"times": around.unwritten})
    if around.certificate_early:
        yield Finding("certificate_early", "bad", "console")
    if around.certificate_days < 0:
        yield Finding("certificate_ended", "bad", "console", {"days": -around.certificate_days})
    elif around.certificate_days < CERTIFICATE_DAYS:
        yield Finding("certificate_ends", "warn", "console", {"days": around.certificate_days})
