"""A zone's time never goes back, deadlines are not prolonged, and a jump stays told until it is over."""

from __future__ import annotations

from pathlib import Path

import pytest

from appliance.box.clock.boxclock import FIRST_SECONDS, FOREVER, STORE_SECONDS, BoxClock
from appliance.box.clock.jumps import Moment
from appliance.box.clock.latest import CLOCK_FILE, FILE_BYTES, confirm, read_latest

DAY = 86_400.0
START = 1_764_130_000.0
LONG_UP = 2 * FIRST_SECONDS


class Machine:
    """Two clocks that a test turns, and a box that is started on them."""

    def __init__(self, state: Path, boot: float = LONG_UP) -> None:
        self.state, self.boot, self.wall = state, boot, START
        (state / "feed").mkdir()
        self.start()

    def start(self, seen: int = 0) -> BoxClock:
        self.clock = BoxClock(self.state / "feed" / CLOCK_FILE, seen, lambda: Moment(self.boot, self.wall))
        return self.clock

    def passes(self, seconds: float, *, stepped: float = 0.0) -> list[str]:
        """Time passes, and the wall clock is stepped besides; what is told of it."""
        self.boot += seconds
        self.wall += seconds + stepped
        return [jump.kind for jump in self.clock.turn()]

    @property
    def now(self) -> float:
        return self.clock.now() / 1000

    @property
    def state_told(self) -> str:
        return self.clock.told().state


@pytest.fixture
def machine(tmp_path: Path) -> Machine:
    return Machine(tmp_path)


def test_a_clock_that_keeps_pace_is_the_wall_clock(machine: Machine) -> None:
    assert machine.clock.turn() == []
    for _ in range(20):
        assert machine.passes(0.5, stepped=0.01) == []
        assert machine.now == pytest.approx(machine.wall, abs=0.001)
    assert machine.state_told == "ok"


def test_a_clock_that_is_set_back_prolongs_nothing(machine: Machine) -> None:
    assert machine.passes(0.5, stepped=-3 * DAY) == ["back"]
    assert machine.clock.deadline() == FOREVER
    assert machine.now == pytest.approx(START + 0.5, abs=0.001)
    machine.passes(60)
    assert machine.now == pytest.approx(START + 60.5, abs=0.001)
    told = machine.clock.told()
    assert (told.state, told.behind_seconds) == ("behind", 3 * DAY)
    assert told.was - told.now == 3 * DAY * 1000


@pytest.mark.parametrize("how", ["a step", "slowly"])
def test_a_clock_that_is_set_right_again_is_in_order(machine: Machine, how: str) -> None:
    machine.passes(0.5, stepped=-10.0)
    assert machine.clock.behind
    if how == "a step":
        assert machine.passes(0.5, stepped=10.0) == ["right"]
    else:
        kinds = [kind for _ in range(400) for kind in machine.passes(0.5, stepped=0.04)]
        assert kinds == ["right"]
    assert machine.state_told == "ok"
    assert machine.clock.deadline() == machine.clock.now()
    assert read_latest(machine.state / "feed").jump is None


def test_a_clock_that_is_set_forward_stays_told_until_somebody_confirms_it(machine: Machine) -> None:
    assert machine.passes(0.5, stepped=30 * DAY) == ["forward"]
    assert machine.now == pytest.approx(START + 30 * DAY + 0.5, abs=0.001)
    machine.passes(3600)
    assert machine.state_told == "jumped"
    machine.clock.close()
    assert machine.start().told().state == "jumped"
    assert list(confirm(machine.state, round(machine.wall * 1000)))
    assert machine.passes(0.5) == ["confirmed"]
    assert machine.passes(0.5) == []
    assert machine.state_told == "ok"


def test_the_first_setting_after_a_start_needs_no_confirmation(tmp_path: Path) -> None:
    machine = Machine(tmp_path, boot=40.0)
    assert machine.passes(0.5, stepped=400 * DAY) == ["first"]
    assert machine.state_told == "first"
    assert machine.passes(0.5, stepped=DAY) == ["forward"]
    assert machine.state_told == "jumped"


