"""A recorded call with real sockets and a clock that is told; and a call that fails."""

from __future__ import annotations

import asyncio
import json
import socket
import struct
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from appliance.box.config import Config, Memory, Roles
from appliance.box.journal import Journal
from appliance.capture.call_policy import SitePolicies
from appliance.capture.leg import LegReceiver
from appliance.capture.media import NoPortError, RtpSockets
from appliance.capture.outlet import AudioOutlet
from appliance.capture.portpool import PortPool
from appliance.capture.recorded_call import MAX_STREAMS, CallEnd, EndedLegs, RecordedCall
from appliance.capture.service import CaptureService
from appliance.telephony.audioblock import (
    AudioBlock,
    CallEnded,
    CallHeld,
    CallMessage,
    CallStarted,
    CustomerKnown,
    KnownFact,
    PolicyChanged,
    encode,
)
from appliance.telephony.recording_metadata import parse_recording_metadata
from appliance.telephony.sdp import parse_sdp
from appliance.telephony.sdp_answer import NotAcceptableError
from appliance.telephony.signalled import Signalled
from tests.capture.gateway import Gateway, both_parts, describe, metadata

CONFIG = Config(memory=Memory(enabled=True))
OFFER = parse_sdp(describe())
FACTS = (KnownFact("deposit", "has", 0.8, 200_000),)
KNOWN = parse_recording_metadata(metadata("8001", "13900001111"))


class Recorder:
    """A call and what it has said."""

    def __init__(self, ports: int = 8, config: Config = CONFIG) -> None:
        self.policies = SitePolicies(config)
        self.policy = self.policies.session("127.0.0.1", Signalled())
        #: calls whose waiting audio was thrown away
        self.forgotten: list[str] = []
        self.pool = PortPool(25000, 25000 + 2 * ports - 1, 0.0)
        self.sockets = RtpSockets("127.0.0.1", self.pool, lambda _: True)
        self.messages: list[CallMessage] = []
        self.ended: list[tuple[EndedLegs, CallEnd]] = []
        self.now = time.monotonic()
        #: (call, number) that was to be looked up
        self.asked: list[tuple[str, str]] = []
        self.call = RecordedCall(
            self.sockets,
            Roles(),
            "127.0.0.1",
            self.now,
            policy=self.policy,
            forget=self.forgotten.append,
            send=self.messages.append,
            ended=lambda legs, reason: self.ended.append((legs, reason)),
            identify=lambda number: f"{int(number):032x}",
            ask=lambda call, number: self.asked.append((call, number)),
        )

    def kinds(self) -> list[str]:
        return [type(message).__name__ for message in self.messages if not isinstance(message, AudioBlock)]


@pytest.fixture
def recorder() -> Iterator[Recorder]:
    one = Recorder()
    yield one
    one.sockets.shut()


def test_nothing_is_said_before_the_roles_are_known(recorder: Recorder) -> None:
    recorder.call.answer(OFFER, None, recorder.now)
    recorder.call.poll(recorder.now + 5)
    recorder.call.end("bye", recorder.now + 5)
    assert recorder.messages == []
    assert recorder.ended == []


def test_the_position_0_of_the_audio_is_where_the_roles_became_known(recorder: Recorder) -> None:
    recorder.call.answer(OFFER, None, recorder.now)
    recorder.call.told(KNOWN, recorder.now + 10)
    assert recorder.call.at(recorder.now + 12) == 2_000
    recorder.call.end("bye", recorder.now + 12)
    ended = recorder.messages[-1]
    assert isinstance(ended, CallEnded)
    assert ended.at == 2_000


def test_the_engine_gets_what_stands_for_the_customers_number_and_never_the_number(
    recorder: Recorder,
) -> None:
    recorder.call.answer(OFFER, KNOWN, recorder.now)
    started = recorder.messages[0]
    assert isinstance(started, CallStarted)
    assert started.customer == f"{13900001111:032x}"
    assert recorder.asked == [(started.call, "13900001111")]
    assert b"13900001111" not in b"".join(encode(message) for message in recorder.messages)


