"""The calls as a seat and a supervisor see them: clocks, staleness, history and order."""

from __future__ import annotations

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec.structs import replace

from appliance.protocol.messages import BeatMessage, EmotionState, Objection, OpportunityMessage
from appliance.seat.call_history import MAX_POINTS, CallHistory
from appliance.seat.calls import ENDED_KEPT, MAX_CALLS, Calls
from appliance.seat.panel_messages import TabView
from appliance.seat.urgency import urgency
from tests.protocol.arbitrary import SEAT_MESSAGES
from tests.protocol.samples import CALL, OBJECTED, USUAL, WALL, call, cue, profile

plain = msgspec.to_builtins


def at_box(message, wall_ms):
    return plain(replace(message, wall=WALL + wall_ms))


def beat(wall_ms, seat="8001"):
    return plain(BeatMessage(1, seat, 0, WALL + wall_ms))


def call_id(number):
    return f"call-{number:017d}"


def test_a_call_that_runs_has_a_clock_that_runs():
    calls = Calls()
    calls.update(at_box(call(), 0), 100.0)
    calls.update(at_box(profile(at=1000), 1000), 101.0)
    shown = calls.get(CALL)
    assert calls.elapsed_ms(shown, 101.0) == 1000
    assert calls.elapsed_ms(shown, 103.5) == 3500


def test_the_clock_of_a_call_that_is_joined_late_is_the_boxs():
    calls = Calls()
    calls.update(at_box(call(), 0), 500.0)
    calls.update(at_box(profile(at=60_000), 60_000), 500.0)
    calls.update(beat(75_000), 500.0)
    assert calls.elapsed_ms(calls.get(CALL), 500.0) == 75_000


def test_the_clock_stands_on_hold_and_the_hold_is_counted():
    calls = Calls()
    calls.update(at_box(call(), 0), 0.0)
    calls.update(at_box(call("held", at=10_000), 10_000), 10.0)
    held = calls.get(CALL)
    assert calls.elapsed_ms(held, 25.0) == 10_000
    assert calls.held_ms(held, 25.0) == 15_000
    calls.update(at_box(call("resumed", at=30_000), 30_000), 30.0)
    assert calls.elapsed_ms(held, 31.0) == 31_000
    assert calls.held_ms(held, 31.0) == 0
    calls.update(at_box(call("ended", at=40_000), 40_000), 40.0)
    assert calls.elapsed_ms(held, 99.0) == 40_000
    assert held.history.holds == [[10_000, 30_000]]


def test_a_clock_of_the_box_that_was_set_makes_no_call_of_a_year():
    calls = Calls()
    calls.update(at_box(call(), 0), 0.0)
    calls.update(at_box(call(call_id=call_id(1)), 365 * 86_400_000), 1.0)
    assert calls.elapsed_ms(calls.get(CALL), 1.0) == 86_400_000


def test_an_event_from_before_the_end_does_not_wake_a_call():
    calls = Calls()
    calls.update(at_box(call("ended", at=9000), 9000), 1.0)
    calls.update(at_box(call("started"), 0), 2.0)
    assert calls.get(CALL).over


def test_silence_makes_the_view_stale_as_soon_as_beats_are_missing():
    calls = Calls()
    assert not calls.stale(1000.0)
    calls.update(beat(0), 0.0)
    calls.update(beat(2000), 2.0)
    assert not calls.stale(6.5)
    assert calls.stale(7.5)
    calls.update(beat(8000), 8.0)
    assert not calls.stale(8.1)


def test_a_site_with_rare_beats_is_not_called_stale_between_them():
    calls = Calls()
    for second in (0, 20, 40):
        calls.update(beat(second * 1000), float(second))
    assert not calls.stale(70.0)
    assert calls.stale(82.0)


def test_the_beats_of_many_seats_at_once_are_no_interval():
    calls = Calls()
    for second in (0, 20, 40):
        for seat in ("8001", "8002", "8003"):
            calls.update(beat(second * 1000, seat), second + 0.001)
    assert not calls.stale(70.0)


