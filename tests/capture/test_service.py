"""The capture process with real sockets: what the engine is told, and what a bad gateway gets."""

from __future__ import annotations

import socket
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from appliance.telephony import g711
from appliance.telephony.audioblock import AudioBlock, CallEnded, CallHeld, CallStarted
from appliance.telephony.sip import SipResponse
from tests.capture.capture_process import CaptureProcess
from tests.capture.gateway import Gateway, both_parts, describe, metadata

pytestmark = pytest.mark.end_to_end

TOLD = both_parts(describe(), metadata("8001", "13900001111"))
MakeCapture = Callable[..., CaptureProcess]
MakeGateway = Callable[[CaptureProcess], Gateway]


@pytest.fixture
def start(tmp_path: Path) -> Iterator[MakeCapture]:
    """Starts a capture process with lines for [siprec] and further tables."""
    running: list[CaptureProcess] = []

    def begin(siprec: str = "", rest: str = "") -> CaptureProcess:
        running.append(CaptureProcess(tmp_path, siprec, rest).__enter__())
        return running[-1]

    yield begin
    for capture in running:
        capture.__exit__(None, None, None)


@pytest.fixture
def connect() -> Iterator[MakeGateway]:
    """Makes gateways of a capture process."""
    made: list[Gateway] = []

    def begin(capture: CaptureProcess) -> Gateway:
        made.append(Gateway(capture.udp_port))
        return made[-1]

    yield begin
    for gateway in made:
        gateway.close()


def _call(gateway: Gateway, body: tuple[str, bytes] = TOLD) -> None:
    response = gateway.ask("INVITE", body[1], body[0])
    assert response.status == 200, response


def _kinds(capture: CaptureProcess) -> list[str]:
    """The control messages in order, by name."""
    return [type(message).__name__ for message in capture.messages if not isinstance(message, AudioBlock)]


def _kinds_by_call(capture: CaptureProcess) -> list[list[str]]:
    """The control messages of each call in order; calls may have different engines, so they have no order."""
    found: dict[str, list[str]] = {}
    for message in capture.messages:
        kinds = found.setdefault(message.call, [])
        if not isinstance(message, AudioBlock):
            kinds.append(type(message).__name__)
    return list(found.values())


def _samples(capture: CaptureProcess, call: str, code: int) -> int:
    """How often the value of one A-law code stands in the audio of a call."""
    value = g711.alaw_decode(bytes([code]))[0]
    blocks = (message for message in capture.messages if isinstance(message, AudioBlock))
    return sum(int((block.samples == value).sum()) for block in blocks if block.call == call)


def _heard(capture: CaptureProcess, leg: str) -> int:
    """Samples of a leg that are not silence."""
    return sum(
        int((message.samples != 0).sum())
        for message in capture.messages
        if isinstance(message, AudioBlock) and message.leg == leg
    )


def test_a_call_with_everything(start: MakeCapture, connect: MakeGateway) -> None:
    capture = start()
    gateway = connect(capture)
    _call(gateway)
    assert gateway.directions == ["recvonly", "recvonly"]
    assert all(port % 2 == 0 for port in gateway.ports)
    gateway.play(20, [0])
    gateway.play(10, [1])
    assert gateway.ask("BYE").status == 200
    capture.receive_until_ended(1)
    assert _kinds(capture) == ["CallStarted", "CallEnded"]
    started = capture.messages[0]
    assert isinstance(started, CallStarted)
    assert (started.seat, started.source, started.direction) == ("8001", "siprec", "unknown")
    assert abs(started.wall - time.time() * 1000) < 60_000
    assert _heard(capture, "agent") >= 20 * 160
    assert 10 * 160 <= _heard(capture, "customer") < 20 * 160


def test_hold_and_resume(start: MakeCapture, connect: MakeGateway) -> None:
    capture = start("media_timeout_seconds = 1.0")
    gateway = connect(capture)
    _call(gateway)
    assert gateway.ask("INVITE", describe(["inactive", "inactive"])).status == 200
    assert gateway.directions == ["inactive", "inactive"]
    ports = gateway.ports
    # On hold, silence for longer than the time-out ends nothing.
    time.sleep(2.0)
    assert gateway.ask("INVITE", describe()).status == 200
    assert gateway.ports == ports
    gateway.play(10)
    gateway.ask("BYE")
    capture.receive_until_ended(1)
    assert _kinds(capture) == ["CallStarted", "CallHeld", "CallHeld", "CallEnded"]
    held = [message for message in capture.messages if isinstance(message, CallHeld)]
    assert [message.held for message in held] == [True, False]
    assert held[1].at - held[0].at >= 1_900
    assert capture.messages[-1].reason == "bye"  # type: ignore[union-attr]
    assert _heard(capture, "customer") >= 10 * 160