def test_a_call_that_is_on_is_announced_again_and_one_that_is_over_is_not(recorder: Recorder) -> None:
    recorder.call.announce()
    recorder.call.answer(OFFER, KNOWN, recorder.now)
    recorder.call.announce()
    recorder.call.end("bye", recorder.now + 1)
    recorder.call.announce()
    assert recorder.kinds() == ["CallStarted", "CallStarted", "CallEnded"]
    assert recorder.messages[0] == recorder.messages[1]


def test_what_the_record_says_is_told_again_with_the_call(recorder: Recorder) -> None:
    recorder.call.answer(OFFER, KNOWN, recorder.now)
    assert recorder.call.call is not None
    known = CustomerKnown(recorder.call.call, FACTS)
    recorder.call.known(known)
    recorder.call.announce()
    assert recorder.kinds() == ["CallStarted", "CustomerKnown", "CallStarted", "CustomerKnown"]
    assert recorder.messages[-1] == known


def test_what_the_record_said_of_another_call_or_before_an_objection_is_not_told(recorder: Recorder) -> None:
    recorder.call.answer(OFFER, KNOWN, recorder.now)
    first = recorder.call.call
    assert first is not None
    recorder.call.told(parse_recording_metadata(metadata("8002", "13900001111")), recorder.now + 1)
    recorder.call.known(CustomerKnown(first, FACTS))
    second = recorder.call.call
    assert second not in (None, first)
    recorder.call.known(CustomerKnown(str(second), FACTS))
    recorder.policy.hear(said(x_ridge_consent="no"))
    recorder.call.reconsider(recorder.now + 2)
    recorder.messages.clear()
    recorder.call.known(CustomerKnown(str(second), FACTS))
    recorder.call.announce()
    assert recorder.kinds() == ["CallStarted"]


def test_every_answer_is_a_newer_version_of_the_same_session(recorder: Recorder) -> None:
    first = recorder.call.answer(OFFER, KNOWN, recorder.now).origin
    second = recorder.call.answer(OFFER, KNOWN, recorder.now).origin
    assert (second.session_id, second.version) == (first.session_id, first.version + 1)


def test_a_call_that_begins_on_hold_says_so(recorder: Recorder) -> None:
    recorder.call.answer(parse_sdp(describe(["inactive", "inactive"])), KNOWN, recorder.now)
    assert recorder.kinds() == ["CallStarted", "CallHeld"]


def test_hold_before_the_roles_are_known_is_told_with_them(recorder: Recorder) -> None:
    recorder.call.answer(parse_sdp(describe(["inactive", "inactive"])), None, recorder.now)
    recorder.call.told(KNOWN, recorder.now + 1)
    assert recorder.kinds() == ["CallStarted", "CallHeld"]
    held = recorder.messages[1]
    assert isinstance(held, CallHeld)
    assert held.held


def test_a_stream_that_goes_ends_what_is_analysed(recorder: Recorder) -> None:
    recorder.call.answer(OFFER, KNOWN, recorder.now)
    gone = parse_sdp(describe().replace(b"m=audio 40002", b"m=audio 0"))
    recorder.call.answer(gone, KNOWN, recorder.now + 1)
    assert recorder.kinds() == ["CallStarted", "CallEnded"]
    assert len(recorder.sockets) == 1
    recorder.call.answer(OFFER, KNOWN, recorder.now + 2)
    assert recorder.kinds() == ["CallStarted", "CallEnded", "CallStarted"]


def test_participants_that_leave_at_the_end_do_not_end_the_call(recorder: Recorder) -> None:
    recorder.call.answer(OFFER, KNOWN, recorder.now)
    left = parse_recording_metadata(
        b"<recording><datamode>partial</datamode><participantsessionassoc participant_id='a'>"
        b"<disassociate-time>x</disassociate-time></participantsessionassoc></recording>"
    )
    recorder.call.told(KNOWN.updated(left), recorder.now + 1)
    assert recorder.kinds() == ["CallStarted"]


def test_swapped_legs_begin_a_new_call(recorder: Recorder) -> None:
    recorder.call.answer(OFFER, KNOWN, recorder.now)
    recorder.call.told(parse_recording_metadata(metadata("13900001111", "8001")), recorder.now + 1)
    assert recorder.kinds() == ["CallStarted", "CallEnded", "CallStarted"]
    first, second = (message for message in recorder.messages if isinstance(message, CallStarted))
    assert first.call != second.call


