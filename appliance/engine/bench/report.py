"""What `ridge bench` reports: one object, as JSON or as a page to read."""

from __future__ import annotations

import math
from statistics import median, quantiles
from typing import Annotated, Final

import msgspec

from appliance.engine.bench.rooms import Stage

#: What a box should be loaded with at most: the rest is for RTP, for the seats' feed, and for the moments at
#: which everybody talks.
LOAD: Final = 0.8

Share = Annotated[float, msgspec.Meta(ge=0.0)]


class StageCost(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """One stage of a call's way."""

    #: processor seconds for a second of a call, both legs
    rtf: Share
    #: of all that a call costs, 0..1
    share: Share


class Capacity(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Calls at once at 80 % load."""

    one_core: int
    this_box: int
    #: cores that this process may use
    cores: int
    #: engine processes of the configuration; one uses one core
    engine_processes: int


class Latency(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """From the end of a customer's voice to the profile that knows what was said, in ms, on an own core."""

    median: float | None
    p95: float | None
    utterances: int
    #: silence that ends an utterance (`speech.endpoint_ms`), part of the above
    endpoint: int
    #: the furthest that the engine was behind the calls
    worst_backlog: float


class Batches(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Streams that the recognizer decoded at once."""

    mean: float
    largest: int
    #: what this recognizer can take
    limit: int


class Memory(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Resident memory of this process in MiB."""

    loaded: float
    running: float
    per_call: float


class Report(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """One run."""

    model: str
    calls: int
    #: of this run, wall clock
    seconds: float
    #: of calls that were played in that time, all of them together
    call_seconds: float
    #: processor seconds for a second of a call
    rtf: Share
    stages: dict[Stage, StageCost]
    #: what of `rtf` is none of the stages: mixing, publishing, encoding
    other: StageCost
    #: voice activity, recognition and decoding over the recognizer alone, which never sleeps, on these legs
    path_over_recognizer: float | None
    capacity: Capacity
    latency_ms: Latency
    batches: Batches
    memory_mib: Memory


def capacity(rtf: float, cores: int, processes: int) -> Capacity:
    """How many calls of this cost one core and all of them carry."""
    one = LOAD / max(rtf, 1e-6)
    return Capacity(math.floor(one), math.floor(one * cores), cores, processes)


def latency(delays: list[float], endpoint: int, backlog: float) -> Latency:
    """Median and 95th percentile of delays in ms; None where there are too few."""
    return Latency(
        round(median(delays), 1) if delays else None,
        round(quantiles(delays, n=20)[-1], 1) if len(delays) > 1 else None,
        len(delays),
        endpoint,
        round(backlog, 1),
    )


def page(report: Report) -> str:
    """The report for people."""
    lines = [
        f"{report.model}: {report.calls} calls at once, {report.call_seconds / report.calls:.0f} s of each, "
        f"played in {report.seconds:.0f} s",
        "",
        f"{'stage':18}{'of one core, a call':>20}{'share':>9}",
    ]
    costs: list[tuple[str, StageCost]] = [*report.stages.items(), ("other", report.other)]
    lines += [
        f"{name.replace('_', ' '):18}{100 * cost.rtf:18.2f} %{100 * cost.share:7.0f} %"
        for name, cost in costs
    ]
    lines.append(f"{'all':18}{100 * report.rtf:18.2f} %{100:7.0f} %")
    if report.path_over_recognizer is not None:
        lines.append(
            f"speech costs {report.path_over_recognizer:.2f} times what the recognizer alone would, "
            "if it never slept"
        )
    found, delay, memory = report.capacity, report.latency_ms, report.memory_mib
    lines += [
        "",
        f"one core carries   {found.one_core} calls at {LOAD:.0%} load",
        f"this box carries   {found.this_box} calls, with {found.cores} cores and engine.processes = "
        f"{found.cores}" + _processes(found),
        f"a profile comes    {_ms(delay.median)} after speech ends (median), {_ms(delay.p95)} "
        f"(95th percentile of {delay.utterances}); {delay.endpoint} ms of it is speech.endpoint_ms",
        f"furthest behind    {delay.worst_backlog:.0f} ms",
        f"recognizer         {report.batches.mean:.1f} legs at once on average, {report.batches.largest} at "
        f"most (of {report.batches.limit})",
        f"memory             {memory.loaded:.0f} MiB loaded, {memory.running:.0f} MiB with "
        f"{report.calls} calls, {memory.per_call:.1f} MiB a call",
        "",
        "RTP, SIP and the seats' feed are not in it; the fifth that is left free is for them.",
    ]
    return "\n".join(lines)


def _processes(found: Capacity) -> str:
    if found.engine_processes >= found.cores:
        return ""
    return (
        f" (the configuration has {found.engine_processes}: {found.one_core * found.engine_processes} calls)"
    )


def _ms(value: float | None) -> str:
    return "-" if value is None else f"{value:.0f} ms"
