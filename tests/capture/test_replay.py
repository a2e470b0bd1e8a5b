"""Recorded calls as call messages."""

from __future__ import annotations

import re
from pathlib import Path

import numpy as np
import pytest
import soundfile

from appliance.box.config import Config, Roles
from appliance.capture.call_policy import SitePolicies
from appliance.capture.replay import ReplayError, read_call
from appliance.telephony import audioblock, g711
from appliance.telephony.audioblock import AudioBlock, CallEnded, CallHeld, CallMessage, CallStarted
from appliance.telephony.rtp import RtpPacket, build
from tests.shared_data import shared_data
from tests.telephony.frame_builder import (
    ethernet,
    ipv4,
    ipv4_fragments,
    pcap,
    pcapng,
    tcp,
    udp,
    udp_frame,
)
from tools.callsim.metadata import STYLES, Offer, Party, Session, body

GATEWAY, BOX = "10.0.0.1", "10.0.0.2"
CUSTOMER_HERTZ, AGENT_HERTZ = 300, 700


def tone(hertz: float, seconds: float, rate: int = 8000) -> np.ndarray:
    return (8000 * np.sin(2 * np.pi * hertz * np.arange(int(seconds * rate)) / rate)).astype(np.int16)


def legs(messages: list[CallMessage]) -> dict[str, np.ndarray]:
    """The sound of each leg; asserts that the positions are contiguous and the order is right."""
    assert isinstance(messages[0], CallStarted)
    assert isinstance(messages[-1], CallEnded)
    assert all(audioblock.decode(audioblock.encode(message)) == message for message in messages)
    found: dict[str, list[np.ndarray]] = {"customer": [], "agent": []}
    positions = dict.fromkeys(found, 0)
    for message in messages:
        if isinstance(message, AudioBlock):
            assert message.position == positions[message.leg]
            positions[message.leg] += len(message.samples)
            found[message.leg].append(message.samples)
    return {leg: np.concatenate(blocks) for leg, blocks in found.items() if blocks}


def loudest(samples: np.ndarray, rate: int = 8000) -> float:
    return float(np.argmax(np.abs(np.fft.rfft(samples.astype(float))))) * rate / len(samples)


def test_a_stereo_file_is_customer_left_and_agent_right(tmp_path: Path) -> None:
    path = tmp_path / "call.wav"
    stereo = np.stack([tone(CUSTOMER_HERTZ, 1.1), tone(AGENT_HERTZ, 1.1)], axis=1)
    soundfile.write(path, stereo, 8000)
    messages = list(read_call([path], Roles(default_seat="8001", direction="outbound")))
    heard = legs(messages)
    assert np.array_equal(heard["customer"], stereo[:, 0])
    assert np.array_equal(heard["agent"], stereo[:, 1])
    started, ended = messages[0], messages[-1]
    assert isinstance(started, CallStarted)
    assert (started.seat, started.direction, started.source) == ("8001", "outbound", "replay")
    assert isinstance(ended, CallEnded)
    assert (ended.at, ended.reason) == (1100, "end_of_file")
    lengths = {len(message.pcm) for message in messages if isinstance(message, AudioBlock)}
    assert lengths == {1280, 960}
    starts = [message.start_ms for message in messages if isinstance(message, AudioBlock)]
    assert starts == sorted(starts)


