"""A compromised engine or capture, and a reader of the console's pages or metrics in league with it."""

from __future__ import annotations

import math
import random

import msgspec
import pytest
from msgspec.structs import replace

from appliance.box.status.board import name_of
from appliance.box.status.reports import CaptureReport, EngineReport, Process, Report, encode
from appliance.console.collector import Collector
from appliance.console.plausible import (
    FEW,
    FIXED,
    GAUGES,
    LIMITS,
    SLACK_SECONDS,
    SOONEST_SECONDS,
    bits_a_second,
)
from tests.adversary.attempts import Attempts

WALL = 1_700_000_000_000
REPORTS = 300
#: As often as reports are taken, and a moment more.
EVERY_SECONDS = SOONEST_SECONDS + 0.001
PROCESS = Process(version="0.1.0", uptime=0)


def carriers(kind: type[Report]) -> dict[str, int]:
    """Every number of a report, and how many values it may take next to the one before."""
    names = [field.name for field in msgspec.structs.fields(kind) if field.name not in FIXED | {"process"}]
    return {
        name: GAUGES.get(name, int(LIMITS.get(name, FEW) * (SOONEST_SECONDS + SLACK_SECONDS))) + 1
        for name in names
    }


def smuggled(first: Report) -> float:
    """Bits a second of a random payload that a reader of the status board finds in a process's numbers."""
    payload, collector = random.Random(1), Collector("branch")
    radices = carriers(type(first))
    before, bits = first, 0.0
    collector.take(encode(first), 1, 0.0)
    for number in range(1, REPORTS):
        now = number * EVERY_SECONDS
        digits = {name: payload.randrange(radix) for name, radix in radices.items()}
        values = {
            name: digit if name in GAUGES else getattr(before, name) + digit for name, digit in digits.items()
        }
        told = replace(before, process=replace(PROCESS, uptime=int(now)), **values)
        if not collector.take(encode(told), 1, now):
            continue
        part = collector.board(now, WALL).part(name_of(told))
        assert part is not None
        read = {
            name: getattr(part.report, name) - (0 if name in GAUGES else getattr(before, name))
            for name in radices
        }
        assert read == digits
        bits += sum(math.log2(radix) for radix in radices.values())
        before = told
    return bits / (REPORTS * EVERY_SECONDS)


@pytest.mark.parametrize("first", [EngineReport(PROCESS, 0), CaptureReport(PROCESS)], ids=name_of)
def test_what_is_hidden_in_a_processs_own_numbers_is_less_than_speech_needs(
    attempts: Attempts, first: EngineReport | CaptureReport
) -> None:
    came = smuggled(first)
    # A test whose adversary gets nothing through would not know whether the budget holds.
    assert came > 50
    who = "engine" if isinstance(first, EngineReport) else "capture"
    attempts.measured(
        f"{who}.status_numbers", who,
        "把内容藏进发给控制台的状态计数里，由能看控制台或指标的人读出。",
        "Hide content in the counters that it reports to the console, for a reader of the pages or metrics.",
        came=came, budget=bits_a_second(type(first)),
    )  # fmt: skip


def test_free_numbers_and_made_up_names_are_not_believed(attempts: Attempts) -> None:
    payload, collector = random.Random(2), Collector("branch")
    first = EngineReport(PROCESS, 0, models=("lexicon-zh",))
    collector.take(encode(first), 1, 0.0)
    for number in range(1, 100):
        now = number * SOONEST_SECONDS
        process = replace(PROCESS, uptime=int(now))
        spelled = {name: payload.getrandbits(48) for name in carriers(EngineReport) if name not in GAUGES}
        collector.take(encode(replace(first, process=process, **spelled)), 1, now)
        name = "".join(payload.choice("abcdefghijklmnop") for _ in range(64))
        collector.take(encode(replace(first, process=process, models=(name,))), 1, now)
    part = collector.board(now, WALL).part("engine-0")
    assert part is not None
    attempts.stopped(
        "engine.status_free", "engine",
        "在状态报告里写任意数字和自造的模型名。",
        "Write any numbers, and names of models that it made up, into its reports.",
        came=None if part.report == first else "a report was believed that cannot be true",
    )  # fmt: skip
    assert collector.board(now, WALL).refused.implausible == 198
