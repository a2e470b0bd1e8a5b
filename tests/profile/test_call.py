from __future__ import annotations

from collections.abc import Callable
from typing import Any

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from appliance.affect.readings import EmotionReading
from appliance.language.findings import Findings, NeedFinding, ObjectionFinding, SignalFinding
from appliance.profile.call import CallProfile, ProfileParts
from appliance.protocol import codec
from appliance.protocol.messages import CueMessage, ProfileMessage
from appliance.protocol.vocabulary import NEED_TAGS, OBJECTION_TYPES, SIGNALS
from appliance.speech.utterance import SpeechEnded, SpeechStarted
from tests.profile.dialogue import CATALOGUE, Call, found, utterance, voice

#: Bytes of a profile without its head that a snapshot must stay below.
LARGEST = 3500
fractions = st.floats(0.0, 1.0)
findings = st.builds(
    Findings,
    st.lists(st.builds(ObjectionFinding, st.sampled_from(OBJECTION_TYPES), fractions), max_size=4).map(tuple),
    st.lists(
        st.builds(
            NeedFinding,
            st.sampled_from(NEED_TAGS),
            st.sampled_from(["wants", "has", "rejects", "asks"]),
            fractions,
            st.one_of(st.none(), st.integers(0, 10**9)),
        ),
        max_size=5,
    ).map(tuple),
    st.lists(st.builds(SignalFinding, st.sampled_from(SIGNALS), fractions), max_size=5).map(tuple),
    st.just("我那边还有一笔存款下个月到期再说吧你们这个产品风险到底大不大我还得和家里人商量一下呢"),
)
#: (what happens, milliseconds since the last happening, its content)
happenings = st.lists(
    st.tuples(
        st.sampled_from(["customer", "growing", "agent", "started", "ended", "emotion", "snapshot"]),
        st.integers(-2000, 30_000),
        st.sampled_from(["customer", "agent"]),
        st.sampled_from(["angry", "happy", "neutral", "sad", "uncertain"]),
        findings,
    ),
    max_size=40,
)


def message(parts: ProfileParts, at_ms: int, *, final: bool = False) -> ProfileMessage:
    fields: dict[str, Any] = {name: getattr(parts, name) for name in ProfileParts.__slots__}
    head = {"v": 1, "call": "A" * 22, "seat": "8001", "seq": 1, "wall": 1_700_000_000_000}
    return ProfileMessage(at=max(0, at_ms), final=final, **head, **fields)  # type: ignore[arg-type]


def play(events: list[Any], inspect: Callable[[CallProfile, int], None]) -> CallProfile:
    profile, now = CallProfile(CATALOGUE, quotes=True), 0
    for number, (kind, passed, leg, label, read) in enumerate(events):
        now = max(0, now + passed)
        if kind == "customer":
            said = utterance("customer", number, max(0, now - 2000), now)
            profile.customer_said(said, read, voice(max(0, now - 2000), now))
        elif kind == "growing":
            profile.customer_growing(
                utterance("customer", number + 1, max(0, now - 900), now, final=False), read
            )
        elif kind == "agent":
            profile.agent_said(utterance("agent", number, max(0, now - 2000), now), read)
        elif kind == "started":
            profile.speech(SpeechStarted(leg, now))
        elif kind == "ended":
            profile.speech(SpeechEnded(leg, now))
        elif kind == "emotion":
            shares = {"angry": 0.4, "happy": 0.2, "neutral": 0.2, "sad": 0.2}
            profile.emotion(EmotionReading(now, label, 0.9, shares, -0.5, 0.5, number % 2 == 0))
        else:
            inspect(profile, now)
    inspect(profile, now)
    return profile


@settings(max_examples=60, deadline=None)
@given(happenings)
def test_whatever_happens_every_profile_and_cue_passes_the_door(events: list[Any]) -> None:
    def inspect(profile: CallProfile, now: int) -> None:
        parts = profile.snapshot(now, True)
        codec.encode(message(parts, now, final=True))
        assert len(msgspec.msgpack.encode(parts)) <= LARGEST
        carried = {item.id for item in parts.evidence}
        assert all(advice.evidence and set(advice.evidence) <= carried for advice in parts.advice)
        low, score, high = parts.relationship.low, parts.relationship.score, parts.relationship.high
        assert low <= score <= high
        for cue in profile.take_cues():
            head = {"v": 1, "call": "A" * 22, "seat": "8001", "seq": 1, "wall": 1, "at": now}
            fields = {
                "kind": cue.kind,
                "code": cue.code,
                "confidence": cue.confidence,
                "advice": list(cue.advice),
            }
            codec.encode(CueMessage(**head, **fields))  # type: ignore[arg-type]

    play(events, inspect)


@settings(max_examples=40, deadline=None)
@given(happenings, findings)
def test_an_utterance_with_a_hostile_objection_never_raises_relationship(
    events: list[Any], read: Findings
) -> None:
    hostile = Findings(
        (*read.objections, ObjectionFinding("hostile_resistance", 0.8)), read.needs, read.signals
    )
    profile = play(events, lambda profile, now: None)
    now = 2_000_000
    before = profile.snapshot(now, False).relationship.score
    profile.customer_said(utterance("customer", 10_000, now, now), hostile, None)
    assert profile.snapshot(now, False).relationship.score <= before


@settings(max_examples=40, deadline=None)
@given(happenings)
def test_a_snapshot_taken_twice_says_the_same(events: list[Any]) -> None:
    profile = play(events, lambda profile, now: None)
    now = 2_000_000
    profile.snapshot(now, False)
    assert profile.snapshot(now, False) == profile.snapshot(now, False)