def test_the_newest_running_call_is_the_current_one():
    calls = Calls()
    calls.update(plain(call(call_id=call_id(1))), 0.0)
    calls.update(plain(call(call_id=call_id(2))), 1.0)
    assert calls.current().id == call_id(2)
    calls.update(plain(call("ended", call_id=call_id(2))), 2.0)
    assert calls.current().id == call_id(1)
    calls.update(plain(call("ended", call_id=call_id(1))), 3.0)
    assert calls.current().id == call_id(2)


def test_what_was_not_followed_up_stays_with_the_call():
    calls = Calls()
    calls.update(plain(call("ended", at=9000)), 0.0)
    calls.update(
        plain(OpportunityMessage(1, CALL, "8001", 0, 4000, WALL, "purchase_intent", 0.7, "gold")), 0.1
    )
    told = TabView().next(calls, 0.2)
    assert [(one["code"], one["tag"]) for one in told["calls"][0]["opportunities"]] == [
        ("purchase_intent", "gold")
    ]
    assert told["call"]["cues"] == []


def test_a_message_of_a_later_version_of_the_feed_changes_nothing():
    calls = Calls()
    calls.update(plain(call()), 0.0)
    calls.update({"type": "weather", "call": CALL, "seat": "8001", "at": 5, "wall": WALL}, 0.1)
    assert not calls.get(CALL).cues


def test_what_is_kept_is_bounded():
    calls = Calls()
    for number in range(40):
        calls.update(plain(call("ended", call_id=call_id(number))), 0.0)
    assert [kept.id for kept in calls.all()] == [call_id(number) for number in range(40 - ENDED_KEPT, 40)]
    for number in range(MAX_CALLS + 50):
        calls.update(plain(call(call_id=call_id(1000 + number), seat=f"s{number}")), 0.0)
    assert len(calls.all()) == MAX_CALLS
    shown = calls.current()
    for number in range(1000):
        calls.update(plain(cue(call_id=shown.id, at=number)), 0.0)
        calls.mark(shown.id, f"advice_{number}", "wrong", "sent")
    assert len(shown.cues) <= 12
    assert len(shown.marks) <= 64


def test_a_long_call_keeps_its_shape_in_few_points():
    history = CallHistory()
    for second in range(4 * 3600):
        history.add(plain(profile(at=second * 1000, score=second % 100)))
    assert len(history.points) <= MAX_POINTS
    assert history.points[0][0] == 0
    assert history.points[-1][0] == (4 * 3600 - 1) * 1000
    times = [point[0] for point in history.points]
    assert times == sorted(times)
    assert history.revision > 0
    assert len(history.valence(40)) == 40


def test_what_cannot_be_taken_back_is_most_urgent():
    quiet = plain(profile(score=60))
    objecting = plain(profile(score=60))
    calm = profile(score=60)
    angry = plain(
        replace(calm, influence=replace(calm.influence, emotion=EmotionState("angry", 0.9, -0.6, 0.7, True)))
    )
    hostile = plain(
        replace(
            calm,
            influence=replace(calm.influence, objections=[Objection("hostile_resistance", 0.9, 1, True)]),
        )
    )
    quiet["influence"]["objections"] = []
    points = [urgency(part, []).points for part in (quiet, objecting, hostile, angry)]
    assert points == sorted(set(points))
    promised = urgency(quiet, [("pacing.promise_return", 3.0)])
    assert promised.points > points[2]
    assert promised.reasons == ("pacing.promise_return",)
    assert urgency(quiet, [("pacing.promise_return", 300.0)]).points == points[0]


