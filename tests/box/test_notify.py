from __future__ import annotations

import os
import socket
from collections.abc import Iterator
from pathlib import Path

import pytest

from appliance.box.notify import ServiceManager

SECONDS = 8
QUARTER = SECONDS / 4


class Systemd:
    """A notification socket as systemd has it."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self._socket.bind(str(path))
        self._socket.setblocking(False)

    def manager(self, **changes: str) -> ServiceManager:
        environment = {
            "NOTIFY_SOCKET": str(self.path),
            "WATCHDOG_USEC": str(SECONDS * 1_000_000),
            "WATCHDOG_PID": str(os.getpid()),
        }
        return ServiceManager({**environment, **changes})

    def told(self) -> list[str]:
        messages = []
        while True:
            try:
                messages.append(self._socket.recv(4096).decode())
            except BlockingIOError:
                return messages

    def close(self) -> None:
        self._socket.close()


@pytest.fixture
def systemd(tmp_path: Path) -> Iterator[Systemd]:
    made = Systemd(tmp_path / "notify")
    yield made
    made.close()


def test_the_life_of_a_process_is_told(systemd: Systemd) -> None:
    manager = systemd.manager()
    manager.ready()
    manager.status(calls=3, blocks=120)
    manager.stopping()
    assert systemd.told() == ["READY=1", "STATUS=calls=3 blocks=120", "STOPPING=1"]


def test_an_abstract_socket_is_reached() -> None:
    name = f"ridge-test-{os.getpid()}"
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as bound:
        bound.bind("\0" + name)
        ServiceManager({"NOTIFY_SOCKET": "@" + name}).ready()
        assert bound.recv(64) == b"READY=1"


def test_a_process_with_nothing_to_do_is_well(systemd: Systemd) -> None:
    manager = systemd.manager()
    assert [manager.turn(at * QUARTER, asked=0, done=0) for at in range(5)] == [True] * 5
    assert systemd.told() == ["WATCHDOG=1"] * 5


def test_work_that_comes_to_nothing_starves_the_watchdog(systemd: Systemd) -> None:
    manager = systemd.manager()
    manager.turn(0.0, asked=0, done=0)
    systemd.told()
    # Twice the watchdog's time: it is fed not once, though the process is alive and takes its turns.
    for at in range(1, 9):
        assert not manager.turn(at * QUARTER, asked=10 * at, done=0)
    assert systemd.told() == []


def test_a_failure_is_forgotten_when_nothing_more_comes(systemd: Systemd) -> None:
    manager = systemd.manager()
    manager.turn(0.0, asked=0, done=0)
    assert not manager.turn(QUARTER, asked=1, done=0)
    assert manager.turn(2 * QUARTER, asked=1, done=0)


def test_one_result_in_a_window_is_progress(systemd: Systemd) -> None:
    manager = systemd.manager()
    manager.turn(0.0, asked=0, done=0)
    for hundredth in range(1, 100):
        assert not manager.turn(QUARTER * hundredth / 100, asked=hundredth, done=int(hundredth > 50))
    assert manager.turn(QUARTER, asked=100, done=1)
    assert not manager.turn(2 * QUARTER, asked=101, done=1)


def test_turns_are_many_and_messages_few(systemd: Systemd) -> None:
    manager = systemd.manager()
    for turn in range(1000):
        manager.turn(turn * 0.02, asked=turn, done=turn)
    assert len(systemd.told()) == 1000 * 0.02 / QUARTER


@pytest.mark.parametrize(
    "changes",
    [
        {"WATCHDOG_PID": "1"},
        {"WATCHDOG_USEC": "0"},
        {"WATCHDOG_USEC": "soon"},
        {"NOTIFY_SOCKET": ""},
        {"NOTIFY_SOCKET": "vsock:2:1234"},
    ],
)
def test_no_watchdog_is_fed_that_does_not_wait_for_us(systemd: Systemd, changes: dict[str, str]) -> None:
    manager = systemd.manager(**changes)
    assert manager.interval is None
    assert not manager.turn(100.0, asked=0, done=0)
    assert systemd.told() == []


def test_a_manager_that_is_gone_disturbs_nobody(systemd: Systemd) -> None:
    manager = systemd.manager()
    systemd.close()
    manager.ready()
    assert manager.turn(0.0, asked=0, done=0)
    systemd.path.unlink()
    manager.stopping()
