"""A whole appliance under `ridge run`: nothing fails, a missing sandbox is noted, what died is found."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from pathlib import Path

import msgspec
import pytest

from appliance.inspection.finding import Finding
from appliance.inspection.inspect import Inspection
from appliance.inspection.support.journal import JournalFilter
from tools.running import REPOSITORY, RunningAppliance

pytestmark = pytest.mark.end_to_end


def doctor(config: Path) -> tuple[int, dict[tuple[str, str], Finding]]:
    """The exit status, and the findings by check and subject."""
    done = subprocess.run(
        [sys.executable, "-m", "appliance", "doctor", "--json", "--config", str(config)],
        cwd=REPOSITORY, capture_output=True, text=True, check=False, timeout=120,
    )  # fmt: skip
    inspection = msgspec.json.decode(done.stdout, type=Inspection)
    return done.returncode, {(one.check, one.subject): one for one in inspection.findings}


def test_the_doctor_looks_at_a_running_appliance() -> None:
    with RunningAppliance() as box:
        status, findings = doctor(box.config)
        assert [one for one in findings.values() if one.outcome == "failed"] == []
        assert status == 0
        for part in ("feed", "engine-0", "capture"):
            assert findings["process.running", part].facts["supervised"] is True
            assert findings["process.calls", part].reason == "development"
            assert findings["process.calls", part].facts["seccomp_mode"] in (0, 2)
        ledger = next(one for (check, _), one in findings.items() if check == "ledger.verified")
        assert (ledger.outcome, ledger.facts["files"]) == ("ok", "1 / 1")
        assert findings["process.network", "feed"].facts["tcp_ports"]
        capture = int(str(findings["process.running", "capture"].facts["pid"]))
        supervisor = parent_of(capture)
        # Stopped, the supervisor cannot start it again before the doctor has looked.
        os.kill(supervisor, signal.SIGSTOP)
        try:
            os.kill(capture, signal.SIGKILL)
            status, findings = doctor(box.config)
        finally:
            os.kill(supervisor, signal.SIGCONT)
        assert status == 1
        assert findings["process.running", "capture"].reason == "not_running"
        assert findings["process.running", "feed"].outcome == "ok"


def test_every_line_of_a_real_journal_is_known_to_the_support_bundle(tmp_path: Path) -> None:
    with (tmp_path / "journal").open("w", encoding="utf-8") as journal, RunningAppliance(journal=journal):
        pass
    kept = JournalFilter()
    lines = kept.lines((tmp_path / "journal").read_text(encoding="utf-8").splitlines())
    assert kept.left_out == 0
    events = {json.loads(line)["event"] for line in lines}
    assert events >= {"feed_ready", "engine_ready", "capture_ready", "appliance_stopped"}


def parent_of(process: int) -> int:
    return int(Path(f"/proc/{process}/stat").read_text(encoding="ascii").split()[3])
