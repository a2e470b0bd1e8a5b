"""A supervisor sees the calls of the seats of a group, and of no other seat."""

from __future__ import annotations

import msgspec
import pytest

from appliance.feed.grants import GrantBook, GrantError
from appliance.feed.keys import CurveKeys
from appliance.feed.topics import Topics
from appliance.protocol.codec import decode_seat
from appliance.protocol.messages import OpportunityMessage
from tests.feed.running import drain, eventually, receive, running_feed, until
from tests.protocol.samples import WALL, call, cue, profile

GROUP = "group/loans/"
unpack = msgspec.msgpack.decode


def enrol_groups(feed):
    for seat, group in (("8001", "loans"), ("8002", "loans"), ("8003", "funds"), ("8004", None)):
        feed.enrol(seat, group=group)
    feed.enrol("lead", role="supervisor", group="loans")


def test_a_supervisor_gets_the_groups_messages_numbered_for_the_group(tmp_path):
    with running_feed(tmp_path) as feed:
        enrol_groups(feed)
        lead, seat = feed.listener("lead"), feed.listener("8002")
        until(lead, "beat")
        until(seat, "beat")
        feed.send(
            call(),
            call(seat="8003", call_id="C" * 22),
            call(seat="8004", call_id="D" * 22),
            call(seat="8002", call_id="B" * 22),
            cue(seat="8002", call_id="B" * 22),
        )
        got = [unpack(frames[-1]) for frames in until(lead, "cue")]
        assert [(m["seat"], m["seq"]) for m in got if m["type"] != "beat"] == [
            ("8001", 1), ("8002", 2), ("8002", 3)
        ]  # fmt: skip
        assert {m["seat"] for m in got if m["type"] == "beat"} <= {"lead"}
        own = [unpack(frames[-1]) for frames in until(seat, "cue")]
        assert [(m["seat"], m["seq"]) for m in own if m["type"] != "beat"] == [("8002", 1), ("8002", 2)]


def test_the_client_needs_nothing_special_for_a_supervisor(tmp_path):
    with running_feed(tmp_path) as feed:
        enrol_groups(feed)
        feed.send(call(), profile(), profile(seat="8002", call_id="B" * 22), profile(seat="8003"))
        feed.passed(4)
        with feed.seat("lead") as client:
            got = []
            eventually(lambda: got.append(client.receive(0.1)) or len(kept(got)) == 3, "the group's state")
            assert client.topic == GROUP
        assert [(m["type"], m["seat"]) for m in kept(got)] == [
            ("call", "8001"), ("profile", "8001"), ("profile", "8002")
        ]  # fmt: skip


def kept(messages):
    return [message for message in messages if message is not None and message["type"] != "beat"]


def test_a_supervisor_may_not_ask_for_a_seats_topic_nor_a_seat_for_the_groups(tmp_path):
    with running_feed(tmp_path) as feed:
        enrol_groups(feed)
        leases = {seat: feed.lease(feed.asker(feed.keys[seat]))["lease"] for seat in ("8001", "8003", "lead")}
        curious = [
            feed.subscriber(
                feed.keys["lead"], f"seat/8001/{leases['8001']}/", f"seat/8001/{leases['lead']}/"
            ),
            feed.subscriber(feed.keys["8003"], f"{GROUP}{leases['lead']}/", f"{GROUP}{leases['8003']}/", ""),
        ]
        eventually(lambda: feed.publisher.counters.refused == 5, "the refusals")
        seat = feed.listener("8001")
        until(seat, "beat")
        feed.send(call(), cue())
        until(seat, "cue")
        until(seat, "beat")
        assert [drain(socket) for socket in curious] == [[], []]


def test_a_revoked_supervisor_is_cut_off_and_the_other_goes_on(tmp_path):
    with running_feed(tmp_path) as feed:
        enrol_groups(feed)
        feed.enrol("lead2", role="supervisor", group="loans")
        first, second = feed.listener("lead"), feed.listener("lead2")
        feed.send(call())
        until(first, "call")
        until(second, "call")
        feed.revoke("lead")
        drain(first)
        feed.send(cue())
        assert unpack(until(second, "cue")[-1][-1])["seq"] == 2
        assert drain(first) == []


