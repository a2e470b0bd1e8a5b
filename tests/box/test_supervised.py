from __future__ import annotations

import os
import select
import subprocess
import sys

#: Starts a supervised process that would sleep for a minute, tells its id, and is killed.
SUPERVISOR = """
import os, signal, subprocess, sys
child = subprocess.Popen([sys.executable, "-c", '''
import sys, time
from appliance.box.supervised import follow
assert follow(int(sys.argv[1]))
print("follows", flush=True)
time.sleep(60)
''', str(os.getpid())], stdout=subprocess.PIPE, text=True)
child.stdout.readline()
print(child.pid, flush=True)
os.kill(os.getpid(), signal.SIGKILL)
"""


def test_a_supervised_process_ends_with_its_supervisor() -> None:
    done = subprocess.run(
        [sys.executable, "-c", SUPERVISOR], stdout=subprocess.PIPE, text=True, check=False, timeout=50
    )
    child = int(done.stdout)
    try:
        # The supervisor was no child of ours, so this cannot be waited for: it is gone, or about to be.
        descriptor = os.pidfd_open(child)
    except ProcessLookupError:
        return
    try:
        assert _ends(descriptor)
    finally:
        os.close(descriptor)


def _ends(descriptor: int) -> bool:
    poll = select.poll()
    poll.register(descriptor, select.POLLIN)
    return bool(poll.poll(20_000))


def test_it_does_not_start_for_a_supervisor_that_is_gone_already() -> None:
    not_its_parent = str(os.getppid())
    done = subprocess.run(
        [sys.executable, "-m", "appliance.box.supervised", not_its_parent, "check", "--sample"],
        capture_output=True, check=False, timeout=50,
    )  # fmt: skip
    assert (done.returncode, done.stdout) == (1, b"")


def test_it_runs_the_command_of_its_supervisor() -> None:
    done = subprocess.run(
        [sys.executable, "-m", "appliance.box.supervised", str(os.getpid()), "check", "--sample"],
        capture_output=True, check=False, timeout=50,
    )  # fmt: skip
    assert done.returncode == 0
    assert b"[siprec]" in done.stdout
