"""The calls that a seat or a supervisor sees, as they stand now: for the terminal view and the panel. Pure.

Messages and `now` (monotonic seconds) go in. A call's clock runs by the box's own time, because a profile
that a late seat is given may be old: beats, which are never replayed, tell how late it is at the box.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, Final

from appliance.seat.call_history import CallHistory
from appliance.seat.urgency import Urgency, urgency

#: A supervisor of a large group; the oldest ended calls go first.
MAX_CALLS: Final = 512
#: Ended calls that are kept for a look back, for each seat.
ENDED_KEPT: Final = 3
MAX_CUES: Final = 12
#: Where the protocol ends (`Milliseconds`); a box whose clock was set must not make a call of a year.
MAX_MS: Final = 86_400_000
MAX_MARKS: Final = 64
MAX_OPPORTUNITIES: Final = 8
#: Beats come every 2 s by default; a site may set up to 60 s, which is learnt from the beats themselves.
BEAT_SECONDS: Final = 2.0
#: No beat is late by so much; the box's clock was set.
CLOCK_JUMP_MS: Final = 60_000.0
#: The view is called stale after this many beats have not come, and a moment more.
BEATS_MISSED: Final = 2
STALE_MARGIN_SECONDS: Final = 1.0

Part = dict[str, Any]


@dataclass(slots=True)
class Call:
    """One call: its last event, last profile, cues, history and marks."""

    id: str
    seat: str
    direction: str = "unknown"
    #: `started`, `held`, `resumed` or `ended`
    event: str = "started"
    #: position of the last message in the call and in the box's time, ms
    at: int = 0
    wall: int = 0
    #: position of the last event
    event_at: int = 0
    profile: Part | None = None
    #: each with the monotonic second at which it was seen
    cues: list[tuple[Part, float]] = field(default_factory=list)
    #: what the customer raised and the call did not follow up; supervisors are told at its end
    opportunities: list[Part] = field(default_factory=list)
    history: CallHistory = field(default_factory=CallHistory)
    #: advice id -> verdict and how far it came (`sending`, `sent`, `failed`)
    marks: dict[str, tuple[str, str]] = field(default_factory=dict)
    #: what is analysed, and why not all (`AnalysisPolicy`); None where the box does not say
    policy: Part | None = None
    #: counts the changes
    version: int = 0

    @property
    def over(self) -> bool:
        """Whether the call has ended."""
        return self.event == "ended"

    @property
    def unheard(self) -> bool:
        """Whether nothing of the call may be analysed."""
        return self.policy is not None and self.policy["analysis"] == "off"

    def is_off(self, what: str) -> bool:
        """Whether `voice`, `emotion`, `quotes` or `memory` is off in this call."""
        return self.policy is not None and what in self.policy["off"]

    @property
    def held(self) -> bool:
        """Whether the call is on hold."""
        return self.event == "held"

    def urgency(self, now: float) -> Urgency:
        """How much the call needs attention; an ended one does not."""
        if self.over:
            return Urgency(0, ())
        return urgency(self.profile, [(cue["code"], now - seen) for cue, seen in self.cues])


class Calls:
    """All calls of one seat, or of a supervisor's group."""

    def __init__(self) -> None:
        self._calls: dict[str, Call] = {}
        self.connection = "connecting"
        #: the group of a supervisor; None for a seat
        self.group: str | None = None
        #: updates that were missed and could not be had any more
        self.lost = 0
        self._heard: float | None = None
        self._beat: float | None = None
        self._beat_interval = BEAT_SECONDS
        #: the box's unix ms at monotonic 0; None while nothing has come
        self._box_zero: float | None = None

    def connected(self, state: str, lost: int, topic: str | None = None) -> bool:
        """Say how the connection is and what it is for (`group/loans/`); true where that is news."""
        group = self.group
        if topic is not None:
            group = topic.split("/")[1] if topic.startswith("group/") else None
        news = (state, lost, group) != (self.connection, self.lost, self.group)
        self.group = group
        if state not in {self.connection, "connected"}:
            # The pause between two runs of the feed is no interval of its beats.
            self._beat = None
        self.connection, self.lost = state, lost
        return news

    def update(self, message: Part, now: float) -> Call | None:
        """Take one message in; the call that it changed."""
        self._heard = now
        self._learn_time(message, now)
        if message["type"] == "beat":
            return None
        call = self._call(message)
        call.version += 1
        if message["at"] >= call.at:
            # Not by `wall`: the box's clock may have been set back.
            call.at, call.wall = message["at"], message["wall"]
        call.policy = message.get("policy", call.policy)
        if call.unheard:
            # All that was told of the customer is void.
            call.profile, call.cues, call.opportunities, call.marks = None, [], [], {}
            call.history.clear()
        if message["type"] == "call":
            self._event(call, message)
        elif call.unheard:
            pass
        elif message["type"] == "profile":
            call.profile = message
            call.history.add(message)
        elif message["type"] == "cue":
            call.cues = [*call.cues[1 - MAX_CUES :], (message, now)]
        elif message["type"] == "opportunity":
            told = {name: message[name] for name in ("code", "tag", "at", "confidence")}
            call.opportunities = [*call.opportunities[1 - MAX_OPPORTUNITIES :], told]
        self._forget()
        return call

    def mark(self, call: str, advice: str, verdict: str, state: str) -> bool:
        """Remember what was said of an advice and how far that came; false where no such call is known."""
        known = self._calls.get(call)
        if known is None:
            return False
        marks = {name: mark for name, mark in known.marks.items() if name != advice}
        known.marks = dict([*marks.items(), (advice, (verdict, state))][-MAX_MARKS:])
        known.version += 1
        return True

    def get(self, call: str) -> Call | None:
        """The call of that id."""
        return self._calls.get(call)

    def all(self) -> list[Call]:
        """Every call, in the order in which they began."""
        return list(self._calls.values())

    def current(self) -> Call | None:
        """The newest call that goes on, else the newest of all."""
        known = [call for call in self._calls.values() if not call.over] or list(self._calls.values())
        return known[-1] if known else None

    def by_urgency(self, now: float) -> list[Call]:
        """The calls that go on, the most urgent first, then the ended ones, the newest first."""
        going = [call for call in self._calls.values() if not call.over]
        ended = [call for call in self._calls.values() if call.over]
        return sorted(going, key=lambda call: -call.urgency(now).points) + ended[::-1]

    def silent_seconds(self, now: float) -> float | None:
        """How long nothing has come; None while nothing has come at all."""
        return None if self._heard is None else now - self._heard

    def stale(self, now: float) -> bool:
        """Whether what is shown may be out of date: beats are missing, or the connection is not there."""
        silent = self.silent_seconds(now)
        if silent is None:
            return False
        return silent > BEATS_MISSED * self._beat_interval + STALE_MARGIN_SECONDS

    def elapsed_ms(self, call: Call, now: float) -> int:
        """The call's clock; it stands while the call is on hold and after its end."""
        if call.over or call.held or self._box_zero is None:
            return call.event_at if call.held or call.over else call.at
        since = self._box_zero + now * 1000 - call.wall
        return max(call.at, min(MAX_MS, round(call.at + since)))

    def held_ms(self, call: Call, now: float) -> int:
        """How long the call has been on hold; 0 where it is not."""
        if not call.held or self._box_zero is None:
            return 0
        since = self._box_zero + now * 1000 - call.wall
        return max(0, min(MAX_MS, round(call.at - call.event_at + since)))

    def _learn_time(self, message: Part, now: float) -> None:
        zero = message["wall"] - now * 1000
        if message["type"] != "beat":
            # Late messages are older than they seem: the box's clock is at least as far as the newest says.
            self._box_zero = zero if self._box_zero is None else max(self._box_zero, zero)
            return
        if self._box_zero is not None and abs(jump := zero - self._box_zero) > CLOCK_JUMP_MS:
            # The box's clock was set. What a call was told by the clock of before is put on that of now.
            for call in self._calls.values():
                if abs(message["wall"] - jump - call.wall) < abs(message["wall"] - call.wall):
                    call.wall += round(jump)
        self._box_zero = zero
        if self._beat is not None:
            # A supervisor gets a beat for each seat; several at once are no interval.
            gap = now - self._beat
            if gap > BEAT_SECONDS / 20:
                self._beat_interval = min(60.0, max(gap, BEAT_SECONDS, self._beat_interval * 0.9))
        self._beat = now

    def _call(self, message: Part) -> Call:
        known = self._calls.get(message["call"])
        if known is None:
            known = self._calls[message["call"]] = Call(message["call"], message["seat"])
        return known

    def _event(self, call: Call, message: Part) -> None:
        if call.over and message["event"] != "ended":
            return
        if message["event"] != call.event:
            # The same event is said again where the policy changes; a hold goes on.
            call.event_at = message["at"]
        call.event, call.direction = message["event"], message["direction"]
        call.history.event(message["event"], message["at"])

    def _forget(self) -> None:
        ended = [call for call in self._calls.values() if call.over]
        seats: dict[str, int] = {}
        for call in reversed(ended):
            seats[call.seat] = seats.get(call.seat, 0) + 1
            if seats[call.seat] > ENDED_KEPT:
                del self._calls[call.id]
        while len(self._calls) > MAX_CALLS:
            gone = next((call.id for call in self._calls.values() if call.over), next(iter(self._calls)))
            del self._calls[gone]
