"""Who gets what: an enrolled seat its own topic, and nobody anything else."""

from __future__ import annotations

import threading

import msgspec
import pytest
import zmq

from appliance.box.journal import Journal
from appliance.feed.admission import Admission, Admitted
from appliance.feed.authenticator import DOMAIN, ZAP_ENDPOINT, Authenticator, AuthenticatorError, guard
from appliance.feed.control import Control, Timing
from appliance.feed.egress import Egress
from appliance.feed.feedback import Feedback
from appliance.feed.grants import Grant
from appliance.feed.keys import CurveKeys
from appliance.feed.leases import Leases
from appliance.feed.publisher import Publisher
from appliance.feed.service import FeedService
from appliance.feed.topics import Topics
from tests.feed.running import config_in, drain, eventually, receive, running_feed, until
from tests.protocol.samples import call, cue, profile

OTHERS_TOPICS = ("", "s", "seat", "seat/", "seat/8001", "seat/8001/", "seat/8001/now")


def payloads(found):
    return [msgspec.msgpack.decode(frames[-1]) for frames in found]


def test_an_enrolled_seat_gets_its_messages_numbered(tmp_path):
    with running_feed(tmp_path, "8001") as feed:
        seat = feed.listener("8001")
        until(seat, "beat")
        feed.send(call(), profile(), cue())
        got = [message for message in payloads(until(seat, "cue")) if message["type"] != "beat"]
    assert [(message["type"], message["seq"]) for message in got] == [("call", 1), ("profile", 2), ("cue", 3)]


def test_another_enrolled_seat_gets_nothing_of_it_whatever_it_subscribes_to(tmp_path):
    with running_feed(tmp_path, "8001", "8002") as feed:
        seat = feed.listener("8001")
        curious = feed.listener("8002", *OTHERS_TOPICS)
        until(seat, "beat")
        until(curious, "beat")
        feed.send(call(), profile(), cue())
        until(seat, "cue")
        feed.send(cue(seat="8002", call_id="B" * 22))
        got = payloads(until(curious, "cue") + drain(curious))
        assert feed.publisher.counters.refused == len(OTHERS_TOPICS)
    assert {message["seat"] for message in got} == {"8002"}


def test_another_seat_gets_no_state_and_no_replay_of_it(tmp_path):
    with running_feed(tmp_path, "8001", "8002") as feed:
        feed.send(call(), profile())
        until(feed.listener("8001"), "profile")
        curious = feed.listener("8002", *OTHERS_TOPICS)
        asker = feed.leased_asker("8002")
        asker.send(msgspec.msgpack.encode({"ask": "replay", "id": 5, "after": 0}))
        head, *messages = receive(asker)
        assert msgspec.msgpack.decode(head) | {"epoch": ""} == {
            "reply": "replay", "id": 5, "epoch": "", "seq": 0, "more": False
        }  # fmt: skip
        assert messages == []
        got = payloads(until(curious, "beat") + drain(curious))
    assert {message["seat"] for message in got} == {"8002"}


@pytest.mark.parametrize("who", ["a key that nobody enrolled", "no key at all", "the right key, another box"])
def test_a_stranger_gets_nothing(tmp_path, who):
    with running_feed(tmp_path, "8001") as feed:
        keys = {"a key that nobody enrolled": CurveKeys.generate(), "no key at all": None}.get(
            who, feed.keys["8001"]
        )
        true_box = feed.box
        if who.endswith("another box"):
            feed.box = CurveKeys.generate().public
        stranger = feed.subscriber(keys, "", "seat/8001/")
        asker = feed.asker(keys)
        asker.send(msgspec.msgpack.encode({"ask": "snapshot", "id": 1}))
        feed.box = true_box
        seat = feed.listener("8001")
        until(seat, "beat")
        feed.send(call(), profile(), cue())
        until(seat, "cue")
        if who == "a key that nobody enrolled":
            eventually(lambda: feed.service._authenticator.denied >= 1, "the stranger to be denied")
        # Two beats later whatever would have come is there.
        until(seat, "beat")
        until(seat, "beat")
        assert drain(stranger) == []
        assert drain(asker) == []
        assert feed.publisher.counters.granted == 1
        # The lease of the seat.
        assert feed.control.counters.answered == 1


