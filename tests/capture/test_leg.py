"""One leg from datagrams to audio blocks."""

from __future__ import annotations

import random
from collections.abc import Iterable
from dataclasses import asdict

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from appliance.capture.leg import LegReceiver
from appliance.telephony import audioblock, g711
from appliance.telephony.audioblock import AudioBlock
from appliance.telephony.frames import Datagram, FrameDissector
from appliance.telephony.pcap import CaptureReader
from appliance.telephony.playout import MAX_CONCEALMENT
from appliance.telephony.rtp import RtpPacket, build
from tests.shared_data import shared_data

CALL = "A" * 22
GATEWAY, OTHER = ("10.0.0.1", 4000), ("10.0.0.9", 4000)
FRAME, SECONDS = 160, 0.02

Arrival = tuple[float, bytes]


def tone(count: int) -> bytes:
    """`count` frames of a tone in A-law."""
    return g711.alaw_encode((8000 * np.sin(np.arange(FRAME * count) / 3)).astype(np.int16))


def rtp(
    sequence: int, payload: bytes, *, kind: int = 8, ssrc: int = 1, timestamp: int | None = None
) -> bytes:
    at = FRAME * sequence if timestamp is None else timestamp
    return build(RtpPacket(kind, False, sequence & 0xFFFF, at & 0xFFFF_FFFF, ssrc, payload))


def stream(count: int, *, first: int = 0, ssrc: int = 1, begin: float = 0.0) -> list[Arrival]:
    """A tone as packets at their times."""
    coded = tone(count)
    return [
        (begin + SECONDS * n, rtp(first + n, coded[FRAME * n : FRAME * (n + 1)], ssrc=ssrc))
        for n in range(count)
    ]


def receive(
    arrivals: Iterable[Arrival],
    *,
    until: float | None = None,
    source: tuple[str, int] = GATEWAY,
    leg: LegReceiver | None = None,
) -> tuple[np.ndarray, LegReceiver, list[AudioBlock]]:
    """Run a leg as the service does, polling each 20 ms; returns its samples, itself and its blocks."""
    leg = leg or LegReceiver(CALL, "customer", {8: "PCMA", 0: "PCMU"}, frozenset({101}), 0.0)
    blocks: list[AudioBlock] = []
    polled = 0.0
    now = 0.0
    for now, data in sorted(arrivals, key=lambda one: one[0]):
        while polled + SECONDS <= now:
            polled += SECONDS
            blocks += leg.poll(polled)
        leg.datagram(data, source, now)
    while until is not None and polled < until:
        polled += SECONDS
        blocks += leg.poll(polled)
    blocks += leg.flush(max(now, polled))
    position = 0
    for block in blocks:
        assert block.position == position
        assert audioblock.decode(audioblock.encode(block)) == block
        position += len(block.samples)
    return (
        np.concatenate([block.samples for block in blocks]) if blocks else np.zeros(0, np.int16),
        leg,
        blocks,
    )


def counted(leg: LegReceiver) -> dict[str, int]:
    """The counters that are not 0, without those of every call."""
    usual = ("received", "heard_ms", "silence_ms")
    return {name: value for name, value in asdict(leg.counters).items() if value and name not in usual}


def test_a_stream_is_heard_as_it_was_sent() -> None:
    samples, leg, blocks = receive(stream(100))
    assert np.array_equal(samples, g711.alaw_decode(tone(100)))
    assert counted(leg) == {}
    assert {len(block.samples) for block in blocks[:-1]} == {640}
    assert {(block.call, block.leg, block.rate, block.hold) for block in blocks} == {
        (CALL, "customer", 8000, False)
    }
    assert leg.last_media == pytest.approx(99 * SECONDS)


def test_blocks_come_while_the_stream_runs() -> None:
    leg = LegReceiver(CALL, "agent", {8: "PCMA"}, frozenset(), 0.0)
    for number, (now, data) in enumerate(stream(8)):
        leg.datagram(data, GATEWAY, now)
        assert len(leg.poll(now)) == (1 if number in (3, 7) else 0)


def test_both_legs_lie_on_the_axis_of_the_call() -> None:
    early = LegReceiver(CALL, "customer", {8: "PCMA"}, frozenset(), 100.0)
    late = LegReceiver(CALL, "agent", {8: "PCMA"}, frozenset(), 100.0)
    for now, data in stream(10, begin=100.0):
        early.datagram(data, GATEWAY, now)
    for now, data in stream(10, begin=101.5):
        late.datagram(data, OTHER, now)
    assert early.flush(101.7)[-1].end_ms == 200
    (*_, last) = late.flush(101.7)
    assert last.end_ms == 1700
    assert late.counters.silence_ms == 1500


