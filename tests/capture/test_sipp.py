"""Calls of the real program SIPp with the offers of real vendors, and RTP that it plays."""

from __future__ import annotations

import re
import shutil
import socket
import struct
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest

from appliance.telephony import g711
from appliance.telephony.audioblock import AudioBlock, CallEnded, CallHeld, CallStarted
from tests.capture.capture_process import OFFERS, CaptureProcess
from tests.shared_data import shared_data

PCAP = shared_data("protocol/rtp/g711a.pcap")
#: Packets of 30 ms that each leg plays: 2.4 s of the recording.
PACKETS = 80
#: What the second stream plays: one code word, so that the legs can be told by their sound.
TONE = 0x35

ROLES = """
[roles]
agent_numbers = ["7301", "ASBCE", "Extension-016190619"]
direction = "inbound"
labels = { "1" = "agent", "2" = "customer" }
default_seat = "desk-1"
"""


@dataclass(frozen=True)
class Case:
    """An offer and what should come of it."""

    offer: str
    #: the leg that the first stream of the offer is; None where roles cannot be told
    first: str | None
    seat: str = ""
    roles_by: str = ""


CASES = (
    Case("acme-siprec-offer.txt", "customer", "1002", "calling_party"),
    Case("broadworks-offer-2.txt", "customer", "ASBCE", "agent_number"),
    Case("cisco-siprec-offer.txt", "agent", "7301", "agent_number"),
    Case("connectel-offer.txt", "agent", "desk-1", "labels"),
    Case("procomm-siprec-offer.txt", "customer", "Extension-016190619", "agent_number"),
    # The metadata of this one links the participants to the streams crosswise.
    Case("sonus-siprec-offer.txt", "agent", "2249888012", "calling_party"),
    Case("broadworks-offer.txt", None),
    Case("non-siprec-payload.txt", None),
)

SCENARIO = """<?xml version="1.0" encoding="UTF-8" ?>
<!DOCTYPE scenario SYSTEM "sipp.dtd">
<scenario name="recording client">
  <send retrans="500"><![CDATA[
INVITE sip:srs@[remote_ip]:[remote_port] SIP/2.0
Via: SIP/2.0/[transport] [local_ip]:[local_port];branch=[branch]
From: <sip:src@[local_ip]>;tag=[call_number]
To: <sip:srs@[remote_ip]>
Call-ID: [call_id]
CSeq: 1 INVITE
Contact: <sip:src@[local_ip]:[local_port]>;+sip.src
Require: siprec
Allow: INVITE, ACK, BYE, CANCEL, UPDATE
Max-Forwards: 70
Content-Type: {content_type}
Content-Length: [len]

{body}
]]></send>
  <recv response="200" rtd="true">
    <action>
      <ereg regexp="m=audio ([0-9]+).*m=audio ([0-9]+)" search_in="body" assign_to="all,first,second"/>
      <exec play_pcap_audio="{pcap}"/>
      <exec command="{python} {sender} [$second]"/>
    </action>
  </recv>
  <send><![CDATA[
ACK sip:srs@[remote_ip]:[remote_port] SIP/2.0
Via: SIP/2.0/[transport] [local_ip]:[local_port];branch=[branch]
From: <sip:src@[local_ip]>;tag=[call_number]
To: <sip:srs@[remote_ip]>[peer_tag_param]
Call-ID: [call_id]
CSeq: 1 ACK
Max-Forwards: 70
Content-Length: 0

]]></send>
  <pause milliseconds="3500"/>
  <send retrans="500"><![CDATA[
BYE sip:srs@[remote_ip]:[remote_port] SIP/2.0
Via: SIP/2.0/[transport] [local_ip]:[local_port];branch=[branch]
From: <sip:src@[local_ip]>;tag=[call_number]
To: <sip:srs@[remote_ip]>[peer_tag_param]
Call-ID: [call_id]
CSeq: 2 BYE
Max-Forwards: 70
Content-Length: 0

]]></send>
  <recv response="200"/>
  <Reference variables="all,first"/>
</scenario>
"""

