"""The console of a running appliance, over real TLS, while a real call is on."""

from __future__ import annotations

import os
import re
import signal
import ssl
import time
from pathlib import Path

import httpx
import pytest

from appliance.box.status.board import read_board
from tests.console.appliance import (
    CUSTOMER,
    address_of,
    admin_of,
    appliance_with_console,
    calling,
)
from tools.running import REPOSITORY, RunningAppliance

pytestmark = [pytest.mark.end_to_end, pytest.mark.timeout(300)]

PAGES = ("/", "/calls", "/seats", "/models", "/updates", "/privacy")
PATIENCE = 60.0
#: So many characters in a row are no accident.
PASSAGE = 5


def passages() -> set[str]:
    """Everything that is said in the call, in passages."""
    script = (REPOSITORY / "tools/demo_call/second_script.toml").read_text(encoding="utf-8")
    said = [phrase for text in re.findall(r'^text = "(.+)"$', script, re.MULTILINE)
            for phrase in re.findall(r"[\u4e00-\u9fff]+", text)]  # fmt: skip
    found = {
        phrase[at : at + PASSAGE]
        for phrase in said
        for at in range(max(1, len(phrase) - PASSAGE + 1))
        if len(phrase) >= PASSAGE
    }
    assert len(found) > 10
    return found


def eventually(look, what):
    end = time.monotonic() + PATIENCE
    while not (found := look()):
        assert time.monotonic() < end, f"waited {PATIENCE:g} s for: {what}"
        time.sleep(0.2)
    return found


def test_an_admin_sees_the_call_and_nothing_of_what_is_said_in_it() -> None:
    with appliance_with_console() as appliance, admin_of(appliance) as admin:
        admin.get("/look?language=zh")
        token = appliance.ridge("console", "token", "--config", str(appliance.config)).strip()
        call = calling(appliance)
        appliance.wait_for("utterance_told", seconds=PATIENCE)
        seen = eventually(
            lambda: re.search(r"<code>([\w-]{8})…</code>", admin.get("/calls").text), "the call on the page"
        )
        started = appliance.wait_for("call_started")
        assert started["call"].startswith(seen[1])
        pages = {path: admin.get(path).text for path in PAGES}
        metrics = admin.get("/metrics", headers={"authorization": f"Bearer {token}"}).text
        board = eventually(lambda: read_board(appliance.directory / "run"), "status.json")
        text = (appliance.directory / "run" / "status.json").read_text()
        assert "8001" in pages["/calls"]
        assert 'ridge_engine_calls{part="engine-0"} 1.0' in metrics
        assert [part.name for part in board.parts] == ["capture", "engine-0", "feed"]
        for place, shown in {**pages, "metrics": metrics, "status.json": text}.items():
            assert CUSTOMER not in shown, place
            assert CUSTOMER[3:] not in shown, place
            assert not {passage for passage in passages() if passage in shown}, place
        assert "8001" not in metrics
        assert call.wait(PATIENCE) == 0
        eventually(lambda: "现在没有通话" in admin.get("/calls").text, "the end of the call on the page")
        assert appliance.stop() == 0
    stopped = [event for event in appliance.events if event["event"] == "console_stopped"]
    assert stopped[0]["right"] == 1
    assert appliance.events[-1]["event"] == "appliance_stopped"


def test_a_process_that_dies_is_told_of_with_its_restart_and_a_dead_console_ends_no_call() -> None:
    with appliance_with_console() as appliance, admin_of(appliance) as admin:
        eventually(lambda: "engine-0" in admin.get("/").text, "the engine on the page")
        os.kill(appliance.wait_for("engine_ready")["pid"], signal.SIGKILL)
        eventually(lambda: 'data-code="restarted"' in admin.get("/").text, "the restart on the page")
        console = next(pid for pid in children(appliance) if b"console" in arguments_of(pid))
        os.kill(console, signal.SIGKILL)
        died = appliance.wait_for("process_died", lambda event: event["name"] == "console")
        assert died["status"] == -signal.SIGKILL
        appliance.wait_for(
            "console_ready", lambda event: appliance.events.index(event) > appliance.events.index(died)
        )
        with pytest.raises(httpx.HTTPError):
            admin.get("/")
        call = calling(appliance)
        assert call.wait(PATIENCE) == 0
        appliance.wait_for("call_ended")
        assert appliance.stop() == 0


def children(appliance: RunningAppliance) -> list[int]:
    path = Path(f"/proc/{appliance.pid}/task/{appliance.pid}/children")
    return [int(number) for number in path.read_text(encoding="ascii").split()]


def arguments_of(pid: int) -> bytes:
    return Path(f"/proc/{pid}/cmdline").read_bytes()


def test_a_client_that_does_not_know_the_certificate_does_not_connect() -> None:
    with appliance_with_console() as appliance:
        with pytest.raises(httpx.ConnectError) as refused:
            httpx.get(address_of(appliance), verify=ssl.create_default_context())
        assert "certificate verify failed" in str(refused.value)
        with pytest.raises(httpx.HTTPError):
            httpx.get(address_of(appliance).replace("https", "http"))
        ready = [event for event in appliance.events if event["event"] == "console_ready"]
        printed = appliance.ridge("console", "fingerprint", "--config", str(appliance.config))
        assert ready[0]["fingerprint"] in printed.replace(":", "")
