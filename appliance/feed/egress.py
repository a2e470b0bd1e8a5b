"""The way out of the feed: what leaves is entered in the ledger first, and sent when the entry is written."""

from __future__ import annotations

import contextlib
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final, Literal

import zmq

from appliance.box.clock.latest import Jump
from appliance.box.journal import Journal
from appliance.box.journal_values import ErrnoName
from appliance.feed.feed_events import LedgerFailed, LedgerWorksAgain
from appliance.feed.ledger import Ledger, LedgerError
from appliance.feed.ledger_records import kind_of
from appliance.protocol.replies import Reply, encode_reply

#: A ledger that failed is tried again at this interval, and complained about at the next.
RETRY_SECONDS: Final = 1.0
COMPLAIN_SECONDS: Final = 10.0
#: Jumps of the clock that wait for a ledger that cannot be written.
MOST_JUMPS: Final = 64

#: What happens when the ledger fails: nothing leaves any more, or messages leave without entries.
Policy = Literal["stop", "go_on"]


def _wall() -> int:
    return time.time_ns() // 1_000_000


@dataclass(slots=True)
class EgressCounters:
    """What left, and what did not."""

    messages: int = 0
    bytes: int = 0
    #: not sent, because the ledger failed
    withheld: int = 0
    #: sent without an entry
    unrecorded: int = 0


@dataclass(slots=True)
class _Failure:
    since: float
    wall: int
    reason: str
    messages: int = 0
    size: int = 0
    complained: float = 0.0


