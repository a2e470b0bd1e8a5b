"""The codec lets every valid message through unchanged, and nothing else."""

from __future__ import annotations

import math
import re
import sys

import msgspec
import pytest
from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st
from msgspec import inspect
from msgspec.structs import replace

from appliance.protocol.codec import (
    MAX_MESSAGE_BYTES,
    MAX_TEXT_CHARACTERS,
    SchemaError,
    decode_door,
    decode_seat,
    encode,
    encode_numbered,
)
from appliance.protocol.messages import (
    Advice,
    AudioQuality,
    BeatMessage,
    CueMessage,
    Estimate,
    Evidence,
    Need,
    Objection,
    ProfileMessage,
    SeatMessage,
)
from tests.protocol.arbitrary import DOOR_MESSAGES, SEAT_MESSAGES
from tests.protocol.samples import WALL, call, cue, profile

if sys.version_info >= (3, 11):
    import re._parser as regex_parser
else:
    import sre_parse as regex_parser


@given(SEAT_MESSAGES)
@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.too_slow])
def test_what_a_seat_decodes_is_what_was_encoded(message):
    data = encode_or_assume(message)
    assert decode_seat(data) == message
    assert encode(decode_seat(data)) == data


@given(DOOR_MESSAGES)
@settings(max_examples=100, deadline=None, suppress_health_check=[HealthCheck.too_slow])
def test_what_the_feed_decodes_is_what_the_engine_encoded(message):
    assert decode_door(encode_or_assume(message)) == message


@given(DOOR_MESSAGES, st.integers(0, 2**53))
@settings(max_examples=50, deadline=None, suppress_health_check=[HealthCheck.too_slow])
def test_a_number_is_all_that_the_feed_changes(message, sequence):
    passed = decode_door(encode_or_assume(message))
    try:
        numbered = encode_numbered(passed, sequence)
    except SchemaError:
        assert len(encode(message)) > MAX_MESSAGE_BYTES - 9
        return
    assert decode_seat(numbered) == replace(message, seq=sequence)


def encode_or_assume(message):
    """Quotes of forty astral characters can take a profile past the limit; that has its own test."""
    try:
        return encode(message)
    except SchemaError as error:
        assume("bytes; 4096 are allowed" not in str(error))
        raise


@given(st.binary(max_size=5000))
@settings(max_examples=300, deadline=None)
def test_random_bytes_are_refused_with_a_schema_error(data):
    for decode in (decode_door, decode_seat):
        with pytest.raises(SchemaError):
            decode(data)


VALID = [
    encode(message) for message in (call(), cue(), profile(quote="想想再说"), BeatMessage(1, "8001", 3, WALL))
]


@given(st.sampled_from(VALID), st.integers(0, 5000), st.binary(min_size=0, max_size=4), st.integers(0, 6))
@settings(max_examples=600, deadline=None)
def test_a_damaged_message_is_refused_or_still_fits_the_schema(data, position, insert, drop):
    position %= len(data)
    damaged = data[:position] + insert + data[position + drop :]
    for decode in (decode_door, decode_seat):
        try:
            message = decode(damaged)
        except SchemaError:
            continue
        assert decode_seat(encode(message)) == message


def damaged(message: SeatMessage, path: str, value: object) -> bytes:
    """The message as bytes with one field replaced, past every check of the encoder."""
    tree = msgspec.to_builtins(message)
    *parents, name = path.split(".")
    place = tree
    for key in parents:
        place = place[int(key)] if isinstance(place, list) else place[key]
    place[name] = value
    return msgspec.msgpack.encode(tree)


