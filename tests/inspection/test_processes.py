"""Processes are judged by what /proc says of them now."""

from __future__ import annotations

import ctypes
import os
import pwd
import socket
import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from appliance.inspection.checks import processes
from appliance.inspection.finding import Finding
from appliance.inspection.procfs import ProcessFiles
from tests.inspection.machine import MOUNTS, NAMESPACE_OF_HOST, PACKET, TCP, UDP, UNIX, Machine

USERS = {998: "ridge-engine", 997: "ridge-feed", 996: "ridge-capture", 0: "root"}
CONFINED = {"feed": 997, "engine": 998, "capture": 996}


@pytest.fixture
def machine(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Machine:
    monkeypatch.setattr(pwd, "getpwuid", lambda number: SimpleNamespace(pw_name=USERS[number]))
    machine = Machine(tmp_path)
    for pid, (name, user) in enumerate(CONFINED.items(), 100):
        add(machine, pid, name, Uid=f"{user} {user} {user} {user}")
    return machine


def add(machine: Machine, pid: int, name: str, *, supervised: bool = False, **more: Any) -> None:
    options = ["--shard", "0"] if name == "engine" else []
    start = ["-m", "appliance.box.supervised", "5"] if supervised else ["/opt/ridge/bin/ridge"]
    status = {key: more.pop(key) for key in list(more) if key[0].isupper()}
    machine.process(pid, "/usr/bin/python3", *start, name, *options, status=status, **more)


def findings(machine: Machine) -> dict[tuple[str, str], Finding]:
    return {(found.check, found.subject): found for found in processes.check(machine.ground())}


def test_confined_processes_are_in_order(machine: Machine) -> None:
    machine.socket(101, "unix", 11, UNIX)
    machine.socket(100, "tcp", 12, TCP.replace("{port}", "15C2"))
    for port in range(20000, 20004):
        machine.socket(102, "udp", port, UDP.replace("{port}", f"{port:04X}"))
    found = findings(machine)
    assert {finding.outcome for finding in found.values()} == {"ok"}
    assert len(found) == 3 * 7
    network = found["process.network", "engine-0"].facts
    assert (network["own_network"], network["interfaces"], network["sockets_unix"]) == (True, ["lo"], 1)
    assert found["process.network", "feed"].facts["tcp_ports"] == ["5570"]
    assert found["process.network", "capture"].facts["udp_ports"] == ["20000-20003"]


@pytest.mark.parametrize(
    ("check", "reason", "change"),
    [
        ("process.user", "runs_as_root", {"Uid": "0 0 0 0"}),
        ("process.user", "wrong_user", {"Uid": "997 997 997 997"}),
        ("process.privileges", "privileges_left", {"CapEff": "0000000000000400"}),
        ("process.privileges", "privileges_left", {"CapBnd": "000001ffffffffff"}),
        ("process.privileges", "privileges_left", {"NoNewPrivs": "0"}),
        ("process.calls", "calls_unfiltered", {"Seccomp": "0"}),
        ("process.network", "network_shared", {"namespace": NAMESPACE_OF_HOST}),
        ("process.network", "network_interfaces", {"interfaces": ("lo", "eth0")}),
        ("process.files", "files_writable", {"mounts": ("30 1 8:1 / / rw - ext4 /dev/sda1 rw",)}),
        ("process.files", "files_writable", {"mounts": (*MOUNTS, "40 30 8:1 /srv /srv rw - ext4 a rw")}),
        ("process.files", "files_writable", {"mounts": (*MOUNTS, "40 30 0:9 / /run/lock rw - tmpfs a rw")}),
        ("process.memory", "core_limit", {"core": "unlimited"}),
        ("process.memory", "memory_swapped", {"VmSwap": "12 kB"}),
        ("process.memory", "written_and_run", {"maps": "rwxp\n"}),
    ],
)
def test_an_engine_that_may_more_than_it_must_fails(
    machine: Machine, check: str, reason: str, change: dict[str, Any]
) -> None:
    add(machine, 101, "engine", **{"Uid": "998 998 998 998", **change})
    found = findings(machine)[check, "engine-0"]
    assert (found.outcome, found.reason) == ("failed", reason)
    assert [one for one in findings(machine).values() if one.outcome != "ok"] == [found]


def test_tunnels_that_the_kernel_makes_by_itself_are_no_interfaces(machine: Machine) -> None:
    add(machine, 101, "engine", Uid="998 998 998 998", interfaces=("lo", "sit0", "ip6tnl0"))
    assert findings(machine)["process.network", "engine-0"].outcome == "ok"


def test_an_engine_with_a_socket_of_the_internet_fails(machine: Machine) -> None:
    machine.socket(101, "tcp", 13, TCP.replace("{port}", "0050"))
    assert findings(machine)["process.network", "engine-0"].reason == "network_sockets"


def test_a_capture_that_sees_raw_packets_fails(machine: Machine) -> None:
    machine.socket(102, "packet", 14, PACKET)
    found = findings(machine)["process.network", "capture"]
    assert (found.reason, found.values["detail"]) == ("network_sockets", "packet")


def test_a_control_group_that_may_swap_fails(machine: Machine) -> None:
    machine.write("sys/fs/cgroup/ridge/memory.swap.max", "max\n")
    assert findings(machine)["process.memory", "feed"].reason == "swap_allowed"
    machine.write("sys/fs/cgroup/ridge/memory.swap.max", "0\n")
    assert findings(machine)["process.memory", "feed"].outcome == "ok"


def test_a_process_that_does_not_run_fails(machine: Machine) -> None:
    (machine.root / "proc/100/cmdline").write_bytes(b"/bin/cat\0feed\0")
    found = findings(machine)
    assert found["process.running", "feed"].reason == "not_running"
    assert ("process.user", "feed") not in found


def test_an_appliance_of_another_configuration_is_another_appliance(machine: Machine) -> None:
    machine.process(100, "ridge", "feed", "--config", "/srv/other.toml")
    assert findings(machine)["process.running", "feed"].reason == "not_running"


def test_what_ridge_run_started_is_noted_and_never_in_order(machine: Machine) -> None:
    add(machine, 101, "engine", supervised=True, Uid="998 998 998 998", Seccomp="0")
    found = findings(machine)["process.calls", "engine-0"]
    assert (found.outcome, found.reason, found.facts["seccomp_mode"]) == ("warning", "development", 0)


def test_what_may_not_be_looked_at_is_not_checked(machine: Machine, monkeypatch: pytest.MonkeyPatch) -> None:
    def denied(_self: ProcessFiles) -> str:
        raise PermissionError

    monkeypatch.setattr(ProcessFiles, "network_namespace", denied)
    found = findings(machine)["process.network", "engine-0"]
    assert (found.outcome, found.reason) == ("not_checked", "not_permitted")


def test_a_process_that_ends_meanwhile_is_not_checked(machine: Machine) -> None:
    (machine.root / "proc/101/status").unlink()
    found = findings(machine)["process.calls", "engine-0"]
    assert (found.outcome, found.reason) == ("not_checked", "unreadable")


_PR_SET_NO_NEW_PRIVS = 38


def test_the_kernel_is_read_rightly() -> None:
    """This process itself, and a child that differs from it in what is read."""
    with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as listening, socket.socket(socket.AF_UNIX):
        listening.bind(("127.0.0.1", 0))
        listening.listen()
        sockets = ProcessFiles(Path("/proc"), os.getpid()).sockets()
        assert listening.getsockname()[1] in sockets.tcp_ports
        assert sockets.families["tcp"] >= 1
    assert listening.fileno() == -1
    program = (
        "import ctypes, mmap, resource, sys\n"
        f"ctypes.CDLL(None).prctl({_PR_SET_NO_NEW_PRIVS}, 1, 0, 0, 0)\n"
        "resource.setrlimit(resource.RLIMIT_CORE, (0, 0))\n"
        "kept = mmap.mmap(-1, 4096, prot=mmap.PROT_READ | mmap.PROT_WRITE | mmap.PROT_EXEC)\n"
        "print(flush=True); sys.stdin.read()\n"
    )
    with subprocess.Popen(
        [sys.executable, "-c", program], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    ) as child:
        assert child.stdout is not None
        child.stdout.readline()
        files = ProcessFiles(Path("/proc"), child.pid)
        mine = ProcessFiles(Path("/proc"), os.getpid())
        assert (files.status()["NoNewPrivs"], mine.status()["NoNewPrivs"]) == ("1", _no_new_privileges())
        assert files.core_limit() == "0"
        assert files.written_and_run() >= 1
        assert files.network_namespace() == mine.network_namespace()
        assert "lo" in files.interfaces()
        assert any(mount.place == "/" for mount in files.mounts())
        assert files.arguments()[1] == "-c"
        child.communicate(b"")


def _no_new_privileges() -> str:
    return str(ctypes.CDLL(None).prctl(39, 0, 0, 0, 0))
