"""Which articles of which rules the report speaks of, and which checks are the evidence for each."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from appliance.inspection.finding import CheckId

_CONFINEMENT: Final[tuple[CheckId, ...]] = (
    "process.user", "process.privileges", "process.calls", "process.network", "process.files",
    "process.memory",
)  # fmt: skip
_WAYS_OUT: Final[tuple[CheckId, ...]] = (
    "firewall.loaded", "firewall.rules", "feed.stranger", "ledger.verified",
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Article:
    """One row of the mapping; its words stand in `words/mapping_*.toml`."""

    id: str
    law: str
    evidence: tuple[CheckId, ...]


ARTICLES: Final = (
    Article("pipl_6", "pipl", ("policy.analysis", "policy.retention", "ledger.verified")),
    Article("pipl_13", "pipl", ("policy.analysis",)),
    Article("pipl_14", "pipl", ("policy.analysis",)),
    Article("pipl_19", "pipl", ("policy.retention", "process.memory", "process.files", "host.swap")),
    Article("pipl_24", "pipl", ("policy.analysis", "models.verified")),
    Article("pipl_28", "pipl", (*_CONFINEMENT, "host.core_dumps", *_WAYS_OUT)),
    Article("pipl_29", "pipl", ("policy.analysis",)),
    Article("pipl_55", "pipl", ("policy.analysis", "ledger.verified")),
    Article("pipl_56", "pipl", (*_CONFINEMENT, *_WAYS_OUT, "models.verified", "clock.steady")),
    Article("consumer_notice", "consumer", ("policy.analysis",)),
    Article("consumer_mechanism", "consumer", ("feed.stranger", "directories.secrets", "firewall.rules")),
    Article("consumer_trace", "consumer", ("ledger.verified", "clock.steady")),
    Article("consumer_partner", "consumer", ("firewall.rules", "ledger.verified")),
    Article("data_class", "data", ("policy.analysis", "policy.retention")),
    Article("data_lifecycle", "data", (*_CONFINEMENT, *_WAYS_OUT, "directories.secrets", "models.verified")),
    Article("data_assessment", "data", ("policy.analysis",)),
    Article("eu_5_1_f", "eu", ("policy.analysis", "models.verified")),
)
