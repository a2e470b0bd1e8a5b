"""What the checks need of a booted box, be it a container that shares a kernel or a virtual machine."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Protocol

#: path to kind of file system, size, sha256
Listing = dict[str, list[Any]]


class MachineError(RuntimeError):
    """The box did not do what it was told; the text quotes what it said."""


class NoBoxError(MachineError):
    """Not even an empty box can be booted on this machine; the text says why."""


class Box(Protocol):
    """A box that runs."""

    #: all that was written in it, as one file
    disk: Path
    #: how many times slower than the machine that it runs on
    slowness: float

    def restart(self) -> None:
        """Switch it off and on again."""

    def run(self, command: str, *, timeout: float = 120, environment: dict[str, str] | None = None) -> str:
        """What a shell's command printed.

        Raises:
            MachineError: it failed, or did not end in time.
        """

    def try_run(
        self, command: str, *, timeout: float = 120, environment: dict[str, str] | None = None
    ) -> tuple[int, str, str]:
        """Exit status, standard output and standard error of a shell's command, typed at the keyboard."""

    def listing(self) -> Listing:
        """Every regular file in the box: path to kind of file system, size, sha256."""

    def contents(self, paths: list[str]) -> dict[str, bytes]:
        """What is in these files, of those that are still there."""

    def processes(self) -> dict[int, str]:
        """Every process that can be seen from outside, by its number there, with its command line."""

    def sync(self) -> None:
        """Let all that the box has written reach `disk`."""
