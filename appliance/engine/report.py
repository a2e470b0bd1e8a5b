"""What an engine says of itself to the console."""

from __future__ import annotations

from appliance.box.status.reports import (
    CALL_MARK,
    MOST_CALLS,
    MOST_MODELS,
    Analysis,
    EngineReport,
    LiveCall,
    Process,
)
from appliance.engine.outbox import Outbox
from appliance.engine.pipeline import CallPipeline
from appliance.engine.rooms import Rooms
from appliance.engine.scheduler import Scheduler
from appliance.engine.unheard import UnheardCall
from appliance.protocol.vocabulary import Capability


def report_of(
    process: Process,
    shard: int,
    scheduler: Scheduler,
    outbox: Outbox,
    *,
    rooms: Rooms,
    undecodable: int,
    utterances: int,
) -> EngineReport:
    """The report as things stand; of the calls, the first that fit."""
    counters, choice = scheduler.counters, rooms.speech.choice
    live = scheduler.live()[:MOST_CALLS]
    return EngineReport(
        process=process,
        shard=shard,
        calls=scheduler.active,
        begun=counters.calls,
        failed=counters.failed_calls,
        abandoned=counters.abandoned_calls,
        refused=counters.refused_calls,
        blocks=counters.blocks,
        undecodable=undecodable,
        unknown_call=counters.unknown_call,
        utterances=utterances,
        messages=counters.messages,
        waiting=len(outbox),
        dropped=outbox.dropped,
        recognizer=choice.name if choice else None,
        models=rooms.models[:MOST_MODELS],
        live=tuple(_call(pipeline, ended) for pipeline, ended in live),
    )


def _call(pipeline: CallPipeline | UnheardCall, ended: bool) -> LiveCall:
    started, off = pipeline.started, pipeline.policy.off
    named: dict[Capability, Analysis] = {
        "emotion": "emotion", "voice": "prosody", "quotes": "quotes", "memory": "memory"
    }  # fmt: skip
    analyses = tuple(analysis for capability, analysis in named.items() if capability not in off)
    return LiveCall(
        started.call[:CALL_MARK], started.seat, pipeline.at_ms // 1000, started.source, analyses, ended
    )