def test_hold_and_resume_without_an_offer(start: MakeCapture, connect: MakeGateway) -> None:
    capture = start()
    gateway = connect(capture)
    _call(gateway)
    gateway.send("INVITE")
    assert isinstance(response := gateway.receive(), SipResponse)
    assert response.status == 200
    gateway.send("ACK", describe(["inactive", "inactive"]))
    gateway.send("INVITE")
    assert isinstance(response := gateway.receive(), SipResponse)
    gateway.send("ACK", describe())
    gateway.ask("BYE")
    capture.receive_until_ended(1)
    held = [message.held for message in capture.messages if isinstance(message, CallHeld)]
    assert held == [True, False]


def test_a_call_over_ipv6(start: MakeCapture) -> None:
    capture = start('bind = "::1"')
    gateway = Gateway(capture.udp_port, "::1")
    try:
        _call(gateway)
        gateway.play(10)
        assert gateway.ask("BYE").status == 200
    finally:
        gateway.close()
    capture.receive_until_ended(1)
    assert _heard(capture, "customer") >= 10 * 160


def test_a_wildcard_names_the_address_that_the_gateway_reaches(
    start: MakeCapture, connect: MakeGateway
) -> None:
    capture = start('bind = "0.0.0.0"')
    gateway = connect(capture)
    _call(gateway)
    assert gateway.address == "127.0.0.1"
    gateway.play(10)
    gateway.ask("BYE")
    capture.receive_until_ended(1)
    assert _heard(capture, "customer") >= 10 * 160


def test_an_advertised_address_is_what_the_answer_names(start: MakeCapture, connect: MakeGateway) -> None:
    capture = start('advertise = "192.0.2.44"')
    gateway = connect(capture)
    gateway.send("INVITE", TOLD[1], TOLD[0])
    response = gateway.receive()
    assert b"c=IN IP4 192.0.2.44" in response.body
    assert "192.0.2.44" in (response.headers.get("Contact") or "")


def test_one_leg_on_hold_does_not_hold_the_call(start: MakeCapture, connect: MakeGateway) -> None:
    capture = start()
    gateway = connect(capture)
    _call(gateway)
    assert gateway.ask("INVITE", describe(["sendonly", "inactive"])).status == 200
    assert gateway.directions == ["recvonly", "inactive"]
    gateway.ask("BYE")
    capture.receive_until_ended(1)
    assert _kinds(capture) == ["CallStarted", "CallEnded"]


def test_roles_that_come_late_begin_the_call_then(start: MakeCapture, connect: MakeGateway) -> None:
    capture = start()
    gateway = connect(capture)
    _call(gateway, ("application/sdp", describe()))
    unknown = capture.wait_for_event("roles_unknown")
    assert unknown["reason"] == "no_metadata"
    assert unknown["hint"]
    gateway.play(25)
    capture.receive(0.3)
    assert capture.messages == []
    document = metadata("13900001111", "8001", "partial")
    assert gateway.ask("UPDATE", document, "application/rs-metadata+xml").status == 200
    gateway.play(10, [0])
    gateway.ask("BYE")
    capture.receive_until_ended(1)
    assert _kinds(capture) == ["CallStarted", "CallEnded"]
    # What was said before anyone could tell who it was has been thrown away.
    assert 0 < _heard(capture, "customer") <= 12 * 160
    assert _heard(capture, "agent") == 0
    assert capture.stop()["discarded_rtp"] == 50


def test_metadata_that_cannot_be_read_does_not_refuse_the_call(
    start: MakeCapture, connect: MakeGateway
) -> None:
    capture = start()
    gateway = connect(capture)
    _call(gateway, both_parts(describe(), b"<!DOCTYPE x [<!ENTITY a 'b'>]><recording>&a;</recording>"))
    assert gateway.ask("BYE").status == 200
    assert capture.wait_for_event("call_discarded")["roles"] == "no_metadata"
    assert capture.stop()["broken_metadata"] == 1
    assert capture.messages == []


