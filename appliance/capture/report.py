"""What capture says of itself to the console."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping

from appliance.box.status.reports import CaptureReport, Process
from appliance.capture.outlet import OutletCounters
from appliance.capture.recorded_call import RecordedCall
from appliance.capture.roles import UnknownRoles

_PACKETS = ("received", "lost", "late", "concealed_ms")


def report_of(
    process: Process,
    calls: Iterable[RecordedCall],
    totals: Mapping[str, int],
    outlet: OutletCounters,
    *,
    most_calls: int,
    datagrams: int,
    foreign_sip: int,
) -> CaptureReport:
    """The report as things stand: what ended calls came to, and the live ones so far."""
    live = list(calls)
    packets = Counter({name: totals.get(f"rtp_{name}", 0) for name in _PACKETS})
    for call in live:
        for leg in call.counters().values():
            packets.update({name: getattr(leg, name) for name in _PACKETS})
    return CaptureReport(
        process=process,
        calls=len(live),
        most_calls=most_calls,
        unknown_roles=sum(isinstance(call.roles, UnknownRoles) for call in live),
        offered=totals.get("calls_offered", 0),
        answered=totals.get("calls_answered", 0),
        refused=totals.get("refused_offers", 0) + totals.get("refused_for_ports", 0),
        failed=totals.get("calls_failed", 0),
        datagrams=datagrams,
        foreign=foreign_sip + totals.get("foreign_rtp", 0) + sum(call.foreign for call in live),
        broken_metadata=totals.get("broken_metadata", 0),
        not_analysed=totals.get("calls_not_analysed", 0),
        objected=totals.get("customers_objected", 0),
        unknown_flags=totals.get("unknown_flags", 0),
        **packets,
        kernel_dropped=totals.get("kernel_dropped_rtp", 0) + sum(call.dropped for call in live),
        sent=outlet.sent,
        backlog=outlet.waiting,
        dropped_ms=outlet.dropped_ms,
        failed_ticks=totals.get("failed_ticks", 0),
    )
