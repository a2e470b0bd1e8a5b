"""Runs a command in the sandbox that a unit describes, on a machine where no systemd runs.

    python tests/systemd/sandbox.py UNIT BOX COMMAND...

`BOX` is a directory with the box's `run/` and `var/lib/ridge/`. Does what systemd.exec(5) says of these
settings: ProtectSystem=strict, ReadWritePaths=, BindPaths=, InaccessiblePaths=, PrivateDevices=, ProcSubset=,
ProtectProc=, PrivateNetwork=, limits, user, capabilities, MemoryDenyWriteExecute=, RestrictNamespaces=,
RestrictAddressFamilies= and SystemCallFilter=. User namespaces and what cgroups do (IPAddressDeny=,
MemorySwapMax=) are left out, and so is RestrictRealtime=.
"""

from __future__ import annotations

import ctypes
import errno
import os
import resource
import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Final

SYSTEMD: Final = Path(__file__).parents[2] / "systemd"
#: Numbers for the users and groups of sysusers.d/ridge.conf, which no machine of a test gives to anybody.
NUMBERS: Final = {
    "root": 0,
    "ridge-red": 64010,
    "ridge-engine": 64011,
    "ridge-capture": 64012,
    "ridge-feed": 64013,
    "ridge-console": 64014,
    "ridge-status": 64015,
    "ridge-report": 64016,
    "ridge-calls": 64017,
}

_CLONE_NEWNS, _CLONE_NEWIPC, _CLONE_NEWNET = 0x20000, 0x8000000, 0x40000000
_PR_CAPBSET_DROP, _PR_SET_NO_NEW_PRIVS, _PR_SET_MDWE = 24, 38, 65
_ALLOW, _EQUAL, _MASKED = 0x7FFF0000, 4, 7
#: The flags of clone(2) that make namespaces.
_NAMESPACES: Final = 0x7E020000
_LAST_FAMILY: Final = 46
_DEVICES: Final = ("null", "zero", "full", "random", "urandom")

libc = ctypes.CDLL(None, use_errno=True)


def settings(unit: str) -> dict[str, list[str]]:
    """The [Service] settings of a unit file, each with all its values in order."""
    found: dict[str, list[str]] = {}
    for line in (SYSTEMD / unit).read_text(encoding="utf-8").partition("[Service]")[2].splitlines():
        name, equals, value = line.partition("=")
        if equals and not line.startswith("#"):
            found.setdefault(name, []).append(value)
    return found


def further_groups(user: str) -> list[str]:
    """The groups that sysusers.d/ridge.conf puts a user into besides its own."""
    lines = (SYSTEMD / "sysusers.d/ridge.conf").read_text(encoding="utf-8").splitlines()
    return [words[2] for line in lines if (words := line.split())[:2] == ["m", user]]


def box_in(directory: Path) -> Path:
    """A box that the sandboxes' users can reach, in a directory of pytest, which is for root alone."""
    for one in (directory, *directory.parents[:-2]):
        one.chmod(one.stat().st_mode | 0o011)
    box = directory / "box"
    box.mkdir()
    make_box(box)
    return box


def make_box(box: Path) -> None:
    """The directories of tmpfiles.d/ridge.conf below `box`."""
    for line in (SYSTEMD / "tmpfiles.d/ridge.conf").read_text(encoding="utf-8").splitlines():
        if line.startswith("d "):
            _, place, mode, user, group, _ = line.split()
            path = box / place.lstrip("/")
            path.mkdir(parents=True, exist_ok=True)
            os.chown(path, NUMBERS[user], NUMBERS.get(group, NUMBERS[user]))
            path.chmod(int(mode, 8))
        elif line.startswith("L+ "):
            _, place, *_, target = line.split()
            (box / place.lstrip("/")).symlink_to(target)


def _mount(*arguments: str | Path) -> None:
    subprocess.run(["mount", *map(str, arguments)], check=True)


