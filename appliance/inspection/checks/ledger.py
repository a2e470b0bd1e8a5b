"""The egress ledger, verified: whole where it is short, else its last files, and which."""

from __future__ import annotations

import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from appliance.feed.ledger import PUBLIC_FILE, file_numbers
from appliance.feed.ledger_verify import LedgerVerifier, Verdict
from appliance.inspection.finding import Facts, Finding, failed, not_checked, ok, warning
from appliance.inspection.ground import Ground

#: A doctor verifies so much at most, at some 40 MB a second and core (a report verifies all of it).
MOST_BYTES: Final = 128 * 1024 * 1024


@dataclass(frozen=True, slots=True)
class Verified:
    """A verdict, and how much of the ledger it is on."""

    verdict: Verdict
    #: files that were verified, of how many
    files: int
    of: int


def check(ground: Ground) -> Iterator[Finding]:
    """Verify the ledger of this box with its own public key."""
    directory = ground.feed_directory / "ledger"
    subject = str(directory)
    if not ground.config.feed.ledger:
        yield warning("ledger.verified", subject, "ledger_off")
        return
    try:
        verified = verify(ground)
    except PermissionError:
        yield not_checked("ledger.verified", subject, "not_permitted")
        return
    except FileNotFoundError:
        yield not_checked("ledger.verified", subject, "ledger_none")
        return
    except (OSError, ValueError):
        yield not_checked("ledger.verified", subject, "unreadable", what=directory)
        return
    facts = _facts(verified)
    if verified.verdict.problems:
        yield failed(
            "ledger.verified", subject, "ledger_changed", facts, problem=verified.verdict.problems[0]
        )
    elif verified.verdict.unrecorded:
        yield warning(
            "ledger.verified", subject, "ledger_unrecorded", facts, messages=verified.verdict.unrecorded
        )
    else:
        yield ok("ledger.verified", subject, facts)


def verify(ground: Ground) -> Verified:
    """Verify as much as the ground asks for.

    Raises:
        OSError: it is not there, or cannot be read.
        ValueError: the public key is none.
    """
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

    directory = ground.feed_directory / "ledger"
    text = (ground.feed_directory / PUBLIC_FILE).read_text(encoding="ascii").strip()
    key = Ed25519PublicKey.from_public_bytes(bytes.fromhex(text))
    numbers = file_numbers(directory)
    if not numbers:
        raise FileNotFoundError(directory)
    last = len(numbers) if ground.whole_ledger else _affordable(directory, numbers)
    return Verified(LedgerVerifier(directory, key).verify(last_files=last), last, len(numbers))


def _affordable(directory: Path, numbers: list[int]) -> int:
    """How many of the last files are verified in some seconds; at least one."""
    from appliance.feed.ledger import file_name

    total = 0
    for count, number in enumerate(reversed(numbers), 1):
        total += (directory / file_name(number)).stat().st_size
        if total > MOST_BYTES:
            return max(1, count - 1)
    return len(numbers)


def _facts(verified: Verified) -> Facts:
    verdict = verified.verdict
    facts: Facts = {
        "files": f"{verified.files} / {verified.of}",
        "records": verdict.records,
        "messages": verdict.messages,
        "bytes": verdict.bytes,
        "first": _time(verdict.first),
        "last": _time(verdict.last),
        "head_record": verdict.head[0],
        "head_hash": verdict.head[1],
        "unsigned": verdict.unsigned,
        "clock_jumps": verdict.jumps,
    }
    if verdict.problems:
        facts["problems"] = verdict.problems[:20]
    return facts


def _time(milliseconds: int) -> str:
    """UTC, as `2026-11-26T04:15:31Z`; empty where there is none."""
    return time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(milliseconds / 1000)) if milliseconds else ""
