"""Frames, fragments and their lengths."""

from __future__ import annotations

import random
import struct

import pytest
from hypothesis import given
from hypothesis import strategies as st

from appliance.telephony.fragments import MAX_INCOMPLETE, REASSEMBLY_SECONDS, FragmentBuffer
from appliance.telephony.frames import (
    ETHERNET,
    IPV4,
    LINUX_SLL,
    LINUX_SLL2,
    NULL,
    RAW,
    Datagram,
    FrameDissector,
    FrameError,
    Segment,
)
from appliance.telephony.pcap import CaptureReader
from appliance.telephony.rtp import parse
from tests.shared_data import shared_data
from tests.telephony.frame_builder import ethernet, ipv4, ipv4_fragments, ipv6, tcp, udp, udp_frame

A, B = ("10.0.0.1", 4000), ("10.0.0.2", 6000)
A6, B6 = ("fd00::1", 4000), ("fd00::2", 6000)
PACKET = ipv4("10.0.0.1", "10.0.0.2", 17, udp(A, B, b"sound"))
PACKET6 = ipv6("fd00::1", "fd00::2", 17, udp(A6, B6, b"sound"))
FOUND, FOUND6 = Datagram(A, B, b"sound"), Datagram(A6, B6, b"sound")


def dissect(frame: bytes, link_type: int = ETHERNET) -> Datagram | Segment | None:
    return FrameDissector().dissect(link_type, frame, 0.0)


@pytest.mark.parametrize(
    ("link_type", "frame", "found"),
    [
        pytest.param(ETHERNET, ethernet(PACKET), FOUND, id="ethernet"),
        pytest.param(ETHERNET, ethernet(PACKET, padded=60), FOUND, id="padded"),
        pytest.param(ETHERNET, ethernet(PACKET, tags=(0x8100,)), FOUND, id="vlan"),
        pytest.param(ETHERNET, ethernet(PACKET, tags=(0x88A8, 0x8100)), FOUND, id="qinq"),
        pytest.param(ETHERNET, ethernet(PACKET, tags=(0x9100, 0x8100)), FOUND, id="old-qinq"),
        pytest.param(ETHERNET, ethernet(PACKET6), FOUND6, id="ipv6"),
        pytest.param(LINUX_SLL, bytes(14) + b"\x08\x00" + PACKET, FOUND, id="cooked"),
        pytest.param(LINUX_SLL, bytes(14) + b"\x81\x00\x00\x64\x08\x00" + PACKET, FOUND, id="cooked-vlan"),
        pytest.param(LINUX_SLL2, b"\x86\xdd" + bytes(18) + PACKET6, FOUND6, id="cooked-2"),
        pytest.param(RAW, PACKET, FOUND, id="raw"),
        pytest.param(RAW, PACKET6, FOUND6, id="raw-6"),
        pytest.param(IPV4, PACKET, FOUND, id="raw-ipv4"),
        pytest.param(NULL, b"\2\0\0\0" + PACKET, FOUND, id="loopback"),
        pytest.param(
            RAW,
            ipv4("10.0.0.1", "10.0.0.2", 6, tcp(A, B, 7, b"text", 0x18)),
            Segment(A, B, 7, 0x18, b"text"),
            id="tcp",
        ),
        pytest.param(
            RAW,
            ipv6(A6[0], B6[0], 0, b"\x3c\0" + bytes(6) + b"\x11\1" + bytes(14) + udp(A6, B6, b"sound")),
            FOUND6,
            id="ipv6-options",
        ),
        pytest.param(
            RAW, ipv6("fd00::1", "fd00::2", 44, b"\x11\0\0\0" + bytes(4) + udp(A6, B6, b"sound")), FOUND6,
            id="ipv6-atomic-fragment",
        ),
        pytest.param(ETHERNET, ethernet(PACKET, tags=(0x88A8, 0x8100, 0x8100)), None, id="three-tags"),
        pytest.param(ETHERNET, b"\xff" * 12 + b"\x08\x06" + bytes(28), None, id="arp"),
        pytest.param(ETHERNET, bytes(12) + b"\x00\x26" + bytes(38), None, id="length-and-no-type"),
        pytest.param(RAW, ipv4("10.0.0.1", "10.0.0.2", 1, b"\x08\0ping"), None, id="icmp"),
        pytest.param(RAW, ipv6("fd00::1", "fd00::2", 59, b""), None, id="ipv6-nothing-follows"),
    ],
)  # fmt: skip
def test_layers(link_type: int, frame: bytes, found: Datagram | Segment | None) -> None:
    assert dissect(frame, link_type) == found


