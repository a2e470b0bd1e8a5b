"""What a call leaves behind in a box: files that changed, and words in them or anywhere on the raw disk."""

from __future__ import annotations

import subprocess
import tempfile
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from pypinyin import Style, lazy_pinyin

from tools.booted_box.box import Listing

#: Characters of a run that is looked for: four of a call's text are no chance in a file that changed.
RUN: Final = 4
_ENCODINGS: Final = ("utf-8", "utf-16-le", "utf-16-be", "gb18030")


@dataclass(frozen=True, slots=True)
class Change:
    """A file that is new, has another size or holds something else; sizes in bytes."""

    path: str
    #: of the file system; `tmpfs` is memory
    kind: str
    before: int
    after: int


def changes(before: Listing, after: Listing) -> list[Change]:
    """What differs between two listings of a box; files that went away hold nothing."""
    return [
        Change(path, kind, before[path][1] if path in before else 0, size)
        for path, (kind, size, digest) in sorted(after.items())
        if path not in before or before[path][2] != digest
    ]


def runs(texts: Iterable[str]) -> list[str]:
    """Every run of four Chinese characters in texts, over their punctuation."""
    found: dict[str, None] = {}
    for text in texts:
        plain = "".join(char for char in text if "\u4e00" <= char <= "\u9fff")
        for first in range(len(plain) - RUN + 1):
            found[plain[first : first + RUN]] = None
    return list(found)


def needles(words: Iterable[str]) -> dict[bytes, str]:
    """The bytes by which words would be found: text in four encodings, pinyin with or without tones."""
    found: dict[bytes, str] = {}
    for word in words:
        for encoding in _ENCODINGS:
            found[word.encode(encoding)] = word
        for style in (Style.NORMAL, Style.TONE3):
            syllables = lazy_pinyin(word, style=style)
            for joint in ("", " "):
                found[joint.join(syllables).encode()] = word
    # grep reads a pattern a line.
    return {needle: word for needle, word in found.items() if b"\n" not in needle and b"\0" not in needle}


def found_in(path: Path, wanted: dict[bytes, str]) -> set[str]:
    """Which words are somewhere in a file, whatever the file is."""
    with tempfile.NamedTemporaryFile() as patterns:
        patterns.write(b"\n".join(wanted))
        patterns.flush()
        done = subprocess.run(
            ["grep", "-F", "-a", "-o", "-h", "-f", patterns.name, str(path)],
            env={"LC_ALL": "C", "PATH": "/usr/bin:/bin"}, capture_output=True, check=False,
        )  # fmt: skip
    if done.returncode > 1:
        raise OSError(f"grep in {path} failed: {done.stderr.decode()}")
    return {wanted[line] for line in done.stdout.splitlines() if line in wanted}
