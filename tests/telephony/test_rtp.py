"""RTP packets by RFC 3550 §5.1, and wrapping arithmetic."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from appliance.telephony.rtp import (
    RtpError,
    RtpPacket,
    WrongVersionError,
    build,
    is_rtcp,
    parse,
    sequence_delta,
    timestamp_delta,
)

HEADER = bytes.fromhex("80 88 1234 00000140 deadbeef")

packets = st.builds(
    RtpPacket,
    payload_type=st.integers(0, 127),
    marker=st.booleans(),
    sequence=st.integers(0, 0xFFFF),
    timestamp=st.integers(0, 0xFFFF_FFFF),
    ssrc=st.integers(0, 0xFFFF_FFFF),
    payload=st.binary(max_size=200),
    csrc=st.lists(st.integers(0, 0xFFFF_FFFF), max_size=15).map(tuple),
    extension_profile=st.integers(0, 0xFFFF),
    extension=st.integers(0, 20).flatmap(lambda words: st.binary(min_size=4 * words, max_size=4 * words)),
)


def test_the_fields_of_a_plain_packet() -> None:
    assert parse(HEADER + b"sound") == RtpPacket(8, True, 0x1234, 0x140, 0xDEADBEEF, b"sound")


def test_contributing_sources_and_a_header_extension_are_no_payload() -> None:
    data = (
        b"\x92"
        + HEADER[1:]
        + bytes.fromhex("00000001 00000002")
        + bytes.fromhex("bede 0001 aabbccdd")
        + b"sound"
    )
    packet = parse(data)
    assert packet.csrc == (1, 2)
    assert packet.extension_profile == 0xBEDE
    assert packet.extension == bytes.fromhex("aabbccdd")
    assert packet.payload == b"sound"


def test_padding_is_taken_off() -> None:
    assert parse(b"\xa0" + HEADER[1:] + b"sound\0\0\3").payload == b"sound"
    assert parse(b"\xa0" + HEADER[1:] + b"\0\0\3").payload == b""


@pytest.mark.parametrize("version", [0, 1, 3])
def test_another_version_is_refused_by_name(version: int) -> None:
    with pytest.raises(WrongVersionError, match=f"version {version}"):
        parse(bytes([version << 6]) + HEADER[1:])


@pytest.mark.parametrize(
    "data",
    [
        b"",
        HEADER[:11],
        b"\x8f" + HEADER[1:] + bytes(59),  # 15 CSRC need 60 bytes
        b"\x90" + HEADER[1:] + b"\0\0\0",  # half an extension header
        b"\x90" + HEADER[1:] + b"\0\0\0\2" + bytes(7),  # two words are 8 bytes
        b"\xa0" + HEADER[1:],  # padding without any byte
        b"\xa0" + HEADER[1:] + b"sound\0",  # padding of 0 bytes
        b"\xa0" + HEADER[1:] + b"sound\7",  # more padding than payload
    ],
)
def test_lengths_that_reach_past_the_end_are_refused(data: bytes) -> None:
    with pytest.raises(RtpError):
        parse(data)


@given(packets)
def test_what_is_built_is_parsed_again(packet: RtpPacket) -> None:
    assert parse(build(packet)) == packet


@given(packets, st.integers(1, 255))
def test_padding_changes_nothing_but_the_length(packet: RtpPacket, padding: int) -> None:
    data = bytearray(build(packet))
    data[0] |= 0x20
    assert parse(bytes(data) + bytes(padding - 1) + bytes([padding])) == packet


@given(st.binary(max_size=100))
def test_random_bytes_are_a_packet_or_an_rtp_error(data: bytes) -> None:
    try:
        packet = parse(data)
    except RtpError:
        return
    assert len(packet.payload) <= len(data) - 12


def test_a_packet_that_cannot_be_written_is_refused() -> None:
    with pytest.raises(RtpError, match="CSRC"):
        build(RtpPacket(8, False, 0, 0, 0, b"", csrc=(0,) * 16))
    with pytest.raises(RtpError, match="words of four"):
        build(RtpPacket(8, False, 0, 0, 0, b"", extension_profile=0, extension=b"abc"))


def test_rtcp_on_the_same_port_is_told_by_its_packet_type() -> None:
    assert is_rtcp(bytes.fromhex("80c80006"))
    assert is_rtcp(bytes.fromhex("81cc0006"))
    assert not is_rtcp(HEADER)
    assert not is_rtcp(bytes.fromhex("80e51f30"))  # telephone-event with the marker bit
    assert not is_rtcp(b"\x80\xc8")


@given(st.integers(0, 0xFFFF), st.integers(-0x8000, 0x7FFF))
def test_sequence_numbers_wrap_at_16_bits(reference: int, step: int) -> None:
    assert sequence_delta((reference + step) & 0xFFFF, reference) == step


@given(st.integers(0, 0xFFFF_FFFF), st.integers(-0x8000_0000, 0x7FFF_FFFF))
def test_timestamps_wrap_at_32_bits(reference: int, step: int) -> None:
    assert timestamp_delta((reference + step) & 0xFFFF_FFFF, reference) == step
