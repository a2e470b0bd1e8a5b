"""What the box is: version, commit, machine, system."""

from __future__ import annotations

import importlib.metadata
import platform
from pathlib import Path

import msgspec

from appliance.inspection.ground import Ground, ProgramMissingError
from appliance.models import checkout_directory


class MachineFacts(msgspec.Struct, frozen=True):
    """The machine and what runs on it."""

    version: str
    #: of a checkout; None where the appliance is installed
    commit: str | None
    system: str
    kernel: str
    architecture: str
    python: str


def machine_facts(ground: Ground) -> MachineFacts:
    """Look at this machine."""
    try:
        version = importlib.metadata.version("ridge-appliance")
    except importlib.metadata.PackageNotFoundError:
        version = "unknown"
    return MachineFacts(
        version=version,
        commit=_commit(ground),
        system=_system(ground.root / "etc/os-release"),
        kernel=f"{platform.system()} {platform.release()}",
        architecture=platform.machine(),
        python=platform.python_version(),
    )


def _commit(ground: Ground) -> str | None:
    checkout = checkout_directory()
    if checkout is None:
        return None
    try:
        answer = ground.run(["git", "-C", str(checkout), "rev-parse", "--short=12", "HEAD"], "")
    except ProgramMissingError:
        return None
    return answer.out.strip() or None if answer.status == 0 else None


def _system(path: Path) -> str:
    """Name and version of the distribution (os-release(5))."""
    try:
        lines = path.read_text(encoding="utf-8").splitlines()
    except OSError:
        return "unknown"
    fields = dict(line.split("=", 1) for line in lines if "=" in line)
    return fields.get("PRETTY_NAME", "unknown").strip('"')
