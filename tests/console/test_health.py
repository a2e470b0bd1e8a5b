import pytest

from appliance.box.config import Config, Engine, Siprec
from appliance.box.status.board import SILENT_MS, Board, Part, Refused
from appliance.box.status.reports import (
    CaptureReport,
    Clock,
    Confinement,
    EngineReport,
    FeedReport,
    Ledger,
    Process,
)
from appliance.console.health import STARTING_MS, Circumstances, expected_parts, judge, worst

NOW = 1_700_000_000_000
CONFINED = Confinement(True, True, True, False, False, False)
CALM = Circumstances(listening_ms=600_000, certificate_days=300, rules_loaded=True)


def process(**fields):
    return Process(version="0.1.0", uptime=600, watchdog=True, confinement=CONFINED, **fields)


def part(report, *, at=NOW, starts=1, progress=NOW):
    name = f"engine-{report.shard}" if isinstance(report, EngineReport) else report.__struct_config__.tag
    return Part(name, 10, at, starts, report, progress)


def sound(**instead):
    reports = {
        "capture": CaptureReport(process(), most_calls=60),
        "engine": EngineReport(process(), 0),
        "feed": FeedReport(process(), enrolled=2, ledger=Ledger("ok")),
    } | instead
    return [part(report) if not isinstance(report, Part) else report for report in reports.values()]


def codes(parts, around=CALM, config=None, refused=None):
    board = Board(box="b", written=NOW, parts=tuple(parts), refused=refused or Refused())
    return {(one.code, one.severity, one.part) for one in judge(board, config or Config(), around)}


def test_a_sound_box_has_nothing_to_say():
    assert codes(sound()) == set()


def test_the_parts_are_those_of_the_configuration():
    assert expected_parts(Config(engine=Engine(processes=2))) == ("capture", "engine-0", "engine-1", "feed")
    assert expected_parts(Config(siprec=Siprec(enabled=False))) == ("engine-0", "feed")


def test_a_part_that_was_never_heard_is_starting_and_then_missing():
    parts = sound()[1:]
    early = Circumstances(listening_ms=STARTING_MS - 1, certificate_days=300, rules_loaded=True)
    assert codes(parts, early) == {("starting", "warn", "capture")}
    assert codes(parts) == {("never_heard", "bad", "capture")}


def test_capture_and_feed_wait_for_the_rules():
    around = Circumstances(listening_ms=600_000, certificate_days=300, rules_loaded=False)
    assert codes(sound()[1:2], around) == {
        ("no_rules_no_start", "bad", "capture"),
        ("no_rules_no_start", "bad", "feed"),
        ("rules_not_loaded", "bad", "console"),
    }


def test_a_silent_part_says_only_that():
    silent = part(EngineReport(process(), 0, failed=3), at=NOW - SILENT_MS - 1)
    assert codes(sound(engine=silent)) == {("silent", "bad", "engine-0")}


@pytest.mark.parametrize("fault", ["authenticator", "private_file", "port", "models"])
def test_why_a_process_failed_stays_when_it_is_gone(fault):
    gone = part(FeedReport(process(state="failed", fault=fault), enrolled=1), at=NOW - 3_600_000)
    assert (f"failed_{fault}", "bad", "feed") in codes(sound(feed=gone))


def test_a_process_that_gets_nothing_done_is_stalled():
    stuck = part(CaptureReport(process(asked=9, done=1), most_calls=60), progress=NOW - 20_000)
    assert codes(sound(capture=stuck)) == {("stalled", "bad", "capture")}


@pytest.mark.parametrize(
    ("feed", "code", "severity"),
    [
        ({"ledger": Ledger("failed", "stop", "ENOSPC")}, "ledger_failed", "bad"),
        ({"ledger": Ledger("failed", "go_on", "ENOSPC")}, "ledger_failed_goes_on", "bad"),
        ({"ledger": Ledger("off")}, "ledger_off", "warn"),
        ({"undecodable": 1}, "door_refused", "bad"),
        ({"over_budget": 1}, "over_budget", "bad"),
        ({"enrolled": 0}, "no_seats", "warn"),
        ({"unclaimed": 1}, "unclaimed", "warn"),
        ({"keys_refused": 1}, "keys_refused", "note"),
    ],
)
def test_what_the_feed_tells_is_judged(feed, code, severity):
    report = FeedReport(process(), **{"enrolled": 2, "ledger": Ledger("ok")} | feed)
    assert codes(sound(feed=report)) == {(code, severity, "feed")}


