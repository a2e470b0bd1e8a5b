"""The machine below the box: core dumps, swap, debuggers, room on the disk."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path
from typing import Final

from appliance.inspection.finding import Facts, Finding, failed, not_checked, ok, warning
from appliance.inspection.ground import Ground

MEBIBYTE: Final = 1 << 20
#: With less, the ledger stops, and nothing leaves the box any more.
LEAST_FREE: Final = 128 * MEBIBYTE
#: Patterns of core_pattern that keep nothing: a program that ends at once.
_NO_DUMP: Final = frozenset({"|/bin/false", "|/usr/bin/false"})


def check(ground: Ground) -> Iterator[Finding]:
    """Look at each."""
    yield _core_dumps(ground)
    yield _swap(ground)
    yield _debugging(ground)
    yield _disk(ground)


def _kernel(ground: Ground, name: str) -> str:
    return (ground.proc / "sys" / name).read_text(encoding="ascii").strip()


def _core_dumps(ground: Ground) -> Finding:
    """Core dumps of the whole machine; those of the processes are in `process.memory`."""
    try:
        pattern = _kernel(ground, "kernel/core_pattern")
        facts: Facts = {"core_pattern": pattern, "suid_dumpable": int(_kernel(ground, "fs/suid_dumpable"))}
    except (OSError, ValueError):
        return not_checked("host.core_dumps", "/proc/sys", "unreadable", what="/proc/sys/kernel/core_pattern")
    if pattern in _NO_DUMP:
        return ok("host.core_dumps", "/proc/sys", facts)
    kind = warning if ground.development else failed
    return kind("host.core_dumps", "/proc/sys", "core_pattern", facts, pattern=pattern)


def _swap(ground: Ground) -> Finding:
    """Swap of the machine; the units forbid it to their processes (`process.memory` measures that)."""
    try:
        lines = (ground.proc / "swaps").read_text(encoding="utf-8").splitlines()[1:]
    except OSError:
        return not_checked("host.swap", "/proc/swaps", "unreadable", what="/proc/swaps")
    sizes = [int(line.split()[-3]) for line in lines if len(line.split()) >= 5]
    facts: Facts = {"swap_areas": len(sizes), "swap_kib": sum(sizes)}
    if not sizes:
        return ok("host.swap", "/proc/swaps", facts)
    return warning("host.swap", "/proc/swaps", "swap_on", facts)


def _debugging(ground: Ground) -> Finding:
    """Whether one process may read another one's memory (Yama's ptrace_scope)."""
    try:
        scope = int(_kernel(ground, "kernel/yama/ptrace_scope"))
    except FileNotFoundError:
        scope = 0  # a kernel without Yama asks for the same user only
    except (OSError, ValueError):
        return not_checked(
            "host.debugging", "/proc/sys", "unreadable", what="/proc/sys/kernel/yama/ptrace_scope"
        )
    facts: Facts = {"ptrace_scope": scope}
    if scope >= 2:
        return ok("host.debugging", "/proc/sys", facts)
    kind = warning if ground.development else failed
    return kind("host.debugging", "/proc/sys", "ptrace_open", facts, scope=scope)


def _disk(ground: Ground) -> Finding:
    path = _existing(ground.config.box.state_directory)
    try:
        disk = os.statvfs(path)
        ledger = sum(entry.stat().st_size for entry in (ground.feed_directory / "ledger").glob("*"))
    except PermissionError:
        ledger = 0
        disk = os.statvfs("/")
    except OSError:
        return not_checked("host.disk", str(path), "unreadable", what=path)
    free = disk.f_bavail * disk.f_frsize
    config = ground.config.feed
    wanted = max(0, config.ledger_megabytes * 1_000_000 - ledger) if config.ledger else 0
    facts: Facts = {
        "free_mib": free // MEBIBYTE,
        "size_mib": disk.f_blocks * disk.f_frsize // MEBIBYTE,
        "free_inodes": disk.f_favail,
        "ledger_mib": ledger // MEBIBYTE,
    }
    if free < LEAST_FREE or (disk.f_files and not disk.f_favail):
        return failed("host.disk", str(path), "disk_full", facts, free=free // MEBIBYTE)
    if free < wanted:
        return warning(
            "host.disk", str(path), "disk_short", facts,
            free=free // MEBIBYTE, wanted=wanted // MEBIBYTE,
        )  # fmt: skip
    return ok("host.disk", str(path), facts)


def _existing(path: Path) -> Path:
    while path != path.parent:
        try:
            if path.exists():
                return path
        except PermissionError:
            pass
        path = path.parent
    return path
