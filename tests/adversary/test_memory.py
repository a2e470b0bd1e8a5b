"""What of a call is left in the memory of the processes when it has ended, searched as root from outside."""

from __future__ import annotations

import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.adversary.attempts import ROOT, Attempts
from tests.systemd.sandbox import box_in
from tests.systemd.test_sandbox import SITE, Running, missing, started
from tools.booted_box.residue import Residue, Searcher, memory_of
from tools.booted_box.traces import found_in, needles, runs
from tools.callsim import recording
from tools.demo_call import script as scripts

_missing = missing()
pytestmark = pytest.mark.skipif(_missing is not None, reason=str(_missing))
SCRIPT = "second_script"
SECONDS = 12
#: Audio that may be left: what no later message, packet or block has been written over yet.
LEFT_SECONDS = 0.3
#: Waiting for what is cleaned up after a call.
SETTLING_SECONDS = 3.0
ZH = {"capture": "采集", "engine": "引擎", "feed": "推送"}


@pytest.fixture
def running(tmp_path: Path) -> Iterator[dict[str, Running]]:
    box = box_in(tmp_path)
    site = f"{SITE}[roles]\ndirection = 'outbound'\n"
    (box / "var/lib/ridge/ridge.toml").write_text(site, encoding="utf-8")
    with started(box, ("feed", "engine", "capture")) as processes:
        yield processes


def remembered(pid: int, searcher: Searcher, wanted: dict[bytes, str]) -> tuple[Residue, set[str]]:
    """What of the call's audio and words is in a process's memory."""
    residue, words = Residue(searcher.frames, 0, 0, 0), set[str]()
    with tempfile.NamedTemporaryFile() as dump:
        for part in memory_of(pid):
            residue = residue.with_more(searcher.search(part))
            Path(dump.name).write_bytes(part.tobytes())
            words |= found_in(Path(dump.name), wanted)
    return residue, words


@pytest.mark.end_to_end
def test_when_a_call_has_ended_its_audio_and_words_are_gone(
    running: dict[str, Running], attempts: Attempts
) -> None:
    script = scripts.load(SCRIPT)
    audio = scripts.HERE / script.audio
    searcher = Searcher(recording.load(audio, seconds=SECONDS))
    wanted = needles(runs(turn.text for turn in script.turns))
    # A lexicon holds words, too; only what came with the call counts.
    before = {name: remembered(one.process.pid, searcher, wanted)[1] for name, one in running.items()}
    played = subprocess.run(
        [sys.executable, "-m", "tools.callsim", str(audio), "--seconds", str(SECONDS),
         "--target", f"127.0.0.1:{running['capture'].ready['udp_port']}", "--direction", "outbound"],
        cwd=ROOT, capture_output=True, text=True, check=False, timeout=120,
    )  # fmt: skip
    assert played.returncode == 0, played.stderr
    running["capture"].event("call_ended")
    time.sleep(SETTLING_SECONDS)
    assert searcher.frames > 100
    for name, one in running.items():
        residue, words = remembered(one.process.pid, searcher, wanted)
        attempts.measured(
            f"debugger.audio_in_{name}", "debugger", f"通话结束后在{ZH[name]}进程的内存里查找语音",
            f"Search the memory of {name} for the audio of a call that has ended",
            came=residue.seconds, budget=LEFT_SECONDS, unit="s",
        )  # fmt: skip
        new = sorted(words - before[name])
        attempts.stopped(
            f"debugger.words_in_{name}", "debugger", f"通话结束后在{ZH[name]}进程的内存里查找字句",
            f"Search the memory of {name} for words of a call that has ended",
            came=f"{len(new)} runs of four characters" if new else None,
        )  # fmt: skip
