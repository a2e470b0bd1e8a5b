"""A box with a kernel of its own: a virtual machine of QEMU that boots what was installed in a container.

What a container may not show is shown here: the filters of cgroups on addresses, limits on swap, and that the
units start without a machine around them. QEMU emulates the processor, so everything takes many times longer;
the units get as much more time, and nothing else of them is changed. With KVM, where it works, nothing is.
"""

from __future__ import annotations

import base64
import contextlib
import json
import shutil
import socket
import subprocess
import time
import zlib
from pathlib import Path
from types import TracebackType
from typing import Any, Final

from tools.booted_box.box import Box, Listing, MachineError, NoBoxError, run_outside
from tools.booted_box.cables import BOX_ADDRESSES, Cables
from tools.booted_box.kernel import Kernel

DISK_SIZE: Final = "4G"
MEMORY: Final = "3G"
#: How much slower an emulated processor is at most.
EMULATED: Final = 12.0
START_SECONDS: Final = 60.0
#: What the kernel is told: nobody is at a serial terminal, and no device manager would bring one up.
_ARGUMENTS: Final = (
    "console=ttyS0 net.ifnames=0 quiet panic=-1 systemd.mask=serial-getty@ttyS0.service "
    "systemd.mask=getty@tty1.service"
)
_AGENT: Final = "usr/local/lib/keyboard.py"
_KEYBOARD: Final = f"""\
[Unit]
Description=Whoever sits at the keyboard
DefaultDependencies=no
After=local-fs.target
[Service]
ExecStartPre=/sbin/modprobe virtio_console
ExecStart=/usr/bin/python3 -B /{_AGENT}
Restart=always
"""
_CABLES: Final = """\
[Unit]
Description=The box's cables
DefaultDependencies=no
Before=network-pre.target sysinit.target
Wants=network-pre.target
[Service]
Type=oneshot
RemainAfterExit=yes
ExecStart=/sbin/modprobe virtio_net
ExecStart=/bin/sh -ec '%s'
"""
#: The units that have a time to be ready in, and what to change of it alone.
_UNITS: Final = ("capture", "engine@", "feed", "console", "firewall")


