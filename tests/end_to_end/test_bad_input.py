"""The whole appliance under attack on every socket at once, while one real call goes on undisturbed."""

from __future__ import annotations

import json
import random
import re
import socket
import struct
import subprocess
import sys
from collections.abc import Iterator
from typing import Any

import pytest
import zmq

from tests.capture.gateway import Gateway, both_parts, describe, metadata
from tools.running import REPOSITORY, RunningAppliance

pytestmark = [pytest.mark.end_to_end, pytest.mark.timeout(180)]

SECOND_CALL = REPOSITORY / "tools/demo_call/second_call.wav"
LEGS = ("agent", "customer")
#: The real call and two more.
MAX_CALLS = 3
PAST_MAX_CALLS = 20
RTP_PACKETS = 20
FRAMES = 50


class Attack:
    """What is sent to a running appliance; every method tells how much it sent or what it was answered."""

    def __init__(self, appliance: RunningAppliance) -> None:
        self.random = random.Random(7)
        self.ready = appliance.ready
        self.run = appliance.directory / "run"
        settings = appliance.config.read_text(encoding="utf-8")
        ports = re.search(r"rtp_ports = \[(\d+),", settings)
        assert ports is not None
        #: the first call takes the first two even ports, the agent's stream first
        self.rtp = dict(zip(LEGS, (int(ports[1]), int(ports[1]) + 2), strict=True))

    def sip_datagrams(self) -> int:
        """Datagrams that are no SIP message; returns their number."""
        half = b"INVITE sip:srs@127.0.0.1 SIP/2.0\r\nVia: SIP/2.0/UDP 127.0.0.1;branch=z9hG4bKx\r\nFrom: <sip"
        sent = [
            *(b"\xff" + self.random.randbytes(self.random.randint(1, 1400)) for _ in range(100)),
            half,
            half.partition(b"\r\n")[0],
            b"INVITE sip:srs@127.0.0.1 SIP/2.0\r\nSubject: " + b"a" * 60_000 + b"\r\n\r\n",
            b"INVITE sip:srs@127.0.0.1 SIP/2.0\r\n" + b"X: y\r\n" * 5_000 + b"\r\n",
        ]
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as vandal:
            for data in sent:
                vandal.sendto(data, ("127.0.0.1", self.ready["udp_port"]))
        return len(sent)

    def sip_streams(self) -> int:
        """Connections that carry no SIP; each is closed by the appliance. Returns their number."""
        attacks = (b"\xff" + self.random.randbytes(5_000) + b"\r\n\r\n", b"INVITE " + b"a" * 100_000)
        for data in attacks:
            with self._connected("tcp_port") as stream:
                stream.sendall(data)
                assert _closed(stream)
        with self._connected("tcp_port") as stream:
            stream.sendall(b"INVITE sip:srs@127.0.0.1 SIP/2.0\r\nContent-Length: 5000\r\nVia: SIP")
        return len(attacks)

    def rtp_packets(self) -> None:
        """`RTP_PACKETS` of each kind to each leg of the first call."""
        with _bound("127.0.0.1") as vandal, _bound("127.0.0.2") as foreigner:
            for port in self.rtp.values():
                for number in range(RTP_PACKETS):
                    sound = struct.pack("!BBHII", 0x80, 8, number, 160 * number, 99) + b"\x2a" * 160
                    vandal.sendto(b"\xbf" + self.random.randbytes(5), ("127.0.0.1", port))
                    vandal.sendto(b"\x40" + sound[1:], ("127.0.0.1", port))
                    vandal.sendto(b"\x80\x12" + sound[2:], ("127.0.0.1", port))
                    # Sound as the call's own, but of another source: from a gateway, and from a stranger.
                    vandal.sendto(sound, ("127.0.0.1", port))
                    foreigner.sendto(sound, ("127.0.0.1", port))

    def feed_ports(self) -> None:
        """Bytes that are no ZeroMQ, ZeroMQ without keys, and keys that nobody enrolled."""
        for port in ("publish_port", "control_port"):
            for data in (
                self.random.randbytes(5_000),
                b"GET / HTTP/1.1\r\n\r\n",
                b"\xff" + bytes(8) + b"\x7f\x03\x00NULL" + bytes(48),
            ):
                with self._connected(port) as stream:
                    stream.sendall(data)
        context: zmq.Context[zmq.Socket[bytes]] = zmq.Context()
        for kind, port in ((zmq.SUB, "publish_port"), (zmq.DEALER, "control_port")):
            peer = context.socket(kind)
            peer.linger = 0
            peer.curve_publickey, peer.curve_secretkey = zmq.curve_keypair()
            peer.curve_serverkey = (self.run.parent / "seats/8001/box.key").read_bytes().strip()
            monitor = peer.get_monitor_socket()
            peer.connect(f"tcp://127.0.0.1:{self.ready[port]}")
            refused = False
            while not refused and monitor.poll(10_000):
                number = struct.unpack("=HI", monitor.recv_multipart()[0])[0]
                assert number != zmq.EVENT_HANDSHAKE_SUCCEEDED
                refused = number == zmq.EVENT_HANDSHAKE_FAILED_AUTH
            assert refused, "an unknown key was not turned away"
            peer.disable_monitor()
            monitor.close()
            peer.close()
        context.term()

    def unix_sockets(self) -> int:
        """Frames to the door and to the engine's audio socket; returns the least that each has to refuse."""
        frames = [
            *(self.random.randbytes(self.random.randint(1, 4_000)) for _ in range(FRAMES)),
            b"",
            b"\x81\xa4kind\xa3\xff\xff\xff",
            b"\x91" * 4_000,
            b"\x82\xa4type\xa4call\xa4call\xb6" + b"\xff" * 22,
        ]
        context: zmq.Context[zmq.Socket[bytes]] = zmq.Context()
        for name in ("door.sock", "audio-0.sock"):
            peer = context.socket(zmq.PUSH)
            peer.linger = 5_000
            peer.connect(f"ipc://{self.run / name}")
            for frame in frames:
                peer.send(frame)
            peer.close()
        context.term()
        for name in ("door.sock", "audio-0.sock"):
            with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as stream:
                stream.connect(str(self.run / name))
                stream.sendall(self.random.randbytes(5_000))
        return len(frames)

    def _connected(self, port: str) -> socket.socket:
        return socket.create_connection(("127.0.0.1", self.ready[port]), timeout=10)


