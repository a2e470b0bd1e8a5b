"""A site in network namespaces: gateway, seats and an outsider, each on a cable of its own to the box."""

from __future__ import annotations

import ctypes
import os
import shutil
import socket
import subprocess
import threading
from pathlib import Path
from typing import Final

_CLONE_NEWNET: Final = 0x40000000
#: Each neighbour is 10.77.N.2 behind the box's 10.77.N.1.
NEIGHBOURS: Final = {"gateway": 1, "seats": 2, "outsider": 3}
#: What is not there after this time was dropped; a way that is open takes a thousandth of it.
DROPPED_AFTER: Final = 1.0


def missing() -> str | None:
    """Why no site can be built here; None where one can."""
    for program, package in (("ip", "iproute2"), ("nft", "nftables")):
        if shutil.which(program) is None:
            return f"{program} is not installed (Debian package {package})"
    name = f"ridge-{os.getpid()}-try"
    tried = subprocess.run(["ip", "netns", "add", name], capture_output=True, text=True, check=False)
    if tried.returncode:
        return f"no network namespace can be made: {tried.stderr.strip()}"
    try:
        tables = subprocess.run(
            ["ip", "netns", "exec", name, "nft", "list", "tables"],
            capture_output=True, text=True, check=False,
        )  # fmt: skip
    finally:
        subprocess.run(["ip", "netns", "del", name], check=True)
    return f"the kernel has no nftables: {tables.stderr.strip()}" if tables.returncode else None


def box_address(neighbour: str) -> str:
    """The box's address on the cable of a neighbour."""
    return f"10.77.{NEIGHBOURS[neighbour]}.1"


def address(neighbour: str) -> str:
    return f"10.77.{NEIGHBOURS[neighbour]}.2"


class Site:
    """The namespaces; `close` removes them and what runs in the box's."""

    def __init__(self) -> None:
        self._names = {name: f"ridge-{os.getpid()}-{name}" for name in ("box", *NEIGHBOURS)}
        for name in self._names.values():
            _run("ip", "netns", "add", name)
            _run("ip", "-n", name, "link", "set", "lo", "up")
        box = self._names["box"]
        for neighbour, number in NEIGHBOURS.items():
            there = self._names[neighbour]
            cable = f"to-{neighbour}"
            _run("ip", "-n", box, "link", "add", cable, "type", "veth", "peer", "eth0", "netns", there)
            _run("ip", "-n", box, "addr", "add", f"10.77.{number}.1/24", "dev", cable)
            _run("ip", "-n", there, "addr", "add", f"10.77.{number}.2/24", "dev", "eth0")
            _run("ip", "-n", box, "link", "set", cable, "up")
            _run("ip", "-n", there, "link", "set", "eth0", "up")
            # Whoever wants to can try every address of the box.
            _run("ip", "-n", there, "route", "add", "default", "via", f"10.77.{number}.1")

    def in_box(self, *command: str, **options: object) -> subprocess.Popen[str]:
        return subprocess.Popen(  # type: ignore[call-overload,no-any-return]
            ["ip", "netns", "exec", self._names["box"], *command], text=True, **options
        )

    def nft(self, *arguments: str, rules: str = "") -> str:
        done = self.in_box(
            "nft", *arguments, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.STDOUT
        )
        said, _ = done.communicate(rules, timeout=30)
        assert done.returncode == 0, said
        return str(said)

    def socket(self, place: str, kind: socket.SocketKind) -> socket.socket:
        """A socket in a namespace, from a thread that visits it: a socket stays where it was made."""
        made: list[socket.socket | OSError] = []

        def visit() -> None:
            try:
                with Path(f"/run/netns/{self._names[place]}").open("rb") as there:
                    if ctypes.CDLL(None, use_errno=True).setns(there.fileno(), _CLONE_NEWNET):
                        raise OSError(ctypes.get_errno(), "setns")
                made.append(socket.socket(socket.AF_INET, kind))
            except OSError as error:
                made.append(error)

        visitor = threading.Thread(target=visit)
        visitor.start()
        visitor.join()
        found = made[0]
        if isinstance(found, OSError):
            raise found
        found.settimeout(DROPPED_AFTER)
        return found

    def run(self, place: str, *command: str) -> str:
        """What a short command prints in a namespace; it must succeed."""
        there = ["ip", "netns", "exec", self._names[place], *command]
        return subprocess.run(there, check=True, capture_output=True, text=True, timeout=30).stdout

    def connects(self, place: str, target: str, port: int) -> bool:
        """Whether a TCP connection from a place is answered."""
        with self.socket(place, socket.SOCK_STREAM) as line:
            try:
                line.connect((target, port))
            except (TimeoutError, PermissionError):
                return False
        return True

    def close(self) -> None:
        for name in self._names.values():
            subprocess.run(["ip", "netns", "del", name], check=False)


def _run(*command: str) -> None:
    subprocess.run(command, check=True, capture_output=True, timeout=30)
