"""RTP sockets: real ones on loopback."""

from __future__ import annotations

import socket
import time
from collections.abc import Iterator

import pytest

from appliance.capture.media import NoPortError, RtpSockets
from appliance.capture.portpool import PortPool

LOW = 24000


@pytest.fixture
def sockets() -> Iterator[RtpSockets]:
    opened = RtpSockets("127.0.0.1", PortPool(LOW, LOW + 7, 60.0), lambda address: address == "127.0.0.1")
    yield opened
    opened.shut()


@pytest.fixture
def sender() -> Iterator[socket.socket]:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as opened:
        opened.bind(("127.0.0.1", 0))
        yield opened


def test_datagrams_reach_the_sink_with_source_and_time_of_arrival(
    sockets: RtpSockets, sender: socket.socket
) -> None:
    opened = sockets.open(0.0)
    taken: list[tuple[bytes, tuple[str, int], float]] = []
    opened.sink = lambda data, source, arrival: taken.append((data, source, arrival))
    before = time.monotonic()
    sender.sendto(b"one", ("127.0.0.1", opened.port))
    sender.sendto(b"two", ("127.0.0.1", opened.port))
    sent = time.monotonic()
    # What matters is that the time of arrival is the kernel's, and not that of the read.
    sockets.read(time.monotonic() + 1.0)
    assert [(data, source) for data, source, _ in taken] == [
        (b"one", sender.getsockname()),
        (b"two", sender.getsockname()),
    ]
    assert all(before + 1.0 - 0.05 <= arrival <= sent + 1.0 + 0.05 for *_, arrival in taken)


def test_without_a_sink_datagrams_are_thrown_away_and_counted(
    sockets: RtpSockets, sender: socket.socket
) -> None:
    opened = sockets.open(0.0)
    for _ in range(3):
        sender.sendto(b"x", ("127.0.0.1", opened.port))
    sockets.read(time.monotonic())
    assert opened.discarded == 3
    assert opened.last is not None


def test_others_than_the_gateways_are_not_listened_to(sockets: RtpSockets) -> None:
    opened = sockets.open(0.0)
    taken: list[bytes] = []
    opened.sink = lambda data, _source, _arrival: taken.append(data)
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as stranger:
        stranger.bind(("127.0.0.2", 0))
        stranger.sendto(b"x", ("127.0.0.1", opened.port))
    sockets.read(time.monotonic())
    assert (taken, opened.foreign, opened.last) == ([], 1, None)


def test_what_the_kernel_drops_is_counted(sockets: RtpSockets, sender: socket.socket) -> None:
    opened = sockets.open(0.0)
    opened.bound.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
    for _ in range(300):
        sender.sendto(bytes(200), ("127.0.0.1", opened.port))
    sockets.read(time.monotonic())
    sender.sendto(b"after", ("127.0.0.1", opened.port))
    sockets.read(time.monotonic())
    assert opened.dropped > 0
    assert opened.dropped + opened.discarded == 301


def test_a_second_of_many_legs_is_not_dropped(sockets: RtpSockets, sender: socket.socket) -> None:
    opened = sockets.open(0.0)
    for _ in range(200):
        sender.sendto(bytes(172), ("127.0.0.1", opened.port))
    sockets.read(time.monotonic())
    assert (opened.discarded, opened.dropped) == (200, 0)


def test_a_port_that_another_program_holds_is_skipped(sockets: RtpSockets) -> None:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as other:
        other.bind(("127.0.0.1", LOW))
        assert sockets.open(0.0).port == LOW + 2


def test_when_all_ports_are_in_use_or_rest_there_is_none(sockets: RtpSockets) -> None:
    opened = [sockets.open(0.0) for _ in range(4)]
    with pytest.raises(NoPortError):
        sockets.open(0.0)
    sockets.close(opened[0], 0.0)
    with pytest.raises(NoPortError):
        sockets.open(59.0)
    assert sockets.open(60.0).port == opened[0].port
