"""`ridge listen` over a real feed."""

from __future__ import annotations

import argparse
import json
import threading
import time

import pytest

from appliance.cli import CommandError
from appliance.seat.command import FirstCall, add_commands
from tests.feed.running import eventually, running_feed
from tests.protocol.samples import call, profile


def listen(*words):
    parser = argparse.ArgumentParser()
    add_commands(parser.add_subparsers())
    options = parser.parse_args(["listen", *words])
    return options.run(options)


@pytest.fixture
def feed(tmp_path):
    with running_feed(tmp_path, "8001") as running:
        running.key_directory("8001")
        yield running


def words_for(feed):
    return ["--connect", f"tcp://127.0.0.1:{feed.service.publish_port}", "--seat", "8001", "--keys",
            str(feed.directory / "keys"), "--timeout", "20"]  # fmt: skip


def play_when_subscribed(feed, *messages):
    def play():
        eventually(lambda: feed.publisher.counters.granted > 0, "the listener to be there")
        feed.send(*messages)

    thread = threading.Thread(target=play)
    thread.start()
    return thread


def test_json_lines_until_the_first_call_is_over(feed, capsys):
    player = play_when_subscribed(feed, call(), profile(), profile(final=True), call("ended", at=9000))
    assert listen(*words_for(feed), "--json", "--once-call") == 0
    player.join()
    lines = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    kinds = [(line["type"], line.get("event")) for line in lines if line["type"] != "beat"]
    assert kinds[0] == ("call", "started")
    assert kinds[-1] == ("call", "ended")
    assert [line["final"] for line in lines if line["type"] == "profile"][-1]


def test_the_view_ends_with_the_call(feed, capsys):
    player = play_when_subscribed(feed, call(), profile(score=63, final=True), call("ended", at=9000))
    assert listen(*words_for(feed), "--once-call", "--locale", "en") == 0
    player.join()
    shown = capsys.readouterr().out
    assert "Call ended" in shown
    assert "63" in shown


def test_a_call_that_does_not_end_in_time_is_an_error(feed):
    begun = time.monotonic()
    with pytest.raises(CommandError, match="no call has ended within"):
        listen(*words_for(feed), "--json", "--once-call", "--timeout", "0.3")
    assert time.monotonic() - begun < 10


def test_without_once_call_the_end_of_the_time_is_the_end(feed):
    assert listen(*words_for(feed), "--json", "--timeout", "0.3") == 0


def test_a_seat_that_is_not_let_in_is_told(feed, capsys):
    feed.revoke("8001")
    with pytest.raises(CommandError):
        listen(*words_for(feed), "--json", "--once-call", "--timeout", "2")
    out, err = capsys.readouterr()
    assert out == ""
    assert "does not let seat 8001 in" in err


def test_missing_keys_are_said_with_a_next_step(tmp_path):
    with pytest.raises(CommandError, match="ridge seats enrol"):
        listen("--seat", "8001", "--keys", str(tmp_path), "--connect", "tcp://127.0.0.1:5570")


def test_a_call_is_over_when_it_ended_and_its_final_profile_is_there():
    first = FirstCall()
    assert not first.over({"type": "call", "call": "a", "event": "ended"})
    assert not first.over({"type": "profile", "call": "b", "final": True})
    assert not first.over({"type": "profile", "call": "a", "final": False})
    assert not first.over({"type": "beat", "seq": 1})
    assert first.over({"type": "profile", "call": "a", "final": True})
