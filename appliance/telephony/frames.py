"""Takes captured frames apart: link layer (Ethernet, VLAN, Linux cooked, raw), IPv4, IPv6, UDP and TCP.

Every length is checked before it is used. Checksums are not: frames captured on the sending machine do not
have them yet.
"""

from __future__ import annotations

import socket
import struct
from typing import Final

from msgspec import Struct

from appliance.telephony.fragments import FragmentBuffer

Address = tuple[str, int]

#: Link types of the pcap registry (draft-ietf-opsawg-pcaplinktype).
NULL, ETHERNET, RAW, LINUX_SLL, IPV4, IPV6, LINUX_SLL2 = 0, 1, 101, 113, 228, 229, 276
#: What BSD systems write for raw IP.
_RAW_TYPES: Final = frozenset({12, 14, RAW, IPV4, IPV6})

_ETHERTYPE_IPV4, _ETHERTYPE_IPV6 = 0x0800, 0x86DD
#: IEEE 802.1Q, 802.1ad (QinQ), and the older QinQ type that switches still write.
_VLAN_TYPES: Final = frozenset({0x8100, 0x88A8, 0x9100})
#: QinQ puts two tags; more is no network of a call centre.
MAX_VLAN_TAGS: Final = 2
#: RFC 8200 §4.1 knows six kinds of extension header, and recommends each at most once or twice.
MAX_EXTENSION_HEADERS: Final = 8
_TCP, _UDP, _FRAGMENT, _AUTHENTICATION, _NO_NEXT = 6, 17, 44, 51, 59
_EXTENSIONS: Final = frozenset({0, 43, 60, 135, 139, 140})

_U16: Final = struct.Struct("!H")
_UDP_HEADER: Final = struct.Struct("!HHHH")
_TCP_HEADER: Final = struct.Struct("!HHIIBBHHH")


class FrameError(ValueError):
    """A frame's headers are cut off or contradict each other."""


class Datagram(Struct, frozen=True, gc=False):
    """A UDP datagram."""

    source: Address
    destination: Address
    payload: bytes


class Segment(Struct, frozen=True, gc=False):
    """A TCP segment."""

    source: Address
    destination: Address
    #: of the first byte of the payload, or of the SYN
    sequence: int
    #: FIN 1, SYN 2, RST 4, PSH 8, ACK 16
    flags: int
    payload: bytes


