"""Numbers, snapshots and replays of the topics; grants and their marks; the calls' budgets. No sockets."""

from __future__ import annotations

from dataclasses import replace as replace_
from types import SimpleNamespace

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from appliance.feed.admission import Admission, Change
from appliance.feed.door import SEAT_SHARE, Budget
from appliance.feed.grants import Grant
from appliance.feed.topics import FORGET_SECONDS, MAX_CALLS_A_SEAT, NotGivenError, Topics
from appliance.protocol.bucket import CALL_BURST_BYTES, CALL_BYTES_PER_SECOND
from appliance.protocol.codec import SchemaError, decode_seat
from appliance.protocol.messages import Estimate, Evidence, Mind
from tests.protocol.samples import CALL, OBJECTED, call, cue, profile

OTHER = "B" * 22


def enter(topics, message, now):
    return topics.enter(f"seat/{message.seat}/", message, now)


def decoded(messages):
    return [decode_seat(data) for data in messages]


def test_every_topic_is_numbered_by_itself_from_one():
    topics = Topics(16)
    numbers = [
        decode_seat(enter(topics, message, 0.0)).seq
        for message in (call(), call(seat="8002"), profile(), replace(cue(), seq=77), cue(seat="8002"))
    ]
    assert numbers == [1, 1, 2, 3, 2]


def test_a_message_that_is_refused_takes_no_number():
    topics = Topics(16)
    with pytest.raises(SchemaError):
        enter(
            topics,
            replace(profile(), evidence=[Evidence("e1", 0, "words", "voice.angry", 0.1, "字" * 40)] * 40),
            0.0,
        )
    assert decode_seat(enter(topics, cue(), 0.0)).seq == 1


def test_a_snapshot_is_the_last_event_and_profile_of_each_call_in_order():
    topics = Topics(16)
    for message in (call(), profile(score=10), cue(), profile(score=20), call("held")):
        enter(topics, message, 0.0)
    snapshot = topics.snapshot("seat/8001/")
    assert snapshot.sequence == 5
    assert [(type(m).__name__, m.seq) for m in decoded(snapshot.messages)] == [
        ("ProfileMessage", 4),
        ("CallMessage", 5),
    ]


def test_a_new_call_replaces_the_ended_one_and_not_the_one_that_goes_on():
    topics = Topics(16)
    for message in (call(), profile(), call("ended"), call(call_id=OTHER), profile(call_id=OTHER)):
        enter(topics, message, 0.0)
    assert {message.call for message in decoded(topics.snapshot("seat/8001/").messages)} == {OTHER}
    enter(topics, call(call_id="C" * 22), 0.0)
    assert {message.call for message in decoded(topics.snapshot("seat/8001/").messages)} == {OTHER, "C" * 22}


def test_an_ended_call_keeps_its_final_profile_for_a_while_only():
    topics = Topics(16)
    enter(topics, profile(final=True), 0.0)
    enter(topics, call("ended"), 1.0)
    topics.expire(FORGET_SECONDS)
    assert len(topics.snapshot("seat/8001/").messages) == 2
    topics.expire(FORGET_SECONDS + 2.0)
    assert topics.snapshot("seat/8001/").messages == ()
    assert topics.replay("seat/8001/", 0, 10).messages == ()
    assert topics.snapshot("seat/8001/").sequence == 2


def test_calls_of_a_seat_are_bounded():
    topics = Topics(16)
    for number in range(MAX_CALLS_A_SEAT + 3):
        enter(topics, profile(call_id=f"{number:022d}"), float(number))
    assert [m.call for m in decoded(topics.snapshot("seat/8001/").messages)] == [
        f"{n:022d}" for n in range(3, 7)
    ]


