import msgspec

from appliance.box.status.reports import CaptureReport, EngineReport, FeedReport, Process, encode
from appliance.console.collector import SUCCESSION_SECONDS, Collector

WALL = 1_700_000_000_000


def report(calls=0, uptime=1.0, **process):
    return encode(CaptureReport(Process(version="0.1.0", uptime=int(uptime), **process), calls=calls))


def test_the_last_report_of_every_process_is_kept():
    collector = Collector("branch")
    process = Process(version="0.1.0", uptime=1)
    for number, one in enumerate([EngineReport(process, 0), EngineReport(process, 1), FeedReport(process)]):
        assert collector.take(encode(one), 100 + number, 0.0)
    assert collector.take(report(calls=1), 99, 0.0)
    assert collector.take(report(calls=2), 99, 2.0)
    board = collector.board(3.0, WALL + 3000)
    assert [part.name for part in board.parts] == ["capture", "engine-0", "engine-1", "feed"]
    assert board.part("capture").report.calls == 2
    assert (board.part("capture").at, board.part("engine-1").pid) == (WALL + 2000, 101)


def test_what_is_no_report_is_counted_and_changes_nothing():
    collector = Collector("branch")
    collector.take(report(calls=1), 1, 0.0)
    before = collector.board(0.0, WALL).parts
    for data in (b"", b"\xc1", b"\x00" * 70_000, msgspec.msgpack.encode({"role": "capture"})):
        assert not collector.take(data, 1, 5.0)
    assert collector.board(0.0, WALL).parts == before
    assert collector.board(0.0, WALL).refused.malformed == 4


def test_a_process_is_heard_about_every_two_seconds():
    collector = Collector("branch")
    taken = [collector.take(report(calls=n), 1, n / 10) for n in range(31)]
    assert sum(taken) == 2
    assert collector.board(0.0, WALL).refused.too_soon == 29


def test_nobody_takes_the_name_of_a_process_that_lives():
    collector = Collector("branch")
    collector.take(report(calls=1), 1, 0.0)
    assert not collector.take(report(calls=9), 2, 2.0)
    assert collector.board(0.0, WALL).part("capture").report.calls == 1
    assert collector.board(0.0, WALL).refused.another == 1


def test_a_successor_is_heard_after_a_last_word_or_a_silence():
    collector = Collector("branch")
    collector.take(report(), 1, 0.0)
    collector.take(report(state="stopping"), 1, 0.1)
    assert collector.take(report(), 2, 0.2)
    assert collector.take(report(), 3, 0.2 + SUCCESSION_SECONDS)
    assert collector.board(0.0, WALL).part("capture").starts == 3


def test_what_a_failed_process_says_while_it_tidies_up_does_not_hide_why_it_failed():
    collector = Collector("branch")
    collector.take(report(), 1, 0.0)
    collector.take(report(state="failed", fault="port"), 1, 0.1)
    collector.take(report(state="stopping"), 1, 5.0)
    assert collector.board(0.0, WALL).part("capture").report.process.fault == "port"


def test_a_process_that_is_asked_and_gets_nothing_done_makes_no_progress():
    collector = Collector("branch")
    for second, (asked, done) in enumerate([(10, 10), (20, 20), (30, 20), (40, 20), (40, 20), (50, 60)]):
        told = report(uptime=2 * second, asked=asked, done=done)
        collector.take(told, 1, 2.0 * second)
        told = collector.board(2.0 * second, WALL + 2000 * second).part("capture").progress - WALL
        # Between two reports without new work there is nothing to wait for.
        assert told == {2: 2000, 3: 2000}.get(second, 2000 * second)


def test_what_cannot_be_true_is_counted_and_not_believed():
    collector = Collector("branch")
    collector.take(report(calls=1), 1, 0.0)
    assert not collector.take(report(calls=2, asked=10_000_000), 1, 2.0)
    assert not collector.take(report(calls=2, uptime=500), 1, 2.0)
    assert collector.board(0.0, WALL).part("capture").report.calls == 1
    assert collector.board(0.0, WALL).refused.implausible == 2
    assert collector.take(report(calls=2, uptime=3), 1, 4.0)


def test_a_successor_cannot_have_counted_before_its_predecessor_fell_silent():
    collector = Collector("branch")
    collector.take(report(), 1, 0.0)
    collector.take(report(state="stopping"), 1, 0.1)
    assert not collector.take(report(uptime=600), 2, 2.0)
    assert not collector.take(report(uptime=1, done=10_000_000), 2, 2.0)
    assert collector.take(report(uptime=1, done=10), 2, 2.0)