def test_streams_of_unknown_roles_take_only_so_many_ports(recorder: Recorder) -> None:
    offer = parse_sdp(describe(["sendonly"] * 6, labels="abcdef"))
    answer = recorder.call.answer(offer, None, recorder.now)
    assert [answer.direction_of(index) for index in range(6)] == ["recvonly"] * MAX_STREAMS + ["inactive"] * 2
    assert recorder.pool.in_use == MAX_STREAMS


def test_without_ports_nothing_changes_and_none_is_kept() -> None:
    recorder = Recorder(ports=1)
    with pytest.raises(NoPortError):
        recorder.call.answer(OFFER, KNOWN, recorder.now)
    assert (recorder.messages, recorder.pool.in_use, len(recorder.sockets)) == ([], 0, 0)
    recorder.sockets.shut()


def test_an_offer_that_cannot_be_received_changes_nothing(recorder: Recorder) -> None:
    recorder.call.answer(OFFER, KNOWN, recorder.now)
    with pytest.raises(NotAcceptableError):
        recorder.call.answer(parse_sdp(describe(formats="18")), KNOWN, recorder.now)
    assert recorder.kinds() == ["CallStarted"]
    assert len(recorder.sockets) == 2


def test_the_end_frees_all_ports_even_if_a_leg_fails(
    recorder: Recorder, monkeypatch: pytest.MonkeyPatch
) -> None:
    recorder.call.answer(OFFER, KNOWN, recorder.now)

    def fail(_self: LegReceiver, _now: float) -> list[AudioBlock]:
        raise RuntimeError

    monkeypatch.setattr(LegReceiver, "flush", fail)
    with pytest.raises(RuntimeError):
        recorder.call.end("bye", recorder.now)
    assert recorder.kinds() == ["CallStarted", "CallEnded"]
    assert (recorder.pool.in_use, len(recorder.sockets)) == (0, 0)


def test_media_of_one_leg_is_enough(recorder: Recorder) -> None:
    answer = recorder.call.answer(OFFER, KNOWN, recorder.now)
    assert recorder.call.last_media == recorder.now
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sender:
        sender.sendto(
            bytes.fromhex("80080001000000a000000007") + bytes(160), ("127.0.0.1", answer.media[1].port)
        )
    # The kernel's stamp lies between the two.
    later = time.monotonic()
    recorder.sockets.read(later)
    assert recorder.now <= recorder.call.last_media <= later
    assert recorder.call.last_media > recorder.now


def said(**headers: str) -> Signalled:
    return Signalled({name.replace("_", "-"): (value,) for name, value in headers.items()})


def media(recorder: Recorder, port: int, count: int = 20) -> None:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sender:
        for number in range(count):
            header = struct.pack("!BBHII", 0x80, 8, number, 160 * number, 7)
            sender.sendto(header + b"\x35" * 160, ("127.0.0.1", port))
    recorder.sockets.read(time.monotonic())


def blocks(recorder: Recorder) -> int:
    return sum(isinstance(message, AudioBlock) for message in recorder.messages)


def test_of_a_customer_who_objected_at_the_beginning_no_audio_leaves_and_nobody_is_asked(
    recorder: Recorder,
) -> None:
    recorder.policy.hear(said(x_ridge_consent="refused"))
    answer = recorder.call.answer(OFFER, KNOWN, recorder.now)
    media(recorder, answer.media[0].port)
    recorder.call.poll(time.monotonic() + 1)
    (started,) = recorder.messages
    assert isinstance(started, CallStarted)
    assert started.policy is not None
    assert (started.policy.analysis, started.policy.reason, started.customer) == (False, "customer", None)
    assert recorder.asked == []
    assert recorder.call.discarded == 20
    assert recorder.call.last_media > recorder.now
    recorder.call.end("bye", time.monotonic())
    assert recorder.kinds() == ["CallStarted", "CallEnded"]
    assert recorder.ended[0][0].legs == {}


