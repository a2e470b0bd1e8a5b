from __future__ import annotations

import msgspec
import pytest

from appliance.protocol.codec import SchemaError, decode_door, decode_seat
from appliance.protocol.messages import CueMessage

CUE = {
    "type": "cue", "v": 1, "call": "k3Jf9-Qm_2xLw8Rt0ZbYpA", "seat": "8001", "seq": 0, "at": 2000,
    "wall": 1_760_000_000_000, "kind": "objection", "code": "objection.doubt", "confidence": 0.8,
    "advice": ["let_them_verify"],
}  # fmt: skip


def test_the_cue_without_a_line_break_passes() -> None:
    assert isinstance(decode_door(msgspec.msgpack.encode(CUE)), CueMessage)


@pytest.mark.parametrize("decode", [decode_door, decode_seat])
@pytest.mark.parametrize(
    "changed",
    [
        {"call": "k3Jf9-Qm_2xLw8Rt0ZbYpA\n"},
        {"seat": "8001\n"},
        {"code": "objection.doubt\n"},
        {"advice": ["let_them_verify\n"]},
    ],
    ids=lambda changed: next(iter(changed)),
)
def test_an_id_or_code_that_ends_in_a_line_break_does_not_pass(decode, changed) -> None:
    with pytest.raises(SchemaError):
        decode(msgspec.msgpack.encode({**CUE, **changed}))
