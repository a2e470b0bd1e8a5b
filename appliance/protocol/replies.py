"""What the feed answers over the control socket: a head, and for some requests messages after it."""

from __future__ import annotations

from typing import Annotated, Literal

import msgspec
from msgspec import Meta, Struct

from appliance.protocol.messages import Sequence, UnixMilliseconds
from appliance.protocol.requests import LeaseId, PublicKey, RequestId

Epoch = Annotated[
    str, Meta(pattern=r"^[0-9a-f]{8}(?!\n)$", description="numbers of another epoch begin anew at 1")
]
Topic = Annotated[
    str,
    Meta(pattern=r"^(seat|group)/[A-Za-z0-9_.-]{1,32}/(?!\n)$", description="what the grant is for"),
]
PortNumber = Annotated[int, Meta(ge=1, le=65535)]
Seconds = Annotated[float, Meta(gt=0.0, le=3600.0)]
ErrorCode = Literal[
    "bad_request",
    "not_granted",
    "no_lease",
    "unknown_call",
    "not_given",
    "too_many_requests",
    "old_key",
    "key_in_use",
    "bad_code",
    "unavailable",
]


class LeaseReply(Struct, frozen=True, tag="lease", tag_field="reply", omit_defaults=True):
    """The lease, for `seconds` from now. Subscribe to `topic`, the lease and a slash."""

    id: RequestId
    lease: LeaseId
    topic: Topic
    epoch: Epoch
    #: the topic's last sequence number
    seq: Sequence
    seconds: Seconds
    #: seconds between two beats
    beat: Seconds
    #: the key that the box will have from `next_box_from` on (unix time in ms)
    next_box: PublicKey | None = None
    next_box_from: UnixMilliseconds | None = None
    #: false where what leaves is not entered in a ledger
    ledger: bool = True


class SnapshotReply(Struct, frozen=True, tag="snapshot", tag_field="reply"):
    """The last call event and the last profile of each call follow, in order of their numbers."""

    id: RequestId
    epoch: Epoch
    seq: Sequence


class ReplayReply(Struct, frozen=True, tag="replay", tag_field="reply"):
    """Messages follow; `more`: ask again after the last of them."""

    id: RequestId
    epoch: Epoch
    seq: Sequence
    more: bool


class FeedbackReply(Struct, frozen=True, tag="feedback", tag_field="reply"):
    """The verdict was counted (or had been counted before)."""

    id: RequestId


class RotateReply(Struct, frozen=True, tag="rotate", tag_field="reply"):
    """The new key is valid at once; the old one for `seconds` more."""

    id: RequestId
    seconds: Annotated[float, Meta(ge=0.0)]


class RedeemReply(Struct, frozen=True, tag="redeem", tag_field="reply"):
    """The seat is enrolled with the key of this connection."""

    id: RequestId
    publish_port: PortNumber
    control_port: PortNumber


class ErrorReply(Struct, frozen=True, tag="error", tag_field="reply"):
    """The request was refused; `id` is 0 where the request had none that could be read."""

    id: RequestId
    error: ErrorCode


Reply = LeaseReply | SnapshotReply | ReplayReply | FeedbackReply | RotateReply | RedeemReply | ErrorReply

_encoder = msgspec.msgpack.Encoder()


def encode_reply(reply: Reply) -> bytes:
    """A reply's head as msgpack."""
    return _encoder.encode(reply)