@pytest.mark.parametrize(
    ("path", "value", "field"),
    [
        ("audio_pcm", b"\x00" * 10, "audio_pcm"),
        ("relationship.secret", 1, "relationship"),
        ("v", 2, "v"),
        ("call", "k3Jf9-Qm_2xLw8Rt0ZbYpA\n", "call"),
        ("seat", "8001/8002", "seat"),
        ("seat", "8001\n", "seat"),
        ("seat", "", "seat"),
        ("wall", -1, "wall"),
        ("seq", 2**60, "seq"),
        ("relationship.score", 101, "relationship.score"),
        ("relationship.score", 40.5, "relationship.score"),
        ("relationship.stage", "boiling", "relationship.stage"),
        ("relationship.trend", 0.005, "relationship.trend"),
        ("relationship.trend", -0.0, "relationship.trend"),
        ("relationship.trend", 1.01, "relationship.trend"),
        ("influence.style.tiger", math.nan, "influence.style.tiger"),
        ("influence.style.tiger", math.inf, "influence.style.tiger"),
        ("influence.style.tiger", 0.1 + 0.2, "influence.style.tiger"),
        ("influence.emotion.alert", 1, "influence.emotion.alert"),
        ("influence.objections", [[1, 2, 3]], "influence.objections"),
        ("demand.gaps", ["goal"] * 5, "demand.gaps"),
        ("demand.gaps", b"goal", "demand.gaps"),
        ("evidence.0.code", "objection.unheard_of", "evidence[0].code"),
        ("evidence.0.code", "voice.angry\n", "evidence[0].code"),
        ("evidence.0.quote", "字" * 41, "evidence[0].quote"),
        ("evidence.0.quote", "一\x00二", "evidence[0].quote"),
        ("evidence.0.weight", 0.333, "evidence[0].weight"),
        ("advice.0.id", "Say Something Free", "advice[0].id"),
    ],
)
def test_what_is_not_in_the_schema_is_refused_by_name(path, value, field):
    data = damaged(profile(), path, value)
    for decode in (decode_door, decode_seat):
        with pytest.raises(SchemaError) as caught:
            decode(data)
        # msgspec names an unknown field in its text, and the struct that it is in as the place.
        assert caught.value.field.startswith(field) or field in str(caught.value)


def test_a_missing_field_is_named():
    tree = msgspec.to_builtins(profile())
    del tree["demand"]["match"]
    with pytest.raises(SchemaError, match="match"):
        decode_door(msgspec.msgpack.encode(tree))


def test_a_beat_may_not_pass_the_door():
    beat = BeatMessage(1, "8001", 3, WALL)
    assert decode_seat(encode(beat)) == beat
    with pytest.raises(SchemaError):
        decode_door(encode(beat))


def test_fractions_are_rounded_to_hundredths_before_they_leave():
    message = replace(
        profile(),
        audio=AudioQuality(1 / 3, 0),
        evidence=[Evidence("e1", 0, "words", "signal.thanks", -0.001)],
        relationship=replace(profile().relationship, trend=-2 / 3),
    )
    decoded = decode_door(encode(message))
    assert isinstance(decoded, ProfileMessage)
    assert decoded.audio.lost == 0.33
    assert decoded.relationship.trend == -0.67
    assert math.copysign(1.0, decoded.evidence[0].weight) == 1.0


@pytest.mark.parametrize("value", [math.nan, math.inf, -math.inf, 1e308, 1.5, -0.01, "half", True, None])
def test_the_encoder_refuses_what_is_no_fraction(value):
    with pytest.raises(SchemaError, match=r"audio\.lost|wrong type"):
        encode(replace(profile(), audio=AudioQuality(value, 0)))


@pytest.mark.parametrize(
    "message",
    [
        replace(profile(), seat="no/slash"),
        replace(profile(), at=-1),
        replace(profile(), advice=[Advice("let_them_verify", ["e1"])] * 5),
        replace(profile(), evidence=[Evidence("e1", 0, "words", "voice.unknown", 0.1)]),
        replace(profile(), evidence=[Evidence("e1", 0, "words", "voice.angry", 0.1, "\ud800")]),
        replace(profile(), evidence=[b"\x00\x01"]),
        replace(profile(), evidence=b"\x00\x01"),
        replace(profile(), influence=None),
        replace(cue(), code="voice.fast"),
        replace(call(), event="exploded"),
        Estimate(0.1, 0.2),
        {"type": "profile"},
    ],
)
def test_the_encoder_checks_the_bounds_that_structs_do_not(message):
    with pytest.raises(SchemaError):
        encode(message)


