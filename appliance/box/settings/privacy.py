"""What may be analysed, shown and remembered, for all calls or for those of a trunk or queue."""

from __future__ import annotations

import re
from typing import Annotated, Final, Literal

from pydantic import AfterValidator, Field, model_validator

from appliance.box.settings.values import Network, NumberPattern, Section

#: Entries that are tried for each call; more would be a table, and not a policy that a person can read.
MOST_QUEUES: Final = 100
#: Values that one flag or match may list.
MOST_VALUES: Final = 32

_DOMAIN: Final = re.compile(r"(\*\.)?[A-Za-z0-9]([A-Za-z0-9.:-]{0,251}[A-Za-z0-9])?")
_HEADER: Final = re.compile(r"[A-Za-z0-9\-.!%*_+`'~]{1,64}")
_ELEMENT: Final = re.compile(r"[A-Za-z_][A-Za-z0-9_.-]{0,63}")
#: Fields that every request has for its own ends; a flag in them would be read where none was meant.
_SPOKEN_FOR: Final = frozenset(
    ["via", "call-id", "cseq", "content-length", "content-type", "max-forwards", "contact", "route"]
)


def _domain(value: str) -> str:
    if not _DOMAIN.fullmatch(value):
        raise ValueError(f"{value!r} is no domain; write one such as sbc-1.bank.example or *.bank.example")
    return value.lower()


def _header(value: str) -> str:
    if not _HEADER.fullmatch(value):
        raise ValueError(f"{value!r} is no name of a header field; write one such as X-Ridge-Consent")
    if value.lower() in _SPOKEN_FOR:
        raise ValueError(
            f"{value!r} has another meaning in SIP; write one of the gateway's own, such as X-Queue"
        )
    return value


def _element(value: str) -> str:
    if not _ELEMENT.fullmatch(value):
        raise ValueError(f"{value!r} is no name of an element, without its prefix; write one such as consent")
    return value


def _value(value: str) -> str:
    if not value.strip() or len(value) > 64 or not value.isprintable() or "," in value or ";" in value:
        raise ValueError(
            f"{value[:40]!r} is no value of a flag; write a word of 1 to 64 characters, such as yes"
        )
    return value.strip().lower()


Domain = Annotated[str, AfterValidator(_domain)]
HeaderName = Annotated[str, AfterValidator(_header)]
ElementName = Annotated[str, AfterValidator(_element)]
Value = Annotated[str, AfterValidator(_value)]
Values = Annotated[tuple[Value, ...], Field(max_length=MOST_VALUES)]


class Memory(Section):
    """What is remembered of a customer between calls: nothing, until it is turned on."""

    enabled: bool = False
    #: what is older is erased
    retention_days: int = Field(180, ge=1, le=3650)


class Consent(Section):
    """Where the gateway says that the customer objects to the analysis, and in which words."""

    #: a header field of INVITE or UPDATE; an empty name: none is read
    header: HeaderName | Literal[""] = "X-Ridge-Consent"
    #: an element of the recording metadata, in whatever namespace
    metadata: ElementName | Literal[""] = ""
    #: analysis stays off for the rest of the call
    refused: Values = ("refused", "no", "false", "0")
    #: nothing changes by it
    granted: Values = ("granted", "yes", "true", "1")

    @model_validator(mode="after")
    def _says_one_thing(self) -> Consent:
        _disjoint("refused", self.refused, "granted", self.granted)
        return self


class Announcement(Section):
    """Where the gateway says that the customer was told of the analysis; read where a policy requires it."""

    header: HeaderName | Literal[""] = "X-Ridge-Announcement"
    metadata: ElementName | Literal[""] = ""
    #: analysis may begin
    played: Values = ("played", "yes", "true", "1")
    #: not yet
    pending: Values = ("pending", "no", "false", "0")

    @model_validator(mode="after")
    def _says_one_thing(self) -> Announcement:
        _disjoint("played", self.played, "pending", self.pending)
        return self


class HeaderMatch(Section):
    """A header field of the INVITE, and the values that count; none listed: any."""

    name: HeaderName
    values: Values = ()


class ElementMatch(Section):
    """An element of the recording metadata, and the values that count; none listed: any."""

    name: ElementName
    values: Values = ()


class Queue(Section):
    """Calls of a trunk or queue, and what differs for them; what is not set stands as in `policy`."""

    #: for the journal and `ridge check`
    name: str = Field(pattern=r"^[a-z0-9_-]{1,32}$")
    #: every kind of match that is given must fit; of its items one is enough
    agent_numbers: tuple[NumberPattern, ...] = ()
    #: where the INVITE comes from
    gateways: tuple[Network, ...] = ()
    #: host of the INVITE's request URI, To or From, or of the agent's address in the metadata
    domains: tuple[Domain, ...] = ()
    header: HeaderMatch | None = None
    metadata: ElementMatch | None = None
    analysis: bool | None = None
    voice: bool | None = None
    emotion: bool | None = None
    quotes: bool | None = None
    memory: bool | None = None
    retention_days: int | None = Field(None, ge=1, le=3650)
    require_announcement: bool | None = None

    @model_validator(mode="after")
    def _matches_something(self) -> Queue:
        if not (self.agent_numbers or self.gateways or self.domains or self.header or self.metadata):
            raise ValueError(
                f"queue {self.name!r} names no calls: write agent_numbers, gateways, domains, header or "
                "metadata; what holds for all calls stands in [policy]"
            )
        return self


class Policy(Section):
    """What may be analysed and shown, where no queue says otherwise."""

    #: false: audio is thrown away where it arrives
    analysis: bool = True
    #: false: how the customer speaks is not measured at all, only words are read
    voice: bool = True
    emotion: bool = True
    #: redacted quotes of at most 40 characters in the evidence
    quotes: bool = False
    #: false: nothing of these calls is remembered, nor recalled in them, though memory.enabled is true
    memory: bool = True
    #: analysis begins when the gateway says that the announcement was played
    require_announcement: bool = False
    consent: Consent = Field(default_factory=Consent)
    announcement: Announcement = Field(default_factory=Announcement)
    #: the first that matches a call counts
    queue: Annotated[tuple[Queue, ...], Field(max_length=MOST_QUEUES)] = ()

    @model_validator(mode="after")
    def _names_are_unique(self) -> Policy:
        names = [queue.name for queue in self.queue]
        twice = next((name for name in names if names.count(name) > 1 or name == "default"), None)
        if twice is not None:
            raise ValueError(f"the queue {twice!r} is named twice (default is [policy] itself); rename one")
        wants = self.require_announcement or any(queue.require_announcement for queue in self.queue)
        if wants and not (self.announcement.header or self.announcement.metadata):
            raise ValueError(
                "an announcement is required, but policy.announcement names neither header nor metadata, so "
                "no call would ever be analysed: name where the gateway says that it was played"
            )
        return self


def _disjoint(first: str, ones: tuple[str, ...], second: str, others: tuple[str, ...]) -> None:
    both = sorted(set(ones) & set(others))
    if both:
        raise ValueError(f"{both[0]!r} stands in {first} and in {second}; keep it in one of them")
