"""A box: a container of systemd-nspawn with a systemd of its own, three cables, and a keyboard.

All that is written in it goes to one disk image, a layer over the tree that it was installed on, so that what
a call leaves behind can be looked for sector by sector.
"""

from __future__ import annotations

import contextlib
import json
import os
import shutil
import signal
import subprocess
import time
from pathlib import Path
from types import TracebackType
from typing import Final

from tools.booted_box.box import Box, Listing, MachineError, NoBoxError, run_outside
from tools.booted_box.cables import Cables

START_SECONDS: Final = 180.0
DISK_SIZE: Final = "1500M"
#: What a machine's own kernel would do and a container must not do to the one that it shares.
_WITHHELD: Final = "CAP_SYS_MODULE,CAP_SYS_TIME,CAP_SYS_RAWIO,CAP_SYSLOG"
_PATH: Final = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"


class Machine(Box):
    """Runs from `with` on, until which `directory` holds what belongs to it."""

    def __init__(self, tree: Path, cables: Cables, directory: Path) -> None:
        self.disk = directory / "written.img"
        self.slowness = 1.0
        self.console = directory / "console.log"
        self._tree, self._cables, self._directory = tree, cables, directory
        self._layer, self._root = directory / "layer", directory / "root"
        self._process: subprocess.Popen[bytes] | None = None
        self._init = 0

    def __enter__(self) -> Machine:
        if shutil.which("systemd-nspawn") is None:
            raise NoBoxError("systemd-nspawn is not installed; run: apt-get install systemd-container")
        for path in (self._layer, self._root):
            path.mkdir()
        try:
            self._lay_out()
            self.start()
        except MachineError as error:
            self._clear_away()
            raise NoBoxError(str(error)) from error
        return self

    def _lay_out(self) -> None:
        run_outside("truncate", "-s", DISK_SIZE, str(self.disk))
        run_outside("mke2fs", "-q", "-t", "ext4", str(self.disk))
        run_outside("mount", "-o", "loop", str(self.disk), str(self._layer))
        for name in ("upper", "work"):
            (self._layer / name).mkdir()
        layers = f"lowerdir={self._tree},upperdir={self._layer}/upper,workdir={self._layer}/work"
        run_outside("mount", "-t", "overlay", "overlay", "-o", layers, str(self._root))

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._clear_away()

    def _clear_away(self) -> None:
        with contextlib.suppress(MachineError):
            self.power_off()
        for path in (self._root, self._layer):
            subprocess.run(["umount", str(path)], check=False, capture_output=True)

    @property
    def root(self) -> Path:
        """The box's files, seen from outside."""
        return self._root

    def start(self) -> None:
        """Switch it on and wait until systemd has started all that it can.

        Raises:
            MachineError: it did not come up.
        """
        with self.console.open("ab") as console:
            self._process = subprocess.Popen(
                [
                    "systemd-nspawn", "--quiet", "--boot", f"--directory={self._root}",
                    f"--machine=ridge-{os.getpid()}", "--register=no", "--keep-unit",
                    f"--network-namespace-path={self._cables.box}", "--resolv-conf=off", "--timezone=off",
                    "--link-journal=no", "--capability=all", f"--drop-capability={_WITHHELD}",
                    "--console=pipe", "--kill-signal=SIGRTMIN+4",
                ],
                stdin=subprocess.DEVNULL, stdout=console, stderr=console,
                # systemd then has cgroups of version 2, as on any Debian 12.
                env={"PATH": _PATH, "SYSTEMD_NSPAWN_UNIFIED_HIERARCHY": "1",
                     "SYSTEMD_NSPAWN_API_VFS_WRITABLE": "network"},
            )  # fmt: skip
        deadline = time.monotonic() + START_SECONDS
        while time.monotonic() < deadline:
            if self._process.poll() is not None:
                break
            try:
                self._init = self._find_init()
                state = self.try_run("systemctl is-system-running", timeout=10)[1].strip()
                if state in {"running", "degraded"}:
                    return
            except (MachineError, OSError):
                pass
            time.sleep(0.3)
        raise MachineError(f"the box did not start; it said:\n{self.said()}")

    def power_off(self) -> None:
        """Press the power button and wait until it is off."""
        if self._process is None or self._process.poll() is not None:
            return
        self._process.send_signal(signal.SIGTERM)
        try:
            self._process.wait(90)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()

    def try_run(
        self, command: str, *, timeout: float = 120, environment: dict[str, str] | None = None
    ) -> tuple[int, str, str]:
        """Exit status, standard output and standard error of a shell's command, typed at the keyboard."""
        try:
            done = subprocess.run(
                ["nsenter", f"--target={self._init}", "--all", "--", "/bin/bash", "-ec", command],
                stdin=subprocess.DEVNULL, capture_output=True, timeout=timeout, check=False,
                env={"PATH": _PATH, "HOME": "/root", "LC_ALL": "C.UTF-8", **(environment or {})},
            )  # fmt: skip
        except subprocess.TimeoutExpired as error:
            raise MachineError(f"in the box, this was not done within {timeout} s:\n{command}") from error
        return done.returncode, done.stdout.decode("utf-8", "replace"), done.stderr.decode("utf-8", "replace")

    def listing(self) -> Listing:
        """Every regular file in the box: path to kind of file system, size, sha256."""
        program = Path(__file__).with_name("listing.py").read_text(encoding="utf-8")
        done = subprocess.run(
            ["nsenter", f"--target={self._init}", "--all", "--", "/usr/bin/python3", "-B", "-"],
            input=program, capture_output=True, text=True, check=True, env={"PATH": _PATH},
        )  # fmt: skip
        files: Listing = json.loads(done.stdout)
        return files

    def contents(self, paths: list[str]) -> dict[str, bytes]:
        """What is in these files, of those that are still there."""
        inside, found = Path(f"/proc/{self._init}/root"), {}
        for path in paths:
            with contextlib.suppress(OSError):
                found[path] = (inside / path.lstrip("/")).read_bytes()
        return found

    def processes(self) -> dict[int, str]:
        """Every process in the box by its number outside, with its command line."""
        space = Path(f"/proc/{self._init}/ns/pid").stat().st_ino
        found = {}
        for entry in Path("/proc").iterdir():
            if entry.name.isdigit():
                with contextlib.suppress(OSError):
                    if (entry / "ns/pid").stat().st_ino == space:
                        line = (entry / "cmdline").read_bytes().replace(b"\0", b" ")
                        found[int(entry.name)] = line.decode("utf-8", "replace").strip()
        return found

    def sync(self) -> None:
        """Let all that the box has written reach `disk`."""
        run_outside("sync", "-f", str(self._layer))

    def _find_init(self) -> int:
        assert self._process is not None
        children = Path(f"/proc/{self._process.pid}/task/{self._process.pid}/children")
        for child in children.read_text(encoding="ascii").split():
            return int(child)
        raise MachineError("the container has no first process yet")
