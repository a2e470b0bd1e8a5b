"""Calls that may not be analysed, or not in every way: what is off is not done, kept or shown."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Any

import msgspec
import pytest

from appliance.affect.models import AffectModels
from appliance.affect.voice import CustomerVoice
from appliance.box.config import Config
from appliance.engine.memory import CallMemory
from appliance.engine.rooms import Rooms
from appliance.engine.scheduler import Scheduler
from appliance.language.reader import LanguageReader
from appliance.memory.remembered import DAY_MS
from appliance.models import ModelStore
from appliance.profile.catalogue import Catalogue
from appliance.protocol.messages import AnalysisPolicy, CallMessage, ProfileMessage
from appliance.telephony.audioblock import (
    CallEnded,
    CallHeld,
    CallPolicy,
    CallStarted,
    CustomerKnown,
    KnownFact,
    PolicyChanged,
)
from tests.engine.test_scheduler import CALLS, WALL, Speech, block, messages, said

CALL = CALLS[0]
CUSTOMER = "c" * 32
OFF = CallPolicy(analysis=False, voice=False, emotion=False, memory=False, reason="customer")
OBJECTED = AnalysisPolicy("off", ["words", "voice", "emotion", "quotes", "memory"], "customer")
FACTS = (KnownFact("deposit", "has"),)


@pytest.fixture(scope="module")
def language() -> LanguageReader:
    return LanguageReader.load(ModelStore())


@pytest.fixture(scope="module")
def affect() -> AffectModels:
    return AffectModels.load(ModelStore(), emotion=True)


@pytest.fixture
def speech() -> Speech:
    return Speech()


@pytest.fixture
def memory(tmp_path: Path) -> CallMemory:
    config = Config.model_validate({"box": {"state_directory": tmp_path}, "memory": {"enabled": True}})
    found = CallMemory.configured(config, None)
    assert found is not None
    return found


@pytest.fixture
def scheduler(
    speech: Speech, language: LanguageReader, affect: AffectModels, memory: CallMemory
) -> Scheduler:
    rooms = Rooms(speech, affect, language, Catalogue.load(None), memory)  # type: ignore[arg-type]

    def failed(_call: str, error: Exception) -> None:
        raise error

    return Scheduler(rooms, policy=CallPolicy(), on_failure=failed)


def begin(scheduler: Scheduler, policy: CallPolicy | None) -> None:
    scheduler.accept(CallStarted(CALL, "8001", "outbound", "siprec", WALL, CUSTOMER, policy), 0.0, WALL)


def remembered(memory: CallMemory) -> Any:
    return memory._store.load(CUSTOMER, int(time.time() * 1000) // DAY_MS)


class Watch:
    """Notes what the rooms that hear audio are asked to do."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.asked: list[str] = []
        for owner, name in (
            (CustomerVoice, "__init__"), (CustomerVoice, "hear"), (Speech, "open"),
            (LanguageReader, "open"), (LanguageReader, "customer"), (LanguageReader, "agent"),
        ):  # fmt: skip
            self._watch(monkeypatch, owner, name)

    def _watch(self, monkeypatch: pytest.MonkeyPatch, owner: type, name: str) -> None:
        real = getattr(owner, name)

        def watched(*arguments: Any, **named: Any) -> Any:
            self.asked.append(f"{owner.__name__}.{name}")
            return real(*arguments, **named)

        monkeypatch.setattr(owner, name, watched)


def test_of_a_call_that_may_not_be_analysed_nothing_is_recognised_and_no_voice_is_measured(
    scheduler: Scheduler, monkeypatch: pytest.MonkeyPatch
) -> None:
    watch = Watch(monkeypatch)
    begin(scheduler, OFF)
    for at_ms in range(0, 800, 80):
        for leg in ("customer", "agent"):
            scheduler.accept(block(CALL, leg, at_ms), 0.1, WALL)  # type: ignore[arg-type]
        messages(scheduler, 0.1)
    scheduler.accept(CallEnded(CALL, 9000, "bye"), 9.0, WALL)
    messages(scheduler, 9.0)
    assert watch.asked == []
    assert (scheduler.counters.blocks, scheduler.counters.refused_blocks) == (0, 20)
    # The watch sees what it should: the same call, analysed.
    begin(scheduler, CallPolicy())
    scheduler.accept(block(CALL, "customer", 0), 10.0, WALL)
    assert {"CustomerVoice.hear", "Speech.open", "LanguageReader.open"} <= set(watch.asked)


