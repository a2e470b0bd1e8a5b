"""Telephone events are recognised without being read."""

from __future__ import annotations

from dataclasses import fields

import pytest
from hypothesis import given
from hypothesis import strategies as st

from appliance.telephony.frames import Datagram, FrameDissector
from appliance.telephony.pcap import CaptureReader
from appliance.telephony.rtp import parse
from appliance.telephony.telephone_event import EventProgress, TelephoneEventError, progress
from tests.shared_data import shared_data


def test_the_reports_of_a_real_gateway_grow_and_end() -> None:
    path = shared_data("protocol/rtp/dtmf_2833_1.pcap")
    dissector = FrameDissector()
    reports = []
    for frame in CaptureReader(path.read_bytes()):
        found = dissector.dissect(frame.link_type, frame.data, frame.time)
        assert isinstance(found, Datagram)
        packet = parse(found.payload)
        assert packet.payload_type == 101
        reports.append(progress(packet.payload))
    assert [report.ended for report in reports] == [False] * 7 + [True] * 3
    durations = [report.duration for report in reports]
    assert durations == sorted(durations)
    assert durations[-1] >= 1000


@given(st.binary(min_size=4, max_size=40), st.integers(0, 255))
def test_nothing_that_is_returned_depends_on_the_key(payload: bytes, other: int) -> None:
    payload = payload[: len(payload) // 4 * 4]
    assert progress(payload) == progress(bytes([other]) + payload[1:])


def test_there_is_no_field_that_could_hold_a_key() -> None:
    assert {field.name for field in fields(EventProgress)} == {"ended", "duration"}


@pytest.mark.parametrize("payload", [b"", b"\1", b"\1\2\3", b"\1\2\3\4\5"])
def test_other_lengths_are_refused_without_quoting_them(payload: bytes) -> None:
    with pytest.raises(TelephoneEventError, match=f"^{len(payload)} bytes; a report has 4$"):
        progress(payload)
