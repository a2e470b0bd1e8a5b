"""Plays calls into a scheduler as fast as it goes, and measures what that costs and how late it would be."""

from __future__ import annotations

import os
import resource
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

import numpy as np
import soxr

from appliance.box.config import Config
from appliance.engine.bench.calls import TICK_MS, Lines, Recording
from appliance.engine.bench.report import Batches, Memory, Report, StageCost, capacity, latency
from appliance.engine.bench.rooms import STAGES, TimedModel, timed_rooms
from appliance.engine.bench.stopwatch import Stopwatch
from appliance.engine.scheduler import Scheduler
from appliance.speech.cost import recognizer_alone
from appliance.telephony.audioblock import CallPolicy, Leg

#: Played before anything counts, so that caches are warm and every line has been heard.
_WARM_TICKS: Final = 25
#: Of each leg, for the recognizer alone.
_ALONE_SECONDS: Final = 10
_ALL: Final = "other"
_MIB: Final = 1 << 20


class BenchError(Exception):
    """The calls could not be played; the message says why."""


@dataclass(slots=True)
class _Played:
    """What has been played so far."""

    ticks: int = 0
    #: when the last tick's work would have been done had the calls been live, ms
    free_at: float = 0.0
    backlog: float = 0.0
    delays: list[float] = field(default_factory=list)


def run(
    config: Config, paths: Sequence[Path], calls: int, seconds: float, progress: Callable[[float], None]
) -> Report:
    """Play `calls` calls at once for so many seconds of this machine's time.

    Live calls would bring 80 ms of audio every 80 ms. Here the next comes as soon as the last is done, and
    the processor time that each took tells when a core of its own would have been done with it: what is late
    keeps what follows waiting.

    Args:
        config: models, words, endpoint and threads.
        paths: a recording of a call, as `ridge replay` takes it.
        calls: how many lines.
        seconds: wall clock; what is loaded before does not count.
        progress: told of the seconds that have passed.

    Raises:
        ReplayError: the files are no call.
        ModelError, CatalogueError: something cannot be loaded.
        BenchError: a call failed.
    """
    recording = Recording.read(paths)
    clock = Stopwatch()
    rooms, model, name = timed_rooms(config, clock)
    loaded = _resident()
    failures: list[Exception] = []
    # All that any call of this site may be analysed for.
    policy = CallPolicy(emotion=rooms.affect.emotion is not None)
    scheduler = Scheduler(rooms, policy=policy, on_failure=lambda _call, error: failures.append(error))
    lines, played = Lines(recording, calls), _Played()
    for _ in range(_WARM_TICKS):
        _tick(scheduler, lines, clock, played)
    clock.clear()
    model.batches.clear()
    warm = played.ticks
    played.free_at, played.backlog = warm * TICK_MS, 0.0
    played.delays.clear()
    began = time.monotonic()
    # At least one tick, however little time there is.
    while not failures and (time.monotonic() - began < seconds or played.ticks == warm):
        _tick(scheduler, lines, clock, played)
        progress(time.monotonic() - began)
    if failures:
        raise BenchError(f"a call failed: {failures[0]!r}; try `ridge replay` with the same file")
    took, running = time.monotonic() - began, _resident()
    call_seconds = (played.ticks - warm) * TICK_MS / 1000 * calls
    cost = {stage: clock.seconds.get(stage, 0.0) / call_seconds for stage in (*STAGES, _ALL)}
    whole = sum(cost.values())
    costs = {stage: StageCost(round(one, 6), round(one / whole, 4)) for stage, one in cost.items()}
    heard = cost["voice_activity"] + cost["recognition"] + cost["decoding"]
    alone = _alone(model, recording)
    return Report(
        model=name,
        calls=calls,
        seconds=round(took, 2),
        call_seconds=round(call_seconds, 1),
        rtf=round(whole, 6),
        stages={stage: costs[stage] for stage in STAGES},
        other=costs[_ALL],
        path_over_recognizer=round(heard / alone, 3) if alone else None,
        capacity=capacity(whole, len(os.sched_getaffinity(0)), config.engine.processes),
        latency_ms=latency(played.delays, config.speech.endpoint_ms, played.backlog),
        batches=Batches(
            round(sum(model.batches) / max(1, len(model.batches)), 2),
            max(model.batches, default=0),
            model.largest_batch,
        ),
        memory_mib=Memory(round(loaded, 1), round(running, 1), round(max(0.0, running - loaded) / calls, 2)),
    )


def _tick(scheduler: Scheduler, lines: Lines, clock: Stopwatch, played: _Played) -> None:
    """80 ms of all lines."""
    messages = list(lines.tick(played.ticks * TICK_MS))
    played.ticks += 1
    arrived = played.ticks * TICK_MS
    began = time.process_time()
    clock.begin(_ALL)
    for message in messages:
        scheduler.accept(message, arrived / 1000, arrived)
    outcome = scheduler.step(arrived / 1000, arrived)
    clock.end()
    done = max(arrived, played.free_at) + 1000 * (time.process_time() - began)
    played.free_at = done
    played.backlog = max(played.backlog, done - arrived)
    for call, end_ms, _ in outcome.updates:
        ended = lines.voice_end(call, end_ms)
        if ended is not None:
            played.delays.append(done - ended)


def _alone(model: TimedModel, recording: Recording) -> float:
    """Processor seconds of the recognizer for a second of a call, were it given all of both legs."""
    spent = length = 0.0
    legs: tuple[Leg, ...] = ("customer", "agent")
    for leg in legs:
        blocks = [block for tick in recording.ticks for block in tick if block.leg == leg]
        if not blocks:
            continue
        rate = blocks[0].rate
        samples = np.concatenate([block.samples for block in blocks if block.rate == rate])
        samples = samples[: _ALONE_SECONDS * rate].astype(np.float32) / 32768
        spent += recognizer_alone(model, soxr.resample(samples, rate, model.rate))
        length = max(length, len(samples) / rate)
    return spent / length if length else 0.0


def _resident() -> float:
    """Resident memory in MiB."""
    pages = int(Path("/proc/self/statm").read_text(encoding="ascii").split()[1])
    return pages * resource.getpagesize() / _MIB