@pytest.mark.parametrize(
    ("name", "subtype", "rate"),
    [
        ("a.wav", "ALAW", 8000),
        ("u.wav", "ULAW", 8000),
        ("f.wav", "FLOAT", 8000),
        ("w.wav", "PCM_24", 16000),
        ("cd.wav", "PCM_16", 44100),
        ("l.flac", "PCM_16", 16000),
        ("o.ogg", "VORBIS", 48000),
    ],
)
def test_formats_and_rates_are_brought_to_8_or_16_khz(
    tmp_path: Path, name: str, subtype: str, rate: int
) -> None:
    path = tmp_path / name
    sound = np.stack([tone(CUSTOMER_HERTZ, 3.0, rate), tone(AGENT_HERTZ, 3.0, rate)], axis=1) / 32768
    soundfile.write(path, sound, rate, subtype=subtype)
    messages = list(read_call([path], Roles()))
    heard = legs(messages)
    expected = 16_000 if rate == 16_000 else 8000
    assert {message.rate for message in messages if isinstance(message, AudioBlock)} == {expected}
    for leg, hertz in (("customer", CUSTOMER_HERTZ), ("agent", AGENT_HERTZ)):
        assert len(heard[leg]) == pytest.approx(3 * expected, abs=expected // 100)
        assert loudest(heard[leg], expected) == pytest.approx(hertz, abs=2)
        assert np.abs(heard[leg]).max() == pytest.approx(8000, rel=0.15)


def test_two_mono_files_of_different_length_and_rate_are_one_call(tmp_path: Path) -> None:
    first, second = tmp_path / "customer.wav", tmp_path / "agent.wav"
    soundfile.write(first, tone(CUSTOMER_HERTZ, 1.0), 8000)
    soundfile.write(second, tone(AGENT_HERTZ, 2.0, 16_000), 16_000)
    messages = list(read_call([first, second], Roles()))
    heard = legs(messages)
    assert len(heard["customer"]) == 8000
    assert len(heard["agent"]) == 32_000
    ended = messages[-1]
    assert isinstance(ended, CallEnded)
    assert ended.at == 2000


@pytest.mark.parametrize(
    ("channels", "files", "says"),
    [
        (1, 1, "second mono file"),
        (3, 1, "give a stereo file"),
        (2, 2, "each must be mono"),
        (0, 3, "3 files"),
    ],
)
def test_other_channels_are_refused_with_a_next_step(
    tmp_path: Path, channels: int, files: int, says: str
) -> None:
    paths = [tmp_path / f"{index}.wav" for index in range(files)]
    for path in paths:
        soundfile.write(path, np.zeros((800, max(1, channels)), np.int16), 8000)
    with pytest.raises(ReplayError, match=says):
        list(read_call(paths, Roles()))


@pytest.mark.parametrize("content", [b"", b"RIFF\x10\x00\x00\x00WAVEfmt ", b"just some text", bytes(100)])
def test_files_that_are_no_audio_are_refused_with_a_next_step(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "call.wav"
    path.write_bytes(content)
    with pytest.raises(ReplayError, match="give WAV"):
        list(read_call([path], Roles()))


def test_a_file_that_is_damaged_further_on_is_refused_with_the_place(tmp_path: Path) -> None:
    path = tmp_path / "call.flac"
    noise = np.random.default_rng(1).normal(0, 3000, (80_000, 2)).astype(np.int16)
    soundfile.write(path, noise, 8000)
    path.write_bytes(path.read_bytes()[:100_000])
    messages = read_call([path], Roles())
    assert isinstance(next(messages), CallStarted)
    with pytest.raises(ReplayError, match=r"cannot be decoded beyond \d"):
        list(messages)


def test_a_file_that_is_missing_or_empty_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ReplayError, match="name a file that exists"):
        read_call([tmp_path / "nothing.wav"], Roles())
    soundfile.write(tmp_path / "empty.wav", np.zeros((0, 2), np.int16), 8000)
    with pytest.raises(ReplayError, match="holds no sound"):
        list(read_call([tmp_path / "empty.wav"], Roles()))


def message(start: str, headers: dict[str, str], content_type: str = "", data: bytes = b"") -> bytes:
    if content_type:
        headers = {**headers, "Content-Type": content_type}
    lines = [start, *(f"{name}: {value}" for name, value in headers.items()), f"Content-Length: {len(data)}"]
    return ("\r\n".join(lines) + "\r\n\r\n").encode() + data


def dialog(
    call_id: str, caller: str, callee: str, cseq: str, *, answered: bool, **more: str
) -> dict[str, str]:
    return {
        "Via": f"SIP/2.0/UDP {GATEWAY};branch=z9hG4bK1",
        "From": f"<sip:{caller}@{GATEWAY}>;tag=one",
        "To": f"<sip:{callee}@{BOX}>" + (";tag=two" if answered else ""),
        "Call-ID": call_id,
        "CSeq": cseq,
        **more,
    }


def sdp(address: str, *ports: int, direction: str = "sendrecv") -> bytes:
    lines = ["v=0", f"o=- 1 1 IN IP4 {address}", "s=-", f"c=IN IP4 {address}", "t=0 0"]
    for port in ports:
        lines += [
            f"m=audio {port} RTP/AVP 8 101", "a=rtpmap:101 telephone-event/8000", f"a={direction}",
        ]  # fmt: skip
    return "".join(f"{line}\r\n" for line in lines).encode()


def rtp(hertz: float, source: tuple[str, int], destination: tuple[str, int], seconds: float, begin: float):
    """Frames of a tone in 20 ms packets."""
    coded = g711.alaw_encode(tone(hertz, seconds))
    for index in range(len(coded) // 160):
        packet = RtpPacket(
            8, index == 0, index, 160 * index, source[1], coded[160 * index : 160 * (index + 1)]
        )
        yield begin + 0.02 * index, udp_frame(source, destination, build(packet))


def ordinary_call(caller: str, callee: str) -> list[tuple[float, bytes]]:
    """The caller speaks CUSTOMER_HERTZ, the callee AGENT_HERTZ."""
    sip = (GATEWAY, 5060), (BOX, 5060)
    invite = message(
        f"INVITE sip:{callee}@{BOX} SIP/2.0", dialog("call", caller, callee, "1 INVITE", answered=False),
        "application/sdp", sdp(GATEWAY, 4000),
    )  # fmt: skip
    ok = message(
        "SIP/2.0 200 OK", dialog("call", caller, callee, "1 INVITE", answered=True),
        "application/sdp", sdp(BOX, 6000),
    )  # fmt: skip
    bye = message(f"BYE sip:{callee}@{BOX} SIP/2.0", dialog("call", caller, callee, "2 BYE", answered=True))
    frames = [(1000.0, udp_frame(*sip, invite)), (1001.0, udp_frame(*reversed(sip), ok))]
    frames += rtp(CUSTOMER_HERTZ, (GATEWAY, 4000), (BOX, 6000), 2.0, 1001.1)
    frames += rtp(AGENT_HERTZ, (BOX, 6000), (GATEWAY, 4000), 2.0, 1001.1)
    frames.append((1003.2, udp_frame(*sip, bye)))
    return sorted(frames, key=lambda one: one[0])


@pytest.mark.parametrize("agent_calls", [False, True])
@pytest.mark.parametrize("write", [pcap, pcapng])
def test_a_capture_of_an_ordinary_call_tells_the_legs_by_the_numbers(
    tmp_path: Path, agent_calls, write
) -> None:
    numbers = ("8001", "13900000000") if agent_calls else ("13900000000", "8001")
    path = tmp_path / "call.pcap"
    path.write_bytes(write(ordinary_call(*numbers)))
    messages = list(read_call([path], Roles()))
    heard = legs(messages)
    caller, callee = ("agent", "customer") if agent_calls else ("customer", "agent")
    # The legs begin when the call was answered, 0.1 s before the first packet.
    assert loudest(heard[caller][800:16_800]) == pytest.approx(CUSTOMER_HERTZ, abs=2)
    assert loudest(heard[callee][800:16_800]) == pytest.approx(AGENT_HERTZ, abs=2)
    assert not heard["customer"][:790].any()
    started, ended = messages[0], messages[-1]
    assert isinstance(started, CallStarted)
    assert (started.seat, started.wall) == ("8001", 1_001_000)
    assert started.direction == ("outbound" if agent_calls else "inbound")
    assert isinstance(ended, CallEnded)
    assert (ended.reason, ended.at) == ("bye", 2200)
    assert sum(one.lost for one in messages if isinstance(one, AudioBlock)) == 0


def test_who_is_who_can_come_from_the_configured_direction(tmp_path: Path) -> None:
    path = tmp_path / "call.pcap"
    path.write_bytes(pcap(ordinary_call("13900000000", "02012345678")))
    with pytest.raises(ReplayError, match=r"extend roles\.agent_numbers") as failure:
        read_call([path], Roles())
    assert not re.search(r"\d{7}", str(failure.value).replace(str(path), ""))
    messages = list(read_call([path], Roles(direction="inbound")))
    assert loudest(legs(messages)["customer"][800:16_800]) == pytest.approx(CUSTOMER_HERTZ, abs=2)


@pytest.mark.parametrize(
    ("at", "field", "settings", "reason"),
    [
        (1000.0, "X-Ridge-Consent: refused", {}, "customer"),
        (1002.5, "X-Ridge-Consent: refused", {}, "customer"),
        (1002.5, "X-Ridge-Consent: what?", {}, "unknown"),
        (1002.5, "X-Ridge-Announcement: played", {"require_announcement": True}, "announcement"),
        (1002.5, "X-Nothing: 1", {"analysis": False}, "site"),
        (1000.5, "X-Ridge-Announcement: played", {"require_announcement": True}, None),
        (1002.5, "X-Nothing: 1", {}, None),
    ],
)
def test_of_a_capture_only_what_may_be_analysed_is_heard(
    tmp_path: Path, at: float, field: str, settings: dict[str, bool], reason: str | None
) -> None:
    name, _, value = field.partition(": ")
    update = message(
        f"UPDATE sip:8001@{BOX} SIP/2.0",
        dialog("call", "13900000000", "8001", "2 UPDATE", answered=True, **{name: value}),
    )
    frames = [*ordinary_call("13900000000", "8001"), (at, udp_frame((GATEWAY, 5060), (BOX, 5060), update))]
    path = tmp_path / "call.pcap"
    # Of two frames at once the INVITE comes first.
    path.write_bytes(pcap(sorted(frames, key=lambda one: one[0])))
    config = Config.model_validate({"policy": settings})
    messages = list(read_call([path], Roles(), SitePolicies(config)))
    started = messages[0]
    assert isinstance(started, CallStarted)
    assert started.policy is not None
    assert started.policy.analysis is (reason is None)
    assert any(isinstance(one, AudioBlock) for one in messages) is (reason is None)
    if reason is not None:
        assert started.policy.reason == reason
    assert isinstance(messages[-1], CallEnded)


def siprec_call(style: str, *, first: str, over_tcp: bool) -> list[tuple[float, bytes]]:
    """A recording session: the INVITE in IP fragments or TCP segments, hold in the middle."""
    numbers, hertz = (
        {"agent": "8001", "customer": "13900000000"},
        {"agent": AGENT_HERTZ, "customer": CUSTOMER_HERTZ},
    )
    order = (first, "agent" if first == "customer" else "customer")
    labels = STYLES[style].labels
    parties = [
        Party(numbers[leg], leg == "customer", label) for leg, label in zip(order, labels, strict=True)
    ]
    content_type, data = body(
        Offer(GATEWAY, (4000, 4002), labels, "PCMA").sdp(),
        STYLES[style],
        Session((parties[0], parties[1]), GATEWAY),
    )

    def headers(cseq: str, answered: bool = True) -> dict[str, str]:
        return dialog("recording", "gateway", "recorder", cseq, answered=answered)

    invite = message(
        f"INVITE sip:recorder@{BOX} SIP/2.0",
        {**headers("1 INVITE", False), "Require": "siprec"},
        content_type,
        data,
    )
    ok = message(
        "SIP/2.0 200 OK", headers("1 INVITE"), "application/sdp", sdp(BOX, 6000, 6002, direction="recvonly")
    )
    hold = Offer(GATEWAY, (4000, 4002), labels, "PCMA", 2, "inactive").sdp()
    resume = Offer(GATEWAY, (4000, 4002), labels, "PCMA", 3, "sendonly").sdp()
    said = [(1000.0, True, invite), (1000.1, False, ok)]
    said += [
        (
            1000.0 + at,
            True,
            message(f"INVITE sip:recorder@{BOX} SIP/2.0", headers(f"{n} INVITE"), "application/sdp", one),
        )
        for n, at, one in ((2, 1.3, hold), (3, 2.3, resume))
    ]
    said.append((1003.5, True, message(f"BYE sip:recorder@{BOX} SIP/2.0", headers("4 BYE"))))
    frames: list[tuple[float, bytes]] = []
    sent = {True: 0xFFFF_FF00, False: 5}
    for time, outgoing, text in said:
        source, destination = ((GATEWAY, 5060), (BOX, 5060)) if outgoing else ((BOX, 5060), (GATEWAY, 5060))
        if over_tcp:
            for at in range(0, len(text), 900):
                piece = tcp(source, destination, sent[outgoing], text[at : at + 900])
                sent[outgoing] = (sent[outgoing] + len(text[at : at + 900])) & 0xFFFF_FFFF
                frames.append((time, ethernet(ipv4(source[0], destination[0], 6, piece))))
        else:
            packet = ipv4(source[0], destination[0], 17, udp(source, destination, text))
            frames += [(time, ethernet(piece)) for piece in ipv4_fragments(packet, 800)]
    for index, leg in enumerate(order):
        ends = (GATEWAY, 4000 + 2 * index), (BOX, 6000 + 2 * index)
        frames += rtp(hertz[leg], *ends, 1.0, 1000.2)
    return sorted(frames, key=lambda one: one[0])


@pytest.mark.parametrize("over_tcp", [False, True])
@pytest.mark.parametrize("first", ["agent", "customer"])
@pytest.mark.parametrize("style", ["rfc7865", "acme", "sonus"])
def test_a_capture_of_a_recording_session_tells_the_legs_by_its_metadata(
    tmp_path: Path, style: str, first: str, over_tcp: bool
) -> None:
    path = tmp_path / "call.pcap"
    path.write_bytes(pcap(siprec_call(style, first=first, over_tcp=over_tcp)))
    messages = list(read_call([path], Roles()))
    heard = legs(messages)
    assert loudest(heard["customer"][800:8800]) == pytest.approx(CUSTOMER_HERTZ, abs=2)
    assert loudest(heard["agent"][800:8800]) == pytest.approx(AGENT_HERTZ, abs=2)
    started = messages[0]
    assert isinstance(started, CallStarted)
    assert started.seat == "8001"


def test_hold_shows_in_a_capture(tmp_path: Path) -> None:
    frames = siprec_call("rfc7865", first="agent", over_tcp=False)
    after = list(rtp(CUSTOMER_HERTZ, (GATEWAY, 4002), (BOX, 6002), 0.5, 1002.5))
    path = tmp_path / "call.pcap"
    path.write_bytes(pcap(sorted([*frames, *after], key=lambda one: one[0])))
    messages = list(read_call([path], Roles()))
    holds = [one for one in messages if isinstance(one, CallHeld)]
    assert [(one.held, one.at) for one in holds] == [(True, 1200), (False, 2200)]
    held = [one for one in messages if isinstance(one, AudioBlock) and one.hold]
    assert held
    assert not any(one.samples.any() for one in held[2:])


def test_an_unusable_segment_or_message_does_not_hide_the_call(tmp_path: Path) -> None:
    frames = ordinary_call("13900000000", "8001")
    broken = [
        (1000.5, udp_frame((GATEWAY, 5060), (BOX, 5060), b"INVITE sip:x SIP/2.0\r\nno header\r\n\r\n")),
        (1000.6, frames[0][1][:30]),
        (1000.7, b""),
        (1001.5, udp_frame((GATEWAY, 4000), (BOX, 6000), b"\x80\x08junk")),
        (1001.6, udp_frame((GATEWAY, 4000), (BOX, 6000), bytes(200))),
    ]
    path = tmp_path / "call.pcap"
    path.write_bytes(pcap(sorted([*frames, *broken], key=lambda one: one[0])))
    heard = legs(list(read_call([path], Roles())))
    assert loudest(heard["customer"][800:16_800]) == pytest.approx(CUSTOMER_HERTZ, abs=2)


@pytest.mark.parametrize(
    ("frames", "says"),
    [
        ([], "capture SIP and RTP together"),
        (ordinary_call("13900000000", "8001")[:2], "capture where the media pass"),
    ],
)
def test_captures_without_a_whole_call_are_refused_with_a_next_step(
    tmp_path: Path, frames, says: str
) -> None:
    path = tmp_path / "call.pcap"
    path.write_bytes(pcap(frames))
    with pytest.raises(ReplayError, match=says):
        read_call([path], Roles())


@pytest.mark.parametrize(
    ("hold", "pause", "reason", "at"),
    [(False, 50.0, "bye", 54_000), (False, 70.0, "no_media", 63_000), (True, 600.0, "bye", 604_000)],
)
def test_a_captured_call_ends_where_a_live_one_would(
    tmp_path: Path, hold: bool, pause: float, reason: str, at: int
) -> None:
    frames = ordinary_call("13900000000", "8001")[:-1]
    frames += rtp(CUSTOMER_HERTZ, (GATEWAY, 4000), (BOX, 6000), 0.5, 1003.0 + pause)
    sip = (GATEWAY, 5060), (BOX, 5060)
    last = dialog("call", "13900000000", "8001", "4 BYE", answered=True)
    frames.append((1005.0 + pause, udp_frame(*sip, message(f"BYE sip:8001@{BOX} SIP/2.0", last))))
    for cseq, time, direction in ((2, 1003.0, "inactive"), (3, 1003.0 + pause, "sendrecv")) if hold else ():
        head = dialog("call", "13900000000", "8001", f"{cseq} INVITE", answered=True)
        text = message(
            f"INVITE sip:8001@{BOX} SIP/2.0", head, "application/sdp", sdp(GATEWAY, 4000, direction=direction)
        )
        frames.append((time, udp_frame(*sip, text)))
    path = tmp_path / "call.pcap"
    path.write_bytes(pcap(sorted(frames, key=lambda one: one[0])))
    messages = list(read_call([path], Roles()))
    legs(messages)
    ended = messages[-1]
    assert isinstance(ended, CallEnded)
    assert ended.reason == reason
    assert ended.at == pytest.approx(at, abs=1100)


def test_of_a_call_and_the_session_that_records_it_the_session_is_played(tmp_path: Path) -> None:
    recorded = ordinary_call("13900000000", "8001")
    elsewhere = [(at - 0.5, frame.replace(bytes([10, 0, 0]), bytes([10, 7, 7]))) for at, frame in recorded]
    elsewhere = [(at, frame.replace(b"10.0.0.", b"10.7.7.")) for at, frame in elsewhere]
    path = tmp_path / "call.pcap"
    both = [*elsewhere, *siprec_call("rfc7865", first="agent", over_tcp=False)]
    path.write_bytes(pcap(sorted(both, key=lambda one: one[0])))
    messages = list(read_call([path], Roles()))
    started = messages[0]
    assert isinstance(started, CallStarted)
    # The session was answered at 1000.1 s, the call at 1000.5 s.
    assert started.wall == 1_000_100
    assert [one.held for one in messages if isinstance(one, CallHeld)] == [True, False]
    assert loudest(legs(messages)["customer"][800:8800]) == pytest.approx(CUSTOMER_HERTZ, abs=2)


def test_a_capture_of_two_calls_is_refused(tmp_path: Path) -> None:
    other = [
        (time, frame.replace(b"Call-ID: call\r\n", b"Call-ID: cal2\r\n"))
        for time, frame in ordinary_call("13900000001", "8002")
    ]
    path = tmp_path / "call.pcap"
    path.write_bytes(pcap(sorted([*ordinary_call("13900000000", "8001"), *other], key=lambda one: one[0])))
    with pytest.raises(ReplayError, match="2 calls with media"):
        read_call([path], Roles())


def test_a_capture_of_rtp_alone_is_refused_and_says_why() -> None:
    path = shared_data("protocol/rtp/g711a.pcap")
    with pytest.raises(ReplayError, match="236 RTP packets but no SIP"):
        read_call([path], Roles())


def test_a_damaged_capture_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "call.pcap"
    path.write_bytes(pcap([])[:20])
    with pytest.raises(ReplayError, match="capture again"):
        list(read_call([path], Roles()))
    with pytest.raises(ReplayError, match="give it alone"):
        read_call([path, path], Roles())
