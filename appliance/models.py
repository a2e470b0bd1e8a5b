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
from typing import TYPE_CHECKING, Annotated, Any, Final, Literal

import msgspec

if TYPE_CHECKING:
    from appliance.box.config import Config

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib

Kind = Literal["asr", "lexicon", "prosody", "emotion", "objection", "needs"]
Name = Annotated[str, msgspec.Meta(pattern=r"^[a-z0-9][a-z0-9-]{0,63}$")]
#: A plain file name: no separators, no leading dot, so a manifest cannot point outside its model's folder.
FileName = Annotated[str, msgspec.Meta(pattern=r"^[A-Za-z0-9_][A-Za-z0-9_.+-]{0,127}$")]
Sha256 = Annotated[str, msgspec.Meta(pattern=r"^[0-9a-f]{64}$")]
Text = Annotated[str, msgspec.Meta(min_length=1, max_length=600)]
#: The folder inside an archive that holds the files: plain names with slashes between them.
MemberPrefix = Annotated[
    str,
    msgspec.Meta(pattern=r"^[A-Za-z0-9_][A-Za-z0-9_.+-]*(/[A-Za-z0-9_][A-Za-z0-9_.+-]*)*$", max_length=200),
]
#: What a recognizer writes: syllables that the lexicon turns into characters, or characters themselves.
Units = Literal["pinyin", "characters"]
#: How a recognizer is built, and so what runs it: encoder, decoder and joiner, or one CTC network that takes
#: raw audio (the T-one interface of sherpa-onnx).
Network = Literal["transducer", "tone-ctc"]

MANIFEST_NAME: Final = "manifest.toml"
_READ_BYTES: Final = 1 << 20


class ModelError(Exception):
    """A model cannot be used; the message says which, why, and what to do next."""