def full_profile(quote: str | None) -> ProfileMessage:
    """A profile with every list full, the longest codes and numbers."""
    longest = max(sorted(c for c in ["signal.agent_promise_return", "objection.hostile_resistance"]), key=len)
    base = profile()
    return replace(
        base,
        seat="s" * 32,
        seq=2**53,
        at=86_400_000,
        influence=replace(
            base.influence, objections=[Objection("hostile_resistance", 0.99, 86_400_000, False)] * 8
        ),
        demand=replace(base.demand, needs=[Need("structured_product", "rejects", 0.99, 86_400_000)] * 12),
        advice=[Advice("a" * 40, ["e99999"] * 4)] * 4,
        evidence=[Evidence("e99999", 86_400_000, "timing", longest, -0.99, quote)] * 12,
    )


def test_the_fullest_profile_fits_without_quotes():
    assert len(encode(full_profile(None))) <= MAX_MESSAGE_BYTES


def test_a_message_over_four_kibibytes_is_refused_on_both_sides():
    message = full_profile("字" * 40)
    with pytest.raises(SchemaError, match="4096 are allowed"):
        encode(message)
    data = msgspec.msgpack.encode(message)
    assert len(data) > MAX_MESSAGE_BYTES
    with pytest.raises(SchemaError, match="4096 are allowed"):
        decode_door(data)


def walk(kind: inspect.Type, path: str):
    yield path, kind
    if isinstance(kind, inspect.Metadata):
        yield from walk(kind.type, path)
    elif isinstance(kind, inspect.StructType):
        for field in kind.fields:
            yield from walk(field.type, f"{path}.{field.name}")
    elif isinstance(kind, inspect.ListType):
        yield from walk(kind.item_type, f"{path}[]")
    elif isinstance(kind, inspect.UnionType):
        for member in kind.types:
            yield from walk(member, path)


def test_no_type_of_the_schema_can_carry_audio():
    """No binary, no list of numbers, no open map, no unbounded number or text, anywhere in the tree."""
    closed = (
        inspect.Metadata, inspect.StructType, inspect.ListType, inspect.UnionType, inspect.LiteralType,
        inspect.FloatType, inspect.IntType, inspect.BoolType, inspect.StrType, inspect.NoneType,
    )  # fmt: skip
    seen = 0
    for path, kind in walk(inspect.type_info(SeatMessage), "message"):
        seen += 1
        assert isinstance(kind, closed), path
        if isinstance(kind, inspect.StructType):
            assert kind.forbid_unknown_fields, path
        if isinstance(kind, inspect.ListType):
            assert kind.max_length is not None and kind.max_length <= 12, path
            numbers = (inspect.IntType, inspect.FloatType, inspect.BoolType, inspect.ListType)
            assert not isinstance(kind.item_type, numbers), path
        if isinstance(kind, (inspect.FloatType, inspect.IntType)):
            assert kind.ge is not None and kind.le is not None, path
        if isinstance(kind, inspect.StrType):
            longest = kind.max_length
            if longest is None:
                assert kind.pattern is not None, path
                longest = int(regex_parser.parse(kind.pattern).getwidth()[1])
                assert re.compile(kind.pattern).pattern.startswith("^"), path
                assert kind.pattern.endswith("$"), path
            assert longest <= MAX_TEXT_CHARACTERS, path
    assert seen > 100


def test_a_cue_with_an_unknown_code_does_not_pass():
    with pytest.raises(SchemaError) as caught:
        decode_door(damaged(cue(), "code", "pacing.unheard_of"))
    assert caught.value.field == "code"
    assert isinstance(decode_door(encode(cue())), CueMessage)
