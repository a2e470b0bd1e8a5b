"""Agents judge advice: bounded, typed, counted by strategy, without persons."""

from __future__ import annotations

import json
import re

import msgspec
import pytest

from appliance.feed.control import VERDICTS_BURST
from appliance.feed.feedback import FEEDBACK_FILE, FILE_BYTES, MAX_STRATEGIES, Count, Feedback
from appliance.feed.private_file import PrivateFileError, write_private
from tests.feed.running import eventually, receive, running_feed
from tests.protocol.samples import CALL, call, profile

pack, unpack = msgspec.msgpack.encode, msgspec.msgpack.decode


def verdict(number=1, **changed):
    request = {
        "ask": "feedback",
        "id": number,
        "call": CALL,
        "advice": "let_them_verify",
        "verdict": "helpful",
    }
    return request | changed


def ask(asker, request):
    asker.send(pack(request))
    return unpack(receive(asker)[0])


def test_a_verdict_is_counted_once_and_may_be_changed(tmp_path):
    with running_feed(tmp_path, "8001") as feed:
        feed.send(call(), profile())
        feed.passed(2)
        asker = feed.leased_asker("8001")
        for _ in range(2):
            assert ask(asker, verdict()) == {"reply": "feedback", "id": 1}
        assert feed.service._feedback.counts == {"let_them_verify": Count(1, 0)}
        ask(asker, verdict(verdict="wrong"))
        assert feed.service._feedback.counts == {"let_them_verify": Count(0, 1)}


@pytest.mark.parametrize(
    ("changed", "error"),
    [
        ({"call": "B" * 22}, "unknown_call"),
        ({"advice": "sing_a_song"}, "not_given"),
        ({"verdict": "splendid"}, "bad_request"),
        ({"advice": "Let them verify, please"}, "bad_request"),
        ({"call": "13800138000"}, "bad_request"),
        ({"comment": "the customer is called Wang"}, "bad_request"),
    ],
)
def test_anything_but_a_verdict_on_advice_that_was_given_is_refused(tmp_path, changed, error):
    with running_feed(tmp_path, "8001") as feed:
        feed.send(call(), profile())
        feed.passed(2)
        assert ask(feed.leased_asker("8001"), verdict(**changed))["error"] == error
        assert feed.service._feedback.counts == {}


def test_another_seats_call_cannot_be_judged(tmp_path):
    with running_feed(tmp_path, "8001", "8002") as feed:
        feed.send(call(), profile())
        feed.passed(2)
        assert ask(feed.leased_asker("8002"), verdict())["error"] == "unknown_call"


def test_verdicts_are_metered_for_each_seat(tmp_path):
    with running_feed(tmp_path, "8001", "8002") as feed:
        feed.send(call(), profile(), profile(seat="8002"))
        feed.passed(3)
        asker = feed.leased_asker("8001")
        replies = [ask(asker, verdict(number)) for number in range(1, int(VERDICTS_BURST) + 6)]
        assert replies[-1] == {"reply": "error", "id": VERDICTS_BURST + 5, "error": "too_many_requests"}
        assert ask(feed.leased_asker("8002"), verdict()) == {"reply": "feedback", "id": 1}


def test_the_client_sends_it_and_is_told(tmp_path):
    with running_feed(tmp_path, "8001") as feed, feed.seat("8001") as client:
        feed.send(call(), profile())
        told = []
        eventually(lambda: "profile" in str(client.receive(0.1)), "the profile")
        client.feedback(CALL, "let_them_verify", "wrong", told.append)
        client.feedback(CALL, "another_one", "wrong", told.append)
        eventually(lambda: client.receive(0.1) is not None and len(told) == 2, "both answers")
        assert told == ["accepted", "not_given"]


def test_counts_are_journaled_as_codes_and_outlive_the_process(tmp_path, capfd):
    with running_feed(tmp_path, "8001") as feed:
        feed.send(call(), profile())
        feed.passed(2)
        ask(feed.leased_asker("8001"), verdict())
        feed.stop()
        (line,) = re.findall(r'.*"event": "feedback".*', capfd.readouterr().err)
        event = json.loads(line)
        assert {key: event[key] for key in ("advice", "helpful", "wrong")} == {
            "advice": "let_them_verify",
            "helpful": 1,
            "wrong": 0,
        }
        assert set(event) == {"at", "process", "event", "advice", "helpful", "wrong"}
        kept = (feed.state / FEEDBACK_FILE).read_text()
        assert json.loads(kept) == {"v": 1, "strategies": {"let_them_verify": {"helpful": 1, "wrong": 0}}}
    again = Feedback(feed.state)
    again.load()
    again.enter("let_them_verify", "helpful", None)
    assert again.save() == {"let_them_verify": (1, 0)}
    assert again.save() == {}


@pytest.mark.parametrize("content", [b"{", b'{"v": 2}', b'{"v": 1, "strategies": {"Wang Wei": {}}}'])
def test_a_damaged_file_is_said_and_counting_begins_anew(tmp_path, content):
    write_private(tmp_path / FEEDBACK_FILE, content)
    feedback = Feedback(tmp_path)
    with pytest.raises(PrivateFileError, match="move it away"):
        feedback.load()
    assert feedback.counts == {}


def test_strategies_that_are_counted_are_bounded(tmp_path):
    feedback = Feedback(tmp_path)
    for number in range(MAX_STRATEGIES + 5):
        feedback.enter(f"strategy_{number}", "helpful", None)
    assert len(feedback.counts) == MAX_STRATEGIES


def test_the_file_has_one_size_however_many_verdicts_there_are(tmp_path):
    feedback = Feedback(tmp_path)
    feedback.load()
    feedback.save()
    sizes = [(tmp_path / FEEDBACK_FILE).stat().st_size]
    for number in range(MAX_STRATEGIES):
        feedback._counts[f"{'a' * 37}{number:03d}"] = Count(999_999, 999_999)
    feedback.save()
    sizes.append((tmp_path / FEEDBACK_FILE).stat().st_size)
    assert sizes == [FILE_BYTES] * 2
    again = Feedback(tmp_path)
    again.load()
    assert again.counts == feedback.counts
