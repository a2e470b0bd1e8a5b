"""The way out of capture: call messages to the engine shards over ZeroMQ PUSH, never blocking.

An engine that is behind must not hold up RTP. So what it does not take waits here, in one queue a call. The
queue is bounded in seconds of audio; beyond that the call's oldest audio is dropped, counted and reported.
Call control is never dropped and keeps its place, but that a call is on goes first. Calls take turns, so a
call that floods delays no other.
"""

from __future__ import annotations

import time
import zlib
from collections import deque
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

import zmq

from appliance.telephony.audioblock import (
    AudioBlock,
    AudioDropped,
    CallMessage,
    CallStarted,
    Leg,
    encode,
)

#: Messages that ZeroMQ itself may hold for an engine; few, because here they can still be dropped with care.
HIGH_WATER_MARK: Final = 32
#: Bytes of the unix socket's buffer, for the same reason: about a second of ten calls.
SOCKET_BUFFER: Final = 256 * 1024
#: All audio that may wait for one engine. 64 MiB are 33 minutes of legs; it bounds the memory if thousands of
#: calls wait for an engine that is gone.
MAX_SHARD_BYTES: Final = 64 * 1024 * 1024


@dataclass(frozen=True, slots=True)
class OutletCounters:
    """What passed the outlet so far."""

    sent: int
    dropped_blocks: int
    dropped_ms: int
    #: messages that wait for their engine now
    waiting: int


@dataclass(slots=True)
class _Queue:
    """What waits of one call, in order."""

    messages: deque[CallMessage] = field(default_factory=deque)
    #: milliseconds of audio that wait, by leg
    milliseconds: dict[Leg, int] = field(default_factory=lambda: {"customer": 0, "agent": 0})

    @property
    def behind_ms(self) -> int:
        """How far the call is behind."""
        return max(self.milliseconds.values())

    @property
    def furthest_leg(self) -> Leg:
        """The leg that has more audio waiting."""
        return max(self.milliseconds, key=lambda leg: self.milliseconds[leg])


def socket_path(runtime_directory: Path, shard: int) -> Path:
    """The unix socket that engine `shard` binds (PULL) and capture connects to (PUSH)."""
    return runtime_directory / f"audio-{shard}.sock"


def shard_of(call: str, processes: int) -> int:
    """The engine process, 0..processes-1, that all messages of a call go to."""
    return zlib.crc32(call.encode()) % processes


class _Shard:
    """One engine's socket and the queues in front of it."""

    def __init__(self, socket: zmq.Socket[bytes], max_backlog_seconds: float) -> None:
        self.sent = self.dropped_blocks = self.dropped_ms = 0
        self._socket = socket
        self._limit_ms = int(1000 * max_backlog_seconds)
        self._queues: dict[str, _Queue] = {}
        #: the calls that have something waiting, the next one to send first
        self._turns: deque[str] = deque()
        self._bytes = 0

    @property
    def waiting(self) -> int:
        return sum(len(queue.messages) for queue in self._queues.values())

    def behind_ms(self, call: str) -> int:
        queue = self._queues.get(call)
        return queue.behind_ms if queue else 0

    def put(self, message: CallMessage) -> None:
        if not self._turns and self._try(message):
            return
        call = message.call
        queue = self._queues.get(call)
        if queue is None:
            queue = self._queues[call] = _Queue()
            self._turns.append(call)
        if isinstance(message, CallStarted):
            # A call that is announced again may have a new engine, which has to know of it before what waits.
            if not any(isinstance(one, CallStarted) for one in queue.messages):
                queue.messages.appendleft(message)
            return
        queue.messages.append(message)
        if isinstance(message, AudioBlock):
            self._account(queue, message, 1)
            while queue.milliseconds[message.leg] > self._limit_ms:
                self._drop(queue, message.leg)
            while self._bytes > MAX_SHARD_BYTES:
                furthest = max(self._queues.values(), key=lambda one: one.behind_ms)
                self._drop(furthest, furthest.furthest_leg)

    def forget_audio(self, call: str) -> None:
        queue = self._queues.get(call)
        if queue is None:
            return
        kept: deque[CallMessage] = deque()
        for message in queue.messages:
            if isinstance(message, AudioBlock):
                self._account(queue, message, -1)
            else:
                kept.append(message)
        queue.messages = kept
        if not kept:
            del self._queues[call]
            self._turns.remove(call)

    def drain(self) -> bool:
        """Send what the engine takes, one message of each call in turn; true when nothing waits any more."""
        while self._turns:
            call = self._turns[0]
            queue = self._queues[call]
            if not self._try(queue.messages[0]):
                return False
            message = queue.messages.popleft()
            if isinstance(message, AudioBlock):
                self._account(queue, message, -1)
            self._turns.popleft()
            if queue.messages:
                self._turns.append(call)
            else:
                del self._queues[call]
        return True

    def close(self, linger_ms: int) -> None:
        self._socket.close(linger=linger_ms)

    def _try(self, message: CallMessage) -> bool:
        try:
            self._socket.send(encode(message), zmq.NOBLOCK)
        except zmq.Again:
            return False
        self.sent += 1
        return True

    def _account(self, queue: _Queue, block: AudioBlock, sign: int) -> None:
        queue.milliseconds[block.leg] += sign * (block.end_ms - block.start_ms)
        self._bytes += sign * len(block.pcm)

    def _drop(self, queue: _Queue, leg: Leg) -> None:
        """Replace the leg's oldest waiting block by the report of its loss, joined to the one before it."""
        report: int | None = None
        for index, message in enumerate(queue.messages):
            if isinstance(message, AudioDropped):
                if message.leg == leg:
                    report = index
            elif not isinstance(message, AudioBlock):
                report = None
            elif message.leg == leg:
                break
        else:
            raise AssertionError("audio that is accounted for is not in its queue")
        lost = message.end_ms - message.start_ms
        self._account(queue, message, -1)
        self.dropped_ms += lost
        self.dropped_blocks += 1
        if report is None:
            queue.messages[index] = AudioDropped(message.call, leg, lost)
        else:
            before = queue.messages[report]
            assert isinstance(before, AudioDropped)
            queue.messages[report] = AudioDropped(message.call, leg, before.milliseconds + lost)
            del queue.messages[index]


