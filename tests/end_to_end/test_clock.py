"""The wall clock of a whole appliance is set back and forth while a call is on."""

from __future__ import annotations

import json
import os
import ssl
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import httpx
import pytest

from appliance.box.config import load
from appliance.box.status.board import read_board
from appliance.box.status.reports import Clock
from appliance.console.certificate import load_certificate
from tests.console.appliance import admin_of, appliance_with_console, calling
from tools.running import RunningAppliance

pytestmark = [pytest.mark.end_to_end, pytest.mark.timeout(300)]

DAY = 86_400
#: Read by every Python process before its program: the wall clock is off by the seconds in a file.
TURNED = """
import pathlib, time
file, wall, wall_ns = pathlib.Path({file!r}), time.time, time.time_ns
time.time = lambda: wall() + int(file.read_text())
time.time_ns = lambda: wall_ns() + int(file.read_text()) * 10**9
"""


@pytest.fixture
def clock(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[[int], None]:
    """Sets the wall clock of all processes that are started from here on, in seconds against the true one."""
    file = tmp_path / "ahead"

    def turn(seconds: int) -> None:
        new = file.with_suffix(".new")
        new.write_text(str(seconds))
        new.replace(file)

    turn(0)
    (tmp_path / "sitecustomize.py").write_text(TURNED.format(file=str(file)))
    path = os.pathsep.join(filter(None, (str(tmp_path), os.environ.get("PYTHONPATH"))))
    monkeypatch.setenv("PYTHONPATH", path)
    return turn


def told(appliance: RunningAppliance, state: str) -> Clock:
    """The clock as the feed tells the console, once it is of this state."""
    directory = load(appliance.config).box.runtime_directory
    end = time.monotonic() + 30
    while time.monotonic() < end:
        board = read_board(directory)
        feed = board.part("feed") if board is not None else None
        if feed is not None and feed.report.clock is not None and feed.report.clock.state == state:
            return feed.report.clock
        time.sleep(0.2)
    raise AssertionError(f"the feed did not tell of a clock that is {state}")


def doctor(appliance: RunningAppliance) -> dict[str, dict[str, object]]:
    done = subprocess.run(
        [sys.executable, "-m", "appliance", "doctor", "--json", "--config", str(appliance.config)],
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    found = [one for one in json.loads(done.stdout)["findings"] if one["check"] == "clock.steady"]
    return {one["subject"]: one for one in found}


def test_a_call_goes_on_over_a_clock_that_is_set_back_and_the_box_says_so_until_it_is_right(
    clock: Callable[[int], None],
) -> None:
    with appliance_with_console() as appliance, admin_of(appliance) as admin:
        listener = appliance.listener("8001", "--json", "--once-call", stdout=subprocess.PIPE)
        caller = calling(appliance)
        appliance.wait_for("utterance_told")
        clock(-3 * DAY)
        jumped = told(appliance, "behind")
        assert abs(jumped.was - jumped.now - 3 * DAY * 1000) < 5_000
        assert admin.get("/").headers.get("location") == "/login?ended", "nobody stays logged in"
        assert caller.wait(120) == 0
        messages = [json.loads(line) for line in listener.communicate(timeout=60)[0].splitlines()]
        assert [one for one in messages if one["type"] == "profile"][-1]["final"]
        assert not [event for event in appliance.events if event["event"] == "process_died"]

        with admin_of(appliance) as again:
            page = again.get("/").text
            assert "ridge clock confirm" in page
        assert doctor(appliance)["feed"]["reason"] == "clock_behind"
        refused = subprocess.run(
            [sys.executable, "-m", "appliance", "seats", "enrol", "8003", "--codes",
             str(appliance.directory / "codes.csv"), "--config", str(appliance.config)],
            capture_output=True, text=True, check=False,
        )  # fmt: skip
        assert refused.returncode == 1
        assert "s behind the latest time" in refused.stderr

        clock(0)
        told(appliance, "ok")
        assert doctor(appliance)["feed"]["outcome"] == "ok"
        clock(5 * DAY)
        # A machine that was started in the last hour takes this for the first setting of its clock.
        told(appliance, "jumped" if time.clock_gettime(time.CLOCK_BOOTTIME) > 3600 else "first")
        appliance.ridge("clock", "confirm", "--config", str(appliance.config))
        told(appliance, "ok")
        kinds = [
            e["kind"] for e in appliance.events if (e["event"], e["process"]) == ("clock_jumped", "feed")
        ]
        assert [kind for kind in kinds if kind not in {"forward", "first"}] == ["back", "right", "confirmed"]
        assert "nothing was changed" in appliance.ridge(
            "privacy", "verify-ledger", "--config", str(appliance.config)
        )


def test_a_certificate_that_a_clock_without_a_battery_made_is_made_anew(clock: Callable[[int], None]) -> None:
    clock(-1000 * DAY)
    with appliance_with_console() as appliance:
        early = appliance.wait_for("console_ready")["fingerprint"]
        clock(0)
        renewed = appliance.wait_for("certificate_renewed")
        found = load_certificate(load(appliance.config))
        assert renewed["fingerprint"] != early
        assert found.fingerprint.replace(":", "").startswith(renewed["fingerprint"])
        trust = ssl.create_default_context(cafile=str(found.certificate))
        address = f"https://127.0.0.1:{appliance.ready['console_port']}/login"
        assert httpx.get(address, verify=trust, timeout=30).status_code == 200