@given(st.randoms(use_true_random=False), st.integers(0, 0xFFFF))
def test_any_order_within_the_jitter_delay_sounds_the_same(chance: random.Random, first: int) -> None:
    sent = stream(60, first=first)
    # Up to two and a half packets late, with the first in its place.
    jittered = [sent[0], *((at + chance.uniform(0, 0.05), data) for at, data in sent[1:])]
    samples, leg, _ = receive(jittered)
    assert np.array_equal(samples, g711.alaw_decode(tone(60)))
    assert set(counted(leg)) <= {"reordered"}


@pytest.mark.parametrize(
    ("change", "expected"),
    [
        pytest.param(lambda sent: sent + sent[3:5], {"duplicate": 2}, id="duplicate"),
        pytest.param(lambda sent: sent[:10] + sent[11:], {"lost": 1, "concealed_ms": 20}, id="lost"),
        pytest.param(lambda sent: sent[:10] + sent[30:], {"lost": 20, "concealed_ms": 200}, id="burst-lost"),
        pytest.param(
            lambda sent: [*sent, (0.35, sent[10][1])][:10] + sent[11:] + [(0.35, sent[10][1])],
            {"lost": 1, "late": 1, "concealed_ms": 20},
            id="late",
        ),
        pytest.param(
            lambda sent: [*sent, (0.5, b"\x40" + sent[9][1][1:])], {"wrong_version": 1}, id="version"
        ),
        pytest.param(lambda sent: [*sent, (0.5, b"\x80\x08short")], {"malformed": 1}, id="malformed"),
        pytest.param(lambda sent: [*sent, (1.0, rtp(50, b""))], {"malformed": 1}, id="empty"),
        pytest.param(lambda sent: [*sent, (1.0, rtp(50, bytes(1601)))], {"malformed": 1}, id="too-long"),
        pytest.param(
            lambda sent: [*sent, (1.0, rtp(50, bytes(20), kind=18))],
            {"wrong_payload_type": 1},
            id="payload-type",
        ),
        pytest.param(
            lambda sent: [*sent, (0.5, rtp(7, bytes(20), kind=18, ssrc=9))], {"wrong_payload_type": 1},
            id="payload-type-of-another",
        ),
        pytest.param(
            lambda sent: [*sent, (0.5, rtp(7, tone(1), ssrc=9))], {"wrong_ssrc": 1}, id="other-source"
        ),
        pytest.param(
            lambda sent: [*sent, (0.5, bytes.fromhex("81c90007") + bytes(28))], {"rtcp": 1}, id="rtcp"
        ),
    ],
)  # fmt: skip
def test_trouble_is_counted_and_the_rest_is_heard(change, expected) -> None:
    samples, leg, _ = receive(change(stream(50)))
    assert counted(leg) == expected
    assert len(samples) >= 50 * FRAME
    assert np.array_equal(samples[35 * FRAME : 50 * FRAME], g711.alaw_decode(tone(50))[35 * FRAME :])


def test_silence_suppression_is_no_loss() -> None:
    """The sender stops for a second: the sequence goes on, the timestamp jumps."""
    talk = stream(25)
    again = [
        (at + 1.5, rtp(25 + n, tone(25)[FRAME * n : FRAME * (n + 1)], timestamp=FRAME * (75 + n)))
        for n, (at, _) in enumerate(talk)
    ]
    noise = [(0.5, rtp(25, b"\x40", kind=13, timestamp=FRAME * 25))]
    samples, leg, _ = receive([*talk, *again])
    # Without comfort noise nobody can know at once that the sender stopped on purpose.
    assert counted(leg) == {"concealed_ms": 200}
    shifted = [(at, data[:2] + (26 + n).to_bytes(2, "big") + data[4:]) for n, (at, data) in enumerate(again)]
    quiet, second, _ = receive([*talk, *noise, *shifted])
    assert counted(second) == {"comfort_noise": 1}
    for one in (samples, quiet):
        assert len(one) == 100 * FRAME
        assert np.array_equal(one[75 * FRAME :], g711.alaw_decode(tone(25)))
    assert not quiet[25 * FRAME : 75 * FRAME].any()


