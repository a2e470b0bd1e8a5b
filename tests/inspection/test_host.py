"""The machine below the box, its clock, its units and its directories."""

from __future__ import annotations

import json
import os
from collections.abc import Sequence
from pathlib import Path

import pytest

from appliance.box.config import Config
from appliance.inspection.checks import clock, configuration, directories, host, units
from appliance.inspection.finding import Finding
from appliance.inspection.ground import Answer, Ground
from tests.inspection.machine import Machine

NOW = 1_764_130_531.0


@pytest.fixture
def machine(tmp_path: Path) -> Machine:
    return Machine(tmp_path / "machine")


def with_systemd(machine: Machine, units: dict[str, str] | None = None) -> None:
    """A machine that systemd runs; `units` are the lines that are shown of each."""
    (machine.root / "run/systemd/system").mkdir(parents=True)
    sound = "LoadState=loaded\nActiveState=active\nUnitFileState=enabled\nNRestarts=0\nResult=success\n"

    def shown(command: Sequence[str], _input: str) -> Answer:
        return Answer(0, (units or {}).get(command[-1], sound), "")

    machine.programs["systemctl"] = shown


def config_below(directory: Path) -> Config:
    box = {"runtime_directory": str(directory / "run"), "state_directory": str(directory / "state")}
    return Config.model_validate_json(json.dumps({"box": box}))


def one(findings: list[Finding], check: str) -> Finding:
    return next(finding for finding in findings if finding.check == check)


def kernel(machine: Machine, pattern: str = "|/bin/false", scope: str | None = "2", swaps: str = "") -> None:
    machine.write("proc/sys/kernel/core_pattern", pattern + "\n")
    machine.write("proc/sys/fs/suid_dumpable", "0\n")
    machine.write("proc/swaps", "Filename Type Size Used Priority\n" + swaps)
    if scope is not None:
        machine.write("proc/sys/kernel/yama/ptrace_scope", scope + "\n")


def test_a_machine_as_sysctl_d_makes_it_is_in_order(machine: Machine, tmp_path: Path) -> None:
    kernel(machine)
    found = list(host.check(machine.ground(config_below(tmp_path))))
    assert {finding.outcome for finding in found if finding.check != "host.disk"} == {"ok"}


@pytest.mark.parametrize(
    ("check", "reason", "change"),
    [
        ("host.core_dumps", "core_pattern", {"pattern": "core"}),
        ("host.core_dumps", "core_pattern", {"pattern": "|/lib/systemd/systemd-coredump %P"}),
        ("host.debugging", "ptrace_open", {"scope": "1"}),
        ("host.debugging", "ptrace_open", {"scope": None}),
    ],
)
def test_a_machine_that_keeps_memory_fails(
    machine: Machine, check: str, reason: str, change: dict[str, str]
) -> None:
    with_systemd(machine)
    kernel(machine, **change)
    found = one(list(host.check(machine.ground())), check)
    assert (found.outcome, found.reason) == ("failed", reason)


def test_swap_is_noted(machine: Machine) -> None:
    kernel(machine, swaps="/dev/sda2 partition 2097148 0 -2\n")
    found = one(list(host.check(machine.ground())), "host.swap")
    assert (found.outcome, found.reason, found.facts["swap_kib"]) == ("warning", "swap_on", 2097148)


@pytest.mark.parametrize(
    ("blocks", "outcome", "reason"),
    [(10_000, "failed", "disk_full"), (100_000, "warning", "disk_short"), (10_000_000, "ok", None)],
)
def test_a_disk_that_is_nearly_full_is_told(
    machine: Machine, monkeypatch: pytest.MonkeyPatch, blocks: int, outcome: str, reason: str | None
) -> None:
    kernel(machine)
    real = os.statvfs("/")
    values = [4096, 4096, 10_000_000, blocks, blocks, 1000, 500, 500, 0, 255]
    monkeypatch.setattr(os, "statvfs", lambda _path: os.statvfs_result(values))
    found = one(list(host.check(machine.ground())), "host.disk")
    assert (found.outcome, found.reason) == (outcome, reason)
    assert real.f_blocks


def journal(machine: Machine, ahead: Sequence[float]) -> None:
    lines = [
        json.dumps(
            {"__REALTIME_TIMESTAMP": str(int((NOW + n + a) * 1e6)), "__MONOTONIC_TIMESTAMP": str(n * 10**6)}
        )
        for n, a in enumerate(ahead)
    ]
    machine.answers("journalctl", "\n".join([*lines, "no JSON"]))


def test_a_clock_that_keeps_pace_with_the_journal_is_in_order(machine: Machine) -> None:
    with_systemd(machine)
    journal(machine, [0.0, 0.01, 0.02])
    assert one(list(clock.check(machine.ground())), "clock.steady").outcome == "ok"


@pytest.mark.parametrize("jump", [3600.0, -3600.0])
def test_a_clock_that_jumped_is_noted(machine: Machine, jump: float) -> None:
    with_systemd(machine)
    journal(machine, [0.0, 0.0, jump, jump])
    found = one(list(clock.check(machine.ground())), "clock.steady")
    assert (found.reason, found.facts["jumps"], found.facts["largest_jump_seconds"]) == (
        "clock_jumped", 1, 3600.0,
    )  # fmt: skip


