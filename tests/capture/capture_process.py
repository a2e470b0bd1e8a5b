"""A capture process under test: started as the appliance starts it, with the engine's socket on this side."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path
from types import TracebackType

import zmq

from appliance.capture.outlet import socket_path
from appliance.telephony.audioblock import CallEnded, CallMessage, decode
from tests.shared_data import shared_data

ROOT = Path(__file__).parents[2]
OFFERS = shared_data("protocol/siprec")

_PROGRAM = """
import sys
from pathlib import Path
from appliance.box import config
from appliance.capture import service
sys.exit(service.run(config.load(Path(sys.argv[1]))))
"""


class CaptureProcess:
    """Starts capture on ports of the system's choice; `messages` is what the engine's socket has received."""

    def __init__(self, directory: Path, siprec: str = "", rest: str = "") -> None:
        self.runtime = directory / "run"
        self.runtime.mkdir()
        self.config = directory / "site.toml"
        self.config.write_text(
            f'[box]\nruntime_directory = "{self.runtime}"\n'
            f"[siprec]\nudp_port = 0\ntcp_port = 0\n{siprec}\n{rest}\n",
            encoding="utf-8",
        )
        self.messages: list[CallMessage] = []
        self.journal: list[dict[str, object]] = []
        self._context = zmq.Context()
        self._engine = self._context.socket(zmq.PULL)
        self._engine.bind(f"ipc://{socket_path(self.runtime, 0)}")
        self.process: subprocess.Popen[str] | None = None
        self._reader: threading.Thread | None = None

    def __enter__(self) -> CaptureProcess:
        self.process = subprocess.Popen(
            [sys.executable, "-c", _PROGRAM, str(self.config)], stderr=subprocess.PIPE, text=True, cwd=ROOT
        )
        self._reader = threading.Thread(target=self._read_journal, daemon=True)
        self._reader.start()
        self.ready = self.wait_for_event("capture_ready")
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        assert self.process is not None
        if self.process.poll() is None:
            self.process.kill()
        self.process.wait(10)
        self._engine.close(0)
        self._context.term()

    def _read_journal(self) -> None:
        assert self.process is not None
        assert self.process.stderr is not None
        for line in self.process.stderr:
            try:
                self.journal.append(json.loads(line))
            except json.JSONDecodeError:
                self.journal.append({"event": "not_json", "line": line})

    @property
    def udp_port(self) -> int:
        return int(str(self.ready["udp_port"]))

    @property
    def tcp_port(self) -> int:
        return int(str(self.ready["tcp_port"]))

    def events(self, name: str) -> list[dict[str, object]]:
        return [event for event in self.journal if event["event"] == name]

    def wait_for_event(self, name: str, count: int = 1, patience: float = 20.0) -> dict[str, object]:
        end = time.monotonic() + patience
        while time.monotonic() < end:
            found = self.events(name)
            if len(found) >= count:
                return found[count - 1]
            assert self.process is not None
            assert self.process.poll() is None or name == "capture_stopped", self.journal
            time.sleep(0.01)
        raise AssertionError(f"no {name} in the journal within {patience} s: {self.journal}")

    def receive(self, patience: float = 0.0) -> None:
        """Take what the engine's socket holds; wait at most `patience` seconds for the first message."""
        if self._engine.poll(int(patience * 1000)):
            while self._engine.poll(0):
                self.messages.append(decode(self._engine.recv()))

    def receive_until_ended(self, calls: int, patience: float = 30.0) -> None:
        end = time.monotonic() + patience
        while sum(isinstance(message, CallEnded) for message in self.messages) < calls:
            assert time.monotonic() < end, f"{calls} calls should have ended; journal: {self.journal}"
            self.receive(0.05)

    def stop(self) -> dict[str, object]:
        """End the process as systemd does; returns the totals."""
        assert self.process is not None
        self.process.send_signal(signal.SIGTERM)
        end = time.monotonic() + 10
        while self.process.poll() is None and time.monotonic() < end:
            self.receive(0.02)
        assert self.process.poll() == 0, self.journal
        assert self._reader is not None
        self._reader.join(5)
        self.receive(0.1)
        return self.events("capture_stopped")[0]
