"""Refusals: after a clear final no, or two clear ones, the selling stops; only the customer can reopen it."""

from __future__ import annotations

from typing import Final

from appliance.language.findings import Findings
from appliance.profile import constants as c
from appliance.protocol.vocabulary import NeedTag, ObjectionType, Signal

#: Words of refusal beside one of these put off, and do not turn down.
POSTPONING: Final[frozenset[ObjectionType]] = frozenset(["not_now", "hesitation"])
REFUSING: Final[frozenset[Signal]] = frozenset(["refusal", "final_refusal", "abuse"])
REOPENING: Final[frozenset[Signal]] = frozenset(
    ["interest", "initiative", "follow_up_agreed", "purchase_intent", "question_return", "question_fee"]
)
#: After a final refusal mere curiosity does not reopen.
REOPENING_FINAL: Final[frozenset[Signal]] = frozenset(["initiative", "follow_up_agreed", "purchase_intent"])


class RefusalCount:
    """Counts clear refusals of the customer."""

    def __init__(self) -> None:
        self._count = 0
        self._final = False
        self._evidence: list[str] = []
        #: products that were turned down with a clear refusal
        self._products: set[NeedTag] = set()

    @property
    def count(self) -> int:
        """Clear refusals that stand."""
        return self._count

    @property
    def stopped(self) -> bool:
        """Whether the selling has to stop."""
        return self._final or self._count >= c.REFUSALS_TO_STOP

    @property
    def evidence(self) -> tuple[str, ...]:
        """Ledger ids of the refusals that count, the latest first."""
        return tuple(reversed(self._evidence))

    def said(self, findings: Findings, evidence: dict[str, str]) -> None:
        """Take a whole utterance of the customer; `evidence` maps its evidence codes to ledger ids."""
        clear = {s.code for s in findings.signals if s.confidence >= c.REFUSAL_CONFIDENCE}
        if _softened(findings, clear):
            clear.discard("refusal")
        no_calls = any(
            need.tag == "no_calls" and need.stance == "wants" and need.confidence >= c.REFUSAL_CONFIDENCE
            for need in findings.needs
        )
        products = {
            need.tag
            for need in findings.needs
            if need.stance == "rejects"
            and need.tag in c.PRODUCT_RISK
            and need.confidence >= c.NEED_CONFIDENCE
        }
        narrowing = bool(products and self._products and not products & self._products)
        if clear & REFUSING == {"refusal"} and not no_calls and narrowing:
            # 股票不买, and later 保险也不买: that leaves less to talk of, and does not refuse to talk.
            self._products |= products
            return
        if clear & REFUSING or no_calls:
            self._products |= products
            self._count += 1
            self._final = self._final or "final_refusal" in clear or no_calls
            codes = [f"signal.{code}" for code in sorted(clear & REFUSING)] + ["need.no_calls"] * no_calls
            self._evidence = (self._evidence + [evidence[code] for code in codes if code in evidence])[-4:]
            return
        raised = any(
            o.confidence >= c.REFUSAL_CONFIDENCE and o.type == "hostile_resistance"
            for o in findings.objections
        )
        reopening = REOPENING_FINAL if self._final else REOPENING
        own = {s.code for s in findings.signals if s.confidence >= c.REOPEN_CONFIDENCE}
        if own & reopening and not raised:
            self._count = 0
            self._final = False
            self._evidence = []


def _softened(findings: Findings, clear: set[Signal]) -> bool:
    """Whether a refusal turns down less than the talk: it postpones, or wants something else instead."""
    postponed = any(
        o.type in POSTPONING and o.confidence >= c.OBJECTION_CONFIDENCE for o in findings.objections
    )
    instead = any(
        need.tag != "no_calls" and need.stance in ("wants", "asks") and need.confidence >= c.NEED_CONFIDENCE
        for need in findings.needs
    )
    return postponed or instead or bool(clear & REOPENING)
