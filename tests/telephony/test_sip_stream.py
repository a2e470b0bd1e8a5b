"""SIP over a stream: where messages begin and end."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from appliance.telephony.sip import MAX_HEAD_BYTES, Headers, SipError, SipRequest
from appliance.telephony.sip_stream import SipStream


def _message(body: bytes) -> bytes:
    return SipRequest("OPTIONS", "sip:a", Headers([("Call-ID", "c")]), body).serialise()


def _bodies(stream: SipStream) -> list[bytes]:
    found = []
    while (message := stream.next_message()) is not None:
        found.append(message.body)
    return found


@given(st.lists(st.binary(max_size=80), max_size=6), st.lists(st.integers(1, 60), min_size=1, max_size=40))
def test_messages_come_out_whole_however_they_arrive(bodies: list[bytes], cuts: list[int]) -> None:
    data = b"\r\n".join(_message(body) for body in bodies)
    stream, found, at, turn = SipStream(), [], 0, 0
    while at < len(data):
        step = cuts[turn % len(cuts)]
        stream.feed(data[at : at + step])
        found += _bodies(stream)
        at, turn = at + step, turn + 1
    assert found == bodies


def test_one_byte_at_a_time() -> None:
    stream, found = SipStream(), []
    for byte in b"\r\n\r\n" + _message(b"one") + b"\r\n\r\n" + _message(b"two"):
        stream.feed(bytes([byte]))
        found += _bodies(stream)
    assert found == [b"one", b"two"]
    assert stream.take_pongs() == 2
    assert stream.take_pongs() == 0


@pytest.mark.parametrize(
    "data",
    [
        b"OPTIONS sip:a SIP/2.0\r\nCall-ID: c\r\n\r\n",
        b"OPTIONS sip:a SIP/2.0\r\nContent-Length: 99999\r\n\r\n",
        b"OPTIONS sip:a SIP/2.0\r\nContent-Length: x\r\n\r\n",
    ],
)
def test_a_length_that_cannot_be_told_is_an_error_with_the_head(data: bytes) -> None:
    stream = SipStream()
    stream.feed(data)
    with pytest.raises(SipError) as caught:
        stream.next_message()
    assert isinstance(caught.value.head, SipRequest)


def test_a_head_without_end_is_an_error_before_it_fills_the_memory() -> None:
    stream = SipStream()
    stream.feed(b"OPTIONS sip:a SIP/2.0\r\n" + b"A: b\r\n" * (MAX_HEAD_BYTES // 6 + 1))
    with pytest.raises(SipError):
        stream.next_message()
