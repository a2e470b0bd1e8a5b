"""What the site's configuration lets the box analyse, show, keep and send, for each trunk or queue."""

from __future__ import annotations

from collections.abc import Iterator

from appliance.box.policies import ResolvedPolicy
from appliance.inspection.finding import Facts, Finding, ok, warning
from appliance.inspection.ground import Ground


def check(ground: Ground) -> Iterator[Finding]:
    """State each; warn of what a compliance team should have decided."""
    config = ground.config
    for policy in config.policies():
        facts = _facts(policy)
        if policy.quotes:
            yield warning("policy.analysis", policy.name, "quotes_on", facts)
        else:
            yield ok("policy.analysis", policy.name, facts)
    kept: Facts = {"memory": config.memory.enabled}
    if config.memory.enabled:
        kept["retention_days"] = config.memory.retention_days
    kept["record"] = config.record.file is not None or config.record.url is not None
    yield ok("policy.retention", "memory", kept)
    feed = config.feed
    egress: Facts = {
        "ledger": feed.ledger,
        "ledger_megabytes": feed.ledger_megabytes,
        "ledger_failure": feed.ledger_failure,
    }
    if feed.ledger and feed.ledger_failure == "go_on":
        yield warning("policy.egress", "feed", "ledger_goes_on", egress)
    else:
        yield ok("policy.egress", "feed", egress)


def _facts(policy: ResolvedPolicy) -> Facts:
    facts: Facts = {
        "analysis": policy.analysis,
        "voice": policy.voice,
        "emotion": policy.emotion,
        "quotes": policy.quotes,
        "memory": policy.memory,
        "require_announcement": policy.require_announcement,
    }
    if policy.retention_days is not None:
        facts["retention_days"] = policy.retention_days
    return facts
