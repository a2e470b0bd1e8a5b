"""What the feed knows of every topic: numbering, the state to replay, and the last messages. Pure.

There are two kinds of topic: `seat/8001/` has the messages of one seat, `group/loans/` those of all seats of
a group, for its supervisors. A message is numbered on each topic by itself.
"""

from __future__ import annotations

import secrets
from collections import deque
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Final, NamedTuple

from appliance.protocol.codec import encode, encode_numbered
from appliance.protocol.messages import (
    AnalysisPolicy,
    BeatMessage,
    CallMessage,
    CueMessage,
    DoorMessage,
    ProfileMessage,
    forgets,
)
from appliance.protocol.requests import Verdict

#: A seat seldom has more than a call and a consultation; the oldest state is forgotten first.
MAX_CALLS_A_SEAT: Final = 4
#: Strategies of one call that may be judged; a call is given some ten.
MAX_ADVICE_A_CALL: Final = 64
#: How long what a seat was sent can be asked for again. An agent's machine is back by then, and nothing of
#: a customer stays in memory for long.
FORGET_SECONDS: Final = 900.0
#: A group's topic has the messages of many seats, and keeps this many times those of one.
GROUP_REPLAY_FACTOR: Final = 16


class _Sent(NamedTuple):
    """A message that can be asked for again."""

    sequence: int
    at: float
    seat: str
    call: str
    #: whether it says anything of the customer
    tells: bool
    data: bytes


@dataclass(slots=True)
class _CallState:
    """The last word on one call."""

    seat: str
    changed: float
    ended: bool = False
    call: tuple[int, bytes] | None = None
    profile: tuple[int, bytes] | None = None
    #: the last event with its time and policy, and the time of the final profile
    event: tuple[str, int, AnalysisPolicy | None] | None = None
    final_at: int | None = None
    #: the strategies that were given, and what was said of them
    advice: dict[str, Verdict | None] = field(default_factory=dict)


@dataclass(slots=True)
class _Topic:
    epoch: str
    sent: deque[_Sent]
    sequence: int = 0
    calls: dict[str, _CallState] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Snapshot:
    """The present state of a topic: its epoch and last number, and encoded messages in order."""

    epoch: str
    sequence: int
    messages: tuple[bytes, ...]


@dataclass(frozen=True, slots=True)
class Replay:
    """Messages after a sequence number, in order; `more` when the rest must be asked for."""

    epoch: str
    sequence: int
    messages: tuple[bytes, ...]
    more: bool


class UnknownCallError(Exception):
    """A topic has no such call, or has none any more."""


class NotGivenError(Exception):
    """A call was not given this strategy."""


