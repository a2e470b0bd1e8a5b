"""What capture hands to the engine: audio blocks and call control, in order, on one socket."""

from __future__ import annotations

from typing import Annotated, Literal

import msgspec
import numpy as np
from numpy.typing import NDArray

from appliance.protocol.vocabulary import NeedTag, OffReason, Stance

Leg = Literal["customer", "agent"]
Direction = Literal["inbound", "outbound", "unknown"]
Source = Literal["siprec", "span", "e1", "alsa", "replay"]

#: 22 characters of base64url are 128 random bits; the id of the SIP dialog never leaves capture.
CallId = Annotated[str, msgspec.Meta(pattern=r"^[A-Za-z0-9_-]{22}\Z")]
SeatId = Annotated[str, msgspec.Meta(pattern=r"^[A-Za-z0-9_.-]{1,32}\Z")]

CustomerId = Annotated[str, msgspec.Meta(pattern=r"^[0-9a-f]{32}\Z")]

#: A block is 60 to 100 ms; one second bounds what a broken producer may send.
MAX_BLOCK_SAMPLES = 16_000


class CallPolicy(msgspec.Struct, frozen=True):
    """What the engine may do with a call."""

    #: false: no audio of the call follows
    analysis: bool = True
    voice: bool = True
    emotion: bool = True
    quotes: bool = False
    memory: bool = True
    #: days until what is remembered of the call is erased; None: as the site has it
    retention_days: Annotated[int, msgspec.Meta(ge=1, le=3650)] | None = None
    #: why something is off
    reason: OffReason = "site"


class CallStarted(msgspec.Struct, frozen=True, tag="started", tag_field="kind"):
    """A call whose legs are known has begun."""

    call: CallId
    #: the seat whose agent is on the call; also the feed topic
    seat: SeatId
    direction: Direction
    source: Source
    #: unix time in ms
    wall: int
    #: keyed hash of the customer's number, where something may be remembered; the number never leaves capture
    customer: CustomerId | None = None
    #: None: the site's policy for calls of no queue
    policy: CallPolicy | None = None


class AudioBlock(msgspec.Struct, frozen=True, tag="audio", tag_field="kind"):
    """60 to 100 ms of one leg: mono int16, little endian."""

    call: CallId
    leg: Leg
    #: samples (at `rate`) since the call began
    position: Annotated[int, msgspec.Meta(ge=0)]
    rate: Literal[8000, 16000]
    pcm: bytes
    #: samples in this block that are concealment for lost packets
    lost: Annotated[int, msgspec.Meta(ge=0)] = 0
    hold: bool = False

    @classmethod
    def of(
        cls,
        call: str,
        leg: Leg,
        position: int,
        rate: Literal[8000, 16000],
        samples: NDArray[np.int16],
        *,
        lost: int = 0,
    ) -> AudioBlock:
        """A block of int16 samples, shape (n,)."""
        return cls(call, leg, position, rate, samples.astype("<i2", copy=False).tobytes(), lost)

    @property
    def samples(self) -> NDArray[np.int16]:
        """The samples, shape (n,), int16."""
        return np.frombuffer(self.pcm, dtype="<i2").astype(np.int16, copy=False)

    @property
    def start_ms(self) -> int:
        """Milliseconds from the beginning of the call to the first sample."""
        return self.position * 1000 // self.rate

    @property
    def end_ms(self) -> int:
        """Milliseconds from the beginning of the call to the end of the block."""
        return (self.position + len(self.pcm) // 2) * 1000 // self.rate


class AudioDropped(msgspec.Struct, frozen=True, tag="dropped", tag_field="kind"):
    """The engine was behind, and capture dropped this much of the call's oldest audio."""

    call: CallId
    leg: Leg
    milliseconds: Annotated[int, msgspec.Meta(ge=0)]


class CallHeld(msgspec.Struct, frozen=True, tag="held", tag_field="kind"):
    """The call was put on hold, or resumed."""

    call: CallId
    held: bool
    at: Annotated[int, msgspec.Meta(ge=0)]


class PolicyChanged(msgspec.Struct, frozen=True, tag="policy", tag_field="kind"):
    """What may be done with the call is another thing from now on."""

    call: CallId
    at: Annotated[int, msgspec.Meta(ge=0)]
    policy: CallPolicy
    #: as in `CallStarted`
    customer: CustomerId | None = None


#: ZeroMQ copies what it sends and receives into buffers of 8 KiB, where a call's last audio would stay until
#: another call's comes. So the end of a call is nearly as long, all zeros, and takes its place.
WIPING_BYTES = 8000


class CallEnded(msgspec.Struct, frozen=True, tag="ended", tag_field="kind"):
    """The call is over; nothing of it follows."""

    call: CallId
    at: Annotated[int, msgspec.Meta(ge=0)]
    reason: Literal["bye", "timeout", "no_media", "limit", "shutdown", "end_of_file", "error"]
    wiping: Annotated[bytes, msgspec.Meta(max_length=WIPING_BYTES)] = bytes(WIPING_BYTES)


#: Facts of one customer that a call begins with.
MAX_FACTS = 24


class KnownFact(msgspec.Struct, frozen=True):
    """A need or fact that the bank's record holds."""

    tag: NeedTag
    stance: Stance
    #: how much it is to be trusted
    confidence: Annotated[float, msgspec.Meta(ge=0.0, le=1.0)] = 0.9
    #: yuan
    amount: Annotated[int, msgspec.Meta(ge=0, le=100_000_000_000)] | None = None


class CustomerKnown(msgspec.Struct, frozen=True, tag="known", tag_field="kind"):
    """What the bank's record says of the call's customer."""

    call: CallId
    facts: Annotated[tuple[KnownFact, ...], msgspec.Meta(max_length=MAX_FACTS)]


CallMessage = CallStarted | AudioBlock | AudioDropped | CallHeld | PolicyChanged | CustomerKnown | CallEnded

_encoder = msgspec.msgpack.Encoder()
_decoder = msgspec.msgpack.Decoder(CallMessage)


class BlockError(ValueError):
    """Bytes on the audio socket are not a call message."""


def encode(message: CallMessage) -> bytes:
    """One call message as msgpack."""
    return _encoder.encode(message)


def decode(data: bytes) -> CallMessage:
    """One call message from msgpack.

    Raises:
        BlockError: the bytes are no call message, or a block is empty, odd or too long.
    """
    try:
        message: CallMessage = _decoder.decode(data)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError) as error:
        # msgspec passes the last two on as they are: text that is no UTF-8, and maps in maps in maps.
        raise BlockError(f"not a call message: {error}") from error
    if isinstance(message, AudioBlock) and not 0 < len(message.pcm) // 2 <= MAX_BLOCK_SAMPLES:
        raise BlockError(
            f"an audio block of {len(message.pcm)} bytes; 2 to {2 * MAX_BLOCK_SAMPLES} are allowed"
        )
    if isinstance(message, AudioBlock) and len(message.pcm) % 2:
        raise BlockError("an audio block with half a sample at its end")
    return message
