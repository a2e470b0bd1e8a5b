"""Requests of a seat are bounded and typed."""

from __future__ import annotations

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from appliance.protocol.codec import SchemaError
from appliance.protocol.requests import ReplayRequest, SnapshotRequest, decode_request

pack = msgspec.msgpack.encode


def test_both_requests_are_read():
    assert decode_request(pack({"ask": "snapshot", "id": 7})) == SnapshotRequest(7)
    assert decode_request(pack({"ask": "replay", "id": 8, "after": 12})) == ReplayRequest(8, 12)


@pytest.mark.parametrize(
    "request_",
    [
        {"ask": "everything", "id": 1},
        {"ask": "snapshot"},
        {"ask": "snapshot", "id": -1},
        {"ask": "snapshot", "id": 2**32},
        {"ask": "snapshot", "id": 1, "seat": "8002"},
        {"ask": "replay", "id": 1, "after": "all"},
        {"ask": "replay", "id": 1, "after": -1},
        [1, 2],
        None,
    ],
)
def test_anything_else_is_refused(request_):
    with pytest.raises(SchemaError):
        decode_request(pack(request_))


def test_an_oversized_request_is_refused_before_it_is_read():
    with pytest.raises(SchemaError, match="256 are allowed"):
        decode_request(pack({"ask": "snapshot", "id": 1}) + b"\x00" * 256)


@given(st.binary(max_size=300))
def test_random_bytes_are_refused(data):
    with pytest.raises(SchemaError):
        decode_request(data)