SENDER = """
import socket, struct, sys, time
sender = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
for index in range({packets}):
    header = struct.pack("!BBHII", 0x80, {payload_type}, 7000 + index, 50_000 + 240 * index, 0x51D3)
    sender.sendto(header + bytes([{tone}]) * 240, ("127.0.0.1", int(sys.argv[1])))
    time.sleep(0.03)
"""


def _payload_types(offer: str) -> list[int]:
    """The first payload type of each stream."""
    return [int(kind) for kind in re.findall(r"^m=audio [0-9]+ RTP/AVP ([0-9]+)", offer, re.MULTILINE)]


def _write_pcap(path: Path, payload_type: int) -> bytes:
    """The beginning of the recording with its payload type set to what the offer has; returns its payload."""
    data = PCAP.read_bytes()
    written, payload, offset = bytearray(data[:24]), bytearray(), 24
    for _ in range(PACKETS):
        length = struct.unpack_from("<I", data, offset + 8)[0]
        record = bytearray(data[offset : offset + 16 + length])
        rtp = 16 + 14 + 20 + 8
        record[rtp + 1] = payload_type
        payload += record[rtp + 12 :]
        written += record
        offset += 16 + length
    path.write_bytes(written)
    return bytes(payload)


def _free_ports() -> tuple[int, int]:
    """A port for SIP, and one that SIPp may take RTP ports from."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as first:
        first.bind(("127.0.0.1", 0))
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as second:
            second.bind(("127.0.0.1", 0))
            return first.getsockname()[1], second.getsockname()[1] & ~1


class SippCall:
    """One SIPp process that makes one call."""

    def __init__(self, directory: Path, case: Case, port: int, transport: str) -> None:
        program = shutil.which("sipp")
        assert program is not None, (
            "the program sipp is missing; install the Debian package sip-tester: apt-get install sip-tester"
        )
        directory.mkdir()
        offer = (OFFERS / case.offer).read_text(encoding="utf-8")
        self.payload_types = _payload_types(offer)
        self.payload = _write_pcap(directory / "leg.pcap", self.payload_types[0])
        sender = directory / "sender.py"
        sender.write_text(
            SENDER.format(packets=PACKETS, payload_type=self.payload_types[-1], tone=TONE), encoding="utf-8"
        )
        boundary = re.search(r"^--(\S+)$", offer, re.MULTILINE)
        content_type = f'multipart/mixed;boundary="{boundary[1]}"' if boundary else "application/sdp"
        # SIPp takes part in media only where the description names its own address.
        body = re.sub(r"IN IP4 \S+", "IN IP4 127.0.0.1", offer).strip()
        scenario = SCENARIO.format(
            content_type=content_type,
            body=body,
            pcap=directory / "leg.pcap",
            python=sys.executable,
            sender=sender,
        )
        if len(self.payload_types) < 2:
            scenario = re.sub(r"\.\*m=audio \(\[0-9\]\+\)|,second|<exec command=.*?/>", "", scenario)
        (directory / "client.xml").write_text(scenario, encoding="utf-8")
        local, media = _free_ports()
        self.process = subprocess.Popen(
            [
                program, f"127.0.0.1:{port}", "-sf", str(directory / "client.xml"), "-i", "127.0.0.1",
                "-p", str(local), "-mi", "127.0.0.1", "-mp", str(media), "-m", "1", "-l", "1", "-nostdin",
                "-t", transport, "-timeout", "30", "-timeout_error", "-trace_err", "-trace_msg",
            ],
            cwd=directory, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
        )  # fmt: skip
        self._directory = directory

    def wait(self) -> None:
        status = self.process.wait(40)
        errors = "\n".join(path.read_text() for path in self._directory.glob("*_errors.log"))
        assert status == 0, f"sipp ended with {status}: {errors}"


@dataclass(frozen=True)
class Recorded:
    """All calls after they have ended."""

    capture: CaptureProcess
    totals: dict[str, object]
    calls: dict[str, SippCall]


@pytest.fixture(scope="module")
def recorded(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Recorded]:
    """One capture process that takes all vendors' calls at once, every second one over TCP."""
    directory = tmp_path_factory.mktemp("sipp")
    with CaptureProcess(directory, rest=ROLES) as capture:
        calls = {}
        for index, case in enumerate(CASES):
            port, transport = (capture.udp_port, "u1") if index % 2 == 0 else (capture.tcp_port, "t1")
            calls[case.offer] = SippCall(directory / f"call{index}", case, port, transport)
        capture.receive_until_ended(sum(case.first is not None for case in CASES))
        for call in calls.values():
            call.wait()
        yield Recorded(capture, capture.stop(), calls)


