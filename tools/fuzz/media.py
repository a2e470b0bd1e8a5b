"""What meets RTP and captured frames: packets, a whole leg, frames, capture files, and the replay of one."""

from __future__ import annotations

import struct
import tempfile
from collections.abc import Iterator, Sequence
from dataclasses import asdict
from pathlib import Path

from appliance.box.config import Roles
from appliance.capture.leg import LegReceiver
from appliance.capture.replay import ReplayError, read_call
from appliance.telephony import audioblock, telephone_event
from appliance.telephony.audioblock import AudioBlock
from appliance.telephony.frames import FrameDissector, FrameError
from appliance.telephony.pcap import CapturedFrame, CaptureReader, PcapError
from appliance.telephony.rtp import RtpError, RtpPacket, build, parse
from tools.fuzz.target import Target, shared

GATEWAY, BOX = ("192.0.2.10", 4000), ("192.0.2.1", 6000)
_RTP_WORDS = (
    b"\x80\x08",
    b"\x90\x08",
    b"\xa0\x08",
    b"\x8f\x00",
    b"\x80\x65",
    b"\x80\x0d",
    b"\x81\xc8",
    b"\x40\x08",
)
_FRAME_WORDS = (
    b"\x81\x00\x00\x01",
    b"\x88\xa8\x00\x01",
    b"\x08\x00\x45",
    b"\x86\xdd\x60",
    b"\x20\x00\x40\x11",
    b"\x2c",
)
_CAPTURE_WORDS = (
    b"\xd4\xc3\xb2\xa1", b"\x0a\x0d\x0d\x0a", b"\x4d\x3c\x2b\x1a", b"\x1a\x2b\x3c\x4d", b"\0\0\0\1",
    b"\xff\xff\xff\x7f",
)  # fmt: skip


def _captures() -> list[bytes]:
    return [path.read_bytes() for path in sorted(shared("data/protocol/rtp").glob("*.pcap"))]


def _frames() -> Iterator[CapturedFrame]:
    for data in _captures():
        yield from list(CaptureReader(data))[:40]


def _packets() -> list[bytes]:
    found = [frame.data[42:] for frame in _frames()]
    found.append(build(RtpPacket(8, True, 65_535, 0xFFFF_FF00, 7, b"\xd5" * 160, (1, 2), 0xBEDE, b"\0" * 8)))
    return found


def _session() -> bytes:
    """A leg's datagrams, each behind its length and the milliseconds since the one before."""
    return b"".join(
        struct.pack("!HB", len(one), 20) + one
        for one in (
            build(RtpPacket(kind, False, sequence, 160 * sequence, 7, payload))
            for sequence, (kind, payload) in enumerate(
                [(8, b"\xd5" * 160)] * 20 + [(101, b"\1\x0a\0\xa0"), (13, b"\x40")]
            )
        )
    )


def _leg(data: bytes) -> None:
    """Any datagrams at any pace: blocks must be contiguous, decodable, and concealment bounded."""
    leg = LegReceiver("A" * 22, "customer", {0: "PCMU", 8: "PCMA"}, frozenset({101}), 0.0)
    now, offset = 0.0, 0
    blocks: list[AudioBlock] = []
    while offset + 3 <= len(data):
        length, pause = struct.unpack_from("!HB", data, offset)
        offset += 3
        now += pause / 1000
        leg.datagram(data[offset : offset + length], GATEWAY, now)
        if pause % 7 == 0:
            leg.hold(pause % 2 == 0, now)
        blocks += leg.poll(now)
        offset += length
    blocks += leg.flush(now)
    position = 0
    for block in blocks:
        if block.position != position or block.lost > len(block.samples):
            raise AssertionError(f"a block at {block.position} with {block.lost} lost follows {position}")
        audioblock.decode(audioblock.encode(block))
        position += len(block.samples)
    if min(asdict(leg.counters).values()) < 0:
        raise AssertionError("a counter below 0")