class AudioOutlet:
    """Sends the messages of all calls to their engines; for use from one thread.

    Args:
        runtime_directory: where the engines bind `audio-<n>.sock`.
        processes: how many engines there are.
        max_backlog_seconds: audio of one leg that may wait for its engine before its oldest is dropped.
    """

    def __init__(self, runtime_directory: Path, processes: int, max_backlog_seconds: float) -> None:
        self._context: zmq.Context[zmq.Socket[bytes]] = zmq.Context()
        self._shards = [
            _Shard(self._connect(socket_path(runtime_directory, shard)), max_backlog_seconds)
            for shard in range(processes)
        ]

    def send(self, message: CallMessage) -> None:
        """Send, or queue if the call's engine is behind or not there; never blocks."""
        shard = self._shards[shard_of(message.call, len(self._shards))]
        shard.drain()
        shard.put(message)

    def forget_audio(self, call: str) -> None:
        """Throw away what waits of a call's audio; everything else of it stays."""
        self._shards[shard_of(call, len(self._shards))].forget_audio(call)

    def flush(self) -> bool:
        """Send what the engines take now of what waits; true when nothing waits any more.

        Call it as often as the legs are polled: nothing else moves the queues while no new messages come.
        """
        empty = True
        for shard in self._shards:
            empty = shard.drain() and empty
        return empty

    def behind_ms(self, call: str) -> int:
        """Milliseconds of a call's audio (of the leg with more of it) that wait for its engine."""
        return self._shards[shard_of(call, len(self._shards))].behind_ms(call)

    @property
    def counters(self) -> OutletCounters:
        """The counters of all engines together."""
        shards = self._shards
        return OutletCounters(
            sent=sum(shard.sent for shard in shards),
            dropped_blocks=sum(shard.dropped_blocks for shard in shards),
            dropped_ms=sum(shard.dropped_ms for shard in shards),
            waiting=sum(shard.waiting for shard in shards),
        )

    def close(self, patience: float = 1.0) -> bool:
        """Send what waits for at most `patience` seconds, then close; true when everything was sent."""
        deadline = time.monotonic() + patience
        while not (empty := self.flush()) and time.monotonic() < deadline:
            time.sleep(0.005)
        # Messages that ZeroMQ has already taken get the rest of the time.
        for shard in self._shards:
            shard.close(linger_ms=max(0, int(1000 * (deadline - time.monotonic()))))
        self._context.term()
        return empty

    def _connect(self, path: Path) -> zmq.Socket[bytes]:
        socket = self._context.socket(zmq.PUSH)
        socket.set(zmq.SNDHWM, HIGH_WATER_MARK)
        socket.set(zmq.SNDBUF, SOCKET_BUFFER)
        # Without an engine nothing may vanish into ZeroMQ's own queue.
        socket.set(zmq.IMMEDIATE, 1)
        socket.set(zmq.RECONNECT_IVL, 50)
        socket.set(zmq.RECONNECT_IVL_MAX, 1000)
        socket.connect(f"ipc://{path}")
        return socket
