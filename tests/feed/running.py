"""A real feed in a thread, and bare ZeroMQ peers of every kind around it."""

from __future__ import annotations

import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import msgspec
import zmq

from appliance.box.config import Box, Config, Feed, Policy
from appliance.feed.control import Control
from appliance.feed.door import DOOR_SOCKET, Budget
from appliance.feed.grants import GrantBook
from appliance.feed.keys import Connection, CurveKeys, box_keys, write_seat_keys
from appliance.feed.publisher import Publisher
from appliance.feed.service import FeedService
from appliance.protocol.bucket import LeakyBucket
from appliance.protocol.codec import encode
from appliance.protocol.messages import DoorMessage
from appliance.seat.client import SeatClient
from appliance.seat.keys import SeatKeys

#: Nothing in these tests takes a tenth of this on an idle machine; it only bounds a failing test.
PATIENCE = 20.0
HOST = "127.0.0.1"


def config_in(directory: Path, **feed: object) -> Config:
    settings = {
        "publish_port": 0,
        "control_port": 0,
        "enrol_port": 0,
        "beat_seconds": 0.2,
        "lease_seconds": 60,
    } | feed
    return Config(
        box=Box(runtime_directory=directory / "run", state_directory=directory / "state"),
        feed=Feed(**settings),
        policy=Policy(quotes=True),
    )


def eventually(condition: Callable[[], bool], what: str) -> None:
    end = time.monotonic() + PATIENCE
    while not condition():
        assert time.monotonic() < end, f"waited {PATIENCE:g} s for: {what}"
        time.sleep(0.01)


class InBytesAlone(Budget):
    """Counts no bits, because these tests send in a second what a call sends in minutes."""

    def __init__(self) -> None:
        super().__init__()
        self._call_bits = self._seat_bits = 1e9, 1e9
        self._box = LeakyBucket(1e9, 1e9)


class RunningFeed:
    """The feed, its admin (enrol, revoke), its engine (send) and any number of peers."""

    def __init__(self, directory: Path, config: Config) -> None:
        self.directory = directory
        self.config = config
        self.state = config.box.state_directory / "feed"
        self.book = GrantBook(self.state)
        self.keys: dict[str, CurveKeys] = {}
        self.context: zmq.Context[zmq.Socket[bytes]] = zmq.Context()
        self.context.linger = 0
        self._running = threading.Event()
        self._thread: threading.Thread | None = None
        #: kept, because a socket that nobody refers to is closed
        self._peers: list[zmq.Socket[bytes]] = []
        self._engine: zmq.Socket[bytes] | None = None
        #: turns of the service that have ended
        self._turns = 0

    def start(self) -> None:
        self.service = FeedService(self.config)
        self.service.open()
        self.service._door._budget = InBytesAlone()
        # Most of these tests have no capture that would say which calls there are.
        self.service._door._knows, self.service._register.heard = None, True
        self._running.set()
        self._thread = threading.Thread(target=self._turn, daemon=True)
        self._thread.start()
        self.box = box_keys(self.state).public

    def _turn(self) -> None:
        while self._running.is_set():
            self.service.turn(20)
            self._turns += 1

    def stop(self) -> None:
        if self._thread is not None:
            self._running.clear()
            self._thread.join()
            self._thread = None
            self.service.close()

    def close(self) -> None:
        self.context.destroy(linger=0)
        self.stop()

    def passed(self, count: int, what: str = "the messages to pass the door") -> None:
        """Wait until the door has accepted so many messages and the turn that took them has ended."""
        eventually(lambda: self.service._door.counters.accepted == count, what)
        before = self._turns
        eventually(lambda: self._turns > before, "the turn to end")

    # the admin

    def enrol(self, seat: str, **entry: str) -> CurveKeys:
        self.keys[seat] = CurveKeys.generate()
        self.book.enrol(seat, self.keys[seat].public, 0, **entry)
        if self._thread is not None:
            key = self.keys[seat].public.decode()
            eventually(lambda: self.service._admission.admit(key) is not None, "the enrolment to be seen")
        return self.keys[seat]

    def revoke(self, seat: str) -> None:
        self.book.revoke(seat)
        eventually(lambda: seat not in self.seats, "the revocation to be seen")

    @property
    def publisher(self) -> Publisher:
        return self.service._sockets.publisher

    @property
    def control(self) -> Control:
        return self.service._sockets.control

    @property
    def seats(self) -> set[str]:
        """The seats that the feed knows now."""
        return set(self.service._admission.seats)

    # the engine

    def send(self, *messages: DoorMessage | bytes | list[bytes]) -> None:
        if self._engine is None:
            self._engine = self.context.socket(zmq.PUSH)
            self._engine.connect(f"ipc://{self.config.box.runtime_directory / DOOR_SOCKET}")
        for message in messages:
            frames = message if isinstance(message, list) else [message]
            self._engine.send_multipart([f if isinstance(f, bytes) else encode(f) for f in frames])

    # peers

    def peer(self, kind: int, port: int, keys: CurveKeys | None) -> zmq.Socket[bytes]:
        socket = self.context.socket(kind)
        self._peers.append(socket)
        if keys is not None:
            socket.curve_serverkey = self.box
            socket.curve_publickey = keys.public
            socket.curve_secretkey = keys.secret
        socket.connect(f"tcp://{HOST}:{port}")
        return socket

    def subscriber(self, keys: CurveKeys | None, *topics: str) -> zmq.Socket[bytes]:
        socket = self.peer(zmq.SUB, self.service.publish_port, keys)
        for topic in topics:
            socket.subscribe(topic)
        return socket

    def asker(self, keys: CurveKeys | None) -> zmq.Socket[bytes]:
        return self.peer(zmq.DEALER, self.service.control_port, keys)

    def lease(self, asker: zmq.Socket[bytes]) -> dict[str, object]:
        """The reply to a request for a lease."""
        asker.send(msgspec.msgpack.encode({"ask": "lease", "id": 0}))
        return msgspec.msgpack.decode(receive(asker)[0])

    def leased_asker(self, seat: str) -> zmq.Socket[bytes]:
        """A seat's control connection, while the seat holds a lease."""
        asker = self.asker(self.keys[seat])
        self.lease(asker)
        return asker

    def listener_without_lease(self, seat: str) -> zmq.Socket[bytes]:
        """A control connection that has asked for a lease, whether it is answered or not."""
        asker = self.asker(self.keys[seat])
        asker.send(msgspec.msgpack.encode({"ask": "lease", "id": 1}))
        return asker

    def listener(self, seat: str, *more: str) -> zmq.Socket[bytes]:
        """A seat that has taken a lease and subscribed under it, and to `more`."""
        asker = self.asker(self.keys[seat])
        lease = self.lease(asker)
        return self.subscriber(self.keys[seat], *more, f"{lease['topic']}{lease['lease']}/")

    def key_directory(self, seat: str) -> Path:
        directory = self.directory / "keys" / seat
        if not directory.exists():
            ports = Connection(HOST, self.service.publish_port, self.service.control_port)
            write_seat_keys(directory, seat, self.keys[seat], self.box, ports)
        return directory

    def seat(self, seat: str, **options: float) -> SeatClient:
        return SeatClient(SeatKeys.load(self.key_directory(seat), seat), **options)