def test_the_seat_sees_that_the_call_is_on_and_why_nothing_is_shown(scheduler: Scheduler) -> None:
    begin(scheduler, OFF)
    started, profile = messages(scheduler, 0.0)
    assert (started.event, started.policy) == ("started", OBJECTED)
    assert profile.policy == OBJECTED
    scheduler.accept(CallHeld(CALL, True, 4000), 4.0, WALL)
    scheduler.accept(CallEnded(CALL, 9000, "bye"), 9.0, WALL)
    told = messages(scheduler, 9.0)
    assert [(message.at, message.policy) for message in told] == [
        (4000, OBJECTED),
        (9000, OBJECTED),
        (9000, OBJECTED),
    ]
    final = told[1]
    assert isinstance(final, ProfileMessage)
    assert final.final
    assert not (final.evidence or final.advice or final.demand.needs or final.influence.objections)


def test_an_objection_in_the_middle_erases_what_was_known_and_stops_everything(
    scheduler: Scheduler, speech: Speech, memory: CallMemory, monkeypatch: pytest.MonkeyPatch
) -> None:
    begin(scheduler, CallPolicy(quotes=True))
    scheduler.accept(CustomerKnown(CALL, FACTS), 0.1, WALL)
    speech.of(0, "customer").events = said("customer", "我现在没时间以后再说吧", 1000)
    scheduler.accept(block(CALL, "customer", 3500), 3.6, WALL)
    before = [message for message in messages(scheduler, 3.6) if isinstance(message, ProfileMessage)]
    assert before[-1].influence.objections
    assert before[-1].demand.needs
    watch = Watch(monkeypatch)
    scheduler.accept(PolicyChanged(CALL, 5000, OFF), 5.0, WALL)
    assert all(stream.closed for stream in speech.streams)
    # What the recognizer would still have brought, and what the bank says later, comes to nothing.
    speech.of(0, "customer").events = said("customer", "别再打了", 4000)
    scheduler.accept(block(CALL, "customer", 5000), 5.1, WALL)
    scheduler.accept(CustomerKnown(CALL, FACTS), 5.2, WALL)
    event, *rest = messages(scheduler, 8.0)
    assert isinstance(event, CallMessage)
    assert (event.event, event.at, event.policy) == ("started", 5000, OBJECTED)
    scheduler.accept(CallEnded(CALL, 20_000, "bye"), 20.0, WALL)
    rest += messages(scheduler, 20.0)
    profiles = [message for message in rest if isinstance(message, ProfileMessage)]
    assert [message.final for message in profiles] == [False, True]
    for profile in profiles:
        assert not (
            profile.evidence or profile.advice or profile.demand.needs or profile.influence.objections
        )
        assert profile.relationship == profiles[0].relationship
        assert profile.policy == OBJECTED
    assert watch.asked == []
    assert remembered(memory) is None


def test_a_hold_goes_on_when_the_customer_objects_in_it(scheduler: Scheduler) -> None:
    begin(scheduler, CallPolicy())
    scheduler.accept(CallHeld(CALL, True, 1000), 1.0, WALL)
    messages(scheduler, 1.0)
    scheduler.accept(PolicyChanged(CALL, 2000, OFF), 2.0, WALL)
    assert messages(scheduler, 2.0)[0].event == "held"


def test_analysis_begins_where_the_call_is_when_the_announcement_was_played(
    scheduler: Scheduler, speech: Speech, memory: CallMemory
) -> None:
    begin(scheduler, msgspec.structs.replace(OFF, reason="announcement"))
    waiting = messages(scheduler, 0.0)
    assert {message.policy.reason for message in waiting} == {"announcement"}
    scheduler.accept(PolicyChanged(CALL, 7000, CallPolicy(), CUSTOMER), 7.0, WALL)
    speech.of(0, "customer").events = said("customer", "我想了解一下存款", 8000)
    scheduler.accept(block(CALL, "customer", 10_000), 10.0, WALL)
    told = messages(scheduler, 10.0)
    assert told[0].policy == AnalysisPolicy("full", ["quotes"], "site")
    assert [need.tag for need in told[-1].demand.needs] == ["deposit"]
    scheduler.accept(CallEnded(CALL, 11_000, "bye"), 11.0, WALL)
    messages(scheduler, 20.0)
    assert [need.tag for need in remembered(memory).needs] == ["deposit"]


