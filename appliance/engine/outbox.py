"""What the engine owes the feed: what waits while the door is shut, and what a feed started anew must know.

The feed keeps nothing on disk. One that was started anew knows of no call, so the last word on each call (its
start, its last event, its newest profile) is kept here, in memory, and told again when the door opens again:
of calls that go on, and of ended ones for as long as the feed itself would keep them.

The feed lets 1 KiB/s of a call pass, whenever it was said. A queue of everything would use that up with what
was true a minute ago, and the feed would refuse what is true now. Pure: no sockets, no clock.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Final

from appliance.protocol import codec
from appliance.protocol.budget import CallBudget
from appliance.protocol.messages import CallMessage, DoorMessage, ProfileMessage, forgets

#: A cue is of use at once or never.
CUE_SECONDS: Final = 3.0
#: Events of one call that are kept: its start, and how it stands now. With a profile of 4 KiB they fit into
#: what the feed lets pass at once.
MAX_EVENTS: Final = 8
#: Calls that are kept, ended ones too; the one that has waited longest gives way.
MAX_CALLS: Final = 2048
#: How long the last word on a call is kept after it was said: as long as the feed keeps it.
REMEMBER_SECONDS: Final = 900.0
#: What is told again counts against the budget of the call, which is metered a little below the feed's.
MARGIN: Final = 0.9


@dataclass(slots=True)
class _Waiting:
    at: float
    message: DoorMessage
    data: bytes


@dataclass(slots=True)
class _LastWord:
    """What a feed that knows nothing must be told of a call."""

    started: _Waiting | None = None
    event: _Waiting | None = None
    profile: _Waiting | None = None

    def take_in(self, new: _Waiting) -> None:
        if forgets(new.message):
            self.profile = None
        if isinstance(new.message, ProfileMessage):
            self.profile = new
        elif isinstance(new.message, CallMessage):
            if new.message.event == "started":
                self.started = new
            self.event = new

    def parts(self) -> list[_Waiting]:
        """In the order in which they were said."""
        found = [part for part in (self.started, self.event, self.profile) if part is not None]
        unique = {id(part): part for part in found}
        return sorted(unique.values(), key=lambda part: part.message.seq)

    @property
    def at(self) -> float:
        return max((part.at for part in self.parts()), default=0.0)


@dataclass(slots=True)
class Outbox:
    """Sends what can be sent; of what cannot, the newest profile and the events of each call wait."""

    #: takes an encoded door message, or returns False while the door is shut
    send: Callable[[bytes], bool]
    #: whether the site has quotes shown
    quotes: bool = False
    #: messages that were overtaken by newer ones, or too old to be sent
    dropped: int = 0
    _calls: dict[str, list[_Waiting]] = field(default_factory=dict)
    _words: dict[str, _LastWord] = field(default_factory=dict)
    #: of calls that were told again: what the feed has taken of them
    _meters: dict[str, CallBudget] = field(default_factory=dict)

    def __len__(self) -> int:
        return sum(map(len, self._calls.values()))

    def put(self, data: bytes, now: float) -> None:
        """Send one message, or keep it; `now` is monotonic, in seconds."""
        new = _Waiting(now, codec.decode_door(data), data)
        if forgets(new.message):
            self._void(new.message.call)
        self._remember(new)
        if self._calls or not self._fits(new, now) or not self.send(data):
            self._keep(new)
        else:
            self._pour(new, now)

    def _void(self, call: str) -> None:
        """Drop what waits of a call that may not be analysed any more; its events stay."""
        waiting = self._calls.get(call, [])
        waiting[:] = [one for one in waiting if isinstance(one.message, CallMessage) or forgets(one.message)]
        if not waiting:
            self._calls.pop(call, None)

    def flush(self, now: float) -> None:
        """Send what waits, as far as the door and the budget of each call take it."""
        for call, waiting in list(self._calls.items()):
            while waiting:
                first = waiting[0]
                if self._stale(first, now):
                    self.dropped += 1
                elif not self._fits(first, now):
                    break
                elif not self.send(first.data):
                    return
                else:
                    self._pour(first, now)
                del waiting[0]
            if not waiting:
                del self._calls[call]

    def reopened(self, now: float) -> None:
        """The door was shut and is open: a feed is there that may know of no call. Tell it the last words."""
        self._forget(now)
        self._meters.clear()
        for call, word in self._words.items():
            there = self._calls.get(call, [])
            missing = [part for part in word.parts() if not any(part is one for one in there)]
            merged = sorted([*missing, *there], key=lambda part: part.message.seq)
            if merged:
                self._calls[call] = merged
                self._meters[call] = CallBudget(MARGIN, quotes=self.quotes)
        self.flush(now)

    def _fits(self, waiting: _Waiting, now: float) -> bool:
        meter = self._meters.get(waiting.message.call)
        return meter is None or meter.wait(waiting.message, len(waiting.data), now) == 0

    def _pour(self, waiting: _Waiting, now: float) -> None:
        meter = self._meters.get(waiting.message.call)
        if meter is not None:
            meter.pour(waiting.message, len(waiting.data), now)

    def _remember(self, new: _Waiting) -> None:
        call = new.message.call
        if call not in self._words and len(self._words) >= MAX_CALLS:
            self._forget(new.at)
        if call not in self._words and len(self._words) >= MAX_CALLS:
            del self._words[next(iter(self._words))]
        self._words.setdefault(call, _LastWord()).take_in(new)

    def _forget(self, now: float) -> None:
        kept = {call: word for call, word in self._words.items() if now - word.at <= REMEMBER_SECONDS}
        self._words = kept
        self._meters = {call: meter for call, meter in self._meters.items() if call in kept}

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
