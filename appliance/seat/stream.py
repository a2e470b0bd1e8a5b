"""A seat's view of its topic: puts messages in order, notices gaps, and says what to ask for. Pure.

Bytes and `now` (monotonic seconds) go in; requests and messages come out.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final

import msgpack  # type: ignore[import-untyped]

Message = dict[str, Any]

SCHEMA_VERSION: Final = 1
#: Nothing larger comes from a feed (see PROTOCOL.md).
MAX_MESSAGE_BYTES: Final = 4096
#: How long later messages wait for earlier ones before the gap is given up.
HOLD_SECONDS: Final = 1.5
#: A request that was not answered is made again after this time.
RETRY_SECONDS: Final = 0.5
#: Messages that may wait behind a gap; the feed replays no more than that by default.
MAX_HELD: Final = 1024
_TYPES: Final = frozenset({"call", "profile", "cue", "opportunity", "beat"})


class SeatStream:
    """The messages of one topic, in order and each once."""

    def __init__(self) -> None:
        self._ready: list[Message] = []
        #: messages that could not be had any more
        self.lost = 0
        #: frames that were no message of this version
        self.refused = 0
        self._reset(None)

    def _reset(self, epoch: str | None) -> None:
        self._epoch = epoch
        #: the last number handed out; None until the present state is known
        self._last: int | None = None
        #: numbers up to this came (or did not) before the present state was known
        self._base = 0
        self._early: set[int] = set()
        #: the highest number that the feed is known to have sent
        self._sent = 0
        self._held: dict[int, Message] = {}
        self._asked: tuple[int, float] | None = None
        self._deadline: float | None = None

    @property
    def synchronised(self) -> bool:
        """Whether the present state has been handed out."""
        return self._last is not None

    def leased(self, epoch: object, sequence: object, now: float) -> None:
        """A lease was given or renewed: its topic's epoch and last number."""
        if not isinstance(epoch, str) or not isinstance(sequence, int):
            return
        if epoch != self._epoch:
            # Another run of the feed, or another grant: its numbers have nothing to do with the old ones.
            self._reset(epoch)
        self._sent = max(self._sent, sequence)
        self._advance(now)

    def published(self, payload: bytes, now: float) -> None:
        """Take in one published message."""
        message = _decode(payload)
        if message is None:
            self.refused += 1
            return
        sequence: int = message["seq"]
        self._sent = max(self._sent, sequence)
        if message["type"] == "beat":
            self._ready.append(message)
        elif self._last is None or sequence > self._last:
            self._hold(sequence, message)
        elif sequence <= self._base and sequence not in self._early and message["type"] != "profile":
            # Sent between the subscription and the snapshot; a snapshot holds no cues.
            self._early.add(sequence)
            self._ready.append(message)
        self._advance(now)

    def replied(self, head: Mapping[str, object], messages: Sequence[bytes], now: float) -> None:
        """Take in a reply: its head, and the messages after it."""
        sequence = head.get("seq")
        if not self._asked or head.get("id") != self._asked[0] or not isinstance(sequence, int):
            # An answer to a question that was given up, or a refusal that says nothing more than silence.
            return
        if head.get("reply") not in {"snapshot", "replay"} or head.get("epoch") != self._epoch:
            return
        self._asked = None
        self._sent = max(self._sent, sequence)
        numbers = self._hold_all(messages)
        if head["reply"] == "snapshot":
            if self._last is None:
                self._begin_after(sequence)
        elif head.get("more") and numbers:
            # What the feed had from below the first of these is gone; the rest comes with the next reply.
            self._skip_to(numbers[0] - 1)
        else:
            self._skip_to(sequence)
        self._deadline = None
        self._advance(now)

    def requests(self, next_id: Callable[[], int], now: float) -> list[dict[str, object]]:
        """The requests to send now. Call this after every input, and at `due`."""
        if self._deadline is not None and now >= self._deadline:
            self._give_up()
            self._advance(now)
        if self._asked is not None and now < self._asked[1] + RETRY_SECONDS:
            return []
        if self._last is None:
            request: dict[str, object] = {"ask": "snapshot"}
        elif self._sent > self._last:
            request = {"ask": "replay", "after": self._last}
        else:
            return []
        id_ = next_id()
        self._asked = (id_, now)
        return [request | {"id": id_}]

    def due(self, now: float) -> float:
        """Seconds until `requests` should be called although nothing came in."""
        times = [now + RETRY_SECONDS]
        if self._asked is not None:
            times.append(self._asked[1] + RETRY_SECONDS)
        if self._deadline is not None:
            times.append(self._deadline)
        return max(0.0, min(times) - now)

    def take(self) -> list[Message]:
        """The messages that are ready, in order."""
        ready, self._ready = self._ready, []
        return ready

    def _hold_all(self, frames: Sequence[bytes]) -> list[int]:
        """Hold the messages of a reply; returns their numbers in order."""
        numbers = []
        for frame in frames:
            message = _decode(frame)
            if message is None:
                self.refused += 1
                continue
            numbers.append(message["seq"])
            if self._last is None or message["seq"] > self._last:
                self._hold(message["seq"], message)
        return sorted(numbers)

    def _hold(self, sequence: int, message: Message) -> None:
        if len(self._held) < MAX_HELD:
            self._held[sequence] = message

    def _begin_after(self, sequence: int) -> None:
        """Hand out what is known of the state up to `sequence`, and go on from there."""
        for number in sorted(number for number in self._held if number <= sequence):
            self._early.add(number)
            self._ready.append(self._held.pop(number))
        self._last = self._base = sequence

    def _skip_to(self, sequence: int) -> None:
        """Hand out what there is up to `sequence`, and count the rest as lost."""
        if self._last is None:
            return
        found = sorted(number for number in self._held if number <= sequence)
        self.lost += max(0, sequence - self._last - len(found))
        self._ready.extend(self._held.pop(number) for number in found)
        self._last = max(self._last, sequence)

    def _give_up(self) -> None:
        if self._last is None:
            # The control socket is silent: begin with what was published.
            self._begin_after(max(self._held, default=0))
        else:
            self._skip_to(self._sent)
        self._asked = None

    def _advance(self, now: float) -> None:
        if self._last is not None:
            while self._last + 1 in self._held:
                self._last += 1
                self._ready.append(self._held.pop(self._last))
        waiting = bool(self._held) if self._last is None else self._sent > self._last
        if not waiting:
            self._deadline = None
        elif self._deadline is None:
            self._deadline = now + HOLD_SECONDS


def unpack(data: bytes) -> object:
    """A msgpack value of at most `MAX_MESSAGE_BYTES`, or None where it is none."""
    if len(data) > MAX_MESSAGE_BYTES:
        return None
    try:
        value: object = msgpack.unpackb(data, raw=False, strict_map_key=True)
    except (ValueError, msgpack.UnpackException, UnicodeDecodeError, RecursionError, TypeError):
        return None
    return value


def _decode(data: bytes) -> Message | None:
    """One message of this version, or None. The feed validates the fields; this looks at the head only."""
    message = unpack(data)
    if not isinstance(message, dict) or message.get("v") != SCHEMA_VERSION:
        return None
    sequence = message.get("seq")
    if message.get("type") not in _TYPES or not isinstance(sequence, int) or sequence < 0:
        return None
    return message
