"""Keys are exchanged without an outage: a seat's, and the box's."""

from __future__ import annotations

import time

import msgspec
import pytest

from appliance.feed.box_rotation import begin_rotation, cancel_rotation, finish_rotation, read_rotation
from appliance.feed.grants import GrantBook, GrantError
from appliance.feed.keys import CurveKeys, box_keys
from appliance.feed.private_file import PrivateFileError, write_private
from appliance.seat.client import SeatClient
from appliance.seat.enrolment import NEXT_SECRET_FILE, exchange_key
from appliance.seat.keys import SeatError, SeatKeys
from tests.feed.running import drain, eventually, receive, running_feed, until
from tests.protocol.samples import call, cue, profile

pack, unpack = msgspec.msgpack.encode, msgspec.msgpack.decode


def wall():
    return time.time_ns() // 1_000_000


def got(client, kind):
    message = client.receive(0.1)
    return message is not None and message["type"] == kind


def test_both_keys_are_valid_in_the_overlap_and_then_the_new_one_only(tmp_path):
    with running_feed(tmp_path, "8001") as feed:
        old = feed.listener("8001")
        until(old, "beat")
        old_keys, new_keys = feed.keys["8001"], CurveKeys.generate()
        feed.book.rotate("8001", new_keys.public, wall(), 1500)
        feed.keys["8001"] = new_keys
        eventually(lambda: feed.service._admission.admit(new_keys.public.decode()) is not None, "the new key")
        new = feed.listener("8001")
        until(new, "beat")
        feed.send(call())
        assert [unpack(until(peer, "call")[-1][-1])["seq"] for peer in (old, new)] == [1, 1]
        eventually(
            lambda: feed.service._admission.admit(old_keys.public.decode()) is None, "the old key's end"
        )
        drain(old)
        feed.send(cue())
        # The number goes on: nothing was lost by the exchange.
        assert unpack(until(new, "cue")[-1][-1])["seq"] == 2
        assert drain(old) == []


def test_a_seat_exchanges_its_key_by_itself_while_its_client_goes_on(tmp_path):
    with running_feed(tmp_path, "8001") as feed, feed.seat("8001") as client:
        feed.send(call())
        eventually(lambda: got(client, "call"), "the call")
        directory = feed.key_directory("8001")
        before = SeatKeys.load(directory)
        assert exchange_key(directory) == 24 * 3600
        after = SeatKeys.load(directory)
        assert after.secret != before.secret
        assert not (directory / NEXT_SECRET_FILE).exists()
        feed.send(cue())
        eventually(lambda: got(client, "cue"), "the cue over the old key")
        with SeatClient(after) as second:
            eventually(lambda: got(second, "beat"), "a beat over the new key")
        assert client.lost == 0


def test_a_client_takes_the_new_key_when_the_old_one_ends(tmp_path):
    with running_feed(tmp_path, "8001", key_overlap_hours=0) as feed, feed.seat("8001") as client:
        eventually(lambda: got(client, "beat"), "a beat")
        exchange_key(feed.key_directory("8001"))
        feed.send(profile())
        eventually(lambda: got(client, "profile"), "the profile over the new key")


def test_an_old_key_cannot_lock_the_seat_out(tmp_path):
    with running_feed(tmp_path, "8001") as feed:
        old = feed.keys["8001"]
        feed.book.rotate("8001", CurveKeys.generate().public, wall(), 3_600_000)
        eventually(lambda: not feed.service._admission.admit(old.public.decode()).current, "the exchange")
        asker = feed.asker(old)
        asker.send(pack({"ask": "rotate", "id": 1, "key": CurveKeys.generate().public.decode()}))
        assert unpack(receive(asker)[0])["error"] == "old_key"


def test_somebody_elses_key_is_refused(tmp_path):
    with running_feed(tmp_path, "8001", "8002") as feed:
        asker = feed.asker(feed.keys["8001"])
        asker.send(pack({"ask": "rotate", "id": 1, "key": feed.keys["8002"].public.decode()}))
        assert unpack(receive(asker)[0])["error"] == "key_in_use"


