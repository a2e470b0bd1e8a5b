"""Who is logged in: sessions in memory that end by themselves. Pure."""

from __future__ import annotations

import hashlib
import hmac
import secrets
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Final

#: However much is clicked, a login ends after a working day.
ABSOLUTE_SECONDS: Final = 12 * 3600.0
#: Logins at once; the one that was idle longest makes way.
MOST_SESSIONS: Final = 32


@dataclass(slots=True)
class Session:
    """One login."""

    #: proves that a POST comes from a page of this session
    csrf: str
    began: float
    touched: float
    #: the password that let it in; another one ends it
    generation: str


@dataclass(slots=True)
class Sessions:
    """All logins. `now` is monotonic, in seconds."""

    idle_seconds: float
    new_token: Callable[[], str] = lambda: secrets.token_urlsafe(32)
    _sessions: dict[str, Session] = field(default_factory=dict)

    def __len__(self) -> int:
        return len(self._sessions)

    def begin(self, generation: str, now: float) -> tuple[str, Session]:
        """A new session; returns the cookie's value, which is kept here as a hash only."""
        self._expire(now)
        while len(self._sessions) >= MOST_SESSIONS:
            del self._sessions[min(self._sessions, key=lambda key: self._sessions[key].touched)]
        token = self.new_token()
        session = Session(secrets.token_urlsafe(32), now, now, generation)
        self._sessions[_key(token)] = session
        return token, session

    def find(self, token: str, generation: str | None, now: float, *, touch: bool = True) -> Session | None:
        """The session of a cookie, while it runs and `generation` is still the password's.

        With `touch`, the idle time begins anew; a page that refreshes itself does not touch.
        """
        self._expire(now)
        session = self._sessions.get(_key(token))
        if session is None:
            return None
        if session.generation != generation:
            self.end(token)
            return None
        if touch:
            session.touched = now
        return session

    def end(self, token: str) -> None:
        """Log out."""
        self._sessions.pop(_key(token), None)

    def end_all(self) -> int:
        """Log everybody out; returns how many that were."""
        ended = len(self._sessions)
        self._sessions.clear()
        return ended

    def _expire(self, now: float) -> None:
        ended = [
            key
            for key, session in self._sessions.items()
            if now - session.touched > self.idle_seconds or now - session.began > ABSOLUTE_SECONDS
        ]
        for key in ended:
            del self._sessions[key]


def same(one: str, other: str) -> bool:
    """Whether two secrets are the same, without telling by the time how much of them is."""
    return hmac.compare_digest(one.encode("utf-8", "surrogatepass"), other.encode("utf-8", "surrogatepass"))


def _key(token: str) -> str:
    return hashlib.sha256(token.encode("utf-8", "surrogatepass")).hexdigest()
