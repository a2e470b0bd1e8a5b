"""What a seat may ask of the feed over the control socket: typed, bounded msgpack, and nothing else."""

from __future__ import annotations

from typing import Annotated, Final, Literal

import msgspec
from msgspec import Meta, Struct

from appliance.protocol.codec import SchemaError
from appliance.protocol.messages import CallId, Sequence, StrategyId

#: A request is some 40 bytes, a verdict some 130; this leaves room for later versions.
MAX_REQUEST_BYTES: Final = 256

RequestId = Annotated[int, Meta(ge=0, le=2**32 - 1, description="chosen by the seat; the reply repeats it")]
LeaseId = Annotated[
    str, Meta(pattern=r"^[0-9a-f]{16}(?!\n)$", description="given by the feed; 16 hexadecimal digits")
]
Verdict = Literal["helpful", "wrong"]


class LeaseRequest(Struct, frozen=True, forbid_unknown_fields=True, tag="lease", tag_field="ask"):
    """A lease to receive under, or more time for the one that is named."""

    id: RequestId
    lease: LeaseId | None = None


class SnapshotRequest(Struct, frozen=True, forbid_unknown_fields=True, tag="snapshot", tag_field="ask"):
    """The present state of the topic's calls, and the topic's last sequence number."""

    id: RequestId


class ReplayRequest(Struct, frozen=True, forbid_unknown_fields=True, tag="replay", tag_field="ask"):
    """The messages after a sequence number, as far as the feed still has them."""

    id: RequestId
    after: Sequence


class FeedbackRequest(Struct, frozen=True, forbid_unknown_fields=True, tag="feedback", tag_field="ask"):
    """Whether a piece of advice of a call helped. It is counted by strategy; who said it is not kept."""

    id: RequestId
    call: CallId
    advice: StrategyId
    verdict: Verdict


Request = LeaseRequest | SnapshotRequest | ReplayRequest | FeedbackRequest

_decoder: Final[msgspec.msgpack.Decoder[Request]] = msgspec.msgpack.Decoder(Request)


def decode_request(data: bytes) -> Request:
    """One request of a seat.

    Raises:
        SchemaError: the bytes are no request.
    """
    if len(data) > MAX_REQUEST_BYTES:
        raise SchemaError("", f"has {len(data)} bytes; {MAX_REQUEST_BYTES} are allowed in a request")
    try:
        return _decoder.decode(data)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError) as error:
        raise SchemaError("", f"is no request: {error}") from error
