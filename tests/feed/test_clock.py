"""A clock that jumps under a running feed: what hangs on time is closed, what is on goes on."""

from __future__ import annotations

import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from appliance.box.clock.jumps import Moment
from appliance.box.clock.latest import CLOCK_FILE, confirm, read_latest
from appliance.feed.codes import CodeError
from appliance.feed.grants import Entry
from appliance.feed.keys import CurveKeys
from appliance.feed.ledger import Ledger, file_name, file_numbers, ledger_key
from appliance.feed.ledger_records import ClockJump, Sent, record_of
from appliance.feed.ledger_verify import LedgerVerifier
from tests.feed.running import RunningFeed, eventually, running_feed, until
from tests.protocol.samples import call, profile

HOUR = 3_600_000
DAY = 24 * HOUR


class Clock:
    """The feed's two clocks: true to the machine's, but for the wall clock's error, which a test sets."""

    def __init__(self, feed: RunningFeed) -> None:
        self.ahead_ms = 0
        self._feed = feed
        feed.service._clock._moment = self.moment

    def moment(self) -> Moment:
        return Moment(time.clock_gettime(time.CLOCK_BOOTTIME), time.time() + self.ahead_ms / 1000)

    def step(self, milliseconds: int) -> None:
        """Set the wall clock, and wait until the feed has noticed."""
        before = self._feed.service._clock._watch.jumps
        self.ahead_ms += milliseconds
        eventually(lambda: self._feed.service._clock._watch.jumps > before, "the jump to be noticed")
        # What is done about it is done in the same turn.
        eventually(lambda: not self._feed.service._egress._jumps, "the jump to be entered")

    @property
    def wall(self) -> int:
        return round(self.moment().wall * 1000)


@pytest.fixture
def feed(tmp_path: Path) -> Iterator[RunningFeed]:
    with running_feed(tmp_path, "8001", "8002") as running:
        yield running


def records(feed: RunningFeed) -> list[object]:
    directory = feed.state / "ledger"
    return [
        record_of(line)
        for number in file_numbers(directory)
        for line in (directory / file_name(number)).read_bytes().splitlines()
    ]


def verified(feed: RunningFeed) -> None:
    key = ledger_key(feed.state).public_key()
    assert LedgerVerifier(feed.state / "ledger", key).verify().problems == []


@pytest.mark.parametrize("step", [-3 * DAY, 3 * DAY])
def test_a_call_that_is_on_goes_on(feed: RunningFeed, step: int) -> None:
    clock = Clock(feed)
    seat = feed.listener("8001")
    feed.send(call(), profile())
    until(seat, "profile")
    held = len(feed.service._leases)
    clock.step(step)
    feed.send(profile())
    until(seat, "profile")
    feed.send(call("ended"))
    until(seat, "call")
    assert len(feed.service._leases) == held
    feed.stop()
    verified(feed)
    times = [record.t for record in records(feed)]
    assert times == sorted(times)
    jumps = [record for record in records(feed) if isinstance(record, ClockJump)]
    assert [jump.kind for jump in jumps][:1] in (["back"], ["forward"], ["first"])
    assert abs(jumps[0].now - jumps[0].was - step) < 2_000
    assert any(isinstance(record, Sent) and record.n > jumps[0].n for record in records(feed))


@pytest.mark.parametrize("step", [-HOUR, HOUR])
def test_open_codes_are_void(feed: RunningFeed, step: int) -> None:
    clock, codes = Clock(feed), feed.service._codes
    ((_, code),) = codes.issue([Entry("8003")], clock.wall, clock.wall + DAY)
    eventually(lambda: feed.service._sockets.enrolment.socket is not None, "the port to open")
    clock.step(step)
    eventually(lambda: feed.service._sockets.enrolment.socket is None, "the port to close")
    with pytest.raises(CodeError):
        codes.redeem("8003", code, CurveKeys.generate().public, clock.wall)


