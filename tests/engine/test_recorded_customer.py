"""`ridge replay` and `ridge explain` with the customer's number: what record and memory know is handed in."""

from __future__ import annotations

import json
import time
import wave
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from appliance.box.config import Box, Config, Memory
from appliance.cli import main
from appliance.engine.memory import CallMemory
from appliance.memory.remembered import DAY_MS, Remembered
from appliance.memory.secret import MemorySecret, directory_of
from appliance.memory.store import MemoryStore

NUMBER = "13800138000"
TABLE = f"number\tfacts\n{NUMBER}\tdeposit:has child:has\n"
Run = Callable[..., list[dict[str, Any]]]


@pytest.fixture
def call(tmp_path: Path) -> Path:
    """Two seconds in which nobody speaks."""
    path = tmp_path / "call.wav"
    with wave.open(str(path), "wb") as file:
        file.setnchannels(2)
        file.setsampwidth(2)
        file.setframerate(8000)
        file.writeframes(bytes(2 * 2 * 16_000))
    return path


@pytest.fixture
def replay(call: Path, capsys: pytest.CaptureFixture[str]) -> Run:
    def run(*arguments: str) -> list[dict[str, Any]]:
        assert main(["replay", str(call), "--json", *arguments]) == 0
        return [json.loads(line) for line in capsys.readouterr().out.splitlines()]

    return run


def test_what_a_table_says_of_the_number_is_in_the_profile_and_marked(replay: Run, tmp_path: Path) -> None:
    table = tmp_path / "customers.tsv"
    table.write_text(TABLE, encoding="utf-8")
    *_, profile = [
        message for message in replay("--customer", NUMBER, "--record", str(table)) if "demand" in message
    ]
    assert {(need["tag"], need["stance"]) for need in profile["demand"]["needs"]} == {
        ("deposit", "has"), ("child", "has"),
    }  # fmt: skip
    assert {item["source"] for item in profile["evidence"]} == {"record"}
    assert main(["explain", str(tmp_path / "call.wav"), "--customer", NUMBER, "--record", str(table)]) == 0


def test_what_is_remembered_is_read_and_nothing_is_written(replay: Run, tmp_path: Path) -> None:
    config = tmp_path / "site.toml"
    state = tmp_path / "state"
    config.write_text(f'[box]\nstate_directory = "{state}"\n[memory]\nenabled = true\n', encoding="utf-8")
    nothing = replay("--customer", NUMBER, "--config", str(config))
    assert not state.exists(), "a replay makes no secret"
    assert [message for message in nothing if message.get("evidence")] == []
    directory = directory_of(state)
    secret = MemorySecret.load(directory, make=True)
    assert secret is not None
    identity = secret.identity(NUMBER)
    assert identity is not None
    store = MemoryStore(directory, secret, 30)
    store.save(identity, Remembered(1, int(time.time() * 1000) // DAY_MS, 1, 80, ()))
    before = {path: path.read_bytes() for path in directory.rglob("*") if path.is_file()}
    *_, profile = [m for m in replay("--customer", NUMBER, "--config", str(config)) if "demand" in m]
    assert [item["code"] for item in profile["evidence"]] == ["record.earlier_call"]
    assert {path: path.read_bytes() for path in directory.rglob("*") if path.is_file()} == before


def test_memory_that_is_only_read_keeps_nothing(tmp_path: Path) -> None:
    config = Config(box=Box(state_directory=tmp_path), memory=Memory(enabled=True))
    assert CallMemory.configured(config, None, keeps=False) is None
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (["--record", "TABLE"], "only with --customer"),
        (["--customer", "nobody", "--record", "TABLE"], "is no telephone number; write its digits"),
        (["--customer", NUMBER], "name a table with --record FILE"),
        (["--customer", NUMBER, "--record", "missing.tsv"], "cannot be read"),
        (
            ["--customer", NUMBER, "--record", "BAD"],
            "1 lines cannot be read; write the number, a tab and facts",
        ),
        (["--customer", NUMBER, "--record", "HEADLESS"], "the first line must be the header"),
    ],
)
def test_what_cannot_be_looked_up_is_told_with_a_next_step(
    call: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], arguments: list[str], told: str
) -> None:
    texts = {
        "TABLE": TABLE,
        "BAD": f"number\tfacts\n{NUMBER}\tyacht:has\n",
        "HEADLESS": f"{NUMBER}\tchild:has\n",
    }
    for name, text in texts.items():
        (tmp_path / name).write_text(text, encoding="utf-8")
    given = [str(tmp_path / word) if word in texts else word for word in arguments]
    assert main(["replay", str(call), *given]) == 1
    assert told in capsys.readouterr().err
