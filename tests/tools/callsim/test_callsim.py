"""The simulated gateway against a small recording server on loopback."""

from __future__ import annotations

import asyncio
import itertools
import json
from collections import Counter
from pathlib import Path

import numpy as np
import pytest
import soundfile

from appliance.box.config import Roles
from appliance.capture.roles import AssignedRoles, UnknownRoles, resolve_roles
from appliance.telephony import g711
from appliance.telephony.multipart import split_body
from appliance.telephony.recording_metadata import parse_recording_metadata
from appliance.telephony.rtp import parse, sequence_delta, timestamp_delta
from appliance.telephony.sdp import parse_sdp
from tests.tools.callsim.recording_server import RecordingServer
from tests.tools.callsim.recording_server import Session as RecordedSession
from tools.callsim import __main__ as command
from tools.callsim.caller import CallResult, place, plans_for
from tools.callsim.media import Impairments, LegMedia, Script
from tools.callsim.metadata import STYLES, Offer, Party, Session, body
from tools.callsim.recording import Recording, RecordingError, load

SPEED = 8.0


@pytest.fixture
def stereo(tmp_path: Path) -> Path:
    """Two seconds at 16 kHz: 300 Hz of the customer on the left, 700 Hz of the agent on the right."""
    t = np.arange(32_000) / 16_000
    tones = np.stack([np.sin(2 * np.pi * hertz * t) for hertz in (300, 700)], axis=1)
    path = tmp_path / "call.wav"
    soundfile.write(path, (tones * 8000).astype(np.int16), 16_000)
    return path


def play(server: RecordingServer, path: Path, *, transport: str = "udp", **options) -> list[CallResult]:
    async def scenario() -> list[CallResult]:
        target = await server.open(transport)
        options.setdefault("script", Script(speed=SPEED))
        plans = plans_for(load(path), seed=7, **options)
        results = await place(plans, target, transport, patience=5)  # type: ignore[arg-type]
        # What the client does not wait for still has to arrive.
        await asyncio.sleep(0.05)
        return results

    return asyncio.run(scenario())


def heard(session: RecordedSession, stream: int) -> bytes:
    """The sound of a stream, put in order."""
    packets = {}
    for _, data, _ in session.streams[stream].datagrams:
        packet = parse(data)
        packets[packet.timestamp] = packet
    first = min(packets.values(), key=lambda one: timestamp_delta(one.timestamp, next(iter(packets))))
    ordered = sorted(packets.values(), key=lambda one: timestamp_delta(one.timestamp, first.timestamp))
    return b"".join(one.payload for one in ordered)


def loudest_hertz(coded: bytes) -> float:
    spectrum = np.abs(np.fft.rfft(g711.alaw_decode(coded).astype(float)))
    return float(np.argmax(spectrum)) * 8000 / len(coded)


@pytest.mark.parametrize("transport", ["udp", "tcp"])
@pytest.mark.parametrize("first", ["agent", "customer"])
def test_a_call_is_answered_played_and_ended(stereo: Path, transport: str, first: str) -> None:
    server = RecordingServer()
    (result,) = play(server, stereo, transport=transport, first=first)
    (session,) = server.sessions.values()
    assert result.clean
    assert result.error is None
    assert result.sent == {"customer": 100, "agent": 100}
    assert session.acknowledged == 1
    assert session.ended
    hertz = {"customer": 300, "agent": 700}
    order = ("agent", "customer") if first == "agent" else ("customer", "agent")
    for stream, leg in enumerate(order):
        assert loudest_hertz(heard(session, stream)) == pytest.approx(hertz[leg], abs=5)


def test_header_fields_are_sent_with_the_invite_and_later(stereo: Path) -> None:
    server = RecordingServer()
    (result,) = play(
        server,
        stereo,
        fields=("X-Ridge-Announcement: pending",),
        later=((0.5, "X-Ridge-Announcement: played"), (1.0, "X-Ridge-Consent: refused")),
    )
    assert result.clean
    (session,) = server.sessions.values()
    assert session.invite.get("x-ridge-announcement") == "pending"
    assert [told.all("x-ridge-announcement") + told.all("x-ridge-consent") for told in server.updates] == [
        ["played"],
        ["refused"],
    ]


def test_many_calls_have_agents_and_sessions_of_their_own(stereo: Path) -> None:
    server = RecordingServer()
    results = play(server, stereo, calls=5, stagger=0.02)
    assert [result.agent for result in results] == ["8001", "8002", "8003", "8004", "8005"]
    assert all(result.clean for result in results)
    assert len(server.sessions) == 5
    sources = {
        data[8:12]
        for one in server.sessions.values()
        for media in one.streams
        for _, data, _ in media.datagrams
    }
    assert len(sources) == 10


