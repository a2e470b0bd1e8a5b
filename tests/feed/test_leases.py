"""Nothing is received without a lease, and a lease ends when it is not renewed or its grant goes."""

from __future__ import annotations

import msgspec
import pytest

from appliance.feed.admission import Admitted
from appliance.feed.control import NEW_LEASES_BURST
from appliance.feed.leases import MAX_LEASES_A_GRANT, Leases
from tests.feed.running import drain, eventually, receive, running_feed, until
from tests.protocol.samples import call, cue, profile

SEAT = Admitted("8001", "0a0a0a0a", "seat/8001/")
OTHER = Admitted("8002", "0b0b0b0b", "seat/8002/")
pack, unpack = msgspec.msgpack.encode, msgspec.msgpack.decode


@pytest.fixture
def leases():
    return Leases(15.0)


def test_a_lease_runs_for_its_time_and_is_renewed(leases):
    lease = leases.grant(SEAT, None, 0.0)
    assert leases.on("seat/8001/", 14.9) == [lease]
    assert leases.on("seat/8001/", 15.0) == []
    assert not leases.any(SEAT, 15.0)
    assert leases.grant(SEAT, lease, 14.0) == lease
    assert leases.holds(SEAT, lease, 28.9)
    assert leases.grant(SEAT, lease, 29.0) != lease, "a lease that ended is not renewed"


def test_a_lease_is_its_peers_only(leases):
    lease = leases.grant(SEAT, None, 0.0)
    assert not leases.holds(OTHER, lease, 0.0)
    mine = leases.grant(OTHER, lease, 0.0)
    assert mine != lease
    assert leases.on("seat/8002/", 0.0) == [mine]
    again = Admitted("8001", "ffffffff", "seat/8001/")
    assert not leases.holds(again, lease, 0.0)


def test_a_revoked_peers_leases_end_and_others_do_not(leases):
    leases.grant(SEAT, None, 0.0)
    leases.grant(SEAT, None, 0.0)
    kept = leases.grant(OTHER, None, 0.0)
    leases.revoke(SEAT)
    assert leases.running(0.0) == [(kept, OTHER)]
    assert len(leases) == 1


def test_the_leases_of_a_grant_are_bounded_and_the_oldest_gives_way(leases):
    given = [leases.grant(SEAT, None, float(number)) for number in range(MAX_LEASES_A_GRANT + 1)]
    assert leases.on("seat/8001/", 9.0) == given[1:]


def test_leases_that_ended_are_forgotten(leases):
    leases.grant(SEAT, None, 0.0)
    kept = leases.grant(OTHER, None, 10.0)
    leases.expire(15.0)
    assert (len(leases), leases.expired, leases.running(15.0)) == (1, 1, [(kept, OTHER)])


def test_a_connection_without_a_lease_gets_nothing(tmp_path):
    with running_feed(tmp_path, "8001") as feed:
        seat = feed.listener("8001")
        without = feed.subscriber(feed.keys["8001"], "seat/8001/", "seat/8001/" + "0" * 16 + "/")
        eventually(lambda: feed.publisher.counters.refused == 2, "two refusals")
        feed.send(call(), profile(), cue())
        until(seat, "cue")
        until(seat, "beat")
        assert drain(without) == []


def test_a_request_without_a_lease_is_refused(tmp_path):
    with running_feed(tmp_path, "8001") as feed:
        feed.send(call(), profile())
        asker = feed.asker(feed.keys["8001"])
        for request in ({"ask": "snapshot", "id": 1}, {"ask": "replay", "id": 1, "after": 0}):
            asker.send(pack(request))
            assert [unpack(frame) for frame in receive(asker)] == [
                {"reply": "error", "id": 1, "error": "no_lease"}
            ]
        assert feed.control.counters.no_lease == 2


def test_a_seat_that_does_not_renew_its_lease_gets_nothing_any_more(tmp_path):
    with running_feed(tmp_path, "8001", "8002", lease_seconds=3.0) as feed:
        lapsing = feed.listener("8001")
        with feed.seat("8002") as client:
            until(lapsing, "beat")
            eventually(lambda: feed.service._leases.expired == 1, "the lease to end")
            drain(lapsing)
            feed.send(profile(), profile(seat="8002", call_id="B" * 22))
            got = []
            eventually(lambda: got.append(client.receive(0.1)) or "profile" in types(got), "the profile")
            assert drain(lapsing) == []
            assert (client.lost, client.topic) == (0, "seat/8002/")


def types(messages):
    return [message["type"] for message in messages if message is not None]


def test_a_seat_comes_back_when_its_lease_has_ended(tmp_path):
    with running_feed(tmp_path, "8001", lease_seconds=3.0) as feed, feed.seat("8001") as client:
        eventually(lambda: "beat" in types([client.receive(0.1)]), "a beat")
        # The seat's machine sleeps.
        eventually(lambda: feed.service._leases.expired == 1, "the lease to end")
        feed.send(call(), cue())
        got = []
        eventually(lambda: got.append(client.receive(0.1)) or "cue" in types(got), "what was said meanwhile")
        assert client.lost == 0


def test_new_leases_are_metered_and_renewals_are_not(tmp_path):
    with running_feed(tmp_path, "8001") as feed:
        asker = feed.asker(feed.keys["8001"])
        replies = [feed.lease(asker) for _ in range(int(NEW_LEASES_BURST) + 4)]
        last = [reply for reply in replies if reply["reply"] == "lease"][-1]["lease"]
        assert replies[-1] == {"reply": "error", "id": 0, "error": "too_many_requests"}
        asker.send(pack({"ask": "lease", "id": 9, "lease": last}))
        assert unpack(receive(asker)[0])["lease"] == last
        assert len(feed.service._leases) == MAX_LEASES_A_GRANT
