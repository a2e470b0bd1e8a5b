"""The calls that there are, by capture's word. Pure."""

from __future__ import annotations

from collections.abc import Iterable

from appliance.box.calls_line import RunningCall

#: How long a call's last words may take: an engine that lost capture ends its calls after 30 s, and what the
#: door's budget holds back comes after that.
LINGER_SECONDS = 60.0


class Register:
    """Which calls an engine may speak of, and of which seat each is. `now` is monotonic, in seconds."""

    def __init__(self) -> None:
        self._running: dict[str, str] = {}
        #: call to its seat, and until when it may still be spoken of
        self._over: dict[str, tuple[str, float]] = {}
        #: whether capture has said anything yet; until then nobody knows which calls there are
        self.heard = False

    def __len__(self) -> int:
        return len(self._running)

    def take(self, calls: Iterable[RunningCall], over: Iterable[RunningCall], now: float) -> None:
        """These calls are on, and no others; those that are over count at the first word alone.

        Engines tell a feed that was started anew of them, and nobody else has a reason to speak of them.
        """
        running = {one.call: one.seat for one in calls}
        self._over = {call: ended for call, ended in self._over.items() if now < ended[1]}
        if not self.heard:
            self._over = {one.call: (one.seat, now + LINGER_SECONDS) for one in over}
        self.heard = True
        for call, seat in self._running.items():
            if call not in running:
                self._over[call] = (seat, now + LINGER_SECONDS)
        self._running = running

    def knows(self, call: str, seat: str, now: float) -> bool:
        """Whether this is a call of this seat, on or just over."""
        if call in self._running:
            return self._running[call] == seat
        ended = self._over.get(call)
        return ended is not None and ended[0] == seat and now < ended[1]
