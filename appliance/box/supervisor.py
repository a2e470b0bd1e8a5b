"""`ridge run`: starts all processes of the appliance, restarts those that die, and stops them in order.

On a box the systemd units start the same entry points one by one; this supervisor is for development,
the demo and the tests.
"""

from __future__ import annotations

import contextlib
import json
import os
import queue
import signal
import subprocess
import sys
import threading
import time
from collections import deque
from dataclasses import dataclass, field
from pathlib import Path
from types import FrameType
from typing import Final

from appliance.box.config import Config
from appliance.box.journal import Journal
from appliance.box.journal_events import (
    ApplianceReady,
    ApplianceStopped,
    ChildName,
    ProcessDied,
    ProcessGivenUp,
)
from appliance.box.journal_values import Address
from appliance.box.runtime_directory import claimed

#: A process that dies this often within the window will not be saved by another start.
MAX_RESTARTS: Final = 5
RESTART_WINDOW_SECONDS: Final = 60.0
#: A new start waits, so that a fault that lasts a moment does not use the restarts up.
RESTART_DELAY_SECONDS: Final = 0.5
#: Engines end their calls within the door's budget, which takes some seconds; then they are killed.
STOP_SECONDS: Final = 10.0
_POLL_SECONDS: Final = 0.2
#: What processes say when they are ready, and the appliance says again.
_PORTS: Final = ("publish_port", "control_port", "udp_port", "tcp_port", "console_port", "seats")


@dataclass(slots=True)
class _Child:
    name: str
    arguments: tuple[str, ...]
    ready_event: str
    process: subprocess.Popen[bytes] | None = None
    reader: threading.Thread | None = None
    #: the fields of its ready event, once it is ready
    ready: dict[str, object] | None = None
    starts: deque[float] = field(default_factory=lambda: deque(maxlen=MAX_RESTARTS))
    #: without it there are no calls; others may fail while calls go on
    vital: bool = True
    given_up: bool = False


class Supervisor:
    """Runs all processes as its children; their journals pass through to standard error."""

    def __init__(self, config: Config, path: Path | None) -> None:
        self._journal = Journal("supervisor")
        option = ("--config", str(path)) if path else ()
        self._children = [_Child("feed", ("feed", *option), "feed_ready")]
        self._children += [
            _Child(f"engine-{shard}", ("engine", "--shard", str(shard), *option), "engine_ready")
            for shard in range(config.engine.processes)
        ]
        if config.siprec.enabled:
            self._children.append(_Child("capture", ("capture", *option), "capture_ready"))
        if config.console.enabled:
            console = _Child("console", ("console", *option), "console_ready", vital=False)
            self._children.insert(0, console)
        self._lines: queue.Queue[tuple[_Child, bytes]] = queue.Queue()
        self._stopping = False
        self._announced = False

    def stop(self, _signal: int = 0, _frame: FrameType | None = None) -> None:
        """Ask `run` to stop all processes and return."""
        self._stopping = True

    def run(self) -> int:
        """Supervise until `stop`, or until a process cannot be kept running (exit status 1)."""
        for child in self._children:
            self._start(child)
        status = 0
        while not self._stopping:
            self._relay()
            failed = [child for child in self._children if not self._keep_running(child)]
            if failed:
                status = 1
                break
        # Capture first, so that calls end properly; then the feed, so that their last profiles leave. The
        # console hears how all of them stop.
        for kind in ("capture", "engine", "feed", "console"):
            self._end([child for child in self._children if child.arguments[0] == kind])
        self._drain()
        self._journal.write(ApplianceStopped(status=status))
        return status

    def _start(self, child: _Child) -> None:
        child.ready = None
        child.starts.append(time.monotonic())
        # A session of its own: Ctrl-C reaches the supervisor alone, which stops its children in order.
        child.process = subprocess.Popen(
            [sys.executable, "-m", "appliance.box.supervised", str(os.getpid()), *child.arguments],
            stderr=subprocess.PIPE,
            start_new_session=True,
        )
        child.reader = threading.Thread(target=self._read, args=(child, child.process), daemon=True)
        child.reader.start()

    def _read(self, child: _Child, process: subprocess.Popen[bytes]) -> None:
        stream = process.stderr
        if stream is not None:
            for line in stream:
                self._lines.put((child, line))

    def _relay(self) -> None:
        try:
            child, line = self._lines.get(timeout=_POLL_SECONDS)
        except queue.Empty:
            return
        self._pass_on(child, line)
        self._drain()

    def _drain(self) -> None:
        while True:
            try:
                self._pass_on(*self._lines.get_nowait())
            except queue.Empty:
                return

    def _pass_on(self, child: _Child, line: bytes) -> None:
        # A full disk, or a reader that has gone, must not end the calls that are on.
        with contextlib.suppress(OSError, ValueError):
            sys.stderr.buffer.write(line)
            sys.stderr.buffer.flush()
        if child.ready is None and child.ready_event.encode() in line:
            try:
                child.ready = json.loads(line)
            except ValueError:
                return
            self._announce()

    def _announce(self) -> None:
        if self._announced or any(child.ready is None for child in self._children):
            return
        self._announced = True
        said = {key: value for child in self._children for key, value in (child.ready or {}).items()}
        self._journal.write(
            ApplianceReady(
                processes=len(self._children),
                address=_address(said.get("address")),
                console_address=_address(said.get("console_address")),
                **{key: value for key in _PORTS if isinstance(value := said.get(key), int)},
            )
        )

    def _keep_running(self, child: _Child) -> bool:
        if child.process is None or child.given_up or child.process.poll() is None:
            return True
        if child.reader is not None:
            # The last lines say why.
            child.reader.join(1.0)
        self._drain()
        self._journal.write(ProcessDied(name=ChildName(child.name), status=child.process.returncode))
        if not self._announced:
            # A process that cannot even start has said why; starting it again would only bury the reason.
            return False
        often = len(child.starts) == MAX_RESTARTS
        if often and time.monotonic() - child.starts[0] < RESTART_WINDOW_SECONDS:
            self._journal.write(ProcessGivenUp(name=ChildName(child.name), restarts=MAX_RESTARTS))
            child.given_up = not child.vital
            return child.given_up
        time.sleep(RESTART_DELAY_SECONDS)
        self._start(child)
        return True

    @staticmethod
    def _end(children: list[_Child]) -> None:
        """Stop processes of one kind, all at once."""
        processes = [child.process for child in children if child.process is not None]
        for process in processes:
            if process.poll() is None:
                process.send_signal(signal.SIGTERM)
        deadline = time.monotonic() + STOP_SECONDS
        for process in processes:
            try:
                process.wait(max(0.0, deadline - time.monotonic()))
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()
        for child in children:
            if child.reader is not None:
                # Its totals come last.
                child.reader.join(1.0)


def _address(text: object) -> Address | None:
    return Address(text) if isinstance(text, str) else None


def run(config: Config, path: Path | None) -> int:
    """Run the appliance until SIGTERM or SIGINT.

    Raises:
        RuntimeDirectoryError: the runtime directory cannot be used, or another appliance runs on it.
    """
    with claimed(config.box.runtime_directory, "appliance"):
        supervisor = Supervisor(config, path)
        signal.signal(signal.SIGTERM, supervisor.stop)
        signal.signal(signal.SIGINT, supervisor.stop)
        return supervisor.run()