def test_keyed_digits_leave_no_trace_but_a_count_of_packets() -> None:
    path = shared_data("protocol/rtp/dtmf_2833_1.pcap")
    dissector = FrameDissector()
    leg = LegReceiver(CALL, "customer", {8: "PCMA"}, frozenset({101}), 0.0)
    blocks = []
    for frame in CaptureReader(path.read_bytes()):
        found = dissector.dissect(frame.link_type, frame.data, frame.time)
        assert isinstance(found, Datagram)
        leg.datagram(found.payload, found.source, 0.1)
        blocks += leg.poll(0.1)
    assert leg.flush(1.0) == blocks == []
    # The last report is sent three times under one sequence number.
    assert {**counted(leg), "lost": 0} == {"events": 8, "duplicate": 2, "lost": 0}


@pytest.mark.parametrize("key", range(12))
def test_a_key_pressed_during_speech_is_silence_whichever_it_is(key: int) -> None:
    sent = stream(50)
    for step in range(5):
        report = bytes([key, 0x8A if step == 4 else 10]) + (FRAME * (step + 1)).to_bytes(2, "big")
        sent[20 + step] = (sent[20 + step][0], rtp(20 + step, report, kind=101, timestamp=FRAME * 20))
    samples, leg, _ = receive(sent)
    assert counted(leg) == {"events": 5}
    assert not samples[20 * FRAME : 25 * FRAME].any()
    assert np.array_equal(samples[25 * FRAME :], g711.alaw_decode(tone(50))[25 * FRAME :])


def test_a_transferred_call_is_heard_from_its_new_source_on_without_a_gap_in_its_sound() -> None:
    _, leg, blocks = receive(stream(50))
    again = stream(50, first=30_000, ssrc=77, begin=1.0)
    polled, after = 1.0, []
    for now, data in again:
        leg.datagram(data, OTHER, now)
        if now - polled >= SECONDS:
            polled = now
            after += leg.poll(now)
    after += leg.flush(2.0)
    assert after[0].position == blocks[-1].position + len(blocks[-1].samples)
    samples = np.concatenate([block.samples for block in after])
    assert np.array_equal(samples[-50 * FRAME :], g711.alaw_decode(tone(50)))
    assert (leg.counters.relocks, leg.counters.wrong_ssrc) == (1, 0)


def test_injected_sound_is_not_heard_while_the_real_source_speaks() -> None:
    loud = [(at + 0.001, rtp(n, b"\xaa" * FRAME, ssrc=666)) for n, (at, _) in enumerate(stream(50))]
    leg = LegReceiver(CALL, "customer", {8: "PCMA"}, frozenset(), 0.0)
    blocks = []
    for now, data in sorted([*stream(50), *loud]):
        leg.datagram(data, OTHER if data[8:12] == (666).to_bytes(4, "big") else GATEWAY, now)
        blocks += leg.poll(now)
    blocks += leg.flush(1.0)
    assert np.array_equal(np.concatenate([block.samples for block in blocks]), g711.alaw_decode(tone(50)))
    assert leg.counters.wrong_ssrc >= 45


def test_the_same_source_from_another_address_continues_the_stream() -> None:
    leg = LegReceiver(CALL, "customer", {8: "PCMA"}, frozenset(), 0.0)
    for number, (now, data) in enumerate(stream(100)):
        leg.datagram(data, GATEWAY if number < 50 else OTHER, now)
        leg.poll(now)
    assert leg.counters.relocks == 1
    assert leg.counters.lost == 0
    assert leg.counters.heard_ms == pytest.approx(2000, abs=20)


def test_a_process_that_was_held_up_does_not_take_waiting_datagrams_for_missing() -> None:
    leg = LegReceiver(CALL, "customer", {8: "PCMA"}, frozenset(), 0.0)
    sent = stream(200)
    blocks = []
    for now, data in sent[:50]:
        leg.datagram(data, GATEWAY, now)
        blocks += leg.poll(now)
    # Nothing ran for three seconds; the datagrams waited in the kernel, and are read after the poll.
    blocks += leg.poll(4.0)
    for _, data in sent[50:]:
        leg.datagram(data, GATEWAY, 4.0)
    blocks += leg.poll(4.02)
    blocks += leg.flush(4.02)
    assert np.array_equal(np.concatenate([block.samples for block in blocks]), g711.alaw_decode(tone(200)))
    assert counted(leg) == {}


def test_media_faster_than_real_time_are_heard_whole() -> None:
    samples, leg, _ = receive([(at / 16, data) for at, data in stream(500)])
    assert np.array_equal(samples, g711.alaw_decode(tone(500)))
    assert counted(leg) == {}


