"""The metrics that a Prometheus server reads: sums over all calls and seats, never a person or a call."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator
from typing import Final

from prometheus_client import CollectorRegistry, generate_latest
from prometheus_client.metrics_core import (
    CounterMetricFamily,
    GaugeMetricFamily,
    InfoMetricFamily,
    Metric,
)
from prometheus_client.registry import Collector

from appliance.box.status.board import Board
from appliance.box.status.reports import CaptureReport, EngineReport, FeedReport
from appliance.console.health import SEVERITIES, Finding

#: Metric, its words, field, and by what the field is divided (Prometheus counts in seconds).
_Row = tuple[str, str, str, int]
_CAPTURE_GAUGES: Final[tuple[_Row, ...]] = (
    ("ridge_capture_calls", "Recorded calls that are on.", "calls", 1),
    ("ridge_capture_calls_limit", "Calls at once that are taken at most.", "most_calls", 1),
    ("ridge_capture_calls_unknown_roles", "Live calls whose legs are not known.", "unknown_roles", 1),
    ("ridge_capture_backlog_messages", "Messages that wait for the engines.", "backlog", 1),
)
_CAPTURE_COUNTERS: Final[tuple[_Row, ...]] = (
    ("ridge_capture_calls_offered", "Recording sessions that were offered.", "offered", 1),
    ("ridge_capture_calls_answered", "Recording sessions that were answered.", "answered", 1),
    ("ridge_capture_calls_refused", "Recording sessions that were refused.", "refused", 1),
    ("ridge_capture_calls_failed", "Recording sessions that ended with an error.", "failed", 1),
    ("ridge_capture_datagrams", "UDP datagrams read.", "datagrams", 1),
    ("ridge_capture_foreign_datagrams", "Datagrams from outside the gateways' networks.", "foreign", 1),
    ("ridge_capture_rtp_packets", "RTP packets received.", "received", 1),
    ("ridge_capture_rtp_lost_packets", "RTP packets missing in the sequence.", "lost", 1),
    ("ridge_capture_rtp_late_packets", "RTP packets that came too late.", "late", 1),
    ("ridge_capture_rtp_concealed_seconds", "Audio that was concealed.", "concealed_ms", 1000),
    ("ridge_capture_kernel_dropped_packets", "Packets that the kernel dropped.", "kernel_dropped", 1),
    ("ridge_capture_messages", "Messages sent to the engines.", "sent", 1),
    ("ridge_capture_dropped_seconds", "Audio dropped because engines were behind.", "dropped_ms", 1000),
    ("ridge_capture_broken_metadata", "Recording metadata that could not be read.", "broken_metadata", 1),
    ("ridge_capture_calls_not_analysed", "Calls that began without being analysed.", "not_analysed", 1),
    ("ridge_capture_customers_objected", "Customers who objected to the analysis.", "objected", 1),
    ("ridge_capture_unknown_flags", "Flags of consent in words nobody configured.", "unknown_flags", 1),
)
_ENGINE_GAUGES: Final[tuple[_Row, ...]] = (
    ("ridge_engine_calls", "Calls that the engine serves.", "calls", 1),
    ("ridge_engine_waiting_messages", "Messages that wait for the feed.", "waiting", 1),
)
_ENGINE_COUNTERS: Final[tuple[_Row, ...]] = (
    ("ridge_engine_calls_begun", "Calls begun.", "begun", 1),
    ("ridge_engine_calls_failed", "Calls whose analysis failed.", "failed", 1),
    ("ridge_engine_calls_abandoned", "Calls that capture said nothing of any more.", "abandoned", 1),
    ("ridge_engine_audio_blocks", "Audio blocks heard.", "blocks", 1),
    ("ridge_engine_undecodable_messages", "Messages of capture not decoded.", "undecodable", 1),
    ("ridge_engine_utterances", "Whole utterances of customers told.", "utterances", 1),
    ("ridge_engine_messages", "Messages for the feed.", "messages", 1),
    ("ridge_engine_dropped_messages", "Messages overtaken by newer ones.", "dropped", 1),
)
_FEED_GAUGES: Final[tuple[_Row, ...]] = (
    ("ridge_feed_seats_enrolled", "Seats and supervisors that are enrolled.", "enrolled", 1),
    ("ridge_feed_seats_connected", "Seats and supervisors that hold a lease.", "connected", 1),
    ("ridge_feed_leases", "Connections that hold a lease.", "leases", 1),
)
_FEED_COUNTERS: Final[tuple[_Row, ...]] = (
    ("ridge_feed_leases_expired", "Leases that were not renewed in time.", "leases_expired", 1),
    ("ridge_feed_door_messages", "Messages taken at the door.", "accepted", 1),
    ("ridge_feed_door_undecodable_messages", "Messages not in the closed schema.", "undecodable", 1),
    ("ridge_feed_door_over_budget_messages", "Messages over their call's budget.", "over_budget", 1),
    (
        "ridge_feed_unknown_call_messages",
        "Messages of calls that capture does not know.",
        "unknown_calls",
        1,
    ),
    ("ridge_feed_unclaimed_messages", "Messages for seats that nobody may be.", "unclaimed", 1),
    ("ridge_feed_sent_messages", "Messages sent to seats.", "sent", 1),
    ("ridge_feed_sent_bytes", "Bytes sent to seats.", "sent_bytes", 1),
    ("ridge_feed_withheld_messages", "Messages withheld while the ledger failed.", "withheld", 1),
    ("ridge_feed_unrecorded_messages", "Messages sent without an entry.", "unrecorded", 1),
    ("ridge_feed_keys_refused", "Connections refused for their key.", "keys_refused", 1),
    ("ridge_feed_subscriptions_refused", "Subscriptions refused.", "subscriptions_refused", 1),
    ("ridge_feed_requests_refused", "Requests refused.", "requests_refused", 1),
)


def exposition(board: Board, findings: Iterable[Finding], certificate_ends: float, version: str) -> bytes:
    """The metrics in Prometheus' text format; `certificate_ends` is unix time in seconds."""
    registry = CollectorRegistry(auto_describe=False)
    registry.register(_Metrics(board, list(findings), certificate_ends, version))
    return generate_latest(registry)


