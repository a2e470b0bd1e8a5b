"""The kernel of a virtual box: Debian's own for virtual machines, with what it needs to find its disk.

It is fetched once and kept beside the tree.
"""

from __future__ import annotations

import re
import shutil
import subprocess
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from tools.booted_box.image import CACHE, ImageError

PACKAGE: Final = "linux-image-cloud-amd64"
#: In the order in which they must be loaded; what else is needed the box loads itself.
_DISK_MODULES: Final = ("virtio_pci", "virtio_blk")
_INIT: Final = """\
#!/bin/sh
mount -t devtmpfs dev /dev
mount -t proc proc /proc
for module in {modules}; do modprobe $module; done
while [ ! -b /dev/vda ]; do sleep 0.1; done
mount -t ext4 /dev/vda /root
umount /proc
exec switch_root /root /sbin/init
"""


@dataclass(frozen=True, slots=True)
class Kernel:
    """Files of a kernel."""

    image: Path
    #: its first file system, which mounts the disk
    first: Path
    #: the directory that belongs into /lib/modules
    modules: Path


def kernel() -> Kernel:
    """The kernel, fetched where it is not there yet.

    Raises:
        ImageError: it cannot be fetched or unpacked.
    """
    place = CACHE / "kernel"
    if not place.is_dir():
        _fetch(place)
    (modules,) = (place / "modules").iterdir()
    return Kernel(place / "vmlinuz", place / "first.cpio", modules)


def _fetch(place: Path) -> None:
    CACHE.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=CACHE, prefix="making-") as temporary:
        work, ready = Path(temporary), Path(temporary) / "ready"
        needs = _run(work, "apt-cache", "depends", PACKAGE)
        version = re.search(r"linux-image-(6\S*-cloud-amd64)$", needs, re.MULTILINE)
        if version is None:
            raise ImageError(f"{PACKAGE} names no kernel; run: apt-get update")
        _run(work, "apt-get", "download", f"linux-image-{version[1]}", "busybox-static")
        for package in work.glob("*.deb"):
            _run(work, "dpkg-deb", "-x", str(package), str(work / "unpacked"))
        modules = work / f"unpacked/lib/modules/{version[1]}"
        _run(work, "depmod", "-b", str(work / "unpacked"), version[1])
        (ready / "modules").mkdir(parents=True)
        _first(work, modules, ready / "first.cpio")
        shutil.copyfile(work / f"unpacked/boot/vmlinuz-{version[1]}", ready / "vmlinuz")
        shutil.copytree(modules, ready / "modules" / version[1])
        ready.rename(place)


def _first(work: Path, modules: Path, archive: Path) -> None:
    """Pack the first file system: a shell, the modules of the disk, and what mounts it."""
    root = work / "first"
    for name in ("bin", "dev", "proc", "root", f"lib/modules/{modules.name}"):
        (root / name).mkdir(parents=True)
    shutil.copy2(work / "unpacked/bin/busybox", root / "bin/busybox")
    for name in ("sh", "mount", "umount", "modprobe", "sleep", "switch_root"):
        (root / "bin" / name).symlink_to("busybox")
    needed = set[str]()
    for module in _DISK_MODULES:
        listed = _run(
            work, "modprobe", "-d", str(work / "unpacked"), "-S", modules.name, "--show-depends", module
        )
        needed |= {line.split()[1] for line in listed.splitlines() if line.startswith("insmod ")}
    for path in needed:
        inside = root / Path(path).relative_to(work / "unpacked")
        inside.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(path, inside)
    _run(work, "depmod", "-b", str(root), modules.name)
    init = root / "init"
    init.write_text(_INIT.format(modules=" ".join(_DISK_MODULES)), encoding="ascii")
    init.chmod(0o755)
    _run(root, "/bin/sh", "-c", f"find . | cpio --quiet -o -H newc > '{archive}'")


def _run(directory: Path, *command: str) -> str:
    try:
        done = subprocess.run(command, cwd=directory, capture_output=True, text=True, check=False)
    except OSError as error:
        raise ImageError(f"{command[0]} cannot be run: {error.strerror}; run: tools/setup virtual") from error
    if done.returncode:
        raise ImageError(f"{' '.join(command)} failed with {done.returncode}:\n{done.stdout}{done.stderr}")
    return done.stdout