def test_an_exchange_whose_answer_was_lost_is_finished_the_next_time(tmp_path):
    with running_feed(tmp_path, "8001") as feed:
        directory = feed.key_directory("8001")
        lost = CurveKeys.generate()
        (directory / NEXT_SECRET_FILE).write_bytes(lost.secret + b"\n")
        feed.book.rotate("8001", lost.public, wall(), 3_600_000)
        eventually(lambda: feed.service._admission.admit(lost.public.decode()) is not None, "the new key")
        exchange_key(directory)
        assert SeatKeys.load(directory).secret == lost.secret


def test_an_exchange_with_nobody_there_is_said(tmp_path):
    with running_feed(tmp_path, "8001") as feed:
        directory = feed.key_directory("8001")
        before = SeatKeys.load(directory).secret
        feed.stop()
        with pytest.raises(SeatError, match="did not answer"):
            exchange_key(directory, seconds=0.5)
        assert SeatKeys.load(directory).secret == before


def test_a_rotation_of_what_is_not_enrolled_is_said(tmp_path):
    book = GrantBook(tmp_path)
    with pytest.raises(GrantError, match="not enrolled"):
        book.rotate("8001", CurveKeys.generate().public, 0, 0)
    first = CurveKeys.generate()
    book.enrol("8001", first.public, 0)
    with pytest.raises(GrantError, match="in use"):
        book.rotate("8001", first.public, 0, 0)


def test_seats_follow_the_boxs_new_key_by_themselves_and_miss_nothing(tmp_path):
    with running_feed(tmp_path, "8001", lease_seconds=3.0) as feed, feed.seat("8001") as client:
        feed.send(call())
        eventually(lambda: got(client, "call"), "the call")
        old = feed.box
        rotation = begin_rotation(feed.state, wall() + 3000)
        eventually(lambda: got(client, "beat") and client._next_box is not None, "the announcement")
        assert SeatKeys.load(feed.key_directory("8001")).next_box() == rotation.keys.public
        eventually(lambda: read_rotation(feed.state) is None, "the new key to be taken")
        feed.send(cue())
        eventually(lambda: got(client, "cue"), "the cue over the new key")
        assert client.lost == 0
        assert box_keys(feed.state) == rotation.keys
        kept = SeatKeys.load(feed.key_directory("8001"))
        assert (kept.box, kept.next_box()) == (rotation.keys.public, None)
        # The old key opens nothing.
        assert feed.box == old
        stranger = feed.listener_without_lease("8001")
        assert not stranger.poll(700)


def test_a_client_that_was_off_when_the_key_was_taken_tries_the_announced_one(tmp_path):
    with running_feed(tmp_path, "8001") as feed:
        directory = feed.key_directory("8001")
        rotation = begin_rotation(feed.state, wall())
        SeatKeys.load(directory).keep_next_box(rotation.keys.public)
        eventually(lambda: read_rotation(feed.state) is None, "the new key to be taken")
        with feed.seat("8001") as client:
            eventually(lambda: got(client, "beat"), "a beat over the new key")


def test_a_rotation_can_be_cancelled_and_not_begun_twice(tmp_path):
    keys = box_keys(tmp_path)
    rotation = begin_rotation(tmp_path, 1000)
    assert read_rotation(tmp_path) == rotation
    with pytest.raises(PrivateFileError, match="a next key already"):
        begin_rotation(tmp_path, 2000)
    assert cancel_rotation(tmp_path)
    assert not cancel_rotation(tmp_path)
    assert (box_keys(tmp_path), read_rotation(tmp_path)) == (keys, None)
    finish_rotation(tmp_path, begin_rotation(tmp_path, 0))
    assert box_keys(tmp_path) != keys


def test_a_damaged_next_key_changes_nothing(tmp_path, capfd):
    with running_feed(tmp_path, "8001") as feed:
        write_private(feed.state / "box.next.json", b"{")
        seat = feed.listener("8001")
        for _ in range(6):
            until(seat, "beat")
        assert capfd.readouterr().err.count("The box keeps its key") == 1
