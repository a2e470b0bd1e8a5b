"""Which files of a box a call has made larger, by two listings."""

from __future__ import annotations

from typing import Final

from tools.booted_box.box import Listing

JOURNAL: Final = "/var/log/journal/"
#: What a call may make larger. The journal's files are made at their size, and are looked at by themselves.
MAY_GROW: Final = ("/var/lib/ridge/feed/ledger/", JOURNAL)
#: systemd-journald allocates so much at once (journal-file.c, FILE_SIZE_INCREASE).
JOURNAL_STEP: Final = 8 * 1024 * 1024


def grown(before: Listing, after: Listing) -> tuple[dict[str, str], int]:
    """The files on the disk that are larger than before, or new, with both sizes; and how many there are."""
    found = on_disk(after)
    was = on_disk(before)
    larger = {
        path: f"{was.get(path, 0)} to {size} bytes"
        for path, size in found.items()
        if (path not in was or size > was[path]) and not path.startswith(MAY_GROW)
    }
    return larger, len(found)


def journal(listing: Listing) -> int:
    """Bytes of all files of systemd's journal."""
    return sum(size for path, size in on_disk(listing).items() if path.startswith(JOURNAL))


def on_disk(listing: Listing) -> dict[str, int]:
    """The size of each file that does not lie in memory."""
    return {path: int(size) for path, (kind, size, _) in listing.items() if kind != "tmpfs"}