def test_an_objection_in_the_middle_stops_the_audio_with_what_has_come_and_waits(recorder: Recorder) -> None:
    answer = recorder.call.answer(OFFER, KNOWN, recorder.now)
    media(recorder, answer.media[0].port)
    # What has come lies in the receivers and was not sent yet.
    recorder.policy.hear(said(x_ridge_consent="refused"))
    assert recorder.call.reconsider(recorder.now + 1)
    assert not recorder.call.reconsider(recorder.now + 1)
    counted = recorder.call.counters()
    media(recorder, answer.media[0].port)
    recorder.call.poll(recorder.now + 60)
    recorder.call.end("bye", recorder.now + 60)
    assert blocks(recorder) == 0
    assert recorder.kinds() == ["CallStarted", "PolicyChanged", "CallEnded"]
    changed = recorder.messages[1]
    assert isinstance(changed, PolicyChanged)
    assert (changed.policy.analysis, changed.customer, changed.at) == (False, None, 1000)
    assert recorder.forgotten == [changed.call]
    # What was counted before is still told.
    assert counted["agent"].received == 20
    assert recorder.ended[0][0].legs["agent"].received == 20


def test_a_call_that_is_announced_again_has_the_policy_of_now(recorder: Recorder) -> None:
    recorder.call.answer(OFFER, KNOWN, recorder.now)
    recorder.policy.hear(said(x_ridge_consent="no"))
    recorder.call.reconsider(recorder.now)
    recorder.call.announce()
    again = recorder.messages[-1]
    assert isinstance(again, CallStarted)
    assert again.policy is not None
    assert (again.policy.analysis, again.customer) == (False, None)


def test_after_an_objection_the_next_agent_of_the_session_hears_nothing_either(recorder: Recorder) -> None:
    recorder.call.answer(OFFER, KNOWN, recorder.now)
    recorder.policy.hear(said(x_ridge_consent="refused"))
    recorder.call.reconsider(recorder.now)
    recorder.call.told(parse_recording_metadata(metadata("8002", "13900001111")), recorder.now + 1)
    last = recorder.messages[-1]
    assert isinstance(last, CallStarted)
    assert last.policy is not None
    assert (last.seat, last.policy.analysis) == ("8002", False)


def test_streams_may_change_and_go_while_nothing_is_analysed(recorder: Recorder) -> None:
    recorder.policy.hear(said(x_ridge_consent="refused"))
    recorder.call.answer(OFFER, KNOWN, recorder.now)
    recorder.call.answer(parse_sdp(describe(["inactive", "inactive"])), KNOWN, recorder.now + 1)
    recorder.call.answer(OFFER, KNOWN, recorder.now + 2)
    gone = parse_sdp(describe().replace(b"m=audio 40002", b"m=audio 0"))
    recorder.call.answer(gone, KNOWN, recorder.now + 3)
    assert recorder.kinds() == ["CallStarted", "CallHeld", "CallHeld", "CallEnded"]


def test_the_call_is_heard_from_the_announcement_on_and_its_clock_goes_on() -> None:
    recorder = Recorder(config=Config.model_validate({"policy": {"require_announcement": True}}))
    try:
        answer = recorder.call.answer(OFFER, KNOWN, recorder.now)
        started = recorder.messages[0]
        assert isinstance(started, CallStarted)
        assert started.policy is not None
        assert (started.policy.analysis, started.policy.reason) == (False, "announcement")
        recorder.policy.hear(said(x_ridge_announcement="played"))
        # The clock of the call is 10 s further than that of the test, whose media comes now.
        recorder.call._started -= 10.0
        assert recorder.call.reconsider(recorder.now)
        assert recorder.asked == [(started.call, "13900001111")]
        media(recorder, answer.media[0].port)
        recorder.call.end("bye", time.monotonic())
        heard = [message for message in recorder.messages if isinstance(message, AudioBlock)]
        assert heard[0].start_ms >= 10_000
        assert sum(len(block.pcm) for block in heard if any(block.pcm)) > 0
    finally:
        recorder.sockets.shut()


