"""The demo as a new user runs it: a call over real SIP and RTP, and what the seat is told."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import jsonschema
import pytest

from tools.running import REPOSITORY

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib

pytestmark = [pytest.mark.end_to_end, pytest.mark.timeout(400)]

SCRIPT = REPOSITORY / "tools/demo_call/script.toml"
SCHEMA = REPOSITORY / "appliance/protocol/schema.json"


@pytest.fixture(scope="module")
def demo(tmp_path_factory: pytest.TempPathFactory) -> tuple[subprocess.CompletedProcess[str], Path]:
    journal = tmp_path_factory.mktemp("demo") / "journal.jsonl"
    done = subprocess.run(
        [sys.executable, "-m", "tools.demo_call.play", "--json", "--journal", str(journal)],
        cwd=REPOSITORY,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr + journal.read_text()[-4000:]
    return done, journal


@pytest.fixture(scope="module")
def messages(demo: tuple[subprocess.CompletedProcess[str], Path]) -> list[dict[str, Any]]:
    return [json.loads(line) for line in demo[0].stdout.splitlines()]


@pytest.fixture(scope="module")
def profiles(messages: list[dict[str, Any]]) -> list[dict[str, Any]]:
    return [message for message in messages if message["type"] == "profile"]


def test_every_line_validates_against_the_schema(messages: list[dict[str, Any]]) -> None:
    validator = jsonschema.Draft202012Validator(json.loads(SCHEMA.read_text()))
    assert len(messages) > 10
    for message in messages:
        validator.validate(message)


def test_the_call_starts_ends_and_has_one_final_profile(
    messages: list[dict[str, Any]], profiles: list[dict[str, Any]]
) -> None:
    events = [message["event"] for message in messages if message["type"] == "call"]
    assert events[0] == "started"
    assert events[-1] == "ended"
    assert [profile["final"] for profile in profiles].count(True) == 1
    assert profiles[-1]["final"]


def test_the_seat_misses_no_message(messages: list[dict[str, Any]]) -> None:
    sequence = [message["seq"] for message in messages if message["type"] != "beat"]
    assert sequence == list(range(sequence[0], sequence[0] + len(sequence)))


def test_the_last_profile_holds_objections_of_the_script(profiles: list[dict[str, Any]]) -> None:
    script = tomllib.loads(SCRIPT.read_text(encoding="utf-8"))
    written = {kind for turn in script["turn"] for kind in turn.get("objections", [])}
    heard = {objection["type"] for objection in profiles[-1]["influence"]["objections"]}
    assert len(written & heard) >= 2, (written, heard)


def test_the_stage_of_the_relationship_moves(profiles: list[dict[str, Any]]) -> None:
    stages = [profile["relationship"]["stage"] for profile in profiles]
    assert len(set(stages)) >= 2
    assert profiles[-1]["relationship"]["score"] > profiles[0]["relationship"]["score"]


def test_needs_and_advice_rest_on_evidence(profiles: list[dict[str, Any]]) -> None:
    last = profiles[-1]
    evidence = {item["id"] for item in last["evidence"]}
    assert len(last["demand"]["needs"]) >= 2
    assert last["advice"]
    for advice in last["advice"]:
        assert advice["evidence"]
        assert set(advice["evidence"]) <= evidence


def test_a_hard_sell_raises_a_cue(messages: list[dict[str, Any]]) -> None:
    cues = {message["code"] for message in messages if message["type"] == "cue"}
    assert "pacing.hard_sell" in cues
    assert any(code.startswith("objection.") for code in cues)


def test_a_second_seat_with_another_key_receives_nothing(
    demo: tuple[subprocess.CompletedProcess[str], Path],
) -> None:
    assert "seat 8002, with keys of its own, received 0 messages of the call" in demo[0].stderr


def test_no_rtp_is_lost_and_no_call_fails(demo: tuple[subprocess.CompletedProcess[str], Path]) -> None:
    events = [json.loads(line) for line in demo[1].read_text().splitlines()]
    ended = [event for event in events if event["event"] == "call_ended"]
    assert len(ended) == 1
    assert ended[0]["customer_received"] > 3000
    assert ended[0]["agent_received"] > 3000
    assert not ended[0]["dropped"]
    assert "customer_lost" not in ended[0]
    assert "agent_lost" not in ended[0]
    assert not [event for event in events if event["event"] in {"call_failed", "process_died"}]


def test_the_journal_holds_no_word_and_no_number(
    demo: tuple[subprocess.CompletedProcess[str], Path],
) -> None:
    for line in demo[1].read_text().splitlines():
        assert "13900000000" not in line
        plain = json.dumps(json.loads(line), ensure_ascii=False)
        assert not any("\u4e00" <= character <= "\u9fff" for character in plain)
