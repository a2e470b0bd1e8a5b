"""A machine made of files, for checks: /proc with processes, and programs that answer what a test says."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from appliance.box.config import Config
from appliance.inspection.ground import Answer, Ground, ProgramMissingError

#: A process as its unit confines it.
STATUS = {
    "Name": "ridge", "Uid": "998\t998\t998\t998", "VmLck": "0 kB", "VmSwap": "0 kB", "CapInh": "0" * 16,
    "CapPrm": "0" * 16, "CapEff": "0" * 16, "CapBnd": "0" * 16, "CapAmb": "0" * 16, "NoNewPrivs": "1",
    "Seccomp": "2", "Seccomp_filters": "9",
}  # fmt: skip
MOUNTS = (
    "30 1 8:1 / / ro,relatime - ext4 /dev/sda1 rw",
    "31 30 0:25 / /run/ridge rw,nosuid - tmpfs tmpfs rw",
    "32 30 0:26 / /proc rw - proc proc rw",
    "33 30 8:1 /tmp /tmp rw - ext4 /dev/sda1 rw",
)
NAMESPACE_OF_HOST = "net:[4026531840]"
_DEV = "Inter-| Receive\n face |bytes\n"


class Machine:
    """Files below a directory, and the programs that are installed."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self.programs: dict[str, Callable[[Sequence[str], str], Answer]] = {}
        self.asked: list[Sequence[str]] = []
        self.write("proc/1/cmdline", "/sbin/init")
        self.write("proc/self/mountinfo", "")
        self.link("proc/1/ns/net", NAMESPACE_OF_HOST)

    def write(self, name: str, text: str) -> Path:
        path = self.root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
        return path

    def link(self, name: str, target: str) -> None:
        path = self.root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.unlink(missing_ok=True)
        path.symlink_to(target)

    def process(
        self,
        pid: int,
        *arguments: str,
        status: dict[str, str] | None = None,
        namespace: str = "net:[7]",
        interfaces: Sequence[str] = ("lo",),
        mounts: Sequence[str] = MOUNTS,
        maps: str = "r-xp\n7f00-7f01 rw-p\n",
        core: str = "0",
    ) -> None:
        """A process that is confined, unless told otherwise."""
        place = f"proc/{pid}"
        self.write(f"{place}/cmdline", "\0".join(arguments) + "\0")
        lines = {**STATUS, **(status or {})}
        self.write(f"{place}/status", "".join(f"{name}:\t{value}\n" for name, value in lines.items()))
        self.write(f"{place}/limits", f"Limit\nMax core file size        {core}    {core}    bytes\n")
        self.write(f"{place}/coredump_filter", "00000000\n")
        self.write(f"{place}/mountinfo", "\n".join(mounts) + "\n")
        self.write(f"{place}/maps", "55 " + maps)
        self.write(f"{place}/cgroup", "0::/ridge\n")
        self.write(f"{place}/net/dev", _DEV + "".join(f"{name}: 0 0\n" for name in interfaces))
        (self.root / place / "fd").mkdir(exist_ok=True)
        self.link(f"{place}/ns/net", namespace)
        self.link(f"{place}/cwd", "/")

    def socket(self, pid: int, table: str, inode: int, line: str) -> None:
        """One more socket of a process; `line` has {inode}."""
        self.link(f"proc/{pid}/fd/{inode}", f"socket:[{inode}]")
        path = self.root / f"proc/{pid}/net" / table
        text = path.read_text(encoding="utf-8") if path.exists() else "header\n"
        path.write_text(text + line.format(inode=inode) + "\n", encoding="utf-8")

    def answers(self, program: str, out: str = "", status: int = 0, err: str = "") -> None:
        self.programs[program] = lambda _command, _input: Answer(status, out, err)

    def run(self, command: Sequence[str], standard_input: str) -> Answer:
        self.asked.append(command)
        if command[0] not in self.programs:
            raise ProgramMissingError(command[0])
        return self.programs[command[0]](command, standard_input)

    def ground(self, config: Config | None = None, **more: Any) -> Ground:
        return Ground(
            config or Config(),
            **{"root": self.root, "run": self.run, "user": 0, "process": "self", **more},
        )


TCP = "0: 0100007F:{port} 00000000:0000 0A 0:0 0:0 0 0 0 {inode}"
UDP = "0: 0100007F:{port} 00000000:0000 07 0:0 0:0 0 0 0 {inode}"
UNIX = "0: 2 0 0 1 1 {inode} /run/ridge/door.sock"
PACKET = "0 3 3 0003 2 1 0 0 {inode}"
