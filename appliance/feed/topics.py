"""What the feed knows of every seat's topic: numbering, the state to replay, and the last messages. Pure."""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass, field
from typing import Final

from appliance.protocol.codec import encode, encode_numbered
from appliance.protocol.messages import BeatMessage, CallMessage, DoorMessage, ProfileMessage

#: A seat seldom has more than a call and a consultation; the oldest state is forgotten first.
MAX_CALLS_A_SEAT: Final = 4
#: How long what a seat was sent can be asked for again. An agent's machine is back by then, and nothing of
#: a customer stays in memory for long.
FORGET_SECONDS: Final = 900.0


@dataclass(slots=True)
class _CallState:
    """The last word on one call."""

    changed: float
    ended: bool = False
    call: tuple[int, bytes] | None = None
    profile: tuple[int, bytes] | None = None


@dataclass(slots=True)
class _Topic:
    sent: deque[tuple[int, float, bytes]]
    sequence: int = 0
    calls: dict[str, _CallState] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Snapshot:
    """The present state of a topic: the last sequence number, and encoded messages in order."""

    sequence: int
    messages: tuple[bytes, ...]


@dataclass(frozen=True, slots=True)
class Replay:
    """Messages after a sequence number, in order; `more` when the rest must be asked for."""

    sequence: int
    messages: tuple[bytes, ...]
    more: bool


class Topics:
    """All topics; `replay_messages` is how many messages of each can be asked for again."""

    def __init__(self, replay_messages: int) -> None:
        self._replay_messages = replay_messages
        self._topics: dict[str, _Topic] = {}

    def enter(self, message: DoorMessage, now: float) -> bytes:
        """Number a message from the door for its seat's topic (from 1) and keep it; returns it encoded.

        Raises:
            SchemaError: with its number the message is over the limit of size.
        """
        topic = self._topic(message.seat)
        data = encode_numbered(message, topic.sequence + 1)
        topic.sequence += 1
        topic.sent.append((topic.sequence, now, data))
        if isinstance(message, CallMessage):
            self._call_changed(topic, message, data, now)
        elif isinstance(message, ProfileMessage):
            state = self._state(topic, message.call, now)
            state.profile = (topic.sequence, data)
            state.ended |= message.final
        return data

    def beat(self, seat: str, wall: int) -> bytes:
        """A heartbeat of a seat's topic with its last sequence number; it has no number of its own."""
        topic = self._topics.get(seat)
        return encode(BeatMessage(1, seat, topic.sequence if topic else 0, wall))

    def last_profile(self, seat: str) -> bytes | None:
        """The newest profile of a seat, encoded."""
        topic = self._topics.get(seat)
        profiles = [state.profile for state in topic.calls.values() if state.profile] if topic else []
        return max(profiles)[1] if profiles else None

    def snapshot(self, seat: str) -> Snapshot:
        """The last call event and the last profile of each of the seat's calls."""
        topic = self._topics.get(seat)
        if topic is None:
            return Snapshot(0, ())
        kept = [
            entry
            for state in topic.calls.values()
            for entry in (state.call, state.profile)
            if entry is not None
        ]
        return Snapshot(topic.sequence, tuple(data for _, data in sorted(kept)))

    def replay(self, seat: str, after: int, limit: int) -> Replay:
        """At most `limit` messages with a number above `after`, as far as they are still there."""
        topic = self._topics.get(seat)
        if topic is None:
            return Replay(0, (), False)
        found = [data for sequence, _, data in topic.sent if sequence > after]
        return Replay(topic.sequence, tuple(found[:limit]), len(found) > limit)

    def forget(self, seat: str) -> None:
        """Forget everything of a seat that lost its grant."""
        self._topics.pop(seat, None)

    def expire(self, now: float) -> None:
        """Forget what is older than `FORGET_SECONDS`; a call that goes on changes far more often."""
        for topic in self._topics.values():
            while topic.sent and topic.sent[0][1] < now - FORGET_SECONDS:
                topic.sent.popleft()
            for call, state in list(topic.calls.items()):
                if state.changed < now - FORGET_SECONDS:
                    del topic.calls[call]

    def _topic(self, seat: str) -> _Topic:
        topic = self._topics.get(seat)
        if topic is None:
            topic = self._topics[seat] = _Topic(deque(maxlen=self._replay_messages))
        return topic

    def _call_changed(self, topic: _Topic, message: CallMessage, data: bytes, now: float) -> None:
        if message.event == "started":
            # The panel turns to the new call, so the state of ended ones need not be replayed any more.
            for call in [call for call, state in topic.calls.items() if state.ended]:
                del topic.calls[call]
        state = self._state(topic, message.call, now)
        state.call = (topic.sequence, data)
        state.ended |= message.event == "ended"

    def _state(self, topic: _Topic, call: str, now: float) -> _CallState:
        state = topic.calls.get(call)
        if state is None:
            while len(topic.calls) >= MAX_CALLS_A_SEAT:
                del topic.calls[next(iter(topic.calls))]
            state = topic.calls[call] = _CallState(now)
        state.changed = now
        return state
