"""The model store: which models the appliance knows, where they lie, and that they are what they should be.

Nothing reaches an inference library before its size and its sha256 have been compared with the manifest:
such libraries end the process on a file they do not like, and a process here serves many calls.
"""

from __future__ import annotations

import hashlib
import os
import sys
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Annotated, Any, Final, Literal

import msgspec

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib

Kind = Literal["asr", "lexicon", "prosody", "emotion", "objection"]
Name = Annotated[str, msgspec.Meta(pattern=r"^[a-z0-9][a-z0-9-]{0,63}$")]
#: A plain file name: no separators, no leading dot, so a manifest cannot point outside its model's folder.
FileName = Annotated[str, msgspec.Meta(pattern=r"^[A-Za-z0-9_][A-Za-z0-9_.+-]{0,127}$")]
Sha256 = Annotated[str, msgspec.Meta(pattern=r"^[0-9a-f]{64}$")]
Text = Annotated[str, msgspec.Meta(min_length=1, max_length=600)]

MANIFEST_NAME: Final = "manifest.toml"
_READ_BYTES: Final = 1 << 20


class ModelError(Exception):
    """A model cannot be used; the message says which, why, and what to do next."""


class FileEntry(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """One file of a model."""

    name: FileName
    bytes: Annotated[int, msgspec.Meta(ge=1)]
    sha256: Sha256


class ModelEntry(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """One model of the manifest."""

    name: Name
    kind: Kind
    #: an SPDX identifier, or what the source says
    licence: Text
    #: true where the data that trained it may be used for research only, or its licence is not stated
    research_only: bool
    #: where it comes from: an upstream address, or the program here that trained it
    source: Text
    #: what it is for, in a sentence
    purpose: Text
    #: its model card, relative to the manifest
    card: Text
    file: Annotated[tuple[FileEntry, ...], msgspec.Meta(min_length=1)]

    @property
    def size(self) -> int:
        """Bytes of all its files."""
        return sum(entry.bytes for entry in self.file)


class _Manifest(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    model: tuple[ModelEntry, ...] = ()


@dataclass(frozen=True, slots=True)
class InstalledModel:
    """A model whose files have just been verified."""

    entry: ModelEntry
    directory: Path

    def path(self, file_name: str) -> Path:
        """The path of one of its files.

        Raises:
            ModelError: the manifest lists no such file, so it was not verified.
        """
        if all(file.name != file_name for file in self.entry.file):
            known = ", ".join(file.name for file in self.entry.file)
            raise ModelError(
                f"model {self.entry.name}: {file_name} is not listed in the manifest, so it was never "
                f"verified; use one of {known}, or list it"
            )
        return self.directory / file_name


def read_manifest(path: Path) -> tuple[ModelEntry, ...]:
    """The models of a manifest.

    Raises:
        ModelError: it cannot be read, is not TOML, does not fit the schema, or names a model or file twice.
    """
    try:
        data: Any = tomllib.loads(path.read_text(encoding="utf-8"))
        models = msgspec.convert(data, _Manifest).model
    except OSError as error:
        raise ModelError(
            f"the model manifest {path} cannot be read: {error.strerror}; install the appliance again"
        ) from error
    except (UnicodeDecodeError, tomllib.TOMLDecodeError, msgspec.ValidationError) as error:
        raise ModelError(
            f"the model manifest {path} is not valid: {error}; restore it from the release"
        ) from error
    _refuse_repeats(path, "model", [model.name for model in models])
    for model in models:
        _refuse_repeats(path, f"file of {model.name}", [file.name for file in model.file])
    return models


def _refuse_repeats(path: Path, what: str, names: list[str]) -> None:
    for name in names:
        if names.count(name) > 1:
            raise ModelError(f"the model manifest {path} names the {what} {name} twice; remove one of them")


def verify_file(path: Path, entry: FileEntry) -> str | None:
    """What is wrong with a file, or None where its size and sha256 are the manifest's."""
    try:
        if not path.is_file():
            return "is missing"
        with path.open("rb") as stream:
            size = os.fstat(stream.fileno()).st_size
            if size != entry.bytes:
                return f"has {size} bytes, the manifest says {entry.bytes}"
            digest = hashlib.sha256()
            while chunk := stream.read(_READ_BYTES):
                digest.update(chunk)
    except OSError as error:
        return f"cannot be read ({error.strerror})"
    if digest.hexdigest() != entry.sha256:
        return f"was altered: its sha256 is {digest.hexdigest()}, the manifest says {entry.sha256}"
    return None


def checkout_directory() -> Path | None:
    """The root of the source checkout that this package runs from, or None where it is installed."""
    root = Path(__file__).resolve().parents[1]
    return root if (root / "pyproject.toml").is_file() else None


def _bundled_directory() -> Path:
    installed = Path(__file__).resolve().parent / "bundled_models"
    checkout = checkout_directory()
    return installed if checkout is None or installed.is_dir() else checkout / "models"


def _shared_directory() -> Path | None:
    checkout = checkout_directory()
    if checkout is None:
        return None
    shared = os.environ.get("RIDGE_SHARED")
    return (Path(shared) if shared else checkout.parent / "shared") / "models"


class ModelStore:
    """Finds and verifies models.

    A model is searched in the configured directory, then among the bundled ones, then, in a source
    checkout, in the shared models beside it. Whether it is genuine is always decided by the appliance's
    own manifest, wherever it lies. The first place that has a folder of the model's name decides: a broken
    copy in the configured directory is an error and is never passed over in silence.
    """

    def __init__(
        self,
        directory: Path | None = None,
        allow_research_only: bool = True,
        *,
        manifest: Path | None = None,
    ) -> None:
        """Use `directory` first; a `manifest` replaces the appliance's own, and its folder the bundled one.

        Raises:
            ModelError: the manifest cannot be used.
        """
        bundled = manifest.parent if manifest is not None else _bundled_directory()
        places = [directory, bundled, None if manifest is not None else _shared_directory()]
        self.directories: tuple[Path, ...] = tuple(place for place in places if place is not None)
        self.allow_research_only = allow_research_only
        self._manifest = manifest if manifest is not None else bundled / MANIFEST_NAME

    @cached_property
    def entries(self) -> tuple[ModelEntry, ...]:
        """Every model of the manifest, whether it is installed or not."""
        return read_manifest(self._manifest)

    def entry(self, name: str) -> ModelEntry:
        """The manifest's entry of a model.

        Raises:
            ModelError: there is none.
        """
        for entry in self.entries:
            if entry.name == name:
                return entry
        known = ", ".join(entry.name for entry in self.entries) or "none"
        raise ModelError(f"there is no model {name} in the manifest; known models: {known}")

    def locate(self, name: str) -> Path | None:
        """The folder that a model would be loaded from, unverified; None where it is not installed."""
        entry = self.entry(name)
        for directory in self.directories:
            folder = directory / name
            # A folder may hold only the card; that is documentation and no installed model.
            if any((folder / file.name).exists() for file in entry.file):
                return folder
        return None

    def problems(self, name: str) -> list[str]:
        """Everything that keeps a model from being used, a sentence each; empty where it is sound."""
        entry = self.entry(name)
        folder = self.locate(name)
        if folder is None:
            places = ", ".join(str(directory) for directory in self.directories)
            return [
                f"model {name} is not installed (searched {places}); put its files into a folder {name} "
                "in one of these, or name the directory that has it as models.directory in the configuration"
            ]
        found = []
        for file in entry.file:
            problem = verify_file(folder / file.name, file)
            if problem is not None:
                found.append(
                    f"model {name}: {folder / file.name} {problem}; "
                    f"install the model again from {entry.source}"
                )
        return found

    def open(self, name: str) -> InstalledModel:
        """A model whose every file has just been verified.

        Raises:
            ModelError: it is unknown, not installed, truncated, altered, or not allowed here.
        """
        entry = self.entry(name)
        if entry.research_only and not self.allow_research_only:
            raise ModelError(
                f"model {name} may be used for research only, and models.allow_research_only is false; "
                "choose another model, or set it to true if your use is research"
            )
        problems = self.problems(name)
        folder = self.locate(name)
        if problems or folder is None:
            raise ModelError("\n".join(problems))
        return InstalledModel(entry, folder)
