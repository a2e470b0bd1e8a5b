"""Installs a model of the manifest: from its upstream archive, or from what an admin brings on a disk."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from appliance.models import ArchiveEntry, ModelEntry, ModelError, ModelStore
from appliance.models_download import Download, Patience, Progress
from appliance.models_install import (
    DOWNLOADS,
    explained,
    find_import,
    install_archive,
    install_files,
    locked,
)

_READ_BYTES = 1 << 20


@dataclass(frozen=True, slots=True)
class Pulled:
    """A model that is installed and verified."""

    entry: ModelEntry
    folder: Path
    #: false where it was there already
    new: bool


def pull(
    store: ModelStore,
    name: str,
    source: Path | None = None,
    *,
    progress: Progress = lambda arrived, total: None,
    stage: Callable[[str], None] = lambda text: None,
    patience: Patience | None = None,
) -> Pulled:
    """Install a model into the store's directory for models; does nothing where it is there and sound.

    `source` is an archive or a folder to import instead of fetching; then no connection is made. `stage`
    is called with a sentence when a new part of the work begins, `progress` while bytes arrive.

    Raises:
        ModelError: it is unknown, forbidden here, has no archive, could not be fetched, is not genuine, or
            the disk does not allow it. Nothing half-installed is left.
    """
    entry = store.entry(name)
    store.refuse_forbidden(entry)
    if not store.problems(name):
        folder = store.locate(name)
        assert folder is not None  # it has no problems
        return Pulled(entry, folder, new=False)
    directory = store.target
    if directory is None:
        raise ModelError(
            "there is no directory for models; name one as models.directory in the configuration"
        )
    if source is None:
        archive = _upstream(entry)
        with locked(entry, directory):
            stage(f"fetching {archive.url}")
            part = directory / DOWNLOADS / f"{entry.name}.part"
            download = Download(archive.url, part, size=archive.bytes)
            download.run(progress, patience)
            stage("unpacking and verifying")
            folder = _install(entry, archive, download, directory)
    else:
        what, is_archive = find_import(source, entry)
        with locked(entry, directory):
            stage(f"{'unpacking' if is_archive else 'copying'} and verifying {what}")
            install = install_archive if is_archive else install_files
            folder = install(what, entry, directory)
    return Pulled(entry, folder, new=True)


def _upstream(entry: ModelEntry) -> ArchiveEntry:
    if entry.archive is None:
        raise ModelError(
            f"model {entry.name} cannot be fetched: it comes with the appliance, or by hand from "
            f"{entry.source}; install the appliance again, or import its files with --from"
        )
    return entry.archive


def _install(entry: ModelEntry, archive: ArchiveEntry, download: Download, directory: Path) -> Path:
    try:
        _verify_archive(download.path, entry, archive)
        folder = install_archive(download.path, entry, directory)
    except ModelError as error:
        # A full disk is no fault of the archive: keep it, so that the next run need not fetch it again.
        if not isinstance(error.__cause__, OSError):
            download.discard()
        raise
    download.discard()
    return folder


def _verify_archive(path: Path, entry: ModelEntry, archive: ArchiveEntry) -> None:
    if archive.sha256 is None:
        return  # the sums of the files inside decide
    digest = hashlib.sha256()
    with explained(f"{path} cannot be read"), path.open("rb") as stream:
        while chunk := stream.read(_READ_BYTES):
            digest.update(chunk)
    if digest.hexdigest() != archive.sha256:
        raise ModelError(
            f"the archive of model {entry.name} is not the one of the manifest: its sha256 is "
            f"{digest.hexdigest()}, the manifest says {archive.sha256}; nothing was installed or kept. Run "
            "the command again; if that does not help, something on the way changes it"
        )
