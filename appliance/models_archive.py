"""Takes a model's files, and nothing else, out of an archive.

An archive comes from outside and is not trusted. Its members are never written under their own names: a
member whose name and size are those of a listed file is copied to that file, links and everything that is
not listed are passed over, and an archive with a name that leads outside is refused as a whole. Whether the
bytes are the right ones is decided afterwards, by sha256.
"""

from __future__ import annotations

import bz2
import errno
import gzip
import io
import lzma
import stat
import struct
import tarfile
import zipfile
import zlib
from pathlib import Path
from typing import IO, Final, cast

from appliance.models import FileEntry, ModelEntry, ModelError

#: What an archive may unpack to before it is taken for a decompression bomb; the largest upstream archive
#: here has about 0.5 GB.
UNPACKED_LIMIT: Final = 4 << 30
#: A pax header or long name is read into memory as a whole; real ones have some hundred bytes.
_HEADER_LIMIT: Final = 1 << 20
_MEMBER_LIMIT: Final = 10_000
_COPY_BYTES: Final = 1 << 20
#: What the readers of the standard library raise about damaged archives (zipfile documents the first only).
_BROKEN: Final = (
    tarfile.TarError,
    zipfile.BadZipFile,
    EOFError,
    zlib.error,
    lzma.LZMAError,
    struct.error,
    ValueError,
    OverflowError,
    LookupError,
    RuntimeError,
)
_EXTENDED_HEADERS: Final = (
    tarfile.XHDTYPE,
    tarfile.XGLTYPE,
    tarfile.SOLARIS_XHDTYPE,
    tarfile.GNUTYPE_LONGNAME,
    tarfile.GNUTYPE_LONGLINK,
)


class _TooLargeError(Exception):
    """The archive unpacks to more than the limit."""


class _Bounded(io.RawIOBase):
    """What a decompressor gives, up to a limit."""

    def __init__(self, source: IO[bytes], limit: int) -> None:
        self._source = source
        self._left = limit

    def readable(self) -> bool:
        return True

    def read(self, size: int = -1) -> bytes:
        data = self._source.read(_COPY_BYTES if size < 0 else size)
        self._left -= len(data)
        if self._left < 0:
            raise _TooLargeError
        return data


class _Member(tarfile.TarInfo):
    """A header of a tar archive that does not make the reader fill the memory."""

    @classmethod
    def frombuf(cls, buf: bytes | bytearray, encoding: str, errors: str) -> _Member:
        member = super().frombuf(buf, encoding, errors)
        if member.type in _EXTENDED_HEADERS and member.size > _HEADER_LIMIT:
            raise _TooLargeError
        return member


def extract(archive: Path, entry: ModelEntry, directory: Path, *, limit: int = UNPACKED_LIMIT) -> None:
    """Write the listed files of a model from an archive (tar.bz2, tar.gz, tar or zip) into `directory`.

    They are searched in the folder that the manifest names, in one of the model's name, and at the top. At
    most `limit` bytes are unpacked on the way.

    Raises:
        ModelError: it is no such archive, broken, hostile, or does not hold every file in its size.
        OSError: it cannot be read, or a file not be written.
    """
    extraction = _Extraction(archive, entry, directory)
    try:
        with archive.open("rb") as stream:
            magic = stream.read(4)
            stream.seek(0)
            if magic == b"PK\x03\x04":
                _read_zip(stream, extraction)
            else:
                _read_tar(_Bounded(_decompressed(stream, magic), limit), extraction)
    except _TooLargeError:
        raise ModelError(
            f"the archive {archive} of model {entry.name} unpacks to more than any archive of a model; "
            f"it is not the one of {entry.source}, so delete it"
        ) from None
    except _BROKEN as error:
        raise _broken(archive, entry, error) from error
    except OSError as error:
        # Decompressors say so about broken data, and so does a seek to where a broken zip points; what the
        # disk says has another number.
        if error.errno not in (None, errno.EINVAL):
            raise
        raise _broken(archive, entry, error) from ValueError(str(error))
    if extraction.missing:
        raise ModelError(
            f"the archive {archive} does not hold {', '.join(sorted(extraction.missing))} of model "
            f"{entry.name}; use the archive of {entry.source}"
        )