@settings(max_examples=40, deadline=None)
@given(happenings)
def test_the_same_call_gives_the_same_profile(events: list[Any]) -> None:
    one, other = (play(events, lambda profile, now: None) for _ in range(2))
    assert one.snapshot(2_000_000, True) == other.snapshot(2_000_000, True)


def test_a_new_call_claims_nothing() -> None:
    parts = CallProfile(CATALOGUE, quotes=False).snapshot(0, False)
    assert parts.advice == []
    assert parts.evidence == []
    assert parts.influence.style_confidence == 0.0
    assert parts.influence.emotion.label == "uncertain"
    assert {parts.demand.life_stage, parts.demand.stratum, parts.demand.match} == {"unknown"}


def test_audio_quality_is_the_share_of_totals() -> None:
    profile = CallProfile(CATALOGUE, quotes=False)
    profile.audio(lost_ms=100, heard_ms=1000, dropped_ms=0)
    profile.audio(lost_ms=500, heard_ms=10_000, dropped_ms=80)
    audio = profile.snapshot(10_000, False).audio
    assert (audio.lost, audio.dropped_ms) == (0.05, 80)


@pytest.mark.parametrize("quotes", [False, True])
def test_quotes_follow_the_policy_and_are_the_redacted_words(quotes: bool) -> None:
    call = Call(quotes=quotes)
    call.customer("doubt", redacted="我叫[姓名]，这个靠谱吗")
    shown = {item.quote for item in call.parts().evidence}
    assert ("我叫[姓名]，这个靠谱吗" in shown) is quotes
    assert quotes or shown == {None}


def test_what_the_agent_says_is_never_quoted_and_moves_only_agents_signals() -> None:
    profile = CallProfile(CATALOGUE, quotes=True)
    said = found("interest", "agent_empathy", "gold:wants", "doubt", redacted="您看这款黄金产品")
    profile.agent_said(utterance("agent", 0, 0, 3000), said)
    parts = profile.snapshot(3000, True)
    assert [item.code for item in parts.evidence] == ["signal.agent_empathy"]
    assert parts.evidence[0].quote is None
    assert parts.demand.needs == []
    assert parts.influence.objections == []


def test_only_objections_are_taken_from_a_growing_utterance() -> None:
    profile = CallProfile(CATALOGUE, quotes=True)
    growing = utterance("customer", 0, 0, 1500, final=False)
    profile.customer_growing(growing, found("doubt~0.95", "interest", "gold:wants"))
    parts = profile.snapshot(1500, False)
    assert [objection.type for objection in parts.influence.objections] == ["doubt"]
    assert parts.demand.needs == []
    assert parts.evidence == []


def test_fractions_lie_on_the_grid_of_hundredths() -> None:
    call = Call()
    call.customer("doubt~0.777", "gold:wants~0.654321", "interest~0.515151", measured={"tempo": 5.7123})
    call.feels("happy", 0.6789)

    def check(value: Any) -> None:
        if isinstance(value, float):
            assert value == round(value, 2)
        elif isinstance(value, dict):
            for part in value.values():
                check(part)
        elif isinstance(value, list):
            for part in value:
                check(part)

    check(msgspec.to_builtins(call.parts(final=True)))


def test_a_long_busy_call_stays_within_its_message_and_its_memory() -> None:
    call, largest = Call(quotes=True), 0
    words = "我那边还有一笔存款下个月到期再说吧你们这个产品风险到底大不大我还得和家里人商量"
    for turn in range(400):
        tags = [f"{NEED_TAGS[(turn * 5 + k) % len(NEED_TAGS)]}:wants" for k in range(4)]
        call.customer(OBJECTION_TYPES[turn % 6], *tags, "interest", "question", redacted=words)
        call.agent("agent_empathy", "agent_question")
        largest = max(largest, len(msgspec.msgpack.encode(call.parts(final=True))))
    assert largest <= LARGEST


def test_voice_and_emotion_become_evidence_with_their_source() -> None:
    call = Call()
    call.customer("question", measured={"pitch_shift": 3.0, "tempo_ratio": 1.5, "loudness_shift": 6.0})
    call.feels("happy")
    sources = {item.code: item.source for item in call.parts(final=True).evidence}
    assert sources["voice.pitch_up"] == sources["voice.fast"] == sources["voice.louder"] == "voice"
    assert sources["voice.happy"] == "voice"
    assert sources["signal.question"] == "words"


def test_a_voice_without_a_settled_baseline_makes_no_evidence() -> None:
    call = Call()
    call.customer("question", measured={"pitch_shift": 3.0, "tempo_ratio": 1.5, "baseline_confidence": 0.2})
    assert not [item for item in call.parts(final=True).evidence if item.source == "voice"]


def test_an_emotion_alert_is_cued_when_it_begins_and_not_again_within_a_minute() -> None:
    call = Call()
    call.feels("angry", alert=True).feels("angry", alert=True)
    cues = call.cues()
    assert [(cue.kind, cue.code) for cue in cues] == [("emotion_alert", "voice.angry")]
    call.feels("neutral").feels("angry", alert=True)
    assert call.cues() == []
    call.silence(61.0).feels("neutral").feels("angry", alert=True)
    assert [cue.code for cue in call.cues()] == ["voice.angry"]


def test_talking_much_in_anger_does_not_come_closer() -> None:
    call = Call()
    call.feels("angry")
    before = call.parts().relationship.score
    call.profile.speech(SpeechStarted("customer", call.now))
    call.profile.speech(SpeechEnded("customer", call.now + 9000))
    assert call.parts().relationship.score <= before