def test_calls_come_by_urgency_and_ended_ones_last():
    calls = Calls()
    for number, score in enumerate((50, 5, 25)):
        calls.update(plain(call(call_id=call_id(number), seat=str(number))), 0.0)
        calls.update(plain(profile(call_id=call_id(number), seat=str(number), score=score)), 0.0)
    calls.update(plain(call("ended", call_id=call_id(1), seat="1")), 1.0)
    assert [one.seat for one in calls.by_urgency(2.0)] == ["2", "0", "1"]


@given(st.lists(SEAT_MESSAGES, max_size=12))
@settings(max_examples=40, deadline=None)
def test_every_valid_message_can_be_shown_to_a_tab(messages):
    calls, tab = Calls(), TabView()
    for number, message in enumerate(messages):
        calls.update(plain(message), float(number))
        told = tab.next(calls, number + 0.5)
        assert msgspec.json.decode(msgspec.json.encode(told)) is not None


def test_a_tab_is_told_what_is_new_only():
    calls, tab = Calls(), TabView()
    calls.update(plain(call()), 0.0)
    calls.update(plain(profile()), 0.0)
    first = tab.next(calls, 0.1)
    assert first["call"]["points"]
    assert [one["id"] for one in first["calls"]] == [CALL]
    again = tab.next(calls, 0.2)
    assert "call" not in again
    assert again["calls"] == []
    calls.update(plain(profile(at=2000)), 0.3)
    more = tab.next(calls, 0.4)
    assert (more["call"]["from"], len(more["call"]["points"])) == (1, 1)
    tab.watch(CALL)
    whole = tab.next(calls, 0.5)
    assert (whole["call"]["from"], len(whole["call"]["points"])) == (0, 2)


def test_an_objection_takes_everything_of_the_call_away_and_says_why():
    calls, tab = Calls(), TabView()
    for message in (call(), profile(), cue()):
        calls.update(at_box(message, 1000), 1.0)
    told = tab.next(calls, 1.0)["call"]
    assert told["points"]
    assert told["profile"] is not None
    calls.mark(CALL, "let_them_verify", "helpful", "sent")
    calls.update(at_box(call("held", at=2000), 2000), 2.0)
    for message in (call("held", at=9000, policy=OBJECTED), profile(at=9000, policy=OBJECTED), cue(at=9000)):
        calls.update(at_box(message, 9000), 9.0)
    shown = calls.get(CALL)
    assert (shown.profile, shown.cues, shown.marks, shown.history.points) == (None, [], {}, [])
    assert shown.unheard
    assert calls.held_ms(shown, 9.0) == 7000
    told = tab.next(calls, 9.0)["call"]
    assert (told["profile"], told["points"], told["from"], told["cue"]) == (None, [], 0, None)
    assert told["policy"]["reason"] == "customer"


def test_what_is_off_is_known_from_the_newest_message_that_says_it():
    calls = Calls()
    calls.update(at_box(call(), 0), 0.0)
    assert not calls.get(CALL).is_off("quotes")
    calls.update(at_box(profile(policy=USUAL), 1000), 1.0)
    calls.update(at_box(cue(), 1000), 1.0)
    assert calls.get(CALL).is_off("quotes")
    assert not calls.get(CALL).is_off("emotion")


@pytest.mark.parametrize("jump", [-3 * 86_400_000, 3 * 86_400_000])
@pytest.mark.parametrize("told_before_the_beat", [True, False])
def test_a_calls_clock_goes_on_when_the_boxs_clock_is_set(jump, told_before_the_beat):
    calls = Calls()
    calls.update(at_box(profile(at=10_000), 10_000), 10.0)
    calls.update(beat(10_000), 10.0)
    if told_before_the_beat:
        calls.update(at_box(profile(at=13_000), 13_000 + jump), 13.0)
    calls.update(beat(15_000 + jump), 15.0)
    assert calls.elapsed_ms(calls.current(), 16.0) == 16_000
    calls.update(at_box(profile(at=18_000), 18_000 + jump), 18.0)
    assert calls.elapsed_ms(calls.current(), 20.0) == 20_000
    assert calls.current().at == 18_000
