"""What the feed says of itself to the console."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping

from appliance.box.status.reports import MOST_CALLS, MOST_SEATS, Clock, FeedReport, Process, Seat
from appliance.box.status.reports import Ledger as LedgerReport
from appliance.feed.authenticator import Authenticator
from appliance.feed.door import DoorCounters
from appliance.feed.egress import Egress
from appliance.feed.grants import Grant
from appliance.feed.leases import Leases
from appliance.feed.ledger import Ledger
from appliance.feed.livecalls import LiveCalls
from appliance.feed.seat_sockets import SeatSockets


def report_of(
    process: Process,
    now: float,
    *,
    grants: Mapping[str, Grant],
    leases: Leases,
    calls: LiveCalls,
    door: DoorCounters,
    unclaimed: int,
    sockets: SeatSockets,
    authenticator: Authenticator,
    egress: Egress,
    ledger: Ledger | None,
    clock: Clock,
) -> FeedReport:
    """The report as things stand; `now` is monotonic, in seconds."""
    held = Counter(peer.seat for _, peer in leases.running(now))
    control, sent = sockets.control.counters, egress.counters
    return FeedReport(
        process=process,
        enrolled=len(grants),
        connected=len(held),
        leases=held.total(),
        leases_expired=leases.expired,
        accepted=door.accepted,
        undecodable=door.refused,
        over_budget=door.over_budget,
        unclaimed=unclaimed,
        unknown_calls=door.unknown_call,
        sent=sent.messages,
        sent_bytes=sent.bytes,
        withheld=sent.withheld,
        unrecorded=sent.unrecorded,
        keys_refused=authenticator.denied,
        subscriptions_refused=sockets.publisher.counters.refused,
        requests_refused=control.bad + control.not_granted + control.no_lease + control.too_many,
        enrolment_open=sockets.enrolment.socket is not None,
        rotation=sockets.control.next_box is not None,
        ledger=_ledger(egress, ledger),
        clock=clock,
        live=calls.shown(MOST_CALLS, now),
        calls=len(calls),
        seats=_seats(grants, held),
    )


def _ledger(egress: Egress, ledger: Ledger | None) -> LedgerReport:
    if ledger is None:
        return LedgerReport("off")
    records, _ = ledger.position
    return LedgerReport("ok" if egress.failure is None else "failed", egress.policy, egress.failure, records)


def _seats(grants: Mapping[str, Grant], held: Counter[str]) -> tuple[Seat, ...]:
    entered = sorted(grants.values(), key=lambda grant: (not held[grant.id], grant.id))[:MOST_SEATS]
    return tuple(Seat(grant.id, grant.role == "supervisor", held[grant.id], grant.group) for grant in entered)
