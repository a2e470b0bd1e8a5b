"""Whether a report can be true after the one before it: what a process cannot have done is not believed.

Numbers that may be anything would carry anything: an engine that was taken over could spell coded speech in
its counters, for whoever reads the pages or the metrics. So names do not change while a process lives, time
goes on as it does, and no counter moves faster than a full box could move it. What is left is below 250 bits
a second (`bits_a_second`), where the lowest speech codecs need 450 (Codec 2 has such a mode). Pure.
"""

from __future__ import annotations

import math
from typing import Final

import msgspec

from appliance.box.status.line import REPORT_SECONDS
from appliance.box.status.reports import CaptureReport, EngineReport, FeedReport, Process, Report

#: A process is heard this often at most; a little less than the interval, because a report can be held up.
SOONEST_SECONDS: Final = 0.9 * REPORT_SECONDS
#: Work that comes in bursts is counted before or after a report.
SLACK_SECONDS: Final = 3.0
#: How far the time of a process may be from ours, in seconds: a report waits while the console is held up.
TIME_SECONDS: Final = 10.0
#: Of counters without a limit below: what happens a few times a call, when all calls begin anew at once.
FEW: Final = 500
#: What a full box (2000 calls, two legs each) may count a second.
LIMITS: Final[dict[str, int]] = {
    "asked": 200_000,
    "done": 200_000,
    "datagrams": 200_000,
    "received": 200_000,
    "lost": 200_000,
    "late": 200_000,
    "kernel_dropped": 200_000,
    "foreign": 200_000,
    "concealed_ms": 4_000_000,
    "dropped_ms": 4_000_000,
    "sent": 100_000,
    "blocks": 100_000,
    "messages": 20_000,
    "undecodable": 20_000,
    "unknown_call": 100_000,
    "dropped": 20_000,
    "utterances": 4_000,
}
#: Numbers of now, and not counters: what they may be at most (those that are bounded by their type, too).
GAUGES: Final[dict[str, int]] = {
    "calls": 2_000,
    "unknown_roles": 2_000,
    "backlog": 1_000_000,
    "waiting": 100_000,
}
#: What a process has for its life.
FIXED: Final = frozenset({"most_calls", "recognizer", "models", "shard"})
_FIXED_OF_PROCESS: Final = ("version", "watchdog", "confinement")
#: The clock does not jump more often; the last jump is told in ms.
JUMPS_A_SECOND: Final = 1 / 60


def plausible(before: Report, now: Report, elapsed: float) -> bool:
    """Whether `now` can be the report of the same process `elapsed` seconds after `before`."""
    if isinstance(now, FeedReport):
        # The feed is not red: it has nothing to hide that it could not send to a seat.
        return True
    was, process = before.process, now.process
    fixed = all(getattr(was, name) == getattr(process, name) for name in _FIXED_OF_PROCESS)
    fixed = fixed and all(getattr(before, name) == getattr(now, name) for name in FIXED & set(_names(now)))
    if not fixed or abs(process.uptime - was.uptime - elapsed) > TIME_SECONDS:
        return False
    jumps = process.clock_jumps - was.clock_jumps
    if not 0 <= jumps <= 1 + elapsed * JUMPS_A_SECOND:
        return False
    if jumps == 0 and process.last_jump_ms != was.last_jump_ms:
        return False
    assert not isinstance(before, FeedReport)
    return _numbers_fit(_numbers(before), _numbers(now), elapsed)


def plausible_start(now: Report, silence: float) -> bool:
    """Whether `now` can be the first report of a process that follows one silent for `silence` seconds.

    It began after its predecessor was last heard, so it cannot have counted much.
    """
    if isinstance(now, FeedReport):
        return True
    process = now.process
    if process.uptime > silence + TIME_SECONDS or process.clock_jumps > 1:
        return False
    return _numbers_fit(dict.fromkeys(_numbers(now), 0), _numbers(now), process.uptime)


def _numbers_fit(before: dict[str, int], now: dict[str, int], elapsed: float) -> bool:
    for name, value in now.items():
        if name in GAUGES:
            if value > GAUGES[name]:
                return False
        # A packet that comes late takes a lost one back, so that a counter may fall a little.
        elif abs(value - before[name]) > LIMITS.get(name, FEW) * (elapsed + SLACK_SECONDS):
            return False
    return True


def bits_a_second(kind: type[CaptureReport | EngineReport]) -> float:
    """How much a process could say at most in numbers that are believed; an upper bound, in the long run."""
    bits = math.log2(2 * TIME_SECONDS + 1)
    names = [*_counters(kind), "asked", "done"]
    for name in names:
        moves = 2 * LIMITS.get(name, FEW) * (SOONEST_SECONDS + SLACK_SECONDS)
        bits += math.log2(GAUGES.get(name, moves) + 1)
    # Each jump brings a number of 54 bits.
    return bits / SOONEST_SECONDS + 55 * JUMPS_A_SECOND


def _names(report: Report) -> tuple[str, ...]:
    return tuple(field.name for field in msgspec.structs.fields(report))


def _counters(kind: type[CaptureReport | EngineReport]) -> list[str]:
    return [field.name for field in msgspec.structs.fields(kind) if field.name not in FIXED | {"process"}]


def _numbers(report: CaptureReport | EngineReport) -> dict[str, int]:
    process: Process = report.process
    found = {name: getattr(report, name) for name in _counters(type(report))}
    return found | {"asked": process.asked, "done": process.done}