def changed(packet: bytes, at: int, value: bytes) -> bytes:
    return packet[:at] + value + packet[at + len(value) :]


@pytest.mark.parametrize(
    "packet",
    [
        pytest.param(b"", id="empty"),
        pytest.param(PACKET[:19], id="ipv4-header-cut"),
        pytest.param(PACKET[:-1], id="captured-in-part"),
        pytest.param(changed(PACKET, 0, b"\x44"), id="ipv4-header-too-short"),
        pytest.param(changed(PACKET, 0, b"\x4f"), id="ipv4-header-too-long"),
        pytest.param(changed(PACKET, 2, b"\0\x10"), id="ipv4-total-below-its-header"),
        pytest.param(changed(PACKET, 0, b"\x55"), id="ip-version-5"),
        pytest.param(ipv4("10.0.0.1", "10.0.0.2", 17, b"\0" * 7), id="udp-cut"),
        pytest.param(changed(PACKET, 24, b"\0\7"), id="udp-length-below-its-header"),
        pytest.param(changed(PACKET, 24, b"\xff\xff"), id="udp-length-past-the-end"),
        pytest.param(ipv4("10.0.0.1", "10.0.0.2", 6, bytes(19)), id="tcp-cut"),
        pytest.param(
            ipv4("10.0.0.1", "10.0.0.2", 6, changed(tcp(A, B, 1, b""), 12, b"\x40")), id="tcp-offset-4"
        ),
        pytest.param(
            ipv4("10.0.0.1", "10.0.0.2", 6, changed(tcp(A, B, 1, b""), 12, b"\xf0")), id="tcp-offset-15"
        ),
        pytest.param(PACKET6[:39], id="ipv6-header-cut"),
        pytest.param(PACKET6[:-1], id="ipv6-captured-in-part"),
        pytest.param(ipv6("fd00::1", "fd00::2", 0, b"\x11\5" + bytes(14)), id="ipv6-option-too-long"),
        pytest.param(ipv6("fd00::1", "fd00::2", 44, b"\x11\0\0\0"), id="ipv6-fragment-cut"),
        pytest.param(ipv6("fd00::1", "fd00::2", 0, b"\0\0" + bytes(6)), id="ipv6-option-cut"),
        pytest.param(ipv6("fd00::1", "fd00::2", 0, b"\0\0\0\0\0\0\0\0" * 12), id="ipv6-too-many-options"),
    ],
)
def test_lengths_that_do_not_fit_are_refused(packet: bytes) -> None:
    with pytest.raises(FrameError):
        dissect(packet, RAW)


@pytest.mark.parametrize(
    ("link_type", "frame"),
    [
        (ETHERNET, bytes(13)),
        (ETHERNET, bytes(12) + b"\x81\x00\x00"),
        (ETHERNET, bytes(12) + b"\x81\x00\x00\x01\x08"),
        (LINUX_SLL, bytes(15)),
        (LINUX_SLL, bytes(14) + b"\x81\x00\0"),
        (LINUX_SLL2, bytes(19)),
        (NULL, bytes(3)),
        (RAW, b""),
        (147, bytes(60)),
    ],
)
def test_link_headers_that_are_cut_off_or_unknown_are_refused(link_type: int, frame: bytes) -> None:
    with pytest.raises(FrameError):
        dissect(frame, link_type)


@given(st.integers(0, 2000), st.integers(1, 40), st.randoms(use_true_random=False))
def test_fragments_are_put_together_in_any_order(length: int, blocks: int, chance: random.Random) -> None:
    payload = chance.randbytes(length)
    pieces = ipv4_fragments(ipv4(A[0], B[0], 17, udp(A, B, payload)), 8 * blocks)
    chance.shuffle(pieces)
    dissector = FrameDissector()
    found = [dissector.dissect(RAW, piece, 0.0) for piece in [*pieces[:-1], *pieces[:-1], pieces[-1]]]
    assert [one for one in found if one] == [Datagram(A, B, payload)]
    assert dissector.fragments.reassembled == (len(pieces) > 1)
    assert dissector.fragments.given_up == 0


