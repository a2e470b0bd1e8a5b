"""The units as systemd itself judges them, without a systemd that runs."""

from __future__ import annotations

import configparser
import json
import shutil
import subprocess
from pathlib import Path

import pytest

from tests.systemd.sandbox import SYSTEMD, settings

#: The highest exposure level that each unit may have in `systemd-analyze security`; 10 is no sandbox at all.
EXPOSURE = {
    "ridge-engine@0.service": 0.6,
    "ridge-feed.service": 1.5,
    "ridge-console.service": 1.5,
    "ridge-capture.service": 2.0,
    # It looks at every process and at the kernel's rules.
    "ridge-report.service": 2.5,
}
OTHERS = (
    "ridge-firewall.service", "ridge-counters.service", "ridge-counters.timer", "ridge-report.timer",
    "ridge.target",
)  # fmt: skip
UNITS = [*EXPOSURE, *OTHERS]
PROCESSES = ("ridge-engine@.service", "ridge-feed.service", "ridge-console.service", "ridge-capture.service")

pytestmark = pytest.mark.skipif(
    shutil.which("systemd-analyze") is None,
    reason="systemd-analyze is not installed (Debian package systemd)",
)


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """A box's file system with the units, the drop-ins for the memory, and commands that they start."""
    units = tmp_path / "etc/systemd/system"
    units.mkdir(parents=True)
    for unit in SYSTEMD.iterdir():
        if unit.suffix in {".service", ".target", ".timer"}:
            (units / unit.name).write_bytes(unit.read_bytes())
    (units / "ridge-engine@0.service").write_bytes((SYSTEMD / "ridge-engine@.service").read_bytes())
    for command in ("opt/ridge/bin/ridge", "usr/sbin/nft"):
        (tmp_path / command).parent.mkdir(parents=True)
        (tmp_path / command).write_text("#!/bin/sh\n", encoding="utf-8")
        (tmp_path / command).chmod(0o755)
    return tmp_path


