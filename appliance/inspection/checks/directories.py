"""Where the box keeps things: sockets in memory, secrets for one user alone."""

from __future__ import annotations

import stat
from collections.abc import Iterator
from pathlib import Path
from typing import Final

from appliance.inspection.finding import Facts, Finding, failed, not_checked, ok, warning
from appliance.inspection.ground import Ground

_IN_MEMORY: Final = frozenset({"tmpfs", "ramfs"})
#: More files than this are no state of a box.
_MOST_SECRETS: Final = 1000


def check(ground: Ground) -> Iterator[Finding]:
    """Look at both directories and at the secrets in the state directory."""
    yield _runtime(ground)
    yield _state(ground)
    yield from _secrets(ground)


def _runtime(ground: Ground) -> Finding:
    path = ground.config.box.runtime_directory
    try:
        status = path.stat()
        file_system = _file_system(ground, path.resolve())
    except FileNotFoundError:
        return _missing(ground, path)
    except OSError:
        return not_checked("directories.runtime", str(path), "unreadable", what=path)
    mode = f"{stat.S_IMODE(status.st_mode):04o}"
    facts: Facts = {"file_system": file_system, "mode": mode, "owner": status.st_uid}
    if status.st_mode & stat.S_IWOTH:
        return failed("directories.runtime", str(path), "directory_mode", facts, mode=mode, right="o-w")
    if file_system not in _IN_MEMORY:
        # Sockets hold no audio on the disk, but whoever puts files beside them might.
        kind = warning if ground.development else failed
        return kind("directories.runtime", str(path), "directory_on_disk", facts, what=file_system)
    return ok("directories.runtime", str(path), facts)


def _missing(ground: Ground, path: Path) -> Finding:
    kind = warning if ground.development else failed
    return kind("directories.runtime", str(path), "directory_missing", what=path)


def _state(ground: Ground) -> Finding:
    path = ground.config.box.state_directory
    try:
        status = path.stat()
    except FileNotFoundError:
        kind = warning if ground.development else failed
        return kind("directories.state", str(path), "directory_missing", what=path)
    except OSError:
        return not_checked("directories.state", str(path), "unreadable", what=path)
    mode = f"{stat.S_IMODE(status.st_mode):04o}"
    facts: Facts = {"mode": mode, "owner": status.st_uid}
    if status.st_mode & (stat.S_IWOTH | stat.S_IWGRP):
        return failed("directories.state", str(path), "directory_mode", facts, mode=mode, right="go-w")
    return ok("directories.state", str(path), facts)


def _secrets(ground: Ground) -> Iterator[Finding]:
    """Keys and the memory of customers must be for their owner alone."""
    for name in ("feed", "memory", "console"):
        directory = ground.config.box.state_directory / name
        try:
            if not directory.is_dir():
                continue
            status = directory.stat()
            secrets = [path for path in sorted(directory.iterdir())[:_MOST_SECRETS] if _is_secret(path)]
            open_ones = [path.name for path in secrets if path.stat().st_mode & 0o077]
        except PermissionError:
            yield not_checked("directories.secrets", str(directory), "not_permitted")
            continue
        except OSError:
            yield not_checked("directories.secrets", str(directory), "unreadable", what=directory)
            continue
        mode = f"{stat.S_IMODE(status.st_mode):04o}"
        facts: Facts = {"mode": mode, "owner": status.st_uid, "secrets": len(secrets)}
        if status.st_mode & 0o007:
            yield failed(
                "directories.secrets", str(directory), "directory_mode", facts, mode=mode, right="o-rwx"
            )
        elif open_ones:
            yield failed(
                "directories.secrets", str(directory), "secret_open", facts, what=directory / open_ones[0]
            )
        else:
            yield ok("directories.secrets", str(directory), facts)


def _is_secret(path: Path) -> bool:
    return path.is_file() and "secret" in path.name


def _file_system(ground: Ground, path: Path) -> str:
    """The file system that a path lies on, by the longest mount above it."""
    over = [mount for mount in ground.mounts() if path.is_relative_to(mount.place)]
    return max(over, key=lambda mount: len(mount.place)).file_system if over else "unknown"