def test_a_transfer_to_another_seat_is_another_call_to_the_engine(
    start: MakeCapture, connect: MakeGateway
) -> None:
    capture = start()
    gateway = connect(capture)
    _call(gateway)
    gateway.play(10)
    content_type, body = both_parts(describe(), metadata("8002", "13900001111"))
    assert gateway.ask("INVITE", body, content_type).status == 200
    gateway.play(10, code=0x15)
    gateway.ask("BYE")
    capture.receive_until_ended(2)
    assert _kinds_by_call(capture) == [["CallStarted", "CallEnded"]] * 2
    seats = {message.call: message.seat for message in capture.messages if isinstance(message, CallStarted)}
    assert sorted(seats.values()) == ["8001", "8002"]
    for call, seat in seats.items():
        # What was said before the transfer belongs to the first seat, even if it had not been read yet.
        mine, other = (0x35, 0x15) if seat == "8001" else (0x15, 0x35)
        assert _samples(capture, call, mine) >= 2 * 10 * 160
        assert _samples(capture, call, other) == 0
        own = [message for message in capture.messages if message.call == call]
        assert isinstance(own[0], CallStarted)
        assert isinstance(own[-1], CallEnded)


def test_the_same_roles_told_again_change_nothing(start: MakeCapture, connect: MakeGateway) -> None:
    capture = start()
    gateway = connect(capture)
    _call(gateway)
    for _ in range(3):
        gateway.ask("UPDATE", metadata("8001", "13900001111", "partial"), "application/rs-metadata+xml")
    assert gateway.ask("INVITE", TOLD[1], TOLD[0]).status == 200
    gateway.ask("BYE")
    capture.receive_until_ended(1)
    assert _kinds(capture) == ["CallStarted", "CallEnded"]


def test_another_coding_begins_a_new_call(start: MakeCapture, connect: MakeGateway) -> None:
    capture = start()
    gateway = connect(capture)
    _call(gateway)
    gateway.play(5)
    assert gateway.ask("INVITE", describe(formats="0 101")).status == 200
    gateway.play(5, payload_type=0)
    gateway.ask("BYE")
    capture.receive_until_ended(2)
    assert _kinds_by_call(capture) == [["CallStarted", "CallEnded"]] * 2


def test_a_third_mixed_stream_is_agreed_and_ignored(start: MakeCapture, connect: MakeGateway) -> None:
    capture = start()
    gateway = connect(capture)
    offer = describe(["sendonly"] * 3, labels=("3", "1", "2"))
    _call(gateway, both_parts(offer, metadata("8001", "13900001111", mixed=True)))
    assert gateway.directions == ["inactive", "recvonly", "recvonly"]
    gateway.play(10, [1])
    gateway.ask("BYE")
    capture.receive_until_ended(1)
    assert _heard(capture, "agent") >= 10 * 160
    assert _heard(capture, "customer") == 0


def test_a_call_that_never_sends_media_is_ended(start: MakeCapture, connect: MakeGateway) -> None:
    capture = start("media_timeout_seconds = 1.0")
    silent, speaking = connect(capture), connect(capture)
    _call(silent)
    _call(speaking)
    end = time.monotonic() + 2.5
    while time.monotonic() < end:
        speaking.play(5, [0])
        time.sleep(0.1)
    silent.receive_request("BYE")
    capture.receive_until_ended(1)
    ended = [message for message in capture.messages if isinstance(message, CallEnded)]
    assert [message.reason for message in ended] == ["no_media"]
    assert speaking.ask("BYE").status == 200


def test_without_media_a_call_of_unknown_roles_is_ended_too(start: MakeCapture, connect: MakeGateway) -> None:
    capture = start("media_timeout_seconds = 1.0")
    gateway = connect(capture)
    _call(gateway, ("application/sdp", describe()))
    gateway.receive_request("BYE")
    assert capture.wait_for_event("call_discarded")["reason"] == "no_media"


def test_past_the_number_of_calls_there_is_503_and_the_others_go_on(
    start: MakeCapture, connect: MakeGateway
) -> None:
    capture = start("max_calls = 2")
    first, second, third = (connect(capture) for _ in range(3))
    _call(first)
    _call(second)
    for _ in range(50):
        refused = third.ask("INVITE", TOLD[1], TOLD[0])
        assert refused.status == 503
        assert refused.headers.get("Retry-After")
    assert first.ask("BYE").status == 200
    _call(connect(capture))
    first.play(1)
    assert second.ask("BYE").status == 200
    totals = capture.stop()
    assert totals["sip_refused_503"] == 50
    assert totals["calls_answered"] == 3


