"""The way to the engines, over real sockets."""

from __future__ import annotations

import threading
import time
import tracemalloc
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
import zmq

from appliance.capture import outlet as module
from appliance.capture.outlet import AudioOutlet, shard_of, socket_path
from appliance.telephony.audioblock import (
    AudioBlock,
    AudioDropped,
    CallEnded,
    CallHeld,
    CallMessage,
    CallStarted,
    Leg,
    decode,
)

CALL, OTHER = "A" * 22, "B" * 22
SILENCE = np.zeros(640, np.int16)


def started(call: str = CALL) -> CallStarted:
    return CallStarted(call, "8001", "inbound", "siprec", 0)


def block(number: int, leg: Leg = "customer", call: str = CALL) -> AudioBlock:
    return AudioBlock.of(call, leg, 640 * number, 8000, SILENCE)


class Engine:
    """Binds the socket of one engine and reads when told to."""

    def __init__(self, directory: Path, shard: int = 0) -> None:
        self._context = zmq.Context()
        self._socket = self._context.socket(zmq.PULL)
        self._socket.set(zmq.RCVHWM, 16)
        self._socket.bind(f"ipc://{socket_path(directory, shard)}")

    def read(self, outlet: AudioOutlet, patience: float = 5.0) -> list[CallMessage]:
        """Everything, until nothing waits in the outlet and nothing more comes."""
        found: list[CallMessage] = []
        deadline = time.monotonic() + patience
        while time.monotonic() < deadline:
            empty = outlet.flush()
            if self._socket.poll(100 if empty else 10):
                found.append(decode(self._socket.recv()))
            elif empty:
                break
        return found

    def close(self) -> None:
        self._context.destroy(linger=0)


@pytest.fixture
def directory(tmp_path_factory: pytest.TempPathFactory) -> Path:
    # A unix socket's path has at most 107 bytes.
    return tmp_path_factory.mktemp("run")


@pytest.fixture
def outlet(directory: Path) -> Iterator[AudioOutlet]:
    one = AudioOutlet(directory, 1, max_backlog_seconds=1.0)
    yield one
    one.close(0)


def test_messages_arrive_in_order(directory: Path, outlet: AudioOutlet) -> None:
    engine = Engine(directory)
    sent: list[CallMessage] = [started(), *(block(n) for n in range(5)), CallHeld(CALL, True, 400)]
    sent += [*(block(n) for n in range(5, 10)), CallEnded(CALL, 800, "bye")]
    for message in sent:
        outlet.send(message)
    assert engine.read(outlet) == sent
    assert outlet.counters.sent == len(sent)
    assert (outlet.counters.dropped_ms, outlet.counters.waiting) == (0, 0)
    engine.close()


def test_what_was_sent_before_the_engine_came_is_not_lost(directory: Path, outlet: AudioOutlet) -> None:
    sent: list[CallMessage] = [started(), *(block(n) for n in range(12))]
    for message in sent:
        outlet.send(message)
    assert outlet.behind_ms(CALL) == 960
    engine = Engine(directory)
    assert engine.read(outlet) == sent
    assert outlet.behind_ms(CALL) == 0
    engine.close()


def test_a_call_that_is_announced_again_is_known_before_its_audio_that_waits(
    directory: Path, outlet: AudioOutlet
) -> None:
    first = Engine(directory)
    outlet.send(started())
    assert first.read(outlet) == [started()]
    first.close()
    blocks = [block(n) for n in range(12)]
    # Until it is noticed that the engine has gone, ZeroMQ would take messages, and lose them.
    while any(shard._socket.poll(0, zmq.POLLOUT) for shard in outlet._shards):
        time.sleep(0.005)
    for one in blocks[:6]:
        outlet.send(one)
    for _ in range(100):
        outlet.send(started())
    for one in blocks[6:]:
        outlet.send(one)
    assert outlet.counters.waiting == 13
    second = Engine(directory)
    assert second.read(outlet) == [started(), *blocks]
    second.close()


def test_too_much_audio_drops_the_oldest_of_the_leg_and_reports_it_in_its_place(
    directory: Path, outlet: AudioOutlet
) -> None:
    outlet.send(started())
    for n in range(50):
        outlet.send(block(n, "customer"))
        if n < 5:
            outlet.send(block(n, "agent"))
        if n == 20:
            outlet.send(CallHeld(CALL, True, 1640))
    outlet.send(CallEnded(CALL, 4000, "bye"))
    # One second holds twelve blocks of 80 ms.
    assert outlet.behind_ms(CALL) == 960
    assert outlet.counters.dropped_blocks == 38
    assert outlet.counters.dropped_ms == 38 * 80
    engine = Engine(directory)
    found = engine.read(outlet)
    assert found[:2] == [started(), AudioDropped(CALL, "customer", 21 * 80)]
    assert found[2:7] == [block(n, "agent") for n in range(5)]
    assert found[7:9] == [CallHeld(CALL, True, 1640), AudioDropped(CALL, "customer", 17 * 80)]
    assert found[9:] == [*(block(n) for n in range(38, 50)), CallEnded(CALL, 4000, "bye")]
    engine.close()