@given(st.integers(1, 40), st.integers(0, 30), st.integers(0, 45), st.integers(1, 20))
def test_a_replay_is_what_is_left_after_a_number(kept, sent, after, limit):
    topics = Topics(kept)
    for _ in range(sent):
        enter(topics, cue(), 0.0)
    replay = topics.replay("seat/8001/", after, limit)
    wanted = list(range(max(after, sent - kept) + 1, sent + 1))
    assert [message.seq for message in decoded(replay.messages)] == wanted[:limit]
    assert replay.more == (len(wanted) > limit)
    assert replay.sequence == sent


def test_a_beat_says_the_last_number_and_takes_none():
    topics = Topics(16)
    assert decode_seat(topics.beat("seat/8001/", "8001", 5)).seq == 0
    enter(topics, cue(), 0.0)
    assert decode_seat(topics.beat("seat/8001/", "8001", 5)).seq == 1
    assert decode_seat(enter(topics, cue(), 0.0)).seq == 2


def test_a_seat_that_lost_its_grant_is_forgotten():
    topics = Topics(16)
    enter(topics, profile(), 0.0)
    topics.forget("seat/8001/")
    assert topics.snapshot("seat/8001/").messages == ()
    assert decode_seat(enter(topics, cue(), 0.0)).seq == 1


def grants(**keys):
    return {seat: Grant(seat, key * 40, "seat", 0) for seat, key in keys.items()}


def names(peers):
    return {peer.seat for peer in peers}


def test_a_grant_keeps_its_mark_and_a_new_key_gets_a_new_one():
    admission = Admission()
    assert admission.replace(grants(a="1", b="2")) == Change(frozenset(), frozenset())
    before = {key: admission.admit(key * 40) for key in "12"}
    assert names(admission.replace(grants(a="1", b="3")).ended) == {"b"}
    assert admission.admit("1" * 40) == before["1"]
    assert admission.admit("2" * 40) is None
    assert admission.admit("3" * 40).seat == "b"
    assert admission.admit("3" * 40).mark != before["2"].mark
    assert admission.peer("b", before["2"].mark) is None
    assert admission.peer("a", before["1"].mark) == before["1"]


def test_an_exchanged_key_stays_valid_for_its_overlap():
    admission = Admission()
    admission.replace(grants(a="1"))
    old = admission.admit("1" * 40)
    rotated = {"a": Grant("a", "2" * 40, "seat", 0, previous="1" * 40, previous_until=1000)}
    assert admission.replace(rotated, 999) == Change(frozenset(), frozenset())
    assert admission.admit("1" * 40) == replace_(old, current=False)
    assert (admission.admit("2" * 40).seat, admission.admit("2" * 40).current) == ("a", True)
    change = admission.replace(rotated, 1000)
    assert (names(change.lost), change.ended) == ({"a"}, frozenset())
    assert admission.admit("1" * 40) is None
    assert admission.peer("a", old.mark) is None


def test_a_grant_that_was_revoked_and_given_again_gets_a_new_mark():
    admission = Admission()
    admission.replace(grants(a="1"))
    peer = admission.admit("1" * 40)
    assert admission.replace({}) == Change(frozenset({peer}), frozenset({peer}))
    assert (admission.seats, admission.admit("1" * 40)) == (frozenset(), None)
    admission.replace(grants(a="1"))
    assert admission.peer("a", peer.mark) is None


@pytest.mark.parametrize(("seat", "mark"), [(None, None), ("a", None), (None, "x"), ("a", "x"), ("b", None)])
def test_a_connection_without_the_present_mark_is_nobodys(seat, mark):
    admission = Admission()
    admission.replace(grants(a="1"))
    assert admission.peer(seat, mark) is None


def later(message, seconds):
    return replace(message, at=message.at + round(seconds * 1000), wall=message.wall + round(seconds * 1000))


def test_one_calls_bytes_are_not_anothers():
    budget = Budget()
    assert budget.accept(call(), int(CALL_BURST_BYTES), 0.0)
    assert not budget.accept(call(), 1, 0.0)
    assert budget.accept(call(call_id=OTHER), 1, 0.0)
    assert budget.accept(later(call(), 1), int(CALL_BYTES_PER_SECOND), 1.0)


