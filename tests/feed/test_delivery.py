"""Messages arrive in order, each once, also for a seat that was late or missed some."""

from __future__ import annotations

import asyncio
import os
import signal
import socket as sockets
import subprocess
import sys
import time

import msgspec
import zmq

from appliance.feed.control import MESSAGES_A_REPLY, REQUESTS_BURST
from appliance.feed.process import run
from appliance.feed.publisher import STATES_BURST
from tests.feed.running import (
    PATIENCE,
    PROGRAM,
    config_in,
    drain,
    eventually,
    feed_process,
    receive,
    running_feed,
    until,
)
from tests.protocol.samples import call, cue, profile

pack, unpack = msgspec.msgpack.encode, msgspec.msgpack.decode


def collect(client, count, kinds=("call", "profile", "cue")):
    """The next `count` messages that are no beats."""
    found = []
    end = time.monotonic() + PATIENCE
    while len(found) < count:
        assert time.monotonic() < end, f"only {len(found)} of {count} messages came: {found}"
        message = client.receive(0.2)
        if message is not None and message["type"] in kinds:
            found.append(message)
    return found


def test_a_late_subscriber_gets_the_last_profile_and_nobody_gets_it_twice(tmp_path):
    with running_feed(tmp_path, "8001") as feed:
        early = feed.listener("8001")
        until(early, "beat")
        feed.send(call(), profile(score=30), profile(score=50))
        until(early, "profile")
        until(early, "profile")
        late = feed.listener("8001")
        got = [unpack(frames[-1]) for frames in until(late, "profile")]
        assert got[-1]["relationship"]["score"] == 50
        until(late, "beat")
        assert [unpack(frames[-1])["type"] for frames in drain(early)].count("profile") == 0


def test_states_are_metered(tmp_path):
    with running_feed(tmp_path, "8001") as feed:
        feed.send(profile())
        topics = feed.service._topics
        eventually(lambda: bool(topics.snapshot("seat/8001/").messages), "the profile to be kept")
        lease = feed.lease(feed.asker(feed.keys["8001"]))["lease"]
        for _ in range(int(STATES_BURST) + 12):
            feed.subscriber(feed.keys["8001"], f"seat/8001/{lease}/")
        counters = feed.publisher.counters
        eventually(lambda: counters.granted == STATES_BURST + 12, "all subscriptions to be granted")
        assert STATES_BURST <= counters.states < STATES_BURST + 12


def test_the_client_hands_out_the_state_first_and_then_what_is_new(tmp_path):
    with running_feed(tmp_path, "8001") as feed:
        feed.send(call(), profile(score=30), cue(), profile(score=50))
        feed.passed(4)
        with feed.seat("8001") as client:
            state = collect(client, 2)
            assert [(message["type"], message["seq"]) for message in state] == [("call", 1), ("profile", 4)]
            feed.send(profile(score=60), call("ended"))
            assert [message["seq"] for message in collect(client, 2)] == [5, 6]
            assert (client.state, client.lost) == ("connected", 0)


def test_a_gap_is_mended_over_the_control_socket(tmp_path):
    with running_feed(tmp_path, "8001") as feed, feed.seat("8001") as client:
        feed.send(call())
        collect(client, 1)
        published = client._session.stream.published

        def lossy(payload, now):
            if unpack(payload)["seq"] not in {3, 4, 6} or unpack(payload)["type"] == "beat":
                published(payload, now)

        client._session.stream.published = lossy
        feed.send(profile(score=31), profile(score=32), cue(), profile(score=33), call("ended"))
        got = collect(client, 5)
        assert [message["seq"] for message in got] == [2, 3, 4, 5, 6]
        assert client.lost == 0


def test_what_the_feed_no_longer_has_is_counted_as_lost(tmp_path):
    with running_feed(tmp_path, "8001", replay_messages=4) as feed, feed.seat("8001") as client:
        feed.send(call())
        collect(client, 1)
        published = client._session.stream.published
        client._session.stream.published = lambda payload, now: None
        feed.send(*[cue(at=at) for at in range(10)])
        feed.passed(11)
        deadline = time.monotonic() + 0.5
        while time.monotonic() < deadline:
            client.receive(0.05)
        client._session.stream.published = published
        assert [message["seq"] for message in collect(client, 4)] == [8, 9, 10, 11]
        assert client.lost == 6