def _started(recorded: Recorded, case: Case) -> CallStarted:
    found = [
        message
        for message in recorded.capture.messages
        if isinstance(message, CallStarted) and message.seat == case.seat
    ]
    assert len(found) == 1
    return found[0]


def _audio(recorded: Recorded, call: str, leg: str) -> np.ndarray:
    blocks = [
        message
        for message in recorded.capture.messages
        if isinstance(message, AudioBlock) and message.call == call and message.leg == leg
    ]
    assert blocks, f"no audio of the {leg}"
    return np.concatenate([block.samples for block in blocks])


KNOWN = [case for case in CASES if case.first is not None]


@pytest.mark.end_to_end
@pytest.mark.parametrize("case", KNOWN, ids=lambda case: case.offer)
def test_each_leg_carries_the_voice_that_the_offer_says(recorded: Recorded, case: Case) -> None:
    started = _started(recorded, case)
    call = recorded.calls[case.offer]
    second = "agent" if case.first == "customer" else "customer"
    decode = [g711.alaw_decode if kind == 8 else g711.ulaw_decode for kind in call.payload_types]
    tone = decode[1](bytes([TONE]))[0]
    played = decode[0](call.payload)

    heard = _audio(recorded, started.call, str(case.first))
    # The recording lies in the leg as it was played, after the silence before its first packet.
    probe = played[4_000:16_000]
    assert len(np.unique(probe)) > 50
    assert probe.tobytes() in heard.tobytes()

    other = _audio(recorded, started.call, second)
    assert np.full(PACKETS * 240, tone).tobytes() in other.tobytes()


@pytest.mark.end_to_end
@pytest.mark.parametrize("case", KNOWN, ids=lambda case: case.offer)
def test_the_call_ends_cleanly_with_bye(recorded: Recorded, case: Case) -> None:
    started = _started(recorded, case)
    own = [message for message in recorded.capture.messages if message.call == started.call]
    assert own[0] == started
    assert isinstance(own[-1], CallEnded)
    assert own[-1].reason == "bye"
    assert not any(isinstance(message, CallHeld) for message in own)
    ended = next(event for event in recorded.capture.events("call_ended") if event["call"] == started.call)
    assert ended["customer_received"] == ended["agent_received"] == PACKETS
    assert ended["dropped"] == 0
    told = next(event for event in recorded.capture.events("call_started") if event["call"] == started.call)
    assert told["roles_by"] == case.roles_by


@pytest.mark.end_to_end
def test_calls_without_known_roles_are_answered_and_thrown_away(recorded: Recorded) -> None:
    unknown = [case for case in CASES if case.first is None]
    discarded = recorded.capture.events("call_discarded")
    assert len(discarded) == len(unknown)
    assert all(event["discarded"] == PACKETS for event in discarded)
    assert len({message.call for message in recorded.capture.messages}) == len(KNOWN)
    assert recorded.totals["broken_metadata"] == 1


@pytest.mark.end_to_end
def test_the_totals_account_for_every_packet(recorded: Recorded) -> None:
    assert recorded.totals["calls_answered"] == len(CASES)
    assert recorded.totals["rtp_received"] == 2 * PACKETS * len(KNOWN)
    assert recorded.totals["rtp_lost"] == 0
    assert recorded.totals["kernel_dropped_rtp"] == 0
    assert recorded.totals["everything_delivered"] is True


@pytest.mark.end_to_end
def test_no_number_of_an_offer_stands_in_the_journal(recorded: Recorded) -> None:
    text = repr(recorded.capture.journal)
    for number in ("9878942259", "016190200", "2249888500", "2249888012", "0771121212"):
        assert number not in text
