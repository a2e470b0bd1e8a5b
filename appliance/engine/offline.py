"""Replays recorded calls through the scheduler and prints what a seat would have been told."""

from __future__ import annotations

import sys
import time
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path

import msgspec
from rich.console import Console

from appliance.box.config import Config
from appliance.capture.call_policy import SitePolicies, call_policy
from appliance.capture.replay import read_call
from appliance.engine.recorded_customer import RecordedCustomer
from appliance.engine.rooms import Rooms, load_rooms
from appliance.engine.scheduler import Scheduler
from appliance.protocol import codec
from appliance.protocol.messages import (
    CallMessage,
    CueMessage,
    DoorMessage,
    OpportunityMessage,
    ProfileMessage,
)
from appliance.telephony.audioblock import AudioBlock, CallPolicy, CallStarted
from appliance.telephony.audioblock import CallMessage as AnyCallMessage


def messages_of(
    paths: Sequence[Path],
    config: Config,
    *,
    real_time: bool = False,
    rooms: Rooms | None = None,
    customer: RecordedCustomer | None = None,
    policy: CallPolicy | None = None,
) -> Iterator[DoorMessage]:
    """All door messages of the calls in `paths`; the calls' own time is the clock.

    Whoever replays many calls loads the rooms once and gives them; `customer` is who calls in all of them.
    `policy` holds for audio files, which say nothing of their queue (None: as the site has it for others).

    Raises:
        ReplayError: the files are no call.
        ModelError: a model is missing, altered or forbidden.
        RecordedCustomerError: the bank's record cannot be asked.
        MemoryFileError: the secret of the memory cannot be used.
    """
    failures: list[Exception] = []
    rooms = rooms or load_rooms(config)
    if customer is not None:
        rooms = replace(rooms, memory=customer.memory())
    scheduler = Scheduler(
        rooms,
        policy=policy or call_policy(config.policies()[-1]),
        on_failure=lambda _call, error: failures.append(error),
    )
    began, start_wall, at_ms = time.monotonic(), 0, 0
    for message in read_call(paths, config.roles, SitePolicies(config)):
        told: list[AnyCallMessage] = [message]
        if isinstance(message, CallStarted):
            start_wall = message.wall
            told = customer.begin(message) if customer is not None else told
        elif isinstance(message, AudioBlock):
            at_ms = max(at_ms, message.end_ms)
        if real_time and (wait := began + at_ms / 1000 - time.monotonic()) > 0:
            time.sleep(wait)
        for one in told:
            scheduler.accept(one, at_ms / 1000, start_wall + at_ms)
        yield from _step(scheduler, at_ms, start_wall)
        if failures:
            raise failures[0]
    while scheduler.active:
        # The end of a call waits for the door's budget, in the call's own time.
        at_ms += 100
        yield from _step(scheduler, at_ms, start_wall)


def _step(scheduler: Scheduler, at_ms: int, start_wall: int) -> list[DoorMessage]:
    outcome = scheduler.step(at_ms / 1000, start_wall + at_ms)
    return [codec.decode_door(data) for data in outcome.messages]


def replay(
    paths: Sequence[Path],
    config: Config,
    *,
    as_json: bool,
    real_time: bool,
    customer: RecordedCustomer | None = None,
    policy: CallPolicy | None = None,
) -> int:
    """Print the messages of the calls in `paths`; returns the exit status."""
    console = Console()
    for message in messages_of(paths, config, real_time=real_time, customer=customer, policy=policy):
        if as_json:
            print(msgspec.json.encode(message).decode(), flush=True)
        else:
            console.print(_sentence(message), highlight=False)
    sys.stdout.flush()
    return 0


def _sentence(message: DoorMessage) -> str:
    at = f"[dim]{message.at // 60000:d}:{message.at / 1000 % 60:04.1f}[/dim]"
    if isinstance(message, CallMessage):
        return f"{at} [bold]call {message.event}[/bold] ({message.direction}, seat {message.seat})"
    if isinstance(message, CueMessage):
        advice = " ".join(message.advice)
        return f"{at} [yellow]cue[/yellow] {message.code} ({message.confidence:.0%}) {advice}"
    if isinstance(message, OpportunityMessage):
        about = f" {message.tag}" if message.tag else ""
        return f"{at} [blue]not followed up[/blue] {message.code}{about} ({message.confidence:.0%})"
    return f"{at} {_profile(message)}"


def _profile(message: ProfileMessage) -> str:
    relationship, influence, demand = message.relationship, message.influence, message.demand
    styles = msgspec.to_builtins(influence.style)
    style = max(styles, key=styles.__getitem__) if influence.style_confidence >= 0.3 else "-"
    open_objections = ", ".join(o.type for o in influence.objections if o.open) or "-"
    needs = ", ".join(f"{need.stance} {need.tag}" for need in demand.needs) or "-"
    advice = ", ".join(item.id for item in message.advice) or "-"
    return (
        f"[cyan]R {relationship.score:3d}[/cyan] ({relationship.low}-{relationship.high}) "
        f"{relationship.stage}/{relationship.pace}  "
        f"[magenta]I[/magenta] {style}, {influence.emotion.label}, {open_objections}  "
        f"[green]D[/green] {needs}  [bold]->[/bold] {advice}"
    )
