"""What a process says of itself: closed, bounded, and without anything that was said in a call.

Counters are totals since the process started. A call is named by the first eight characters of its random id,
which find it in the journal. Only the feed names calls: what it knows of them has passed the door's budget.
"""

from __future__ import annotations

from typing import Annotated, Final, Literal

import msgspec
from msgspec import Meta

from appliance.protocol.vocabulary import OffReason

#: A report of a red process: counters and some names.
MAX_RED_BYTES: Final = 2 * 1024
#: A report of the feed, which names up to a thousand seats and the calls that are on.
MAX_BYTES: Final = 64 * 1024
MOST_CALLS: Final = 128
MOST_SEATS: Final = 1000
MOST_MODELS: Final = 8
#: How much of a call's id is told.
CALL_MARK: Final = 8

Count = Annotated[int, Meta(ge=0, le=2**53)]
Seconds = Annotated[int, Meta(ge=0, le=2**31)]
Small = Annotated[int, Meta(ge=0, le=65_535)]
Shard = Annotated[int, Meta(ge=0, le=63)]
CallMark = Annotated[str, Meta(pattern=r"^[A-Za-z0-9_-]{8}(?!\n)$")]
SeatName = Annotated[str, Meta(pattern=r"^[A-Za-z0-9_.-]{1,32}(?!\n)$")]
#: as the manifest names models; the console shows only names that its manifest has
ModelName = Annotated[str, Meta(pattern=r"^[a-z0-9][a-z0-9-]{0,63}(?!\n)$")]
Version = Annotated[str, Meta(pattern=r"^[0-9]{1,4}(\.[0-9]{1,4}){1,3}(?!\n)$")]
#: a name of errno(3), such as ENOSPC
ErrorName = Annotated[str, Meta(pattern=r"^E[A-Z0-9]{1,15}(?!\n)$")]
Analysis = Literal["emotion", "prosody", "quotes", "memory"]
State = Literal["running", "stopping", "failed"]
#: Why a process could not go on. `authenticator`: nothing is bound without one; `runtime`: the runtime
#: directory cannot be used, or another appliance has it; `private_file`: keys or grants; `port`: it is taken
Fault = Literal[
    "authenticator",
    "port",
    "private_file",
    "runtime",
    "models",
    "catalogue",
    "memory",
    "unforeseen",
]


