"""What the bank's record says of a customer, asked for when a call begins: from a file, or over HTTP.

It is asked on the gateway's side, where the number is known; the engine gets facts of the closed vocabulary
and never the number. An answer that is late, wrong or missing leaves the call as it would be without.
"""

from __future__ import annotations

import asyncio
import urllib.error
import urllib.request
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, Final
from urllib.parse import quote

import msgspec
from msgspec import Meta, Struct

from appliance.box.config import Record
from appliance.memory.secret import normal
from appliance.telephony.audioblock import MAX_FACTS, CustomerKnown, KnownFact

#: An answer has a few facts; more is not what was asked for.
MAX_ANSWER_BYTES: Final = 16 * 1024
#: A file of a large bank's customers of one centre; above it, use HTTP.
MAX_FILE_BYTES: Final = 64 * 1024 * 1024
HEADER: Final = "number\tfacts"


class _Answer(Struct, frozen=True):
    """What an HTTP answer holds; other keys are ignored."""

    facts: Annotated[list[KnownFact], Meta(max_length=MAX_FACTS)]


class _NoRedirect(urllib.request.HTTPRedirectHandler):
    """A redirect could lead out of the gateway's networks."""

    def redirect_request(self, *_arguments: object, **_named: object) -> None:
        """Follow none."""


class BankRecord:
    """One configured source. Counts what came of it: `found`, `nothing`, `failed`, `bad_lines`."""

    def __init__(self, settings: Record) -> None:
        self._settings = settings
        self.counters: Counter[str] = Counter()
        self._table: dict[str, tuple[KnownFact, ...]] = {}
        self._stamp: tuple[int, int] | None = None
        self._opener = urllib.request.build_opener(urllib.request.ProxyHandler({}), _NoRedirect)

    async def of(self, call: str, number: str) -> CustomerKnown | None:
        """What is known of the customer of a call; None where nothing is, or nobody answers."""
        plain = normal(number)
        if plain is None:
            return None
        look = self._from_file if self._settings.file is not None else self._over_http
        try:
            facts = await asyncio.wait_for(
                asyncio.to_thread(look, plain), self._settings.timeout_seconds + 1.0
            )
        except (OSError, ValueError, msgspec.MsgspecError, asyncio.TimeoutError):
            self.counters["failed"] += 1
            return None
        self.counters["found" if facts else "nothing"] += 1
        return CustomerKnown(call, tuple(facts)) if facts else None

    def _from_file(self, number: str) -> Sequence[KnownFact]:
        path = self._settings.file
        assert path is not None
        status = path.stat()
        if status.st_size > MAX_FILE_BYTES:
            raise ValueError(f"{path}: has {status.st_size} bytes; use HTTP above {MAX_FILE_BYTES}")
        stamp = (status.st_mtime_ns, status.st_size)
        if stamp != self._stamp:
            self._table, bad = read_table(path)
            self.counters["bad_lines"] = bad
            self._stamp = stamp
        return self._table.get(number, ())

    def _over_http(self, number: str) -> Sequence[KnownFact]:
        url = self._settings.url
        assert url is not None
        request = urllib.request.Request(url.replace("{number}", quote(number)))  # noqa: S310
        try:
            with self._opener.open(request, timeout=self._settings.timeout_seconds) as answer:
                data = answer.read(MAX_ANSWER_BYTES + 1)
        except urllib.error.HTTPError as error:
            if error.code == 404:
                return ()
            raise
        if len(data) > MAX_ANSWER_BYTES:
            raise ValueError("the answer is too long")
        return msgspec.json.decode(data, type=_Answer).facts


def read_table(path: Path) -> tuple[dict[str, tuple[KnownFact, ...]], int]:
    """Number to facts, from lines of `number TAB facts`, and how many lines could not be read.

    Facts are `tag:stance` or `tag:stance=yuan`, parted by spaces: `deposit:has idle_money:has=200000`.

    Raises:
        OSError: the file cannot be read.
        ValueError: it is not UTF-8, or its first line is not the header.
    """
    lines = path.read_text(encoding="utf-8").splitlines()
    if not lines or lines[0].strip() != HEADER:
        raise ValueError(f"{path}: the first line must be the header, number and facts parted by a tab")
    table: dict[str, tuple[KnownFact, ...]] = {}
    bad = 0
    for line in lines[1:]:
        if not line.strip():
            continue
        number, _, facts = line.partition("\t")
        plain = normal(number)
        try:
            if plain is None:
                raise ValueError(number)
            table[plain] = tuple(_fact(word) for word in facts.split()[:MAX_FACTS])
        except (ValueError, msgspec.ValidationError):
            bad += 1
    return table, bad


def _fact(word: str) -> KnownFact:
    tag, _, rest = word.partition(":")
    stance, _, amount = rest.partition("=")
    return msgspec.convert(
        {"tag": tag, "stance": stance, "amount": int(amount) if amount else None}, type=KnownFact
    )