def test_revocation_cuts_a_connected_seat_off(tmp_path):
    with running_feed(tmp_path, "8001", "8002") as feed:
        seat = feed.listener("8001")
        asker = feed.leased_asker("8001")
        other = feed.listener("8002")
        feed.send(profile())
        until(seat, "profile")
        until(other, "beat")
        feed.revoke("8001")
        feed.send(profile(), cue(), cue(seat="8002", call_id="B" * 22))
        until(other, "cue")
        asker.send(msgspec.msgpack.encode({"ask": "snapshot", "id": 1}))
        assert msgspec.msgpack.decode(receive(asker)[0]) == {
            "reply": "error",
            "id": 0,
            "error": "not_granted",
        }
        until(other, "beat")
        assert all(message["type"] == "beat" for message in payloads(drain(seat)))
        drain(seat)
        until(other, "beat")
        assert drain(seat) == []
        assert feed.service.unclaimed == 2


def test_a_seat_enrolled_again_does_not_wake_its_old_connections(tmp_path):
    with running_feed(tmp_path, "8001") as feed:
        old = feed.listener("8001")
        old_asker = feed.asker(feed.keys["8001"])
        lease = feed.lease(old_asker)
        prefix = f"seat/8001/{lease['lease']}/"
        feed.send(profile())
        until(old, "profile")
        feed.revoke("8001")
        feed.enrol("8001")
        new = feed.listener("8001")
        until(new, "beat")
        drain(old)
        # A new subscription over the old connection is judged by the mark that it was let in with.
        old.subscribe(prefix)
        eventually(lambda: feed.publisher.counters.refused == 1, "the old connection to be refused")
        feed.send(call(), profile(), cue())
        got = payloads(until(new, "cue"))
        assert [message["seq"] for message in got if message["type"] != "beat"] == [1, 2, 3]
        assert drain(old) == []
        old_asker.send(msgspec.msgpack.encode({"ask": "snapshot", "id": 1}))
        assert msgspec.msgpack.decode(receive(old_asker)[0])["error"] == "not_granted"


def test_a_damaged_grants_file_lets_nobody_in_and_a_good_one_does_again(tmp_path, capfd):
    with running_feed(tmp_path, "8001") as feed:
        good = feed.book.path.read_bytes()
        feed.book.path.write_bytes(b'{"v": 1, "seats": [')
        eventually(lambda: feed.seats == set(), "the damage to be seen")
        feed.book.path.write_bytes(good)
        eventually(lambda: feed.seats == {"8001"}, "the repair to be seen")
        seat = feed.listener("8001")
        until(seat, "beat")
    assert "no seat is let in" in capfd.readouterr().err


@pytest.fixture
def context():
    context = zmq.Context()
    yield context
    context.destroy(linger=0)


def sockets(context, directory):
    admission, leases, topics = Admission(), Leases(15.0), Topics(16)
    secret, egress = CurveKeys.generate().secret, Egress(None, Journal("test"))
    return [
        Publisher(context, secret, admission, leases=leases, topics=topics, egress=egress),
        Control(
            context,
            secret,
            admission=admission,
            leases=leases,
            topics=topics,
            feedback=Feedback(directory),
            timing=Timing(15.0, 2.0),
            rotate=lambda seat, key: 0.0,
            egress=egress,
        ),
    ]


def test_nothing_is_bound_while_the_authenticator_does_not_answer(context, tmp_path):
    silent = Authenticator(context, lambda key: None, probe_seconds=0.05)
    for socket in sockets(context, tmp_path):
        with pytest.raises(AuthenticatorError, match="did not answer a probe"):
            socket.bind(silent, "127.0.0.1", 0)
        assert socket.socket.getsockopt(zmq.LAST_ENDPOINT) == b""


def test_nothing_is_bound_behind_an_authenticator_that_lets_everybody_in(context, tmp_path):
    careless = Authenticator(context, lambda key: Admitted("8001", "00000000", "seat/8001/"))
    careless.start()
    for socket in sockets(context, tmp_path):
        with pytest.raises(AuthenticatorError, match="key that nobody has"):
            socket.bind(careless, "127.0.0.1", 0)
        assert socket.socket.getsockopt(zmq.LAST_ENDPOINT) == b""
    careless.stop()