def test_no_code_is_taken_while_the_clock_is_behind_and_new_ones_are_once_it_is_confirmed(
    feed: RunningFeed, ridge: object
) -> None:
    clock, codes, enrolment = Clock(feed), feed.service._codes, feed.service._sockets.enrolment
    clock.step(-DAY)
    codes.issue([Entry("8003")], clock.wall, clock.wall + HOUR)
    time.sleep(1.2)
    assert enrolment.socket is None
    assert list(confirm(feed.config.box.state_directory, clock.wall))
    eventually(lambda: not feed.service._clock.behind, "the confirmation")
    eventually(lambda: codes.read() == {}, "what a clock that is behind has given out to be void")
    codes.issue([Entry("8003")], clock.wall, clock.wall + HOUR)
    eventually(lambda: enrolment.socket is not None, "the port to open")


def test_a_replaced_key_is_refused_while_the_clock_is_behind_and_the_new_one_is_not(
    feed: RunningFeed,
) -> None:
    clock, old, new = Clock(feed), feed.keys["8001"], CurveKeys.generate()
    feed.book.rotate("8001", new.public, clock.wall, DAY)
    admit = feed.service._admission.admit
    eventually(lambda: admit(new.public.decode()) is not None, "the new key")
    assert admit(old.public.decode()) is not None
    clock.step(-2 * DAY)
    eventually(lambda: admit(old.public.decode()) is None, "the old key to be refused")
    assert admit(new.public.decode()) is not None
    clock.step(2 * DAY)
    eventually(lambda: admit(old.public.decode()) is not None, "the old key, which is in its time")


def test_days_of_a_wrong_clock_are_forgotten(feed: RunningFeed) -> None:
    clock, days = Clock(feed), feed.service._days
    clock.step(30 * DAY)
    feed.send(call("ended"))
    eventually(lambda: len(days.days) == 1, "the call to be counted")
    clock.step(-30 * DAY)
    assert len(days.days) == 1, "by the latest time that was seen it is today"
    assert list(confirm(feed.config.box.state_directory, clock.wall))
    eventually(lambda: days.days == {}, "the day that is not there yet to be forgotten")


def test_a_confirmed_clock_takes_the_ledger_back_and_it_verifies(feed: RunningFeed) -> None:
    clock, seat = Clock(feed), feed.listener("8001")
    clock.step(365 * DAY)
    feed.send(profile())
    until(seat, "profile")
    clock.step(-365 * DAY)
    assert list(confirm(feed.config.box.state_directory, clock.wall))
    eventually(lambda: not feed.service._clock.behind, "the confirmation")
    feed.send(profile())
    until(seat, "profile")
    feed.stop()
    verified(feed)
    kinds = [record.kind for record in records(feed) if isinstance(record, ClockJump)]
    assert kinds[1:] == ["back", "confirmed"]
    assert records(feed)[-1].t < clock.wall + HOUR


def test_a_clock_that_was_set_back_before_the_start_is_noticed(tmp_path: Path) -> None:
    with running_feed(tmp_path, "8001") as feed:
        eventually(lambda: read_latest(feed.state) is not None, "the time to be kept")
    (feed.state / CLOCK_FILE).unlink()
    # The ledger was signed at a later time than now.
    ledger = Ledger(feed.state / "ledger", ledger_key(feed.state), 64)
    ledger.open(time.time_ns() // 1_000_000 + DAY)
    ledger.close(time.time_ns() // 1_000_000 + DAY)
    with running_feed(tmp_path) as again:
        again.book = feed.book
        eventually(lambda: read_latest(again.state).jump is not None, "the jump to be kept")
        assert read_latest(again.state).jump.kind == "behind"
        assert again.service._clock.told().state == "behind"
        again.stop()
        verified(again)


def test_times_that_go_back_without_a_word_are_found(tmp_path: Path) -> None:
    """Whoever has the ledger's key might date entries anew; their order is a record's, too."""
    key = ledger_key(tmp_path)
    ledger = Ledger(tmp_path / "ledger", key, 16)
    ledger.open(2 * DAY)
    ledger._at = ledger._at.__class__(
        **{**{name: getattr(ledger._at, name) for name in ("n", "chain", "file", "size")}, "t": 0}
    )
    ledger.enter_all("beat", [("seat/8001/", b"x" * 8)], DAY)
    ledger.flush(DAY)
    ledger.close(DAY)
    problems = LedgerVerifier(tmp_path / "ledger", key.public_key()).verify().problems
    assert any("its time is before" in problem for problem in problems)
