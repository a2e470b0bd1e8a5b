"""What the console may write into the journal."""

from __future__ import annotations

from dataclasses import dataclass

from appliance.box.journal import Event
from appliance.box.journal_values import Address, ErrorType, Place, Tally, Value


class Fingerprint(Value):
    """The beginning of a certificate's SHA-256: 16 hexadecimal digits."""

    def __init__(self, text: str) -> None:
        super().__init__(text, r"[0-9a-fA-F]{16}")


class Logins(Tally):
    """Tries to log in."""

    names = frozenset(["right", "wrong", "limited"])
    sparse = False


@dataclass(frozen=True, kw_only=True)
class ConsoleReady(Event, name="console_ready"):
    """Admins may log in; port 0: there is no web server."""

    console_port: int
    console_address: Address | None = None
    fingerprint: Fingerprint | None = None


@dataclass(frozen=True, kw_only=True)
class ConsoleStopped(Event, name="console_stopped"):
    """The totals of the process."""

    logins: Logins
    requests: int


@dataclass(frozen=True, kw_only=True)
class Login(Event, name="login"):
    """An admin logged in."""

    address: Address
    sessions: int


@dataclass(frozen=True, kw_only=True)
class SessionsEnded(Event, name="sessions_ended"):
    """All admins were logged out, because the clock jumped."""

    sessions: int


@dataclass(frozen=True, kw_only=True)
class CertificateRenewed(Event, name="certificate_renewed"):
    """The box made itself another certificate, because the clock jumped beyond the end of the one before."""

    fingerprint: Fingerprint


@dataclass(frozen=True, kw_only=True)
class LoginFailed(Event, name="login_failed"):
    """The password was wrong."""

    address: Address
    mistakes: int


@dataclass(frozen=True, kw_only=True)
class LoginLimited(Event, name="login_limited"):
    """Too many tries; more are refused for so many seconds."""

    address: Address
    seconds: int


@dataclass(frozen=True, kw_only=True)
class Logout(Event, name="logout"):
    """An admin logged out."""

    address: Address


@dataclass(frozen=True, kw_only=True)
class FormRefused(Event, name="form_refused"):
    """A form came without the proof that it is the admin's own."""

    address: Address


@dataclass(frozen=True, kw_only=True)
class RevocationAsked(Event, name="revocation_asked"):
    """An admin wants a seat revoked; the feed says `seats_revoked`, and the list of seats which one."""

    address: Address


@dataclass(frozen=True, kw_only=True)
class MetricsRefused(Event, name="metrics_refused"):
    """Somebody asked for metrics without the token."""

    address: Address


@dataclass(frozen=True, kw_only=True)
class PageFailed(Event, name="page_failed"):
    """A page could not be made for a fault of ours."""

    error: ErrorType
    place: Place
