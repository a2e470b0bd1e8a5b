"""Counts in a private JSON file: read checked when the feed starts, written whole when they have changed.

A file has one size from the first start on, filled up with spaces: that a file grew, or by how much, tells
nothing of the calls.
"""

from __future__ import annotations

from pathlib import Path
from typing import Generic, TypeVar

import msgspec
from msgspec import Struct

from appliance.feed.private_file import PrivateFileError, read_private, write_private

Content = TypeVar("Content", bound=Struct)


class CountsFile(Generic[Content]):
    """One file of `size` bytes whose content is a struct of the type `content`."""

    def __init__(self, path: Path, content: type[Content], counted: str, size: int) -> None:
        """Use `path`; `counted` names in an error what is counted, as in "Days are counted from zero"."""
        self._path = path
        self._size = size
        self._content = content
        self._counted = counted

    def load(self) -> Content | None:
        """The counts of the last run; None where there are none.

        Raises:
            PrivateFileError: the file cannot be read or is damaged; counting begins at zero.
        """
        data = read_private(self._path)
        if data is None:
            return None
        try:
            return msgspec.json.decode(data.rstrip(b" \n"), type=self._content)
        except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError) as error:
            raise PrivateFileError(
                f"{self._path}: is damaged ({error}); move it away. {self._counted} counted from zero"
            ) from error

    def save(self, content: Content) -> None:
        """Write the counts.

        Raises:
            PrivateFileError: the file cannot be written, or there are more counts than it has room for.
        """
        data = msgspec.json.encode(content)
        if len(data) >= self._size:
            raise PrivateFileError(f"{self._path}: has no room for {len(data)} bytes of counts; report this")
        write_private(self._path, data.ljust(self._size - 1) + b"\n")