def _build_mounts(unit: dict[str, list[str]], box: Path) -> None:
    _mount("--make-rprivate", "/")
    for closed in _closed_parents(Path(sys.base_prefix)):
        # An interpreter in root's home is for root alone; the other users of this test need it, too.
        _mount("-t", "tmpfs", "-o", "mode=755", "tmpfs", "/mnt")
        Path("/mnt/python").mkdir()
        _mount("--bind", sys.base_prefix, "/mnt/python")
        _mount("-t", "tmpfs", "-o", "mode=755", "tmpfs", closed)
        Path(sys.base_prefix).mkdir(parents=True)
        _mount("--bind", "/mnt/python", sys.base_prefix)
        break
    _mount("--bind", box / "run", "/run")
    _mount("-t", "tmpfs", "-o", "mode=755", "tmpfs", "/var/lib")
    Path("/var/lib/ridge").mkdir()
    _mount("--bind", box / "var/lib/ridge", "/var/lib/ridge")
    writable = [path for value in unit.get("ReadWritePaths", []) for path in value.split()]
    for path in writable:
        _mount("--bind", path, path)
    for value in unit.get("BindPaths", []):
        source, _, target = value.partition(":")
        _mount("--bind", source, target)
        writable.append(target)
    nothing = box / "nothing"
    nothing.mkdir(exist_ok=True)
    nothing.chmod(0)
    for value in unit.get("InaccessiblePaths", []):
        _mount("--bind", nothing, value.removeprefix("-"))
    _mount("-t", "proc", "-o", "subset=pid,hidepid=invisible", "proc", "/proc")
    _build_devices(box)
    # Without /proc/mounts, which this /proc has not: the kernel's list of this process's mounts.
    for line in Path(f"/proc/{os.getpid()}/mountinfo").read_text(encoding="ascii").splitlines():
        place = line.split()[4]
        if place not in writable and not place.startswith(("/proc", "/dev", "/sys")):
            subprocess.run(["mount", "-n", "-o", "remount,bind,ro", place], check=False, capture_output=True)


def _build_devices(box: Path) -> None:
    devices = box / "dev"
    devices.mkdir(exist_ok=True)
    for name in _DEVICES:
        (devices / name).touch()
        _mount("--bind", f"/dev/{name}", devices / name)
    (devices / "shm").mkdir(exist_ok=True)
    _mount("--rbind", devices, "/dev")
    _mount("-t", "tmpfs", "-o", "mode=1777", "tmpfs", "/dev/shm")


def _closed_parents(path: Path) -> Iterator[Path]:
    return (parent for parent in reversed(path.parents) if not parent.stat().st_mode & 0o001)


