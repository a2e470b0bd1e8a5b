"""`ridge replay --queue`: a recording is heard by the policy of the queue that it belongs to."""

from __future__ import annotations

import json
import wave
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from appliance.cli import main

SITE = """
[policy]
quotes = true
[[policy.queue]]
name = "complaints"
domains = ["c.bank.example"]
analysis = false
[[policy.queue]]
name = "elders"
domains = ["e.bank.example"]
emotion = false
quotes = false
[[policy.queue]]
name = "legal"
domains = ["l.bank.example"]
require_announcement = true
"""


@pytest.fixture
def replay(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> Callable[..., Any]:
    """Two seconds in which nobody speaks, replayed at a site with queues: messages, or the error."""
    call, config = tmp_path / "call.wav", tmp_path / "site.toml"
    with wave.open(str(call), "wb") as file:
        file.setnchannels(2)
        file.setsampwidth(2)
        file.setframerate(8000)
        file.writeframes(bytes(2 * 2 * 16_000))
    config.write_text(SITE, encoding="utf-8")

    def run(*arguments: str, command: str = "replay") -> Any:
        status = main([command, str(call), "--json", "--config", str(config), *arguments])
        printed = capsys.readouterr()
        if status:
            return printed.err
        return [json.loads(line) for line in printed.out.splitlines()]

    return run


def policies(messages: list[dict[str, Any]]) -> list[tuple[str, bool, str | None]]:
    """Of each message that tells one: analysis, whether quotes are off, and the reason."""
    told = [message["policy"] for message in messages if "policy" in message]
    return sorted({(one["analysis"], "quotes" in one["off"], one.get("reason")) for one in told})


def test_the_policy_of_the_queue_holds(replay: Callable[..., Any]) -> None:
    assert policies(replay()) == [("full", False, "site")], "memory is off at this site"
    assert policies(replay("--queue", "elders")) == [("full", True, "site")]
    assert policies(replay("--queue", "default")) == policies(replay())
    silent = replay("--queue", "complaints")
    assert policies(silent) == [("off", True, "site")]
    assert [message["type"] for message in silent if message["type"] not in {"call", "profile"}] == []


def test_an_announcement_that_is_required_must_be_said_to_have_been_played(
    replay: Callable[..., Any],
) -> None:
    assert policies(replay("--queue", "legal")) == [("off", True, "announcement")]
    assert policies(replay("--queue", "legal", "--announced")) == [("full", False, "site")]


@pytest.mark.parametrize("command", ["replay", "explain"])
def test_what_is_no_queue_is_said_with_those_that_there_are(replay: Callable[..., Any], command: str) -> None:
    said = replay("--queue", "complaint", command=command)
    assert "no such queue; it has complaints, elders, legal, default" in said
    assert "--announced: only with --queue" in replay("--announced", command=command)


def test_a_capture_says_itself_what_calls_it_holds(replay: Callable[..., Any], tmp_path: Path) -> None:
    (tmp_path / "call.wav").write_bytes(b"\xd4\xc3\xb2\xa1" + bytes(20))
    assert "only for audio files; the SIP in" in replay("--queue", "elders")
