"""The seat's session: a lease, and messages in order, each once, gaps mended or counted. No sockets."""

from __future__ import annotations

import msgpack
import msgspec
from hypothesis import given, settings
from hypothesis import strategies as st

from appliance.feed.topics import Topics
from appliance.protocol.codec import decode_seat
from appliance.protocol.replies import (
    ErrorReply,
    FeedbackReply,
    LeaseReply,
    ReplayReply,
    SnapshotReply,
    encode_reply,
)
from appliance.seat.session import SeatSession
from appliance.seat.stream import HOLD_SECONDS, RETRY_SECONDS
from appliance.seat.verdicts import MAX_TRIES, MAX_WAITING
from tests.protocol.samples import call, cue, profile

TOPIC = "seat/8001/"
LEASE_SECONDS = 15.0


class Feed:
    """A feed without sockets: the real topics, and replies as the control socket makes them."""

    def __init__(self, replay_messages=256, epoch="0a1b2c3d", lease="0123456789abcdef"):
        self.topics = Topics(replay_messages, lambda: epoch)
        self.lease = lease
        self.live = f"{TOPIC}{lease}/now".encode()
        self.sent = []

    def send(self, *messages):
        data = [self.topics.enter(TOPIC, message, 0.0) for message in messages]
        self.sent.extend(data)
        return data

    def beat(self):
        return self.topics.beat(TOPIC, "8001", 0)

    def answer(self, request, limit=64):
        asked = msgpack.unpackb(request)
        id_, (epoch, sequence) = asked["id"], self.topics.position(TOPIC)
        if asked["ask"] == "lease":
            return [
                encode_reply(
                    LeaseReply(id_, self.lease, TOPIC, epoch, sequence, seconds=LEASE_SECONDS, beat=2.0)
                )
            ]
        if asked["ask"] == "snapshot":
            return [
                encode_reply(SnapshotReply(id_, epoch, sequence)),
                *self.topics.snapshot(TOPIC).messages,
            ]
        replay = self.topics.replay(TOPIC, asked["after"], limit)
        return [encode_reply(ReplayReply(id_, epoch, sequence, replay.more)), *replay.messages]


class Seat(SeatSession):
    """A seat whose requests for leases are answered at once by the feed that it is given."""

    def __init__(self, feed):
        super().__init__()
        self.feed = feed

    def requests(self, now):
        requests = super().requests(now)
        leases = [request for request in requests if msgpack.unpackb(request)["ask"] == "lease"]
        for request in leases:
            self.replied(self.feed.answer(request), now)
        rest = [request for request in requests if request not in leases]
        return rest + self.requests(now) if leases else rest


def numbers(messages):
    return [message["seq"] for message in messages if message["type"] != "beat"]


def synchronised(feed, now=0.0):
    seat = Seat(feed)
    (request,) = seat.requests(now)
    seat.replied(feed.answer(request), now)
    return seat


def test_a_stream_begins_with_a_snapshot():
    feed = Feed()
    feed.send(call(), profile(), cue(), profile())
    stream = synchronised(feed)
    assert stream.stream.synchronised
    assert numbers(stream.take()) == [1, 4]
    for data in feed.send(cue(), call("ended")):
        stream.published(feed.live, data, 0.0)
    assert numbers(stream.take()) == [5, 6]
    assert stream.requests(0.0) == []


def test_a_snapshot_that_is_not_answered_is_asked_for_again():
    stream = Seat(Feed())
    assert len(stream.requests(0.0)) == 1
    assert stream.requests(RETRY_SECONDS / 2) == []
    assert stream.due(RETRY_SECONDS / 2) == RETRY_SECONDS / 2
    assert len(stream.requests(RETRY_SECONDS)) == 1


def test_where_no_snapshot_comes_it_begins_with_what_is_published():
    feed = Feed()
    stream = Seat(feed)
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


def test_a_state_that_is_known_already_comes_once():
    feed = Feed()
    (data,) = feed.send(profile())
    stream = Seat(feed)
    (request,) = stream.requests(0.0)
    stream.published(feed.live, data, 0.0)
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
    assert stream.stream.lost == 0


def test_a_beat_tells_of_a_gap_at_the_end():
    feed = Feed()
    stream = synchronised(feed)
    feed.send(call(), profile())
    stream.published(feed.live, feed.beat(), 1.0)
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
    assert stream.stream.lost == 2
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
    assert stream.stream.lost == 3


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
    assert (asked, stream.stream.lost) == (3, 0)


def test_a_replay_in_parts_of_what_the_feed_has_partly_forgotten_comes_to_an_end():
    feed = Feed(replay_messages=10)
    stream = synchronised(feed)
    feed.send(*[cue() for _ in range(20)])
    stream.published(feed.live, feed.beat(), 1.0)
    asked = 0
    while (requests := stream.requests(1.0)) and asked < 10:
        stream.replied(feed.answer(requests[0], limit=4), 1.0)
        asked += 1
    assert numbers(stream.take()) == list(range(11, 21))
    assert (asked, stream.stream.lost) == (3, 10)


