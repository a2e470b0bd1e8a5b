"""The appliance's processes in the sandboxes of their units, measured as on a box."""

from __future__ import annotations

import os
import pwd
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace

import msgspec
import pytest

from appliance.box.config import Box, Config, Console
from appliance.inspection.checks import processes
from appliance.inspection.ground import Ground
from appliance.inspection.report.content import Report
from tests.systemd.sandbox import NUMBERS, box_in, settings
from tests.systemd.test_sandbox import PATIENCE, ROOT, SITE, UNITS, environment, missing, started

_missing = missing()
pytestmark = [
    pytest.mark.skipif(_missing is not None, reason=str(_missing)),
    pytest.mark.end_to_end,
]


@pytest.fixture
def box(tmp_path: Path) -> Iterator[Path]:
    made = box_in(tmp_path)
    (made / "var/lib/ridge/ridge.toml").write_text(SITE, encoding="utf-8")
    with started(made, UNITS):
        yield made


#: What ridge-report.service may beyond its user.
CAPABILITIES = settings("ridge-report.service")["CapabilityBoundingSet"][0].split()


#: Loads the unit's filter of system calls and address families, and writes the report.
FILTERED = """
import socket
from tests.systemd.sandbox import allowed_calls, prepare_filter, settings
unit = settings("ridge-report.service")
families = {int(getattr(socket, name)) for name in unit["RestrictAddressFamilies"][0].split()}
seccomp, context = prepare_filter(allowed_calls(unit["SystemCallFilter"]), families)
assert seccomp.seccomp_load(context) == 0
from appliance.cli import main
raise SystemExit(main(
    ["privacy", "report", "--locale", "en", "--config", "/var/lib/ridge/ridge.toml"]
))
"""


def test_a_report_can_be_written_with_no_more_than_its_unit_may(box: Path) -> None:
    kept = ",".join("+" + one.removeprefix("CAP_").lower() for one in CAPABILITIES)
    reports = box / "var/lib/ridge/reports"
    reports.mkdir(exist_ok=True)
    user, group = NUMBERS["ridge-report"], NUMBERS["ridge-console"]
    os.chown(reports, user, group)
    assert settings("ridge-report.service")["AmbientCapabilities"][0].split() == CAPABILITIES
    reports.chmod(0o2750)
    # The box's directories where the processes see them, in a mount namespace of the report's own.
    script = (
        f"mount --bind {box}/run /run && mount -t tmpfs tmpfs /var/lib && mkdir /var/lib/ridge && "
        f"mount --bind {box}/var/lib/ridge /var/lib/ridge && "
        f"exec setpriv --reuid={user} --regid={user} --clear-groups --bounding-set=-all,{kept} "
        f"--inh-caps=-all,{kept} --ambient-caps=-all,{kept} --no-new-privs "
        f"{sys.executable} -c '{FILTERED}'"
    )
    done = subprocess.run(
        ["unshare", "--mount", "sh", "-c", script],
        cwd=ROOT, env=environment(XDG_RUNTIME_DIR="/run", XDG_STATE_HOME="/var/lib"),
        capture_output=True, text=True, check=False, timeout=PATIENCE,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    facts, page = sorted(reports.iterdir(), key=lambda path: path.suffix, reverse=True)
    report = msgspec.json.decode(facts.read_bytes(), type=Report)
    found = {(one.check, one.subject): one for one in report.inspection.findings}
    for name in ("feed", "engine-0", "capture", "console"):
        for check in ("privileges", "calls", "network", "files", "memory"):
            assert found[f"process.{check}", name].outcome == "ok"
    assert found["ledger.verified", "/var/lib/ridge/feed/ledger"].outcome == "ok"
    assert found["directories.secrets", "/var/lib/ridge/feed"].outcome == "ok"
    assert found["models.recognizer", "asr-zh-pinyin-zipformer"].outcome == "ok"
    assert (page.suffix, page.stat().st_mode & 0o777) == (".html", 0o640)
    assert (page.stat().st_uid, page.stat().st_gid) == (user, group)


def test_the_sandboxes_are_measured_as_they_are(box: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert box.is_dir()
    names = {number: name for name, number in NUMBERS.items()}
    monkeypatch.setattr(pwd, "getpwuid", lambda number: SimpleNamespace(pw_name=names[number]))
    config = Config(
        box=Box(runtime_directory=Path("/run/ridge"), state_directory=Path("/var/lib/ridge")),
        console=Console(enabled=True),
    )
    ground = Ground(config, Path("/var/lib/ridge/ridge.toml"))
    findings = list(processes.check(ground))
    assert [(o.check, o.subject, o.reason, o.facts) for o in findings if o.outcome != "ok"] == []
    assert len(findings) == 4 * 7
    engine = next(one for one in findings if (one.check, one.subject) == ("process.network", "engine-0"))
    assert engine.facts["own_network"] is True
    assert engine.facts["interfaces"] == ["lo"]
    assert "sockets_tcp" not in engine.facts
