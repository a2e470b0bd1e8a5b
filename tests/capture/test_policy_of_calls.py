"""A customer's objection, an announcement and queues, from the gateway's SIP to what the engine is sent."""

from __future__ import annotations

import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from appliance.telephony.audioblock import AudioBlock, CallStarted, PolicyChanged
from tests.capture.capture_process import CaptureProcess
from tests.capture.gateway import Gateway, both_parts, describe, metadata

pytestmark = pytest.mark.end_to_end

TYPE, BODY = both_parts(describe(), metadata("8001", "13900001111"))
SETTINGS = """
[policy.consent]
metadata = "consent"
[[policy.queue]]
name = "announced"
header = { name = "X-Queue", values = ["sales"] }
require_announcement = true
[[policy.queue]]
name = "complaints"
metadata = { name = "queue", values = ["complaints"] }
analysis = false
[[policy.queue]]
name = "elders"
metadata = { name = "queue", values = ["elders"] }
emotion = false
"""


@pytest.fixture(scope="module")
def capture(tmp_path_factory: pytest.TempPathFactory) -> Iterator[CaptureProcess]:
    directory: Path = tmp_path_factory.mktemp("c")
    with CaptureProcess(directory, rest=SETTINGS) as running:
        yield running


@pytest.fixture
def gateway(capture: CaptureProcess) -> Iterator[Gateway]:
    capture.messages.clear()
    one = Gateway(capture.udp_port)
    yield one
    one.ask("BYE")
    one.close()


def take(capture: CaptureProcess, seconds: float) -> None:
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        capture.receive(0.05)


def audio(capture: CaptureProcess, gateway: Gateway, code: int) -> int:
    """Blocks of audio that the engine is sent while packets of that code are played and after."""
    take(capture, 0.1)
    before = sum(isinstance(message, AudioBlock) for message in capture.messages)
    gateway.play(30, code=code)
    take(capture, 0.4)
    return sum(isinstance(message, AudioBlock) for message in capture.messages) - before


def flagged(value: str, name: str = "consent") -> tuple[str, bytes]:
    document = metadata("8001", "13900001111").replace(
        b"<participant ", f"<c:{name} xmlns:c='urn:c'>{value}</c:{name}><participant ".encode(), 1
    )
    return both_parts(describe(), document)


def test_an_objection_in_the_first_invite_keeps_all_audio_here(
    capture: CaptureProcess, gateway: Gateway
) -> None:
    assert gateway.ask("INVITE", BODY, TYPE, ["X-Ridge-Consent: refused"]).status == 200
    assert audio(capture, gateway, 0x35) == 0
    (started,) = (message for message in capture.messages if isinstance(message, CallStarted))
    assert started.policy is not None
    assert started.policy.reason == "customer"


@pytest.mark.parametrize(
    ("method", "body", "content_type", "fields"),
    [
        ("UPDATE", b"", "", ["X-Ridge-Consent: refused"]),
        ("INVITE", describe(), "application/sdp", ["X-Ridge-Consent: NO"]),
        ("INVITE", describe(formats="18"), "application/sdp", ["X-Ridge-Consent: refused"]),
        ("UPDATE", flagged("refused")[1], flagged("")[0], []),
    ],
    ids=["update", "re-invite", "re-invite that is refused", "metadata"],
)
def test_an_objection_in_the_middle_stops_the_audio(
    capture: CaptureProcess, gateway: Gateway, method: str, body: bytes, content_type: str, fields: list[str]
) -> None:
    assert gateway.ask("INVITE", BODY, TYPE).status == 200
    assert audio(capture, gateway, 0x35) > 0
    gateway.ask(method, body, content_type, fields)
    take(capture, 0.2)
    changes = [message for message in capture.messages if isinstance(message, PolicyChanged)]
    assert [change.policy.reason for change in changes] == ["customer"]
    assert audio(capture, gateway, 0x36) == 0
    # It stays so, though the gateway takes it back.
    gateway.ask("UPDATE", fields=["X-Ridge-Consent: granted"])
    assert audio(capture, gateway, 0x36) == 0


