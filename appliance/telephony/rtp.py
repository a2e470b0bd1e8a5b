"""RTP packets (RFC 3550 §5.1) and the arithmetic of their wrapping numbers."""

from __future__ import annotations

import struct
from collections.abc import Mapping
from types import MappingProxyType
from typing import Final, Literal

import msgspec

#: The two G.711 laws, by their names in SDP (RFC 4856).
Codec = Literal["PCMA", "PCMU"]

#: RFC 3551 §6, table 4: payload types that need no rtpmap.
STATIC_CODECS: Final[Mapping[int, Codec]] = MappingProxyType({0: "PCMU", 8: "PCMA"})
#: RFC 3389 §4 assigns 13; 19 was reserved for it in drafts, and gateways still send it.
COMFORT_NOISE: Final = frozenset({13, 19})
#: RFC 3551 §4.5: G.711 runs at 8 kHz with one byte a sample.
CLOCK_RATE: Final = 8000
#: RFC 3551 §4.2: a receiver should take packets of 0 to 200 ms; that is 1600 bytes of G.711.
MAX_PAYLOAD: Final = 1600

VERSION: Final = 2
HEADER_LENGTH: Final = 12
_HEADER: Final = struct.Struct("!BBHII")
_EXTENSION: Final = struct.Struct("!HH")


class RtpError(ValueError):
    """A datagram is no RTP packet."""


class WrongVersionError(RtpError):
    """The version field is not 2."""


class RtpPacket(msgspec.Struct, frozen=True, gc=False):
    """One RTP packet; padding is already taken off the payload."""

    #: 0..127
    payload_type: int
    marker: bool
    #: 16 bits
    sequence: int
    #: 32 bits, in units of the payload's clock
    timestamp: int
    #: 32 bits
    ssrc: int
    payload: bytes
    #: contributing sources, at most 15
    csrc: tuple[int, ...] = ()
    #: the "defined by profile" field of a header extension, or None without one
    extension_profile: int | None = None
    #: content of the header extension, a multiple of four bytes
    extension: bytes = b""


def parse(data: bytes) -> RtpPacket:
    """Read one datagram.

    Raises:
        WrongVersionError: the version is not 2.
        RtpError: header, CSRC list, extension or padding reach past the end of the datagram.
    """
    if len(data) < HEADER_LENGTH:
        raise RtpError(f"{len(data)} bytes; an RTP header has {HEADER_LENGTH}")
    first, second, sequence, timestamp, ssrc = _HEADER.unpack_from(data)
    if first == 0x80:
        # Nearly every packet of a call: no padding, no extension, no CSRC.
        return RtpPacket(
            second & 0x7F, second >= 0x80, sequence, timestamp, ssrc, bytes(data[HEADER_LENGTH:])
        )
    if first >> 6 != VERSION:
        raise WrongVersionError(f"RTP version {first >> 6}; only version {VERSION} is known")
    offset = HEADER_LENGTH + 4 * (first & 0x0F)
    if offset > len(data):
        raise RtpError(f"{first & 0x0F} CSRC need {offset} bytes, the datagram has {len(data)}")
    csrc = struct.unpack_from(f"!{first & 0x0F}I", data, HEADER_LENGTH)
    profile: int | None = None
    extension = b""
    if first & 0x10:
        if offset + 4 > len(data):
            raise RtpError("the header extension is cut off")
        profile, words = _EXTENSION.unpack_from(data, offset)
        offset += 4
        if offset + 4 * words > len(data):
            raise RtpError(f"a header extension of {words} words reaches past the datagram's end")
        extension = bytes(data[offset : offset + 4 * words])
        offset += 4 * words
    end = len(data)
    if first & 0x20:
        padding = data[-1] if end > offset else 0
        if not 1 <= padding <= end - offset:
            raise RtpError(f"{padding} bytes of padding in a payload of {end - offset} bytes")
        end -= padding
    return RtpPacket(
        second & 0x7F, second >= 0x80, sequence, timestamp, ssrc, bytes(data[offset:end]),
        csrc, profile, extension,
    )  # fmt: skip


def build(packet: RtpPacket) -> bytes:
    """The packet as a datagram, without padding.

    Raises:
        RtpError: more than 15 CSRC, or an extension that is no multiple of four bytes.
    """
    if len(packet.csrc) > 15:
        raise RtpError(f"{len(packet.csrc)} CSRC; a packet holds at most 15")
    if len(packet.extension) % 4:
        raise RtpError(f"an extension of {len(packet.extension)} bytes; it is counted in words of four")
    extended = packet.extension_profile is not None
    first = VERSION << 6 | extended << 4 | len(packet.csrc)
    head = _HEADER.pack(
        first, packet.marker << 7 | packet.payload_type, packet.sequence, packet.timestamp, packet.ssrc
    )
    head += struct.pack(f"!{len(packet.csrc)}I", *packet.csrc)
    if packet.extension_profile is not None:
        head += _EXTENSION.pack(packet.extension_profile, len(packet.extension) // 4) + packet.extension
    return head + packet.payload


def is_rtcp(data: bytes) -> bool:
    """Whether a datagram on an RTP port is RTCP: packet types 192 to 223 (RFC 5761 §4)."""
    return len(data) >= 4 and data[0] >> 6 == VERSION and 192 <= data[1] <= 223


def sequence_delta(sequence: int, reference: int) -> int:
    """How far `sequence` is after `reference`, -32768..32767, across the 16-bit wrap."""
    return ((sequence - reference + 0x8000) & 0xFFFF) - 0x8000


def timestamp_delta(timestamp: int, reference: int) -> int:
    """How far `timestamp` is after `reference`, -2**31..2**31-1, across the 32-bit wrap."""
    return ((timestamp - reference + 0x8000_0000) & 0xFFFF_FFFF) - 0x8000_0000
