"""Telephone events (RFC 4733, before that RFC 2833): recognised so that they can be thrown away.

What was keyed (a card number, a PIN) must appear nowhere. So the event code is never read here: there is no
field, counter or log line that could hold it.
"""

from __future__ import annotations

import struct
from dataclasses import dataclass
from typing import Final

#: RFC 4733 §2.3: event, flags and volume, duration.
REPORT_LENGTH: Final = 4
_DURATION: Final = struct.Struct("!H")


class TelephoneEventError(ValueError):
    """A payload is no telephone event."""


@dataclass(frozen=True, slots=True)
class EventProgress:
    """How far an event has come; not which."""

    #: the key was released
    ended: bool
    #: in units of the RTP clock
    duration: int


def progress(payload: bytes) -> EventProgress:
    """The first report of a telephone-event payload, without the event code.

    Raises:
        TelephoneEventError: the payload is empty, or no whole number of four-byte reports.
    """
    if not payload or len(payload) % REPORT_LENGTH:
        raise TelephoneEventError(f"{len(payload)} bytes; a report has {REPORT_LENGTH}")
    return EventProgress(bool(payload[1] & 0x80), _DURATION.unpack_from(payload, 2)[0])
