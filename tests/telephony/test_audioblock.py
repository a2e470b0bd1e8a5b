from __future__ import annotations

import msgspec
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from appliance.telephony.audioblock import (
    MAX_BLOCK_SAMPLES,
    AudioBlock,
    AudioDropped,
    BlockError,
    CallEnded,
    CallHeld,
    CallMessage,
    CallStarted,
    decode,
    encode,
)

CALL = "AAAAAAAAAAAAAAAAAAAAA_"


def fields(**changed: object) -> dict[str, object]:
    """The msgpack map of a valid audio block, with some fields changed."""
    return {
        "kind": "audio", "call": CALL, "leg": "customer", "position": 0, "rate": 8000, "pcm": b"\0\0" * 640,
        "lost": 0, "hold": False, **changed,
    }  # fmt: skip


@pytest.mark.parametrize(
    "message",
    [
        CallStarted(CALL, "8001", "inbound", "siprec", 1_790_000_000_000),
        AudioBlock(CALL, "agent", 640, 16000, b"\1\2" * 1280, lost=160, hold=True),
        AudioDropped(CALL, "customer", 320),
        CallHeld(CALL, held=True, at=4000),
        CallEnded(CALL, 61_000, "bye"),
    ],
)
def test_a_message_comes_back_as_it_was_sent(message: CallMessage) -> None:
    assert decode(encode(message)) == message


@given(
    st.lists(st.integers(-32768, 32767), min_size=1, max_size=1600),
    st.integers(0, 2**40),
    st.sampled_from([8000, 16000]),
)
def test_samples_survive_the_socket(values: list[int], position: int, rate: int) -> None:
    samples = np.array(values, np.int16)
    block = decode(encode(AudioBlock.of(CALL, "customer", position, rate, samples)))  # type: ignore[arg-type]
    assert isinstance(block, AudioBlock)
    assert block.samples.dtype == np.int16
    assert np.array_equal(block.samples, samples)
    assert block.position == position


def test_a_block_tells_its_time_in_the_call() -> None:
    block = AudioBlock.of(CALL, "customer", 8000, 8000, np.zeros(640, np.int16))
    assert (block.start_ms, block.end_ms) == (1000, 1080)
    wide = AudioBlock.of(CALL, "customer", 8000, 16000, np.zeros(1280, np.int16))
    assert (wide.start_ms, wide.end_ms) == (500, 580)


def test_samples_are_little_endian_on_the_socket() -> None:
    assert AudioBlock.of(CALL, "agent", 0, 8000, np.array([1, -2], np.int16)).pcm == b"\x01\x00\xfe\xff"


@given(st.binary(max_size=400))
def test_random_bytes_are_refused_and_nothing_else_happens(data: bytes) -> None:
    with pytest.raises(BlockError):
        decode(data)


@pytest.mark.parametrize(
    "data",
    [
        b"\x81\xa4kind\xa3\xff\xff\xff",
        b"\x82\xa4kind\xa5ended\xa4call\xb6" + b"\xff" * 22,
        b"\x81\xa1a" * 5000,
        b"\x91" * 5000,
    ],
    ids=["a kind that is no UTF-8", "a call that is no UTF-8", "deep maps", "deep lists"],
)
def test_what_the_decoder_of_msgpack_stumbles_over_is_refused(data: bytes) -> None:
    with pytest.raises(BlockError):
        decode(data)


@given(st.integers(0, 1400))
def test_a_message_that_was_cut_off_is_refused(length: int) -> None:
    whole = encode(AudioBlock.of(CALL, "customer", 0, 8000, np.zeros(640, np.int16)))
    with pytest.raises(BlockError):
        decode(whole[: min(length, len(whole) - 1)])


def test_the_fields_that_the_next_tests_change_are_valid_before() -> None:
    assert isinstance(decode(msgspec.msgpack.encode(fields())), AudioBlock)


@pytest.mark.parametrize(
    "changed",
    [
        {"kind": "video"},
        {"call": "short"},
        {"call": CALL + "x"},
        {"call": "AAAAAAAAAAAAAAAAAAAA/+"},
        {"call": CALL + "\n"},
        {"leg": "both"},
        {"position": -1},
        {"rate": 44100},
        {"pcm": "text"},
        {"pcm": b""},
        {"pcm": b"\0"},
        {"pcm": b"\0" * 641},
        {"pcm": b"\0\0" * (MAX_BLOCK_SAMPLES + 1)},
        {"lost": -1},
        {"hold": 1},
    ],
    ids=str,
)
def test_a_block_outside_its_bounds_is_refused(changed: dict[str, object]) -> None:
    with pytest.raises(BlockError):
        decode(msgspec.msgpack.encode(fields(**changed)))


def test_the_longest_block_is_taken() -> None:
    data = msgspec.msgpack.encode(fields(pcm=b"\0\0" * MAX_BLOCK_SAMPLES))
    assert isinstance(decode(data), AudioBlock)


@pytest.mark.parametrize("missing", ["kind", "call", "leg", "position", "rate", "pcm"])
def test_a_block_without_a_field_is_refused(missing: str) -> None:
    left = {name: value for name, value in fields().items() if name != missing}
    with pytest.raises(BlockError):
        decode(msgspec.msgpack.encode(left))


@pytest.mark.parametrize("reason", ["hungry", "", 3])
def test_a_call_ends_for_a_known_reason_only(reason: object) -> None:
    with pytest.raises(BlockError):
        decode(msgspec.msgpack.encode({"kind": "ended", "call": CALL, "at": 1, "reason": reason}))
