"""The tree that a box is installed on: Debian 12 and the Python packages of the lock.

It is made once and kept in `.cache/booted_box`; what it is made of decides its name.
"""

from __future__ import annotations

import hashlib
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Final

from tools.running import REPOSITORY

CACHE: Final = REPOSITORY / ".cache/booted_box"
LOCK: Final = REPOSITORY / "tools/lock/requirements.txt"
SUITE, PYTHON = "bookworm", (3, 11)
#: To be raised when this module makes the tree in another way.
RECIPE: Final = 1
PACKAGES: Final = (
    "systemd", "systemd-sysv", "dbus", "nftables", "iproute2", "procps", "kmod", "python3", "python3-venv",
)  # fmt: skip
#: What builds the appliance's own wheel in the box, where there is no network.
BUILD_WHEELS: Final = ("hatchling", "packaging", "pathspec", "pluggy", "tomlkit", "trove_classifiers")


class ImageError(RuntimeError):
    """The tree cannot be made; the text says what to do next."""


def place() -> Path:
    """Where the tree for this checkout's lock is, or will be."""
    made_of = f"{RECIPE} {SUITE} {PACKAGES}".encode()
    return CACHE / hashlib.sha256(made_of + LOCK.read_bytes()).hexdigest()[:16]


def tree() -> Path:
    """The root directory for this checkout's lock, made where it is not there yet.

    That takes some minutes and needs the network.

    Raises:
        ImageError: it cannot be made.
    """
    directory = place()
    if not directory.is_dir():
        _make(directory)
    return directory


def _make(directory: Path) -> None:
    if sys.version_info[:2] != PYTHON:
        raise ImageError(
            f"the box has Python {PYTHON[0]}.{PYTHON[1]} and its packages are fetched with the same; make "
            ".venv anew with that version (rm -r .venv; tools/setup boot)"
        )
    CACHE.mkdir(parents=True, exist_ok=True)
    for old in CACHE.glob("*/etc/debian_version"):
        shutil.rmtree(old.parent.parent)
    with tempfile.TemporaryDirectory(dir=CACHE, prefix="making-") as temporary:
        root = Path(temporary) / "root"
        _run(
            "mmdebstrap", "--quiet", "--variant=minbase", f"--include={','.join(PACKAGES)}",
            "--dpkgopt=force-unsafe-io", "--dpkgopt=path-exclude=/usr/share/doc/*",
            "--dpkgopt=path-exclude=/usr/share/man/*", "--dpkgopt=path-exclude=/usr/share/locale/*",
            "--format=directory", SUITE, str(root),
        )  # fmt: skip
        (root / "etc/hostname").write_text("box\n", encoding="ascii")
        # The cables are laid from outside, and nobody answers the questions of a first boot.
        for unit in ("networkd.service", "networkd-wait-online.service", "firstboot.service"):
            (root / "etc/systemd/system" / f"systemd-{unit}").symlink_to("/dev/null")
        _python_packages(root)
        # Whoever edits the configuration writes what lies ready.
        editor = root / "usr/local/bin/editor"
        editor.write_text('#!/bin/sh\nexec cp /root/site.toml "$1"\n', encoding="ascii")
        editor.chmod(0o755)
        root.rename(directory)


def _python_packages(root: Path) -> None:
    wheels = CACHE / "wheels"
    _run(
        sys.executable, "-m", "pip", "download", "--quiet", "--disable-pip-version-check",
        "--require-hashes", "--only-binary=:all:", "-r", str(LOCK), "-d", str(wheels),
    )  # fmt: skip
    inside = root / "usr/share/wheels"
    shutil.copytree(wheels, inside)
    shutil.copyfile(LOCK, root / "tmp/requirements.txt")
    _run("chroot", str(root), "python3", "-m", "venv", "/opt/ridge")
    _run(
        "chroot", str(root), "/opt/ridge/bin/pip", "install", "--quiet", "--disable-pip-version-check",
        "--no-index", "--find-links=/usr/share/wheels", "--require-hashes", "-r", "/tmp/requirements.txt",
    )  # fmt: skip
    (root / "tmp/requirements.txt").unlink()
    for wheel in inside.iterdir():
        if not wheel.name.startswith(BUILD_WHEELS):
            wheel.unlink()


def _run(*command: str) -> None:
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode:
        raise ImageError(f"{' '.join(command)} failed with {done.returncode}:\n{done.stdout}{done.stderr}")