def _broken(archive: Path, entry: ModelEntry, error: Exception) -> ModelError:
    return ModelError(
        f"the archive {archive} of model {entry.name} cannot be unpacked ({error}): it is damaged or no "
        "tar.bz2, tar.gz, tar or zip; fetch it again"
    )


class _Extraction:
    """Which members of an archive are wanted, and where they go."""

    def __init__(self, archive: Path, entry: ModelEntry, directory: Path) -> None:
        self._archive = archive
        self._entry = entry
        self._directory = directory
        prefix = entry.archive.prefix if entry.archive is not None else None
        self._folders = {"", entry.name, prefix}
        self._members = 0
        self.missing = {file.name: file for file in entry.file}

    def wanted(self, name: str) -> FileEntry | None:
        """The listed file that a member is, or None; the first of two members of a name counts.

        Raises:
            ModelError: the name leads outside.
        """
        self._members += 1
        if self._members > _MEMBER_LIMIT:
            raise _TooLargeError
        if name.startswith("/") or "\\" in name or "\0" in name or ".." in name.split("/"):
            raise ModelError(
                f"the archive {self._archive} of model {self._entry.name} holds {name!r}, which leads out of "
                f"it; nothing was installed: delete it, and get the archive of {self._entry.source}"
            )
        parts = [part for part in name.split("/") if part not in ("", ".")]
        if not parts or name.endswith("/") or "/".join(parts[:-1]) not in self._folders:
            return None
        return self.missing.get(parts[-1])

    def refuse_unlike(self, file: FileEntry, size: int, plain: bool) -> None:
        """Refuse a member that is no plain file, or not as large as the listed file.

        Raises:
            ModelError: it is one of these.
        """
        if not plain:
            raise ModelError(
                f"{file.name} in the archive {self._archive} is a link or no plain file; "
                f"use the archive of {self._entry.source}"
            )
        if size != file.bytes:
            raise ModelError(
                f"{file.name} in the archive {self._archive} has {size} bytes, the manifest says "
                f"{file.bytes}: it is another version; use the one that the manifest names, or an appliance "
                "whose manifest knows this one"
            )

    def copy(self, file: FileEntry, source: IO[bytes]) -> None:
        """Write the content of a member."""
        with (self._directory / file.name).open("xb") as out:
            left = file.bytes
            while left and (data := source.read(min(left, _COPY_BYTES))):
                out.write(data)
                left -= len(data)
        del self.missing[file.name]


def _decompressed(stream: IO[bytes], magic: bytes) -> IO[bytes]:
    if magic.startswith(b"BZh"):
        return bz2.BZ2File(stream)
    if magic.startswith(b"\x1f\x8b"):
        return cast(IO[bytes], gzip.GzipFile(fileobj=stream))
    return stream


def _read_tar(source: _Bounded, extraction: _Extraction) -> None:
    with tarfile.open(fileobj=source, mode="r|", tarinfo=_Member) as tar:
        for member in tar:
            file = extraction.wanted(member.name)
            if file is None:
                continue
            plain = member.type in (tarfile.REGTYPE, tarfile.AREGTYPE)
            extraction.refuse_unlike(file, member.size, plain)
            content = tar.extractfile(member)
            assert content is not None  # it is a plain file
            extraction.copy(file, content)
            if not extraction.missing:
                return


def _read_zip(stream: IO[bytes], extraction: _Extraction) -> None:
    with zipfile.ZipFile(stream) as container:
        for member in container.infolist():
            file = extraction.wanted(member.filename)
            if file is None:
                continue
            kind = stat.S_IFMT(member.external_attr >> 16)
            plain = kind in (0, stat.S_IFREG) and not member.flag_bits & 1  # bit 0: encrypted
            extraction.refuse_unlike(file, member.file_size, plain)
            with container.open(member) as content:
                extraction.copy(file, content)
