"""A whole appliance in a directory of its own on loopback: for the demo, benchmarks and tests."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
import tempfile
import threading
from collections.abc import Callable, Iterable
from pathlib import Path
from types import TracebackType
from typing import Any, TextIO

from appliance.box.config import Config

REPOSITORY = Path(__file__).resolve().parent.parent
#: Loading the models takes a few seconds; a busy two-core machine may need many more.
READY_SECONDS = 120.0
STOP_SECONDS = 30.0

Event = dict[str, Any]


class ApplianceError(RuntimeError):
    """The appliance did not come up, or ended by itself; the message quotes its journal."""


def free_ports(count: int) -> tuple[int, int]:
    """An inclusive range of UDP ports, the first even, of which the outermost two are free right now."""
    for _ in range(100):
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
            probe.bind(("127.0.0.1", 0))
            low = probe.getsockname()[1] & ~1
        if low + count > 65_000:
            low = 20_000 + low % 20_000 & ~1
        if _is_free(low) and _is_free(low + count - 1):
            return low, low + count - 1
    raise ApplianceError("no free range of UDP ports was found on loopback")


def _is_free(port: int) -> bool:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        try:
            probe.bind(("127.0.0.1", port))
        except OSError:
            return False
    return True


class RunningAppliance:
    """`ridge run` with a configuration and keys in a temporary directory.

    Args:
        seats: the seats to enrol before the start.
        settings: TOML text appended to the configuration (tables other than box, siprec and feed).
        siprec: lines added to the table [siprec].
        engines: number of engine processes.
        journal: where the journal goes besides `events`; None keeps it.
    """

    def __init__(
        self,
        seats: Iterable[str] = ("8001",),
        *,
        settings: str = "",
        siprec: str = "",
        engines: int = 1,
        journal: TextIO | None = None,
    ) -> None:
        self._temporary = tempfile.TemporaryDirectory(prefix="ridge-")
        self.directory = Path(self._temporary.name)
        self.config = self.directory / "ridge.toml"
        self.seats = tuple(seats)
        self.events: list[Event] = []
        self.ready: Event = {}
        self._journal = journal
        self._arrived = threading.Condition()
        self._process: subprocess.Popen[str] | None = None
        low, high = free_ports(400)
        pulled = Config().box.state_directory / "models"
        if pulled.is_dir() and "[models]" not in settings:
            settings += f"\n[models]\ndirectory = '{pulled}'"
        self.config.write_text(
            f"[box]\nruntime_directory = '{self.directory}/run'\nstate_directory = '{self.directory}/state'\n"
            f"[siprec]\nudp_port = 0\ntcp_port = 0\nrtp_ports = [{low}, {high}]\n{siprec}\n"
            f"[feed]\npublish_port = 0\ncontrol_port = 0\n[engine]\nprocesses = {engines}\n{settings}\n",
            encoding="utf-8",
        )

    def __enter__(self) -> RunningAppliance:
        try:
            for seat in self.seats:
                self.enrol(seat)
            self._start()
        except BaseException:
            self.close()
            raise
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def keys(self, seat: str) -> Path:
        """The directory with the keys of an enrolled seat."""
        return self.directory / "seats" / seat

    def enrol(self, seat: str) -> None:
        """Enrol a seat as an admin would."""
        out = str(self.directory / "seats")
        self.ridge("seats", "enrol", seat, "--out", out, "--config", str(self.config))

    def ridge(self, *arguments: str) -> str:
        """Run one `ridge` command and return what it printed."""
        done = subprocess.run(
            [sys.executable, "-m", "appliance", *arguments],
            cwd=REPOSITORY,
            capture_output=True,
            text=True,
            check=False,
        )
        if done.returncode:
            raise ApplianceError(f"ridge {' '.join(arguments)} failed: {done.stderr.strip()}")
        return done.stdout

    def listener(self, seat: str, *arguments: str, **options: Any) -> subprocess.Popen[str]:
        """Start `ridge listen` as a seat would."""
        return subprocess.Popen(
            [
                sys.executable, "-m", "appliance", "listen", "--connect", f"tcp://127.0.0.1:{self.ready['publish_port']}",
                "--control", f"tcp://127.0.0.1:{self.ready['control_port']}",
                "--seat", seat, "--keys", str(self.keys(seat)), *arguments,
            ],
            cwd=REPOSITORY,
            text=True,
            **options,
        )  # fmt: skip

    @property
    def pid(self) -> int:
        """The supervisor's process id."""
        assert self._process is not None
        return self._process.pid

    def wait_for(
        self, name: str, matches: Callable[[Event], bool] = lambda event: True, seconds: float = 30.0
    ) -> Event:
        """The first journal event of that name that matches, waiting for it."""
        found: list[Event] = []

        def look() -> bool:
            found[:] = [event for event in self.events if event["event"] == name and matches(event)][:1]
            return bool(found) or self._ended()

        with self._arrived:
            self._arrived.wait_for(look, seconds)
        if not found:
            tail = "\n".join(json.dumps(event) for event in self.events[-15:])
            why = "the appliance has ended" if self._ended() else f"it did not come within {seconds:.0f} s"
            raise ApplianceError(f"no event {name}: {why}; the journal ends with\n{tail}")
        return found[0]

    def stop(self) -> int:
        """Stop the appliance as systemd would; returns its exit status."""
        process = self._process
        if process is None:
            return 0
        if process.poll() is None:
            process.send_signal(signal.SIGTERM)
            try:
                process.wait(STOP_SECONDS)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()
        self._reader.join(5)
        return process.returncode

    def close(self) -> None:
        """Stop the appliance and remove its directory."""
        self.stop()
        self._temporary.cleanup()

    def _start(self) -> None:
        self._process = subprocess.Popen(
            [sys.executable, "-m", "appliance", "run", "--config", str(self.config)],
            cwd=REPOSITORY,
            stderr=subprocess.PIPE,
            text=True,
            env={**os.environ, "PYTHONUNBUFFERED": "1"},
        )
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()
        self.ready = self.wait_for("appliance_ready", seconds=READY_SECONDS)

    def _ended(self) -> bool:
        return self._process is not None and self._process.poll() is not None and not self._reader.is_alive()

    def _read(self) -> None:
        assert self._process is not None
        assert self._process.stderr is not None
        for line in self._process.stderr:
            if self._journal is not None:
                self._journal.write(line)
                self._journal.flush()
            try:
                event = json.loads(line)
            except ValueError:
                event = {"event": "text", "line": line.rstrip()}
            with self._arrived:
                self.events.append(event)
                self._arrived.notify_all()
        with self._arrived:
            self._arrived.notify_all()
