from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from appliance.box.runtime_directory import RuntimeDirectoryError, claimed, prepare

#: Claims a part and says so, then waits for the end of its standard input.
HOLDER = """
import sys
from pathlib import Path
from appliance.box.runtime_directory import claimed
with claimed(Path(sys.argv[1]), sys.argv[2]):
    print("held", flush=True)
    sys.stdin.read()
"""


@pytest.fixture
def stranger(monkeypatch: pytest.MonkeyPatch) -> None:
    """This process is an ordinary user who owns nothing."""
    monkeypatch.setattr(os, "geteuid", lambda: 4_000_000)


def test_a_new_directory_is_for_its_user_alone(tmp_path: Path) -> None:
    prepare(tmp_path / "a/run")
    assert (tmp_path / "a/run").stat().st_mode & 0o777 == 0o700
    prepare(tmp_path / "a/run")


def test_a_part_is_held_by_one_process_until_it_ends(tmp_path: Path) -> None:
    holder = subprocess.Popen(
        [sys.executable, "-c", HOLDER, str(tmp_path), "audio-0"],
        stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
    )  # fmt: skip
    assert holder.stdout is not None
    assert holder.stdout.readline() == "held\n"
    with pytest.raises(RuntimeDirectoryError, match="stop that one first"), claimed(tmp_path, "audio-0"):
        pass
    with claimed(tmp_path, "audio-1"):
        pass
    holder.kill()
    holder.communicate()
    with claimed(tmp_path, "audio-0"):
        pass


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can give a directory to another user")
def test_a_directory_of_another_user_is_refused(tmp_path: Path, stranger: None) -> None:
    theirs = tmp_path / "ridge-1000"
    theirs.mkdir()
    os.chown(theirs, 4_000_001, 4_000_001)
    with pytest.raises(RuntimeDirectoryError, match="belongs to another user"):
        prepare(theirs)


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can give a link to another user")
def test_a_link_of_another_user_is_refused(tmp_path: Path, stranger: None) -> None:
    link = tmp_path / "ridge-1000"
    link.symlink_to("/usr")
    os.lchown(link, 4_000_001, 4_000_001)
    with pytest.raises(RuntimeDirectoryError, match="belongs to another user"):
        prepare(link)


def test_a_directory_that_all_may_write_in_is_refused(tmp_path: Path) -> None:
    tmp_path.chmod(0o777)
    with pytest.raises(RuntimeDirectoryError, match="chmod o-w"):
        prepare(tmp_path)


def test_a_path_that_is_too_long_for_a_socket_is_refused(tmp_path: Path) -> None:
    with pytest.raises(RuntimeDirectoryError, match=r"choose a shorter box\.runtime_directory"):
        prepare(tmp_path / ("x" * 100))
    assert list(tmp_path.iterdir()) == []


def test_a_file_in_its_place_is_refused_with_a_next_step(tmp_path: Path) -> None:
    (tmp_path / "run").touch()
    with pytest.raises(RuntimeDirectoryError, match=r"set box\.runtime_directory"):
        prepare(tmp_path / "run")