def test_the_asynchronous_iterator_gives_the_same_and_lets_others_run(tmp_path):
    with running_feed(tmp_path, "8001") as feed, feed.seat("8001") as client:
        feed.send(call())
        ticks = 0

        async def listen():
            numbers = []
            async for message in client:
                if message["type"] != "beat":
                    numbers.append(message["seq"])
                    if message["seq"] == 1:
                        feed.send(profile(), cue())
                if message["seq"] == 3:
                    break
            return numbers

        async def tick():
            nonlocal ticks
            while True:
                await asyncio.sleep(0.001)
                ticks += 1

        async def both():
            ticking = asyncio.ensure_future(tick())
            numbers = await asyncio.wait_for(listen(), PATIENCE)
            ticking.cancel()
            return numbers

        assert asyncio.run(both()) == [1, 2, 3]
        assert ticks > 0


def test_a_long_replay_comes_in_parts(tmp_path):
    with running_feed(tmp_path, "8001") as feed:
        count = MESSAGES_A_REPLY + 10
        feed.send(*[cue(call_id=f"{number:022d}") for number in range(count)])
        feed.passed(count)
        asker = feed.leased_asker("8001")
        asker.send(pack({"ask": "replay", "id": 1, "after": 0}))
        head, *messages = receive(asker)
        assert (unpack(head)["more"], len(messages)) == (True, MESSAGES_A_REPLY)
        after = unpack(messages[-1])["seq"]
        asker.send(pack({"ask": "replay", "id": 2, "after": after}))
        head, *messages = receive(asker)
        assert (unpack(head)["more"], [unpack(data)["seq"] for data in messages][-1]) == (False, count)


def test_a_request_socket_may_ask_too(tmp_path):
    with running_feed(tmp_path, "8001") as feed:
        feed.send(call())
        feed.passed(1, "the message to pass the door")
        asker = feed.peer(zmq.REQ, feed.service.control_port, feed.keys["8001"])
        assert feed.lease(asker)["topic"] == "seat/8001/"
        asker.send(pack({"ask": "snapshot", "id": 9}))
        head, message = receive(asker)
        assert (unpack(head)["id"], unpack(message)["event"]) == (9, "started")


def test_seats_recover_by_themselves_when_the_feed_restarts(tmp_path):
    with running_feed(tmp_path, "8001") as feed, feed.seat("8001") as client:
        feed.send(call(), profile(score=30))
        collect(client, 2)
        ports = {"publish_port": feed.service.publish_port, "control_port": feed.service.control_port}
        feed.stop()
        feed.config = feed.config.model_copy(update={"feed": feed.config.feed.model_copy(update=ports)})
        feed.start()
        feed.send(profile(score=70))
        (message,) = collect(client, 1)
        assert (message["seq"], message["relationship"]["score"], client.lost) == (1, 70, 0)


def test_a_call_over_its_budget_is_cut_and_others_are_not(tmp_path):
    with running_feed(tmp_path, "8001", "8002") as feed:
        other = feed.listener("8002")
        until(other, "beat")
        feed.send(*[profile(at=at) for at in range(20)], cue(seat="8002", call_id="B" * 22))
        until(other, "cue")
        counters = feed.service._door.counters
        assert counters.over_budget > 0
        assert counters.accepted + counters.over_budget == 21
        assert counters.bytes <= 8192 + 2048 + 200


def test_garbage_on_every_socket_does_no_harm(tmp_path):
    with running_feed(tmp_path, "8001", "8002") as feed:
        seat = feed.listener("8001")
        until(seat, "beat")
        # the door: garbage, oversized, many frames, a beat, a foreign schema
        feed.send(
            b"",
            b"\xc1",
            os.urandom(500),
            b"\x00" * 5000,
            [b"a"] * 50,
            pack({"type": "beat"}),
            pack([1] * 100),
        )
        # bare TCP on both ports
        raw = []
        for port in (feed.service.publish_port, feed.service.control_port):
            for data in (
                os.urandom(4096),
                b"GET / HTTP/1.1\r\n\r\n",
                b"\xff\x00\x00\x00\x00\x00\x00\x00\x01\x7f" * 50,
            ):
                peer = sockets.create_connection(("127.0.0.1", port), timeout=5)
                peer.sendall(data)
                raw.append(peer)
        # an enrolled seat that misbehaves: requests, frames, subscriptions
        asker = feed.leased_asker("8002")
        bad = feed.peer(zmq.XSUB, feed.service.publish_port, feed.keys["8002"])
        for data in (b"", b"\xc1", os.urandom(200), pack({"ask": "snapshot", "id": -1}), pack("snapshot")):
            asker.send(data)
            assert unpack(receive(asker)[0])["error"] == "bad_request"
        asker.send_multipart([b"x"] * 100)
        asker.send_multipart([b"x", pack({"ask": "snapshot", "id": 1})])
        assert unpack(receive(asker)[0])["error"] == "bad_request"
        for number in range(300):
            bad.send(b"\x01" + f"seat/{number}/".encode())
        bad.send(b"\x02nonsense")
        bad.send_multipart([b"\x01seat/8001/", b"\x01seat/8001/"])
        eventually(lambda: feed.publisher.counters.refused >= 300, "the subscriptions to be refused")
        # too large for a frame: the connection ends, and nothing else
        asker.send(b"\x00" * 100_000)
        feed.send(call(), profile())
        until(seat, "profile")
        assert feed.service._door.counters.refused == 7
        assert feed.control.counters.bad == 7
        assert drain(bad) == []
        for peer in raw:
            peer.close()