def test_lost_requests_are_repeated_and_a_lost_ack_too(stereo: Path) -> None:
    server = RecordingServer(deaf=1, repeat_answer=True)
    (result,) = play(server, stereo)
    (session,) = server.sessions.values()
    assert result.clean
    assert session.acknowledged == 2


def test_a_refusal_names_the_status_and_when_to_come_back(stereo: Path) -> None:
    (result,) = play(RecordingServer(refuse="503 Service Unavailable"), stereo)
    assert (result.answered, result.ended, result.status, result.clean) == (False, "refused", 503, False)
    assert "7 s" in (result.error or "")


def test_an_answer_with_too_few_streams_fails_the_call(stereo: Path) -> None:
    server = RecordingServer(streams_answered=1)
    (result,) = play(server, stereo)
    assert not result.clean
    assert result.ended == "error"
    assert server.requests[-1] == "BYE"


def test_a_call_that_the_server_ends_is_answered_but_not_clean(stereo: Path) -> None:
    (result,) = play(RecordingServer(hang_up_after=0.05), stereo)
    assert result.answered
    assert result.ended == "server"
    assert not result.clean


def test_hold_and_resume_are_offered_and_nothing_is_sent_between(stereo: Path) -> None:
    server = RecordingServer()
    (result,) = play(server, stereo, script=Script(speed=SPEED, holds=((0.5, 1.5),)))
    (session,) = server.sessions.values()
    assert result.clean
    assert [b"a=inactive" in offer for offer in session.offers] == [False, True, False]
    packets = [parse(data) for _, data, _ in session.streams[0].datagrams]
    assert len(packets) == 50
    assert sequence_delta(packets[-1].sequence, packets[0].sequence) == 49
    assert timestamp_delta(packets[-1].timestamp, packets[0].timestamp) == 99 * 160


def test_packets_do_not_leave_before_their_times_and_lateness_is_told(stereo: Path) -> None:
    server = RecordingServer()
    (result,) = play(server, stereo, script=Script(speed=2.0))
    (session,) = server.sessions.values()
    times = [at for at, _, _ in session.streams[0].datagrams]
    # 100 packets of 20 ms at twice the speed; a busy machine may send them later, and says so.
    assert times[-1] - times[0] >= 0.99 - result.late_ms_max / 1000
    assert 0 < result.late_ms_p99 <= result.late_ms_max


@pytest.mark.parametrize("style", STYLES)
def test_every_style_is_a_call(stereo: Path, style: str) -> None:
    (result,) = play(RecordingServer(), stereo, style=style)
    assert result.clean
    assert result.style == style


def leg(impairments: Impairments = Impairments(), **script) -> LegMedia:  # noqa: B008
    sound = (8000 * np.sin(np.arange(160 * 500) / 5)).astype(np.int16)
    sound[160 * 100 : 160 * 200] = 0
    return LegMedia(g711.alaw_encode(sound), "PCMA", impairments, Script(**script), seed=3)


def test_without_impairments_each_packet_is_sent_once_in_order() -> None:
    media = leg()
    sent = list(media.packets())
    packets = [parse(data) for _, data in sent]
    assert [round(at / 0.02) for at, _ in sent] == list(range(500))
    assert all(sequence_delta(b.sequence, a.sequence) == 1 for a, b in itertools.pairwise(packets))
    assert all(timestamp_delta(b.timestamp, a.timestamp) == 160 for a, b in itertools.pairwise(packets))
    assert [packet.marker for packet in packets].count(True) == 1


def test_loss_duplication_reordering_and_jitter_are_as_asked_and_repeatable() -> None:
    impairments = Impairments(loss=0.05, jitter=0.03, reorder=0.05, duplicate=0.05)
    media = leg(impairments)
    sent = list(media.packets())
    assert sent == list(leg(impairments).packets())
    assert sent == sorted(sent, key=lambda one: one[0])
    numbers = [parse(data).sequence for _, data in sent]
    assert len(set(numbers)) == 500 - media.tally.lost
    assert sum(count - 1 for count in Counter(numbers).values()) == media.tally.duplicated
    for count in (media.tally.lost, media.tally.duplicated, media.tally.reordered):
        assert 10 <= count <= 45
    assert any(sequence_delta(b, a) < 0 for a, b in itertools.pairwise(numbers))


def test_silence_is_suppressed_with_one_comfort_noise_packet() -> None:
    media = leg(silence_suppression=True)
    packets = [parse(data) for _, data in media.packets()]
    assert [packet.payload_type for packet in packets].count(13) == 1
    assert len(packets) == 401
    assert media.tally.suppressed == 99
    gaps = [timestamp_delta(b.timestamp, a.timestamp) for a, b in itertools.pairwise(packets)]
    assert sorted(set(gaps)) == [160, 16000]
    assert [packet.marker for packet in packets].count(True) == 2


