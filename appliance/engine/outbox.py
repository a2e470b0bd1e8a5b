"""What waits while the door is shut, because the feed is being started anew: of each call what is still true.

The feed lets 1 KiB/s of a call pass, whenever it was said. A queue of everything would use that up with what
was true a minute ago, and the feed would refuse what is true now. Pure: no sockets, no clock.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

from appliance.protocol import codec
from appliance.protocol.messages import CallMessage, DoorMessage, ProfileMessage

#: A cue is of use at once or never.
CUE_SECONDS: Final = 3.0
#: Events of one call that are kept: its start, and how it stands now. With a profile of 4 KiB they fit into
#: what the feed lets pass at once.
MAX_EVENTS: Final = 8
#: Calls that are kept, ended ones too; the one that has waited longest gives way.
MAX_CALLS: Final = 2048


@dataclass(slots=True)
class _Waiting:
    at: float
    message: DoorMessage
    data: bytes


class Outbox:
    """Sends what can be sent; of what cannot, the newest profile and the events of each call wait."""

    def __init__(self, send: Callable[[bytes], bool]) -> None:
        """`send` takes an encoded door message, or returns False while the door is shut."""
        self._send = send
        self._calls: dict[str, list[_Waiting]] = {}
        #: messages that were overtaken by newer ones, or too old to be sent
        self.dropped = 0

    def __len__(self) -> int:
        return sum(map(len, self._calls.values()))

    def put(self, data: bytes, now: float) -> None:
        """Send one message, or keep it; `now` is monotonic, in seconds."""
        if self._calls or not self._send(data):
            self._keep(_Waiting(now, codec.decode_door(data), data))

    def flush(self, now: float) -> None:
        """Send what waits, as far as the door takes it."""
        for call, waiting in list(self._calls.items()):
            while waiting:
                first = waiting[0]
                if self._stale(first, now):
                    self.dropped += 1
                elif not self._send(first.data):
                    return
                del waiting[0]
            del self._calls[call]

    @staticmethod
    def _stale(waiting: _Waiting, now: float) -> bool:
        kept = isinstance(waiting.message, CallMessage | ProfileMessage)
        return not kept and now - waiting.at > CUE_SECONDS

    def _keep(self, new: _Waiting) -> None:
        if new.message.call not in self._calls and len(self._calls) >= MAX_CALLS:
            self.dropped += len(self._calls.pop(next(iter(self._calls))))
        waiting = self._calls.setdefault(new.message.call, [])
        waiting.append(new)
        kind = type(new.message)
        same = [one for one in waiting if type(one.message) is kind]
        overtaken: list[_Waiting] = []
        if kind is ProfileMessage:
            overtaken = same[:-1]
        elif kind is CallMessage:
            # The first may be the start of the call.
            overtaken = same[1 : 1 + max(0, len(same) - MAX_EVENTS)]
        else:
            overtaken = [one for one in same if self._stale(one, new.at)]
        self.dropped += len(overtaken)
        waiting[:] = [one for one in waiting if not any(one is old for old in overtaken)]
