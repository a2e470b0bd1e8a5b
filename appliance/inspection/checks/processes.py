"""Each process as it runs now: its user, its rights, its network, its files, its memory."""

from __future__ import annotations

import pwd
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Final

from appliance.inspection.checks.parts import RunningPart, expected_parts, running_parts
from appliance.inspection.finding import (
    CheckId,
    Fact,
    Facts,
    Finding,
    Reason,
    failed,
    not_checked,
    ok,
    warning,
)
from appliance.inspection.ground import Ground

_MEASURED: Final[tuple[CheckId, ...]] = (
    "process.user", "process.privileges", "process.calls", "process.network", "process.files",
    "process.memory",
)  # fmt: skip
#: seccomp(2): a filter of system calls
_FILTER: Final = "2"
#: What any process may write: memory, devices, and the /tmp that is its own (PrivateTmp).
_WRITABLE_FOR_ALL: Final = ("/run", "/tmp", "/var/tmp", "/dev", "/proc", "/sys")  # noqa: S108
#: In memory too, but for every user: what one process leaves there another one finds.
_SHARED: Final = "/run/lock"
#: What the kernel puts into every new network namespace where these modules are loaded, down.
_FALLBACK_DEVICES: Final = frozenset(
    {"sit0", "tunl0", "ip6tnl0", "gre0", "gretap0", "erspan0", "ip6gre0", "ip_vti0", "ip6_vti0", "teql0"}
)
#: Families that a process may have sockets of.
_FAMILIES: Final = {
    "capture": {"unix", "tcp", "udp", "other"},
    "engine": {"unix", "other"},
    "feed": {"unix", "tcp", "netlink", "other"},
    "console": {"unix", "tcp", "other"},
}


def check(ground: Ground) -> Iterator[Finding]:
    """Measure every process that the configuration asks for."""
    running = running_parts(ground)
    for part in expected_parts(ground):
        found = running.get(part.name)
        if found is None:
            yield failed("process.running", part.name, "not_running", unit=part.unit)
            continue
        yield ok("process.running", part.name, {"pid": found.files.pid, "supervised": found.supervised})
        for check_id in _MEASURED:
            yield _measured(ground, found, check_id)


def _measured(ground: Ground, running: RunningPart, check_id: CheckId) -> Finding:
    try:
        facts, faults = _MEASURES[check_id](ground, running)
    except PermissionError:
        return not_checked(check_id, running.part.name, "not_permitted")
    except (OSError, ValueError, IndexError, KeyError):
        return not_checked(check_id, running.part.name, "unreadable", what=f"/proc/{running.files.pid}")
    if not faults:
        return ok(check_id, running.part.name, facts)
    reason, detail = faults[0]
    if running.supervised:
        # Nothing sandboxes what `ridge run` starts; that is no fault of this machine, and no good either.
        return warning(check_id, running.part.name, "development", facts)
    return failed(check_id, running.part.name, reason, facts, detail=detail, unit=running.part.unit)


Measure = tuple[Facts, list[tuple[Reason, str]]]


def _user(_ground: Ground, running: RunningPart) -> Measure:
    number = int(running.files.status()["Uid"].split()[1])
    try:
        name = pwd.getpwuid(number).pw_name
    except KeyError:
        name = str(number)
    facts: Facts = {"user": name, "expected_user": running.part.user}
    if number == 0:
        return facts, [("runs_as_root", name)]
    return facts, [] if name == running.part.user else [("wrong_user", name)]


def _privileges(_ground: Ground, running: RunningPart) -> Measure:
    status = running.files.status()
    sets = {name: status[name] for name in ("CapEff", "CapPrm", "CapBnd", "CapInh", "CapAmb")}
    facts: Facts = {"no_new_privileges": status["NoNewPrivs"] == "1"}
    facts.update({name.lower(): value for name, value in sets.items()})
    left = [name for name, value in sets.items() if int(value, 16)]
    faults: list[tuple[Reason, str]] = []
    if left:
        faults.append(("privileges_left", ", ".join(left)))
    if status["NoNewPrivs"] != "1":
        faults.append(("privileges_left", "NoNewPrivs"))
    return facts, faults


