"""What any process may write into the journal, and what the supervisor does."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from appliance.box.clock.latest import Jump, JumpKind
from appliance.box.journal import Event
from appliance.box.journal_values import Address, ErrorType, Place, Value

#: The program that a line of Python's logging comes from; `other`: one that is not listed here.
Library = Literal["asyncio", "uvicorn", "starlette", "zmq", "websockets", "h11", "concurrent", "py", "other"]
Level = Literal["debug", "info", "warning", "error", "critical"]


@dataclass(frozen=True, kw_only=True)
class CallFailed(Event, name="call_failed"):
    """One call could not go on for a fault of ours."""

    error: ErrorType
    place: Place


@dataclass(frozen=True, kw_only=True)
class ProcessFailed(Event, name="process_failed"):
    """An error that nothing was prepared for ended a thread or the process."""

    error: ErrorType
    place: Place


@dataclass(frozen=True, kw_only=True)
class LibraryLogged(Event, name="library_logged"):
    """Libraries wrote into Python's logging; what they wrote is not looked at."""

    library: Library
    level: Level
    #: lines of this library and level since the last such event
    lines: int
    error: ErrorType | None = None


@dataclass(frozen=True, kw_only=True)
class OutputHeldBack(Event, name="output_held_back"):
    """Something other than the journal wrote to standard error; it is not looked at."""

    bytes: int


@dataclass(frozen=True, kw_only=True)
class ClockJumped(Event, name="clock_jumped"):
    """The wall clock jumped, was found set back at a start, is right again, or was confirmed by an admin."""

    kind: JumpKind
    #: unix time in seconds: what it was to show, and what it showed
    was: float
    now: float

    @classmethod
    def of(cls, jump: Jump) -> ClockJumped:
        """The event of a jump."""
        return cls(kind=jump.kind, was=jump.was / 1000, now=jump.now / 1000)


@dataclass(frozen=True, kw_only=True)
class ApplianceReady(Event, name="appliance_ready"):
    """Every process of `ridge run` is ready."""

    processes: int
    publish_port: int | None = None
    control_port: int | None = None
    seats: int | None = None
    udp_port: int | None = None
    tcp_port: int | None = None
    console_port: int | None = None
    address: Address | None = None
    console_address: Address | None = None


@dataclass(frozen=True, kw_only=True)
class ApplianceStopped(Event, name="appliance_stopped"):
    """`ridge run` has ended."""

    status: int


class ChildName(Value):
    """A process of `ridge run`; an engine has its shard behind a hyphen."""

    def __init__(self, name: str) -> None:
        super().__init__(name, r"feed|capture|console|engine(?:-[0-9]{1,2})?")


@dataclass(frozen=True, kw_only=True)
class ProcessDied(Event, name="process_died"):
    """A process ended without being asked to."""

    name: ChildName
    status: int


@dataclass(frozen=True, kw_only=True)
class ProcessGivenUp(Event, name="process_given_up"):
    """A process died too often and is not started again."""

    name: ChildName
    restarts: int
