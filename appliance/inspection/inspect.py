"""Runs all checks and puts what they found together."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import Final

import msgspec

from appliance.box.config import Config, ConfigError, load
from appliance.inspection.checks import (
    clock,
    configuration,
    directories,
    firewall,
    host,
    ledger,
    models,
    policy,
    processes,
    status,
    stranger,
    units,
)
from appliance.inspection.finding import CheckId, Finding, Outcome, failed, not_checked
from appliance.inspection.ground import Ground

Check = Callable[[Ground], Iterator[Finding]]
#: In the order in which people read them; each with the id that stands for it where it breaks.
CHECKS: Final[tuple[tuple[CheckId, Check], ...]] = (
    ("configuration.valid", configuration.check),
    ("directories.runtime", directories.check),
    ("process.running", processes.check),
    ("units.state", units.check),
    ("status.progress", status.check),
    ("firewall.loaded", firewall.check),
    ("feed.stranger", stranger.check),
    ("ledger.verified", ledger.check),
    ("models.verified", models.check),
    ("policy.analysis", policy.check),
    ("host.core_dumps", host.check),
    ("clock.steady", clock.check),
)
#: What needs no valid configuration.
_WITHOUT_CONFIGURATION: Final[frozenset[CheckId]] = frozenset({"host.core_dumps", "clock.steady"})


class Inspection(msgspec.Struct, frozen=True):
    """All findings of one look at the box."""

    #: UTC, as `2026-11-26T04:15:31Z`
    at: str
    findings: tuple[Finding, ...]

    def of(self, outcome: Outcome) -> list[Finding]:
        """The findings with that outcome."""
        return [finding for finding in self.findings if finding.outcome == outcome]

    @property
    def sound(self) -> bool:
        """Whether nothing failed."""
        return not self.of("failed")


def inspect(ground: Ground, checks: Iterable[tuple[CheckId, Check]] = CHECKS) -> Inspection:
    """Run the checks; one that breaks is told as not checked, and the others go on."""
    findings: list[Finding] = []
    at = utc(ground.now())
    for check_id, check in checks:
        try:
            findings.extend(check(ground))
        except Exception as error:
            # Whatever it is, it must not hide what the other checks find.
            findings.append(not_checked(check_id, "-", "check_broken", kind=type(error).__name__))
    return Inspection(at, tuple(findings))


def inspect_file(path: Path | None, ground_of: Callable[[Config], Ground]) -> Inspection:
    """Inspect the box of a configuration; where it cannot be used, what needs none is checked still."""
    try:
        return inspect(ground_of(load(path)))
    except ConfigError as error:
        invalid = [
            failed("configuration.valid", str(path), "configuration_invalid", problem=problem)
            for problem in error.problems
        ]
        rest = [one for one in CHECKS if one[0] in _WITHOUT_CONFIGURATION]
        found = inspect(ground_of(Config()), rest)
        return Inspection(found.at, (*invalid, *found.findings))


def utc(seconds: float) -> str:
    """A moment in UTC, as `2026-11-26T04:15:31Z`."""
    return time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(seconds))