@pytest.mark.parametrize(
    ("capture", "code"),
    [
        ({"dropped_ms": 100}, "engine_behind"),
        ({"unknown_roles": 1}, "roles_unknown"),
        ({"received": 1000, "lost": 20}, "packets_lost"),
        ({"kernel_dropped": 1}, "kernel_dropped"),
        ({"calls": 55}, "nearly_full"),
        ({"broken_metadata": 1}, "metadata_broken"),
        ({"failed": 1}, "calls_failed"),
        ({"unknown_flags": 1}, "flags_unknown"),
    ],
)
def test_what_capture_tells_is_judged(capture, code):
    report = CaptureReport(process(), **{"most_calls": 60} | capture)
    assert codes(sound(capture=report)) == {(code, "warn", "capture")}


def test_a_few_lost_packets_are_no_news():
    report = CaptureReport(process(), most_calls=60, received=10_000, lost=50)
    assert codes(sound(capture=report)) == set()


def test_a_sandbox_that_does_not_hold_is_named():
    open_engine = Process(
        version="0.1.0",
        uptime=1,
        watchdog=True,
        confinement=Confinement(True, False, True, True, True, False),
    )
    board = Board("b", NOW, tuple(sound(engine=EngineReport(open_engine, 0))), Refused())
    found = {one.code: one for one in judge(board, Config(), CALM)}
    assert found["engine_has_internet"].severity == "bad"
    assert found["sandbox_not_enforced"].facts["settings"] == "SystemCallFilter, LimitCORE"


def test_a_box_that_ridge_run_started_is_told_so_once():
    loose = Process(version="0.1.0", uptime=1, confinement=Confinement(False, False, False, True, True, True))
    parts = [part(EngineReport(loose, 0)), part(CaptureReport(loose)), part(FeedReport(loose, enrolled=1))]
    assert codes(parts) == {("no_sandbox", "warn", "console")}


def test_a_restart_is_told():
    again = part(EngineReport(process(), 0), starts=3)
    assert codes(sound(engine=again)) == {("restarted", "warn", "engine-0")}


@pytest.mark.parametrize(
    ("state", "code", "severity"),
    [
        ("behind", "clock_behind", "bad"),
        ("jumped", "clock_jumped", "warn"),
        ("first", "clock_first", "note"),
    ],
)
def test_a_jump_of_the_clock_is_told_once_whoever_noticed_it(state, code, severity):
    clock = Clock(state, NOW, NOW - 3_600_000, 3600)
    by_feed = sound(feed=FeedReport(process(clock_jumps=1), enrolled=1, clock=clock))
    assert codes(by_feed) == {(code, severity, "console")}
    around = Circumstances(600_000, 300, rules_loaded=True, clock=clock)
    assert codes(sound(), around) == {(code, severity, "console")}
    confirmed = sound(feed=FeedReport(process(clock_jumps=1), enrolled=1, clock=Clock()))
    assert codes(confirmed, around) == set()


def test_a_certificate_of_a_later_time_than_now_is_told():
    around = Circumstances(600_000, 300, rules_loaded=True, certificate_early=True)
    assert codes(sound(), around) == {("certificate_early", "bad", "console")}


def test_models_for_research_only_are_named():
    around = Circumstances(600_000, 300, rules_loaded=True, research_only=frozenset({"prosody-telephone"}))
    report = EngineReport(process(), 0, models=("prosody-telephone", "lexicon-zh"))
    assert codes(sound(engine=report), around) == {("research_only", "warn", "engine-0")}


def test_what_concerns_the_box_is_told_of_the_console():
    around = Circumstances(600_000, 10, unwritten=1, rules_loaded=None)
    assert codes(sound(), around, refused=Refused(1, 1, 1, 1)) == {
        ("status_implausible", "bad", "console"),
        ("another_process", "bad", "console"),
        ("status_malformed", "bad", "console"),
        ("rules_unknown", "note", "console"),
        ("board_unwritten", "warn", "console"),
        ("certificate_ends", "warn", "console"),
    }
    ended = Circumstances(600_000, -1, rules_loaded=True)
    assert codes(sound(), ended) == {("certificate_ended", "bad", "console")}


def test_the_worst_comes_first_and_marks_the_part():
    report = FeedReport(process(), keys_refused=1, undecodable=1)
    board = Board("b", NOW, tuple(sound(feed=report)), Refused())
    found = judge(board, Config(), CALM)
    assert [one.severity for one in found] == ["bad", "warn", "note"]
    assert worst(found, "feed") == "bad"
    assert worst(found, "capture") is None