def test_a_new_epoch_begins_a_new_numbering():
    feed = Feed()
    stream = synchronised(feed)
    for data in feed.send(call(), profile()):
        stream.published(feed.live, data, 1.0)
    stream.take()
    stream.feed = restarted = Feed(epoch="ffffffff", lease="f" * 16)
    sent = restarted.send(profile())
    stream.published(restarted.live, sent[0], 2.0)
    assert stream.take() == [], "no lease, no message"
    stream.lease.renew()
    (request,) = stream.requests(2.0)
    assert stream.lease.prefix == b"seat/8001/ffffffffffffffff/"
    assert msgpack.unpackb(request)["ask"] == "snapshot"
    stream.replied(restarted.answer(request), 2.0)
    assert numbers(stream.take()) == [1]
    assert stream.stream.lost == 0


def test_a_new_lease_of_the_same_epoch_goes_on_with_its_numbers():
    feed = Feed()
    stream = synchronised(feed)
    feed.send(call(), cue())
    feed.lease = "f" * 16
    (request,) = stream.requests(LEASE_SECONDS)
    assert msgpack.unpackb(request)["after"] == 0
    stream.replied(feed.answer(request), LEASE_SECONDS)
    assert numbers(stream.take()) == [1, 2]


def test_a_lease_is_renewed_three_times_in_its_time():
    stream = synchronised(Feed())
    assert SeatSession.requests(stream, LEASE_SECONDS / 3 - 0.01) == []
    (request,) = SeatSession.requests(stream, LEASE_SECONDS / 3)
    assert msgpack.unpackb(request) == {"ask": "lease", "id": 3, "lease": "0123456789abcdef"}
    assert SeatSession.requests(stream, LEASE_SECONDS / 3 + RETRY_SECONDS / 2) == []
    assert len(SeatSession.requests(stream, LEASE_SECONDS / 3 + RETRY_SECONDS)) == 1


def test_a_seat_whose_grant_is_gone_listens_to_nothing_and_asks_again_later():
    feed = Feed()
    stream = synchronised(feed)
    stream.replied([encode_reply(ErrorReply(0, "not_granted"))], 1.0)
    assert stream.refused
    assert stream.lease.prefix is None
    (data,) = feed.send(cue())
    assert not stream.published(feed.live, data, 1.0)
    assert SeatSession.requests(stream, 1.5) == []
    assert stream.requests(5.0) != []
    assert not stream.refused


def outcome_of(head):
    feed = Feed()
    stream, told = synchronised(feed), []
    stream.verdicts.put("A" * 22, "let_them_verify", "helpful", told.append)
    (request,) = stream.requests(1.0)
    asked = msgpack.unpackb(request)
    what = {"call": "A" * 22, "advice": "let_them_verify", "verdict": "helpful"}
    assert asked == what | {"ask": "feedback", "id": asked["id"]}
    stream.replied([encode_reply(head(asked["id"]))], 1.0)
    stream.replied([encode_reply(head(asked["id"]))], 1.0)
    return told


def test_a_verdict_is_told_what_became_of_it_once():
    assert outcome_of(FeedbackReply) == ["accepted"]
    assert outcome_of(lambda id_: ErrorReply(id_, "not_given")) == ["not_given"]
    assert outcome_of(lambda id_: ErrorReply(id_, "no_lease")) == []
    assert outcome_of(lambda id_: FeedbackReply(id_ + 1)) == []


def test_a_verdict_that_nobody_answers_is_sent_again_and_then_given_up():
    stream, told, sent = synchronised(Feed()), [], []
    stream.verdicts.put("A" * 22, "let_them_verify", "wrong", told.append)
    for step in range(1, 40):
        sent += stream.requests(step / 4)
    assert (len(sent), len(set(sent)), told) == (MAX_TRIES, 1, ["no_answer"])


def test_verdicts_that_wait_are_bounded():
    stream, told = synchronised(Feed()), []
    for _ in range(MAX_WAITING + 2):
        stream.verdicts.put("A" * 22, "let_them_verify", "wrong", told.append)
    assert len(stream.requests(1.0)) == MAX_WAITING
    assert told == ["too_many_requests"] * 2


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
    for topic in (b"", b"seat/8002/0123456789abcdef/now", b"seat/8001/", b"seat/8001/a/b/c"):
        assert not stream.published(topic, data, 1.0)
    assert stream.take() == []
    assert stream.stream.refused == len(GARBAGE)
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
            stream.published(feed.live, feed.beat(), now)
        asked.extend(stream.requests(now))
        if step == "answer":
            for request in asked:
                stream.replied(feed.answer(request, limit=4), now)
            asked.clear()
        got += numbers(stream.take())
    for _ in range(100):
        now += RETRY_SECONDS
        stream.published(feed.live, feed.beat(), now)
        for request in stream.requests(now):
            stream.replied(feed.answer(request, limit=4), now)
        got += numbers(stream.take())
    assert got == sorted(set(got))
    assert len(got) + stream.stream.lost == len(feed.sent)
    assert set(got) <= {decode_seat(data).seq for data in feed.sent}


def test_messages_come_as_plain_maps():
    feed = Feed()
    feed.send(profile(quote="想想再说"))
    (message,) = synchronised(feed).take()
    assert message == msgspec.to_builtins(decode_seat(feed.sent[0]))
