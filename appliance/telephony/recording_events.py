"""What a recording server tells the program that drives it."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal

from appliance.telephony.recording_metadata import RecordingMetadata
from appliance.telephony.sdp import SessionDescription
from appliance.telephony.signalled import Signalled

EndReason = Literal["bye", "cancelled", "no_ack", "expired", "unreachable", "rejected", "ended"]


@dataclass(frozen=True, slots=True)
class SessionBody:
    """What a client's message carried."""

    #: the session description, or None
    description: SessionDescription | None = field(default=None, repr=False)
    #: what all of its metadata so far amounts to, or None where there has been none
    metadata: RecordingMetadata | None = None
    #: this message had metadata that cannot be read
    broken_metadata: bool = False


@dataclass(frozen=True, slots=True)
class SessionOffered:
    """A client calls: `accept` or `reject` has to follow."""

    #: names the session in the server's methods; not the Call-ID
    session: str
    address: str
    body: SessionBody
    #: the client says that it is one of RFC 7866 (`+sip.src` or `Require: siprec`)
    siprec: bool
    signalled: Signalled = field(default_factory=Signalled)


@dataclass(frozen=True, slots=True)
class SessionSignalled:
    """A re-INVITE or UPDATE has header fields that were asked for; it may yet be refused."""

    session: str
    signalled: Signalled


@dataclass(frozen=True, slots=True)
class SessionChanged:
    """The client has sent something new about its session."""

    session: str
    body: SessionBody
    #: `accept` or `reject` has to follow
    needs_answer: bool


@dataclass(frozen=True, slots=True)
class SessionConfirmed:
    """The client has acknowledged the first answer."""

    session: str


@dataclass(frozen=True, slots=True)
class SessionEnded:
    """The session is over; its name means nothing any more."""

    session: str
    #: `ended` is our own doing
    reason: EndReason


RecordingEvent = SessionOffered | SessionSignalled | SessionChanged | SessionConfirmed | SessionEnded
