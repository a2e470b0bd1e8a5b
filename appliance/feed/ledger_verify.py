"""Verifies an egress ledger: finds every change, gap, reordering and cut. Reads, and writes nothing."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

import msgspec
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

from appliance.feed.ledger import HEAD_FILE, file_name, file_numbers
from appliance.feed.ledger_records import (
    GENESIS,
    LEDGER_VERSION,
    Checkpoint,
    ClockJump,
    Fields,
    Head,
    Header,
    Record,
    Sent,
    Unrecorded,
    head_of,
    is_signed,
    link,
    record_of,
)

#: Problems that are listed; a ledger with more has no need of the rest.
MAX_PROBLEMS: Final = 100
#: A line is some 200 bytes; one with the topics of ten thousand beats is half a megabyte.
MAX_LINE_BYTES: Final = 4 * 1024 * 1024


@dataclass(slots=True)
class Verdict:
    """What a verification found."""

    #: each names the place, and what is wrong there; none: the ledger is as it was written
    problems: list[str] = field(default_factory=list)
    files: int = 0
    records: int = 0
    messages: int = 0
    bytes: int = 0
    #: unix time in ms
    first: int = 0
    last: int = 0
    #: messages that left without entries, as the site allowed
    unrecorded: int = 0
    #: jumps of the clock that were entered
    jumps: int = 0
    #: records after the last checkpoint: their hashes are not signed yet
    unsigned: int = 0
    #: the last checkpoint: its number, and the hash that it signs
    head: tuple[int, str] = (0, "")


class LedgerVerifier:
    """Walks through the files in order; `anchors` (records, hash) were noted elsewhere, as in the journal."""

    def __init__(
        self, directory: Path, key: Ed25519PublicKey, anchors: Mapping[int, str] | None = None
    ) -> None:
        self._directory = directory
        self._key = key
        self._anchors = dict(anchors or {})
        self._verdict = Verdict()
        self._chain = GENESIS
        self._n: int | None = None
        #: the place after the last good checkpoint: what is wrong lies behind it
        self._since = "the beginning"
        self._kinds: set[str] = set()
        self._torn = 0
        self._at_head: bytes | None = None

    def verify(self, last_files: int | None = None) -> Verdict:
        """Verify all files, or the `last_files` of them; what is before those is taken as it is.

        Raises:
            OSError: a file cannot be read.
        """
        verdict = self._verdict
        # Before the files, which only grow: a feed that is running may write while they are read.
        head = self._read_head()
        numbers = file_numbers(self._directory)
        if head is not None:
            numbers = [number for number in numbers if number >= head.first_file]
            if not numbers or numbers[0] > head.first_file:
                self._problem(f"{file_name(head.first_file)}: is missing; it was the first that is kept")
        elif numbers:
            self._problem(f"{HEAD_FILE}: is missing or damaged; the end of the ledger cannot be known")
        if last_files is not None:
            numbers = numbers[-last_files:]
        for place, number in enumerate(numbers):
            if place and number != numbers[place - 1] + 1:
                self._problem(
                    f"{file_name(numbers[place - 1] + 1)}: is missing (the next is {file_name(number)})"
                )
            self._file(number, head)
        if self._torn:
            self._problem(f"{file_name(numbers[-1])}: its last line is cut off after {self._torn} bytes")
        if head is not None:
            self._check_end(head)
        verdict.files = len(numbers)
        for records in self._anchors:
            self._problem(f"record {records}, whose hash was noted elsewhere, is not there (any more)")
        return verdict

    def _read_head(self) -> Head | None:
        try:
            head = head_of((self._directory / HEAD_FILE).read_bytes())
        except (FileNotFoundError, msgspec.MsgspecError):
            return None
        place = (head.n, head.t, head.chain, head.file, head.first_file)
        if not is_signed(self._key, head.signature, "head", *place):
            self._problem(f"{HEAD_FILE}: its signature is not that of this key")
            return None
        return head

    def _file(self, number: int, head: Head | None) -> None:
        name = file_name(number)
        self._kinds = set()
        with (self._directory / name).open("rb") as lines:
            count = 0
            for count, line in enumerate(iter(lambda: lines.readline(MAX_LINE_BYTES), b""), 1):
                place = f"{name}, line {count}"
                if not line.endswith(b"\n"):
                    self._torn = len(line)
                    return
                self._line(place, line[:-1], number if count == 1 else None, head)
            if not count:
                self._problem(f"{name}: is empty")

    def _line(self, place: str, line: bytes, first_of: int | None, head: Head | None) -> None:
        try:
            record = record_of(line)
        except (msgspec.MsgspecError, UnicodeDecodeError):
            self._problem(f"{place}: is no record")
            self._chain = link(self._chain, line)
            return
        if first_of is not None:
            self._begin(place, record, first_of)
        elif isinstance(record, Header):
            self._problem(f"{place}: begins a file in the middle of one")
        elif self._n is not None and record.n != self._n:
            self._problem(f"{place}: is record {record.n}, and {self._n} was to come")
        if isinstance(record, Checkpoint):
            self._signed(place, record)
        self._take_in(place, record)
        self._n = record.n + 1
        self._chain = link(self._chain, line)
        noted = self._anchors.pop(self._n, None)
        if noted is not None and noted != self._chain.hex():
            self._problem(
                f"{place}: its hash is not the one that was noted elsewhere; the ledger was rewritten"
            )
        if head is not None and record.n == head.n and isinstance(record, Checkpoint):
            self._at_head = bytes.fromhex(record.chain)

    def _begin(self, place: str, record: Record, number: int) -> None:
        if not isinstance(record, Header):
            self._problem(f"{place}: does not begin the file; its first line is missing")
            return
        if record.v != LEDGER_VERSION:
            self._problem(f"{place}: is of version {record.v}; this program knows {LEDGER_VERSION}")
        if record.file != number:
            self._problem(f"{place}: is the beginning of {file_name(record.file)}")
        if record.torn != self._torn:
            self._problem(
                f"{place}: {self._torn} bytes of a torn line are before it, and it says {record.torn}"
            )
        self._torn = 0
        if record.lost:
            self._problem(
                f"{place}: {record.lost} signed records before it were not there when the feed was started "
                "again (the power went, or somebody took them away)"
            )
        elif self._n is not None and (record.n, record.prev) != (self._n, self._chain.hex()):
            self._problem(
                f"{place}: does not go on from what is before it; something between {self._since} and "
                "here was changed, added or taken away"
            )
        self._chain = bytes.fromhex(record.prev)

    def _signed(self, place: str, record: Checkpoint) -> None:
        if not is_signed(self._key, record.signature, "checkpoint", record.n, record.t, record.chain):
            self._problem(f"{place}: its signature is not that of this key")
            return
        if record.chain != self._chain.hex():
            self._problem(
                f"{place}: something between {self._since} and here was changed, added, moved or taken away"
            )
            # From here on the signed hash counts, so that other places are found, too.
            self._chain = bytes.fromhex(record.chain)
        self._since = place
        self._verdict.head, self._verdict.unsigned = (record.n, record.chain), -1

    def _take_in(self, place: str, record: Record) -> None:
        verdict = self._verdict
        verdict.records += 1
        verdict.unsigned += 1
        verdict.first = verdict.first or record.t
        confirmed = isinstance(record, ClockJump) and record.kind == "confirmed"
        if record.t < verdict.last and not confirmed:
            self._problem(f"{place}: its time is before that of the record before it")
        verdict.last = record.t
        if isinstance(record, Fields):
            self._kinds.add(record.kind)
        elif isinstance(record, Sent):
            if record.kind not in self._kinds:
                self._problem(f"{place}: the fields of {record.kind} are not named before it")
            each = len(record.to) if isinstance(record.to, list) else record.copies
            verdict.messages += each
            verdict.bytes += record.size * record.copies
        elif isinstance(record, Unrecorded):
            verdict.unrecorded += record.messages
        elif isinstance(record, ClockJump):
            verdict.jumps += 1

    def _check_end(self, head: Head) -> None:
        if self._n is None or self._n <= head.n:
            self._problem(
                f"the end is missing: record {head.n} was signed, and the last that is there is "
                f"{self._n - 1 if self._n else 'none'}"
            )
        elif self._at_head is None or self._at_head.hex() != head.chain:
            self._problem(f"{HEAD_FILE}: signs another record {head.n} than the one that is there")

    def _problem(self, text: str) -> None:
        if len(self._verdict.problems) < MAX_PROBLEMS:
            self._verdict.problems.append(text)
