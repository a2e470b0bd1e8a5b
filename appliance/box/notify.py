"""What a process tells systemd: that it is ready, that its work gets on, and that it stops (sd_notify(3)).

A watchdog that is fed because a process is alive learns nothing of one that is alive and stuck. So progress
feeds it: in every quarter of the watchdog's time something must have come of the work that came in, or there
must have been none. Without systemd all of this does nothing.
"""

from __future__ import annotations

import contextlib
import os
import socket
from collections.abc import Mapping
from typing import Final

#: sd_watchdog_enabled(3) recommends half of the time; a quarter leaves room for two windows without progress.
SHARE_OF_WATCHDOG: Final = 0.25
_MICROSECONDS: Final = 1_000_000


class ServiceManager:
    """The service manager that started this process, as far as it wants to be told.

    Reads `NOTIFY_SOCKET`, `WATCHDOG_USEC` and `WATCHDOG_PID` from `environment`. A manager that cannot be
    told must not end the calls that are on, so nothing here raises.
    """

    def __init__(self, environment: Mapping[str, str] = os.environ) -> None:
        self._address = _address(environment.get("NOTIFY_SOCKET", ""))
        seconds = _watchdog_seconds(environment) if self._address else None
        #: how often progress is judged, in seconds; None where no watchdog waits for it
        self.interval = seconds * SHARE_OF_WATCHDOG if seconds else None
        self._due = 0.0
        self._asked = self._done = 0
        #: what `turn` was last told
        self.asked = self.done = 0

    def ready(self) -> None:
        """The sockets are bound and the models loaded."""
        self._tell("READY=1")

    def stopping(self) -> None:
        """Calls are being ended; no more are taken."""
        self._tell("STOPPING=1")

    def status(self, **numbers: int) -> None:
        """A line for `systemctl status`: names and numbers only, because it may be copied anywhere."""
        self._tell("STATUS=" + " ".join(f"{name}={number:d}" for name, number in numbers.items()))

    def turn(self, now: float, asked: int, done: int) -> bool:
        """A turn of the process's loop has ended; feed the watchdog where it is due and deserved.

        Args:
            now: monotonic seconds.
            asked: all pieces of work that came in so far.
            done: all results so far.

        Returns:
            Whether the watchdog was fed.
        """
        self.asked, self.done = asked, done
        if self.interval is None or now < self._due:
            return False
        self._due = now + self.interval
        came, did = asked - self._asked, done - self._done
        self._asked, self._done = asked, done
        if did <= 0 < came:
            return False
        self._tell("WATCHDOG=1")
        return True

    def _tell(self, message: str) -> None:
        if self._address is None:
            return
        with contextlib.suppress(OSError), socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as line:
            line.setblocking(False)
            line.sendto(message.encode(), self._address)


def _address(name: str) -> str | None:
    """The socket's address: a path, or a name in the abstract namespace, which begins with "@"."""
    if name.startswith("@"):
        return "\0" + name[1:]
    return name if name.startswith("/") else None


def _watchdog_seconds(environment: Mapping[str, str]) -> float | None:
    """The watchdog's time, where it is meant for this process (sd_watchdog_enabled(3))."""
    try:
        microseconds = int(environment.get("WATCHDOG_USEC", "0"))
        process = int(environment.get("WATCHDOG_PID", str(os.getpid())))
    except ValueError:
        return None
    return microseconds / _MICROSECONDS if microseconds > 0 and process == os.getpid() else None