class FrameDissector:
    """Finds the UDP datagrams and TCP segments in frames; keeps fragments until they are whole."""

    def __init__(self) -> None:
        #: frames that were neither UDP nor TCP over IP
        self.other = 0
        self.fragments = FragmentBuffer()

    def dissect(self, link_type: int, frame: bytes, now: float) -> Datagram | Segment | None:
        """What the frame captured at `now` carries; None if nothing (yet), or nothing of use.

        Raises:
            FrameError: a header is cut off, or a length reaches past the end.
        """
        packet = network_packet(link_type, frame)
        if packet is None:
            self.other += 1
            return None
        version = packet[0] >> 4 if packet else 0
        if version == 4:
            return self._ipv4(packet, now)
        if version == 6:
            return self._ipv6(packet, now)
        raise FrameError(f"IP version {version}")

    def _ipv4(self, packet: bytes, now: float) -> Datagram | Segment | None:
        if len(packet) < 20:
            raise FrameError("an IPv4 header is cut off")
        header = 4 * (packet[0] & 15)
        (total,) = _U16.unpack_from(packet, 2)
        if not 20 <= header <= total <= len(packet):
            raise FrameError(
                f"IPv4 header {header}, total {total} and captured {len(packet)} bytes do not fit"
            )
        protocol = packet[9]
        payload = packet[header:total]
        (place,) = _U16.unpack_from(packet, 6)
        if place & 0x3FFF:
            (identification,) = _U16.unpack_from(packet, 4)
            key = (packet[12:16], packet[16:20], protocol, identification)
            whole = self.fragments.add(key, 8 * (place & 0x1FFF), bool(place & 0x2000), payload, now)
            if whole is None:
                return None
            payload = whole
        return self._transport(
            protocol,
            payload,
            socket.inet_ntop(socket.AF_INET, packet[12:16]),
            socket.inet_ntop(socket.AF_INET, packet[16:20]),
        )

    def _ipv6(self, packet: bytes, now: float) -> Datagram | Segment | None:
        if len(packet) < 40:
            raise FrameError("an IPv6 header is cut off")
        (length,) = _U16.unpack_from(packet, 4)
        if 40 + length > len(packet):
            raise FrameError(f"an IPv6 payload of {length} bytes, captured {len(packet) - 40}")
        source, destination = packet[8:24], packet[24:40]
        following, rest = packet[6], packet[40 : 40 + length]
        for _ in range(MAX_EXTENSION_HEADERS):
            if following == _FRAGMENT:
                if len(rest) < 8:
                    raise FrameError("an IPv6 fragment header is cut off")
                (place,) = _U16.unpack_from(rest, 2)
                key = (source, destination, rest[0], int.from_bytes(rest[4:8], "big"))
                if place & 0xFFF9:
                    whole = self.fragments.add(key, place & 0xFFF8, bool(place & 1), rest[8:], now)
                    if whole is None:
                        return None
                else:
                    whole = rest[8:]
                following, rest = rest[0], whole
            elif following in _EXTENSIONS or following == _AUTHENTICATION:
                if len(rest) < 8:
                    raise FrameError("an IPv6 extension header is cut off")
                size = 4 * (rest[1] + 2) if following == _AUTHENTICATION else 8 * (rest[1] + 1)
                if size > len(rest):
                    raise FrameError(f"an IPv6 extension header of {size} bytes in {len(rest)}")
                following, rest = rest[0], rest[size:]
            else:
                break
        else:
            raise FrameError(f"more than {MAX_EXTENSION_HEADERS} IPv6 extension headers")
        return self._transport(
            following,
            rest,
            socket.inet_ntop(socket.AF_INET6, source),
            socket.inet_ntop(socket.AF_INET6, destination),
        )

    def _transport(
        self, protocol: int, payload: bytes, source: str, destination: str
    ) -> Datagram | Segment | None:
        if protocol == _UDP:
            if len(payload) < 8:
                raise FrameError("a UDP header is cut off")
            sender, receiver, length, _ = _UDP_HEADER.unpack_from(payload)
            if not 8 <= length <= len(payload):
                raise FrameError(f"a UDP length of {length} in {len(payload)} bytes")
            return Datagram((source, sender), (destination, receiver), payload[8:length])
        if protocol == _TCP:
            if len(payload) < 20:
                raise FrameError("a TCP header is cut off")
            sender, receiver, sequence, _, offset, flags, _, _, _ = _TCP_HEADER.unpack_from(payload)
            start = 4 * (offset >> 4)
            if not 20 <= start <= len(payload):
                raise FrameError(f"a TCP header of {start} bytes in {len(payload)}")
            return Segment((source, sender), (destination, receiver), sequence, flags, payload[start:])
        self.other += 1
        return None


def network_packet(link_type: int, frame: bytes) -> bytes | None:
    """The IP packet in a frame, perhaps with the link's padding behind it; None where there is none.

    Raises:
        FrameError: the link's header is cut off, or the link type is not known here.
    """
    if link_type == ETHERNET:
        kind, start = _ethernet(frame)
    elif link_type in _RAW_TYPES:
        if not frame:
            raise FrameError("an empty frame")
        return frame
    elif link_type == LINUX_SLL:
        kind, start = _cooked(frame, 14, 16)
    elif link_type == LINUX_SLL2:
        kind, start = _cooked(frame, 0, 20)
    elif link_type == NULL:
        if len(frame) < 4:
            raise FrameError("a loopback header is cut off")
        return frame[4:] if len(frame) > 4 and frame[4] >> 4 in (4, 6) else None
    else:
        raise FrameError(f"link type {link_type} is not known; capture on an Ethernet interface")
    return frame[start:] if kind in (_ETHERTYPE_IPV4, _ETHERTYPE_IPV6) and len(frame) > start else None


def _ethernet(frame: bytes) -> tuple[int, int]:
    if len(frame) < 14:
        raise FrameError("an Ethernet header is cut off")
    return _untagged(frame, 12)


def _cooked(frame: bytes, kind_at: int, start: int) -> tuple[int, int]:
    if len(frame) < start:
        raise FrameError("a Linux cooked header is cut off")
    (kind,) = _U16.unpack_from(frame, kind_at)
    if kind in _VLAN_TYPES:
        if len(frame) < start + 4:
            raise FrameError("a VLAN tag is cut off")
        return _untagged(frame, start + 2)
    return kind, start


def _untagged(frame: bytes, kind_at: int) -> tuple[int, int]:
    """EtherType and where its content begins, behind at most two VLAN tags."""
    (kind,) = _U16.unpack_from(frame, kind_at)
    for _ in range(MAX_VLAN_TAGS):
        if kind not in _VLAN_TYPES:
            break
        kind_at += 4
        if len(frame) < kind_at + 2:
            raise FrameError("a VLAN tag is cut off")
        (kind,) = _U16.unpack_from(frame, kind_at)
    return kind, kind_at + 2