class Topics:
    """All topics; `replay_messages` is how many messages of each can be asked for again.

    Numbers begin at 1 in each epoch, which has a random name; a topic that was forgotten begins another one.
    """

    def __init__(
        self, replay_messages: int, new_epoch: Callable[[], str] = lambda: secrets.token_hex(4)
    ) -> None:
        self._replay_messages = replay_messages
        self._new_epoch = new_epoch
        self._topics: dict[str, _Topic] = {}

    def enter(self, name: str, message: DoorMessage, now: float) -> bytes:
        """Number a message from the door for the topic `name` (from 1) and keep it; returns it encoded.

        Raises:
            SchemaError: with its number the message is over the limit of size.
        """
        topic = self._topic(name)
        data = encode_numbered(message, topic.sequence + 1)
        topic.sequence += 1
        void = forgets(message)
        if void:
            self._void(topic, message.call)
        tells = not isinstance(message, CallMessage) and not void
        topic.sent.append(_Sent(topic.sequence, now, message.seat, message.call, tells, data))
        if isinstance(message, CallMessage):
            self._call_changed(topic, message, data, now)
        elif isinstance(message, ProfileMessage):
            state = self._state(topic, message, now)
            state.profile = (topic.sequence, data)
            state.ended |= message.final
            state.final_at = message.at if message.final else None
            _given(state, [advice.id for advice in message.advice])
        elif isinstance(message, CueMessage) and message.call in topic.calls:
            _given(topic.calls[message.call], message.advice)
        return data

    def repeated(self, name: str, message: DoorMessage) -> bool:
        """Whether this is the last event or the final profile of a call, told again by its engine."""
        state = self._topic(name).calls.get(message.call)
        if state is None:
            return False
        if isinstance(message, CallMessage):
            return state.event == (message.event, message.at, message.policy)
        return isinstance(message, ProfileMessage) and message.final and state.final_at == message.at

    def beat(self, name: str, seat: str, wall: int) -> bytes:
        """A heartbeat of a topic for one of its peers, with the last number; it takes none itself."""
        return encode(BeatMessage(1, seat, self._topic(name).sequence, wall))

    def position(self, name: str) -> tuple[str, int]:
        """A topic's epoch and last number."""
        topic = self._topic(name)
        return topic.epoch, topic.sequence

    def judge(self, name: str, call: str, advice: str, verdict: Verdict) -> Verdict | None:
        """Note a verdict on a strategy that a call was given; returns the verdict of before.

        Raises:
            UnknownCallError: the topic has no such call (any more).
            NotGivenError: the call was not given this strategy.
        """
        state = self._topic(name).calls.get(call)
        if state is None:
            raise UnknownCallError(call)
        if advice not in state.advice:
            raise NotGivenError(advice)
        before = state.advice[advice]
        state.advice[advice] = verdict
        return before

    def snapshot(self, name: str) -> Snapshot:
        """The last call event and the last profile of each of the topic's calls."""
        topic = self._topic(name)
        kept = [
            entry
            for state in topic.calls.values()
            for entry in (state.call, state.profile)
            if entry is not None
        ]
        return Snapshot(topic.epoch, topic.sequence, tuple(data for _, data in sorted(kept)))

    def replay(self, name: str, after: int, limit: int) -> Replay:
        """At most `limit` messages with a number above `after`, as far as they are still there."""
        topic = self._topic(name)
        found = [sent.data for sent in topic.sent if sent.sequence > after]
        return Replay(topic.epoch, topic.sequence, tuple(found[:limit]), len(found) > limit)

    def forget(self, name: str) -> None:
        """Forget everything of a topic; when it is used again, another epoch begins."""
        self._topics.pop(name, None)

    def keep(self, audiences: Mapping[str, frozenset[str]]) -> None:
        """Forget every topic that is not named here, and what the others have of seats not named with them.

        Numbers go on where a seat left a group: what it sent is missing in a replay.
        """
        for name in [name for name in self._topics if name not in audiences]:
            del self._topics[name]
        for name, seats in audiences.items():
            topic = self._topics.get(name)
            if topic is None:
                continue
            topic.calls = {call: state for call, state in topic.calls.items() if state.seat in seats}
            if any(sent.seat not in seats for sent in topic.sent):
                topic.sent = deque((one for one in topic.sent if one.seat in seats), maxlen=topic.sent.maxlen)

    def expire(self, now: float) -> None:
        """Forget what is older than `FORGET_SECONDS`; a call that goes on changes far more often."""
        for topic in self._topics.values():
            while topic.sent and topic.sent[0].at < now - FORGET_SECONDS:
                topic.sent.popleft()
            for call, state in list(topic.calls.items()):
                if state.changed < now - FORGET_SECONDS:
                    del topic.calls[call]

    @staticmethod
    def _void(topic: _Topic, call: str) -> None:
        """Forget what was told of a call that may not be analysed; a replay lacks it."""
        topic.sent = deque(
            (one for one in topic.sent if one.call != call or not one.tells), maxlen=topic.sent.maxlen
        )
        state = topic.calls.get(call)
        if state is not None:
            state.profile = None
            state.advice.clear()

    def _topic(self, name: str) -> _Topic:
        topic = self._topics.get(name)
        if topic is None:
            factor = GROUP_REPLAY_FACTOR if name.startswith("group/") else 1
            topic = _Topic(self._new_epoch(), deque(maxlen=self._replay_messages * factor))
            self._topics[name] = topic
        return topic

    def _call_changed(self, topic: _Topic, message: CallMessage, data: bytes, now: float) -> None:
        if message.event == "started":
            # The panel turns to the new call, so the state of ended ones need not be replayed any more.
            for call in [
                call for call, state in topic.calls.items() if state.ended and state.seat == message.seat
            ]:
                del topic.calls[call]
        state = self._state(topic, message, now)
        state.call = (topic.sequence, data)
        state.event = (message.event, message.at, message.policy)
        state.ended |= message.event == "ended"

    def _state(self, topic: _Topic, message: DoorMessage, now: float) -> _CallState:
        state = topic.calls.get(message.call)
        if state is None:
            mine = [call for call, state in topic.calls.items() if state.seat == message.seat]
            for call in mine[: max(0, len(mine) - MAX_CALLS_A_SEAT + 1)]:
                del topic.calls[call]
            state = topic.calls[message.call] = _CallState(message.seat, now)
        state.changed = now
        return state


def _given(state: _CallState, strategies: list[str]) -> None:
    for advice in strategies:
        if len(state.advice) < MAX_ADVICE_A_CALL:
            state.advice.setdefault(advice, None)
