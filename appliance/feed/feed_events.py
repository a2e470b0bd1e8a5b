"""What the feed may write into the journal."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from msgspec import inspect

from appliance.box.journal import Event
from appliance.box.journal_values import Address, Digest, ErrnoName, FieldPath, StrategyName
from appliance.protocol.messages import DoorMessage

#: The directory that a file lies in that cannot be used; `ridge doctor` names the file.
StateDirectory = Literal["box.state_directory"]


def _names(kind: inspect.Type) -> frozenset[str]:
    """Every field's name of a type of the schema."""
    if isinstance(kind, inspect.StructType):
        own = {field.name for field in kind.fields}
        return frozenset(own).union(*(_names(field.type) for field in kind.fields))
    if isinstance(kind, inspect.Metadata):
        return _names(kind.type)
    if isinstance(kind, inspect.ListType):
        return _names(kind.item_type)
    if isinstance(kind, inspect.UnionType):
        return frozenset().union(*map(_names, kind.types))
    return frozenset()


class DoorField(FieldPath):
    """Which field of a message did not fit the schema."""

    known = _names(inspect.type_info(DoorMessage)) | {"v", "type"}


@dataclass(frozen=True, kw_only=True)
class FeedReady(Event, name="feed_ready"):
    """Seats may connect."""

    address: Address
    publish_port: int
    control_port: int
    seats: int


@dataclass(frozen=True, kw_only=True)
class DoorRefused(Event, name="door_refused"):
    """Messages of engines that went nowhere, since the last such event."""

    not_in_schema: int
    over_budget: int
    call_unknown: int
    seat_not_enrolled: int
    last_field: DoorField


@dataclass(frozen=True, kw_only=True)
class SeatsRefused(Event, name="seats_refused"):
    """What seats were refused, since the last such event."""

    keys: int
    subscriptions: int
    requests_bad: int
    requests_not_granted: int
    requests_without_lease: int
    verdicts: int
    requests_too_many: int


@dataclass(frozen=True, kw_only=True)
class CodesRefused(Event, name="codes_refused"):
    """Enrolment codes that were refused, since the last such event."""

    wrong: int
    bad: int
    too_many: int


@dataclass(frozen=True, kw_only=True)
class SeatsEnrolled(Event, name="seats_enrolled"):
    """Seats that made themselves known, since the last such event."""

    by_code: int
    new_keys: int


@dataclass(frozen=True, kw_only=True)
class SeatsRevoked(Event, name="seats_revoked"):
    """Seats that an admin revoked on the console's page."""

    seats: int


@dataclass(frozen=True, kw_only=True)
class FeedStopped(Event, name="feed_stopped"):
    """The totals of the process."""

    door_accepted: int
    door_bytes: int
    door_refused: int
    door_over_budget: int
    door_call_unknown: int
    unclaimed: int
    sent: int
    sent_bytes: int
    withheld: int
    unrecorded: int
    states_sent: int
    subscriptions_granted: int
    subscriptions_refused: int
    requests_answered: int
    requests_bad: int
    requests_not_granted: int
    requests_without_lease: int
    requests_too_many: int
    leases_expired: int
    verdicts: int
    verdicts_refused: int
    keys_exchanged: int
    codes_redeemed: int
    codes_refused: int
    replied_bytes: int
    peers_admitted: int
    peers_denied: int


@dataclass(frozen=True, kw_only=True)
class LedgerOff(Event, name="ledger_off"):
    """The site wants no egress ledger."""


@dataclass(frozen=True, kw_only=True)
class LedgerFailed(Event, name="ledger_failed"):
    """The egress ledger cannot be written."""

    reason: ErrnoName
    policy: Literal["stop", "go_on"]
    seconds: float
    messages: int


@dataclass(frozen=True, kw_only=True)
class LedgerNotClosed(Event, name="ledger_failed"):
    """The last entries could not be signed at the end."""

    reason: ErrnoName


@dataclass(frozen=True, kw_only=True)
class LedgerWorksAgain(Event, name="ledger_works_again"):
    """The egress ledger can be written again."""

    seconds: float
    unrecorded: int
    withheld: int


@dataclass(frozen=True, kw_only=True)
class LedgerPosition(Event, name="ledger_position"):
    """How far the ledger is: a note outside of it."""

    records: int
    chain: Digest


@dataclass(frozen=True, kw_only=True)
class GrantsRead(Event, name="grants_read"):
    """Who may see what was read anew."""

    seats: int
    cut_off: int


@dataclass(frozen=True, kw_only=True)
class BoxKeyTaken(Event, name="box_key_taken"):
    """The box has its next key."""


@dataclass(frozen=True, kw_only=True)
class CodesVoid(Event, name="codes_void"):
    """Open enrolment codes were made void, because the clock jumped."""

    codes: int


@dataclass(frozen=True, kw_only=True)
class Enrolment(Event, name="enrolment"):
    """The port where codes are redeemed was opened or closed."""

    open: bool
    port: int | None


@dataclass(frozen=True, kw_only=True)
class GrantsUnusable(Event, name="grants_unusable"):
    """The grants cannot be read; those of before hold."""

    directory: StateDirectory = "box.state_directory"


@dataclass(frozen=True, kw_only=True)
class BoxKeyUnusable(Event, name="box_key_unusable"):
    """The box's next key cannot be read."""

    directory: StateDirectory = "box.state_directory"


@dataclass(frozen=True, kw_only=True)
class EnrolmentUnusable(Event, name="enrolment_unusable"):
    """Codes cannot be redeemed."""

    directory: StateDirectory = "box.state_directory"


@dataclass(frozen=True, kw_only=True)
class FeedbackUnusable(Event, name="feedback_unusable"):
    """The counts of verdicts cannot be read; they begin at zero."""

    directory: StateDirectory = "box.state_directory"


@dataclass(frozen=True, kw_only=True)
class FeedbackNotSaved(Event, name="feedback_not_saved"):
    """The counts of verdicts cannot be written."""

    directory: StateDirectory = "box.state_directory"


@dataclass(frozen=True, kw_only=True)
class DaysUnusable(Event, name="days_unusable"):
    """The counts of days cannot be read; they begin at zero."""

    directory: StateDirectory = "box.state_directory"


@dataclass(frozen=True, kw_only=True)
class DaysNotSaved(Event, name="days_not_saved"):
    """The counts of days cannot be written."""

    directory: StateDirectory = "box.state_directory"


@dataclass(frozen=True, kw_only=True)
class FeedbackGiven(Event, name="feedback"):
    """What agents thought of a strategy, since the last such event."""

    advice: StrategyName
    helpful: int
    wrong: int
