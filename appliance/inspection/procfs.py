"""What /proc says of a process: its rights, its limits, its mounts, its sockets (proc_pid(5))."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

#: An inode of /proc/PID/fd that is a socket.
_SOCKET: Final = re.compile(r"socket:\[(\d+)\]")
#: Tables of /proc/PID/net, their family, and the column of the inode.
_TABLES: Final = (
    ("tcp", "tcp", 9), ("tcp6", "tcp", 9), ("udp", "udp", 9), ("udp6", "udp", 9), ("raw", "raw", 9),
    ("raw6", "raw", 9), ("unix", "unix", 6), ("netlink", "netlink", 9), ("packet", "packet", 8),
)  # fmt: skip
#: include/net/tcp_states.h
_LISTEN: Final = "0A"
#: File systems that hold no files of anybody.
_KERNEL_FILE_SYSTEMS: Final = frozenset(
    {"proc", "sysfs", "cgroup", "cgroup2", "devpts", "mqueue", "securityfs", "debugfs", "tracefs", "bpf",
     "pstore", "configfs", "fusectl", "hugetlbfs", "autofs", "binfmt_misc", "efivarfs", "nsfs"}
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Mount:
    """One mount that a process sees."""

    place: str
    file_system: str
    writable: bool


@dataclass(slots=True)
class Sockets:
    """The sockets that a process has open."""

    #: how many, by family: `unix`, `tcp`, `udp`, `netlink`, `raw`, `packet`, `other`
    families: dict[str, int] = field(default_factory=dict)
    #: TCP ports that are listened on
    tcp_ports: set[int] = field(default_factory=set)
    #: UDP ports that are bound
    udp_ports: set[int] = field(default_factory=set)


@dataclass(frozen=True, slots=True)
class ProcessFiles:
    """One process's directory in /proc. Methods raise OSError where it ended or one may not look."""

    proc: Path
    pid: int

    @property
    def _directory(self) -> Path:
        return self.proc / str(self.pid)

    def arguments(self) -> list[str]:
        """Its command line."""
        return (self._directory / "cmdline").read_bytes().decode(errors="replace").rstrip("\0").split("\0")

    def working_directory(self) -> Path:
        """Where relative paths of its command line begin."""
        return (self._directory / "cwd").readlink()

    def status(self) -> dict[str, str]:
        """The lines of `status`: `NoNewPrivs`, `Seccomp`, `CapEff`, `VmSwap`, ..."""
        lines = (self._directory / "status").read_text(encoding="utf-8", errors="replace").splitlines()
        return {name: value.strip() for name, _, value in (line.partition(":") for line in lines)}

    def core_limit(self) -> str:
        """The hard limit of the size of a core dump: bytes, or `unlimited`."""
        for line in (self._directory / "limits").read_text(encoding="ascii").splitlines():
            if line.startswith("Max core file size"):
                return line.split()[5]
        return "unknown"

    def coredump_filter(self) -> int:
        """Which kinds of memory a core dump would hold; 0: none (core(5))."""
        return int((self._directory / "coredump_filter").read_text(encoding="ascii"), 16)

    def network_namespace(self) -> str:
        """Its name, such as `net:[4026531840]`."""
        return str((self._directory / "ns/net").readlink())

    def interfaces(self) -> list[str]:
        """The network interfaces of its namespace."""
        lines = (self._directory / "net/dev").read_text(encoding="ascii").splitlines()
        return [line.partition(":")[0].strip() for line in lines[2:]]

    def mounts(self) -> list[Mount]:
        """The mounts that it sees, those of the kernel's own left out; the last one of a place counts."""
        found: dict[str, Mount] = {}
        for line in (self._directory / "mountinfo").read_text(encoding="utf-8").splitlines():
            left, _, right = line.partition(" - ")
            columns, kind = left.split(), right.split()[0]
            if kind in _KERNEL_FILE_SYSTEMS:
                continue
            options = set(columns[5].split(",")) | set(right.split()[2].split(","))
            place = columns[4].replace("\\040", " ")
            found[place] = Mount(place, kind, "ro" not in options)
        return list(found.values())

    def written_and_run(self) -> int:
        """How many pieces of its memory may be both written and run."""
        with (self._directory / "maps").open(encoding="utf-8", errors="replace") as lines:
            return sum(1 for line in lines if "w" in (rights := line.split()[1]) and "x" in rights)

    def swap_limit(self) -> str | None:
        """What its control group may swap: bytes, or `max`; None where there is no such limit."""
        for line in (self._directory / "cgroup").read_text(encoding="ascii").splitlines():
            if line.startswith("0::"):
                path = self.proc.parent / "sys/fs/cgroup" / line[3:].lstrip("/") / "memory.swap.max"
                return path.read_text(encoding="ascii").strip() if path.exists() else None
        return None

    def sockets(self) -> Sockets:
        """Its open sockets."""
        inodes = set(self._socket_inodes())
        found = Sockets()
        known: set[str] = set()
        for table, family, column in _TABLES:
            for columns in self._table(table):
                if len(columns) <= column or columns[column] not in inodes:
                    continue
                known.add(columns[column])
                found.families[family] = found.families.get(family, 0) + 1
                if family == "tcp" and columns[3] == _LISTEN:
                    found.tcp_ports.add(_port(columns[1]))
                elif family == "udp":
                    found.udp_ports.add(_port(columns[1]))
        if other := len(inodes - known):
            found.families["other"] = other
        return found

    def _socket_inodes(self) -> Iterator[str]:
        for descriptor in (self._directory / "fd").iterdir():
            try:
                target = str(descriptor.readlink())
            except FileNotFoundError:
                continue  # closed meanwhile
            if match := _SOCKET.fullmatch(target):
                yield match[1]

    def _table(self, name: str) -> Iterator[list[str]]:
        try:
            text = (self._directory / "net" / name).read_text(encoding="utf-8", errors="replace")
        except FileNotFoundError:
            return  # a kernel without that family
        yield from (line.split() for line in text.splitlines()[1:])


def _port(address: str) -> int:
    return int(address.rpartition(":")[2], 16)


def all_processes(proc: Path) -> Iterator[ProcessFiles]:
    """All processes that /proc shows."""
    for entry in proc.iterdir():
        if entry.name.isdecimal():
            yield ProcessFiles(proc, int(entry.name))