class VirtualMachine(Box):
    """Runs from `with` on: the files of `root`, copied to a disk of its own, under `kernel`."""

    def __init__(self, root: Path, kernel: Kernel, cables: Cables, directory: Path, *, kvm: bool) -> None:
        self.disk = directory / "virtual.img"
        self.slowness = 1.0 if kvm else EMULATED
        self.console, self._port = directory / "virtual.log", directory / "keyboard"
        self._root, self._kernel, self._cables = root, kernel, cables
        self._process: subprocess.Popen[bytes] | None = None
        self._line: socket.socket | None = None

    def __enter__(self) -> VirtualMachine:
        if shutil.which("qemu-system-x86_64") is None:
            raise NoBoxError("qemu-system-x86_64 is not installed; run: apt-get install qemu-system-x86")
        self._lay_out()
        try:
            self.start()
        except BaseException:
            self.power_off()
            raise
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.power_off()

    def _lay_out(self) -> None:
        """Add what makes the installed files a machine, and write them to a disk."""
        shutil.copytree(self._kernel.modules, self._root / "lib/modules" / self._kernel.modules.name)
        shutil.copyfile(Path(__file__).with_name("keyboard.py"), self._root / _AGENT)
        plugs = " ".join(
            f"ip addr add {address}/24 dev eth{number}; ip link set eth{number} up;"
            for number, address in enumerate(BOX_ADDRESSES.values())
        )
        for name, text in (("keyboard", _KEYBOARD), ("cables", _CABLES % plugs)):
            unit = self._root / f"etc/systemd/system/{name}.service"
            unit.write_text(text, encoding="ascii")
            wants = unit.parent / "sysinit.target.wants"
            wants.mkdir(exist_ok=True)
            (wants / unit.name).symlink_to(f"../{unit.name}")
        for unit_name in _UNITS if self.slowness > 1.0 else ():
            longer = self._root / f"etc/systemd/system/ridge-{unit_name}.service.d/emulated.conf"
            longer.parent.mkdir(exist_ok=True)
            watchdog = "" if unit_name == "firewall" else f"WatchdogSec={30 * self.slowness:.0f}\n"
            longer.write_text(
                f"[Service]\nTimeoutStartSec={120 * self.slowness:.0f}\n{watchdog}", encoding="ascii"
            )
        run_outside("truncate", "-s", DISK_SIZE, str(self.disk))
        run_outside("mke2fs", "-q", "-t", "ext4", "-d", str(self._root), str(self.disk))

    def start(self) -> None:
        """Switch it on and wait until systemd has started all that it can.

        Raises:
            MachineError: it did not come up.
        """
        cards = [
            part
            for number, tap in enumerate(self._cables.taps())
            for part in (
                "-netdev", f"tap,id=cable{number},ifname={tap},script=no,downscript=no", "-device",
                f"virtio-net-pci,netdev=cable{number},mac=52:54:00:77:00:{number + 1:02x},romfile=",
            )
        ]  # fmt: skip
        processor = ("kvm", "host") if self.slowness == 1.0 else ("tcg,thread=multi", "max")
        with self.console.open("ab") as console:
            self._process = subprocess.Popen(
                self._cables.inside_box(
                    "qemu-system-x86_64", "-nodefaults", "-no-reboot", "-display", "none", "-machine", "q35",
                    "-accel", processor[0], "-cpu", processor[1], "-smp", "2", "-m", MEMORY,
                    "-serial", "stdio",
                    "-kernel", str(self._kernel.image), "-initrd", str(self._kernel.first),
                    "-append", _ARGUMENTS,
                    "-drive", f"file={self.disk},format=raw,if=virtio,cache=writethrough",
                    "-device", "virtio-serial-pci",
                    "-chardev", f"socket,id=keyboard,path={self._port},server=on,wait=off",
                    "-device", "virtserialport,chardev=keyboard,name=keyboard",
                    "-device", "virtio-rng-pci", *cards,
                ),
                stdin=subprocess.DEVNULL, stdout=console, stderr=console,
            )  # fmt: skip
        deadline = time.monotonic() + START_SECONDS * self.slowness
        while time.monotonic() < deadline and self._process.poll() is None:
            try:
                self._sit_down()
                state = self.try_run("systemctl is-system-running", timeout=20)[1].strip()
                if state in {"running", "degraded"}:
                    return
            except (MachineError, OSError):
                pass
            time.sleep(1)
        raise MachineError(f"the virtual box did not start; it said:\n{self.said()}")

    def power_off(self) -> None:
        """Press the power button and wait until it is off."""
        if self._process is None or self._process.poll() is not None:
            return
        with contextlib.suppress(MachineError, OSError):
            self.try_run("systemctl poweroff --no-block", timeout=20)
        try:
            self._process.wait(30 * self.slowness)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
        self._get_up()

    def try_run(
        self, command: str, *, timeout: float = 120, environment: dict[str, str] | None = None
    ) -> tuple[int, str, str]:
        """Exit status, standard output and standard error of a shell's command, typed at the keyboard."""
        limit = timeout * self.slowness
        said = self._ask({"run": command, "environment": environment or {}, "timeout": limit}, limit + 30.0)
        if "late" in said:
            raise MachineError(f"in the box, this was not done within {limit} s:\n{command}")
        return said["rc"], said["out"], said["err"]

    def listing(self) -> Listing:
        """Every regular file in the box: path to kind of file system, size, sha256."""
        program = base64.b64encode(Path(__file__).with_name("listing.py").read_bytes()).decode("ascii")
        files: Listing = json.loads(self.run(f"echo {program} | base64 -d | python3 -B -", timeout=180))
        return files

    def contents(self, paths: list[str]) -> dict[str, bytes]:
        """What is in these files, of those that are still there."""
        said = self._ask({"read": paths}, 60.0 * self.slowness)
        return {path: base64.b64decode(data) for path, data in said.items()}

    def processes(self) -> dict[int, str]:
        """None: a machine's processes cannot be seen from outside."""
        return {}

    def sync(self) -> None:
        """Let all that the box has written reach `disk`."""
        self.run("sync")

    # The keyboard

    def _sit_down(self) -> None:
        if self._line is None:
            line = socket.socket(socket.AF_UNIX)
            line.connect(str(self._port))
            self._line = line

    def _get_up(self) -> None:
        if self._line is not None:
            self._line.close()
            self._line = None

    def _ask(self, request: dict[str, Any], seconds: float) -> dict[str, Any]:
        self._sit_down()
        assert self._line is not None
        try:
            self._line.settimeout(seconds)
            self._line.sendall(json.dumps(request).encode("utf-8") + b"\n")
            parts = []
            while not parts or not parts[-1].endswith(b"\n"):
                part = self._line.recv(1 << 20)
                if not part:
                    raise MachineError("nobody is at the keyboard of the virtual box any more")
                parts.append(part)
        except (OSError, MachineError) as error:
            # What answers later would be taken for the answer to the next question.
            self._get_up()
            raise MachineError(f"the virtual box does not answer: {error}") from error
        answer: dict[str, Any] = json.loads(zlib.decompress(base64.b64decode(b"".join(parts))))
        return answer
