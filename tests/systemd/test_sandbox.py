"""The appliance's processes in the sandboxes of their units: a call passes, and what is forbidden is."""

from __future__ import annotations

import contextlib
import ctypes.util
import json
import os
import shutil
import subprocess
import sys
import threading
import time
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

import pytest

from appliance.box.status.board import read_board
from tests.systemd.sandbox import NUMBERS, box_in

ROOT = Path(__file__).parents[2]
CALL = ROOT / "tools/demo_call/second_call.wav"
PATIENCE = 120.0
SITE = """
[siprec]
udp_port = 0
tcp_port = 0
[feed]
publish_port = 0
control_port = 0
[console]
enabled = true
port = 0
"""
UNITS = {
    "console": "ridge-console.service", "feed": "ridge-feed.service", "engine": "ridge-engine@.service",
    "capture": "ridge-capture.service",
}  # fmt: skip


def missing() -> str | None:
    """Why no sandbox can be built here."""
    if os.geteuid() != 0:
        return "only root can build the sandbox of another user"
    if shutil.which("systemd-analyze") is None or ctypes.util.find_library("seccomp") is None:
        return "systemd-analyze and libseccomp are not installed (Debian package systemd)"
    tried = subprocess.run(
        ["unshare", "--mount", "--net", "mount", "-t", "proc", "-o", "subset=pid", "proc", "/proc"],
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    return f"no mount namespace can be made: {tried.stderr.strip()}" if tried.returncode else None


_missing = missing()
pytestmark = pytest.mark.skipif(_missing is not None, reason=str(_missing))


def sandboxed(command: str, box: Path, *arguments: str) -> list[str]:
    return [
        sys.executable,
        "-m",
        "tests.systemd.sandbox",
        UNITS[command],
        str(box),
        sys.executable,
        *arguments,
    ]


def environment(**more: str) -> dict[str, str]:
    return {**os.environ, "PYTHONPATH": str(ROOT), **more}


class Running:
    """One process in its sandbox, and its journal."""

    def __init__(self, command: str, box: Path) -> None:
        self.process = subprocess.Popen(
            sandboxed(command, box, "-m", "appliance", command, "--config", "/var/lib/ridge/ridge.toml"),
            env=environment(), cwd=ROOT, stderr=subprocess.PIPE, text=True,
        )  # fmt: skip
        self.lines: list[str] = []
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()
        self.ready = self.event(f"{command}_ready")

    def _read(self) -> None:
        assert self.process.stderr is not None
        self.lines.extend(iter(self.process.stderr.readline, ""))

    def event(self, name: str) -> dict[str, Any]:
        deadline = time.monotonic() + PATIENCE
        while time.monotonic() < deadline:
            for line in list(self.lines):
                if f'"event": "{name}"' in line:
                    return dict(json.loads(line))
            if self.process.poll() is not None:
                self._reader.join(5)
                break
            time.sleep(0.05)
        raise AssertionError(f"no {name}:\n" + "".join(self.lines))

    def stop(self, name: str) -> dict[str, Any]:
        self.process.terminate()
        assert self.process.wait(PATIENCE) == 0, "".join(self.lines)
        return self.event(name)


@pytest.fixture
def box(tmp_path: Path) -> Path:
    made = box_in(tmp_path)
    (made / "var/lib/ridge/ridge.toml").write_text(SITE, encoding="utf-8")
    return made


@contextlib.contextmanager
def started(box: Path, commands: Iterable[str]) -> Iterator[dict[str, Running]]:
    """The units' processes, by command, until the block ends."""
    processes: dict[str, Running] = {}
    try:
        for command in commands:
            processes[command] = Running(command, box)
        yield processes
    finally:
        for one in processes.values():
            one.process.kill()
            one.process.wait()


@pytest.fixture
def running(box: Path) -> Iterator[dict[str, Running]]:
    with started(box, UNITS) as processes:
        yield processes


@pytest.mark.end_to_end
def test_a_call_passes_through_the_sandboxed_processes(running: dict[str, Running]) -> None:
    port = running["capture"].ready["udp_port"]
    played = subprocess.run(
        [sys.executable, "-m", "tools.callsim", str(CALL), "--target", f"127.0.0.1:{port}", "--seconds", "8"],
        cwd=ROOT, capture_output=True, text=True, check=False, timeout=PATIENCE,
    )  # fmt: skip
    assert played.returncode == 0, played.stdout + played.stderr
    capture = running["capture"].stop("capture_stopped")
    engine = running["engine"].stop("engine_stopped")
    feed = running["feed"].stop("feed_stopped")
    assert capture["everything_delivered"] is True
    assert engine["calls"] == 1
    assert engine["failed_calls"] == engine["failed_batches"] == engine["lost_messages"] == 0
    assert engine["messages"] == feed["door_accepted"] > 2


@pytest.mark.end_to_end
def test_the_sandboxed_processes_and_the_console_itself_tell_that_their_sandboxes_hold(
    box: Path, running: dict[str, Running]
) -> None:
    deadline = time.monotonic() + PATIENCE
    while (board := read_board(box / "run/ridge-status")) is None or len(board.parts) < 3:
        assert time.monotonic() < deadline, "the console never heard of all three"
        time.sleep(0.2)
    told = {part.name: part.report.process.confinement for part in board.parts}
    assert board.console is not None
    told["console"] = board.console.confinement
    assert list(told) == ["capture", "engine-0", "feed", "console"]
    for name, measured in told.items():
        assert measured is not None
        assert measured.no_new_privileges
        assert measured.system_call_filter
        assert measured.no_capabilities
        assert measured.internet == (name != "engine-0")
        assert not measured.core_dumps
        assert not measured.writable_root
    assert (box / "run/ridge-status/status.json").stat().st_gid == NUMBERS["ridge-status"]
    running["console"].stop("console_stopped")


#: Each tries one thing and ends with 0 where it can be done.
ATTEMPTS = {
    "to reach a network": "import socket; socket.socket(socket.AF_INET, socket.SOCK_DGRAM)",
    "to see raw packets": "import socket; socket.socket(socket.AF_PACKET, socket.SOCK_RAW)",
    "to run what it wrote": "import mmap; mmap.mmap(-1, 4096, prot=mmap.PROT_WRITE | mmap.PROT_EXEC)",
    "to read another's memory": "import ctypes, os; libc = ctypes.CDLL(None, use_errno=True); "
    "libc.ptrace(16, os.getppid(), 0, 0) and exit(1)",
    "to write a file": "import pathlib; pathlib.Path('/var/tmp/speech').touch()",
    "to write a model": "import pathlib; pathlib.Path('/var/lib/ridge/models/x').touch()",
    "to read the keys": "import os; os.listdir('/var/lib/ridge/feed')",
    "to reach the audio": "import os; os.lstat('/run/ridge/audio-0.sock')",
    "to reach the door": "import os; os.listdir('/run/ridge-door')",
    "to see other processes": "import os; exit(not os.path.exists('/proc/1/status'))",
    "to read the kernel's state": "import os; exit(not os.path.exists('/proc/meminfo'))",
    "to open a sound card": "import os; os.listdir('/dev/snd')",
    "to make a namespace": "import ctypes; exit(ctypes.CDLL(None).unshare(0x10000000) != 0)",
    "to mount": "import ctypes; exit(ctypes.CDLL(None).mount(b'none', b'/tmp', b'tmpfs', 0, None) != 0)",
}
#: What each process may do of that, because it is its work.
MAY = {
    "engine": {"to reach the audio", "to reach the door"},
    "capture": {"to reach a network", "to reach the audio"},
    "feed": {"to reach a network", "to read the keys", "to reach the door"},
    "console": {"to reach a network"},
}


@pytest.mark.parametrize("command", UNITS)
def test_what_a_process_has_no_need_of_it_cannot_do(box: Path, command: str) -> None:
    (box / "run/ridge/audio-0.sock").touch()
    program = (
        "import json, subprocess, sys\n"
        "for name, attempt in json.loads(sys.argv[1]).items():\n"
        "    done = subprocess.run([sys.executable, '-c', attempt], stderr=subprocess.DEVNULL)\n"
        "    print(json.dumps([name, done.returncode]), flush=True)\n"
    )
    done = subprocess.run(
        sandboxed(command, box, "-c", program, json.dumps({"to run at all": "", **ATTEMPTS})),
        env=environment(), cwd=ROOT, capture_output=True, text=True, check=False, timeout=PATIENCE,
    )  # fmt: skip
    results = dict(json.loads(line) for line in done.stdout.splitlines())
    assert len(results) == len(ATTEMPTS) + 1, done.stderr
    assert {name for name, status in results.items() if status == 0} == {"to run at all", *MAY[command]}