class _Metrics(Collector):
    def __init__(self, board: Board, findings: list[Finding], certificate_ends: float, version: str) -> None:
        self._board = board
        self._findings = findings
        self._certificate_ends = certificate_ends
        self._version = version

    def collect(self) -> Iterator[Metric]:
        board = self._board
        yield InfoMetricFamily("ridge_build", "The console's version.", {"version": self._version})
        ends = GaugeMetricFamily("ridge_console_certificate_expiry_timestamp_seconds", "Its end.")
        ends.add_metric((), self._certificate_ends)
        yield ends
        severities = Counter(finding.severity for finding in self._findings)
        found = GaugeMetricFamily("ridge_findings", "What needs a look.", labels=("severity",))
        for severity in SEVERITIES:
            found.add_metric((severity,), severities[severity])
        yield found
        yield from self._parts()
        for kind, gauges, counters in (
            (CaptureReport, _CAPTURE_GAUGES, _CAPTURE_COUNTERS),
            (EngineReport, _ENGINE_GAUGES, _ENGINE_COUNTERS),
            (FeedReport, _FEED_GAUGES, _FEED_COUNTERS),
        ):
            # A silent part's last numbers would look like present ones.
            reports = {
                part.name: part.report
                for part in board.parts
                if isinstance(part.report, kind) and not part.silent(board.written)
            }
            for rows, family in ((gauges, GaugeMetricFamily), (counters, CounterMetricFamily)):
                for name, text, field, divisor in rows:
                    metric = family(name, text, labels=("part",))
                    for part, report in reports.items():
                        metric.add_metric((part,), getattr(report, field) / divisor)
                    yield metric
            yield from self._ledger([one for one in reports.values() if isinstance(one, FeedReport)])

    def _parts(self) -> Iterator[Metric]:
        board = self._board
        up = GaugeMetricFamily("ridge_part_up", "Whether a process reports and runs.", labels=("part",))
        uptime = GaugeMetricFamily("ridge_part_uptime_seconds", "Since its start.", labels=("part",))
        starts = CounterMetricFamily("ridge_part_starts", "Processes seen of a part.", labels=("part",))
        jumps = CounterMetricFamily("ridge_part_clock_jumps", "Jumps of the clock.", labels=("part",))
        for part in board.parts:
            process = part.report.process
            runs = process.state == "running" and not part.silent(board.written)
            up.add_metric((part.name,), int(runs))
            uptime.add_metric((part.name,), process.uptime if runs else 0)
            starts.add_metric((part.name,), part.starts)
            jumps.add_metric((part.name,), process.clock_jumps)
        yield from (up, uptime, starts, jumps)
        refused = CounterMetricFamily(
            "ridge_console_status_refused", "Status datagrams that were not taken.", labels=("reason",)
        )
        for reason in ("malformed", "too_soon", "another", "implausible"):
            refused.add_metric((reason,), getattr(board.refused, reason))
        yield refused

    @staticmethod
    def _ledger(reports: list[FeedReport]) -> Iterator[Metric]:
        for report in reports:
            if report.ledger is None:
                continue
            up = GaugeMetricFamily("ridge_feed_ledger_up", "Whether the egress ledger is written.")
            up.add_metric((), int(report.ledger.state == "ok"))
            yield up
            records = CounterMetricFamily("ridge_feed_ledger_records", "Records of the egress ledger.")
            records.add_metric((), report.ledger.records)
            yield records
