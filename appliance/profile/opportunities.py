"""Opportunities that a customer raised and that the call did not follow up, for a supervisor.

After a clear refusal there is none: whoever said no is left in peace. A complaint that nobody met is told all
the same, because that customer waits for an answer.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from appliance.language.findings import Findings
from appliance.profile import constants as c
from appliance.profile.grid import clamp, fraction
from appliance.protocol.vocabulary import NeedTag, OpportunityCode, Signal

#: What the customer does or agrees to that settles how it goes on.
AGREED: Final[frozenset[Signal]] = frozenset(["follow_up_agreed"])
#: What the agent does that takes it up: names the next step.
TAKEN_UP: Final[frozenset[Signal]] = frozenset(["agent_close"])
MEANS: Final[frozenset[NeedTag]] = frozenset(["idle_money", "holdings_elsewhere"])


@dataclass(frozen=True, slots=True)
class Opportunity:
    """Something the customer raised that nobody followed up."""

    code: OpportunityCode
    #: what it is about; None where the code says it all
    tag: NeedTag | None
    #: 0..1 on the grid of 0.01
    confidence: float
    #: when it was raised last, ms since the call began
    at: int


class OpportunityList:
    """The open opportunities of one call, at most one a code and tag."""

    def __init__(self) -> None:
        self._open: dict[tuple[OpportunityCode, NeedTag | None], Opportunity] = {}

    def customer(self, findings: Findings, at_ms: int) -> None:
        """Take a whole utterance of the customer."""
        signals = {s.code: s.confidence for s in findings.signals if s.confidence >= c.MOVE_CONFIDENCE}
        contact = any(need.tag in c.CONTACT_NEEDS and need.stance == "wants" for need in findings.needs)
        if contact or signals.keys() & AGREED:
            self._settle()
        for need in findings.needs:
            if need.confidence < c.NEED_CONFIDENCE:
                continue
            if need.stance == "rejects":
                self._open.pop(("wanted_product", need.tag), None)
            elif contact:
                continue
            elif need.stance == "wants" and need.tag in c.PRODUCT_RISK:
                self._raise("wanted_product", need.tag, need.confidence, at_ms)
            elif need.tag == "holdings_maturing":
                self._raise("maturing_holdings", need.tag, need.confidence, at_ms)
            elif need.tag in MEANS and need.stance == "has":
                self._raise("means_told", need.tag, need.confidence, at_ms)
        if "purchase_intent" in signals and not contact:
            self._raise("purchase_intent", None, signals["purchase_intent"], at_ms)
        complaint = max(
            [signals.get("complaint", 0.0)]
            + [need.confidence for need in findings.needs if need.tag == "complaint" and need.stance == "has"]
        )
        if complaint >= c.MOVE_CONFIDENCE:
            self._raise("complaint", None, complaint, at_ms)

    def agent(self, findings: Findings) -> None:
        """Take a whole utterance of the agent."""
        moves = {s.code for s in findings.signals if s.confidence >= c.MOVE_CONFIDENCE}
        if moves & TAKEN_UP:
            self._settle()
        if "agent_empathy" in moves:
            self._open.pop(("complaint", None), None)

    def missed(self, *, stopped: bool) -> list[Opportunity]:
        """What is open when the call ends, the surest first, at most `OPPORTUNITIES_TOLD`.

        Args:
            stopped: the customer has clearly refused; only a complaint is left to see to.
        """
        left = [one for one in self._open.values() if not stopped or one.code == "complaint"]
        left.sort(key=lambda one: (-one.confidence, one.at, one.code))
        return left[: c.OPPORTUNITIES_TOLD]

    def _raise(self, code: OpportunityCode, tag: NeedTag | None, confidence: float, at_ms: int) -> None:
        self._open[code, tag] = Opportunity(code, tag, fraction(clamp(confidence, 0.0, 1.0)), at_ms)

    def _settle(self) -> None:
        """The next step is agreed: what was raised is followed up, but no complaint is answered by that."""
        self._open = {key: one for key, one in self._open.items() if one.code == "complaint"}
