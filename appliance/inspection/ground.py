"""What checks stand on: the configuration, the machine's files and its programs. Tests replace each."""

from __future__ import annotations

import os
import shutil
import subprocess
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Final

from appliance.box.config import Config
from appliance.inspection.procfs import Mount, ProcessFiles

#: A program that has not answered after this time is not waited for.
PROGRAM_SECONDS: Final = 20.0
#: capabilities(7), linux/capability.h
CAP_NET_ADMIN: Final = 1 << 12
#: Where a user's search path does not look.
_SBIN: Final = "/usr/sbin:/sbin"
#: The unit that says whether Ridge's units are installed.
TARGET: Final = "ridge.target"


class ProgramMissingError(Exception):
    """A program of the system is not installed."""

    def __init__(self, program: str) -> None:
        super().__init__(program)
        self.program = program


@dataclass(frozen=True, slots=True)
class Answer:
    """What a program printed, and its exit status."""

    status: int
    out: str
    err: str


Run = Callable[[Sequence[str], str], Answer]


def run_program(command: Sequence[str], standard_input: str = "") -> Answer:
    """Run a program of the system; its language is C, so that what it prints can be read.

    Raises:
        ProgramMissingError: it is not installed.
    """
    program = shutil.which(command[0]) or shutil.which(command[0], path=_SBIN)
    if program is None:
        raise ProgramMissingError(command[0])
    environment = {"PATH": f"{os.environ.get('PATH', '/usr/bin')}:{_SBIN}", "LC_ALL": "C"}
    try:
        done = subprocess.run(
            [program, *command[1:]],
            input=standard_input,
            capture_output=True,
            text=True,
            check=False,
            timeout=PROGRAM_SECONDS,
            env=environment,
            errors="replace",
        )
    except subprocess.TimeoutExpired:
        return Answer(124, "", f"no answer within {PROGRAM_SECONDS:g} s")
    return Answer(done.returncode, done.stdout, done.stderr)


@dataclass(frozen=True)
class Ground:
    """The box that is looked at."""

    config: Config
    #: the file of the configuration; None: the defaults
    config_path: Path | None = None
    #: the root of the machine's own files: `proc`, `sys`, `run`, `etc`
    root: Path = Path("/")
    run: Run = run_program
    now: Callable[[], float] = time.time
    #: the effective user of this process
    user: int = field(default_factory=os.geteuid)
    #: this process's id in `proc`
    process: int = field(default_factory=os.getpid)
    #: verify the whole ledger, however long it is
    whole_ledger: bool = False

    @cached_property
    def may_read_rules(self) -> bool:
        """Whether this process may read the kernel's firewall rules: as root, or by CAP_NET_ADMIN alone."""
        if self.user == 0:
            return True
        try:
            held = int(ProcessFiles(self.proc, self.process).status()["CapEff"], 16)
        except (OSError, KeyError, ValueError):
            return False
        return bool(held & CAP_NET_ADMIN)

    @property
    def proc(self) -> Path:
        """The kernel's view of the processes."""
        return self.root / "proc"

    def mounts(self) -> list[Mount]:
        """The mounts of this machine, as this process sees them."""
        return ProcessFiles(self.proc, self.process).mounts()

    @property
    def feed_directory(self) -> Path:
        """What the feed keeps."""
        return self.config.box.state_directory / "feed"

    @cached_property
    def systemd(self) -> bool:
        """Whether systemd runs this machine (sd_booted(3))."""
        return (self.root / "run/systemd/system").is_dir()

    @cached_property
    def development(self) -> bool:
        """Whether no units run Ridge here, so that nothing sandboxes it: `ridge run`, a checkout, a test."""
        if not self.systemd:
            return True
        try:
            shown = self.run(["systemctl", "show", "--property=LoadState", TARGET], "")
        except ProgramMissingError:
            return True
        return "LoadState=loaded" not in shown.out
