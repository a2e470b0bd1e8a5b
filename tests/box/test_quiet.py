"""While a process is guarded, nothing but the journal says anything, and the journal says no text."""

from __future__ import annotations

import json
import subprocess
import sys
from typing import Any

import pytest

SECRETS = ("13900001111", "我手上有二十万", "Wang Xiaoming")

_PROGRAM = """
import asyncio, ctypes, logging, os, sys, threading, warnings
from appliance.box.journal import Journal
from appliance.box.quiet import guarded
SECRET = "13900001111 我手上有二十万 Wang Xiaoming"
journal = Journal("engine", 0)
class Expected(Exception): pass
class Loop:
    def __del__(self): raise ValueError(SECRET)
def thread(): raise KeyError(SECRET)
async def task(): raise RuntimeError(SECRET)
async def forgotten():
    one = asyncio.ensure_future(task())
    await asyncio.sleep(0.01)
    del one
with guarded(journal, expected=(Expected,), hold_back=%(hold_back)s):
    %(body)s
"""


def run(body: str, *, hold_back: bool = True) -> tuple[int, list[dict[str, Any]], str]:
    program = _PROGRAM % {"body": body, "hold_back": hold_back}
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, check=False, timeout=60)
    text = (done.stdout + done.stderr).decode("utf-8", "replace")
    for secret in SECRETS:
        assert secret not in text
        assert secret.encode("unicode_escape").decode() not in text
    events = [json.loads(line) for line in done.stderr.decode().splitlines() if line.startswith("{")]
    return done.returncode, events, done.stderr.decode()


@pytest.mark.parametrize("hold_back", [False, True])
@pytest.mark.parametrize(
    ("body", "event", "error"),
    [
        ("raise ValueError(SECRET)", "process_failed", "ValueError"),
        ("one = threading.Thread(target=thread); one.start(); one.join()", "process_failed", "KeyError"),
        ("Loop()", "process_failed", "ValueError"),
        ("asyncio.run(forgotten())", "library_logged", "RuntimeError"),
        ("logging.getLogger('uvicorn.error').error(SECRET)", "library_logged", None),
        ("logging.getLogger(SECRET).warning('%%s', SECRET)", "library_logged", None),
        ("warnings.warn(SECRET)", "library_logged", None),
    ],
    ids=["error", "thread", "destructor", "task", "logger", "logger with a name", "warning"],
)
def test_errors_and_library_lines_are_told_by_type_and_place(
    body: str, event: str, error: str | None, hold_back: bool
) -> None:
    status, events, text = run(body, hold_back=hold_back)
    found = [one for one in events if one["event"] == event]
    assert [one["error"] for one in found] == [error]
    assert status == (70 if body.startswith("raise") else 0)
    assert "Traceback" not in text


@pytest.mark.parametrize(
    "body",
    [
        "print(SECRET, file=sys.stderr)",
        "os.write(2, SECRET.encode())",
        "ctypes.CDLL(None).perror(SECRET.encode())",
        "os.system('echo 13900001111 >&2')",
    ],
    ids=["print", "descriptor", "C library", "child"],
)
def test_what_else_is_written_to_standard_error_is_held_back_and_counted(body: str) -> None:
    status, events, _ = run(body)
    assert status == 0
    (held,) = (one for one in events if one["event"] == "output_held_back")
    assert held["bytes"] > 10


def test_a_flood_from_a_library_that_holds_pythons_lock_hangs_nothing() -> None:
    body = "[ctypes.PyDLL(None).write(2, SECRET.encode() * 20_000, 600_000) for _ in range(20)]"
    status, events, _ = run(body)
    assert status == 0
    assert any(one["event"] == "output_held_back" for one in events)


def test_an_expected_error_passes_and_the_descriptor_is_as_it_was() -> None:
    status, _, text = run("raise Expected('choose another directory')")
    assert status == 1
    assert "choose another directory" in text


def test_the_journal_itself_is_written_while_output_is_held_back() -> None:
    body = (
        "from appliance.engine.engine_events import EngineReady; journal.write(EngineReady(shard=0, pid=7))"
    )
    _, events, _ = run(body)
    assert [(one["event"], one["pid"]) for one in events] == [("engine_ready", 7)]
