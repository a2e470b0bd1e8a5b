"""The whole appliance under trouble: what dies is replaced, what is altered is refused, seats stay apart."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from appliance.models import ModelStore
from tools.running import REPOSITORY, RunningAppliance

pytestmark = [pytest.mark.end_to_end, pytest.mark.timeout(300)]

SECOND_CALL = REPOSITORY / "tools/demo_call/second_call.wav"


def call(appliance: RunningAppliance, *arguments: str) -> list[dict[str, Any]]:
    """Play the short call to the appliance; returns the simulator's results, one a call."""
    done = subprocess.run(
        [
            sys.executable, "-m", "tools.callsim", str(SECOND_CALL),
            "--target", f"127.0.0.1:{appliance.ready['udp_port']}", "--json", *arguments,
        ],
        cwd=REPOSITORY, capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stdout + done.stderr
    return [json.loads(line) for line in done.stdout.splitlines()]


def messages_of(listener: subprocess.Popen[str]) -> list[dict[str, Any]]:
    out, _ = listener.communicate(timeout=60)
    messages = [json.loads(line) for line in out.splitlines()]
    return [message for message in messages if message["type"] != "beat"]


def test_two_calls_at_once_reach_each_its_own_seat_and_an_engine_that_dies_is_replaced() -> None:
    with RunningAppliance(("8001", "8002"), engines=2) as appliance:
        listeners = [
            appliance.listener(seat, "--json", "--once-call", stdout=subprocess.PIPE)
            for seat in appliance.seats
        ]
        call(appliance, "--calls", "2", "--speed", "2")
        for seat, listener in zip(appliance.seats, listeners, strict=True):
            messages = messages_of(listener)
            assert {message["seat"] for message in messages} == {seat}
            assert len({message["call"] for message in messages}) == 1
            assert messages[-1]["event"] == "ended"
            assert [message for message in messages if message["type"] == "profile"][-1]["final"]

        for engine in [event for event in appliance.events if event["event"] == "engine_ready"]:
            os.kill(engine["pid"], signal.SIGKILL)
        already = len(appliance.events)
        for shard in range(2):
            appliance.wait_for(
                "engine_ready",
                lambda event, shard=shard: (
                    event["shard"] == shard and appliance.events.index(event) >= already
                ),
                60,
            )
        listener = appliance.listener("8001", "--json", "--once-call", stdout=subprocess.PIPE)
        call(appliance, "--speed", "2")
        assert messages_of(listener)[-1]["event"] == "ended"
        assert appliance.stop() == 0


def test_a_call_goes_on_in_the_engine_that_replaces_one_that_died() -> None:
    with RunningAppliance(("8001",)) as appliance:
        listener = appliance.listener("8001", "--json", "--once-call", stdout=subprocess.PIPE)
        caller = subprocess.Popen(
            [
                sys.executable, "-m", "tools.callsim", str(SECOND_CALL), "--quiet",
                "--target", f"127.0.0.1:{appliance.ready['udp_port']}",
            ],
            cwd=REPOSITORY,
        )  # fmt: skip
        appliance.wait_for("utterance_told")
        os.kill(appliance.wait_for("engine_ready")["pid"], signal.SIGKILL)
        assert caller.wait(60) == 0
        messages = messages_of(listener)
        assert len({message["call"] for message in messages}) == 1
        # the feed knows the call already: what the new engine tells of its start is told to nobody again
        assert [message["event"] for message in messages if message["type"] == "call"] == ["started", "ended"]
        assert [message for message in messages if message["type"] == "profile"][-1]["final"]


def test_an_altered_model_is_refused_by_name_before_anything_starts(tmp_path: Path) -> None:
    store = ModelStore()
    name = "asr-zh-pinyin-zipformer"
    model = store.open(name)
    copy = tmp_path / "models" / name
    copy.mkdir(parents=True)
    for file in model.entry.file:
        shutil.copyfile(model.path(file.name), copy / file.name)
    victim = copy / model.entry.file[0].name
    data = bytearray(victim.read_bytes())
    data[len(data) // 2] ^= 1
    victim.chmod(0o600)
    victim.write_bytes(data)
    config = tmp_path / "ridge.toml"
    config.write_text(
        f"[box]\nruntime_directory = '{tmp_path}/run'\nstate_directory = '{tmp_path}/state'\n"
        f"[models]\ndirectory = '{tmp_path}/models'\n[siprec]\nudp_port = 0\ntcp_port = 0\n"
        "[feed]\npublish_port = 0\ncontrol_port = 0\n"
    )
    done = subprocess.run(
        [sys.executable, "-m", "appliance", "run", "--config", str(config)],
        cwd=REPOSITORY, capture_output=True, text=True, check=False, timeout=120,
    )  # fmt: skip
    assert done.returncode == 1
    assert name in done.stderr
    assert victim.name in done.stderr
    assert "Traceback" not in done.stderr


def test_a_wrong_configuration_starts_nothing(tmp_path: Path) -> None:
    config = tmp_path / "ridge.toml"
    config.write_text("[siprec]\nudp_prot = 5060\n[feed]\npublish_port = 'x'\n")
    done = subprocess.run(
        [sys.executable, "-m", "appliance", "run", "--config", str(config)],
        cwd=REPOSITORY, capture_output=True, text=True, check=False, timeout=60,
    )  # fmt: skip
    assert done.returncode == 1
    assert f"{config}: siprec.udp_prot: no such key; did you mean udp_port?" in done.stderr
    assert "feed.publish_port" in done.stderr