def _become(unit: dict[str, list[str]]) -> None:
    for name, limit in (("LimitNOFILE", resource.RLIMIT_NOFILE), ("LimitCORE", resource.RLIMIT_CORE)):
        # A container may hold its root below what systemd could grant.
        hard = resource.getrlimit(limit)[1]
        value = int(unit[name][0]) if hard == resource.RLIM_INFINITY else min(int(unit[name][0]), hard)
        resource.setrlimit(limit, (value, value))
    os.umask(int(unit["UMask"][0], 8))
    assert unit["CapabilityBoundingSet"] == [""]
    for capability in range(64):
        libc.prctl(_PR_CAPBSET_DROP, capability, 0, 0, 0)
    os.setgroups([NUMBERS[group] for group in further_groups(unit["User"][0])])
    group, user = NUMBERS[unit["Group"][0]], NUMBERS[unit["User"][0]]
    os.setresgid(group, group, group)
    os.setresuid(user, user, user)
    assert libc.prctl(_PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == 0
    # Kernels before 6.3 do not know it; there the rest of the sandbox is tried without it.
    if libc.prctl(_PR_SET_MDWE, 1, 0, 0, 0):
        assert ctypes.get_errno() == errno.EINVAL


def allowed_calls(filters: list[str]) -> set[str]:
    """The system calls that SystemCallFilter= lets through, in the groups of this machine's systemd."""
    groups: dict[str, list[str]] = {}
    listed = subprocess.run(
        ["systemd-analyze", "syscall-filter", "--no-pager"], check=True, capture_output=True, text=True
    )
    group: list[str] = []
    for line in listed.stdout.splitlines():
        if line.startswith("@"):
            group = groups.setdefault(line, [])
        elif (name := line.strip()) and not name.startswith("#"):
            group.append(name)

    def expand(name: str) -> set[str]:
        return set().union(*map(expand, groups[name])) if name.startswith("@") else {name}

    allowed: set[str] = set(expand("@default"))
    for value in filters:
        names = set().union(*map(expand, value.removeprefix("~").split()))
        allowed = allowed - names if value.startswith("~") else allowed | names
    return allowed


class _Comparison(ctypes.Structure):
    """struct scmp_arg_cmp (seccomp.h)."""

    _fields_ = (
        ("arg", ctypes.c_uint), ("op", ctypes.c_int), ("a", ctypes.c_uint64), ("b", ctypes.c_uint64),
    )  # fmt: skip


def _error(number: int) -> int:
    return 0x00050000 | number


def prepare_filter(calls: set[str], families: set[int]) -> tuple[ctypes.CDLL, ctypes.c_void_p]:
    """A filter that is ready to be loaded: other calls give EPERM, sockets of other families EAFNOSUPPORT."""
    seccomp = ctypes.CDLL("libseccomp.so.2")
    seccomp.seccomp_init.restype = ctypes.c_void_p
    context = ctypes.c_void_p(seccomp.seccomp_init(_error(errno.EPERM)))
    for name in sorted(calls - {"socket", "setns", "unshare", "clone", "clone3"}):
        number = seccomp.seccomp_syscall_resolve_name(name.encode())
        if number >= 0:
            assert seccomp.seccomp_rule_add(context, _ALLOW, number, 0) == 0, name
    # RestrictNamespaces=yes: threads and children, no namespaces. The flags of clone3 lie in memory, where
    # no filter sees them, so C libraries are told that it is not there.
    for name in (b"unshare", b"clone"):
        none = (_Comparison * 1)(_Comparison(0, _MASKED, _NAMESPACES, 0))
        number = seccomp.seccomp_syscall_resolve_name(name)
        assert seccomp.seccomp_rule_add_array(context, _ALLOW, number, 1, none) == 0
    number = seccomp.seccomp_syscall_resolve_name(b"clone3")
    assert seccomp.seccomp_rule_add(context, _error(errno.ENOSYS), number, 0) == 0
    number = seccomp.seccomp_syscall_resolve_name(b"socket")
    for family in range(_LAST_FAMILY):
        action = _ALLOW if family in families else _error(errno.EAFNOSUPPORT)
        wanted = (_Comparison * 1)(_Comparison(0, _EQUAL, family, 0))
        assert seccomp.seccomp_rule_add_array(context, action, number, 1, wanted) == 0
    return seccomp, context


def main(unit_name: str, box: Path, command: list[str]) -> None:
    """Enter the sandbox of a unit and run the command in it."""
    unit = settings(unit_name)
    families = {int(getattr(socket, name)) for name in unit["RestrictAddressFamilies"][0].split()}
    seccomp, context = prepare_filter(allowed_calls(unit["SystemCallFilter"]), families)
    network = _CLONE_NEWNET if unit.get("PrivateNetwork") == ["yes"] else 0
    assert libc.unshare(_CLONE_NEWNS | _CLONE_NEWIPC | network) == 0
    _build_mounts(unit, box)
    kept = ("PATH", "NOTIFY_SOCKET", "PYTHONPATH")
    environment = {name: os.environ[name] for name in kept if name in os.environ}
    # As systemd-sysusers makes these users.
    environment["HOME"] = "/"
    for value in unit["Environment"]:
        environment.update(pair.split("=", 1) for pair in value.split())
    os.chdir("/")
    _become(unit)
    assert seccomp.seccomp_load(context) == 0
    os.execvpe(command[0], command, environment)


if __name__ == "__main__":
    main(sys.argv[1], Path(sys.argv[2]), sys.argv[3:])
