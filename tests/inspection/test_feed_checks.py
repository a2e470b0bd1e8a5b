"""What leaves the box: the ledger is verified, and a stranger knocks at a real feed."""

from __future__ import annotations

import time
from pathlib import Path

import pytest
import zmq
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from appliance.box.config import Box, Config, Feed
from appliance.feed.keys import BOX_PUBLIC_FILE
from appliance.feed.ledger import PUBLIC_FILE, Ledger, file_name
from appliance.feed.ledger_records import kind_of
from appliance.inspection.checks import clock, ledger, stranger
from appliance.inspection.finding import Finding
from appliance.inspection.ground import Ground
from appliance.protocol.codec import encode
from tests.feed.running import running_feed
from tests.inspection.machine import Machine
from tests.protocol.samples import cue

KEY = Ed25519PrivateKey.from_private_bytes(bytes(range(32)))
NOW_MS = 1_760_000_000_000
STARTS = 3


def ground(tmp_path: Path, *, whole: bool = False, now: float = NOW_MS / 1000, **feed: object) -> Ground:
    config = Config(box=Box(state_directory=tmp_path / "state"), feed=Feed.model_validate(feed))
    return Machine(tmp_path / "machine").ground(config, now=lambda: now, whole_ledger=whole)


@pytest.fixture
def written(tmp_path: Path) -> Path:
    """A ledger of three files with four entries each, and its public key."""
    state = tmp_path / "state/feed"
    message = encode(cue())
    for start in range(STARTS):
        writer = Ledger(state / "ledger", KEY, 16)
        writer.open(NOW_MS + start * 10_000)
        for number in range(4):
            at = NOW_MS + start * 10_000 + number * 1000
            writer.enter(kind_of(message), "seat/8001/", message, 1, at)
            writer.flush(at)
        writer.close(NOW_MS + start * 10_000 + 5000)
    (state / PUBLIC_FILE).write_text(KEY.public_key().public_bytes_raw().hex() + "\n", encoding="ascii")
    return state / "ledger"


def found(ground: Ground) -> Finding:
    (finding,) = ledger.check(ground)
    return finding


def damage(path: Path) -> None:
    path.write_bytes(path.read_bytes().replace(b"seat/8001/", b"seat/8002/", 1))


def test_a_ledger_as_it_was_written_is_in_order(tmp_path: Path, written: Path) -> None:
    finding = found(ground(tmp_path))
    assert finding.outcome == "ok"
    assert finding.facts["files"] == f"{STARTS} / {STARTS}"
    assert finding.facts["messages"] == STARTS * 4
    assert finding.facts["first"] == "2025-10-09T08:53:20Z"
    assert len(str(finding.facts["head_hash"])) == 64
    assert written.is_dir()


def test_a_ledger_that_was_changed_fails_and_says_where(tmp_path: Path, written: Path) -> None:
    damage(written / file_name(2))
    finding = found(ground(tmp_path))
    assert (finding.outcome, finding.reason) == ("failed", "ledger_changed")
    assert file_name(2) in finding.values["problem"]


def test_of_a_long_ledger_the_last_files_are_verified_and_the_report_says_so(
    tmp_path: Path, written: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(ledger, "MOST_BYTES", (written / file_name(3)).stat().st_size + 1)
    damage(written / file_name(1))
    finding = found(ground(tmp_path))
    assert (finding.outcome, finding.facts["files"]) == ("ok", f"1 / {STARTS}")
    assert found(ground(tmp_path, whole=True)).outcome == "failed"
    damage(written / file_name(3))
    assert found(ground(tmp_path)).outcome == "failed"


def test_a_ledger_that_is_off_or_not_there_is_never_in_order(tmp_path: Path) -> None:
    assert found(ground(tmp_path)).outcome == "not_checked"
    assert found(ground(tmp_path, ledger=False)).outcome == "warning"


def test_a_clock_behind_the_last_signature_fails(tmp_path: Path, written: Path) -> None:
    assert written.is_dir()
    last = NOW_MS / 1000 + 25
    steady = next(
        one for one in clock.check(ground(tmp_path, now=last - 3600)) if one.check == "clock.steady"
    )
    assert (steady.outcome, steady.reason) == ("failed", "clock_behind")
    steady = next(one for one in clock.check(ground(tmp_path, now=last)) if one.check == "clock.steady")
    assert steady.outcome == "ok"


def test_a_real_feed_refuses_a_stranger_at_both_ports(tmp_path: Path) -> None:
    with running_feed(tmp_path) as feed:
        ports = {
            "publish_port": feed.service.publish_port,
            "control_port": feed.service.control_port,
        }
        findings = list(stranger.check(ground(tmp_path, **ports)))
        assert [finding.outcome for finding in findings] == ["ok", "ok"]
        assert feed.service._authenticator.denied >= 2


def test_a_door_that_lets_a_stranger_in_fails(tmp_path: Path) -> None:
    public, secret = zmq.curve_keypair()
    context: zmq.Context[zmq.Socket[bytes]] = zmq.Context()
    server = context.socket(zmq.ROUTER)
    server.linger = 0
    server.curve_server = True
    server.curve_secretkey = secret
    port = server.bind_to_random_port("tcp://127.0.0.1")
    state = tmp_path / "state/feed"
    state.mkdir(parents=True)
    (state / BOX_PUBLIC_FILE).write_bytes(public)
    try:
        finding = next(stranger.check(ground(tmp_path, publish_port=port)))
        assert (finding.outcome, finding.reason) == ("failed", "feed_open")
    finally:
        server.close()
        context.term()


def test_where_nobody_answers_nothing_is_claimed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(stranger, "ANSWER_SECONDS", 0.3)
    state = tmp_path / "state/feed"
    state.mkdir(parents=True)
    (state / BOX_PUBLIC_FILE).write_bytes(zmq.curve_keypair()[0])
    began = time.monotonic()
    findings = list(stranger.check(ground(tmp_path, publish_port=9, control_port=0)))
    assert [finding.reason for finding in findings] == ["feed_silent", "feed_port"]
    assert {finding.outcome for finding in findings} == {"not_checked"}
    assert time.monotonic() - began < 5
