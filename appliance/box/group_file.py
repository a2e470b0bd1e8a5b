"""Files in the runtime directory that others of a group may read, written whole or not at all."""

from __future__ import annotations

import contextlib
import os
from pathlib import Path


def write_group_file(path: Path, data: bytes) -> None:
    """Write a file of mode 0640 so that a reader sees the old or the new content.

    Raises:
        OSError: it cannot be written.
    """
    new = path.with_name(f".{path.name}.new")
    descriptor = os.open(new, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_NOFOLLOW, 0o640)
    try:
        with os.fdopen(descriptor, "wb") as file:
            os.fchmod(file.fileno(), 0o640)
            file.write(data)
        new.replace(path)
    except BaseException:
        with contextlib.suppress(OSError):
            new.unlink()
        raise
