"""The processes of the appliance, started as systemd starts them, tell it how they get on."""

from __future__ import annotations

import os
import select
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
#: A process that is not there after this long never will be; loading models on a busy machine is slow.
PATIENCE = 120.0
SITE = """
[box]
runtime_directory = "{0}/run"
state_directory = "{0}/state"
[siprec]
udp_port = 0
tcp_port = 0
[feed]
publish_port = 0
control_port = 0
"""


@pytest.mark.parametrize("command", ["feed", "capture", "engine", "console"])
def test_a_process_tells_that_it_is_ready_gets_on_and_stops(tmp_path: Path, command: str) -> None:
    (tmp_path / "site.toml").write_text(SITE.format(tmp_path), encoding="utf-8")
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as systemd:
        systemd.bind(str(tmp_path / "notify"))
        # The watchdog waits for a second, so a quarter of that passes between two signs of life.
        notify = {"NOTIFY_SOCKET": str(tmp_path / "notify"), "WATCHDOG_USEC": "1000000"}
        process = subprocess.Popen(
            [sys.executable, "-m", "appliance", command, "--config", str(tmp_path / "site.toml")],
            env={**os.environ, **notify}, cwd=ROOT, stderr=subprocess.DEVNULL,
        )  # fmt: skip
        try:
            assert _next(systemd, process) == "READY=1"
            signs = [_next(systemd, process) for _ in range(6)]
            process.send_signal(signal.SIGTERM)
            while (last := _next(systemd, process)).startswith(("WATCHDOG", "STATUS")):
                pass
            assert process.wait(PATIENCE) == 0
        finally:
            process.kill()
            process.wait()
    assert signs.count("WATCHDOG=1") == 3
    assert all(sign == "WATCHDOG=1" or sign.startswith("STATUS=") for sign in signs)
    assert last == "STOPPING=1"


def _next(systemd: socket.socket, process: subprocess.Popen[bytes]) -> str:
    deadline = time.monotonic() + PATIENCE
    while time.monotonic() < deadline:
        if select.select([systemd], [], [], 0.2)[0]:
            return systemd.recv(4096).decode()
        assert process.poll() is None, "the process has ended"
    raise AssertionError("the process says nothing")