class Egress:
    """Collects what a turn of the feed sends; `release` enters and sends it. Never blocks."""

    def __init__(
        self,
        ledger: Ledger | None,
        journal: Journal,
        policy: Policy = "stop",
        clock: Callable[[], float] = time.monotonic,
        wall: Callable[[], int] = _wall,
    ) -> None:
        self._ledger = ledger
        self._journal = journal
        self.policy: Final = policy
        self._clock = clock
        #: unix ms
        self._wall = wall
        self._queue: list[tuple[zmq.Socket[bytes], list[bytes]]] = []
        self._small: dict[str, list[tuple[str, bytes]]] = {}
        self._jumps: list[Jump] = []
        self._failure: _Failure | None = None
        self._next_try = 0.0
        self.counters = EgressCounters()

    @property
    def recorded(self) -> bool:
        """Whether what leaves now is entered in a ledger."""
        return self._ledger is not None and self._failure is None

    @property
    def failure(self) -> str | None:
        """Why the ledger cannot be written now, as a name of errno(3); None where it can."""
        return self._failure.reason if self._failure is not None else None

    def publish(self, socket: zmq.Socket[bytes], topic: str, data: bytes, frames: list[bytes]) -> None:
        """Send a message under each of the topic frames in `frames`."""
        if not frames or self._stopped(len(frames), len(data) * len(frames)):
            return
        if self._ledger is not None and self._failure is None:
            self._ledger.enter(kind_of(data), topic, data, len(frames), self._wall())
        self._queue.extend((socket, [frame, data]) for frame in frames)
        self._count(len(frames), len(data) * len(frames))

    def beat(self, socket: zmq.Socket[bytes], topic: str, data: bytes, frame: bytes) -> None:
        """Send a heartbeat; all of a turn are entered together."""
        self._send_small("beat", socket, topic, [frame, data], data)

    def reply(
        self,
        socket: zmq.Socket[bytes],
        topic: str,
        envelope: list[bytes],
        reply: Reply,
        *,
        messages: tuple[bytes, ...] = (),
    ) -> None:
        """Send a reply's head and the messages after it; heads of a turn are entered together."""
        head, size = encode_reply(reply), sum(map(len, messages))
        if self._stopped(len(messages), size):
            return
        if self._ledger is not None and self._failure is None:
            wall = self._wall()
            for data in messages:
                self._ledger.enter(kind_of(data), topic, data, 1, wall)
        self._count(len(messages), size)
        kind = f"reply.{reply.__struct_config__.tag}"
        self._send_small(kind, socket, topic, [*envelope, head, *messages], head)

    def release(self) -> None:
        """Write the entries of what was collected, then send it. Where that fails, see `Policy`."""
        if self._ledger is not None and (self._queue or self._failure or self._small or self._jumps):
            self._record(self._ledger)
        queue, self._queue = self._queue, []
        for socket, frames in queue:
            # A full queue of a slow peer drops; Again can come of a signal only.
            with contextlib.suppress(zmq.Again):
                socket.send_multipart(frames, zmq.NOBLOCK)

    def clock_jumped(self, jump: Jump) -> None:
        """Enter that the clock jumped, before what is sent next; kept while the ledger cannot be written."""
        if self._ledger is not None:
            self._jumps = [*self._jumps[1 - MOST_JUMPS :], jump]

    def idle(self) -> None:
        """Sign what is not signed yet, where nothing was sent for a while."""
        if self._ledger is not None and self._failure is None:
            with contextlib.suppress(LedgerError):
                self._ledger.flush(self._wall())

    def _send_small(
        self, kind: str, socket: zmq.Socket[bytes], topic: str, frames: list[bytes], data: bytes
    ) -> None:
        if self._stopped(1, len(data)):
            return
        if self._ledger is not None and self._failure is None:
            self._small.setdefault(kind, []).append((topic, data))
        self._queue.append((socket, frames))
        self._count(1, len(data))

    def _record(self, ledger: Ledger) -> None:
        wall, now, failure = self._wall(), self._clock(), self._failure
        if failure is not None and now < self._next_try:
            return
        try:
            if failure is not None:
                ledger.reopen(wall)
                if failure.messages and self.policy == "go_on":
                    ledger.enter_unrecorded(failure.wall, failure.messages, failure.size, wall)
            for jump in self._jumps:
                ledger.enter_jump(jump, wall)
            for kind, sent in self._small.items():
                ledger.enter_all(kind, sent, wall)
            ledger.flush(wall)
            self._jumps.clear()
        except LedgerError as error:
            self._failed(error, now, wall)
        else:
            if failure is not None:
                self._recovered(failure, now)
        self._small.clear()

    def _recovered(self, failure: _Failure, now: float) -> None:
        self._failure = None
        stopped = self.policy == "stop"
        self._journal.write(
            LedgerWorksAgain(
                seconds=round(now - failure.since, 1),
                unrecorded=0 if stopped else failure.messages,
                withheld=failure.messages if stopped else 0,
            )
        )

    def failed(self, error: LedgerError) -> None:
        """The ledger could not even be opened."""
        self._failed(error, self._clock(), self._wall())

    def _failed(self, error: LedgerError, now: float, wall: int) -> None:
        self._next_try = now + RETRY_SECONDS
        if self._failure is None:
            self._failure = _Failure(now, wall, error.code)
            for _, frames in self._queue:
                self._missed(1, len(frames[-1]))
        if self.policy == "stop":
            self._queue.clear()
        failure = self._failure
        if not failure.complained or now - failure.complained >= COMPLAIN_SECONDS:
            failure.complained = now
            self._journal.write(
                LedgerFailed(
                    reason=ErrnoName(error.code),
                    policy=self.policy,
                    seconds=round(now - failure.since, 1),
                    messages=failure.messages,
                )
            )
            says = (
                "nothing is sent to any seat until it works again"
                if self.policy == "stop"
                else "messages leave WITHOUT entries, as feed.ledger_failure allows"
            )
            print(
                f"ridge feed: the egress ledger cannot be written ({error}); {says}. Free space on the disk "
                "of box.state_directory, or lower feed.ledger_megabytes",
                file=sys.stderr,
                flush=True,
            )

    def _stopped(self, messages: int, size: int) -> bool:
        if self._failure is None:
            return False
        self._missed(messages, size)
        return self.policy == "stop"

    def _missed(self, messages: int, size: int) -> None:
        if self._failure is not None:
            self._failure.messages += messages
            self._failure.size += size
            if self.policy == "stop":
                self.counters.withheld += messages
            else:
                self.counters.unrecorded += messages

    def _count(self, messages: int, size: int) -> None:
        self.counters.messages += messages
        self.counters.bytes += size