def test_ipv6_fragments_are_put_together() -> None:
    whole = udp(A6, B6, bytes(range(100)))
    dissector = FrameDissector()
    heads = [struct.pack("!BBHI", 17, 0, at | (at + 40 < len(whole)), 9) for at in range(0, len(whole), 40)]
    found = [
        dissector.dissect(RAW, ipv6("fd00::1", "fd00::2", 44, head + whole[40 * n : 40 * n + 40]), 0.0)
        for n, head in enumerate(heads)
    ]
    assert found == [None, None, Datagram(A6, B6, bytes(range(100)))]


KEY = (b"a", b"b", 17, 1)


@pytest.mark.parametrize(
    "pieces",
    [
        pytest.param([(0, True, bytes(16)), (8, False, bytes(16))], id="overlap"),
        pytest.param([(0, True, bytes(16)), (0, True, bytes(8))], id="overlap-at-the-same-place"),
        pytest.param([(0, True, bytes(9))], id="no-multiple-of-eight"),
        pytest.param([(0, True, b"")], id="empty"),
        pytest.param([(65_528, False, bytes(16))], id="longer-than-ip-allows"),
        pytest.param([(8, False, bytes(8)), (16, True, bytes(8))], id="beyond-the-end"),
        pytest.param([(16, True, bytes(8)), (8, False, bytes(8))], id="end-before-what-came"),
        pytest.param([(8, False, bytes(8)), (0, False, bytes(8))], id="two-ends"),
    ],
)
def test_fragments_that_contradict_each_other_are_given_up(pieces: list[tuple[int, bool, bytes]]) -> None:
    buffer = FragmentBuffer()
    assert [buffer.add(KEY, *piece, 0.0) for piece in pieces] == [None] * len(pieces)
    assert buffer.given_up == 1
    assert buffer.add(KEY, 0, True, bytes(8), 0.0) is None
    assert buffer.add(KEY, 8, False, b"end", 0.0) == bytes(8) + b"end"


def test_incomplete_packets_are_given_up_after_a_while_and_when_there_are_too_many() -> None:
    buffer = FragmentBuffer()
    assert buffer.add(KEY, 0, True, bytes(8), 0.0) is None
    assert buffer.add(KEY, 8, False, b"end", REASSEMBLY_SECONDS) is None
    assert buffer.given_up == 1
    for number in range(MAX_INCOMPLETE + 10):
        buffer.add((b"a", b"b", 17, 100 + number), 0, True, bytes(8), REASSEMBLY_SECONDS)
    assert buffer.given_up == 1 + 11
    assert buffer.fragments == 2 + MAX_INCOMPLETE + 10


@given(st.sampled_from([NULL, ETHERNET, RAW, LINUX_SLL, IPV4, LINUX_SLL2]), st.binary(max_size=120))
def test_random_frames_are_refused_by_name(link_type: int, frame: bytes) -> None:
    try:
        found = dissect(frame, link_type)
    except FrameError:
        return
    assert found is None or len(found.payload) <= len(frame)


@given(st.data())
def test_a_changed_frame_is_dissected_or_refused_by_name(data: st.DataObject) -> None:
    frame = bytearray(
        data.draw(
            st.sampled_from(
                [
                    udp_frame(A, B, bytes(40)),
                    ethernet(PACKET6),
                    ethernet(ipv4(A[0], B[0], 6, tcp(A, B, 1, b"text"))),
                ]
            )
        )
    )
    for _ in range(data.draw(st.integers(1, 6))):
        frame[data.draw(st.integers(0, len(frame) - 1))] = data.draw(st.integers(0, 255))
    try:
        found = dissect(bytes(frame[: data.draw(st.integers(0, len(frame)))]))
    except FrameError:
        return
    assert found is None or len(found.payload) <= len(frame)


def test_a_real_capture_of_g711() -> None:
    path = shared_data("protocol/rtp/g711a.pcap")
    dissector = FrameDissector()
    packets = []
    for frame in CaptureReader(path.read_bytes()):
        found = dissector.dissect(frame.link_type, frame.data, frame.time)
        assert isinstance(found, Datagram)
        assert (found.source, found.destination) == (("10.1.3.143", 5000), ("10.1.6.18", 2006))
        packets.append(parse(found.payload))
    assert len(packets) == 236
    assert [packet.sequence - packets[0].sequence for packet in packets] == list(range(236))
    assert {(packet.payload_type, len(packet.payload)) for packet in packets} == {(8, 240)}
