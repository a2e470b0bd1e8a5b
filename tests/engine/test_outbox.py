from __future__ import annotations

from dataclasses import dataclass, field

import msgspec
import pytest

from appliance.engine.outbox import CUE_SECONDS, MAX_EVENTS, REMEMBER_SECONDS, Outbox
from appliance.protocol import codec
from appliance.protocol.bucket import CALL_BURST_BYTES, LeakyBucket
from appliance.protocol.codec import MAX_MESSAGE_BYTES
from appliance.protocol.messages import CallMessage, DoorMessage
from appliance.protocol.vocabulary import CallEvent
from tests.protocol import samples

CALLS = ("A" * 22, "B" * 22)


def event(number: int, event: CallEvent = "held", call: str = CALLS[0]) -> bytes:
    return numbered(samples.call(event), number, call)


def profile(number: int, call: str = CALLS[0]) -> bytes:
    return numbered(samples.profile(), number, call)


def cue(number: int, call: str = CALLS[0]) -> bytes:
    return numbered(samples.cue(), number, call)


def numbered(message: DoorMessage, number: int, call: str) -> bytes:
    return codec.encode(msgspec.structs.replace(message, seq=number, call=call))


@dataclass
class Door:
    open: bool = False
    came: list[DoorMessage] = field(default_factory=list)

    def send(self, data: bytes) -> bool:
        if self.open:
            self.came.append(codec.decode_door(data))
        return self.open

    @property
    def sequence(self) -> list[int]:
        return [message.seq for message in self.came]


def finished(number: int, call: str = CALLS[0]) -> list[bytes]:
    return [
        numbered(samples.profile(final=True), number, call),
        numbered(samples.call("ended"), number + 1, call),
    ]


def test_a_feed_that_was_started_anew_is_told_the_last_word_on_each_call(door: Door, outbox: Outbox) -> None:
    door.open = True
    for data in (event(1, "started"), profile(2), cue(3), profile(4), *finished(5)):
        outbox.put(data, 0.0)
    for data in (event(1, "started", CALLS[1]), profile(2, CALLS[1]), event(3, "held", CALLS[1])):
        outbox.put(data, 0.0)
    door.came.clear()
    outbox.reopened(1.0)
    assert [(message.call[0], message.seq) for message in door.came] == [
        ("A", 1), ("A", 5), ("A", 6), ("B", 1), ("B", 2), ("B", 3)
    ]  # fmt: skip


def test_what_waits_is_not_told_twice_when_the_door_opens(door: Door, outbox: Outbox) -> None:
    door.open = True
    outbox.put(event(1, "started"), 0.0)
    door.open = False
    for data in (profile(2), profile(3), event(4, "held")):
        outbox.put(data, 1.0)
    door.open = True
    door.came.clear()
    outbox.reopened(2.0)
    assert door.sequence == [1, 3, 4]
    assert not outbox


def test_the_last_word_is_forgotten_when_the_feed_would_forget_it(door: Door, outbox: Outbox) -> None:
    door.open = True
    for data in finished(1):
        outbox.put(data, 0.0)
    outbox.put(profile(1, CALLS[1]), 10.0)
    door.came.clear()
    outbox.reopened(REMEMBER_SECONDS + 5.0)
    assert [message.call for message in door.came] == [CALLS[1]]


