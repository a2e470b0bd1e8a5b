"""`ridge run` beside another one, without a journal, and killed: nothing is taken over, nothing is left."""

from __future__ import annotations

import json
import os
import select
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path

import pytest

from tools.running import REPOSITORY, RunningAppliance

pytestmark = [pytest.mark.end_to_end, pytest.mark.timeout(180)]

SECOND_CALL = REPOSITORY / "tools/demo_call/second_call.wav"


def arguments_of(process: int) -> list[bytes]:
    """The command line of a process."""
    return Path(f"/proc/{process}/cmdline").read_bytes().split(b"\0")


def processes_of(appliance: RunningAppliance) -> list[int]:
    """The ids of the supervisor's children."""
    listed = Path(f"/proc/{appliance.pid}/task/{appliance.pid}/children").read_text(encoding="ascii")
    return [int(number) for number in listed.split()]


def run(appliance: RunningAppliance, config: Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "appliance", "run", "--config", str(config)],
        cwd=REPOSITORY, capture_output=True, text=True, check=False, timeout=60,
    )  # fmt: skip


def test_a_second_appliance_on_the_same_directory_fails_clearly_and_takes_nothing() -> None:
    with RunningAppliance() as appliance:
        sockets = {path: path.stat().st_ino for path in (appliance.directory / "run").glob("*.sock")}
        assert len(sockets) == 3
        # The state may be another's: the sockets are what must not be taken.
        other = appliance.directory / "other.toml"
        settings = appliance.config.read_text(encoding="utf-8")
        other.write_text(settings.replace("/state'", "/other-state'"), encoding="utf-8")
        for config in (appliance.config, other):
            done = run(appliance, config)
            assert done.returncode == 1
            assert "stop that one first, or set box.runtime_directory" in done.stderr
            assert "Traceback" not in done.stderr
        assert {path: path.stat().st_ino for path in sockets} == sockets
        assert not [event for event in appliance.events if event["event"] == "process_died"]
        assert appliance.stop() == 0


def test_when_the_supervisor_is_killed_its_processes_end_and_another_can_start() -> None:
    with RunningAppliance() as appliance:
        children = processes_of(appliance)
        assert len(children) == 3
        descriptors = [os.pidfd_open(child) for child in children]
        os.kill(appliance.pid, signal.SIGKILL)
        for descriptor in descriptors:
            assert select.select([descriptor], [], [], 30)[0], "a process outlived its supervisor"
            os.close(descriptor)
        process = subprocess.Popen(
            [sys.executable, "-m", "appliance", "run", "--config", str(appliance.config)],
            cwd=REPOSITORY, stderr=subprocess.PIPE, text=True,
        )  # fmt: skip
        assert process.stderr is not None
        try:
            assert any('"appliance_ready"' in line for line in process.stderr)
        finally:
            process.terminate()
            process.communicate(timeout=40)
        assert process.returncode == 0


def test_a_journal_on_a_full_disk_ends_nothing() -> None:
    with RunningAppliance(siprec="enabled = false") as appliance:
        assert appliance.stop() == 0
        audio = appliance.directory / "run/audio-0.sock"
        audio.unlink(missing_ok=True)
        with open("/dev/full", "w", encoding="ascii") as full:  # noqa: PTH123
            process = subprocess.Popen(
                [sys.executable, "-m", "appliance", "run", "--config", str(appliance.config)],
                cwd=REPOSITORY, stderr=full,
            )  # fmt: skip
            try:
                # The engine binds it when it is ready, after some lines that could not be written.
                while not audio.exists():
                    assert process.poll() is None
                    time.sleep(0.1)
            finally:
                process.terminate()
            assert process.wait(40) == 0


def test_a_seat_goes_on_with_a_feed_that_was_started_anew_in_the_middle_of_a_call() -> None:
    appliance = RunningAppliance()
    settings = appliance.config.read_text(encoding="utf-8")
    for key in ("publish_port", "control_port"):
        # A feed that is started anew is found at the ports that the configuration names.
        with socket.create_server(("127.0.0.1", 0)) as free:
            settings = settings.replace(f"{key} = 0", f"{key} = {free.getsockname()[1]}")
    appliance.config.write_text(settings, encoding="utf-8")
    with appliance:
        listener = appliance.listener("8001", "--json", "--once-call", stdout=subprocess.PIPE)
        caller = subprocess.Popen(
            [
                sys.executable, "-m", "tools.callsim", str(SECOND_CALL), "--quiet", "--speed", "2",
                "--target", f"127.0.0.1:{appliance.ready['udp_port']}",
            ],
            cwd=REPOSITORY,
        )  # fmt: skip
        try:
            appliance.wait_for("utterance_told")
            [feed] = [child for child in processes_of(appliance) if b"feed" in arguments_of(child)]
            os.kill(feed, signal.SIGKILL)
            assert caller.wait(60) == 0
            lines = listener.communicate(timeout=60)[0].splitlines()
        finally:
            for process in (caller, listener):
                process.kill()
                process.wait()
        assert appliance.stop() == 0
    messages = [message for message in map(json.loads, lines) if message["type"] != "beat"]
    # the new feed numbers anew, and begins with the present state of every call
    events = [message["event"] for message in messages if message["type"] == "call"]
    assert events == ["started", "started", "ended"]
    assert len({message["call"] for message in messages}) == 1
    profiles = [message for message in messages if message["type"] == "profile"]
    assert profiles[-1]["final"]
    times = [profile["at"] for profile in profiles]
    assert times == sorted(times)
    stopped = [event for event in appliance.events if event["event"] == "feed_stopped"]
    assert [event["door_over_budget"] for event in stopped] == [0]