class FileEntry(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """One file of a model."""

    name: FileName
    bytes: Annotated[int, msgspec.Meta(ge=1)]
    sha256: Sha256


class ArchiveEntry(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Where a model's files can be fetched: one archive (tar.bz2, tar.gz, tar or zip) that holds them.

    What it holds is judged by the sizes and sums of the model's files; its own are a help to fail early.
    """

    #: https, or http to this machine
    url: Annotated[str, msgspec.Meta(pattern=r"^https?://[!-~]+$", max_length=600)]
    #: the folder of the files inside the archive; None where they lie at its top
    prefix: MemberPrefix | None = None
    bytes: Annotated[int, msgspec.Meta(ge=1)] | None = None
    sha256: Sha256 | None = None


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
    #: of a recognizer: what it writes
    units: Units | None = None
    #: of a recognizer: how it is built
    network: Network | None = None
    #: None where the files come with the appliance, or by hand only
    archive: ArchiveEntry | None = None

    @property
    def size(self) -> int:
        """Bytes of all its files."""
        return sum(entry.bytes for entry in self.file)

    def why_not_a_recognizer(self) -> str | None:
        """Why the appliance cannot recognize speech with it, to follow "model NAME "; None where it can."""
        if self.kind != "asr":
            return f"is of kind {self.kind} and recognizes no speech"
        if self.units is None:
            return "has no units in the manifest, so what it writes is not known"
        if self.network is None:
            return "has no network in the manifest, so how it is built is not known"
        return None


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


def _exists(path: Path) -> bool:
    try:
        return path.exists()
    except PermissionError:
        return False  # another user's directory, such as the state of a service, is none of our places


def checkout_directory() -> Path | None:
    """The root of the source checkout that this package runs from, or None where it is installed."""
    root = Path(__file__).resolve().parents[1]
    return root if (root / "pyproject.toml").is_file() else None


def _bundled_directory() -> Path:
    installed = Path(__file__).resolve().parent / "bundled_models"
    checkout = checkout_directory()
    return installed if checkout is None or installed.is_dir() else checkout / "models"


def default_installed_directory() -> Path:
    """Where `ridge models pull` puts models unless the configuration says otherwise."""
    from appliance.box.config import Box  # noqa: PLC0415  (models are opened by programs without a configuration)

    return Box().state_directory / "models"


def _shared_directory() -> Path | None:
    checkout = checkout_directory()
    if checkout is None:
        return None
    shared = os.environ.get("RIDGE_SHARED")
    return (Path(shared) if shared else checkout.parent / "shared") / "models"


class ModelStore:
    """Finds and verifies models.

    A model is searched in the configured directory, then in the installed ones (`models` in the state
    directory), then among the bundled ones, then, in a source checkout, in the shared models beside it.
    Whether it is genuine is always decided by the appliance's own manifest, wherever it lies. The first
    place that has a folder of the model's name decides: a broken copy in an earlier place is an error and
    is never passed over in silence.
    """

    def __init__(
        self,
        directory: Path | None = None,
        allow_research_only: bool = True,
        *,
        installed: Path | None = None,
        manifest: Path | None = None,
    ) -> None:
        """Use `directory` first, then `installed` (default: `models` in the default state directory).

        A `manifest` replaces the appliance's own, its folder the bundled one, and nothing else is searched
        but `directory` and `installed`.
        """
        bundled = manifest.parent if manifest is not None else _bundled_directory()
        if installed is None and manifest is None:
            installed = default_installed_directory()
        shared = None if manifest is not None else _shared_directory()
        places = (directory, installed, bundled, shared)
        self.directories: tuple[Path, ...] = tuple(place for place in places if place is not None)
        #: where a model that is pulled belongs: the first place of the search that is not the appliance's own
        self.target: Path | None = directory or installed
        self.allow_research_only = allow_research_only
        self._manifest = manifest if manifest is not None else bundled / MANIFEST_NAME
        #: the names of the models that were opened, in that order
        self.opened: list[str] = []

    @classmethod
    def configured(cls, config: Config) -> ModelStore:
        """The store of a site: its models.directory, its state directory and its rule on research models."""
        return cls(
            config.models.directory,
            config.models.allow_research_only,
            installed=config.box.state_directory / "models",
        )

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
            if any(_exists(folder / file.name) for file in entry.file):
                return folder
        return None

    def problems(self, name: str) -> list[str]:
        """Everything that keeps a model from being used, a sentence each; empty where it is sound."""
        entry = self.entry(name)
        folder = self.locate(name)
        if folder is None:
            places = ", ".join(str(directory) for directory in self.directories)
            remedy = f"run `ridge models pull {name}`, or " if entry.archive is not None else ""
            return [
                f"model {name} is not installed (searched {places}); {remedy}put its files into a folder "
                f"{name} in one of these, or name the directory that has it as models.directory in the "
                "configuration"
            ]
        remedy = (
            f"install the model again from {entry.source}"
            if entry.archive is None
            else f"install the model again: ridge models pull {name}"
        )
        found = []
        for file in entry.file:
            problem = verify_file(folder / file.name, file)
            if problem is not None:
                found.append(f"model {name}: {folder / file.name} {problem}; {remedy}")
        return found

    def refuse_forbidden(self, entry: ModelEntry) -> None:
        """Refuse a model that this site must not use.

        Raises:
            ModelError: it is for research only, and the configuration forbids such models.
        """
        if entry.research_only and not self.allow_research_only:
            raise ModelError(
                f"model {entry.name} may be used for research only, and models.allow_research_only is false; "
                "choose another model, or set it to true if your use is research"
            )

    def open(self, name: str) -> InstalledModel:
        """A model whose every file has just been verified.

        Raises:
            ModelError: it is unknown, not installed, truncated, altered, or not allowed here.
        """
        entry = self.entry(name)
        self.refuse_forbidden(entry)
        problems = self.problems(name)
        folder = self.locate(name)
        if problems or folder is None:
            raise ModelError("\n".join(problems))
        self.opened.append(name)
        return InstalledModel(entry, folder)
