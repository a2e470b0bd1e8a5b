"""The configuration: that it is valid, and that nobody else may change it."""

from __future__ import annotations

import stat
from collections.abc import Iterator

from appliance.inspection.finding import Facts, Finding, failed, not_checked, ok, warning
from appliance.inspection.ground import Ground


def check(ground: Ground) -> Iterator[Finding]:
    """Judge the file; that it is valid is known already, or there would be no ground to stand on."""
    path = ground.config_path
    if path is None:
        yield warning("configuration.valid", "-", "configuration_default")
        return
    yield ok("configuration.valid", str(path))
    try:
        status = path.stat()
    except OSError:
        yield not_checked("configuration.file", str(path), "unreadable", what=path)
        return
    mode = f"{stat.S_IMODE(status.st_mode):04o}"
    facts: Facts = {"mode": mode, "owner": status.st_uid}
    if status.st_mode & (stat.S_IWGRP | stat.S_IWOTH):
        yield failed("configuration.file", str(path), "configuration_writable", facts, mode=mode)
    else:
        yield ok("configuration.file", str(path), facts)