def test_no_free_rtp_port_is_503(start: MakeCapture, connect: MakeGateway) -> None:
    capture = start("max_calls = 1\nrtp_ports = [28000, 28003]\nrtp_cooldown_seconds = 60")
    gateway = connect(capture)
    _call(gateway)
    gateway.ask("BYE")
    # Both ports rest now.
    assert connect(capture).ask("INVITE", TOLD[1], TOLD[0]).status == 503
    assert capture.stop()["refused_for_ports"] == 1


@pytest.mark.parametrize("formats", ["18", "9 96"])
def test_an_offer_of_other_codecs_is_488_with_a_warning(
    start: MakeCapture, connect: MakeGateway, formats: str
) -> None:
    capture = start()
    response = connect(capture).ask("INVITE", describe(formats=formats))
    assert response.status == 488
    assert "PCMA" in (response.headers.get("Warning") or "")
    assert capture.stop()["refused_offers"] == 1


def test_on_sigterm_all_calls_end_with_bye(start: MakeCapture, connect: MakeGateway) -> None:
    capture = start()
    gateways = [connect(capture) for _ in range(3)]
    for gateway in gateways:
        _call(gateway)
        gateway.play(5)
    assert capture.process is not None
    capture.process.terminate()
    for gateway in gateways:
        gateway.receive_request("BYE")
    totals = capture.stop()
    ended = [message for message in capture.messages if isinstance(message, CallEnded)]
    assert [message.reason for message in ended] == ["shutdown"] * 3
    assert totals["everything_delivered"] is True
    assert totals["rtp_received"] == 30


def test_on_sigterm_a_gateway_that_does_not_answer_holds_nothing_up(
    start: MakeCapture, connect: MakeGateway
) -> None:
    capture = start()
    _call(connect(capture))
    capture.stop()
    assert isinstance(capture.messages[-1], CallEnded)


def test_others_than_the_gateways_get_no_answer(start: MakeCapture, connect: MakeGateway) -> None:
    capture = start('gateways = ["127.0.0.1/32"]')
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as stranger:
        stranger.bind(("127.0.0.2", 0))
        stranger.settimeout(0.5)
        stranger.sendto(b"OPTIONS sip:a SIP/2.0\r\n\r\n", ("127.0.0.1", capture.udp_port))
        with pytest.raises(TimeoutError):
            stranger.recv(100)
    with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as stranger:
        stranger.bind(("127.0.0.2", 0))
        stranger.settimeout(5)
        stranger.connect(("127.0.0.1", capture.tcp_port))
        with pytest.raises(ConnectionResetError):
            if stranger.recv(100) == b"":
                raise ConnectionResetError
    gateway = connect(capture)
    _call(gateway)
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as stranger:
        stranger.bind(("127.0.0.2", 0))
        for _ in range(5):
            stranger.sendto(b"\x80\x08" + bytes(170), ("127.0.0.1", gateway.ports[0]))
    gateway.play(5)
    gateway.ask("BYE")
    totals = capture.stop()
    assert totals["foreign_sip"] == 2
    assert totals["foreign_rtp"] == 5
    assert totals["rtp_received"] == 10


def test_rubbish_ends_neither_the_process_nor_other_calls(start: MakeCapture, connect: MakeGateway) -> None:
    capture = start()
    gateway, vandal = connect(capture), connect(capture)
    _call(gateway)
    for data in (b"", b"\0" * 1400, b"INVITE", b"\r\n\r\n\r\n", b"A" * 60_000, b"SIP/2.0 200 OK\r\n\r\n"):
        vandal.socket.sendto(data, ("127.0.0.1", capture.udp_port))
    with socket.create_connection(("127.0.0.1", capture.tcp_port)) as stream:
        stream.settimeout(5)
        stream.sendall(b"GET / HTTP/1.1\r\nHost: x\r\n\r\n")
        assert stream.recv(1000) == b""
    for data in (b"", b"\x80", b"\x40" + bytes(171), b"\x80\x12" + bytes(170), bytes(3000)):
        vandal.socket.sendto(data, ("127.0.0.1", gateway.ports[0]))
    gateway.play(10)
    assert gateway.ask("BYE").status == 200
    capture.receive_until_ended(1)
    assert _heard(capture, "agent") >= 10 * 160
    totals = capture.stop()
    assert totals["sip_unreadable"] == 3
    assert totals["rtp_received"] == 25
    assert "calls_failed" not in totals
    assert capture.events("not_json") == []
