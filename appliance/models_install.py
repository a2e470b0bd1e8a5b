"""Puts a model into a directory: all its files verified, then all at once, or nothing."""

from __future__ import annotations

import contextlib
import errno
import fcntl
import os
import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Final

from appliance.models import ModelEntry, ModelError, verify_file
from appliance.models_archive import extract

#: Partial downloads and locks lie here, below the directory of models; no model can have such a name.
DOWNLOADS: Final = ".downloads"
_ARCHIVE_ENDINGS: Final = (".tar.bz2", ".tbz2", ".tar.gz", ".tgz", ".tar", ".zip")


@contextlib.contextmanager
def explained(what: str) -> Iterator[None]:
    """Turns errors of the file system into sentences; `what` is what could not be done.

    Raises:
        ModelError: instead of an OSError.
    """
    try:
        yield
    except OSError as error:
        reason = error.strerror or type(error).__name__
        where = f" ({error.filename})" if error.filename else ""
        if error.errno in (errno.ENOSPC, errno.EDQUOT):
            hint = "free some space and run the command again; a download goes on where it stopped"
        elif error.errno in (errno.EACCES, errno.EPERM, errno.EROFS):
            hint = (
                "run the command as the user that owns the directory, or name a writable one as "
                "models.directory in the configuration"
            )
        else:
            hint = "see to the disk and run the command again"
        raise ModelError(f"{what}: {reason}{where}; {hint}") from error


@contextlib.contextmanager
def locked(entry: ModelEntry, directory: Path) -> Iterator[None]:
    """Hold a model of a directory against other commands; what an interrupted one left is cleared away.

    Raises:
        ModelError: another command holds it, or the directory cannot be written.
    """
    downloads = directory / DOWNLOADS
    with explained(f"model {entry.name} cannot be put into {directory}"), contextlib.ExitStack() as stack:
        downloads.mkdir(parents=True, exist_ok=True)
        lock = stack.enter_context((downloads / f"{entry.name}.lock").open("w"))
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise ModelError(
                f"model {entry.name} is being installed by another command; wait until that has ended"
            ) from None
        _clear_leftovers(entry, directory)
        # The caller's errors have sentences of their own.
        held = stack.pop_all()
    with held:
        yield


def _clear_leftovers(entry: ModelEntry, directory: Path) -> None:
    final = directory / entry.name
    for old in directory.glob(f".{entry.name}.old-*"):
        if final.exists():
            _remove(old)
        else:  # killed between the two renames
            old.rename(final)
    for staging in directory.glob(f".{entry.name}.new-*"):
        _remove(staging)


def install_archive(archive: Path, entry: ModelEntry, directory: Path) -> Path:
    """Install a model from an archive; returns its folder. Hold `locked`.

    Raises:
        ModelError: the archive is broken, hostile or another; a file is not genuine; the disk is full or
            cannot be written. The directory is then as it was.
    """
    with _staging(entry, directory) as staging:
        with explained(f"model {entry.name} cannot be unpacked into {directory}"):
            extract(archive, entry, staging)
        return _put(staging, entry, directory, f"the archive {archive}")


def install_files(source: Path, entry: ModelEntry, directory: Path) -> Path:
    """Install a model from a folder that holds its files; returns its folder. Hold `locked`.

    Raises:
        ModelError: as for `install_archive`.
    """
    with _staging(entry, directory) as staging:
        for file in entry.file:
            with explained(f"{source / file.name} cannot be copied into {directory}"):
                # A wrong size would only fail later, after a device or a huge file had been read.
                if not (source / file.name).is_file() or (source / file.name).stat().st_size != file.bytes:
                    problem = verify_file(source / file.name, file)
                    raise ModelError(
                        f"model {entry.name}: {source / file.name} {problem}; nothing was installed, get the "
                        f"files from {entry.source}"
                    )
                shutil.copyfile(source / file.name, staging / file.name)
        return _put(staging, entry, directory, str(source))


def find_import(path: Path, entry: ModelEntry) -> tuple[Path, bool]:
    """What to import from a file or folder, and whether it is an archive.

    In a folder (such as a USB stick) the model's files may lie at the top, in a folder of the model's name,
    or in the upstream archive under its own name.

    Raises:
        ModelError: there is nothing of the model.
    """
    if path.is_file():
        return path, True
    if not path.is_dir():
        raise ModelError(f"{path} is neither a file nor a folder; name an archive or the folder of the files")
    prefix = entry.archive.prefix if entry.archive is not None else None
    for folder in (path / entry.name, path / prefix if prefix else path, path):
        if any((folder / file.name).is_file() for file in entry.file):
            return folder, False
    names = [entry.name + ending for ending in _ARCHIVE_ENDINGS]
    if entry.archive is not None:
        names.insert(0, entry.archive.url.rsplit("/", 1)[-1])
    for name in names:
        if (path / name).is_file():
            return path / name, True
    raise ModelError(
        f"{path} holds nothing of model {entry.name}; put its files there "
        f"({', '.join(file.name for file in entry.file)}), or the archive {names[0]}"
    )


@contextlib.contextmanager
def _staging(entry: ModelEntry, directory: Path) -> Iterator[Path]:
    with explained(f"model {entry.name} cannot be put into {directory}"):
        directory.mkdir(parents=True, exist_ok=True)
        folder = Path(tempfile.mkdtemp(prefix=f".{entry.name}.new-", dir=directory))
    try:
        yield folder
    finally:
        if folder.exists():
            _remove(folder)


def _put(staging: Path, entry: ModelEntry, directory: Path, source: str) -> Path:
    for file in entry.file:
        problem = verify_file(staging / file.name, file)
        if problem is not None:
            raise ModelError(
                f"model {entry.name}: {file.name} from {source} {problem}; nothing was installed: it is "
                f"damaged or another version, get it from {entry.source}"
            )
    final = directory / entry.name
    old = staging.with_name(staging.name.replace(".new-", ".old-"))
    with explained(f"model {entry.name} cannot be put into {directory}"):
        for file in entry.file:
            (staging / file.name).chmod(0o644)
            _sync(staging / file.name)
        staging.chmod(0o755)
        _sync(staging)
        replaced = final.exists()
        if replaced:
            final.rename(old)
        try:
            staging.rename(final)
        except OSError:
            if replaced:
                old.rename(final)
            raise
        _sync(directory)
        if replaced:
            _keep_others(old, final, entry)
            _remove(old)
    return final


def _keep_others(old: Path, final: Path, entry: ModelEntry) -> None:
    """What is no file of the model (its card, notes) stays beside the new files."""
    listed = {file.name for file in entry.file}
    for other in sorted(old.iterdir()) if old.is_dir() else ():
        if other.name not in listed:
            other.rename(final / other.name)


def _sync(path: Path) -> None:
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def _remove(path: Path) -> None:
    if path.is_symlink() or not path.is_dir():
        path.unlink()
    else:
        shutil.rmtree(path)
