"""Objections: which are on the table, heard early from growing utterances, and how they leave it.

An objection opens from a whole utterance, or from a growing one when it is sure enough (at once when
very sure, else on two partials in a row). One that a partial has opened stays until its utterance is
whole, so that it does not flicker. It closes when the agent answered it (empathy, proof or disclosed
risk) and the customer moved on, or when the customer withdraws it by what is said later.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from typing import Final

from appliance.language.findings import Findings, ObjectionFinding
from appliance.profile import constants as c
from appliance.profile.grid import clamp, fraction
from appliance.protocol.messages import Objection
from appliance.protocol.vocabulary import ObjectionType, Signal

#: What the agent does that answers an objection.
ANSWERING: Final[frozenset[Signal]] = frozenset(["agent_empathy", "agent_proof", "agent_risk_disclosure"])
#: What the customer does who has moved on after an answer.
MOVED_ON: Final[frozenset[Signal]] = frozenset(
    [
        "thanks",
        "assent",
        "interest",
        "question",
        "question_return",
        "question_risk",
        "question_fee",
        "disclosure",
        "initiative",
        "follow_up_agreed",
        "praise",
        "small_talk",
        "purchase_intent",
        "asks_meaning",
    ]
)
#: Objections to the talk, and not to anything in it.
SOFT: Final[frozenset[ObjectionType]] = frozenset(["polite_refusal", "not_now"])
#: What takes an objection back without any answer.
WITHDRAWS: Final[dict[ObjectionType, frozenset[Signal]]] = {
    "polite_refusal": frozenset(["interest", "initiative", "follow_up_agreed", "purchase_intent"]),
    "not_now": frozenset(["interest", "initiative", "follow_up_agreed", "purchase_intent"]),
    "hesitation": frozenset(["follow_up_agreed", "purchase_intent"]),
    "doubt": frozenset(["purchase_intent"]),
    "product_objection": frozenset(["purchase_intent"]),
    "hostile_resistance": frozenset(["follow_up_agreed", "purchase_intent"]),
}


@dataclass(frozen=True, slots=True)
class TrackedObjection:
    """One objection of the call; at most one a type."""

    type: ObjectionType
    #: 0..1
    confidence: float
    #: when it was last raised, milliseconds since the call began
    at: int
    open: bool
    #: id in the ledger; empty while only a growing utterance has it
    evidence: str = ""
    #: the agent has answered since it was last raised
    answered: bool = False
    #: utterances since then in which the customer took part in the matter
    engaged: int = 0
    #: number of the growing utterance that opened it, None once that is whole
    growing: int | None = None


class ObjectionTable:
    """The objections of one call."""

    def __init__(self) -> None:
        self._table: dict[ObjectionType, TrackedObjection] = {}
        #: what growing utterances replaced, to be put back if the whole one does not confirm
        self._before: dict[ObjectionType, TrackedObjection | None] = {}
        #: (utterance number, types) of the last partial
        self._last_partial: tuple[int, frozenset[ObjectionType]] = (-1, frozenset())
        #: utterances known whole; a late partial of one is ignored
        self._whole = -1

    def open(self) -> list[TrackedObjection]:
        """Open objections, the latest first."""
        return [tracked for tracked in self.all() if tracked.open]

    def all(self) -> list[TrackedObjection]:
        """All objections of the call, the latest first."""
        return sorted(self._table.values(), key=lambda tracked: (-tracked.at, tracked.type))

    def is_open(self, kind: ObjectionType) -> bool:
        """Whether an objection of this type is on the table."""
        tracked = self._table.get(kind)
        return tracked is not None and tracked.open

    def growing(self, number: int, found: Iterable[ObjectionFinding], at_ms: int) -> list[ObjectionType]:
        """Take a partial of the utterance `number`; returns the types that are newly on the table."""
        if number <= self._whole:
            return []
        strongest = _strongest(found)
        likely = frozenset(kind for kind, sure in strongest.items() if sure >= c.PARTIAL_TWICE)
        last_number, last = self._last_partial
        again = last if last_number == number else frozenset()
        self._last_partial = (number, likely)
        opened = []
        for kind, sure in strongest.items():
            tracked = self._table.get(kind)
            if tracked is not None and tracked.growing == number:
                self._table[kind] = replace(tracked, confidence=max(tracked.confidence, sure))
            elif sure >= c.PARTIAL_AT_ONCE or (kind in likely and kind in again):
                self._before[kind] = tracked
                evidence = tracked.evidence if tracked is not None else ""
                self._table[kind] = TrackedObjection(kind, sure, at_ms, True, evidence, growing=number)
                if tracked is None or not tracked.open:
                    opened.append(kind)
        return opened

    def said(
        self, number: int, findings: Findings, at_ms: int, evidence: dict[ObjectionType, str]
    ) -> list[ObjectionType]:
        """Take the customer's whole utterance; returns the types that are newly on the table.

        Args:
            number: the utterance's number.
            findings: what was read from it.
            at_ms: milliseconds since the call began.
            evidence: ledger ids of its objections.
        """
        self._whole = max(self._whole, number)
        strongest = _strongest(findings.objections)
        self._settle_growing(number, strongest)
        signals = {signal.code for signal in findings.signals if signal.confidence >= c.MOVE_CONFIDENCE}
        raised = {kind for kind, sure in strongest.items() if sure >= c.OBJECTION_CONFIDENCE}
        contact_wanted = any(
            need.tag in c.CONTACT_NEEDS and need.stance == "wants" for need in findings.needs
        )
        if contact_wanted and not raised:
            signals.add("follow_up_agreed")
        told_something = any(
            need.stance != "rejects" and need.tag not in ("no_calls", "complaint") for need in findings.needs
        )
        self._close(signals, raised, told_something=told_something)
        opened = []
        for kind in sorted(raised):
            tracked = self._table.get(kind)
            if tracked is None or not tracked.open:
                opened.append(kind)
            sure = strongest[kind]
            if tracked is not None and tracked.open:
                sure = max(sure, tracked.confidence)
            self._table[kind] = TrackedObjection(kind, sure, at_ms, True, evidence.get(kind, ""))
        return opened

    def answered(self, signals: Iterable[tuple[Signal, float]]) -> None:
        """Take the agent's moves: (signal, confidence)."""
        if any(code in ANSWERING and sure >= c.MOVE_CONFIDENCE for code, sure in signals):
            for kind, tracked in self._table.items():
                if tracked.open and tracked.growing is None:
                    self._table[kind] = replace(tracked, answered=True)

    def advance(self, at_ms: int) -> None:
        """Forget growing utterances that never became whole."""
        stale = [
            t for t in self._table.values() if t.growing is not None and at_ms - t.at > c.PARTIAL_TIMEOUT_MS
        ]
        for tracked in stale:
            self._restore(tracked.type)

    def reading(self) -> list[Objection]:
        """The part of the profile: open ones first, the latest first among equals."""
        ordered = sorted(self.all(), key=lambda tracked: not tracked.open)[: c.OBJECTIONS_KEPT]
        return [
            Objection(type=t.type, confidence=fraction(t.confidence), at=t.at, open=t.open) for t in ordered
        ]

    def _settle_growing(self, number: int, strongest: dict[ObjectionType, float]) -> None:
        for kind, tracked in list(self._table.items()):
            if tracked.growing is None or tracked.growing > number:
                continue
            if tracked.growing == number and strongest.get(kind, 0.0) >= c.PARTIAL_KEPT:
                self._table[kind] = replace(tracked, growing=None)
                self._before.pop(kind, None)
            else:
                self._restore(kind)

    def _restore(self, kind: ObjectionType) -> None:
        before = self._before.pop(kind, None)
        if before is None:
            del self._table[kind]
        else:
            self._table[kind] = before

    def _close(self, signals: set[Signal], raised: set[ObjectionType], *, told_something: bool) -> None:
        moved_on = (
            not raised
            and (told_something or bool(signals & MOVED_ON))
            and not signals & {"refusal", "final_refusal"}
        )
        for kind, tracked in self._table.items():
            if not tracked.open or kind in raised:
                continue
            engaged = tracked.engaged + moved_on
            withdrawn = bool(signals & WITHDRAWS[kind]) and "hostile_resistance" not in raised
            if kind in SOFT and engaged >= c.ENGAGED_TO_WITHDRAW:
                withdrawn = True
            self._table[kind] = replace(tracked, engaged=engaged)
            if withdrawn or (moved_on and tracked.answered):
                self._table[kind] = replace(tracked, open=False)


def _strongest(found: Iterable[ObjectionFinding]) -> dict[ObjectionType, float]:
    strongest: dict[ObjectionType, float] = {}
    for finding in found:
        strongest[finding.type] = max(strongest.get(finding.type, 0.0), clamp(finding.confidence, 0.0, 1.0))
    return strongest