def test_an_engine_that_is_started_anew_learns_of_an_objection_with_the_call(scheduler: Scheduler) -> None:
    begin(scheduler, CallPolicy())
    messages(scheduler, 0.0)
    # Capture says again that the call is on; the change itself was lost.
    begin(scheduler, OFF)
    assert messages(scheduler, 1.0)[0].policy == OBJECTED
    begin(scheduler, OFF)
    assert messages(scheduler, 2.0) == []


def test_without_the_voice_only_words_are_read(
    scheduler: Scheduler, speech: Speech, monkeypatch: pytest.MonkeyPatch
) -> None:
    watch = Watch(monkeypatch)
    begin(scheduler, CallPolicy(voice=False, emotion=False))
    speech.of(0, "customer").events = said("customer", "我现在没时间以后再说吧", 1000)
    scheduler.accept(block(CALL, "customer", 3500), 3.6, WALL)
    profile = messages(scheduler, 3.6)[-1]
    assert profile.influence.objections
    assert profile.policy == AnalysisPolicy("words_only", ["voice", "emotion", "quotes"], "site")
    assert not any(name.startswith("CustomerVoice") for name in watch.asked)


def test_without_emotion_its_model_never_sees_the_call_while_others_are_judged(
    scheduler: Scheduler, affect: AffectModels
) -> None:
    begin(scheduler, CallPolicy(emotion=False))
    scheduler.accept(CallStarted(CALLS[1], "8002", "outbound", "siprec", WALL, None, CallPolicy()), 0.0, WALL)
    assert affect.emotion is not None
    voices = [scheduler._calls[call].pipeline.voice for call in CALLS]  # type: ignore[union-attr]
    assert [voice.state is None for voice in voices if voice is not None] == [True, False]
    policies = [message.policy for message in messages(scheduler, 0.0)]
    assert policies == [
        AnalysisPolicy("full", ["emotion", "quotes"], "site"),
        # Nobody knows who this customer is, so nothing is remembered.
        AnalysisPolicy("full", ["quotes", "memory"], "site"),
    ]


def test_without_memory_nothing_is_recalled_and_nothing_is_kept(
    scheduler: Scheduler, speech: Speech, memory: CallMemory
) -> None:
    for number, policy in enumerate((CallPolicy(), CallPolicy(memory=False))):
        begin(scheduler, policy)
        speech.of(number, "customer").events = said("customer", "我想了解一下存款", 1000)
        scheduler.accept(block(CALL, "customer", 3500), 3.6, WALL)
        scheduler.accept(CallEnded(CALL, 4000, "bye"), 4.0, WALL)
        told = [one for one in messages(scheduler, 20.0) if isinstance(one, ProfileMessage)]
        assert [item for item in told[-1].evidence if item.source == "record"] == []
        assert remembered(memory).calls == 1


def test_what_a_queue_keeps_for_fewer_days_is_kept_for_fewer_days(
    scheduler: Scheduler, memory: CallMemory
) -> None:
    for days in (None, 30, 90):
        begin(scheduler, CallPolicy(retention_days=days))
        scheduler.accept(CallEnded(CALL, 4000, "bye"), 4.0, WALL)
        messages(scheduler, 20.0)
    assert remembered(memory).retention_days == 30
    store = memory._store
    day = int(time.time() * 1000) // DAY_MS
    assert store.load(CUSTOMER, day + 30) is not None
    assert store.load(CUSTOMER, day + 31) is None
    assert store.sweep((day + 30) * 86_400_000) == 0
    assert store.sweep((day + 31) * 86_400_000) == 1
    assert list(store.identities()) == []


def test_a_recording_that_brings_no_policy_has_the_sites(
    language: LanguageReader, affect: AffectModels
) -> None:
    rooms = Rooms(Speech(), affect, language, Catalogue.load(None))  # type: ignore[arg-type]
    site = replace_policy(analysis=False)
    scheduler = Scheduler(rooms, policy=site, on_failure=lambda _call, _error: None)
    begin(scheduler, None)
    assert {message.policy.reason for message in messages(scheduler, 0.0)} == {"site"}


def replace_policy(**changes: Any) -> CallPolicy:
    return msgspec.structs.replace(CallPolicy(), **changes)
