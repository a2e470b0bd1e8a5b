"""What capture says of its calls: in the journal, and in the totals that it ends with."""

from __future__ import annotations

from collections import Counter
from dataclasses import asdict

from appliance.box.journal import Journal
from appliance.box.journal_events import CallFailed
from appliance.box.journal_values import CallMark, ErrorType, NameOf, Place
from appliance.capture.capture_events import (
    AgentLeg,
    CallDiscarded,
    CallEndedEvent,
    CallPolicyChanged,
    CallStartedEvent,
    CustomerLeg,
    MetadataUnreadable,
    RolesUnknown,
)
from appliance.capture.recorded_call import CallEnd, EndedLegs, RecordedCall
from appliance.capture.roles import AssignedRoles, UnknownRoles


class CallJournal:
    """Writes the events of calls, and counts them in `totals`."""

    def __init__(self, journal: Journal, totals: Counter[str]) -> None:
        self._journal = journal
        self._totals = totals

    def roles(self, call: RecordedCall) -> None:
        """Who is on which leg is known, or is not."""
        if isinstance(call.roles, AssignedRoles) and call.call is not None:
            analysis = call.policy.analysis
            self._totals["calls_analysed" if analysis else "calls_not_analysed"] += 1
            self._journal.write(
                CallStartedEvent(
                    call=CallMark(call.call),
                    roles_by=call.roles.reason,
                    direction=call.roles.direction,
                    policy=NameOf(call.session_policy),
                    analysis=analysis,
                    reason=None if analysis else call.policy.reason,
                )
            )
        elif isinstance(call.roles, UnknownRoles):
            self._totals["calls_with_unknown_roles"] += 1
            self._journal.write(RolesUnknown(reason=call.roles.reason, hint=call.roles.hint))

    def policy(self, call: RecordedCall) -> None:
        """What may be done with a call has changed."""
        if call.call is not None:
            self._totals["policies_changed"] += 1
            self._journal.write(
                CallPolicyChanged(
                    call=CallMark(call.call), analysis=call.policy.analysis, reason=call.policy.reason
                )
            )

    def unreadable_metadata(self) -> None:
        """Metadata came that cannot be read."""
        self._totals["broken_metadata"] += 1
        self._journal.write(MetadataUnreadable())

    def failed(self, error: Exception) -> None:
        """A call cannot go on."""
        self._totals["calls_failed"] += 1
        self._journal.write(CallFailed(error=ErrorType(error), place=Place(error)))

    def ended(self, ended: EndedLegs, reason: CallEnd) -> None:
        """A call whose legs were known is over."""
        self._totals["kernel_dropped_rtp"] += ended.dropped
        legs = {leg: asdict(counters) for leg, counters in ended.legs.items()}
        for counters in legs.values():
            for name, value in counters.items():
                self._totals[f"rtp_{name}"] += value
        self._journal.write(
            CallEndedEvent(
                call=CallMark(ended.call),
                reason=reason,
                milliseconds=ended.milliseconds,
                dropped=ended.dropped,
                agent=AgentLeg(legs.get("agent", {})),
                customer=CustomerLeg(legs.get("customer", {})),
            )
        )

    def over(self, call: RecordedCall, reason: CallEnd) -> None:
        """A session is over; its roles may never have become known."""
        self._totals["foreign_rtp"] += call.foreign
        self._totals["discarded_rtp"] += call.discarded
        if call.answered and isinstance(call.roles, UnknownRoles):
            self._journal.write(
                CallDiscarded(reason=reason, roles=call.roles.reason, discarded=call.discarded)
            )