def test_a_decision_that_fails_denies_that_peer_and_the_next_gets_in(context):
    good, bad = CurveKeys.generate(), CurveKeys.generate()
    admission = Admission()

    def decide(key):
        if key == bad.public.decode():
            raise RuntimeError("the grants are on fire")
        return admission.admit(key)

    admission.replace({"8001": grant("8001", good)})
    authenticator = Authenticator(context, decide)
    authenticator.start()
    keys = CurveKeys.generate()
    leases, topics = Leases(15.0), Topics(16)
    topics.enter("seat/8001/", profile(), 0.0)
    lease = leases.grant(admission.admit(good.public.decode()), None, 0.0)
    egress = Egress(None, Journal("test"))
    publisher = Publisher(context, keys.secret, admission, leases=leases, topics=topics, egress=egress)
    port = publisher.bind(authenticator, "127.0.0.1", 0)
    peers = []
    for pair in (bad, good):
        peer = context.socket(zmq.SUB)
        peer.curve_serverkey, peer.curve_publickey, peer.curve_secretkey = (
            keys.public,
            pair.public,
            pair.secret,
        )
        peer.connect(f"tcp://127.0.0.1:{port}")
        peer.subscribe(f"seat/8001/{lease}/")
        peers.append(peer)
        if pair is bad:
            eventually(lambda: authenticator.failed >= 1, "the failing decision")

    def let_in():
        publisher.serve(now=0.0)
        egress.release()
        return peers[1].poll(10) > 0

    eventually(let_in, "the good peer's state")
    assert msgspec.msgpack.decode(peers[1].recv_multipart()[1])["type"] == "profile"
    assert drain(peers[0]) == []
    authenticator.stop()


def grant(seat, keys):
    return Grant(seat, keys.public.decode(), "seat", 0)


def test_a_feed_whose_authenticator_hangs_stops(tmp_path):
    service = FeedService(config_in(tmp_path))
    service.open()
    released = threading.Event()

    def hang(_key):
        released.wait(20)

    try:
        service.turn(0)
        service._authenticator._probe_seconds = 0.1
        service._authenticator._decide = hang
        service._next_probe = 0.0
        with pytest.raises(AuthenticatorError, match="did not answer a probe"):
            service.turn(0)
    finally:
        released.set()
        service.close()


KEY = bytes(range(32))


@pytest.mark.parametrize(
    ("domain", "mechanism", "credentials", "status"),
    [
        (DOMAIN, b"CURVE", [KEY], b"200"),
        (b"another", b"CURVE", [KEY], b"400"),
        (b"", b"CURVE", [KEY], b"400"),
        (DOMAIN, b"NULL", [], b"400"),
        (DOMAIN, b"PLAIN", [b"8001", b"password"], b"400"),
        (DOMAIN, b"CURVE", [KEY[:31]], b"400"),
        (DOMAIN, b"CURVE", [KEY, KEY], b"400"),
        (DOMAIN, b"CURVE", [], b"400"),
    ],
)
def test_only_a_curve_key_in_our_domain_is_asked_about(context, domain, mechanism, credentials, status):
    authenticator = Authenticator(context, lambda key: Admitted("8001", "00000000", "seat/8001/"))
    authenticator.start()
    asker = context.socket(zmq.REQ)
    asker.connect(ZAP_ENDPOINT)
    asker.send_multipart([b"1.0", b"42", domain, b"10.0.0.9", b"", mechanism, *credentials])
    reply = receive(asker)
    assert reply[:3] == [b"1.0", b"42", status]
    assert reply[4] == (b"8001" if status == b"200" else b"")
    authenticator.stop()


@pytest.mark.parametrize("answered", [True, False])
def test_libzmq_itself_refuses_everybody_where_no_authenticator_is_bound(context, answered):
    authenticator = Authenticator(context, lambda key: Admitted("8001", "00000000", "seat/8001/"))
    if answered:
        authenticator.start()
    server, keys = context.socket(zmq.PULL), CurveKeys.generate()
    guard(server, keys.secret)
    port = server.bind_to_random_port("tcp://127.0.0.1")
    # The peer is in a context of its own, as it is on another machine.
    elsewhere = zmq.Context()
    peer = elsewhere.socket(zmq.PUSH)
    peer.linger = 0
    peer.curve_serverkey, peer.curve_publickey, peer.curve_secretkey = keys.public, keys.public, keys.secret
    peer.connect(f"tcp://127.0.0.1:{port}")
    peer.send(b"let me in")
    assert bool(server.poll(20_000 if answered else 500)) is answered
    elsewhere.destroy(linger=0)
    authenticator.stop()


def test_two_authenticators_cannot_share_a_context(context):
    first, second = Authenticator(context, lambda key: None), Authenticator(context, lambda key: None)
    first.start()
    with pytest.raises(AuthenticatorError, match="context of its own"):
        second.start()
    first.stop()
