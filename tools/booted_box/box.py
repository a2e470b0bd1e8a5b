"""What the checks need of a booted box, be it a container that shares a kernel or a virtual machine."""

from __future__ import annotations

import subprocess
from abc import ABC, abstractmethod
from pathlib import Path
from typing import Any

#: path to kind of file system, size, sha256
Listing = dict[str, list[Any]]


class MachineError(RuntimeError):
    """The box did not do what it was told; the text quotes what it said."""


class NoBoxError(MachineError):
    """Not even an empty box can be booted on this machine; the text says why."""


class Box(ABC):
    """A box that can be switched on and off, and has a keyboard."""

    #: all that was written in it, as one file
    disk: Path
    #: what it writes to its console
    console: Path
    #: how many times slower than the machine that it runs on
    slowness: float

    @abstractmethod
    def start(self) -> None:
        """Switch it on and wait until systemd has started all that it can.

        Raises:
            MachineError: it did not come up.
        """

    @abstractmethod
    def power_off(self) -> None:
        """Press the power button and wait until it is off."""

    def restart(self) -> None:
        """Switch it off and on again."""
        self.power_off()
        self.start()

    @abstractmethod
    def try_run(
        self, command: str, *, timeout: float = 120, environment: dict[str, str] | None = None
    ) -> tuple[int, str, str]:
        """Exit status, standard output and standard error of a shell's command, typed at the keyboard."""

    def run(self, command: str, *, timeout: float = 120, environment: dict[str, str] | None = None) -> str:
        """What a shell's command printed.

        Raises:
            MachineError: it failed, or did not end in time.
        """
        rc, out, err = self.try_run(command, timeout=timeout, environment=environment)
        if rc:
            said = "\n".join(f"{out}\n{err}".splitlines()[-25:])
            raise MachineError(f"in the box, this failed with {rc}:\n{command}\n{said}")
        return out

    @abstractmethod
    def listing(self) -> Listing:
        """Every regular file in the box: path to kind of file system, size, sha256."""

    @abstractmethod
    def contents(self, paths: list[str]) -> dict[str, bytes]:
        """What is in these files, of those that are still there."""

    @abstractmethod
    def processes(self) -> dict[int, str]:
        """Every process that can be seen from outside, by its number there, with its command line."""

    @abstractmethod
    def sync(self) -> None:
        """Let all that the box has written reach `disk`."""

    def said(self) -> str:
        """The end of what it wrote to its console."""
        try:
            lines = self.console.read_text(encoding="utf-8", errors="replace").splitlines()
        except OSError:
            return "(nothing)"
        return "\n".join(lines[-25:])


def run_outside(*command: str) -> None:
    """Run a command on the machine around the box.

    Raises:
        MachineError: it failed.
    """
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode:
        raise MachineError(f"{' '.join(command)} failed: {done.stderr.strip()}")
