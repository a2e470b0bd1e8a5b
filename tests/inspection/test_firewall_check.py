"""The kernel's rules are compared with those of the configuration, in a network namespace."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Iterator, Sequence
from pathlib import Path

import pytest

from appliance.box.config import Config, Firewall
from appliance.box.firewall import ruleset
from appliance.inspection.checks import firewall
from appliance.inspection.finding import Finding
from appliance.inspection.ground import Answer, Ground, run_program
from tests.box.namespaces import missing
from tests.inspection.machine import Machine

CONFIG = Config(firewall=Firewall(admins=("10.9.0.0/24",)))
_missing = missing()
real = pytest.mark.skipif(_missing is not None, reason=str(_missing))


@pytest.fixture
def namespace() -> Iterator[str]:
    name = f"ridge-{os.getpid()}-report"
    subprocess.run(["ip", "netns", "add", name], check=True)
    try:
        yield name
    finally:
        subprocess.run(["ip", "netns", "del", name], check=True)


def nft(namespace: str, *arguments: str, rules: str = "") -> None:
    subprocess.run(
        ["ip", "netns", "exec", namespace, "nft", *arguments],
        input=rules, text=True, check=True, capture_output=True,
    )  # fmt: skip


def within(namespace: str) -> Ground:
    """Programs run in the namespace, as if it were the box's."""

    def run(command: Sequence[str], standard_input: str) -> Answer:
        return run_program(["ip", "netns", "exec", namespace, *command], standard_input)

    return Ground(CONFIG, run=run, user=0)


def found(ground: Ground) -> dict[str, Finding]:
    return {finding.check: finding for finding in firewall.check(ground)}


@real
def test_the_rules_of_the_configuration_are_known_again(namespace: str) -> None:
    nft(namespace, "-f", "-", rules=ruleset(CONFIG))
    findings = found(within(namespace))
    assert {finding.outcome for finding in findings.values()} == {"ok"}
    assert findings["firewall.counters"].facts["in_dropped"] == "0 / 0"


@real
@pytest.mark.parametrize(
    "change",
    [
        ("add", "rule", "inet", "ridge", "output", "ip", "daddr", "203.0.113.9", "accept"),
        ("insert", "rule", "inet", "ridge", "input", "accept"),
        ("flush", "chain", "inet", "ridge", "output"),
        ("add", "chain", "inet", "ridge", "output", "{ policy accept; }"),
    ],
)
def test_rules_that_somebody_changed_fail(namespace: str, change: tuple[str, ...]) -> None:
    nft(namespace, "-f", "-", rules=ruleset(CONFIG))
    nft(namespace, *change)
    finding = found(within(namespace))["firewall.rules"]
    assert (finding.outcome, finding.reason) == ("failed", "firewall_differs")


@real
def test_a_machine_without_our_table_is_told(namespace: str) -> None:
    ground = within(namespace)
    finding = found(ground)["firewall.loaded"]
    # No units of Ridge are installed where tests run, so it is a note.
    assert (finding.outcome, finding.reason) == ("warning", "firewall_missing")


def test_whoever_may_not_look_claims_nothing(tmp_path: Path) -> None:
    machine = Machine(tmp_path)
    (finding,) = firewall.check(machine.ground(CONFIG, user=1000))
    assert (finding.outcome, finding.reason) == ("not_checked", "not_permitted")
    (finding,) = firewall.check(machine.ground(CONFIG))
    assert (finding.outcome, finding.reason) == ("not_checked", "program_missing")
    machine.answers("nft", status=1, err="Error: Could not process rule: Operation not permitted")
    (finding,) = firewall.check(machine.ground(CONFIG))
    assert (finding.outcome, finding.reason) == ("not_checked", "program_failed")
