"""What an engine may write into the journal."""

from __future__ import annotations

from dataclasses import dataclass

from appliance.box.journal import Event
from appliance.box.journal_values import CallMark, ErrorType, NameOf, Place
from appliance.models_choice import Reason


@dataclass(frozen=True, kw_only=True)
class RecognizerLoaded(Event, name="recognizer_loaded"):
    """Which recognizer hears the calls, and why it is this one."""

    model: NameOf
    because: Reason


@dataclass(frozen=True, kw_only=True)
class VoiceModel(Event, name="voice_model"):
    """A model that measures voices."""

    model: NameOf
    research_only: bool


@dataclass(frozen=True, kw_only=True)
class EngineReady(Event, name="engine_ready"):
    """Capture may send."""

    shard: int
    pid: int


@dataclass(frozen=True, kw_only=True)
class EngineStopped(Event, name="engine_stopped"):
    """The totals of the process."""

    calls: int
    failed_calls: int
    failed_batches: int
    abandoned_calls: int
    unknown_call: int
    unheard_calls: int
    refused_blocks: int
    blocks: int
    messages: int
    bad_messages: int
    lost_messages: int


@dataclass(frozen=True, kw_only=True)
class UtteranceTold(Event, name="utterance_told"):
    """A profile that knows of a whole utterance has left; its end and the time, ms since the call began."""

    call: CallMark
    end: int
    at_ms: int


@dataclass(frozen=True, kw_only=True)
class OneCallFailed(Event, name="call_failed"):
    """A call ended for a fault of ours."""

    call: CallMark
    error: ErrorType
    place: Place


@dataclass(frozen=True, kw_only=True)
class MemorySwept(Event, name="memory_swept"):
    """What was older than its retention is erased."""

    removed: int


@dataclass(frozen=True, kw_only=True)
class MemoryUnreadable(Event, name="memory_unreadable"):
    """A record of the memory cannot be read; the call goes on without."""


@dataclass(frozen=True, kw_only=True)
class MemoryNotWritten(Event, name="memory_not_written"):
    """A call could not be remembered."""
