"""The sending side: a process's own line to the console, which costs it nothing where nobody listens."""

from __future__ import annotations

import contextlib
import importlib.metadata
import socket
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Final

import msgspec

from appliance.box.clock.jumps import JumpWatch, Moment, read
from appliance.box.notify import ServiceManager
from appliance.box.status import confinement
from appliance.box.status.reports import Fault, Process, Report, State, encode

STATUS_SOCKET: Final = "status.sock"
REPORT_SECONDS: Final = 2.0


class StatusLine:
    """Sends this process's reports to `status.sock`. Nothing here blocks, and nothing here raises."""

    def __init__(
        self,
        runtime_directory: Path,
        manager: ServiceManager | None = None,
        moment: Callable[[], Moment] = read,
    ) -> None:
        self._address = str(runtime_directory / STATUS_SOCKET)
        self._manager = manager
        self._moment = moment
        self._began = time.monotonic()
        self._due = 0.0
        self._clock = JumpWatch(moment())
        self._confinement = confinement.measure()
        self._version = installed_version()
        self._state: State = "running"

    def due(self, now: float) -> bool:
        """Whether a report is due; `now` is monotonic, in seconds."""
        if now < self._due:
            return False
        self._due = now + REPORT_SECONDS
        return True

    def tell(self, make: Callable[[Process], Report], now: float) -> None:
        """Send the report that `make` makes of what all processes say.

        A fault in making it (a counter out of its bounds) is a report that is not sent: no call ends for it.
        """
        with contextlib.suppress(Exception):
            self._send(encode(make(self.process(now))))

    def stopping(self, make: Callable[[Process], Report], now: float) -> None:
        """Tell at once that this process stops; what it tells from here on says so, too."""
        self._state = "stopping"
        self.tell(make, now)

    def failed(
        self,
        make: Callable[[Process], Report],
        error: Exception,
        faults: Mapping[type[Exception], Fault],
    ) -> None:
        """The last word of a process that cannot go on, with the first code of `faults` that fits."""
        self._state = "failed"
        fault = next((code for kind, code in faults.items() if isinstance(error, kind)), "unforeseen")
        self.tell(lambda process: make(msgspec.structs.replace(process, fault=fault)), time.monotonic())

    def process(self, now: float) -> Process:
        """What this process says of itself; `now` is monotonic, in seconds."""
        self._clock.look(self._moment())
        manager = self._manager
        return Process(
            version=self._version,
            uptime=int(now - self._began) if now > self._began else 0,
            state=self._state,
            asked=manager.asked if manager else 0,
            done=manager.done if manager else 0,
            watchdog=manager is not None and manager.interval is not None,
            clock_jumps=self._clock.jumps,
            last_jump_ms=self._clock.last_ms,
            confinement=self._confinement,
        )

    def _send(self, data: bytes) -> None:
        with contextlib.suppress(OSError), socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as line:
            line.setblocking(False)
            line.sendto(data, self._address)


def installed_version() -> str:
    """The version of the appliance, digits and dots; 0.0 where it runs without having been installed."""
    with contextlib.suppress(importlib.metadata.PackageNotFoundError):
        numbers = importlib.metadata.version("ridge-appliance").split(".")
        plain = [number for number in numbers if number.isdecimal()]
        if len(plain) >= 2:
            return ".".join(plain[:4])
    return "0.0"