class Confinement(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What the kernel grants this process, as it finds out by itself; a sandbox that holds shows here."""

    no_new_privileges: bool
    #: a filter of system calls is on (seccomp mode 2)
    system_call_filter: bool
    #: it holds no capability and cannot get one
    no_capabilities: bool
    #: it may open sockets of the Internet protocols
    internet: bool
    #: a crash may leave a core dump
    core_dumps: bool
    #: it may write to `/`, or to the disk beneath it
    writable_root: bool


class Process(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What all processes say. The id of the process comes from the kernel, and not from its own word."""

    version: Version
    uptime: Seconds
    state: State = "running"
    fault: Fault | None = None
    #: pieces of work that came in and results, as the watchdog is fed with them (box/notify.py)
    asked: Count = 0
    done: Count = 0
    #: the service manager's watchdog waits for this process
    watchdog: bool = False
    #: times that the wall clock jumped by more than a second, and the last jump in ms (positive: forward)
    clock_jumps: Count = 0
    last_jump_ms: Annotated[int, Meta(ge=-(2**53), le=2**53)] = 0
    confinement: Confinement | None = None


class CaptureReport(msgspec.Struct, frozen=True, forbid_unknown_fields=True, tag="capture", tag_field="role"):
    """Capture. Packets and milliseconds of audio are those of ended calls and of the live ones together."""

    process: Process
    calls: Small = 0
    most_calls: Small = 0
    #: live calls whose legs are not known, so that nothing of them is analysed
    unknown_roles: Small = 0
    offered: Count = 0
    answered: Count = 0
    refused: Count = 0
    failed: Count = 0
    datagrams: Count = 0
    #: SIP and RTP from outside the gateways' networks, dropped
    foreign: Count = 0
    broken_metadata: Count = 0
    #: calls that began without being analysed, customers who objected, and flags that nobody configured
    not_analysed: Count = 0
    objected: Count = 0
    unknown_flags: Count = 0
    received: Count = 0
    lost: Count = 0
    late: Count = 0
    concealed_ms: Count = 0
    kernel_dropped: Count = 0
    #: messages to the engines, sent and waiting
    sent: Count = 0
    backlog: Count = 0
    dropped_ms: Count = 0
    failed_ticks: Count = 0
    shard: Shard = 0


class LiveCall(msgspec.Struct, frozen=True, forbid_unknown_fields=True, array_like=True):
    """A call that is on: no person, no number, no word."""

    mark: CallMark
    seat: SeatName
    seconds: Annotated[int, Meta(ge=0, le=86_400)]
    analyses: Annotated[tuple[Analysis, ...], Meta(max_length=4)]
    held: bool = False
    #: whether it is analysed at all, and why something is off
    heard: bool = True
    reason: OffReason | None = None


class EngineReport(msgspec.Struct, frozen=True, forbid_unknown_fields=True, tag="engine", tag_field="role"):
    """One engine process."""

    process: Process
    shard: Shard
    calls: Small = 0
    begun: Count = 0
    failed: Count = 0
    abandoned: Count = 0
    refused: Count = 0
    blocks: Count = 0
    #: messages of capture that could not be decoded, and of calls that are not known
    undecodable: Count = 0
    unknown_call: Count = 0
    #: whole utterances of customers that the seats were told of
    utterances: Count = 0
    messages: Count = 0
    #: messages that wait for the feed, and those that were overtaken or lost
    waiting: Count = 0
    dropped: Count = 0
    recognizer: ModelName | None = None
    models: Annotated[tuple[ModelName, ...], Meta(max_length=MOST_MODELS)] = ()


class Seat(msgspec.Struct, frozen=True, forbid_unknown_fields=True, array_like=True):
    """Somebody who is enrolled, and how many connections hold a lease now."""

    id: SeatName
    supervisor: bool
    leases: Small
    group: SeatName | None = None


class Ledger(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The egress ledger as it is now."""

    state: Literal["ok", "failed", "off"]
    #: what happens when it fails
    policy: Literal["stop", "go_on"] = "stop"
    #: why it failed
    reason: ErrorName | None = None
    records: Count = 0


class Clock(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The wall clock, as the feed judges it; times are unix ms."""

    #: behind: it shows less than was seen before. jumped: nobody has confirmed it since. first: it was set
    #: soon after the machine's start
    state: Literal["ok", "behind", "jumped", "first"] = "ok"
    #: what it was to show at the jump, and what it showed
    was: Count = 0
    now: Count = 0
    behind_seconds: Count = 0


class FeedReport(msgspec.Struct, frozen=True, forbid_unknown_fields=True, tag="feed", tag_field="role"):
    """The feed."""

    process: Process
    enrolled: Count = 0
    connected: Count = 0
    leases: Count = 0
    leases_expired: Count = 0
    #: at the door: taken, not in the schema, over the call's budget, and for seats that nobody may be
    accepted: Count = 0
    undecodable: Count = 0
    over_budget: Count = 0
    unclaimed: Count = 0
    #: messages of calls that capture does not know
    unknown_calls: Count = 0
    sent: Count = 0
    sent_bytes: Count = 0
    #: not sent because the ledger failed, and sent without an entry because that is allowed
    withheld: Count = 0
    unrecorded: Count = 0
    keys_refused: Count = 0
    subscriptions_refused: Count = 0
    requests_refused: Count = 0
    enrolment_open: bool = False
    #: the box's next key is announced
    rotation: bool = False
    ledger: Ledger | None = None
    clock: Clock | None = None
    #: calls that are on, as the door told of them; not all where there are more
    calls: Count = 0
    live: Annotated[tuple[LiveCall, ...], Meta(max_length=MOST_CALLS)] = ()
    #: those with a connection first; not all where there are more
    seats: Annotated[tuple[Seat, ...], Meta(max_length=MOST_SEATS)] = ()
    shard: Shard = 0


Report = CaptureReport | EngineReport | FeedReport
Role = Literal["capture", "engine", "feed"]

_encoder: Final = msgspec.msgpack.Encoder()
_decoder: Final = msgspec.msgpack.Decoder(Report)


class ReportError(ValueError):
    """A datagram is no report."""


def role_of(report: Report) -> Role:
    """Which process a report is of."""
    if isinstance(report, CaptureReport):
        return "capture"
    return "engine" if isinstance(report, EngineReport) else "feed"


def encode(report: Report) -> bytes:
    """A report as one datagram."""
    return _encoder.encode(report)


def decode(data: bytes) -> Report:
    """The report in a datagram.

    Raises:
        ReportError: it is too long, no msgpack, or not in the schema.
    """
    if len(data) > MAX_BYTES:
        raise ReportError("too long")
    try:
        report: Report = _decoder.decode(data)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise ReportError("not in the schema") from error
    if not isinstance(report, FeedReport) and len(data) > MAX_RED_BYTES:
        raise ReportError("too long")
    return report
