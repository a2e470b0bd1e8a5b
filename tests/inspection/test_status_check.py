"""What the processes say of themselves is judged, and a console that has gone is no good sign."""

from __future__ import annotations

from pathlib import Path

import pytest

from appliance.box.config import Box, Config
from appliance.box.status.board import SILENT_MS, Board, Part, Refused, write_board
from appliance.box.status.reports import CaptureReport, Clock, EngineReport, FeedReport, Ledger, Process
from appliance.inspection.checks import policy, status
from appliance.inspection.finding import Finding
from tests.inspection.machine import Machine

NOW = 1_764_130_531.0
NOW_MS = int(NOW * 1000)
SOUND = Process(version="0.1.0", uptime=60)


def found(tmp_path: Path, *parts: Part, written: int = NOW_MS) -> dict[tuple[str, str], Finding]:
    write_board(tmp_path, Board("ridge", written, parts, Refused()))
    config = Config(box=Box(runtime_directory=tmp_path))
    findings = status.check(Machine(tmp_path / "machine").ground(config, now=lambda: NOW))
    return {(finding.check, finding.subject): finding for finding in findings}


def feed(ledger: Ledger | None = None) -> Part:
    return Part("feed", 1, NOW_MS, 1, FeedReport(SOUND, ledger=ledger))


def engine(process: Process = SOUND, *, at: int = NOW_MS, starts: int = 1) -> Part:
    return Part("engine-0", 2, at, starts, EngineReport(process, 0))


CAPTURE = Part("capture", 3, NOW_MS, 1, CaptureReport(SOUND))


def test_processes_that_get_on_are_in_order(tmp_path: Path) -> None:
    findings = found(tmp_path, feed(Ledger("ok")), engine(), CAPTURE)
    assert {finding.outcome for finding in findings.values()} == {"ok"}
    assert len(findings) == 5


@pytest.mark.parametrize(
    ("part", "outcome", "reason"),
    [
        (engine(at=NOW_MS - SILENT_MS - 1), "failed", "part_silent"),
        (engine(Process(version="0.1.0", uptime=1, state="failed", fault="models")), "failed", "part_failed"),
        (engine(starts=3), "warning", "unit_restarted"),
    ],
)
def test_a_process_that_is_stuck_fails(tmp_path: Path, part: Part, outcome: str, reason: str) -> None:
    finding = found(tmp_path, feed(), part, CAPTURE)["status.progress", "engine-0"]
    assert (finding.outcome, finding.reason) == (outcome, reason)


def test_a_process_that_was_never_heard_of_fails(tmp_path: Path) -> None:
    assert found(tmp_path, feed(), engine())["status.progress", "capture"].reason == "part_unheard"


def test_a_clock_that_jumped_and_a_ledger_that_fails_are_told(tmp_path: Path) -> None:
    report = FeedReport(
        SOUND, ledger=Ledger("failed", reason="ENOSPC"), clock=Clock("jumped", NOW_MS, NOW_MS + 5000)
    )
    findings = found(tmp_path, Part("feed", 1, NOW_MS, 1, report), engine(), CAPTURE)
    assert findings["clock.steady", "feed"].reason == "clock_unconfirmed"
    assert findings["status.egress", "feed"].values["code"] == "ENOSPC"


def test_a_board_that_is_old_is_not_believed(tmp_path: Path) -> None:
    findings = found(tmp_path, feed(), engine(), CAPTURE, written=NOW_MS - SILENT_MS - 1)
    assert [finding.reason for finding in findings.values()] == ["no_console"]


def test_each_queue_has_its_own_policy(tmp_path: Path) -> None:
    config = Config.model_validate(
        {
            "memory": {"enabled": True, "retention_days": 90},
            "policy": {
                "queue": [
                    {"name": "complaints", "domains": ["c.bank.example"], "analysis": False},
                    {"name": "wealth", "domains": ["w.bank.example"], "quotes": True, "retention_days": 30},
                ]
            },
        }
    )
    findings = [
        one for one in policy.check(Machine(tmp_path).ground(config)) if one.check == "policy.analysis"
    ]
    assert [finding.subject for finding in findings] == ["complaints", "wealth", "default"]
    assert [finding.facts["analysis"] for finding in findings] == [False, True, True]
    assert [finding.facts.get("retention_days") for finding in findings] == [None, 30, 90]
    assert [finding.reason for finding in findings] == [None, "quotes_on", None]
