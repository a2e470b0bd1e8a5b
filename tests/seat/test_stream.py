"""The seat's stream: in order, each once, gaps mended or counted. No sockets, no clock."""

from __future__ import annotations

import msgpack
import msgspec
from hypothesis import given, settings
from hypothesis import strategies as st

from appliance.feed.topics import Topics
from appliance.protocol.codec import decode_seat
from appliance.seat.stream import HOLD_SECONDS, RETRY_SECONDS, SeatStream
from tests.protocol.samples import call, cue, profile

LIVE = b"seat/8001/0a1b2c3d/now"


class Feed:
    """A feed without sockets: the real topics, and replies as the control socket makes them."""

    def __init__(self, replay_messages=256, mark="0a1b2c3d"):
        self.topics = Topics(replay_messages)
        self.mark = mark
        self.live = f"seat/8001/{mark}/now".encode()
        self.sent = []

    def send(self, *messages):
        data = [self.topics.enter(message, 0.0) for message in messages]
        self.sent.extend(data)
        return data

    def answer(self, request, limit=64):
        asked = msgpack.unpackb(request)
        if asked["ask"] == "snapshot":
            snapshot = self.topics.snapshot("8001")
            head, messages = {"seq": snapshot.sequence, "more": False}, snapshot.messages
        else:
            replay = self.topics.replay("8001", asked["after"], limit)
            head, messages = {"seq": replay.sequence, "more": replay.more}, replay.messages
        head |= {"reply": asked["ask"], "id": asked["id"], "mark": self.mark}
        return [msgpack.packb(head), *messages]


def numbers(messages):
    return [message["seq"] for message in messages if message["type"] != "beat"]


def synchronised(feed, now=0.0):
    stream = SeatStream("8001")
    (request,) = stream.requests(now)
    stream.replied(feed.answer(request), now)
    return stream


def test_a_stream_begins_with_a_snapshot():
    feed = Feed()
    feed.send(call(), profile(), cue(), profile())
    stream = synchronised(feed)
    assert stream.synchronised
    assert numbers(stream.take()) == [1, 4]
    for data in feed.send(cue(), call("ended")):
        stream.published(feed.live, data, 0.0)
    assert numbers(stream.take()) == [5, 6]
    assert stream.requests(0.0) == []


def test_a_snapshot_that_is_not_answered_is_asked_for_again():
    stream = SeatStream("8001")
    assert len(stream.requests(0.0)) == 1
    assert stream.requests(RETRY_SECONDS / 2) == []
    assert stream.due(RETRY_SECONDS / 2) == RETRY_SECONDS / 2
    assert len(stream.requests(RETRY_SECONDS)) == 1


def test_without_a_control_socket_it_begins_with_what_is_published():
    feed, stream = Feed(), SeatStream("8001")
    stream.requests(0.0)
    for data in feed.send(call(), profile()):
        stream.published(feed.live, data, 0.1)
    assert stream.take() == []
    stream.requests(0.1 + HOLD_SECONDS)
    assert numbers(stream.take()) == [1, 2]
    (data,) = feed.send(cue())
    stream.published(feed.live, data, 2.0)
    assert numbers(stream.take()) == [3]


def test_a_cue_between_subscription_and_snapshot_is_not_swallowed():
    feed = Feed()
    sent = feed.send(call(), cue(), profile(), profile())
    stream = synchronised(feed)
    assert numbers(stream.take()) == [1, 4]
    for data in sent:
        stream.published(feed.live, data, 0.0)
        stream.published(feed.live, data, 0.0)
    # The cue is new; the profile of before is history, and the rest was there.
    assert numbers(stream.take()) == [2]


def test_a_late_profile_that_is_known_already_comes_once():
    feed = Feed()
    (data,) = feed.send(profile())
    stream = SeatStream("8001")
    stream.published(b"seat/8001/0a1b2c3d/late-00ff", data, 0.0)
    (request,) = stream.requests(0.0)
    stream.replied(feed.answer(request), 0.0)
    stream.published(feed.live, data, 0.0)
    assert numbers(stream.take()) == [1]


def test_later_messages_wait_for_the_gap_to_be_mended():
    feed = Feed()
    stream = synchronised(feed)
    sent = feed.send(call(), profile(), cue(), profile())
    for data in (sent[0], sent[3]):
        stream.published(feed.live, data, 1.0)
    assert numbers(stream.take()) == [1]
    (request,) = stream.requests(1.0)
    assert msgpack.unpackb(request)["after"] == 1
    stream.replied(feed.answer(request), 1.1)
    assert numbers(stream.take()) == [2, 3, 4]
    assert stream.lost == 0


def test_a_beat_tells_of_a_gap_at_the_end():
    feed = Feed()
    stream = synchronised(feed)
    feed.send(call(), profile())
    stream.published(feed.live, feed.topics.beat("8001", 0), 1.0)
    assert [message["type"] for message in stream.take()] == ["beat"]
    (request,) = stream.requests(1.0)
    stream.replied(feed.answer(request), 1.0)
    assert numbers(stream.take()) == [1, 2]


def test_a_gap_that_cannot_be_mended_in_time_is_given_up_and_counted():
    feed = Feed()
    stream = synchronised(feed)
    sent = feed.send(call(), cue(), cue(), profile())
    for data in (sent[0], sent[3]):
        stream.published(feed.live, data, 1.0)
    stream.requests(1.0)
    stream.requests(1.0 + HOLD_SECONDS)
    assert numbers(stream.take()) == [1, 4]
    assert stream.lost == 2
    stream.published(feed.live, sent[1], 3.0)
    assert stream.take() == []


