"""Capture files: pcap (draft-ietf-opsawg-pcap) and the packet blocks of pcapng (draft-ietf-opsawg-pcapng)."""

from __future__ import annotations

import struct
from collections.abc import Iterator
from dataclasses import dataclass
from mmap import mmap
from typing import Final

#: The longest record that tcpdump and Wireshark write (their maximal snapshot length).
MAX_RECORD: Final = 262_144
#: A block may hold options, names or secrets too; those are skipped, but their length must be sane.
MAX_BLOCK: Final = 16 * 1024 * 1024
#: Interfaces of one pcapng section.
MAX_INTERFACES: Final = 4096

_SECTION, _INTERFACE, _OLD_PACKET, _SIMPLE, _ENHANCED = 0x0A0D0D0A, 1, 2, 3, 6
_BYTE_ORDER_MAGIC: Final = 0x1A2B3C4D
#: First four bytes to byte order and ticks a second.
_PCAP_MAGIC: Final = {
    b"\xa1\xb2\xc3\xd4": (">", 1_000_000),
    b"\xd4\xc3\xb2\xa1": ("<", 1_000_000),
    b"\xa1\xb2\x3c\x4d": (">", 1_000_000_000),
    b"\x4d\x3c\xb2\xa1": ("<", 1_000_000_000),
}
_TIME_RESOLUTION, _TIME_OFFSET = 9, 14


class PcapError(ValueError):
    """A file is no capture file, or contradicts itself; the message says at which byte."""


@dataclass(frozen=True, slots=True)
class CapturedFrame:
    """One captured frame, as far as it was captured."""

    #: unix time in seconds
    time: float
    link_type: int
    data: bytes


@dataclass(slots=True)
class _Interface:
    link_type: int
    snapshot: int
    ticks: int = 1_000_000
    offset: int = 0


class CaptureReader:
    """The frames of a capture file, given as bytes or a memory map; iterate over it.

    Raises:
        PcapError: at construction if this is no capture file, while iterating where it contradicts itself.
    """

    def __init__(self, data: bytes | mmap) -> None:
        #: the file ends within a record, as after a capture that was killed; what came before was read
        self.truncated = False
        self._data = data
        magic = bytes(data[:4])
        if magic in _PCAP_MAGIC:
            if len(data) < 24:
                raise PcapError("the pcap header is cut off at byte 24")
        elif magic != b"\x0a\x0d\x0d\x0a":
            raise PcapError("the first four bytes are neither pcap's nor pcapng's")

    def __iter__(self) -> Iterator[CapturedFrame]:
        magic = bytes(self._data[:4])
        if magic in _PCAP_MAGIC:
            return self._pcap(*_PCAP_MAGIC[magic])
        return self._pcapng()

    def _pcap(self, order: str, ticks: int) -> Iterator[CapturedFrame]:
        data = self._data
        # The upper half of the field holds flags about a frame check sequence.
        link_type = struct.unpack_from(f"{order}I", data, 20)[0] & 0xFFFF
        head = struct.Struct(f"{order}IIII")
        offset = 24
        while offset < len(data):
            if offset + head.size > len(data):
                self.truncated = True
                return
            seconds, fraction, captured, _ = head.unpack_from(data, offset)
            if captured > MAX_RECORD:
                raise PcapError(f"a record of {captured} bytes at byte {offset}; {MAX_RECORD} are allowed")
            offset += head.size
            if offset + captured > len(data):
                self.truncated = True
                return
            yield CapturedFrame(
                seconds + fraction / ticks, link_type, bytes(data[offset : offset + captured])
            )
            offset += captured

    def _pcapng(self) -> Iterator[CapturedFrame]:
        data = self._data
        order = "<"
        interfaces: list[_Interface] = []
        offset = 0
        while offset < len(data):
            if offset + 12 > len(data):
                self.truncated = True
                return
            if bytes(data[offset : offset + 4]) == b"\x0a\x0d\x0d\x0a":
                order = self._section_order(offset)
                interfaces = []
            kind, length = struct.unpack_from(f"{order}II", data, offset)
            if length < 12 or length % 4 or length > MAX_BLOCK:
                raise PcapError(f"a block of {length} bytes at byte {offset}")
            if offset + length > len(data):
                self.truncated = True
                return
            (again,) = struct.unpack_from(f"{order}I", data, offset + length - 4)
            if again != length:
                raise PcapError(f"a block's two lengths at byte {offset} differ: {length} and {again}")
            content = bytes(data[offset + 8 : offset + length - 4])
            if kind == _INTERFACE:
                if len(interfaces) >= MAX_INTERFACES:
                    raise PcapError(f"more than {MAX_INTERFACES} interfaces at byte {offset}")
                interfaces.append(_interface(order, content, offset))
            elif kind in (_ENHANCED, _OLD_PACKET, _SIMPLE):
                yield _packet(order, kind, content, interfaces, offset)
            offset += length

    def _section_order(self, offset: int) -> str:
        magic = bytes(self._data[offset + 8 : offset + 12])
        for order in ("<", ">"):
            if magic == struct.pack(f"{order}I", _BYTE_ORDER_MAGIC):
                return order
        raise PcapError(f"a section without a byte-order magic at byte {offset + 8}")


def _interface(order: str, content: bytes, offset: int) -> _Interface:
    if len(content) < 8:
        raise PcapError(f"an interface description is cut off at byte {offset}")
    link_type, _, snapshot = struct.unpack_from(f"{order}HHI", content)
    interface = _Interface(link_type, snapshot)
    position = 8
    while position + 4 <= len(content):
        code, length = struct.unpack_from(f"{order}HH", content, position)
        value = content[position + 4 : position + 4 + length]
        if len(value) < length:
            raise PcapError(f"an option of an interface is cut off at byte {offset}")
        if code == 0:
            break
        if code == _TIME_RESOLUTION and length == 1:
            power = value[0] & 0x7F
            if power > 63:
                raise PcapError(f"a time resolution of {power} at byte {offset}")
            interface.ticks = 2**power if value[0] & 0x80 else 10**power
        elif code == _TIME_OFFSET and length == 8:
            (interface.offset,) = struct.unpack(f"{order}q", value)
        position += 4 + (length + 3) // 4 * 4
    return interface


def _packet(
    order: str, kind: int, content: bytes, interfaces: list[_Interface], offset: int
) -> CapturedFrame:
    """One of the three packet blocks; a simple one has no time, which is then 0."""
    head = {_ENHANCED: "IIIII", _OLD_PACKET: "HHIIII", _SIMPLE: "I"}[kind]
    start = struct.calcsize(order + head)
    if len(content) < start:
        raise PcapError(f"a packet block is cut off at byte {offset}")
    fields = struct.unpack_from(order + head, content)
    index = 0 if kind == _SIMPLE else fields[0]
    if index >= len(interfaces):
        raise PcapError(f"a packet of interface {index}, which is not described, at byte {offset}")
    interface = interfaces[index]
    if kind == _SIMPLE:
        captured = min(fields[0], interface.snapshot or MAX_RECORD)
        time = 0.0
    else:
        high, low, captured = fields[-4], fields[-3], fields[-2]
        time = interface.offset + (high << 32 | low) / interface.ticks
    if captured > MAX_RECORD or start + captured > len(content):
        raise PcapError(f"a packet of {captured} bytes in a block of {len(content)} at byte {offset}")
    return CapturedFrame(time, interface.link_type, content[start : start + captured])