def _bound(address: str) -> socket.socket:
    one = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    one.bind((address, 0))
    return one


def _closed(stream: socket.socket) -> bool:
    try:
        while stream.recv(65_536):
            pass
    except ConnectionResetError:
        pass
    return True


def _bomb() -> tuple[str, bytes]:
    """A body whose metadata would grow to a gigabyte (CAPEC-197)."""
    lines = ["<!DOCTYPE recording [<!ENTITY e0 'aaaaaaaaaa'>"]
    lines += [f"<!ENTITY e{depth} '{f'&e{depth - 1};' * 10}'>" for depth in range(1, 9)]
    document = "\n".join([*lines, "]><recording xmlns='urn:ietf:params:xml:ns:recording:1'>&e8;</recording>"])
    return both_parts(describe(), document.encode())


@pytest.fixture
def appliance() -> Iterator[RunningAppliance]:
    siprec = f'max_calls = {MAX_CALLS}\ngateways = ["127.0.0.1/32"]'
    with RunningAppliance(("8001",), siprec=siprec) as running:
        yield running


def test_a_call_goes_on_undisturbed_while_everything_is_attacked(
    appliance: RunningAppliance,
) -> None:
    attack = Attack(appliance)
    gateways: list[Gateway] = []

    def gateway() -> Gateway:
        gateways.append(Gateway(appliance.ready["udp_port"]))
        return gateways[-1]

    listener = appliance.listener("8001", "--json", "--once-call", stdout=subprocess.PIPE)
    caller = subprocess.Popen(
        [
            sys.executable, "-m", "tools.callsim", str(SECOND_CALL), "--speed", "2", "--json", "--quiet",
            "--target", f"127.0.0.1:{appliance.ready['udp_port']}",
        ],
        cwd=REPOSITORY, stdout=subprocess.PIPE, text=True,
    )  # fmt: skip
    try:
        appliance.wait_for("utterance_told")
        unreadable = attack.sip_datagrams()
        unreadable += attack.sip_streams()
        attack.rtp_packets()
        refused_frames = attack.unix_sockets()
        attack.feed_ports()

        bombed, whole = gateway(), gateway()
        kind, body = _bomb()
        # Without metadata that can be read the call is taken, and thrown away for want of roles.
        assert bombed.ask("INVITE", body, kind).status == 200
        kind, body = both_parts(describe(), metadata("8002", "13900001111"))
        assert gateway().ask("INVITE", body, "multipart/mixed;boundary=another").status == 400
        assert gateway().ask("INVITE", body[: len(body) // 3], "multipart/mixed").status == 400
        refused = gateway().ask("INVITE", describe(formats="18"))
        assert (refused.status, "PCMA" in (refused.headers.get("Warning") or "")) == (488, True)
        assert whole.ask("INVITE", body, kind).status == 200
        flood = gateway()
        for _ in range(PAST_MAX_CALLS):
            refused = flood.ask("INVITE", body, kind)
            assert (refused.status, int(refused.headers.get("Retry-After") or 0) > 0) == (503, True)
        assert caller.poll() is None, "the attack came after the call"
        assert whole.ask("BYE").status == 200
        assert bombed.ask("BYE").status == 200

        out, _ = caller.communicate(timeout=60)
        placed = json.loads(out)
        assert placed["clean"], placed
        messages = [json.loads(line) for line in listener.communicate(timeout=60)[0].splitlines()]
    finally:
        for one in gateways:
            one.close()
        for process in (caller, listener):
            process.kill()
            process.wait()
    assert appliance.stop() == 0

    messages = [message for message in messages if message["type"] != "beat"]
    assert len({message["call"] for message in messages}) == 1
    assert [message["seq"] for message in messages] == list(range(1, len(messages) + 1))
    assert messages[-1]["event"] == "ended"
    assert [message for message in messages if message["type"] == "profile"][-1]["final"]

    def events(name: str) -> list[dict[str, Any]]:
        return [event for event in appliance.events if event["event"] == name]

    for name in ("process_died", "call_failed", "text"):
        assert events(name) == []
    ended = next(event for event in events("call_ended") if event["call"] == messages[0]["call"])
    for leg in LEGS:
        assert ended[f"{leg}_received"] == placed["sent"][leg] + 4 * RTP_PACKETS
        assert ended[f"{leg}_heard_ms"] == 20 * placed["sent"][leg]
        for name in ("malformed", "wrong_version", "wrong_payload_type", "wrong_ssrc"):
            assert ended[f"{leg}_{name}"] == RTP_PACKETS, name
        for name in ("lost", "late", "concealed_ms", "relocks", "restarts"):
            assert f"{leg}_{name}" not in ended, name
    capture = events("capture_stopped")[0]
    assert capture["sip_unreadable"] == unreadable
    assert capture["foreign_rtp"] == 2 * RTP_PACKETS
    assert capture["broken_metadata"] == len(events("metadata_unreadable")) == 1
    assert capture["refused_offers"] == capture["sip_refused_488"] == 1
    assert capture["sip_refused_400"] >= 2
    assert capture["sip_refused_503"] == PAST_MAX_CALLS
    assert capture["dropped_audio_ms"] == 0
    engine = events("engine_stopped")[0]
    # Bytes that are no ZeroMQ of today may still be frames of its first version.
    assert engine["bad_messages"] >= refused_frames
    assert (engine["failed_calls"], engine["lost_messages"]) == (0, 0)
    feed = events("feed_stopped")[0]
    assert feed["door_refused"] == sum(event["not_in_schema"] for event in events("door_refused"))
    assert feed["door_refused"] >= refused_frames
    assert feed["peers_denied"] == sum(event["keys"] for event in events("seats_refused")) == 2
