"""The scheduler with real rooms and a recognizer that says what the test wants it to have heard."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pytest
from pypinyin import Style, lazy_pinyin

from appliance.affect.models import AffectModels
from appliance.engine.rooms import Rooms
from appliance.engine.scheduler import Scheduler
from appliance.language.reader import LanguageReader
from appliance.models import ModelStore
from appliance.profile.catalogue import Catalogue
from appliance.protocol import codec
from appliance.protocol.messages import CallMessage, ProfileMessage
from appliance.speech.utterance import SpeechEnded, SpeechEvent, SpeechStarted, Utterance
from appliance.telephony.audioblock import (
    AudioBlock,
    AudioDropped,
    CallEnded,
    CallHeld,
    CallPolicy,
    CallStarted,
    CustomerKnown,
    KnownFact,
    Leg,
)

WALL = 1_700_000_000_000
CALLS = ("A" * 22, "B" * 22)


def said(leg: Leg, text: str, start_ms: int, *, number: int = 0) -> list[SpeechEvent]:
    end_ms = start_ms + 200 * len(text)
    pinyin = tuple(lazy_pinyin(text, style=Style.TONE3, neutral_tone_with_five=True))
    utterance = Utterance(leg, number, start_ms, end_ms, text, pinyin, (), 0.9, True)
    return [SpeechStarted(leg, start_ms), SpeechEnded(leg, end_ms), utterance]


@dataclass
class Stream:
    leg: Leg
    events: list[SpeechEvent] = field(default_factory=list)
    samples: int = 0
    closed: bool = False
    fails: bool = False

    def feed(self, samples: Any, rate: int, start_ms: int) -> None:
        if self.fails:
            raise RuntimeError("a stream that fails")
        self.samples += len(samples)

    def take(self) -> list[SpeechEvent]:
        events, self.events = self.events, []
        return events

    def finish(self) -> None:
        pass

    def close(self) -> None:
        self.closed = True


@dataclass
class Speech:
    streams: list[Stream] = field(default_factory=list)

    def open(self, leg: Leg) -> Stream:
        self.streams.append(Stream(leg))
        return self.streams[-1]

    def step(self) -> None:
        pass

    def of(self, call: int, leg: Leg) -> Stream:
        return self.streams[2 * call + (leg == "agent")]


@pytest.fixture(scope="module")
def language() -> LanguageReader:
    return LanguageReader.load(ModelStore())


@pytest.fixture
def speech() -> Speech:
    return Speech()


@pytest.fixture
def failures() -> list[str]:
    return []


@pytest.fixture
def scheduler(speech: Speech, language: LanguageReader, failures: list[str]) -> Scheduler:
    affect = AffectModels.load(ModelStore(), emotion=False)
    rooms = Rooms(speech, affect, language, Catalogue.load(None))  # type: ignore[arg-type]
    return Scheduler(
        rooms,
        policy=CallPolicy(),
        on_failure=lambda call, error: failures.append(call),
        abandoned_after=100.0,
    )


def start(scheduler: Scheduler, *calls: str) -> None:
    for number, call in enumerate(calls):
        scheduler.accept(CallStarted(call, f"800{number + 1}", "outbound", "replay", WALL), 0.0, WALL)


def block(call: str, leg: Leg, at_ms: int, *, hold: bool = False) -> AudioBlock:
    samples = np.full(640, 100, np.int16)
    return AudioBlock(call, leg, at_ms * 8, 8000, samples.tobytes(), hold=hold)


def messages(scheduler: Scheduler, now: float) -> list[Any]:
    return [codec.decode_door(data) for data in scheduler.step(now, WALL + int(now * 1000)).messages]


def test_what_the_customer_says_reaches_the_profile_at_the_next_step(
    scheduler: Scheduler, speech: Speech
) -> None:
    start(scheduler, CALLS[0])
    speech.of(0, "customer").events = said("customer", "我现在没时间以后再说吧", 1000)
    scheduler.accept(block(CALLS[0], "customer", 3500), 3.6, WALL)
    started, *rest = messages(scheduler, 3.6)
    assert isinstance(started, CallMessage)
    profile = next(message for message in rest if isinstance(message, ProfileMessage))
    assert "not_now" in [objection.type for objection in profile.influence.objections]
    assert profile.at == 3500, "the last block ends at 3580, and times at the door are tenths of a second"


def test_what_the_record_says_reaches_an_engine_that_was_started_in_the_middle_and_is_taken_once(
    scheduler: Scheduler, speech: Speech
) -> None:
    known = CustomerKnown(CALLS[0], (KnownFact("gold", "wants", 0.9),))
    for _ in range(2):  # as capture announces a call again and again
        start(scheduler, CALLS[0])
        scheduler.accept(known, 0.1, WALL)
    speech.of(0, "customer").events = said("customer", "黄金我不考虑了", 1000)
    scheduler.accept(block(CALLS[0], "customer", 3500), 3.6, WALL)
    messages(scheduler, 3.6)
    start(scheduler, CALLS[0])
    scheduler.accept(known, 5.0, WALL)
    scheduler.accept(CallEnded(CALLS[0], 6000, "bye"), 6.0, WALL)
    final = [m for m in messages(scheduler, 8.0) if isinstance(m, ProfileMessage)][-1]
    assert [(need.tag, need.stance) for need in final.demand.needs] == [("gold", "rejects")]
    assert [item.code for item in final.evidence if item.source == "record"] == ["record.gold"]


def test_a_call_that_fails_ends_alone_and_says_so(
    scheduler: Scheduler, speech: Speech, failures: list[str]
) -> None:
    start(scheduler, *CALLS)
    speech.of(0, "customer").fails = True
    for call in CALLS:
        scheduler.accept(block(call, "customer", 0), 0.1, WALL)
    events = [
        (message.call, message.event) for message in messages(scheduler, 0.1) if hasattr(message, "event")
    ]
    assert (CALLS[0], "ended") in events
    assert (CALLS[1], "ended") not in events
    assert failures == [CALLS[0]]
    assert (scheduler.counters.failed_calls, scheduler.counters.observed) == (1, 1)
    assert scheduler.active == 1
    assert speech.of(1, "customer").samples == 640
    assert speech.of(0, "agent").closed


def test_audio_on_hold_is_not_analysed(scheduler: Scheduler, speech: Speech) -> None:
    start(scheduler, CALLS[0])
    scheduler.accept(CallHeld(CALLS[0], True, 100), 0.1, WALL)
    scheduler.accept(block(CALLS[0], "customer", 100, hold=True), 0.2, WALL)
    scheduler.accept(CallHeld(CALLS[0], False, 300), 0.3, WALL)
    assert speech.of(0, "customer").samples == 0
    assert [message.event for message in messages(scheduler, 0.3)] == ["started", "held", "resumed"]


def test_dropped_audio_is_said_in_the_profile(scheduler: Scheduler, speech: Speech) -> None:
    start(scheduler, CALLS[0])
    scheduler.accept(AudioDropped(CALLS[0], "customer", 300), 0.1, WALL)
    scheduler.accept(CallEnded(CALLS[0], 1000, "bye"), 1.0, WALL)
    final = [message for message in messages(scheduler, 1.0) if isinstance(message, ProfileMessage)]
    assert final[-1].final
    assert final[-1].audio.dropped_ms == 300


def test_the_agents_audio_never_reaches_the_voice_models(
    scheduler: Scheduler, monkeypatch: pytest.MonkeyPatch
) -> None:
    heard: list[Leg] = []
    monkeypatch.setattr(
        "appliance.affect.voice.CustomerVoice.hear", lambda _self, block: heard.append(block.leg)
    )
    start(scheduler, CALLS[0])
    for at_ms in range(0, 800, 80):
        scheduler.accept(block(CALLS[0], "agent", at_ms), at_ms / 1000, WALL)
        scheduler.accept(block(CALLS[0], "customer", at_ms), at_ms / 1000, WALL)
    assert heard == ["customer"] * 10


def test_audio_of_a_call_that_never_started_is_counted(scheduler: Scheduler) -> None:
    scheduler.accept(block(CALLS[0], "customer", 0), 0.0, WALL)
    assert scheduler.counters.unknown_call == 1


def test_a_call_that_failed_is_not_revived_and_its_start_is_told_before_its_end(
    scheduler: Scheduler, speech: Speech, failures: list[str]
) -> None:
    start(scheduler, CALLS[0])
    speech.of(0, "customer").fails = True
    scheduler.accept(block(CALLS[0], "customer", 0), 0.1, WALL)
    start(scheduler, CALLS[0])
    assert [message.event for message in messages(scheduler, 0.2)] == ["started", "ended"]
    assert scheduler.active == 0
    assert failures == [CALLS[0]]


def test_a_call_whose_audio_cannot_be_measured_fails_alone(
    scheduler: Scheduler, speech: Speech, failures: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    start(scheduler, *CALLS)
    measure, voices = AffectModels.run, []

    def run(models: AffectModels, given: list[Any]) -> None:
        voices.append(len(given))
        if any(voice is broken for voice in given):
            raise ValueError
        measure(models, given)

    monkeypatch.setattr(AffectModels, "run", run)
    broken = scheduler._calls[CALLS[0]].pipeline.voice
    for call in CALLS:
        scheduler.accept(block(call, "customer", 0), 0.1, WALL)
    ended = [message.call for message in messages(scheduler, 0.1) if getattr(message, "event", "") == "ended"]
    assert ended == failures == [CALLS[0]]
    assert voices == [2, 1, 1]
    assert (scheduler.active, scheduler.counters.failed_batches) == (1, 1)


def test_a_call_that_cannot_be_opened_fails_alone(
    scheduler: Scheduler, speech: Speech, failures: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(leg: Leg) -> Stream:
        raise MemoryError

    with monkeypatch.context() as patch:
        patch.setattr(speech, "open", refuse)
        start(scheduler, CALLS[0])
    start(scheduler, CALLS[1])
    assert failures == [CALLS[0]]
    assert [message.call for message in messages(scheduler, 0.1)] == [CALLS[1]]


def test_a_call_that_capture_says_nothing_of_any_more_is_ended(scheduler: Scheduler, speech: Speech) -> None:
    start(scheduler, *CALLS)
    messages(scheduler, 0.0)
    for second in range(1, 100):
        scheduler.accept(block(CALLS[0], "customer", 1000 * second), float(second), WALL)
        assert "ended" not in [getattr(message, "event", "") for message in messages(scheduler, second)]
    scheduler.accept(block(CALLS[0], "customer", 101_000), 101.0, WALL)
    last = [message for message in messages(scheduler, 101.0) if message.call == CALLS[1]]
    assert [message.event for message in last if isinstance(message, CallMessage)] == ["ended"]
    assert [message.final for message in last if isinstance(message, ProfileMessage)] == [True]
    assert (scheduler.active, scheduler.counters.abandoned_calls) == (1, 1)
    assert speech.of(1, "customer").closed


def test_a_call_that_is_announced_again_is_not_abandoned(scheduler: Scheduler) -> None:
    for second in range(0, 500, 50):
        scheduler.accept(CallStarted(CALLS[0], "8001", "outbound", "replay", WALL), float(second), WALL)
        messages(scheduler, second)
    assert (scheduler.active, scheduler.counters.calls) == (1, 1)


def test_a_block_after_the_latest_time_of_the_schema_ends_nothing(
    scheduler: Scheduler, speech: Speech, failures: list[str]
) -> None:
    start(scheduler, CALLS[0])
    scheduler.accept(block(CALLS[0], "customer", 86_400_500), 86_401.0, WALL)
    scheduler.accept(CallEnded(CALLS[0], 86_400_600, "limit"), 86_401.0, WALL)
    assert [
        message.event for message in messages(scheduler, 86_401.0) if isinstance(message, CallMessage)
    ] == [
        "started",
        "ended",
    ]
    assert not failures


def test_an_ended_call_leaves_nothing_behind(scheduler: Scheduler, speech: Speech) -> None:
    start(scheduler, CALLS[0])
    scheduler.accept(CallEnded(CALLS[0], 1000, "bye"), 1.0, WALL)
    last = messages(scheduler, 1.0)[-1]
    assert (last.event, scheduler.active) == ("ended", 0)
    assert all(stream.closed for stream in speech.streams)


def test_all_calls_end_at_shutdown(scheduler: Scheduler) -> None:
    start(scheduler, *CALLS)
    scheduler.end_all(lambda call, at: CallEnded(call, at, "shutdown"), 1.0, WALL)
    ended = [message.call for message in messages(scheduler, 1.0) if getattr(message, "event", "") == "ended"]
    assert sorted(ended) == sorted(CALLS)
    assert scheduler.active == 0