def test_a_flooding_call_costs_another_nothing_and_does_not_delay_it(directory: Path) -> None:
    outlet = AudioOutlet(directory, 1, max_backlog_seconds=60.0)
    outlet.send(started(OTHER))
    for n in range(600):
        outlet.send(block(n, call=OTHER))
    outlet.send(started(CALL))
    for n in range(10):
        outlet.send(block(n, call=CALL))
    engine = Engine(directory)
    found = engine.read(outlet)
    places = [index for index, message in enumerate(found) if message.call == CALL]
    assert len(places) == 11
    assert places[-1] <= 22
    assert len(found) == 612
    engine.close()
    outlet.close(0)


def test_the_memory_of_an_engine_that_is_gone_is_bounded_by_the_call_furthest_behind(
    directory: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "MAX_SHARD_BYTES", 100 * 1280)
    outlet = AudioOutlet(directory, 1, max_backlog_seconds=60.0)
    for n in range(90):
        outlet.send(block(n, call=OTHER))
    for n in range(30):
        outlet.send(block(n, call=CALL))
    assert outlet.behind_ms(OTHER) == 70 * 80
    assert outlet.behind_ms(CALL) == 30 * 80
    assert outlet.counters.dropped_blocks == 20
    outlet.close(0)


def test_nothing_ever_blocks_without_an_engine(outlet: AudioOutlet) -> None:
    tracemalloc.start()
    for n in range(20_000):
        outlet.send(block(n))
    held, _ = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert outlet.counters.dropped_blocks == 20_000 - 12
    assert held < 1_000_000


def test_an_engine_that_comes_back_gets_what_follows(directory: Path, outlet: AudioOutlet) -> None:
    first = Engine(directory)
    outlet.send(started())
    assert first.read(outlet) == [started()]
    first.close()
    second = Engine(directory)
    later = CallEnded(CALL, 80, "bye")
    found: list[CallMessage] = []
    deadline = time.monotonic() + 10
    # What is sent while the old connection is being noticed as dead may be lost with it.
    while later not in found and time.monotonic() < deadline:
        outlet.send(later)
        found += second.read(outlet, patience=0.3)
    assert later in found
    second.close()


def test_calls_are_spread_over_engines_and_stay_with_theirs(directory: Path) -> None:
    outlet = AudioOutlet(directory, 3, max_backlog_seconds=1.0)
    engines = [Engine(directory, shard) for shard in range(3)]
    calls = [f"{n:022d}" for n in range(30)]
    for call in calls:
        outlet.send(started(call))
        outlet.send(block(0, call=call))
    for shard, engine in enumerate(engines):
        found = engine.read(outlet)
        expected = [call for call in calls if shard_of(call, 3) == shard]
        assert expected
        assert [message.call for message in found if isinstance(message, CallStarted)] == expected
        assert {message.call for message in found} == set(expected)
        engine.close()
    outlet.close(0)


def test_closing_delivers_what_waits_to_an_engine_that_reads(directory: Path) -> None:
    outlet = AudioOutlet(directory, 1, max_backlog_seconds=60.0)
    for n in range(500):
        outlet.send(block(n))
    outlet.send(CallEnded(CALL, 40_000, "shutdown"))
    context = zmq.Context()
    socket = context.socket(zmq.PULL)
    socket.bind(f"ipc://{socket_path(directory, 0)}")
    closed: list[bool] = []
    closing = threading.Thread(target=lambda: closed.append(outlet.close(20.0)))
    closing.start()
    found = [decode(socket.recv()) for _ in range(501) if socket.poll(5000)]
    closing.join(30)
    assert closed == [True]
    assert found == [*(block(n) for n in range(500)), CallEnded(CALL, 40_000, "shutdown")]
    context.destroy(linger=0)


def test_closing_gives_up_on_an_engine_that_is_gone(directory: Path) -> None:
    outlet = AudioOutlet(directory, 1, max_backlog_seconds=1.0)
    outlet.send(started())
    assert outlet.close(0.05) is False


def test_waiting_audio_of_a_call_is_forgotten_and_everything_else_stays(
    directory: Path, outlet: AudioOutlet
) -> None:
    for call in (CALL, OTHER):
        outlet.send(started(call))
        for number in range(10):
            outlet.send(block(number, call=call))
    outlet.send(CallHeld(CALL, True, 800))
    outlet.forget_audio(CALL)
    outlet.forget_audio("C" * 22)
    assert outlet.behind_ms(CALL) == 0
    assert outlet.behind_ms(OTHER) == 800
    outlet.send(CallEnded(CALL, 900, "bye"))
    found = Engine(directory).read(outlet)
    assert [type(one).__name__ for one in found if one.call == CALL] == [
        "CallStarted",
        "CallHeld",
        "CallEnded",
    ]
    assert sum(isinstance(one, AudioBlock) for one in found if one.call == OTHER) == 10