def test_a_clock_that_was_set_back_while_nothing_ran_is_noticed(machine: Machine) -> None:
    machine.passes(STORE_SECONDS)
    machine.clock.close()
    machine.wall -= DAY
    assert [jump.kind for jump in machine.start().turn()] == ["behind"]
    assert machine.clock.deadline() == FOREVER
    assert machine.now == pytest.approx(START + STORE_SECONDS, abs=0.001)
    # A power cut on a box without a battery: then the time comes from the network.
    assert machine.passes(20, stepped=DAY + 5) == ["right", "forward"]


def test_what_the_ledger_has_signed_counts_where_the_file_is_lost(machine: Machine) -> None:
    (machine.state / "feed" / CLOCK_FILE).unlink()
    assert [jump.kind for jump in machine.start(seen=round((START + 60) * 1000)).turn()] == ["behind"]


@pytest.mark.parametrize("running", [True, False])
def test_an_admin_ends_what_a_wrong_clock_left(machine: Machine, running: bool) -> None:
    """Set forward by a year in error, and back: nothing but a person knows that this is right."""
    machine.passes(0.5, stepped=365 * DAY)
    assert machine.passes(0.5, stepped=-365 * DAY) == ["back"]
    if not running:
        machine.clock.close()
    assert list(confirm(machine.state, round(machine.wall * 1000)))
    if not running:
        # The ledger has the later time, too.
        machine.start(seen=machine.clock.now())
    assert machine.passes(0.5) == ["confirmed"]
    assert not machine.clock.behind
    assert machine.now == pytest.approx(machine.wall, abs=0.001)
    machine.clock.close()
    assert machine.start().turn() == []


def test_a_confirmation_covers_no_later_jump(machine: Machine) -> None:
    machine.passes(0.5, stepped=-DAY)
    list(confirm(machine.state, round(machine.wall * 1000)))
    assert machine.passes(0.5, stepped=-DAY) == ["confirmed", "back"]
    assert machine.clock.behind


def test_the_file_never_grows(machine: Machine) -> None:
    path = machine.state / "feed" / CLOCK_FILE
    for stepped in (0.0, -DAY, 3 * DAY, 0.0):
        machine.passes(STORE_SECONDS, stepped=stepped)
        assert path.stat().st_size == FILE_BYTES
    assert path.stat().st_mode & 0o777 == 0o600


def test_a_damaged_file_is_begun_anew(machine: Machine) -> None:
    path = machine.state / "feed" / CLOCK_FILE
    path.write_bytes(b"\xff" * 4000)
    assert machine.start().turn() == []
    assert machine.passes(STORE_SECONDS) == []
    assert read_latest(machine.state / "feed").latest == round(machine.wall * 1000)


def test_a_disk_that_cannot_be_written_ends_nothing(tmp_path: Path) -> None:
    clock = BoxClock(tmp_path / "no" / "such" / CLOCK_FILE)
    assert clock.turn() == []
    clock.close()


def test_a_correction_by_seconds_is_caught_up_with(machine: Machine) -> None:
    assert machine.passes(0.5, stepped=-20.0) == ["back"]
    assert machine.clock.behind
    before = machine.now
    kinds = [kind for _ in range(60) for kind in machine.passes(0.5)]
    assert kinds == ["right"]
    assert machine.now == pytest.approx(machine.wall, abs=0.001)
    assert 0 <= machine.now - before <= 15, "time stood still meanwhile, and did not go back"
    assert machine.state_told == "ok"


def test_what_is_forgiven_is_a_minute_a_day(machine: Machine) -> None:
    """Whoever sets the clock back again and again does not stop the time."""
    begun = machine.now
    for _ in range(30):
        machine.passes(0.5, stepped=-20.0)
        for _ in range(60):
            machine.passes(0.5)
    assert machine.clock.behind
    assert machine.now - begun >= 30 * 30.5 - 60 - 1
