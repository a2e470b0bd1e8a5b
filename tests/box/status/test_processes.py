"""The processes of the appliance, started as systemd starts them, say how they are."""

from __future__ import annotations

import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from appliance.box.status.line import STATUS_SOCKET
from appliance.box.status.reports import CaptureReport, EngineReport, FeedReport, Report, decode

pytestmark = pytest.mark.end_to_end

ROOT = Path(__file__).parents[3]
#: A process that is not there after this long never will be; loading models on a busy machine is slow.
PATIENCE = 60.0
SITE = """
[box]
runtime_directory = "{0}/run"
state_directory = "{0}/state"
[siprec]
udp_port = {1}
tcp_port = 0
[feed]
publish_port = 0
control_port = 0
[speech]
model = "{2}"
"""


@contextmanager
def heard(directory: Path, command: str, port: int = 0, model: str = "auto") -> Iterator[Ears]:
    """A process and what it says until it ends."""
    (directory / "site.toml").write_text(SITE.format(directory, port, model), encoding="utf-8")
    (directory / "run").mkdir(mode=0o700)
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as line:
        line.bind(str(directory / "run" / STATUS_SOCKET))
        line.settimeout(PATIENCE)
        process = subprocess.Popen(
            [sys.executable, "-m", "appliance", command, "--config", str(directory / "site.toml")],
            cwd=ROOT, stderr=subprocess.DEVNULL,
        )  # fmt: skip
        try:
            yield Ears(line, process)
        finally:
            process.kill()
            process.wait()


class Ears:
    def __init__(self, line: socket.socket, process: subprocess.Popen[bytes]) -> None:
        self._line = line
        self.process = process

    def until(self, condition: Callable[[Report], bool]) -> Report:
        end = time.monotonic() + PATIENCE
        while time.monotonic() < end:
            report = decode(self._line.recv(65_536))
            if condition(report):
                return report
        raise AssertionError("the process never said what was waited for")


@pytest.mark.parametrize(
    ("command", "kind"), [("capture", CaptureReport), ("engine", EngineReport), ("feed", FeedReport)]
)
def test_a_process_says_that_it_runs_and_that_it_stops(tmp_path: Path, command: str, kind: type) -> None:
    with heard(tmp_path, command) as ears:
        first = ears.until(lambda report: True)
        assert isinstance(first, kind)
        assert first.process.state == "running"
        assert first.process.version != "0.0"
        assert first.process.confinement is not None
        ears.process.send_signal(signal.SIGTERM)
        ears.until(lambda report: report.process.state == "stopping")
        assert ears.process.wait(PATIENCE) == 0
    if isinstance(first, EngineReport):
        assert first.recognizer is not None
        assert first.models
    if isinstance(first, FeedReport):
        assert first.ledger is not None
        assert first.ledger.state == "ok"


def test_a_port_that_is_taken_is_the_last_word_of_capture(tmp_path: Path) -> None:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as other:
        other.bind(("127.0.0.1", 0))
        with heard(tmp_path, "capture", port=other.getsockname()[1]) as ears:
            report = ears.until(lambda report: report.process.state == "failed")
    assert isinstance(report, CaptureReport)
    assert report.process.fault == "port"


def test_a_model_that_nobody_knows_is_the_last_word_of_an_engine(tmp_path: Path) -> None:
    with heard(tmp_path, "engine", model="asr-of-nobody") as ears:
        report = ears.until(lambda report: report.process.state == "failed")
    assert isinstance(report, EngineReport)
    assert report.process.fault == "models"


def test_keys_that_all_can_read_are_the_last_word_of_the_feed(tmp_path: Path) -> None:
    (tmp_path / "state" / "feed").mkdir(parents=True, mode=0o755)
    (tmp_path / "state" / "feed").chmod(0o777)
    (tmp_path / "state" / "feed" / "box.key").write_text("not a key")
    with heard(tmp_path, "feed") as ears:
        report = ears.until(lambda report: report.process.state == "failed")
    assert isinstance(report, FeedReport)
    assert report.process.fault == "private_file"