@pytest.mark.parametrize("method", ["INVITE", "UPDATE"])
def test_a_call_that_is_moved_to_a_stricter_queue_is_heard_no_more_than_that_allows(
    capture: CaptureProcess, gateway: Gateway, method: str
) -> None:
    """RFC 7866, section 8.1: the recording client sends changed metadata in a re-INVITE or UPDATE."""
    type_, body = flagged("sales", "queue")
    assert gateway.ask("INVITE", body, type_).status == 200
    assert audio(capture, gateway, 0x35) > 0
    for queue, heard in (("elders", True), ("complaints", False), ("sales", False)):
        type_, body = flagged(queue, "queue")
        assert gateway.ask(method, body, type_).status == 200
        assert (audio(capture, gateway, 0x36) > 0) is heard
    changes = [message.policy for message in capture.messages if isinstance(message, PolicyChanged)]
    assert [(change.analysis, change.emotion, change.reason) for change in changes] == [
        (True, False, "site"), (False, False, "site"),
    ]  # fmt: skip
    assert len({message.call for message in capture.messages if isinstance(message, CallStarted)}) == 1


def test_words_that_nobody_configured_stop_the_analysis_until_known_ones_come(
    capture: CaptureProcess, gateway: Gateway
) -> None:
    type_, body = flagged("perhaps")
    assert gateway.ask("INVITE", body, type_).status == 200
    assert audio(capture, gateway, 0x35) == 0
    type_, body = flagged("granted")
    assert gateway.ask("INVITE", body, type_).status == 200
    assert audio(capture, gateway, 0x35) > 0


def test_metadata_that_cannot_be_read_stops_the_analysis_where_flags_stand_in_it(
    capture: CaptureProcess, gateway: Gateway
) -> None:
    assert gateway.ask("INVITE", BODY, TYPE).status == 200
    assert audio(capture, gateway, 0x35) > 0
    gateway.ask("UPDATE", b"<recording", "application/rs-metadata+xml")
    assert audio(capture, gateway, 0x35) == 0
    changes = [message for message in capture.messages if isinstance(message, PolicyChanged)]
    assert [change.policy.reason for change in changes] == ["unknown"]


def test_a_queue_waits_for_its_announcement_and_others_do_not(
    capture: CaptureProcess, gateway: Gateway
) -> None:
    assert gateway.ask("INVITE", BODY, TYPE, ["X-Queue: Sales"]).status == 200
    assert audio(capture, gateway, 0x35) == 0
    gateway.ask("UPDATE", fields=["X-Ridge-Announcement: pending"])
    assert audio(capture, gateway, 0x35) == 0
    gateway.ask("UPDATE", fields=["X-Ridge-Announcement: played"])
    assert audio(capture, gateway, 0x35) > 0


def test_the_journal_counts_and_names_no_number(tmp_path: Path) -> None:
    with CaptureProcess(tmp_path, rest=SETTINGS) as capture:
        gateway = Gateway(capture.udp_port)
        assert gateway.ask("INVITE", BODY, TYPE, ["X-Ridge-Consent: 13900001111"]).status == 200
        gateway.ask("UPDATE", fields=["X-Ridge-Consent: refused"])
        gateway.ask("BYE")
        gateway.close()
        stopped = capture.stop()
        started = capture.wait_for_event("call_started")
        assert (started["policy"], started["analysis"], started["reason"]) == ("default", False, "unknown")
        assert capture.events("policy_changed")[0]["reason"] == "customer"
        assert (stopped["calls_not_analysed"], stopped["customers_objected"], stopped["unknown_flags"]) == (
            1,
            1,
            1,
        )
        assert not any("13900001111" in str(line) for line in capture.journal)