def _dissect(data: bytes) -> None:
    dissector = FrameDissector()
    for link_type in (0, 1, 101, 113, 276):
        try:
            dissector.dissect(link_type, data, 0.0)
        except FrameError:
            continue


def _read(data: bytes) -> None:
    dissector = FrameDissector()
    for frame in CaptureReader(data):
        try:
            dissector.dissect(frame.link_type, frame.data, frame.time)
        except FrameError:
            continue


class _Replay:
    """Replays a capture file of a call; the file lies in a directory that is removed at the end."""

    def __init__(self) -> None:
        self._directory = tempfile.TemporaryDirectory(prefix="fuzz-")
        self._path = Path(self._directory.name) / "call.pcap"

    def __call__(self, data: bytes) -> None:
        self._path.write_bytes(data)
        for message in read_call([self._path], Roles(direction="inbound")):
            audioblock.decode(audioblock.encode(message))


def _call() -> bytes:
    """A capture of an ordinary call: INVITE, 200, sound both ways, BYE."""
    sip = (GATEWAY[0], 5060), (BOX[0], 5060)

    def message(start: str, cseq: str, port: int = 0) -> bytes:
        host = GATEWAY[0] if port == GATEWAY[1] else BOX[0]
        sdp = [
            "v=0",
            "o=- 1 1 IN IP4 0.0.0.0",
            "s=-",
            f"c=IN IP4 {host}",
            "t=0 0",
            f"m=audio {port} RTP/AVP 8 101",
        ]
        body = "".join(f"{line}\r\n" for line in sdp) if port else ""
        lines = [
            start,
            "From: <sip:13900000000@a>;tag=1",
            "To: <sip:8001@b>;tag=2",
            "Call-ID: c",
            f"CSeq: {cseq}",
        ]
        lines += ["Content-Type: application/sdp"] if port else []
        return ("\r\n".join([*lines, f"Content-Length: {len(body)}", "", ""]) + body).encode()

    frames = [
        (0.0, *sip, message("INVITE sip:8001@b SIP/2.0", "1 INVITE", GATEWAY[1])),
        (0.1, *reversed(sip), message("SIP/2.0 200 OK", "1 INVITE", BOX[1])),
    ]
    for number in range(20):
        for source, destination in ((GATEWAY, BOX), (BOX, GATEWAY)):
            packet = build(RtpPacket(8, False, number, 160 * number, source[1], b"\x55" * 160))
            frames.append((0.2 + 0.02 * number, source, destination, packet))
    frames.append((1.0, *sip, message("BYE sip:8001@b SIP/2.0", "2 BYE")))
    data = struct.pack("<IHHiIII", 0xA1B2C3D4, 2, 4, 0, 0, 65535, 101)
    for at, source, destination, payload in frames:
        udp = struct.pack("!HHHH", source[1], destination[1], 8 + len(payload), 0) + payload
        ip = struct.pack("!BBHHHBBH", 0x45, 0, 20 + len(udp), 1, 0, 64, 17, 0)
        ip += bytes(map(int, source[0].split("."))) + bytes(map(int, destination[0].split("."))) + udp
        data += struct.pack("<IIII", int(at), int(at % 1 * 1e6), len(ip), len(ip)) + ip
    return data


def targets() -> Sequence[Target]:
    """RTP, telephone events, a leg, frames, capture files, and the replay of a capture."""
    packets = _packets()
    return (
        Target("rtp", packets, parse, (RtpError,), _RTP_WORDS),
        Target(
            "telephone-event",
            [packet[12:] for packet in packets[-12:]],
            telephone_event.progress,
            (telephone_event.TelephoneEventError,),
        ),
        Target("leg", [_session()], _leg, (), _RTP_WORDS),
        Target("frame", [frame.data for frame in _frames()], _dissect, (), _FRAME_WORDS),
        Target("pcap", [data[:4000] for data in _captures()], _read, (PcapError,), _CAPTURE_WORDS),
        Target("replay", [_call()], _Replay(), (ReplayError,), (*_CAPTURE_WORDS, *_FRAME_WORDS, *_RTP_WORDS)),
    )
