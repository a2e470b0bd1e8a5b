"""What the site's configuration lets the box analyse, show, keep and send."""

from __future__ import annotations

from collections.abc import Iterator

from appliance.inspection.finding import Facts, Finding, ok, warning
from appliance.inspection.ground import Ground


def check(ground: Ground) -> Iterator[Finding]:
    """State each; warn of what a compliance team should have decided."""
    config = ground.config
    analysis: Facts = {"emotion": config.policy.emotion, "quotes": config.policy.quotes}
    if config.policy.quotes:
        yield warning("policy.analysis", "policy", "quotes_on", analysis)
    else:
        yield ok("policy.analysis", "policy", analysis)
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