def test_the_last_words_are_bounded(door: Door, outbox: Outbox, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("appliance.engine.outbox.MAX_CALLS", 10)
    door.open = True
    for number in range(25):
        outbox.put(event(1, "started", f"{number:022d}"), 0.0)
    door.came.clear()
    outbox.reopened(1.0)
    assert [message.call for message in door.came] == [f"{number:022d}" for number in range(15, 25)]


def test_what_is_told_again_and_what_is_new_stay_within_the_calls_budget(door: Door, outbox: Outbox) -> None:
    door.open = True
    for data in (event(1, "started"), profile(2)):
        outbox.put(data, 0.0)
    door.came.clear()
    outbox.reopened(1.0)
    feed = LeakyBucket()
    assert all(feed.pour(len(codec.encode(message)), 1.0) for message in door.came)
    for number in range(3, 40):
        door.came.clear()
        outbox.put(profile(number), 1.0 + number / 100)
        outbox.flush(1.0 + number / 100)
        assert all(feed.pour(len(codec.encode(message)), 1.0 + number / 100) for message in door.came)
    door.came.clear()
    outbox.flush(10.0)
    assert door.sequence == [39], "the newest comes when the budget allows it"


@pytest.fixture
def door() -> Door:
    return Door()


@pytest.fixture
def outbox(door: Door) -> Outbox:
    return Outbox(door.send)


def test_while_the_door_is_open_everything_passes_at_once_and_in_order(door: Door, outbox: Outbox) -> None:
    door.open = True
    for number, make in enumerate((event, profile, cue, profile, event), 1):
        outbox.put(make(number), 0.0)
    assert door.sequence == [1, 2, 3, 4, 5]
    assert not outbox


def test_of_profiles_the_newest_waits_and_events_wait_in_their_order(door: Door, outbox: Outbox) -> None:
    outbox.put(event(1, "started"), 0.0)
    for number in range(2, 30):
        outbox.put(profile(number), float(number))
    outbox.put(event(30, "ended"), 30.0)
    door.open = True
    outbox.flush(31.0)
    assert door.sequence == [1, 29, 30]
    assert outbox.dropped == 27
    outbox.put(profile(31), 32.0)
    assert door.sequence[-1] == 31


def test_what_comes_while_others_wait_does_not_overtake_them(door: Door, outbox: Outbox) -> None:
    outbox.put(event(1), 0.0)
    door.open = True
    outbox.put(profile(2), 0.1)
    assert door.sequence == []
    outbox.flush(0.2)
    assert door.sequence == [1, 2]


def test_a_cue_waits_for_a_moment_only(door: Door, outbox: Outbox) -> None:
    outbox.put(cue(1), 0.0)
    outbox.put(cue(2), 10.0)
    door.open = True
    outbox.flush(10.0 + CUE_SECONDS / 2)
    assert door.sequence == [2]
    assert outbox.dropped == 1


def test_of_many_events_the_start_and_the_last_are_kept(door: Door, outbox: Outbox) -> None:
    for number in range(1, 101):
        outbox.put(event(number), 0.0)
    door.open = True
    outbox.flush(0.0)
    assert door.sequence == [1, *range(100 - MAX_EVENTS + 2, 101)]


def test_what_waits_of_one_call_fits_into_what_the_feed_lets_pass_at_once() -> None:
    assert MAX_MESSAGE_BYTES + MAX_EVENTS * len(event(2**53)) < CALL_BURST_BYTES


def test_calls_do_not_overtake_each_others_messages(door: Door, outbox: Outbox) -> None:
    for number in range(1, 4):
        for call in CALLS:
            outbox.put(event(number, call=call), 0.0)
    door.open = True
    outbox.flush(0.0)
    for call in CALLS:
        mine = [message for message in door.came if isinstance(message, CallMessage) and message.call == call]
        assert [message.seq for message in mine] == [1, 2, 3]


def test_the_number_of_calls_that_wait_is_bounded(outbox: Outbox, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("appliance.engine.outbox.MAX_CALLS", 10)
    for number in range(25):
        outbox.put(event(1, call=f"{number:022d}"), 0.0)
    assert len(outbox) == 10
    assert outbox.dropped == 15


def test_what_waits_of_a_call_whose_customer_objects_is_never_told(door: Door, outbox: Outbox) -> None:
    objected = numbered(samples.call(at=3000, policy=samples.OBJECTED), 5, CALLS[0])
    blank = numbered(samples.profile(policy=samples.OBJECTED), 6, CALLS[0])
    for data in (event(1, "started"), profile(2), cue(3), profile(4), objected, profile(1, CALLS[1])):
        outbox.put(data, 0.0)
    door.open = True
    outbox.flush(0.1)
    assert [(message.call[0], message.seq) for message in door.came] == [("A", 1), ("A", 5), ("B", 1)]
    door.came.clear()
    outbox.reopened(0.2)
    assert [(message.call[0], message.seq) for message in door.came] == [("A", 5), ("B", 1)]
    outbox.put(blank, 0.3)
    door.came.clear()
    outbox.reopened(0.4)
    assert ("A", 6) in [(message.call[0], message.seq) for message in door.came]
