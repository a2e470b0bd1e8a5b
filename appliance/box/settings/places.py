"""Where the box keeps things, and its language."""

from __future__ import annotations

import os
import tempfile
from pathlib import Path
from typing import Final, Literal

from pydantic import Field

from appliance.box.settings.values import Section

#: Where the state of a system service lies.
SYSTEM_STATE: Final = Path("/var/lib/ridge")


def _runtime_directory() -> Path:
    base = os.environ.get("RUNTIME_DIRECTORY") or os.environ.get("XDG_RUNTIME_DIR")
    return (
        Path(base) / "ridge"
        if base
        else Path("/run/ridge")
        if os.geteuid() == 0
        else Path(tempfile.gettempdir()) / f"ridge-{os.geteuid()}"
    )


def _state_directory() -> Path:
    if os.geteuid() == 0:
        return SYSTEM_STATE
    # The XDG Base Directory Specification has empty and relative paths count as unset.
    given = os.environ.get("XDG_STATE_HOME", "")
    if given.startswith("/"):
        return Path(given) / "ridge"
    try:
        return Path.home() / ".local/state" / "ridge"
    except RuntimeError:
        # A service's user has no home directory; what is its own lies where the system's state does.
        return SYSTEM_STATE


class Box(Section):
    """Where the box keeps things, and its language."""

    name: str = Field("ridge", pattern=r"^[a-z0-9-]{1,32}$")
    #: sockets between the processes; audio passes here, so keep it on a tmpfs
    runtime_directory: Path = Field(default_factory=_runtime_directory)
    #: keys and grants of the feed, and models that were pulled
    state_directory: Path = Field(default_factory=_state_directory)
    locale: Literal["zh", "en"] = "zh"
