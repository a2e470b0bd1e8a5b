"""What a seat may ask of the feed over the control socket: typed, bounded msgpack, and nothing else."""

from __future__ import annotations

from typing import Annotated, Final, Literal, TypeVar

import msgspec
from msgspec import Meta, Struct

from appliance.protocol.codec import SchemaError
from appliance.protocol.messages import CallId, SeatId, Sequence, StrategyId

#: A request is some 40 bytes, a verdict some 130; this leaves room for later versions.
MAX_REQUEST_BYTES: Final = 256

RequestId = Annotated[int, Meta(ge=0, le=2**32 - 1, description="chosen by the seat; the reply repeats it")]
LeaseId = Annotated[
    str, Meta(pattern=r"^[0-9a-f]{16}(?!\n)$", description="given by the feed; 16 hexadecimal digits")
]
PublicKey = Annotated[
    str, Meta(min_length=40, max_length=40, description="CURVE public key in Z85 (ZeroMQ RFC 32)")
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


class RotateRequest(Struct, frozen=True, forbid_unknown_fields=True, tag="rotate", tag_field="ask"):
    """Another public key for this seat; the present one stays valid for a while."""

    id: RequestId
    key: PublicKey


class RedeemRequest(Struct, frozen=True, forbid_unknown_fields=True, tag="redeem", tag_field="ask"):
    """A one-time code for a seat, sent over a connection with the key that the seat will use."""

    id: RequestId
    seat: SeatId
    code: Annotated[str, Meta(min_length=1, max_length=40)]


Request = LeaseRequest | SnapshotRequest | ReplayRequest | FeedbackRequest | RotateRequest

_decoder: Final[msgspec.msgpack.Decoder[Request]] = msgspec.msgpack.Decoder(Request)
_redeem_decoder: Final[msgspec.msgpack.Decoder[RedeemRequest]] = msgspec.msgpack.Decoder(RedeemRequest)


def decode_request(data: bytes) -> Request:
    """One request of a seat.

    Raises:
        SchemaError: the bytes are no request.
    """
    return _decode(_decoder, data)


def decode_redeem(data: bytes) -> RedeemRequest:
    """The request of a seat that is not enrolled yet.

    Raises:
        SchemaError: the bytes are no such request.
    """
    return _decode(_redeem_decoder, data)


_Read = TypeVar("_Read")


def _decode(decoder: msgspec.msgpack.Decoder[_Read], data: bytes) -> _Read:
    if len(data) > MAX_REQUEST_BYTES:
        raise SchemaError("", f"has {len(data)} bytes; {MAX_REQUEST_BYTES} are allowed in a request")
    try:
        return decoder.decode(data)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError) as error:
        raise SchemaError("", f"is no request: {error}") from error
