"""Simulated gateways call the real capture process: the whole way from a recording to the engine's socket."""

from __future__ import annotations

import asyncio
import json
import threading
from pathlib import Path

import numpy as np
import pytest
import soundfile

from appliance.telephony.audioblock import AudioBlock, CallEnded, CallHeld, CallMessage, CallStarted
from tests.capture.capture_process import CaptureProcess
from tools.callsim.caller import CallResult, place, plans_for
from tools.callsim.media import Impairments, Script
from tools.callsim.recording import load
from tools.callsim.sip_client import Transport
from tools.running import free_ports

pytestmark = pytest.mark.end_to_end

SECONDS = 4.0
CUSTOMER_HERTZ, AGENT_HERTZ = 300, 700


@pytest.fixture
def recording(tmp_path: Path) -> Path:
    t = np.arange(int(SECONDS * 8000)) / 8000
    tones = [8000 * np.sin(2 * np.pi * hertz * t) for hertz in (CUSTOMER_HERTZ, AGENT_HERTZ)]
    path = tmp_path / "call.wav"
    soundfile.write(path, np.stack(tones, axis=1).astype(np.int16), 8000)
    return path


def call(
    capture: CaptureProcess, path: Path, *, transport: Transport = "udp", codec="PCMA", **options
) -> tuple[list[CallResult], dict[str, list[CallMessage]]]:
    """Place calls and take what the engine gets: the results, and the messages by seat."""
    results: list[CallResult] = []
    plans = plans_for(load(path, codec), seed=11, **options)
    port = capture.udp_port if transport == "udp" else capture.tcp_port

    def run() -> None:
        results.extend(asyncio.run(place(plans, ("127.0.0.1", port), transport, patience=10)))

    caller = threading.Thread(target=run)
    caller.start()
    capture.receive_until_ended(len(plans), patience=60)
    caller.join(60)
    seats = {one.call: one.seat for one in capture.messages if isinstance(one, CallStarted)}
    found: dict[str, list[CallMessage]] = {seat: [] for seat in seats.values()}
    for message in capture.messages:
        found[seats[message.call]].append(message)
    return results, found


def sound(messages: list[CallMessage], leg: str) -> np.ndarray:
    """The leg's samples; asserts that its blocks are contiguous."""
    blocks = [one for one in messages if isinstance(one, AudioBlock) and one.leg == leg]
    position = 0
    for block in blocks:
        assert block.position == position
        position += len(block.samples)
    return np.concatenate([block.samples for block in blocks])


def loudest(samples: np.ndarray) -> float:
    return float(np.argmax(np.abs(np.fft.rfft(samples.astype(float))))) * 8000 / len(samples)


def ports() -> str:
    low, high = free_ports(64)
    return f"rtp_ports = [{low}, {high}]\nmax_calls = 8\n"


def counted(ended: dict[str, object], name: str) -> int:
    """A counter of both legs from the journal."""
    return sum(int(str(ended.get(f"{leg}_{name}", 0))) for leg in ("customer", "agent"))


@pytest.mark.parametrize("transport", ["udp", "tcp"])
@pytest.mark.parametrize(
    ("style", "first"), [("acme", "customer"), ("prefixed", "agent"), ("mixed", "customer")]
)
def test_calls_are_heard_with_the_right_voices(
    tmp_path: Path, recording: Path, transport: Transport, style: str, first: str
) -> None:
    with CaptureProcess(tmp_path, ports()) as capture:
        results, found = call(
            capture,
            recording,
            transport=transport,
            calls=3,
            style=style,
            first=first,
            script=Script(speed=4.0),
        )
    assert [result.error for result in results] == [None] * 3
    assert all(result.clean for result in results)
    assert sorted(found) == ["8001", "8002", "8003"]
    for messages in found.values():
        assert isinstance(messages[0], CallStarted)
        assert isinstance(messages[-1], CallEnded)
        assert messages[-1].reason == "bye"
        assert loudest(sound(messages, "customer")) == pytest.approx(CUSTOMER_HERTZ, abs=3)
        assert loudest(sound(messages, "agent")) == pytest.approx(AGENT_HERTZ, abs=3)
        assert sum(one.lost for one in messages if isinstance(one, AudioBlock)) == 0


def test_trouble_on_the_way_is_counted_and_keyed_digits_and_numbers_leave_no_trace(
    tmp_path: Path, recording: Path
) -> None:
    customer = "13987654321"
    with CaptureProcess(tmp_path, ports()) as capture:
        (result,), found = call(
            capture,
            recording,
            codec="PCMU",
            customer=customer,
            impairments=Impairments(loss=0.03, jitter=0.03, reorder=0.02, duplicate=0.02),
            script=Script(holds=((1.5, 2.5),), keypresses=(0.5, 3.0)),
        )
        ended = capture.wait_for_event("call_ended")
        journal = json.dumps(capture.journal)
    assert result.clean
    messages = found["8001"]
    assert [one.held for one in messages if isinstance(one, CallHeld)] == [True, False]
    assert ended["customer_received"] == result.sent["customer"]
    assert ended["agent_received"] == result.sent["agent"]
    assert int(str(ended["customer_events"])) > 0
    assert "agent_events" not in ended
    late, lost = counted(ended, "late"), counted(ended, "lost")
    # A packet that others overtook may come later than is waited for; it is given up as lost before.
    assert late <= result.reordered
    # The last packets of a stream are missed by nobody.
    assert result.lost - 2 <= lost - late <= result.lost
    concealed = sum(one.lost for one in messages if isinstance(one, AudioBlock))
    assert 0 < concealed <= (lost + 4) * 160 + 2 * 1600
    assert customer not in journal
    assert loudest(sound(messages, "customer")) == pytest.approx(CUSTOMER_HERTZ, abs=3)
    assert len(sound(messages, "agent")) == pytest.approx(SECONDS * 8000, abs=1600)
