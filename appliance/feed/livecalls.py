"""The calls that are on, as the door told of them: for the console, which hears of calls from nobody else.

What an engine says passes the door's budget; a list of calls that engines told the console directly would
pass it by. Pure.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from appliance.box.status.reports import CALL_MARK, Analysis, LiveCall
from appliance.protocol.messages import CallMessage, DoorMessage, ProfileMessage
from appliance.protocol.vocabulary import Capability, OffReason

#: As many as the door meters.
MAX_CALLS: Final = 4096
#: A call of which nothing was said for so long ended without a word: its engine and capture have died.
SILENT_SECONDS: Final = 900.0
_SHOWN: Final[Mapping[Capability, Analysis]] = {
    "emotion": "emotion", "voice": "prosody", "quotes": "quotes", "memory": "memory"
}  # fmt: skip


@dataclass(slots=True)
class _Call:
    seat: str
    began: float
    heard: float
    held: bool = False
    analyses: tuple[Analysis, ...] = ()
    analysed: bool = True
    reason: OffReason | None = None


class LiveCalls:
    """Follows the messages of the door. `now` is monotonic, in seconds."""

    def __init__(self) -> None:
        self._calls: dict[str, _Call] = {}

    def __len__(self) -> int:
        return len(self._calls)

    def enter(self, message: DoorMessage, now: float) -> None:
        """Take one message in."""
        if isinstance(message, CallMessage) and message.event == "ended":
            self._calls.pop(message.call, None)
            return
        if not isinstance(message, CallMessage | ProfileMessage):
            return
        call = self._calls.get(message.call)
        if call is None:
            self._make_room(now)
            call = self._calls[message.call] = _Call(message.seat, now - message.at / 1000, now)
        call.heard = now
        call.seat = message.seat
        if isinstance(message, CallMessage):
            call.held = message.event == "held"
        policy = message.policy
        off = policy.off if policy is not None else ()
        call.analysed = policy is None or policy.analysis != "off"
        call.reason = policy.reason if policy is not None else None
        call.analyses = tuple(shown for name, shown in _SHOWN.items() if call.analysed and name not in off)

    def shown(self, most: int, now: float) -> tuple[LiveCall, ...]:
        """The first so many, those that began first in front."""
        self._expire(now)
        calls = sorted(self._calls.items(), key=lambda item: item[1].began)[:most]
        return tuple(
            LiveCall(
                mark=identity[:CALL_MARK],
                seat=call.seat,
                seconds=min(86_400, max(0, int(now - call.began))),
                analyses=call.analyses,
                held=call.held,
                heard=call.analysed,
                reason=call.reason,
            )
            for identity, call in calls
        )

    def _make_room(self, now: float) -> None:
        if len(self._calls) >= MAX_CALLS:
            self._expire(now)
        if len(self._calls) >= MAX_CALLS:
            del self._calls[min(self._calls, key=lambda one: self._calls[one].heard)]

    def _expire(self, now: float) -> None:
        silent = [one for one, call in self._calls.items() if now - call.heard > SILENT_SECONDS]
        for one in silent:
            del self._calls[one]
