"""The facts of a report, collected once: the JSON file has them, and the page shows nothing else."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from pathlib import Path

import msgspec

from appliance.box.evidence import DIRECTORY, EvidenceError, Results, read_results
from appliance.box.firewall import TABLE, FirewallError, ruleset
from appliance.box.settings.privacy import Queue
from appliance.inspection.checks.firewall import counters
from appliance.inspection.checks.models import used_models
from appliance.inspection.finding import Outcome
from appliance.inspection.ground import Ground, ProgramMissingError
from appliance.inspection.inspect import Inspection, inspect
from appliance.inspection.machine import MachineFacts, machine_facts
from appliance.inspection.report.mapping import ARTICLES
from appliance.models import FileEntry, ModelError, ModelStore

REPORT_VERSION = 1


class PolicyFacts(msgspec.Struct, frozen=True):
    """What holds for the calls of one trunk or queue."""

    name: str
    #: which calls: kinds of match and their values, all of which must fit; empty for `default`
    calls: dict[str, tuple[str, ...]]
    analysis: bool
    voice: bool
    emotion: bool
    quotes: bool
    memory: bool
    retention_days: int | None
    require_announcement: bool


class Settings(msgspec.Struct, frozen=True):
    """What the configuration says that a compliance team must know."""

    #: of the file; None: the defaults
    sha256: str | None
    gateways: tuple[str, ...]
    seats: tuple[str, ...]
    admins: tuple[str, ...]
    memory_enabled: bool
    retention_days: int
    record: bool
    ledger: bool
    consent: str
    announcement: str
    allow_research_only: bool


class Rules(msgspec.Struct, frozen=True):
    """The firewall's rules."""

    #: `kernel`: as loaded now; `configuration`: what should be; `none`: none can be made
    source: str
    text: str


class ModelFacts(msgspec.Struct, frozen=True):
    """One model of the manifest that is used or installed."""

    name: str
    kind: str
    purpose: str
    licence: str
    research_only: bool
    origin: str
    used: bool
    #: what is wrong with its files; empty where they are genuine
    problems: tuple[str, ...]
    files: tuple[FileEntry, ...]


class Cited(msgspec.Struct, frozen=True):
    """An article, and the worst outcome of each check that is evidence for it; None: nothing was found."""

    article: str
    law: str
    evidence: dict[str, Outcome | None]


class Report(msgspec.Struct, frozen=True):
    """Everything that the page shows."""

    v: int
    #: UTC, as `2026-11-26T04:15:31Z`
    at: str
    box: str
    #: no units run this appliance, so nothing sandboxes it: whatever the checks say, it is no box in service
    development: bool
    machine: MachineFacts
    settings: Settings
    policies: tuple[PolicyFacts, ...]
    inspection: Inspection
    rules: Rules
    #: packets and bytes
    counters: dict[str, tuple[int, int]]
    models: tuple[ModelFacts, ...]
    tests: tuple[Results, ...]
    #: files of results that could not be used, and why
    test_problems: tuple[str, ...]
    mapping: tuple[Cited, ...]


#: The worst first.
_SEVERITY: tuple[Outcome, ...] = ("failed", "not_checked", "warning", "ok")


def collect(ground: Ground, evidence: Sequence[Path] = ()) -> Report:
    """Inspect the box and collect all that a report shows; `evidence` are further files of results."""
    inspection = inspect(ground)
    config = ground.config
    tests, problems = _tests(config.box.state_directory / DIRECTORY, evidence)
    return Report(
        v=REPORT_VERSION,
        at=inspection.at,
        box=config.box.name,
        development=ground.development,
        machine=machine_facts(ground),
        settings=_settings(ground),
        policies=tuple(
            PolicyFacts(
                one.name, _calls(one.queue), one.analysis, one.voice, one.emotion, one.quotes, one.memory,
                one.retention_days, one.require_announcement,
            )
            for one in config.policies()
        ),
        inspection=inspection,
        rules=_rules(ground),
        counters=counters(ground) if ground.may_read_rules else {},
        models=tuple(_models(ground)),
        tests=tests,
        test_problems=problems,
        mapping=tuple(_cited(inspection)),
    )  # fmt: skip


def _calls(queue: Queue | None) -> dict[str, tuple[str, ...]]:
    """Which calls a queue matches."""
    if queue is None:
        return {}
    kinds = {"agent_numbers": queue.agent_numbers, "gateways": queue.gateways, "domains": queue.domains}
    for name, match in (("header", queue.header), ("metadata", queue.metadata)):
        if match is not None:
            kinds[name] = (match.name, *match.values)
    return {name: values for name, values in kinds.items() if values}


def _settings(ground: Ground) -> Settings:
    config, path = ground.config, ground.config_path
    policy = config.policy
    return Settings(
        sha256=hashlib.sha256(path.read_bytes()).hexdigest() if path is not None else None,
        gateways=config.siprec.gateways,
        seats=config.feed.seat_networks,
        admins=config.firewall.admins,
        memory_enabled=config.memory.enabled,
        retention_days=config.memory.retention_days,
        record=config.record.file is not None or config.record.url is not None,
        ledger=config.feed.ledger,
        consent=policy.consent.header or policy.consent.metadata,
        announcement=policy.announcement.header or policy.announcement.metadata,
        allow_research_only=config.models.allow_research_only,
    )


def _rules(ground: Ground) -> Rules:
    if ground.may_read_rules:
        try:
            listed = ground.run(["nft", "-s", "list", "table", "inet", TABLE], "")
            if listed.status == 0:
                return Rules("kernel", listed.out)
        except ProgramMissingError:
            pass
    try:
        return Rules("configuration", ruleset(ground.config))
    except FirewallError as error:
        return Rules("none", str(error))


def _models(ground: Ground) -> list[ModelFacts]:
    """The models in use first, then those that are installed besides."""
    store = ModelStore.configured(ground.config)
    try:
        used = [entry.name for entry in used_models(ground, store)]
        others = [one.name for one in store.entries if one.name not in used and store.locate(one.name)]
        entries = [store.entry(name) for name in (*used, *others)]
    except ModelError:
        return []  # the check `models.verified` says why
    return [
        ModelFacts(
            entry.name, entry.kind, entry.purpose, entry.licence, entry.research_only, entry.source,
            entry.name in used, tuple(store.problems(entry.name)), entry.file,
        )
        for entry in entries
    ]  # fmt: skip


def _tests(directory: Path, named: Sequence[Path]) -> tuple[tuple[Results, ...], tuple[str, ...]]:
    try:
        kept = sorted(directory.glob("*.json"))
    except OSError:
        kept = []
    results, problems = [], []
    for path in (*kept, *named):
        try:
            results.append(read_results(path))
        except EvidenceError as error:
            problems.append(str(error))
    return tuple(results), tuple(problems)


def _cited(inspection: Inspection) -> list[Cited]:
    found: dict[str, Outcome] = {}
    for finding in inspection.findings:
        before = found.get(finding.check, "ok")
        found[finding.check] = min(before, finding.outcome, key=_SEVERITY.index)
    return [
        Cited(article.id, article.law, {check: found.get(check) for check in article.evidence})
        for article in ARTICLES
    ]
