"""What the feed can serve: `python -m tools.bench.feed [--seats 500] [--rate 2] [--seconds 20]`.

A feed process, with the seats' sockets in processes of their own on loopback, is sent whole profiles at the
door as engines would send them. Delays run from before the message enters the door until a seat has it
decrypted. The same load runs without the ledger, and a bare ZeroMQ publisher shows what CURVE costs. Other
work on the machine makes delays longer; the share of processor time that it took is printed beside them.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import multiprocessing as mp
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from dataclasses import dataclass
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any

import msgspec
import zmq

from appliance.box.calls_line import CallsLine
from appliance.feed.grants import Entry, GrantBook
from appliance.feed.keys import CurveKeys, box_keys
from appliance.protocol.codec import TIME_GRID_MS, encode
from tests.protocol.samples import profile

#: Calls of a seat that take turns: a call may send 1 KiB a second, and a profile has about that. Their bits
#: allow a seat some three such messages a second, most of them for the time that is hidden in each. 500 seats
#: then have as many calls as a box may have.
CALLS_A_SEAT = 4
#: Processes that hold the seats' sockets.
LISTENERS = 2
#: The sender wakes so often; what is due leaves then.
STEP_SECONDS = 0.002
SETTLE_SECONDS = 2.0
READY_SECONDS = 60.0
BARE_SEATS = 50
BARE_MESSAGES = 20_000


@dataclass(frozen=True)
class Load:
    """How many seats get how many updates a second, for how long."""

    seats: int
    rate: float
    seconds: float


@dataclass(frozen=True)
class Run:
    """What one run measured."""

    sent: int
    delivered: int
    p50: float
    p99: float
    longest: float
    #: processor time of the feed, microseconds a message
    feed_us: float
    #: processor time of sender and seats together, microseconds a message
    bench_us: float
    #: share of the machine's processors that neither the bench nor the feed used
    others: float


def main() -> None:
    options = _options()
    load = Load(options.seats, options.rate, options.seconds)
    print(
        f"{load.seats} seats, {load.rate:g} whole profiles of {len(encode(profile()))} bytes a second each, "
        f"{load.seconds:g} s, {os.cpu_count()} processors"
    )
    print("run  ledger  sent    delivered  p50 ms  p99 ms  max ms  us/message: feed  bench  others' share")
    for number in range(options.runs):
        for ledger in (True, False):
            run = measure(load, ledger)
            print(
                f"{number + 1:<4} {'yes' if ledger else 'no':<7} {run.sent:<7} {run.delivered:<10} "
                f"{run.p50:<7.2f} {run.p99:<7.2f} {run.longest:<7.1f} {run.feed_us:<17.0f} "
                f"{run.bench_us:<6.0f} {run.others:.0%}",
                flush=True,
            )
    plain, curve = bare(curve=False), bare(curve=True)
    print(
        f"bare publisher, {BARE_SEATS} subscribers: {plain:.1f} us/message without CURVE, {curve:.1f} with "
        f"it (processor time of the publishing process)"
    )


def measure(load: Load, ledger: bool) -> Run:
    """Serve the load once."""
    with tempfile.TemporaryDirectory(prefix="ridge-bench-") as name:
        directory = Path(name)
        keys = _enrol(directory, load.seats)
        with _feed(directory, ledger) as (process, ready):
            ports = ready["publish_port"], ready["control_port"]
            box = box_keys(directory / "state" / "feed").public
            shares = [list(keys.items())[first::LISTENERS] for first in range(LISTENERS)]
            listeners = [_start(_listen, share, box, ports) for share in shares]
            for _, pipe in listeners:
                _expect(pipe, "ready")
            before, others = _cpu_seconds(process.pid), _machine()
            sender, pipe = _start(_send, directory / "run" / "door.sock", load)
            sent = _expect(pipe, "sent")
            sender.join()
            time.sleep(SETTLE_SECONDS)
            used = _cpu_seconds(process.pid) - before
            delays: list[float] = []
            children = 0.0
            for worker, listener in listeners:
                listener.send("stop")
                found, cpu = _expect(listener, "delays")
                delays += found
                children += cpu
                worker.join()
            total, idle = (now - then for now, then in zip(_machine(), others, strict=True))
            busy = total - idle
    delays.sort()
    count = len(delays)
    return Run(
        sent=sent[0],
        delivered=count,
        p50=1000 * delays[count // 2] if count else float("nan"),
        p99=1000 * delays[int(count * 0.99)] if count else float("nan"),
        longest=1000 * delays[-1] if count else float("nan"),
        feed_us=1e6 * used / max(1, sent[0]),
        bench_us=1e6 * (children + sent[1]) / max(1, sent[0]),
        others=max(0.0, busy - used - children - sent[1]) / total,
    )


def bare(*, curve: bool) -> float:
    """Processor time (us) of a bare publisher for each message to one subscriber of many."""
    parent, child = mp.Pipe()
    server, client = CurveKeys.generate(), CurveKeys.generate()
    worker = mp.Process(target=_bare_publisher, args=(child, server.secret if curve else None))
    worker.start()
    port = _expect(parent, "port")
    context = zmq.Context()
    sockets = []
    for seat in range(BARE_SEATS):
        socket = context.socket(zmq.SUB)
        socket.rcvhwm = 0
        if curve:
            socket.curve_serverkey = server.public
            socket.curve_publickey, socket.curve_secretkey = client.public, client.secret
        socket.connect(f"tcp://127.0.0.1:{port}")
        socket.subscribe(f"seat/{seat}/")
        sockets.append(socket)
    time.sleep(SETTLE_SECONDS)
    parent.send("go")
    used = _expect(parent, "used")
    worker.join()
    context.destroy(linger=0)
    return float(used)


def _bare_publisher(pipe: Connection, secret: bytes | None) -> None:
    context = zmq.Context()
    socket = context.socket(zmq.PUB)
    socket.sndhwm = 0
    if secret is not None:
        socket.curve_server, socket.curve_secretkey = True, secret
    pipe.send(("port", socket.bind_to_random_port("tcp://127.0.0.1")))
    pipe.recv()
    data, before = encode(profile()), time.process_time()
    for number in range(BARE_MESSAGES):
        socket.send_multipart([f"seat/{number % BARE_SEATS}/now".encode(), data])
        if number % 5 == 0:
            time.sleep(STEP_SECONDS / 4)
    time.sleep(0.5)
    pipe.send(("used", 1e6 * (time.process_time() - before) / BARE_MESSAGES))
    context.destroy(linger=0)


def _enrol(directory: Path, seats: int) -> dict[str, CurveKeys]:
    keys = {str(8000 + number): CurveKeys.generate() for number in range(seats)}
    book = GrantBook(directory / "state" / "feed")
    book.enrol_all([(Entry(seat), pair.public) for seat, pair in keys.items()], 0)
    return keys


@contextlib.contextmanager
def _feed(directory: Path, ledger: bool) -> Iterator[tuple[subprocess.Popen[str], dict[str, Any]]]:
    config = directory / "ridge.toml"
    config.write_text(
        f"[box]\nruntime_directory = '{directory}/run'\nstate_directory = '{directory}/state'\n"
        # Every seat is a call of its own, and the box's bits are those of its calls.
        "[siprec]\nmax_calls = 2000\nrtp_ports = [20000, 29999]\n"
        f"[feed]\npublish_port = 0\ncontrol_port = 0\nlease_seconds = 300\nledger = {str(ledger).lower()}\n",
        encoding="utf-8",
    )
    process = subprocess.Popen(
        [sys.executable, "-m", "appliance", "feed", "--config", str(config)],
        stderr=subprocess.PIPE,
        text=True,
    )
    assert process.stderr is not None
    try:
        events = (json.loads(line) for line in process.stderr)
        yield process, next(event for event in events if event["event"] == "feed_ready")
    finally:
        process.terminate()
        process.wait(30)


def _start(work: Any, *arguments: Any) -> tuple[mp.Process, Connection]:
    parent, child = mp.Pipe()
    worker = mp.Process(target=work, args=(child, *arguments), daemon=True)
    worker.start()
    return worker, parent


def _expect(pipe: Connection, what: str) -> Any:
    if not pipe.poll(READY_SECONDS + 120):
        raise SystemExit(f"no {what} came from a process of the bench")
    name, value = pipe.recv()
    if name != what:
        raise SystemExit(f"{what} was to come from a process of the bench, and {name} came: {value}")
    return value


def _send(pipe: Connection, door: Path, load: Load) -> None:
    context = zmq.Context()
    socket = context.socket(zmq.PUSH)
    socket.connect(f"ipc://{door}")
    template = profile()
    # As capture does, before an engine speaks of them.
    calls = CallsLine(door.parent)
    for seat in range(load.seats):
        for turn in range(CALLS_A_SEAT):
            calls.note(f"{seat:011d}{turn:011d}", str(8000 + seat))
    total = int(load.seats * load.rate * load.seconds)
    begun = time.monotonic()
    sent = 0
    while sent < total:
        calls.turn(time.monotonic())
        due = min(total, int((time.monotonic() - begun) * load.seats * load.rate) + 1)
        for number in range(sent, due):
            seat, turn = number % load.seats, number // load.seats
            # The monotonic clock is the same in all processes; in microseconds it fits where a date belongs,
            # on the grid of the door.
            message = msgspec.structs.replace(
                template,
                seat=str(8000 + seat),
                call=f"{seat:011d}{turn % CALLS_A_SEAT:011d}",
                wall=time.monotonic_ns() // 1000 * TIME_GRID_MS,
            )
            socket.send(msgspec.msgpack.encode(message))
        sent = due
        time.sleep(STEP_SECONDS)
    socket.close(linger=2000)
    context.term()
    pipe.send(("sent", (total, time.process_time())))


def _listen(pipe: Connection, seats: list[tuple[str, CurveKeys]], box: bytes, ports: tuple[int, int]) -> None:
    context = zmq.Context()
    context.set(zmq.MAX_SOCKETS, 8192)
    poller = zmq.Poller()
    kept = []
    for seat, keys in seats:
        asker = _connect(context, zmq.DEALER, keys, box, ports[1])
        asker.send(msgspec.msgpack.encode({"ask": "lease", "id": 1}))
        lease = msgspec.msgpack.decode(asker.recv_multipart()[0])["lease"]
        asker.close(linger=0)
        listener = _connect(context, zmq.SUB, keys, box, ports[0])
        listener.subscribe(f"seat/{seat}/{lease}/")
        kept.append(listener)
        poller.register(listener, zmq.POLLIN)
    waiting = set(kept)
    while waiting:
        # A beat on each: everybody is subscribed.
        for socket, _ in poller.poll(1000):
            socket.recv_multipart()
            waiting.discard(socket)
    before = time.process_time()
    pipe.send(("ready", len(kept)))
    pipe_fd = pipe.fileno()
    poller.register(pipe_fd, zmq.POLLIN)
    delays: list[float] = []
    while True:
        ready = poller.poll()
        now = time.monotonic_ns() // 1000
        for socket, _ in ready:
            if socket == pipe_fd:
                pipe.send(("delays", (delays, time.process_time() - before)))
                return
            while True:
                try:
                    message = msgspec.msgpack.decode(socket.recv_multipart(zmq.NOBLOCK)[1])
                except zmq.Again:
                    break
                if message["type"] == "profile":
                    sent = message["wall"] // TIME_GRID_MS
                    delays.append((max(now, time.monotonic_ns() // 1000) - sent) / 1e6)


def _connect(
    context: zmq.Context[zmq.Socket[bytes]], kind: int, keys: CurveKeys, box: bytes, port: int
) -> zmq.Socket[bytes]:
    socket = context.socket(kind)
    socket.curve_serverkey, socket.curve_publickey, socket.curve_secretkey = box, keys.public, keys.secret
    socket.connect(f"tcp://127.0.0.1:{port}")
    return socket


def _cpu_seconds(pid: int) -> float:
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def _machine() -> tuple[float, float]:
    """Processor seconds of the whole machine since its start: all, and idle."""
    fields = [int(field) for field in Path("/proc/stat").read_text().split("\n")[0].split()[1:9]]
    tick = os.sysconf("SC_CLK_TCK")
    return sum(fields) / tick, (fields[3] + fields[4]) / tick


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m tools.bench.feed", description=__doc__)
    parser.add_argument("--seats", type=int, default=500)
    parser.add_argument("--rate", type=float, default=2.0, help="updates a second for each seat")
    parser.add_argument("--seconds", type=float, default=20.0)
    parser.add_argument("--runs", type=int, default=1, help="each with and without the ledger")
    return parser.parse_args()


if __name__ == "__main__":
    main()