def test_what_a_revoked_seat_said_is_forgotten_by_its_group(tmp_path):
    with running_feed(tmp_path) as feed:
        enrol_groups(feed)
        feed.send(profile(), profile(seat="8002", call_id="B" * 22))
        feed.passed(2)
        feed.revoke("8001")
        asker = feed.leased_asker("lead")
        for request in ({"ask": "snapshot", "id": 1}, {"ask": "replay", "id": 2, "after": 0}):
            asker.send(msgspec.msgpack.encode(request))
            _, *messages = receive(asker)
            assert [unpack(data)["seat"] for data in messages] == ["8002"]


def test_a_new_call_of_one_seat_leaves_the_ended_ones_of_the_others():
    topics = Topics(16)
    for message in (
        profile(final=True),
        profile(seat="8002", call_id="B" * 22, final=True),
        call(call_id="C" * 22),
    ):
        topics.enter(GROUP, message, 0.0)
    left = [decode_seat(data).call for data in topics.snapshot(GROUP).messages]
    assert left == ["B" * 22, "C" * 22]


def test_a_supervisor_needs_a_group_and_a_group_needs_a_name(tmp_path):
    book = GrantBook(tmp_path)
    with pytest.raises(GrantError, match="--group"):
        book.enrol("lead", CurveKeys.generate().public, 1, role="supervisor")
    for group in ("", "a/b", "a" * 33, "贷款"):
        with pytest.raises(GrantError, match="no name of a group"):
            book.enrol("8001", CurveKeys.generate().public, 1, group=group)
    assert book.read() == {}


def test_what_was_missed_goes_to_the_groups_supervisors_and_not_to_the_seat(tmp_path):
    with running_feed(tmp_path) as feed:
        enrol_groups(feed)
        lead, seat = feed.listener("lead"), feed.listener("8002")
        until(lead, "beat")
        until(seat, "beat")
        missed = OpportunityMessage(1, "B" * 22, "8002", 0, 900, WALL, "wanted_product", 0.8, "gold")
        feed.send(call(seat="8002", call_id="B" * 22), missed, cue(seat="8002", call_id="B" * 22))
        got = [unpack(frames[-1]) for frames in until(lead, "cue")]
        assert [m["type"] for m in got if m["type"] != "beat"] == ["call", "opportunity", "cue"]
        own = [unpack(frames[-1]) for frames in until(seat, "cue")]
        assert [(m["type"], m["seq"]) for m in own if m["type"] != "beat"] == [("call", 1), ("cue", 2)]


def test_a_seat_that_moves_is_seen_by_its_new_group_and_keeps_its_own_view(tmp_path):
    with running_feed(tmp_path) as feed:
        enrol_groups(feed)
        feed.enrol("chief", role="supervisor", group="funds")
        lead, chief, seat = feed.listener("lead"), feed.listener("chief"), feed.listener("8001")
        for peer in (lead, chief, seat):
            until(peer, "beat")
        feed.book.move("8001", "funds")
        eventually(lambda: "group/funds/" in feed.service._admission.audience("8001"), "the move to be seen")
        feed.send(call(), cue())
        assert unpack(until(chief, "cue")[-1][-1])["seat"] == "8001"
        assert unpack(until(seat, "cue")[-1][-1])["seq"] == 2
        until(lead, "beat")
        assert not [frames for frames in drain(lead) if unpack(frames[-1])["type"] != "beat"]


def test_a_supervisor_that_moves_gets_the_other_group_only(tmp_path):
    with running_feed(tmp_path) as feed:
        enrol_groups(feed)
        feed.enrol("8005", group="funds")
        with feed.seat("lead") as client:
            eventually(lambda: client.receive(0.1) is not None, "a beat")
            feed.book.move("lead", "funds")
            eventually(lambda: (client.receive(0.1), client.topic)[1] == "group/funds/", "the other topic")
            feed.send(cue(), cue(seat="8005", call_id="E" * 22))
            got = []
            eventually(
                lambda: got.append(client.receive(0.1)) or bool(kept(got)), "the cue of the other group"
            )
            assert [message["seat"] for message in kept(got)] == ["8005"]


def test_a_move_that_cannot_be_is_said(tmp_path):
    book = GrantBook(tmp_path)
    with pytest.raises(GrantError, match="not enrolled"):
        book.move("8001", "loans")
    book.enrol("lead", CurveKeys.generate().public, 1, role="supervisor", group="loans")
    with pytest.raises(GrantError, match="of which group"):
        book.move("lead", None)
    assert book.move("lead", "funds").group == "funds"
