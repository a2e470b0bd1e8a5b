"""What a check found: an outcome, the facts that it measured, and the code of a reason.

Sentences stand in the catalogues of `words/`; a finding has codes and values only, so that the same finding
can be read in both languages.
"""

from __future__ import annotations

from typing import Final, Literal, get_args

import msgspec

Outcome = Literal["ok", "warning", "failed", "not_checked"]
#: The worst first, as people read them.
OUTCOMES: Final[tuple[Outcome, ...]] = ("failed", "warning", "not_checked", "ok")

#: What is checked; the part before the dot is the group.
CheckId = Literal[
    "configuration.valid",
    "configuration.file",
    "directories.runtime",
    "directories.state",
    "directories.secrets",
    "process.running",
    "process.user",
    "process.privileges",
    "process.calls",
    "process.network",
    "process.files",
    "process.memory",
    "units.state",
    "host.core_dumps",
    "host.swap",
    "host.debugging",
    "host.disk",
    "clock.steady",
    "clock.synchronised",
    "firewall.loaded",
    "firewall.rules",
    "firewall.counters",
    "ledger.verified",
    "feed.stranger",
    "models.verified",
    "models.licence",
    "models.recognizer",
    "policy.analysis",
    "policy.retention",
    "policy.egress",
    "status.progress",
    "status.egress",
]
CHECK_IDS: Final[tuple[CheckId, ...]] = get_args(CheckId)

#: Why an outcome is not `ok`; the catalogue has for each what is wrong and what to do next.
Reason = Literal[
    "not_permitted",
    "program_missing",
    "program_failed",
    "no_systemd",
    "unreadable",
    "check_broken",
    "configuration_invalid",
    "configuration_writable",
    "configuration_default",
    "directory_missing",
    "directory_on_disk",
    "directory_owner",
    "directory_mode",
    "secret_open",
    "not_running",
    "development",
    "runs_as_root",
    "wrong_user",
    "privileges_left",
    "calls_unfiltered",
    "network_shared",
    "network_interfaces",
    "network_sockets",
    "files_writable",
    "core_limit",
    "memory_swapped",
    "swap_allowed",
    "written_and_run",
    "unit_missing",
    "unit_inactive",
    "unit_disabled",
    "unit_restarted",
    "core_pattern",
    "swap_on",
    "ptrace_open",
    "disk_full",
    "disk_short",
    "clock_jumped",
    "clock_behind",
    "clock_unconfirmed",
    "clock_no_history",
    "clock_unsynchronised",
    "firewall_missing",
    "firewall_differs",
    "firewall_port",
    "ledger_off",
    "ledger_none",
    "ledger_changed",
    "ledger_unrecorded",
    "feed_silent",
    "feed_open",
    "feed_port",
    "model_unusable",
    "model_research",
    "recognizer_failed",
    "ledger_goes_on",
    "quotes_on",
    "no_console",
    "part_unheard",
    "part_silent",
    "part_failed",
    "ledger_failing",
]
REASONS: Final[tuple[Reason, ...]] = get_args(Reason)

Fact = str | int | float | bool | list[str]
Facts = dict[str, Fact]


class Finding(msgspec.Struct, frozen=True):
    """One thing that was looked at."""

    check: CheckId
    #: what was looked at, such as a path or the name of a process
    subject: str
    outcome: Outcome
    #: what was measured, by the names of the catalogue
    facts: Facts = {}
    #: None where the outcome is `ok`
    reason: Reason | None = None
    #: values of the reason's sentences
    values: dict[str, str] = {}

    @property
    def group(self) -> str:
        """The part of the check's id before the dot."""
        return self.check.partition(".")[0]


def ok(check: CheckId, subject: str, facts: Facts | None = None) -> Finding:
    """All is as it should be."""
    return Finding(check, subject, "ok", facts or {})


def failed(
    check: CheckId, subject: str, reason: Reason, facts: Facts | None = None, **values: object
) -> Finding:
    """Something is wrong."""
    return Finding(check, subject, "failed", facts or {}, reason, _texts(values))


def warning(
    check: CheckId, subject: str, reason: Reason, facts: Facts | None = None, **values: object
) -> Finding:
    """Nothing is broken, but somebody should know."""
    return Finding(check, subject, "warning", facts or {}, reason, _texts(values))


def not_checked(
    check: CheckId, subject: str, reason: Reason, facts: Facts | None = None, **values: object
) -> Finding:
    """It could not be looked at, which is never a good sign by itself and never taken for one."""
    return Finding(check, subject, "not_checked", facts or {}, reason, _texts(values))


def _texts(values: dict[str, object]) -> dict[str, str]:
    return {name: str(value) for name, value in values.items()}