def test_a_seat_that_asks_too_often_is_not_answered_and_others_are(tmp_path):
    with running_feed(tmp_path, "8001", "8002") as feed:
        eager, calm = feed.leased_asker("8001"), feed.leased_asker("8002")
        for number in range(int(REQUESTS_BURST) * 3):
            eager.send(pack({"ask": "snapshot", "id": number}))
        eventually(lambda: feed.control.counters.too_many > 0, "requests to be too many")
        calm.send(pack({"ask": "snapshot", "id": 1}))
        assert unpack(receive(calm)[0])["reply"] == "snapshot"


def test_a_slow_seat_misses_messages_and_harms_nobody(tmp_path):
    with running_feed(tmp_path, "8001", "8002") as feed:
        slow = feed.context.socket(zmq.SUB)
        slow.rcvhwm = 1
        slow.setsockopt(zmq.RCVBUF, 4096)
        slow.curve_serverkey = feed.box
        slow.curve_publickey, slow.curve_secretkey = feed.keys["8001"].public, feed.keys["8001"].secret
        slow.connect(f"tcp://127.0.0.1:{feed.service.publish_port}")
        slow.subscribe(f"seat/8001/{feed.lease(feed.asker(feed.keys['8001']))['lease']}/")
        quick = feed.listener("8002")
        eventually(lambda: feed.publisher.counters.granted == 2, "both to be subscribed")
        count = 6000
        for number in range(count):
            feed.send(cue(call_id=f"{number % 4000:022d}"))
        feed.send(cue(seat="8002", call_id="B" * 22))
        until(quick, "cue")
        accepted = feed.service._topics.snapshot("seat/8001/").sequence
        assert accepted == count


def test_the_process_serves_until_it_is_told_to_stop(tmp_path):
    with feed_process(tmp_path) as (process, ready):
        assert ready["control_port"] == ready["publish_port"] + 1
        second = subprocess.run(
            [sys.executable, "-c", PROGRAM, str(tmp_path / "ridge.toml")],
            check=False,
            capture_output=True,
            text=True,
            timeout=60,
        )
        assert second.returncode == 1
        assert "held by another process" in second.stderr
        process.send_signal(signal.SIGTERM)
        assert process.wait(PATIENCE) == 0
        totals = msgspec.json.decode(process.stderr.read().splitlines()[-1])
        assert (totals["event"], totals["door_accepted"], totals["peers_denied"]) == ("feed_stopped", 0, 0)
    assert not (tmp_path / "run" / "door.sock").exists()


def test_a_killed_feed_starts_again_on_the_same_files(tmp_path):
    with feed_process(tmp_path) as (process, _):
        process.kill()
        process.wait()
        assert (tmp_path / "run" / "door.sock").exists()
    with feed_process(tmp_path) as (process, _):
        process.send_signal(signal.SIGTERM)
        assert process.wait(PATIENCE) == 0


def test_a_taken_port_is_said_with_a_next_step(tmp_path, capfd):
    with sockets.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        before = {number: signal.getsignal(number) for number in (signal.SIGTERM, signal.SIGINT)}
        try:
            assert run(config_in(tmp_path, publish_port=port)) == 1
        finally:
            for number, handler in before.items():
                signal.signal(number, handler)
    assert f"port {port}" in capfd.readouterr().err


def test_a_callback_is_called_for_every_message_until_the_client_is_stopped(tmp_path):
    with running_feed(tmp_path, "8001") as feed, feed.seat("8001") as client:
        feed.send(call(), profile(), cue())
        got = []

        def show(message):
            got.append(message["type"])
            if {"call", "profile"} <= set(got):
                client.stop()

        client.listen(show)
        assert {"call", "profile"} <= set(got)


def test_a_callback_may_be_a_coroutine_function(tmp_path):
    with running_feed(tmp_path, "8001") as feed, feed.seat("8001") as client:
        feed.send(call(), profile())
        got = []

        async def show(message):
            await asyncio.sleep(0)
            got.append(message["type"])
            if {"call", "profile"} <= set(got):
                client.stop()

        asyncio.run(asyncio.wait_for(client.listen_async(show), PATIENCE))
        assert {"call", "profile"} <= set(got)
