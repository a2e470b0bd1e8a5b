"""After a call no disk holds a word of it, and nothing has been written but what must be."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest
import soundfile

from appliance.box.policies import DEFAULT
from appliance.telephony import g711
from tests.end_to_end.call_traces import PIECE, Finder, traces, words_of
from tests.end_to_end.disk_watch import DiskWatch, descendants, open_here
from tools.running import REPOSITORY, RunningAppliance

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib

pytestmark = [pytest.mark.end_to_end, pytest.mark.timeout(400)]

CALL = REPOSITORY / "tools/demo_call/demo_call.wav"
SCRIPT = REPOSITORY / "tools/demo_call/script.toml"
CUSTOMER, AGENT = "13874920516", "8001"
#: Everything that is off by default and could write more is on.
SETTINGS = """
[roles]
direction = "outbound"
[policy]
quotes = true
[memory]
enabled = true
"""
#: What a call may leave behind, below the appliance's own directory: the ledger, the day's counts, the latest
#: time that was seen, sealed records of the memory, and locks, which are empty.
ALLOWED = (
    "state/feed/ledger/", "state/feed/days.json", "state/feed/.days.json", "state/feed/clock.json",
    "state/memory/records/", "state/memory/clock.json",
)  # fmt: skip
LOCKS = (".lock",)


@dataclass
class Aftermath:
    """What is there when the demo call is over and the appliance has stopped."""

    home: Path
    directory: str
    watch: DiskWatch
    journal: list[dict[str, object]]
    #: path below `home` to what is in it
    left: dict[str, bytes]
    seat: str
    #: files of pytest's own that children inherit
    inherited: set[str]


@pytest.fixture(scope="module")
def finder() -> Finder:
    script = tomllib.loads(SCRIPT.read_text(encoding="utf-8"))
    return Finder(traces(words_of(script), (CUSTOMER,), CALL))


@pytest.fixture(scope="module")
def aftermath(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Aftermath]:
    home = tmp_path_factory.mktemp("home")
    with pytest.MonkeyPatch.context() as patch:
        for name in (
            "HOME",
            "TMPDIR",
            "XDG_STATE_HOME",
            "XDG_CACHE_HOME",
            "XDG_RUNTIME_DIR",
            "XDG_CONFIG_HOME",
        ):
            place = home / name.lower()
            place.mkdir()
            patch.setenv(name, str(place))
        # On a box the package is read-only, and nothing is compiled there.
        patch.setenv("PYTHONDONTWRITEBYTECODE", "1")
        patch.setattr(tempfile, "tempdir", str(home / "tmpdir"))
        appliance = RunningAppliance((AGENT,), settings=SETTINGS)
        with appliance, DiskWatch(lambda: descendants(appliance.pid)) as watch:
            seat = appliance.listener(AGENT, "--json", "--once-call", stdout=subprocess.PIPE)
            caller = subprocess.run(
                [
                    sys.executable, "-m", "tools.callsim", str(CALL), "--quiet", "--direction", "outbound",
                    "--target", f"127.0.0.1:{appliance.ready['udp_port']}",
                    "--agent", AGENT, "--customer", CUSTOMER,
                ],
                cwd=REPOSITORY, capture_output=True, text=True, check=False,
            )  # fmt: skip
            assert caller.returncode == 0, caller.stderr
            told, _ = seat.communicate(timeout=60)
            assert appliance.stop() == 0
            left = {
                path.relative_to(home).as_posix(): path.read_bytes()
                for path in home.rglob("*")
                if path.is_file() and not path.is_symlink()
            }
            directory, inherited = appliance.directory.as_posix(), open_here()
        yield Aftermath(home, directory, watch, appliance.events, left, told, inherited)


def foreign(aftermath: Aftermath, path: str) -> bool:
    """Whether a file that the appliance wrote is none that it may write."""
    if path in aftermath.inherited:
        return False
    name = path.removesuffix(" (deleted)")
    if not name.startswith(aftermath.directory + "/"):
        return True
    below = name.removeprefix(aftermath.directory + "/")
    return not (below.startswith(ALLOWED) or below.endswith(LOCKS))


def test_the_call_was_heard_and_shown_so_that_there_was_something_to_lose(aftermath: Aftermath) -> None:
    told = [json.loads(line) for line in aftermath.seat.splitlines()]
    profiles = [message for message in told if message["type"] == "profile"]
    assert any(item.get("quote") for profile in profiles for item in profile["evidence"])
    assert len(profiles[-1]["demand"]["needs"]) >= 2
    started = next(event for event in aftermath.journal if event["event"] == "call_started")
    assert (started["policy"], started["analysis"]) == (DEFAULT, True)


def test_nothing_but_ledger_counts_and_sealed_memory_was_written_anywhere(aftermath: Aftermath) -> None:
    watch = aftermath.watch
    assert not watch.overflowed
    assert [path for path in sorted(watch.written) if foreign(aftermath, path)] == []
    assert any("/state/feed/ledger/" in path for path in watch.written), "the watch saw what must be written"
    if os.geteuid() == 0:
        assert watch.kernel, "as root the kernel tells of every write"
    shared = {
        path
        for path in watch.mapped
        if not path.startswith(("/dev/zero", "/memfd:", "/SYSV", "/dev/shm/sem."))
    }
    assert shared == set()


def test_the_locks_are_empty(aftermath: Aftermath) -> None:
    locks = {path: data for path, data in aftermath.left.items() if path.endswith(LOCKS)}
    assert [path for path, data in locks.items() if data] == []


def test_no_file_that_was_written_holds_a_word_a_number_or_a_sound_of_the_call(
    aftermath: Aftermath, finder: Finder
) -> None:
    assert len(aftermath.watch.written) >= 2
    for path, data in aftermath.watch.written.items():
        assert finder.in_(data) == set(), path
        assert finder.in_(path.encode()) == set()


def test_no_file_that_is_left_holds_a_word_a_number_or_a_sound_of_the_call(
    aftermath: Aftermath, finder: Finder
) -> None:
    assert aftermath.left
    for path, data in aftermath.left.items():
        assert finder.in_(data) == set(), path
        assert finder.in_(path.encode()) == set()


def test_the_journal_of_no_process_holds_a_word_a_number_or_a_sound_of_the_call(
    aftermath: Aftermath, finder: Finder
) -> None:
    assert {event.get("process") for event in aftermath.journal} >= {
        "supervisor",
        "capture",
        "engine-0",
        "feed",
    }
    for event in aftermath.journal:
        assert event["event"] != "text", event
        assert finder.in_(json.dumps(event, ensure_ascii=False).encode()) == set(), event
        assert finder.in_(json.dumps(event).encode()) == set(), event


def test_the_finder_finds_what_it_should(finder: Finder) -> None:
    assert len(finder) > 5000
    for text, what in (
        ("他说手续费太高了".encode(), "the word 手续费"),
        ("他说手续费太高了".encode("utf-16-le"), "the word 手续费"),
        ("他说手续费太高了".encode("gbk"), "the word 手续费"),
        (json.dumps("手续").encode(), "the word 手续"),
        (b'{"said": "Wo Xiangxin ni, shou xu fei"}', "the word 手续费"),
        (f"tel:+86{CUSTOMER};x".encode(), f"the number {CUSTOMER}"),
        (b"138-7492-0516", f"the number {CUSTOMER}"),
        (bytes.fromhex("13874920516" + "0"), f"the number {CUSTOMER} in BCD"),
    ):
        assert what in finder.in_(b"head " + text + b" tail"), what


def test_the_finder_finds_audio_in_every_form(finder: Finder) -> None:
    samples, _ = soundfile.read(CALL, dtype="int16")
    loudest = int(np.abs(samples[:, 0].astype(np.int32)).argmax()) // 160 * 160
    coded = g711.alaw_encode(samples[loudest - 8000 : loudest + 8000, 0])
    pcm = g711.alaw_decode(coded)
    for data in (coded, pcm.astype("<i2").tobytes(), (pcm / np.float32(32768)).astype("<f4").tobytes()):
        assert finder.in_(b"x" + data) == {"audio"}
    assert len(coded) > PIECE * 2


def test_the_watch_sees_what_a_process_writes_and_removes(tmp_path: Path) -> None:
    program = (
        "import os, sys, time; time.sleep(0.5)\n"
        "for name in ('kept', 'gone'):\n"
        "    with open(os.path.join(sys.argv[1], name), 'w') as file:\n"
        "        file.write('shou xu fei'); file.flush(); time.sleep(0.5)\n"
        "os.unlink(os.path.join(sys.argv[1], 'gone')); time.sleep(0.3)\n"
    )
    process = subprocess.Popen(
        [sys.executable, "-c", program, str(tmp_path)], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    )
    with DiskWatch(lambda: {process.pid}) as watch:
        assert process.wait(30) == 0
        (tmp_path / "not_its_own").write_text("x")
        time.sleep(0.2)
    seen = {Path(path.removesuffix(" (deleted)")).name: data for path, data in watch.written.items()}
    assert set(seen) == {"kept", "gone"}
    if watch.kernel:
        assert set(seen.values()) == {b"shou xu fei"}
