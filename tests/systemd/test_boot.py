"""The short form of `tools/boot`: the units under a running systemd, a call through them, and what it leaves.

Runs where there is a Debian to install on, which `tools/setup test` makes for root, and where containers can
boot.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from appliance.box.evidence import read_results
from tools.booted_box import image
from tools.booted_box.__main__ import NO_BOX

ROOT = Path(__file__).parents[2]


def missing() -> str | None:
    """Why no box can be booted here."""
    if os.geteuid() != 0:
        return "only root can boot a box in a container"
    if shutil.which("systemd-nspawn") is None:
        return "systemd-nspawn is not installed (Debian package systemd-container)"
    if not image.place().is_dir():
        return "no Debian to install on was made yet; run tools/boot or tools/test once"
    return None


_missing = missing()


@pytest.mark.end_to_end
@pytest.mark.timeout(900)
@pytest.mark.skipif(_missing is not None, reason=str(_missing))
def test_the_units_start_under_systemd_and_a_call_leaves_nothing_behind(tmp_path: Path) -> None:
    evidence = tmp_path / "boot.json"
    done = subprocess.run(
        [sys.executable, "-m", "tools.booted_box", "--short", "--evidence", str(evidence)],
        cwd=ROOT, capture_output=True, text=True, check=False,
    )  # fmt: skip
    if done.returncode == NO_BOX:
        pytest.skip(done.stderr.strip().splitlines()[-1])
    assert done.returncode == 0, done.stderr
    attempts = read_results(evidence).attempts
    assert {attempt.outcome for attempt in attempts} <= {"stopped", "within_budget"}
    assert {"outsider_gets_nothing", "no_file_has_grown", "no_word_in_files", "no_word_on_disk"} <= {
        one.id for one in attempts
    }