def test_what_the_feed_has_no_more_is_counted_at_once():
    feed = Feed(replay_messages=2)
    stream = synchronised(feed)
    feed.send(call(), cue(), cue(), cue(), profile())
    stream.published(feed.live, feed.sent[-1], 1.0)
    (request,) = stream.requests(1.0)
    stream.replied(feed.answer(request), 1.0)
    assert numbers(stream.take()) == [4, 5]
    assert stream.lost == 3


def test_a_replay_in_parts_is_asked_for_until_it_is_whole():
    feed = Feed()
    stream = synchronised(feed)
    feed.send(*[cue() for _ in range(10)])
    stream.published(feed.live, feed.sent[-1], 1.0)
    asked = 0
    while requests := stream.requests(1.0):
        stream.replied(feed.answer(requests[0], limit=3), 1.0)
        asked += 1
    assert numbers(stream.take()) == list(range(1, 11))
    # The tenth was published, so the third part closes the gap.
    assert (asked, stream.lost) == (3, 0)


def test_a_replay_in_parts_of_what_the_feed_has_partly_forgotten_comes_to_an_end():
    feed = Feed(replay_messages=10)
    stream = synchronised(feed)
    feed.send(*[cue() for _ in range(20)])
    stream.published(feed.live, feed.topics.beat("8001", 0), 1.0)
    asked = 0
    while (requests := stream.requests(1.0)) and asked < 10:
        stream.replied(feed.answer(requests[0], limit=4), 1.0)
        asked += 1
    assert numbers(stream.take()) == list(range(11, 21))
    assert (asked, stream.lost) == (3, 10)


def test_a_new_mark_begins_a_new_numbering():
    feed = Feed()
    stream = synchronised(feed)
    for data in feed.send(call(), profile()):
        stream.published(feed.live, data, 1.0)
    stream.take()
    restarted = Feed(mark="ffffffff")
    for data in restarted.send(profile()):
        stream.published(restarted.live, data, 2.0)
    (request,) = stream.requests(2.0)
    assert msgpack.unpackb(request)["ask"] == "snapshot"
    stream.replied(restarted.answer(request), 2.0)
    assert numbers(stream.take()) == [1]
    assert stream.lost == 0


def test_a_reply_of_a_restarted_feed_is_told_by_its_mark():
    feed = Feed()
    stream = synchronised(feed)
    feed.send(call(), cue())
    stream.published(feed.live, feed.sent[1], 1.0)
    (request,) = stream.requests(1.0)
    restarted = Feed(mark="ffffffff")
    restarted.send(profile())
    stream.replied(restarted.answer(request), 1.0)
    assert not stream.synchronised
    (request,) = stream.requests(1.0)
    stream.replied(restarted.answer(request), 1.0)
    assert [message["type"] for message in stream.take()] == ["profile"]


GARBAGE = [
    b"", b"\xc1", b"\x00" * 5000, msgpack.packb([1]), msgpack.packb({"v": 2, "type": "cue", "seq": 1}),
    msgpack.packb({"v": 1, "type": "song", "seq": 1}), msgpack.packb({"v": 1, "type": "cue", "seq": "1"}),
    msgpack.packb({"v": 1, "type": "cue", "seq": -1}), msgpack.packb({1: 2}),
]  # fmt: skip


def test_garbage_is_counted_and_changes_nothing():
    feed = Feed()
    stream = synchronised(feed)
    for payload in GARBAGE:
        stream.published(feed.live, payload, 1.0)
        stream.replied([payload], 1.0)
        stream.replied([], 1.0)
    (data,) = feed.send(cue())
    for topic in (b"", b"seat/8002/0a1b2c3d/now", b"seat/8001/", b"seat/8001/a/b/c"):
        stream.published(topic, data, 1.0)
    assert stream.take() == []
    assert stream.refused == len(GARBAGE) + 4
    stream.published(feed.live, data, 1.0)
    assert numbers(stream.take()) == [1]


@given(
    st.lists(st.sampled_from(["deliver", "drop", "swap", "beat", "answer"]), max_size=60), st.integers(2, 30)
)
@settings(max_examples=200, deadline=None)
def test_whatever_is_lost_on_the_way_each_message_comes_once_in_order_or_is_counted(steps, kept):
    feed = Feed(replay_messages=kept)
    stream = synchronised(feed)
    now, waiting, got, asked = 0.0, [], [], []
    for step in steps:
        now += 0.01
        if step in {"deliver", "drop", "swap"}:
            waiting.extend(feed.send(cue()))
        if step == "drop":
            waiting.pop(0)
        if step == "swap" and len(waiting) > 1:
            waiting.reverse()
        if step in {"deliver", "swap"}:
            for data in waiting:
                stream.published(feed.live, data, now)
            waiting.clear()
        if step == "beat":
            stream.published(feed.live, feed.topics.beat("8001", 0), now)
        asked.extend(stream.requests(now))
        if step == "answer":
            for request in asked:
                stream.replied(feed.answer(request, limit=4), now)
            asked.clear()
        got += numbers(stream.take())
    for _ in range(100):
        now += RETRY_SECONDS
        stream.published(feed.live, feed.topics.beat("8001", 0), now)
        for request in stream.requests(now):
            stream.replied(feed.answer(request, limit=4), now)
        got += numbers(stream.take())
    assert got == sorted(set(got))
    assert len(got) + stream.lost == len(feed.sent)
    assert set(got) <= {decode_seat(data).seq for data in feed.sent}


def test_messages_come_as_plain_maps():
    feed = Feed()
    feed.send(profile(quote="想想再说"))
    (message,) = synchronised(feed).take()
    assert message == msgspec.to_builtins(decode_seat(feed.sent[0]))