def test_a_leg_without_media_is_silence_on_the_axis() -> None:
    samples, leg, blocks = receive([], until=3.0)
    assert not samples.any()
    assert 2.6 * 8000 <= len(samples) <= 3.0 * 8000
    assert leg.last_media is None
    assert sum(block.lost for block in blocks) == 0


def test_hold_marks_blocks_and_is_no_loss() -> None:
    leg = LegReceiver(CALL, "customer", {8: "PCMA"}, frozenset(), 0.0)
    blocks = []
    for now, data in stream(52):
        leg.datagram(data, GATEWAY, now)
        blocks += leg.poll(now)
    leg.hold(True, 1.05)
    for step in range(100):
        blocks += leg.poll(1.05 + 0.02 * step)
    leg.hold(False, 3.05)
    coded = tone(52)
    for n in range(52):
        leg.datagram(rtp(52 + n, coded[FRAME * n : FRAME * (n + 1)]), GATEWAY, 3.06 + 0.02 * n)
        blocks += leg.poll(3.06 + 0.02 * n)
    blocks += leg.flush(5.0)
    assert {block.hold for block in blocks if 1100 <= block.start_ms < 2700} == {True}
    assert {block.hold for block in blocks if block.end_ms <= 1000 or block.start_ms > 3060} == {False}
    assert sum(block.lost for block in blocks) == 0
    assert leg.counters.heard_ms == 2 * 52 * 20


@given(
    st.lists(
        st.one_of(
            st.binary(max_size=60),
            st.builds(
                rtp,
                st.integers(0, 200),
                st.binary(max_size=170),
                kind=st.sampled_from([8, 0, 13, 19, 101, 18, 72]),
                ssrc=st.sampled_from([1, 1, 1, 2]),
                timestamp=st.one_of(st.none(), st.integers(0, 2**32 - 1)),
            ),
        ),
        max_size=150,
    ),
    st.integers(0, 200),
)
def test_whatever_comes_the_leg_goes_on(datagrams: list[bytes], pace: int) -> None:
    leg = LegReceiver(CALL, "customer", {8: "PCMA", 0: "PCMU"}, frozenset({101}), 0.0)
    blocks = []
    now = 0.0
    for data in datagrams:
        now += pace / 1000
        leg.datagram(data, GATEWAY, now)
        blocks += leg.poll(now)
    # Afterwards a gateway's stream, of whatever number, is heard.
    for at, data in stream(200, ssrc=1234):
        leg.datagram(data, GATEWAY, now + 10 + at)
        blocks += leg.poll(now + 10 + at)
    blocks += leg.flush(now + 14)
    position = 0
    for block in blocks:
        assert block.position == position
        assert block.lost <= min(len(block.samples), MAX_CONCEALMENT)
        position += len(block.samples)
    counters = leg.counters
    assert counters.received == len(datagrams) + 200
    assert counters.heard_ms >= 3600
    assert all(value >= 0 for value in asdict(counters).values())


def test_a_sender_that_was_held_up_for_150_ms_loses_nothing() -> None:
    sent = [(max(at, 0.55) if 0.4 <= at < 0.55 else at, data) for at, data in stream(50)]
    samples, leg, _ = receive(sent)
    assert np.array_equal(samples, g711.alaw_decode(tone(50)))
    assert counted(leg) == {}


def test_a_real_gateway_with_packets_of_30_ms_is_heard() -> None:
    path = shared_data("protocol/rtp/g711a.pcap")
    dissector, arrivals, coded = FrameDissector(), [], b""
    frames = list(CaptureReader(path.read_bytes()))
    for frame in frames:
        found = dissector.dissect(frame.link_type, frame.data, frame.time)
        assert isinstance(found, Datagram)
        arrivals.append((frame.time - frames[0].time, found.payload))
        coded += found.payload[12:]
    samples, leg, blocks = receive(arrivals)
    assert np.array_equal(samples, g711.alaw_decode(coded))
    assert counted(leg) == {}
    assert {len(block.samples) for block in blocks[:-1]} == {640}


def test_a_fault_of_ours_in_one_datagram_is_raised_where_it_concerns_this_call_alone(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    leg = LegReceiver(CALL, "customer", {8: "PCMA"}, frozenset(), 0.0)

    def fail(*_: object) -> None:
        raise ZeroDivisionError

    monkeypatch.setattr("appliance.capture.leg.parse", fail)
    leg.datagram(rtp(0, tone(1)), GATEWAY, 0.0)
    leg.datagram(rtp(1, tone(1)), GATEWAY, 0.02)
    assert leg.counters.received == 2
    with pytest.raises(ZeroDivisionError):
        leg.poll(0.04)