def _calls(_ground: Ground, running: RunningPart) -> Measure:
    status = running.files.status()
    facts: Facts = {"seccomp_mode": int(status["Seccomp"])}
    if "Seccomp_filters" in status:
        facts["seccomp_filters"] = int(status["Seccomp_filters"])
    return facts, [] if status["Seccomp"] == _FILTER else [("calls_unfiltered", status["Seccomp"])]


def _network(ground: Ground, running: RunningPart) -> Measure:
    files, command = running.files, running.part.command
    own = files.network_namespace() != _network_of_host(ground)
    interfaces = files.interfaces()
    sockets = files.sockets()
    facts: Facts = {"own_network": own, "interfaces": interfaces}
    facts.update({f"sockets_{family}": count for family, count in sorted(sockets.families.items())})
    if sockets.tcp_ports:
        facts["tcp_ports"] = [str(port) for port in sorted(sockets.tcp_ports)]
    if sockets.udp_ports:
        facts["udp_ports"] = _ranges(sockets.udp_ports)
    faults: list[tuple[Reason, str]] = []
    strange = set(sockets.families) - _FAMILIES[command]
    if strange:
        faults.append(("network_sockets", ", ".join(sorted(strange))))
    if command == "engine" and not own:
        faults.append(("network_shared", ""))
    foreign = sorted(set(interfaces) - {"lo"} - _FALLBACK_DEVICES)
    if command == "engine" and own and foreign:
        faults.append(("network_interfaces", ", ".join(foreign)))
    return facts, faults


def _network_of_host(ground: Ground) -> str:
    try:
        return str((ground.proc / "1/ns/net").readlink())
    except PermissionError:
        # In a container the first process may be out of sight; then the machine's is the one we are in.
        return str((ground.proc / str(ground.process) / "ns/net").readlink())


def _files(ground: Ground, running: RunningPart) -> Measure:
    state = ground.config.box.state_directory
    own = {
        "feed": [state / "feed"],
        "engine": [state / "memory"],
        "capture": [state / "memory"],
        "console": [state / "console"],
    }
    allowed = [*map(Path, _WRITABLE_FOR_ALL), *own[running.part.command], ground.config.box.runtime_directory]
    writable = [mount for mount in running.files.mounts() if mount.writable]
    too_many = sorted(
        mount.place
        for mount in writable
        if mount.place == _SHARED or not any(Path(mount.place).is_relative_to(place) for place in allowed)
    )
    facts: Facts = {"writable": sorted({mount.place for mount in writable} - set(too_many))[:20]}
    if too_many:
        facts["writable_beyond"] = too_many[:20]
    return facts, [("files_writable", ", ".join(too_many[:3]))] if too_many else []


def _memory(_ground: Ground, running: RunningPart) -> Measure:
    files = running.files
    status, limit = files.status(), files.core_limit()
    swapped = int(status.get("VmSwap", "0").split()[0])
    facts: dict[str, Fact] = {
        "core_limit": limit,
        "coredump_filter": files.coredump_filter(),
        "swapped_kib": swapped,
        "locked_kib": int(status.get("VmLck", "0").split()[0]),
        "written_and_run": files.written_and_run(),
    }
    swap = files.swap_limit()
    if swap is not None:
        facts["swap_limit"] = swap
    faults: list[tuple[Reason, str]] = []
    if limit != "0":
        faults.append(("core_limit", limit))
    if swapped:
        faults.append(("memory_swapped", str(swapped)))
    if facts["written_and_run"]:
        faults.append(("written_and_run", str(facts["written_and_run"])))
    if swap not in (None, "0"):
        faults.append(("swap_allowed", str(swap)))
    return facts, faults


_MEASURES: Final[dict[CheckId, Callable[[Ground, RunningPart], Measure]]] = {
    "process.user": _user,
    "process.privileges": _privileges,
    "process.calls": _calls,
    "process.network": _network,
    "process.files": _files,
    "process.memory": _memory,
}


def _ranges(ports: set[int]) -> list[str]:
    """Ports as ranges, such as `5060` and `20000-20063`; steps of two (RTP and RTCP) count as one range."""
    ranges: list[tuple[int, int]] = []
    for port in sorted(ports):
        if ranges and port - ranges[-1][1] <= 2:
            ranges[-1] = (ranges[-1][0], port)
        else:
            ranges.append((port, port))
    return [str(low) if low == high else f"{low}-{high}" for low, high in ranges]
