"""What an engine says of itself to the console."""

from __future__ import annotations

from appliance.box.status.reports import MOST_MODELS, EngineReport, Process
from appliance.engine.outbox import Outbox
from appliance.engine.rooms import Rooms
from appliance.engine.scheduler import Scheduler


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
    """The report as things stand. Of calls only the number: the door is the way for what is said of one."""
    counters, choice = scheduler.counters, rooms.speech.choice
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
    )
