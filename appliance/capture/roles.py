"""Who is customer and who is agent: from what streams carry, numbers and directions, never from an order.

The ways, in the order in which they are tried:

1. `agent_number`: each of two streams is sent by one participant (metadata's `send`), and the number of
   exactly one of the two is an agent's (`roles.agent_numbers`).
2. `calling_party`: the numbers do not tell, but the gateway says who called, and `roles.direction` says
   whether callers are customers (inbound) or agents (outbound).
3. `labels`: the stream labels of `roles.labels`, for gateways without usable metadata.

Where none of them tells, nothing is guessed: the audio of that call must not be analysed.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final, Literal

from appliance.box.config import Roles
from appliance.telephony.audioblock import Direction, Leg
from appliance.telephony.recording_metadata import Participant, RecordingMetadata

_SEAT: Final = re.compile(r"[A-Za-z0-9_.-]{1,32}")

Told = Literal["agent_number", "calling_party", "labels"]
Untold = Literal[
    "no_metadata",
    "no_send",
    "one_stream",
    "many_participants",
    "no_agent_number",
    "two_agent_numbers",
    "no_seat",
]

#: What an admin can do about it, as a code for the journal; SIPREC.md beside this file has the sentences.
Hint = Literal[
    "enable_metadata_on_gateway_or_set_roles.labels",
    "set_roles.labels",
    "record_both_legs_as_separate_streams",
    "extend_roles.agent_numbers_or_set_roles.direction",
    "narrow_roles.agent_numbers_or_set_roles.direction",
    "set_roles.seats_or_roles.default_seat",
]

HINTS: Final[Mapping[Untold, Hint]] = {
    "no_metadata": "enable_metadata_on_gateway_or_set_roles.labels",
    "no_send": "set_roles.labels",
    "one_stream": "record_both_legs_as_separate_streams",
    "many_participants": "set_roles.labels",
    "no_agent_number": "extend_roles.agent_numbers_or_set_roles.direction",
    "two_agent_numbers": "narrow_roles.agent_numbers_or_set_roles.direction",
    "no_seat": "set_roles.seats_or_roles.default_seat",
}


@dataclass(frozen=True, slots=True)
class AssignedRoles:
    """The roles of a call are known."""

    #: leg to the label of its stream
    labels: Mapping[Leg, str]
    seat: str = field(repr=False)
    direction: Direction
    reason: Told
    #: the customer's number as the metadata gives it; None where it gives none
    customer_number: str | None = field(default=None, repr=False)
    #: the agent's number, and the hosts of the agent's addresses
    agent_number: str | None = field(default=None, repr=False)
    agent_hosts: frozenset[str] = field(default=frozenset(), repr=False)


@dataclass(frozen=True, slots=True)
class UnknownRoles:
    """The roles of a call are not known; its audio must not be analysed."""

    reason: Untold

    @property
    def hint(self) -> Hint:
        """What to do about it, as a code."""
        return HINTS[self.reason]


def resolve_roles(
    metadata: RecordingMetadata | None, labels: Sequence[str | None], roles: Roles
) -> AssignedRoles | UnknownRoles:
    """Tell customer and agent.

    Args:
        metadata: everything that the recording client has said, or None.
        labels: the labels of the call's audio streams; their order means nothing. A stream without a label
            can be no leg.
        roles: the site's numbers and directions.
    """
    offered = _unique(labels)
    if metadata is None:
        return _by_labels(offered, (), roles) or UnknownRoles("no_metadata")
    senders = _senders(metadata, offered)
    told = _by_participants(senders, roles)
    if isinstance(told, UnknownRoles):
        return _by_labels(offered, metadata.participants, roles) or told
    return told


def _unique(labels: Sequence[str | None]) -> set[str]:
    """Labels that stand for one stream; one that stands twice tells nothing."""
    present = [label for label in labels if label is not None]
    return {label for label in present if present.count(label) == 1}


def _senders(metadata: RecordingMetadata, offered: set[str]) -> dict[str, Participant]:
    """Label to the only participant whose voice the stream carries; mixed streams are left out."""
    found: dict[str, Participant] = {}
    doubtful: set[str] = set()
    for stream in metadata.streams:
        if stream.label is None or stream.label not in offered:
            continue
        if stream.label in found or stream.label in doubtful:
            found.pop(stream.label, None)
            doubtful.add(stream.label)
            continue
        senders = [
            participant for participant in metadata.participants if stream.id in (participant.send or ())
        ]
        if len(senders) == 1 and not stream.mixed:
            found[stream.label] = senders[0]
        else:
            doubtful.add(stream.label)
    return found


def _by_participants(senders: dict[str, Participant], roles: Roles) -> AssignedRoles | UnknownRoles:
    if not senders:
        return UnknownRoles("no_send")
    # One participant that sends two separate streams (audio of two devices) has no single leg.
    if len({participant.id for participant in senders.values()}) != len(senders):
        return UnknownRoles("many_participants")
    if len(senders) == 1:
        return UnknownRoles("one_stream")
    if len(senders) > 2:
        return UnknownRoles("many_participants")
    agents = [label for label, participant in senders.items() if _agent_numbers(participant, roles)]
    callers = [label for label, participant in senders.items() if participant.calling]
    caller = callers[0] if len(callers) == 1 else None
    reason: Told
    if len(agents) == 1:
        agent, reason = agents[0], "agent_number"
    elif caller is not None and roles.direction != "unknown":
        others = [label for label in senders if label != caller]
        agent, reason = (caller if roles.direction == "outbound" else others[0]), "calling_party"
    else:
        return UnknownRoles("two_agent_numbers" if agents else "no_agent_number")
    customer = next(label for label in senders if label != agent)
    seat = _seat(senders[agent], roles)
    if seat is None:
        return UnknownRoles("no_seat")
    direction: Direction = roles.direction
    if caller is not None:
        direction = "outbound" if caller == agent else "inbound"
    number = next(iter(senders[customer].users), None)
    return AssignedRoles(
        {"customer": customer, "agent": agent},
        seat,
        direction,
        reason,
        number,
        _number(senders[agent], roles),
        senders[agent].hosts,
    )


def _by_labels(
    offered: set[str], participants: Sequence[Participant], roles: Roles
) -> AssignedRoles | UnknownRoles | None:
    """By the configured labels; None where they do not name exactly one stream for each leg."""
    legs: dict[Leg, list[str]] = {"customer": [], "agent": []}
    for label, leg in roles.labels.items():
        if label in offered:
            legs[leg].append(label)
    if any(len(found) != 1 for found in legs.values()):
        return None
    agents = [participant for participant in participants if _agent_numbers(participant, roles)]
    seat = _seat(agents[0], roles) if len(agents) == 1 else roles.default_seat
    if seat is None:
        return UnknownRoles("no_seat")
    return AssignedRoles(
        {leg: found[0] for leg, found in legs.items()},
        seat,
        roles.direction,
        "labels",
        agent_number=_number(agents[0], roles) if len(agents) == 1 else None,
        agent_hosts=agents[0].hosts if len(agents) == 1 else frozenset(),
    )


def _agent_numbers(participant: Participant, roles: Roles) -> list[str]:
    """The participant's numbers that are an agent's, as written or without the plus of E.164."""
    return [
        user
        for user in participant.users
        if any(
            re.fullmatch(pattern, user) or re.fullmatch(pattern, user.removeprefix("+"))
            for pattern in roles.agent_numbers
        )
    ]


def _number(agent: Participant, roles: Roles) -> str | None:
    return next(iter([*_agent_numbers(agent, roles), *agent.users]), None)


def _seat(agent: Participant, roles: Roles) -> str | None:
    for number in [*_agent_numbers(agent, roles), *agent.users]:
        mapped = roles.seats.get(number) or roles.seats.get(number.removeprefix("+"))
        if mapped is not None:
            return mapped
    for number in [*_agent_numbers(agent, roles), *agent.users]:
        if _SEAT.fullmatch(number.removeprefix("+")):
            return number.removeprefix("+")
    return roles.default_seat