@pytest.mark.parametrize(("unit", "limit"), EXPOSURE.items())
def test_a_unit_is_exposed_no_more_than_its_limit(root: Path, unit: str, limit: float) -> None:
    done = subprocess.run(
        ["systemd-analyze", "security", "--offline=true", f"--root={root}",
         f"--threshold={round(limit * 10)}", "--json=short", unit],
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    # The exit status says whether the exposure is above the threshold (in tenths).
    assert done.returncode == 0, done.stdout + done.stderr
    assert json.loads(done.stdout)


def test_the_threshold_is_one_that_can_be_missed(root: Path) -> None:
    path = root / "etc/systemd/system/ridge-feed.service"
    path.write_text(path.read_text(encoding="utf-8").replace("SystemCallFilter", "X-Off"), encoding="utf-8")
    done = subprocess.run(
        ["systemd-analyze", "security", "--offline=true", f"--root={root}", "--threshold=15", path.name],
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.returncode == 1


@pytest.mark.parametrize("memory", [False, True])
def test_systemd_understands_every_line_of_the_units(root: Path, memory: bool) -> None:
    units = root / "etc/systemd/system"
    if memory:
        shutil.copytree(SYSTEMD / "memory", units, dirs_exist_ok=True)
    assert verify(root) == []


def test_a_line_that_systemd_does_not_understand_is_found(root: Path) -> None:
    path = root / "etc/systemd/system/ridge-feed.service"
    path.write_text(path.read_text(encoding="utf-8").replace("=strict", "=strictly"), encoding="utf-8")
    assert any("strictly" in line for line in verify(root))


def verify(root: Path) -> list[str]:
    """What systemd has to say about the units."""
    units = root / "etc/systemd/system"
    done = subprocess.run(
        ["systemd-analyze", "verify", "--man=no", "--recursive-errors=no", f"--root={root}",
         *(str(units / unit) for unit in UNITS)],
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    return [line for line in done.stderr.splitlines() if "ridge" in line]


def test_the_users_and_groups_of_the_units_are_made(root: Path) -> None:
    configuration = SYSTEMD / "sysusers.d/ridge.conf"
    (root / "etc").mkdir(exist_ok=True)
    subprocess.run(
        ["systemd-sysusers", f"--root={root}", str(configuration)], check=True, capture_output=True
    )
    users = {line.split(":")[0] for line in (root / "etc/passwd").read_text(encoding="utf-8").splitlines()}
    groups = {line.split(":")[0] for line in (root / "etc/group").read_text(encoding="utf-8").splitlines()}
    for unit in PROCESSES:
        assert settings(unit)["User"][0] in users
        assert settings(unit)["Group"][0] in groups


def test_the_directories_of_the_units_are_made_for_those_who_use_them(root: Path) -> None:
    subprocess.run(
        ["systemd-sysusers", f"--root={root}", str(SYSTEMD / "sysusers.d/ridge.conf")],
        check=True, capture_output=True,
    )  # fmt: skip
    subprocess.run(
        ["systemd-tmpfiles", f"--root={root}", "--create", str(SYSTEMD / "tmpfiles.d/ridge.conf")],
        check=True, capture_output=True,
    )  # fmt: skip
    modes = {
        name: (root / name).stat().st_mode & 0o7777
        for name in (
            "run/ridge", "run/ridge-door", "run/ridge-status", "run/ridge-evidence", "var/lib/ridge/feed",
            "var/lib/ridge/memory", "var/lib/ridge/console", "var/lib/ridge/reports",
        )
    }  # fmt: skip
    assert modes == {
        "run/ridge": 0o3770,
        "run/ridge-door": 0o2750,
        "run/ridge-status": 0o2710,
        "run/ridge-evidence": 0o755,
        "var/lib/ridge/feed": 0o700,
        "var/lib/ridge/memory": 0o700,
        "var/lib/ridge/console": 0o700,
        "var/lib/ridge/reports": 0o2750,
    }
    # The processes find the console's socket where the configuration says, the feed under its own mount, too.
    for directory in ("run/ridge", "run/ridge-door"):
        assert (root / directory / "status.sock").readlink() == Path("/run/ridge-status/status.sock")
    assert (root / "run/ridge-door/revoke.json").readlink() == Path("/run/ridge-status/revoke.json")
    # The engines find the door where the configuration says, though it is another directory.
    assert (root / "run/ridge/door.sock").readlink() == Path("/run/ridge-door/door.sock")


def test_the_engine_has_no_ip() -> None:
    engine = settings("ridge-engine@.service")
    assert engine["RestrictAddressFamilies"] == ["AF_UNIX"]
    assert engine["PrivateNetwork"] == ["yes"]
    assert engine["IPAddressDeny"] == ["any"]
    assert "IPAddressAllow" not in engine


@pytest.mark.parametrize("unit", PROCESSES)
def test_what_is_in_memory_stays_there_and_the_watchdog_is_on(unit: str) -> None:
    found = settings(unit)
    expected = {
        "MemorySwapMax": "0", "LimitCORE": "0", "CoredumpFilter": "0", "MemoryDenyWriteExecute": "yes",
        "ReadOnlyPaths": "-/run/lock", "Type": "notify", "NotifyAccess": "main", "KillSignal": "SIGTERM",
        "ProtectSystem": "strict",
    }  # fmt: skip
    assert {name: found[name] for name in expected} == {name: [value] for name, value in expected.items()}
    assert int(found["WatchdogSec"][0]) > 0
    assert int(found["TimeoutStopSec"][0]) >= 10
    assert any("OPENBLAS_NUM_THREADS=1" in line for line in found["Environment"])


def test_only_the_feed_reaches_its_keys_and_only_the_engine_the_door() -> None:
    assert "-/var/lib/ridge/feed" in settings("ridge-engine@.service")["InaccessiblePaths"]
    assert "-/var/lib/ridge/feed" in settings("ridge-capture.service")["InaccessiblePaths"]
    assert "-/run/ridge-door" in settings("ridge-capture.service")["InaccessiblePaths"]
    assert "ReadWritePaths" not in settings("ridge-capture.service")
    assert settings("ridge-feed.service")["BindPaths"] == ["/run/ridge-door:/run/ridge"]


def test_the_console_reaches_nothing_of_the_others_but_what_they_report() -> None:
    console = settings("ridge-console.service")
    assert console["BindPaths"] == ["/run/ridge-status:/run/ridge"]
    assert console["ReadWritePaths"] == ["/var/lib/ridge/console"]
    assert {"-/run/ridge-door", "-/var/lib/ridge/feed", "-/var/lib/ridge/memory"} <= set(
        console["InaccessiblePaths"]
    )
    assert console["Group"] == ["ridge-console"]
    assert console["IPAddressDeny"] == ["any"]


def test_capture_stops_first_and_the_feed_last() -> None:
    parser = configparser.ConfigParser(strict=False, interpolation=None)
    parser.read(SYSTEMD / "ridge-engine@.service", encoding="utf-8")
    # systemd stops in the reverse order of starting.
    assert parser["Unit"]["After"] == "ridge-feed.service"
    assert parser["Unit"]["Before"] == "ridge-capture.service"
    assert parser["Unit"]["PartOf"] == "ridge.target"


@pytest.mark.parametrize("unit", PROCESSES)
def test_no_process_floods_the_journal_and_the_feeds_notes_of_the_ledger_are_not_dropped(unit: str) -> None:
    limits = settings(unit)
    assert limits["LogRateLimitIntervalSec"] == ["30s"]
    burst = int(limits["LogRateLimitBurst"][0])
    # The feed's lines prove what the ledger had; its limit is the journal's own.
    assert burst == 10_000 if unit == "ridge-feed.service" else burst == 3_000


def test_the_journal_is_bounded_and_copied_nowhere() -> None:
    file = configparser.ConfigParser()
    file.optionxform = str
    file.read(SYSTEMD / "journald.conf.d/ridge.conf", encoding="utf-8")
    journal = dict(file["Journal"])
    assert journal["SystemMaxUse"] == "1G"
    assert {journal[name] for name in journal if name.startswith("ForwardTo")} == {"no"}
    assert journal["Storage"] == "persistent"
