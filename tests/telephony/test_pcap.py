"""Capture files in both formats, both byte orders and any resolution."""

from __future__ import annotations

import struct

import pytest
from hypothesis import given
from hypothesis import strategies as st

from appliance.telephony.pcap import MAX_RECORD, CapturedFrame, CaptureReader, PcapError
from tests.telephony.frame_builder import pcap, pcapng, pcapng_block

FRAMES = [(1_700_000_000.000001, b"first"), (1_700_000_001.5, b""), (1_700_000_002.25, b"third frame")]


def read(data: bytes) -> list[CapturedFrame]:
    return list(CaptureReader(data))


@pytest.mark.parametrize("order", ["<", ">"])
@pytest.mark.parametrize(
    "write",
    [
        pytest.param(lambda frames, order: pcap(frames, order=order, link_type=113), id="microseconds"),
        pytest.param(
            lambda frames, order: pcap(frames, order=order, link_type=113, nanoseconds=True), id="nanoseconds"
        ),
        pytest.param(lambda frames, order: pcapng(frames, order=order, link_type=113), id="pcapng"),
        pytest.param(
            lambda frames, order: pcapng(frames, order=order, link_type=113, resolution=9),
            id="pcapng-nanoseconds",
        ),
    ],
)
def test_frames_times_and_link_types(write, order: str) -> None:
    found = read(write(FRAMES, order))
    assert [frame.data for frame in found] == [data for _, data in FRAMES]
    assert [frame.time for frame in found] == pytest.approx([time for time, _ in FRAMES], abs=1e-6, rel=0)
    assert {frame.link_type for frame in found} == {113}


def test_an_empty_capture_has_no_frames() -> None:
    assert read(pcap([])) == []
    assert read(pcapng([])) == []


@pytest.mark.parametrize("write", [pcap, pcapng])
def test_a_capture_that_was_cut_off_gives_what_is_whole(write) -> None:
    data = write(FRAMES)
    whole = len(write([]))
    for length in range(whole, len(data)):
        reader = CaptureReader(data[:length])
        found = list(reader)
        assert found == read(data)[: len(found)]
        # A block without content follows each packet of the pcapng file.
        skipped = (0, 12) if write is pcapng else (0,)
        ends = {len(write(FRAMES[:count])) - less for count in range(4) for less in skipped}
        assert reader.truncated == (length not in ends)
    assert len(read(data)) == 3


def test_sections_interfaces_and_the_two_older_packet_blocks() -> None:
    head = pcapng_block(0x0A0D0D0A, struct.pack("<IHHq", 0x1A2B3C4D, 1, 0, -1))
    interfaces = pcapng_block(1, struct.pack("<HHI", 1, 0, 4)) + pcapng_block(
        1, struct.pack("<HHI", 101, 0, 0)
    )
    simple = pcapng_block(3, struct.pack("<I", 9) + b"four")
    old = pcapng_block(2, struct.pack("<HHIIII", 1, 0, 0, 2_000_000, 3, 3) + b"old")
    unknown = pcapng_block(0xBAD, b"something else")
    found = read(head + interfaces + simple + unknown + old + pcapng([(3.0, b"big")], order=">"))
    assert found == [
        CapturedFrame(0.0, 1, b"four"),
        CapturedFrame(2.0, 101, b"old"),
        CapturedFrame(3.0, 1, b"big"),
    ]


def test_binary_time_resolution_and_offset() -> None:
    options = struct.pack("<HHB3x", 9, 1, 0x80 | 10) + struct.pack("<HHq", 14, 8, 1000) + bytes(4)
    data = pcapng_block(0x0A0D0D0A, struct.pack("<IHHq", 0x1A2B3C4D, 1, 0, -1))
    data += pcapng_block(1, struct.pack("<HHI", 1, 0, 0) + options)
    data += pcapng_block(6, struct.pack("<IIIII", 0, 0, 1536, 1, 1) + b"x")
    (frame,) = read(data)
    assert frame.time == 1001.5


def section(*blocks: bytes) -> bytes:
    return pcapng_block(0x0A0D0D0A, struct.pack("<IHHq", 0x1A2B3C4D, 1, 0, -1)) + b"".join(blocks)


INTERFACE = pcapng_block(1, struct.pack("<HHI", 1, 0, 0))


@pytest.mark.parametrize(
    ("data", "says"),
    [
        pytest.param(b"", "neither", id="empty"),
        pytest.param(b"RIFF" + bytes(40), "neither", id="other-file"),
        pytest.param(pcap([])[:23], "cut off at byte 24", id="header-cut"),
        pytest.param(
            pcap([]) + struct.pack("<IIII", 0, 0, MAX_RECORD + 1, 1), "at byte 24", id="record-too-long"
        ),
        pytest.param(pcapng_block(0x0A0D0D0A, bytes(16)), "byte-order magic at byte 8", id="no-byte-order"),
        pytest.param(
            section(struct.pack("<III", 6, 8, 8)), "block of 8 bytes at byte 28", id="block-too-short"
        ),
        pytest.param(section(struct.pack("<III", 6, 0x7FFFFFFC, 0)), "at byte 28", id="block-too-long"),
        pytest.param(section(struct.pack("<III", 9, 12, 16)), "differ: 12 and 16", id="lengths-differ"),
        pytest.param(section(pcapng_block(1, bytes(4))), "interface description is cut", id="interface-cut"),
        pytest.param(
            section(pcapng_block(6, struct.pack("<IIIII", 0, 0, 0, 0, 0))),
            "which is not described",
            id="no-interface",
        ),
        pytest.param(
            section(INTERFACE, pcapng_block(6, struct.pack("<IIIII", 0, 0, 0, 9, 9) + bytes(8))),
            "a packet of 9 bytes",
            id="packet-longer-than-its-block",
        ),
        pytest.param(section(INTERFACE, pcapng_block(6, bytes(16))), "packet block is cut", id="packet-cut"),
        pytest.param(
            section(pcapng_block(1, struct.pack("<HHIHHB3x", 1, 0, 0, 9, 1, 64))),
            "resolution of 64",
            id="resolution",
        ),
        pytest.param(
            section(pcapng_block(1, struct.pack("<HHIHH", 1, 0, 0, 9, 900))),
            "option of an interface",
            id="option-cut",
        ),
    ],
)
def test_files_that_contradict_themselves_are_refused_with_the_place(data: bytes, says: str) -> None:
    with pytest.raises(PcapError, match=says):
        read(data)


@given(
    st.sampled_from([pcap(FRAMES), pcap(FRAMES, order=">"), pcapng(FRAMES), pcapng(FRAMES, order=">")]),
    st.data(),
)
def test_a_changed_file_is_read_or_refused_by_name(data: bytes, more: st.DataObject) -> None:
    changed = bytearray(data)
    for _ in range(more.draw(st.integers(1, 8))):
        changed[more.draw(st.integers(0, len(changed) - 1))] = more.draw(st.integers(0, 255))
    try:
        found = read(bytes(changed))
    except PcapError:
        return
    assert sum(len(frame.data) for frame in found) <= len(changed)
