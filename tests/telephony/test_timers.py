"""Timers without a clock."""

from __future__ import annotations

from appliance.telephony.timers import Timers


def test_timers_run_in_the_order_in_which_they_are_due() -> None:
    timers, ran = Timers(), []
    for due in (3.0, 1.0, 2.0, 1.0):
        timers.start(due, lambda now, due=due: ran.append((due, now)))  # type: ignore[misc]
    assert timers.next_due() == 1.0
    timers.run(2.5)
    assert ran == [(1.0, 2.5), (1.0, 2.5), (2.0, 2.5)]
    assert timers.next_due() == 3.0


def test_a_cancelled_timer_is_neither_run_nor_waited_for() -> None:
    timers, ran = Timers(), []
    first = timers.start(1.0, ran.append)
    timers.start(2.0, ran.append)
    first.cancel()
    assert timers.next_due() == 2.0
    timers.run(5.0)
    assert ran == [5.0]
    assert timers.next_due() is None


def test_a_timer_may_start_and_cancel_others() -> None:
    timers, ran = Timers(), []
    victim = timers.start(2.0, lambda _: ran.append("victim"))

    def first(_now: float) -> None:
        victim.cancel()
        timers.start(1.5, lambda _: ran.append("child"))
        timers.start(9.0, lambda _: ran.append("later"))

    timers.start(1.0, first)
    timers.run(3.0)
    assert ran == ["child"]
    assert timers.next_due() == 9.0