def test_a_jump_that_an_admin_has_confirmed_is_not_told_again(machine: Machine, tmp_path: Path) -> None:
    with_systemd(machine)
    journal(machine, [0.0, 0.0, -3600.0, -3600.0])
    config = config_below(tmp_path)
    feed = config.box.state_directory / "feed"
    feed.mkdir(parents=True)
    jump = {"kind": "forward", "was": int(NOW * 1000), "now": int(NOW * 1000) + 5000}
    record = {"v": 1, "latest": int(NOW * 1000) - 1, "jump": jump}
    (feed / "clock.json").write_text(json.dumps(record))
    found = one(list(clock.check(machine.ground(config, now=lambda: NOW))), "clock.steady")
    assert (found.outcome, found.reason) == ("warning", "clock_unconfirmed")
    confirmed = int((NOW + 1.5 - 3600) * 1000)
    (feed / "clock.json").write_text(json.dumps({"v": 1, "latest": confirmed, "confirmed": confirmed}))
    journal(machine, [-3700.0, -3700.0, -3600.0, -3600.0])
    found = one(list(clock.check(machine.ground(config, now=lambda: NOW))), "clock.steady")
    assert found.outcome == "ok", found


def test_without_a_history_the_clock_is_not_checked(machine: Machine, tmp_path: Path) -> None:
    found = one(list(clock.check(machine.ground(config_below(tmp_path)))), "clock.steady")
    assert (found.outcome, found.reason) == ("not_checked", "clock_no_history")


def test_units_that_run_are_in_order(machine: Machine) -> None:
    with_systemd(machine)
    found = list(units.check(machine.ground()))
    assert {finding.subject for finding in found} == {
        "ridge-firewall.service", "ridge-feed.service", "ridge-engine@0.service", "ridge-capture.service",
        "ridge-counters.timer", "ridge-report.timer",
    }  # fmt: skip
    assert {finding.outcome for finding in found} == {"ok"}


@pytest.mark.parametrize(
    ("line", "outcome", "reason"),
    [
        ("LoadState=not-found", "failed", "unit_missing"),
        ("LoadState=loaded\nActiveState=failed\nResult=watchdog", "failed", "unit_inactive"),
        ("LoadState=loaded\nActiveState=active\nUnitFileState=disabled", "failed", "unit_disabled"),
        (
            "LoadState=loaded\nActiveState=active\nUnitFileState=enabled\nNRestarts=3",
            "warning", "unit_restarted",
        ),
        ("", "not_checked", "program_failed"),
    ],
)  # fmt: skip
def test_a_unit_that_does_not_run_as_it_should_is_told(
    machine: Machine, line: str, outcome: str, reason: str
) -> None:
    with_systemd(machine, {"ridge-feed.service": line})
    found = next(one for one in units.check(machine.ground()) if one.subject == "ridge-feed.service")
    assert (found.outcome, found.reason) == (outcome, reason)


def test_a_timer_that_is_missing_is_noted(machine: Machine) -> None:
    with_systemd(machine, {"ridge-report.timer": "LoadState=not-found"})
    found = [one for one in units.check(machine.ground()) if one.outcome != "ok"]
    assert [(one.subject, one.outcome) for one in found] == [("ridge-report.timer", "warning")]


def test_without_systemd_units_are_not_checked(machine: Machine) -> None:
    (found,) = units.check(machine.ground())
    assert (found.outcome, found.reason) == ("not_checked", "no_systemd")


def box(tmp_path: Path) -> tuple[Config, Path]:
    config = config_below(tmp_path)
    config.box.runtime_directory.mkdir(mode=0o700)
    feed = config.box.state_directory / "feed"
    feed.mkdir(parents=True, mode=0o700)
    config.box.state_directory.chmod(0o755)
    (feed / "ledger.key_secret").write_text("s", encoding="ascii")
    (feed / "ledger.key_secret").chmod(0o600)
    return config, feed


def on(machine: Machine, config: Config, file_system: str = "tmpfs") -> Ground:
    place = config.box.runtime_directory
    machine.write(
        "proc/self/mountinfo",
        f"1 0 8:1 / / rw - ext4 /dev/sda1 rw\n2 1 0:2 / {place} rw - {file_system} none rw\n",
    )
    return machine.ground(config)


def test_directories_as_tmpfiles_d_makes_them_are_in_order(machine: Machine, tmp_path: Path) -> None:
    config, _ = box(tmp_path)
    found = list(directories.check(on(machine, config)))
    assert {finding.outcome for finding in found} == {"ok"}
    assert one(found, "directories.runtime").facts["file_system"] == "tmpfs"
    assert one(found, "directories.secrets").facts["secrets"] == 1


def test_sockets_on_a_disk_fail(machine: Machine, tmp_path: Path) -> None:
    with_systemd(machine)
    config, _ = box(tmp_path)
    found = one(list(directories.check(on(machine, config, "ext4"))), "directories.runtime")
    assert (found.outcome, found.reason) == ("failed", "directory_on_disk")


@pytest.mark.parametrize(
    ("place", "mode", "check", "reason"),
    [
        ("run", 0o777, "directories.runtime", "directory_mode"),
        ("state", 0o775, "directories.state", "directory_mode"),
        ("state/feed", 0o755, "directories.secrets", "directory_mode"),
        ("state/feed/ledger.key_secret", 0o640, "directories.secrets", "secret_open"),
    ],
)
def test_what_others_may_use_fails(
    machine: Machine, tmp_path: Path, place: str, mode: int, check: str, reason: str
) -> None:
    config, _ = box(tmp_path)
    (tmp_path / place).chmod(mode)
    found = one(list(directories.check(on(machine, config))), check)
    assert (found.outcome, found.reason) == ("failed", reason)


def test_a_configuration_that_others_may_change_fails(machine: Machine, tmp_path: Path) -> None:
    path = tmp_path / "ridge.toml"
    path.touch()
    path.chmod(0o664)
    found = one(list(configuration.check(machine.ground(config_path=path))), "configuration.file")
    assert (found.outcome, found.reason) == ("failed", "configuration_writable")
    path.chmod(0o644)
    found = one(list(configuration.check(machine.ground(config_path=path))), "configuration.file")
    assert found.outcome == "ok"