def test_a_keypress_replaces_sound_by_telephone_events_with_one_timestamp() -> None:
    packets = [parse(data) for _, data in leg(keypresses=(1.0,)).packets()]
    events = [packet for packet in packets if packet.payload_type == 101]
    assert len(events) == 7
    assert len({packet.timestamp for packet in events}) == 1
    assert sum(packet.payload[1] & 0x80 > 0 for packet in events) == 3


def test_the_command_prints_one_object_a_call_and_ends_with_0(stereo: Path, capsys) -> None:
    server = RecordingServer()

    async def scenario() -> int:
        host, port = await server.open("udp")
        arguments = [
            str(stereo),
            "--target",
            f"{host}:{port}",
            "--calls",
            "2",
            "--speed",
            "20",
            "--json",
            "--quiet",
        ]
        return await asyncio.to_thread(command.main, arguments)

    assert asyncio.run(scenario()) == 0
    lines = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    assert [line["agent"] for line in lines] == ["8001", "8002"]
    assert all(line["clean"] and line["ended"] == "bye" for line in lines)


def test_the_command_ends_with_1_when_nobody_answers(stereo: Path, capsys) -> None:
    assert command.main([str(stereo), "--target", "127.0.0.1:9", "--patience", "0.3", "--quiet"]) == 1
    assert "no final response to INVITE" in capsys.readouterr().out


def test_a_refused_tcp_connection_is_a_sentence(stereo: Path, capsys) -> None:
    assert command.main([str(stereo), "--target", "127.0.0.1:1", "--transport", "tcp", "--quiet"]) == 1
    assert "is the appliance running?" in capsys.readouterr().err


def test_recordings_are_cut_or_repeated_and_padded_to_whole_frames(stereo: Path) -> None:
    assert load(stereo).seconds == 2.0
    assert load(stereo, seconds=0.5).seconds == 0.5
    repeated = load(stereo, seconds=5.0)
    assert repeated.seconds == 5.0
    assert repeated.customer[:8000] == load(stereo).customer[:8000]
    assert isinstance(load(stereo, "PCMU"), Recording)


@pytest.mark.parametrize("problem", ["mono", "empty", "text", "missing"])
def test_recordings_that_cannot_be_played_are_refused_with_a_next_step(tmp_path: Path, problem: str) -> None:
    path = tmp_path / "broken.wav"
    if problem == "mono":
        soundfile.write(path, np.zeros(800, np.int16), 8000)
    elif problem == "empty":
        soundfile.write(path, np.zeros((0, 2), np.int16), 8000)
    elif problem == "text":
        path.write_text("no sound")
    with pytest.raises(RecordingError, match="give a"):
        load(path)


@pytest.mark.parametrize("first", ["agent", "customer"])
@pytest.mark.parametrize("style", STYLES)
def test_the_metadata_of_each_style_tells_the_roles_whatever_the_order(style: str, first: str) -> None:
    numbers = {"agent": "8001", "customer": "13900000000"}
    legs = (first, "agent" if first == "customer" else "customer")
    labels = STYLES[style].labels
    parties = [Party(numbers[leg], leg == "customer", label) for leg, label in zip(legs, labels, strict=True)]
    offered = (*labels, "3") if STYLES[style].mixed else labels
    offer = Offer("127.0.0.1", tuple(range(5000, 5000 + len(offered))), offered, "PCMA")
    content_type, data = body(offer.sdp(), STYLES[style], Session((parties[0], parties[1]), "127.0.0.1"))

    parts = {part.content_type.media_type: part.body for part in split_body(content_type, data)}
    description = parse_sdp(parts["application/sdp"])
    assert [media.label for media in description.media] == list(offered)
    metadata = parts.get("application/rs-metadata+xml")
    told = resolve_roles(parse_recording_metadata(metadata) if metadata else None, list(offered), Roles())
    if style in ("unassociated", "none"):
        assert isinstance(told, UnknownRoles)
    else:
        assert isinstance(told, AssignedRoles)
        assert dict(told.labels) == dict(zip(legs, labels, strict=True))
        assert told.seat == "8001"


def test_calls_that_are_interrupted_are_ended_on_the_server(stereo: Path) -> None:
    server = RecordingServer()

    async def scenario() -> RecordedSession:
        target = await server.open("udp")
        placing = asyncio.ensure_future(place(plans_for(load(stereo)), target))
        while not any(one.streams[0].datagrams for one in server.sessions.values()):
            await asyncio.sleep(0.01)
        placing.cancel()
        await asyncio.gather(placing, return_exceptions=True)
        (session,) = server.sessions.values()
        for _ in range(200):
            if session.ended:
                break
            await asyncio.sleep(0.01)
        return session

    assert asyncio.run(scenario()).ended
