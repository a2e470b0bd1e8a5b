"""What is a jump of the wall clock, and what is none."""

from __future__ import annotations

import pytest

from appliance.box.clock.jumps import JumpWatch, Moment, read


def watched(*steps: tuple[float, float]) -> list[float]:
    """The jumps that a watch finds; each step is seconds of CLOCK_BOOTTIME and of the wall clock."""
    boot, wall = 100.0, 1_000.0
    watch, found = JumpWatch(Moment(boot, wall)), []
    for passed, shown in steps:
        boot, wall = boot + passed, wall + shown
        found.append(round(watch.look(Moment(boot, wall)), 3))
    return found


def test_a_clock_that_is_slewed_has_not_jumped() -> None:
    # chrony's fastest, both ways
    assert not any(watched(*[(0.5, 0.5 + 0.0416)] * 1000))
    assert not any(watched(*[(2.0, 2.0 - 0.1666)] * 1000))


def test_a_machine_that_was_suspended_has_not_jumped() -> None:
    assert watched((0.5, 0.5), (36_000.0, 36_000.0), (0.5, 0.5)) == [0.0, 0.0, 0.0]


def test_every_jump_counts_once_with_its_direction() -> None:
    found = watched((0.5, 3600.5), (0.5, 0.5), (0.5, -3599.5), (0.5, 0.5))
    assert found == [3600.0, 0.0, -3600.0, 0.0]


@pytest.mark.parametrize("step", [0.9, -0.9])
def test_many_small_steps_are_a_jump(step: float) -> None:
    assert sum(map(abs, watched(*[(0.5, 0.5 + step)] * 20))) > 15


def test_a_small_step_is_forgiven() -> None:
    assert not any(watched((0.5, 1.4), *[(0.5, 0.5)] * 40, (0.5, 1.4)))


def test_the_clocks_of_this_machine_keep_pace() -> None:
    watch = JumpWatch(read())
    assert watch.look(read()) == 0.0
