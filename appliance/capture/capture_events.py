"""What capture may write into the journal."""

from __future__ import annotations

from dataclasses import dataclass, fields
from typing import Literal

from appliance.box.journal import Event
from appliance.box.journal_values import Address, CallMark, ErrorType, NameOf, Place, Tally
from appliance.capture.leg import LegCounters
from appliance.capture.recorded_call import CallEnd
from appliance.capture.roles import Hint, Told, Untold
from appliance.protocol.vocabulary import OffReason
from appliance.telephony.audioblock import Direction

_LEG = frozenset(field.name for field in fields(LegCounters))
#: Methods that are counted by name, and oddities (sip_endpoint.py, recording_server.py).
_SIP = frozenset(
    [
        "invite", "ack", "bye", "cancel", "options", "update", "register", "info", "notify", "subscribe",
        "prack", "refer", "message", "publish", "keep_alive", "unreadable", "retransmitted", "stray_response",
        "stray_ack", "unreadable_answer", *(f"refused_{status}" for status in range(400, 700)),
    ]
)  # fmt: skip


class CaptureTotals(Tally):
    """What happened in this process."""

    names = frozenset(
        [
            "calls_offered", "calls_without_siprec", "calls_answered", "calls_analysed", "calls_not_analysed",
            "calls_with_unknown_roles", "calls_failed", "failed_ticks", "unusable_answers", "refused_offers",
            "refused_for_ports", "broken_metadata", "policies_changed", "customers_objected",
            "announcements_played", "unknown_flags", "foreign_rtp", "discarded_rtp", "kernel_dropped_rtp",
            *(f"rtp_{name}" for name in _LEG),
        ]
    )  # fmt: skip
    sparse = False


class SipTotals(Tally):
    """Requests by method, refusals by status, and oddities."""

    names = _SIP
    prefix = "sip_"


class RecordTotals(Tally):
    """What asking for the bank's record came to."""

    names = frozenset(["found", "nothing", "failed", "bad_lines"])
    prefix = "record_"


class CustomerLeg(Tally):
    """RTP of the customer's leg; see `LegCounters`."""

    names = _LEG
    prefix = "customer_"


class AgentLeg(Tally):
    """RTP of the agent's leg."""

    names = _LEG
    prefix = "agent_"


@dataclass(frozen=True, kw_only=True)
class CaptureReady(Event, name="capture_ready"):
    """Gateways may call."""

    address: Address
    udp_port: int
    tcp_port: int


@dataclass(frozen=True, kw_only=True)
class CaptureStopped(Event, name="capture_stopped"):
    """The totals of the process."""

    totals: CaptureTotals
    sip: SipTotals
    foreign_sip: int
    messages_sent: int
    dropped_audio_ms: int
    everything_delivered: bool
    record: RecordTotals


@dataclass(frozen=True, kw_only=True)
class TickFailed(Event, name="tick_failed"):
    """A fault that concerns no single call."""

    error: ErrorType
    place: Place


@dataclass(frozen=True, kw_only=True)
class CallStartedEvent(Event, name="call_started"):
    """The legs of a call are known; it is analysed, or not for a reason."""

    call: CallMark
    roles_by: Told
    direction: Direction
    policy: NameOf
    analysis: bool
    reason: OffReason | None


@dataclass(frozen=True, kw_only=True)
class CallPolicyChanged(Event, name="policy_changed"):
    """What may be done with a call is another thing from now on."""

    call: CallMark
    analysis: bool
    reason: OffReason


@dataclass(frozen=True, kw_only=True)
class MetadataUnreadable(Event, name="metadata_unreadable"):
    """A gateway sent metadata that cannot be read."""

    hint: Literal["trace_the_gateways_rs-metadata_part"] = "trace_the_gateways_rs-metadata_part"


@dataclass(frozen=True, kw_only=True)
class RolesUnknown(Event, name="roles_unknown"):
    """It cannot be told who the customer is; the call's media is thrown away."""

    reason: Untold
    hint: Hint


@dataclass(frozen=True, kw_only=True)
class CallDiscarded(Event, name="call_discarded"):
    """A call has ended whose roles never became known."""

    reason: CallEnd
    roles: Untold
    discarded: int


@dataclass(frozen=True, kw_only=True)
class CallEndedEvent(Event, name="call_ended"):
    """A call has ended."""

    call: CallMark
    reason: CallEnd
    milliseconds: int
    #: packets that the kernel dropped
    dropped: int
    agent: AgentLeg
    customer: CustomerLeg