def made_up(number, **where):
    """A profile that has little to do with the one before."""
    new = profile(score=number * 37 % 101, **where)
    estimate = Estimate(number * 53 % 101 / 100, number * 71 % 101 / 100)
    mind = Mind(*[estimate] * 6)
    return replace(new, influence=replace(new.influence, mind=mind))


def passed(budget, messages, now):
    """How many of them pass, one a tick."""
    return sum(budget.accept(message, 100, now + number / 20) for number, message in enumerate(messages))


def test_made_up_profiles_of_one_call_pass_until_its_bits_are_used_up():
    budget = Budget()
    first = passed(budget, [made_up(number) for number in range(100)], 0.0)
    assert 10 < first < 40
    assert passed(budget, [made_up(number, seat="8002") for number in range(100)], 10.0) == first


def test_calls_that_are_made_up_share_the_bits_of_their_seat():
    one, many = Budget(), Budget()
    alone = passed(one, [made_up(number) for number in range(200)], 0.0)
    together = passed(many, [made_up(number, call_id=f"{number % 8:022d}") for number in range(200)], 0.0)
    assert together <= SEAT_SHARE * alone


def test_all_seats_share_the_bits_of_the_box():
    roomy, narrow = Budget(calls=60), Budget(calls=1)
    messages = [made_up(number, seat=f"{number % 20}") for number in range(400)]
    assert passed(narrow, messages, 0.0) < passed(roomy, messages, 0.0) / 4


def test_a_flood_of_seats_is_bounded_and_ends(monkeypatch):
    monkeypatch.setattr("appliance.feed.door.MAX_SEATS", 3)
    budget = Budget()
    assert [budget.accept(call(seat=seat), 100, 0.0) for seat in "abcd"] == [True, True, True, False]
    # Their buckets are empty by then, and forgetting them gives them nothing.
    assert budget.accept(call(seat="d"), 100, 60.0)


def test_what_a_seat_was_told_is_forgotten():
    budget = Budget()
    assert budget.accept(profile(), 100, 0.0)
    budget.forget(FORGET_SECONDS + 1)
    assert not budget._seats


def test_a_snapshot_is_valid_for_the_client():
    topics = Topics(4)
    enter(topics, profile(quote="我再想想"), 0.0)
    (data,) = topics.snapshot("seat/8001/").messages
    assert msgspec.msgpack.decode(data)["evidence"][0]["quote"] == "我再想想"


def test_an_objection_takes_away_what_was_told_of_the_call_and_of_no_other():
    topics = Topics(16)
    for message in (
        call(),
        profile(),
        cue(),
        call(call_id=OTHER),
        profile(call_id=OTHER),
        cue(call_id=OTHER),
    ):
        enter(topics, message, 0.0)
    objected = call(at=3000, policy=OBJECTED)
    assert not topics.repeated("seat/8001/", objected)
    enter(topics, objected, 1.0)
    kept = [(message.call == OTHER, message.type) for message in typed(topics.replay("seat/8001/", 0, 99))]
    assert kept == [(False, "call"), (True, "call"), (True, "profile"), (True, "cue"), (False, "call")]
    shown = [(message.call == OTHER, message.type) for message in typed(topics.snapshot("seat/8001/"))]
    assert shown == [(True, "call"), (True, "profile"), (False, "call")]
    with pytest.raises(NotGivenError):
        topics.judge("seat/8001/", CALL, "let_them_verify", "helpful")
    # The blank profile that follows is kept, and what an engine still says by mistake is not its own doing.
    enter(topics, profile(policy=OBJECTED), 1.1)
    assert len(topics.snapshot("seat/8001/").messages) == 4


def test_the_same_event_with_another_policy_is_no_repetition():
    topics = Topics(16)
    enter(topics, call(), 0.0)
    assert topics.repeated("seat/8001/", call())
    assert not topics.repeated("seat/8001/", call(policy=OBJECTED))


def typed(found):
    return [SimpleNamespace(call=m.call, type=m.__struct_config__.tag) for m in decoded(found.messages)]
