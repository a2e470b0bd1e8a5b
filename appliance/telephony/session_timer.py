"""Session timers (RFC 4028): how long a session lives without a refresh, and who refreshes it."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Final, Literal

from appliance.telephony.sip import Headers, SipError
from appliance.telephony.sip_headers import parse_parameters

#: RFC 4028 section 4: the smallest interval anyone may ask for, in seconds.
MIN_SESSION_EXPIRES: Final = 90
#: RFC 4028 section 10: who gets no refresh ends the session this long before it expires, at most a third.
END_BEFORE_EXPIRY: Final = 32.0

Refresher = Literal["uac", "uas"]


class IntervalTooSmallError(SipError):
    """The client asks for a shorter interval than is allowed; the response is 422 with Min-SE."""

    def __init__(self, minimum: int) -> None:
        super().__init__(f"a session interval below {minimum} s", 422, fields=(("Min-SE", str(minimum)),))


@dataclass(frozen=True, slots=True)
class SessionTimer:
    """What was agreed: `interval` in seconds, and which side of the negotiating request refreshes."""

    interval: int
    refresher: Refresher
    #: the client understands session timers, so its refreshing may be required of it
    client_supports: bool

    def headers(self) -> list[tuple[str, str]]:
        """The fields of the 2xx response (RFC 4028 section 9)."""
        fields = [("Session-Expires", f"{self.interval};refresher={self.refresher}")]
        if self.refresher == "uac" and self.client_supports:
            fields.append(("Require", "timer"))
        return fields

    @property
    def refresh_after(self) -> float:
        """Seconds after which the refresher refreshes: half the interval (section 10)."""
        return self.interval / 2

    @property
    def end_after(self) -> float:
        """Seconds after which the other side ends the session when no refresh has come."""
        return self.interval - min(END_BEFORE_EXPIRY, self.interval / 3)


def parse_session_expires(value: str) -> tuple[int, Refresher | None]:
    """Parse Session-Expires: seconds and the refresher, where one is named.

    Raises:
        SipError: it is no number of seconds.
    """
    seconds, _, rest = value.partition(";")
    if not re.fullmatch(r"[0-9]{1,9}", seconds.strip(), re.ASCII):
        raise SipError("a Session-Expires that cannot be read")
    refresher = (parse_parameters(rest).get("refresher") or "").lower()
    return int(seconds), "uac" if refresher == "uac" else "uas" if refresher == "uas" else None


def negotiate(headers: Headers, preferred: int) -> SessionTimer | None:
    """Agree on the session timer that an INVITE or UPDATE asks for (RFC 4028 section 9).

    Args:
        headers: the request's.
        preferred: the longest interval that we would like, in seconds; the client's Min-SE may raise it.

    Returns:
        None where the client neither asks for a timer nor supports one: such a session has no timer.

    Raises:
        IntervalTooSmallError: the interval is below 90 s, and the client can read a 422.
        SipError: a field cannot be read.
    """
    supports = "timer" in headers.tokens("Supported") | headers.tokens("Require")
    requested = headers.get("Session-Expires")
    if requested is None and not supports:
        return None
    minimum = max(MIN_SESSION_EXPIRES, _minimum(headers))
    if requested is None:
        return SessionTimer(max(preferred, minimum), "uac", supports)
    interval, refresher = parse_session_expires(requested)
    if interval < MIN_SESSION_EXPIRES:
        if supports:
            raise IntervalTooSmallError(MIN_SESSION_EXPIRES)
        interval = MIN_SESSION_EXPIRES
    # Without the client's support a proxy has asked, and only we can refresh.
    chosen: Refresher = (refresher or "uac") if supports else "uas"
    return SessionTimer(max(min(interval, preferred), min(interval, minimum)), chosen, supports)


def _minimum(headers: Headers) -> int:
    value = headers.get("Min-SE")
    if value is None:
        return 0
    return parse_session_expires(value)[0]


def minimum_of(headers: Headers) -> int:
    """The Min-SE of a 422 to our own refresh, at least 90.

    Raises:
        SipError: it cannot be read.
    """
    return max(MIN_SESSION_EXPIRES, _minimum(headers))
