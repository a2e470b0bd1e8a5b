"""What the kernel grants this process, found out by asking and without changing anything."""

from __future__ import annotations

import contextlib
import os
import resource
import socket
from pathlib import Path
from typing import Final

from appliance.box.status.reports import Confinement

_SELF: Final = Path("/proc/self/status")
#: seccomp(2): a filter is installed
_FILTER: Final = "2"


def measure() -> Confinement:
    """Measure this process; what cannot be found out counts as granted."""
    fields = _fields()
    sets = ("CapInh", "CapPrm", "CapEff", "CapBnd", "CapAmb")
    return Confinement(
        no_new_privileges=fields.get("NoNewPrivs") == "1",
        system_call_filter=fields.get("Seccomp") == _FILTER,
        no_capabilities=all(_none(fields.get(name)) for name in sets),
        internet=_internet(),
        core_dumps=resource.getrlimit(resource.RLIMIT_CORE)[1] != 0,
        writable_root=os.access("/", os.W_OK) or os.access("/usr", os.W_OK),
    )


def _fields() -> dict[str, str]:
    """The lines of proc_pid_status(5)."""
    fields: dict[str, str] = {}
    with contextlib.suppress(OSError, ValueError):
        for line in _SELF.read_text(encoding="ascii").splitlines():
            name, _, value = line.partition(":")
            fields[name] = value.strip()
    return fields


def _none(mask: str | None) -> bool:
    return mask is not None and set(mask) == {"0"}


def _internet() -> bool:
    for family in (socket.AF_INET, socket.AF_INET6):
        try:
            socket.socket(family, socket.SOCK_DGRAM).close()
        except OSError:
            continue
        return True
    return False
