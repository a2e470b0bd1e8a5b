"""Builds frames and capture files byte by byte, for tests of the code that takes them apart."""

from __future__ import annotations

import ipaddress
import struct
from collections.abc import Iterable

Address = tuple[str, int]


def udp(source: Address, destination: Address, payload: bytes) -> bytes:
    return struct.pack("!HHHH", source[1], destination[1], 8 + len(payload), 0) + payload


def tcp(source: Address, destination: Address, sequence: int, payload: bytes, flags: int = 0x18) -> bytes:
    return (
        struct.pack("!HHIIBBHHH", source[1], destination[1], sequence, 0, 5 << 4, flags, 1024, 0, 0) + payload
    )


def ipv4(
    source: str, destination: str, protocol: int, payload: bytes, *, identification: int = 1, place: int = 0
) -> bytes:
    return (
        struct.pack("!BBHHHBBH", 0x45, 0, 20 + len(payload), identification, place, 64, protocol, 0)
        + ipaddress.IPv4Address(source).packed
        + ipaddress.IPv4Address(destination).packed
        + payload
    )


def ipv4_fragments(packet: bytes, size: int) -> list[bytes]:
    """The packet in fragments of at most `size` bytes of payload, a multiple of eight."""
    source, destination = (str(ipaddress.IPv4Address(packet[at : at + 4])) for at in (12, 16))
    payload, protocol = packet[20:], packet[9]
    return [
        ipv4(
            source, destination, protocol, payload[at : at + size], identification=77,
            place=at // 8 | (0x2000 if at + size < len(payload) else 0),
        )
        for at in range(0, len(payload), size)
    ]  # fmt: skip


def ipv6(source: str, destination: str, following: int, payload: bytes) -> bytes:
    return (
        struct.pack("!IHBB", 6 << 28, len(payload), following, 64)
        + ipaddress.IPv6Address(source).packed
        + ipaddress.IPv6Address(destination).packed
        + payload
    )


def ethernet(packet: bytes, *, tags: Iterable[int] = (), padded: int = 0) -> bytes:
    """`tags` are the EtherTypes of VLAN tags, outermost first."""
    kind = 0x86DD if packet[0] >> 4 == 6 else 0x0800
    head = b"\x02" * 6 + b"\x04" * 6
    for tag in tags:
        head += struct.pack("!HH", tag, 100)
    return head + struct.pack("!H", kind) + packet + bytes(max(0, padded - len(packet)))


def udp_frame(source: Address, destination: Address, payload: bytes) -> bytes:
    return ethernet(ipv4(source[0], destination[0], 17, udp(source, destination, payload)))


def pcap(
    frames: Iterable[tuple[float, bytes]], *, order: str = "<", nanoseconds: bool = False, link_type: int = 1
) -> bytes:
    ticks = 1_000_000_000 if nanoseconds else 1_000_000
    data = struct.pack(
        f"{order}IHHiIII", 0xA1B23C4D if nanoseconds else 0xA1B2C3D4, 2, 4, 0, 0, 65535, link_type
    )
    for time, frame in frames:
        whole = round(time * ticks)
        data += struct.pack(f"{order}IIII", whole // ticks, whole % ticks, len(frame), len(frame)) + frame
    return data


def pcapng_block(kind: int, content: bytes, order: str = "<") -> bytes:
    content += bytes(-len(content) % 4)
    length = 12 + len(content)
    return struct.pack(f"{order}II", kind, length) + content + struct.pack(f"{order}I", length)


def pcapng(
    frames: Iterable[tuple[float, bytes]], *, order: str = "<", link_type: int = 1, resolution: int = 6
) -> bytes:
    """One section with one interface; other blocks stand between, as Wireshark writes them."""
    option = struct.pack(f"{order}HHB3xHH", 9, 1, resolution, 0, 0)
    data = pcapng_block(0x0A0D0D0A, struct.pack(f"{order}IHHq", 0x1A2B3C4D, 1, 0, -1), order)
    data += pcapng_block(1, struct.pack(f"{order}HHI", link_type, 0, 262_144) + option, order)
    for time, frame in frames:
        ticks = round(time * 10**resolution)
        head = struct.pack(f"{order}IIIII", 0, ticks >> 32, ticks & 0xFFFFFFFF, len(frame), len(frame))
        data += pcapng_block(6, head + frame, order)
        data += pcapng_block(4, b"", order)
    return data
