"""A feed that is killed and started anew loses no final profile, and seats recover by themselves."""

from __future__ import annotations

import signal
import threading
import time
from contextlib import contextmanager

import zmq

from appliance.box.calls_line import CallsLine
from appliance.engine.door_line import DoorLine
from appliance.feed.door import DOOR_SOCKET
from appliance.feed.grants import GrantBook
from appliance.feed.keys import Connection, CurveKeys, box_keys, write_seat_keys
from appliance.protocol.codec import encode
from appliance.seat.client import SeatClient
from appliance.seat.keys import SeatKeys
from tests.feed.running import eventually, feed_process, running_feed
from tests.protocol.samples import call, cue, profile


@contextmanager
def engine(directory):
    """The lines of engine and capture to the feed, turning as their loops do; gives a function that sends."""
    context, lock, running = zmq.Context(), threading.Lock(), threading.Event()
    line, calls = DoorLine(context, directory / DOOR_SOCKET), CallsLine(directory)

    def turn():
        while running.is_set():
            with lock:
                line.turn(time.monotonic())
                calls.turn(time.monotonic())
            time.sleep(0.02)

    def send(*messages):
        """The messages of an engine, and what capture says beside them of the calls that they are of."""
        with lock:
            for message in messages:
                event = getattr(message, "event", None)
                if event == "started":
                    calls.begin(message.call, message.seat)
                line.put(encode(message), time.monotonic())
                if event == "ended":
                    calls.end(message.call)

    running.set()
    thread = threading.Thread(target=turn, daemon=True)
    thread.start()
    try:
        yield send
    finally:
        running.clear()
        thread.join()
        line.close()
        context.destroy(linger=0)


def enrolled(directory, publish_port, control_port):
    state, keys = directory / "state" / "feed", CurveKeys.generate()
    GrantBook(state).enrol("8001", keys.public, 0)
    connection = Connection("127.0.0.1", publish_port, control_port)
    write_seat_keys(directory / "keys", "8001", keys, box_keys(state).public, connection)
    return SeatKeys.load(directory / "keys")


def final_profile(client):
    message = client.receive(0.1)
    return message is not None and message["type"] == "profile" and message["final"]


def test_a_killed_feed_tells_a_seat_that_comes_later_the_final_profile(tmp_path):
    with engine(tmp_path / "run") as send:
        with feed_process(tmp_path) as (process, ready):
            ports = ready["publish_port"], ready["control_port"]
            keys = enrolled(tmp_path, *ports)
            with SeatClient(keys) as client:
                eventually(lambda: client.receive(0.1) is not None, "a beat")
                send(call(), cue(), profile(final=True, score=61), call("ended"))
                eventually(lambda: final_profile(client), "the final profile")
            process.kill()
            process.wait()
        with feed_process(tmp_path, *ports), SeatClient(keys) as client:
            got = []
            eventually(
                lambda: bool(got.append(client.receive(0.1)) or finals(got)), "the final profile again"
            )
            assert finals(got)[0]["relationship"]["score"] == 61


def finals(messages):
    return [message for message in messages if message and message["type"] == "profile" and message["final"]]


def test_what_is_said_while_the_feed_is_dead_reaches_a_seat_that_stays(tmp_path):
    with engine(tmp_path / "run") as send:
        with feed_process(tmp_path) as (process, ready):
            ports = ready["publish_port"], ready["control_port"]
            keys = enrolled(tmp_path, *ports)
            client = SeatClient(keys)
            eventually(lambda: client.receive(0.1) is not None, "a beat")
            send(call(), profile(score=30))
            eventually(lambda: "'profile'" in str(client.receive(0.1)), "the profile")
            process.send_signal(signal.SIGKILL)
            process.wait()
        send(profile(score=40), profile(final=True, score=50), call("ended"))
        with client, feed_process(tmp_path, *ports):
            got = []
            eventually(lambda: bool(got.append(client.receive(0.1)) or finals(got)), "the final profile")
            eventually(lambda: bool(got.append(client.receive(0.1)) or ended(got)), "the end of the call")
            assert finals(got)[0]["relationship"]["score"] == 50
            assert client.lost == 0


def ended(messages):
    return [message for message in messages if message and message.get("event") == "ended"]


def test_a_restart_between_two_calls_leaves_the_one_that_goes_on_as_it_was(tmp_path):
    with running_feed(tmp_path, "8001") as feed, engine(tmp_path / "run") as send:
        send(call(), profile(score=44))
        feed.passed(2)
        feed.stop()
        feed.start()
        feed.passed(2, "the call to be told again")
        assert len(feed.service._topics.snapshot("seat/8001/").messages) == 2


def test_a_final_profile_that_is_told_again_is_not_sent_again(tmp_path):
    with running_feed(tmp_path, "8001") as feed:
        feed.send(*[profile(final=True), call("ended")] * 2)
        feed.passed(4)
        assert feed.service._topics.position("seat/8001/")[1] == 2


def test_nothing_of_a_call_is_written_to_disk(tmp_path):
    with running_feed(tmp_path, "8001") as feed, engine(tmp_path / "run") as send:
        send(call(), profile(final=True, quote="我再想想"))
        feed.passed(2)
        feed.stop()
        written = [path.read_bytes() for path in tmp_path.rglob("*") if path.is_file()]
        assert written
        assert not [data for data in written if "我再想想".encode() in data or b"let_them" in data]