@contextmanager
def running_feed(directory: Path, *seats: str, **feed: object) -> Iterator[RunningFeed]:
    running = RunningFeed(directory, config_in(directory, **feed))
    for seat in seats:
        running.enrol(seat)
    running.start()
    try:
        yield running
    finally:
        running.close()


def receive(socket: zmq.Socket[bytes], seconds: float = PATIENCE) -> list[bytes]:
    assert socket.poll(int(seconds * 1000)), f"nothing came within {seconds:g} s"
    return socket.recv_multipart()


def drain(socket: zmq.Socket[bytes]) -> list[list[bytes]]:
    found = []
    while socket.poll(0):
        found.append(socket.recv_multipart())
    return found


def until(socket: zmq.Socket[bytes], kind: str) -> list[list[bytes]]:
    """Everything up to and with the first message of a type."""
    found = []
    end = time.monotonic() + PATIENCE
    while time.monotonic() < end:
        found.append(receive(socket))
        if msgspec.msgpack.decode(found[-1][-1])["type"] == kind:
            return found
    raise AssertionError(f"no {kind} came within {PATIENCE:g} s")


PROGRAM = (
    "import pathlib, sys; from appliance.box.config import load; from appliance.feed.process import run; "
    "sys.exit(run(load(pathlib.Path(sys.argv[1]))))"
)


@contextmanager
def feed_process(
    directory: Path, publish_port: int = 0, control_port: int = 0
) -> Iterator[tuple[subprocess.Popen[str], dict[str, Any]]]:
    """The program itself, ready; gives the process and its `feed_ready` event."""
    file = directory / "ridge.toml"
    file.write_text(
        f'[box]\nruntime_directory = "{directory}/run"\nstate_directory = "{directory}/state"\n'
        f"[feed]\npublish_port = {publish_port}\ncontrol_port = {control_port}\nenrol_port = 0\n"
        "beat_seconds = 0.2\n"
    )
    process = subprocess.Popen([sys.executable, "-c", PROGRAM, str(file)], stderr=subprocess.PIPE, text=True)
    try:
        events = (msgspec.json.decode(line) for line in process.stderr)
        yield process, next(event for event in events if event["event"] == "feed_ready")
    finally:
        process.kill()
        process.wait()
        process.stderr.close()
