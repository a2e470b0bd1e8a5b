from msgspec.structs import replace

from appliance.box.status.reports import LiveCall
from appliance.feed.livecalls import MAX_CALLS, SILENT_SECONDS, LiveCalls
from appliance.protocol.messages import AnalysisPolicy
from tests.protocol.samples import CALL, call, cue, profile

ALL = ("emotion", "prosody", "quotes", "memory")


def test_a_call_is_on_from_its_start_to_its_end():
    calls = LiveCalls()
    calls.enter(call("started", at=0), 100.0)
    assert calls.shown(9, 175.0) == (LiveCall(CALL[:8], "8001", 75, ALL),)
    calls.enter(call("ended", at=80_000), 180.0)
    assert calls.shown(9, 180.0) == ()


def test_a_feed_that_was_started_anew_learns_of_a_call_from_its_profile():
    calls = LiveCalls()
    calls.enter(profile(at=60_000), 100.0)
    assert calls.shown(9, 110.0)[0].seconds == 70


def test_hold_and_policy_are_told_as_they_are():
    calls = LiveCalls()
    calls.enter(call("held", policy=AnalysisPolicy("full", ["emotion", "memory"], "site")), 1.0)
    assert calls.shown(9, 1.0)[0].held
    assert calls.shown(9, 1.0)[0].analyses == ("prosody", "quotes")
    calls.enter(call("resumed", policy=AnalysisPolicy("off", [], "customer")), 2.0)
    assert not calls.shown(9, 2.0)[0].held
    assert calls.shown(9, 2.0)[0].analyses == ()
    assert (calls.shown(9, 2.0)[0].heard, calls.shown(9, 2.0)[0].reason) == (False, "customer")


def test_other_messages_begin_no_call():
    calls = LiveCalls()
    calls.enter(cue(), 1.0)
    assert len(calls) == 0


def test_a_call_that_nobody_speaks_of_any_more_goes():
    calls = LiveCalls()
    calls.enter(call("started"), 0.0)
    assert calls.shown(9, SILENT_SECONDS)
    assert not calls.shown(9, SILENT_SECONDS + 1)


def test_calls_are_bounded_and_the_longest_are_shown_first():
    calls = LiveCalls()
    for number in range(MAX_CALLS + 10):
        calls.enter(replace(call("started", at=0), call=f"{number:022d}"), float(number) / 100)
    assert len(calls) == MAX_CALLS
    shown = calls.shown(5, 60.0)
    assert len(shown) == 5
    assert [one.seconds for one in shown] == sorted((one.seconds for one in shown), reverse=True)