@pytest.mark.parametrize(
    ("entry", "fits"),
    [
        ({"agent_numbers": ["8001"]}, True),
        ({"agent_numbers": ["8002"]}, False),
        ({"gateways": ["127.0.0.0/8"]}, True),
        ({"domains": ["x"]}, True),
        ({"domains": ["sbc.example"]}, True),
        ({"domains": ["y"]}, False),
        ({"header": {"name": "X-Queue", "values": ["VIP"]}}, True),
        ({"header": {"name": "X-Queue", "values": ["plain"]}}, False),
        ({"metadata": {"name": "Queue", "values": ["vip"]}}, True),
        ({"metadata": {"name": "queue", "values": ["plain"]}}, False),
    ],
)
def test_the_queue_is_found_by_what_is_known_when_the_call_begins(
    entry: dict[str, object], fits: bool
) -> None:
    queue = {"name": "quiet", "voice": False, **entry}
    recorder = Recorder(config=Config.model_validate({"policy": {"queue": [queue]}}))
    document = metadata("8001", "139").replace(
        b"<participant ", b"<session><v:queue xmlns:v='urn:v'>VIP</v:queue></session><participant ", 1
    )
    told = parse_recording_metadata(document, recorder.policies.wanted.elements)
    recorder.policy.hear(Signalled({"x-queue": ("vip",)}, frozenset(["sbc.example"])))
    recorder.policy.read(told, broken=False)
    recorder.call.answer(OFFER, told, recorder.now)
    assert recorder.policy.name == ("quiet" if fits else "default")
    assert recorder.call.policy.voice is not fits
    recorder.sockets.shut()


def test_a_call_that_fails_ends_alone(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    config = Config.model_validate(
        {
            "box": {"runtime_directory": tmp_path},
            "siprec": {"udp_port": 0, "tcp_port": 0, "rtp_ports": [25100, 25199], "max_calls": 4},
        }
    )
    poll = LegReceiver.poll
    broken: list[LegReceiver] = []

    def poll_or_fail(self: LegReceiver, now: float) -> list[AudioBlock]:
        if not broken:
            broken.append(self)
        if self is broken[0]:
            raise ZeroDivisionError
        return poll(self, now)

    def act(port: int) -> None:
        first, second = Gateway(port), Gateway(port)
        try:
            for gateway, agent in ((first, "8001"), (second, "8002")):
                content_type, body = both_parts(describe(), metadata(agent, "139"))
                assert gateway.ask("INVITE", body, content_type).status == 200
                if gateway is first:
                    monkeypatch.setattr(LegReceiver, "poll", poll_or_fail)
                    first.receive_request("BYE")
            assert second.ask("OPTIONS").status == 200
            assert second.ask("BYE").status == 200
        finally:
            first.close()
            second.close()

    async def serve() -> None:
        stop = asyncio.Event()
        service = CaptureService(config, Journal("capture"))
        running = asyncio.create_task(service.run(stop))
        while service._endpoint.tcp_port == 0:
            await asyncio.sleep(0.01)
        try:
            await asyncio.to_thread(act, service._endpoint.udp_port)
        finally:
            stop.set()
            await running

    asyncio.run(serve())
    events = [json.loads(line) for line in capsys.readouterr().err.splitlines()]
    failed = [event for event in events if event["event"] == "call_failed"]
    assert [event["error"] for event in failed] == ["ZeroDivisionError"]
    assert [event["reason"] for event in events if event["event"] == "call_ended"] == ["error", "bye"]


def test_a_fault_of_the_whole_tick_does_not_stop_the_clock(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    config = Config.model_validate(
        {
            "box": {"runtime_directory": tmp_path},
            "siprec": {"udp_port": 0, "tcp_port": 0, "rtp_ports": [25200, 25299], "max_calls": 4},
        }
    )
    flushes = 0

    def fail_twice(outlet: AudioOutlet) -> None:
        nonlocal flushes
        flushes += 1
        if flushes <= 2:
            raise ZeroDivisionError

    monkeypatch.setattr(AudioOutlet, "flush", fail_twice)

    async def serve() -> None:
        stop = asyncio.Event()
        running = asyncio.create_task(CaptureService(config, Journal("capture")).run(stop))
        while flushes < 4 and not running.done():
            await asyncio.sleep(0.01)
        stop.set()
        await running

    asyncio.run(asyncio.wait_for(serve(), 20))
    events = [json.loads(line) for line in capsys.readouterr().err.splitlines()]
    assert [event["error"] for event in events if event["event"] == "tick_failed"] == ["ZeroDivisionError"]
    assert events[-1]["failed_ticks"] == 2
