"""What the feed writes into the journal: what was refused, in sums, and the totals at the end."""

from __future__ import annotations

from collections.abc import Callable

from appliance.box.journal import Event, Journal
from appliance.box.journal_values import Value
from appliance.feed.authenticator import Authenticator
from appliance.feed.door import DoorCounters
from appliance.feed.egress import EgressCounters
from appliance.feed.feed_events import (
    CodesRefused,
    DoorField,
    DoorRefused,
    FeedStopped,
    SeatsEnrolled,
    SeatsRefused,
)
from appliance.feed.leases import Leases
from appliance.feed.seat_sockets import SeatSockets


class FeedJournal:
    """Writes sums at intervals, so that a flood does not fill the disk."""

    def __init__(self, journal: Journal) -> None:
        self._journal = journal
        self._written: dict[tuple[Callable[..., Event], str], int] = {}

    def refusals(
        self, door: DoorCounters, unclaimed: int, sockets: SeatSockets, authenticator: Authenticator
    ) -> None:
        """Write what has been refused since the last time, if anything."""
        publisher, control = sockets.publisher.counters, sockets.control.counters
        enrolment = sockets.enrolment.counters
        self._added(
            DoorRefused,
            {
                "not_in_schema": door.refused,
                "over_budget": door.over_budget,
                "call_unknown": door.unknown_call,
                "seat_not_enrolled": unclaimed,
            },
            last_field=DoorField(door.last_field),
        )
        self._added(
            SeatsRefused,
            {
                "keys": authenticator.denied,
                "subscriptions": publisher.refused,
                "requests_bad": control.bad,
                "requests_not_granted": control.not_granted,
                "requests_without_lease": control.no_lease,
                "verdicts": control.verdicts_refused,
                "requests_too_many": control.too_many,
            },
        )
        self._added(
            CodesRefused,
            {"wrong": enrolment.bad_codes, "bad": enrolment.bad, "too_many": enrolment.too_many},
        )
        self._added(SeatsEnrolled, {"by_code": enrolment.redeemed, "new_keys": control.rotated})

    def totals(
        self,
        door: DoorCounters,
        unclaimed: int,
        sockets: SeatSockets,
        authenticator: Authenticator,
        *,
        leases: Leases,
        egress: EgressCounters,
    ) -> None:
        """Write all counters at the end."""
        publisher, control = sockets.publisher.counters, sockets.control.counters
        self._journal.write(
            FeedStopped(
                door_accepted=door.accepted,
                door_bytes=door.bytes,
                door_refused=door.refused,
                door_over_budget=door.over_budget,
                door_call_unknown=door.unknown_call,
                unclaimed=unclaimed,
                sent=egress.messages,
                sent_bytes=egress.bytes,
                withheld=egress.withheld,
                unrecorded=egress.unrecorded,
                states_sent=publisher.states,
                subscriptions_granted=publisher.granted,
                subscriptions_refused=publisher.refused,
                requests_answered=control.answered,
                requests_bad=control.bad,
                requests_not_granted=control.not_granted,
                requests_without_lease=control.no_lease,
                requests_too_many=control.too_many,
                leases_expired=leases.expired,
                verdicts=control.verdicts,
                verdicts_refused=control.verdicts_refused,
                keys_exchanged=control.rotated,
                codes_redeemed=sockets.enrolment.counters.redeemed,
                codes_refused=sockets.enrolment.counters.bad_codes,
                replied_bytes=control.bytes,
                peers_admitted=authenticator.admitted,
                peers_denied=authenticator.denied,
            )
        )

    def _added(self, event: Callable[..., Event], sums: dict[str, int], **more: Value) -> None:
        """Write what has been added to these sums since they were last written, if anything."""
        added = {name: value - self._written.get((event, name), 0) for name, value in sums.items()}
        if any(added.values()):
            self._written.update(((event, name), value) for name, value in sums.items())
            self._journal.write(event(**added, **more))
