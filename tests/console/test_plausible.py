import random

import msgspec
import pytest
from msgspec.structs import replace

from appliance.box.status.reports import CaptureReport, Confinement, EngineReport, FeedReport, Process
from appliance.console.plausible import (
    FIXED,
    GAUGES,
    SOONEST_SECONDS,
    bits_a_second,
    plausible,
    plausible_start,
)

CONFINED = Confinement(True, True, True, False, False, False)
PROCESS = Process(version="0.1.0", uptime=100, watchdog=True, confinement=CONFINED)
ENGINE = EngineReport(PROCESS, 0, recognizer="asr-zh-pinyin-telephone", models=("lexicon-zh",))
#: Below the lowest rate at which speech was ever coded intelligibly by a codec in use (Codec 2, 450 bit/s).
SPEECH_BITS_A_SECOND = 450


def later(report, seconds, **changes):
    process = {name: changes.pop(name) for name in list(changes) if name in Process.__struct_fields__}
    told = replace(report.process, uptime=report.process.uptime + seconds, **process)
    return replace(report, process=told, **changes)


def test_a_busy_box_is_believed():
    before = ENGINE
    for _ in range(50):
        now = later(before, 2, calls=60, blocks=before.blocks + 60 * 25 * 2, messages=before.messages + 300,
                    asked=before.blocks + 3000, done=before.blocks + 3000)  # fmt: skip
        assert plausible(before, now, 2.1)
        before = now


@pytest.mark.parametrize(
    "change",
    [
        {"recognizer": "another-model"},
        {"models": ("lexicon-zh", "x")},
        {"version": "6.6.6"},
        {"confinement": None},
        {"watchdog": False},
        {"blocks": 10_000_000},
        {"messages": 2**50},
        {"waiting": GAUGES["waiting"] + 1},
        {"calls": GAUGES["calls"] + 1},
        {"failed": 5_000},
        {"last_jump_ms": 1234},
        {"clock_jumps": 40},
    ],
    ids=str,
)
def test_what_a_process_cannot_have_done_is_not_believed(change):
    assert not plausible(ENGINE, later(ENGINE, 2, **change), 2.0)


@pytest.mark.parametrize("uptime", [0, 50, 150, 2**31])
def test_time_goes_on_as_it_does(uptime):
    assert not plausible(ENGINE, replace(ENGINE, process=replace(PROCESS, uptime=uptime)), 2.0)


def test_a_jump_of_the_clock_is_believed_once_in_a_while():
    now = later(ENGINE, 2, clock_jumps=1, last_jump_ms=-3_600_000)
    assert plausible(ENGINE, now, 2.0)
    assert plausible(now, later(now, 120, clock_jumps=3, last_jump_ms=5), 120.0)


def test_a_late_packet_that_takes_a_lost_one_back_is_believed():
    before = CaptureReport(PROCESS, received=1000, lost=5)
    assert plausible(before, later(before, 2, received=1100, lost=4), 2.0)


def test_after_a_gap_more_may_have_happened():
    now = later(ENGINE, 600, blocks=10_000_000, asked=10_000_000, done=10_000_000)
    assert plausible(ENGINE, now, 600.0)


def test_a_process_that_has_just_begun_has_counted_little():
    begun = replace(ENGINE, process=replace(PROCESS, uptime=2))
    assert plausible_start(begun, 5.0)
    assert not plausible_start(ENGINE, 5.0)
    assert not plausible_start(replace(begun, blocks=10_000_000), 5.0)


def test_the_feed_says_nothing_that_it_could_not_say_to_a_seat():
    before = FeedReport(PROCESS)
    assert plausible(before, replace(before, sent=2**50), 2.0)


@pytest.mark.parametrize("kind", [EngineReport, CaptureReport])
def test_what_can_be_hidden_in_believable_numbers_is_less_than_speech_needs(kind):
    assert bits_a_second(kind) < 250 < SPEECH_BITS_A_SECOND


def test_an_engine_that_spells_bytes_in_its_counters_is_not_believed():
    random.seed(20_261_126)
    counters = [
        field.name
        for field in msgspec.structs.fields(EngineReport)
        if field.name not in FIXED | {"process"} | set(GAUGES)
    ]
    before, believed = ENGINE, 0
    for _ in range(200):
        # Six bytes of coded speech in each counter.
        spelled = {name: random.getrandbits(48) for name in counters}
        believed += plausible(before, later(before, 2, **spelled), SOONEST_SECONDS)
    assert believed == 0
