"""The seat client: profiles of this seat as an iterator, over ZeroMQ with CURVE.

Needs pyzmq and msgpack only. Leases, reconnection, order, gaps and the state at the start are taken care of::

    with SeatClient(SeatKeys.load(Path("seat-keys"), "8001")) as client:
        for message in client:
            print(message["type"], message.get("relationship"))

or, in a coroutine, ``async for message in client``; or with a callback, ``client.listen(show)`` and
``await client.listen_async(show)``. A supervisor's keys give the messages of all seats of the group, each
with its `seat`; nothing else differs. ``client.feedback(call, advice, "helpful")`` tells the box what an
agent thinks of a piece of advice.
"""

from __future__ import annotations

import asyncio
import contextlib
import dataclasses
import inspect
import threading
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from types import TracebackType
from typing import Final, Literal

import zmq
from zmq.utils.monitor import recv_monitor_message

from appliance.seat.keys import SeatError, SeatKeys
from appliance.seat.session import SeatSession
from appliance.seat.stream import Message
from appliance.seat.verdicts import Done, Verdict

#: `connecting`: no answer yet; `connected`; `refused`: the box does not know this key; `silent`: the box was
#: there and has not been heard for a while (the client keeps trying)
State = Literal["connecting", "connected", "refused", "silent"]

#: A box that is silent for longer than this, and for longer than three of its beats, is connected to anew
#: (its address may have moved, or its keys). Beats come every 2 s by default.
SILENCE_SECONDS: Final = 15.0
SILENT_BEATS: Final = 3
#: A seat that the box refuses may be let in again, or have a new key, at any time.
REFUSED_SECONDS: Final = 5.0
#: A box that has announced another key and does not answer to one of the two is tried with the other.
OTHER_KEY_SECONDS: Final = 2.0
RECONNECT_MS: Final = 250
MAX_RECONNECT_MS: Final = 5_000
#: Messages that wait in this process while the caller is busy; what comes on top is asked for later.
QUEUED_MESSAGES: Final = 1024
#: The longest wait without a look at the clock.
TURN_SECONDS: Final = 0.25
#: Frames are a topic, a message of 4 KiB, or less.
MAX_FRAME_BYTES: Final = 8192


class SeatClient:
    """The messages of one seat, or of a supervisor's group.

    Take them with `receive`, the iterator, the asynchronous iterator, or a callback. Belongs to one thread;
    `feedback` and `stop` may be called from others.
    """

    def __init__(
        self,
        keys: SeatKeys,
        publish: str | None = None,
        control: str | None = None,
        *,
        silence_seconds: float = SILENCE_SECONDS,
    ) -> None:
        """Connect in the background; addresses default to those of the key directory.

        Raises:
            SeatError: no address is known, or it is not `tcp://HOST:PORT`.
        """
        self._keys = keys
        self._publish, self._control = keys.addresses(publish, control)
        self._silence_seconds = silence_seconds
        self._session = SeatSession()
        self._box, self._next_box = keys.box, keys.next_box()
        self._stopped = threading.Event()
        self._context: zmq.Context[zmq.Socket[bytes]] = zmq.Context()
        self._state: State = "connecting"
        self._open(time.monotonic())

    @property
    def state(self) -> State:
        """How the connection is."""
        return self._state

    @property
    def lost(self) -> int:
        """Messages that were missed and that the feed did not have any more."""
        return self._session.stream.lost

    @property
    def topic(self) -> str | None:
        """What these keys are for: `seat/8001/`, or a supervisor's `group/loans/`; None until known."""
        return self._session.lease.topic

    def feedback(self, call: str, advice: str, verdict: Verdict, done: Done | None = None) -> None:
        """Tell the box whether a strategy (`advice[].id`) helped in a call. Does not wait.

        `done` is called once by the thread that takes messages, with `accepted`, `no_answer`, or an error:
        `unknown_call` (too long ago), `not_given` (no advice of this call), `too_many_requests`.
        """
        self._session.verdicts.put(call, advice, verdict, done)

    def listen(self, on_message: Callable[[Message], None]) -> None:
        """Call `on_message` for every message until `stop`."""
        for message in self:
            on_message(message)

    async def listen_async(self, on_message: Callable[[Message], Awaitable[None] | None]) -> None:
        """Call `on_message`, a function or a coroutine function, for every message until `stop`."""
        async for message in self:
            result = on_message(message)
            if inspect.isawaitable(result):
                await result

    def stop(self) -> None:
        """End the iterators and `listen` within a quarter of a second."""
        self._stopped.set()

    def receive(self, timeout: float | None = None) -> Message | None:
        """The next message; None when `timeout` seconds have passed without one."""
        end = None if timeout is None else time.monotonic() + timeout
        while not self._ready:
            now = time.monotonic()
            if end is not None and now >= end:
                return None
            wait = self._wait(now) if end is None else min(self._wait(now), end - now)
            self._poller.poll(int(wait * 1000) + 1)
            self._pump(time.monotonic())
        return self._ready.pop(0)

    def __iter__(self) -> Iterator[Message]:
        """Every message from now on; ends when the client is stopped or closed."""
        while not self._ended:
            message = self.receive(TURN_SECONDS)
            if message is not None:
                yield message

    async def __aiter__(self) -> AsyncIterator[Message]:
        """Every message from now on; other tasks run while none comes."""
        while not self._ended:
            self._pump(time.monotonic())
            while self._ready:
                yield self._ready.pop(0)
            await self._wait_readable(self._wait(time.monotonic()))

    @property
    def _ended(self) -> bool:
        return self._context.closed or self._stopped.is_set()

    def close(self) -> None:
        """Disconnect. Further calls do nothing."""
        if not self._context.closed:
            self._close_sockets()
            self._context.term()

    def __enter__(self) -> SeatClient:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def _open(self, now: float) -> None:
        self._ready: list[Message] = getattr(self, "_ready", [])
        self._heard = self._opened = now
        self._shaken = False
        self._subscriber = self._connect(zmq.SUB)
        self._subscriber.rcvhwm = QUEUED_MESSAGES
        self._monitor = self._subscriber.get_monitor_socket(
            zmq.EVENT_HANDSHAKE_SUCCEEDED | zmq.EVENT_HANDSHAKE_FAILED_AUTH | zmq.EVENT_DISCONNECTED
        )
        self._subscribed = self._session.lease.prefix
        if self._subscribed is not None:
            self._subscriber.subscribe(self._subscribed)
        self._subscriber.connect(self._publish)
        self._asker = self._connect(zmq.DEALER)
        # A request is worth nothing later: none is queued while there is no connection.
        self._asker.immediate = True
        self._asker.connect(self._control)
        self._sockets = (self._subscriber, self._asker, self._monitor)
        self._poller = zmq.Poller()
        for socket in self._sockets:
            self._poller.register(socket, zmq.POLLIN)

    def _connect(self, kind: int) -> zmq.Socket[bytes]:
        socket = self._context.socket(kind)
        socket.curve_serverkey = self._box
        socket.curve_publickey = self._keys.public
        socket.curve_secretkey = self._keys.secret
        socket.linger = 0
        socket.maxmsgsize = MAX_FRAME_BYTES
        socket.reconnect_ivl = RECONNECT_MS
        socket.reconnect_ivl_max = MAX_RECONNECT_MS
        if "[" in self._publish:
            socket.ipv6 = True
        return socket

    def _close_sockets(self) -> None:
        self._subscriber.disable_monitor()
        for socket in self._sockets:
            socket.close()

    def _wait(self, now: float) -> float:
        return min(TURN_SECONDS, self._session.due(now))

    async def _wait_readable(self, seconds: float) -> None:
        # A ZeroMQ descriptor tells of changes only (ZMQ_FD), so the sockets have been emptied before.
        loop = asyncio.get_running_loop()
        changed = asyncio.Event()
        descriptors = [int(socket.getsockopt(zmq.FD)) for socket in self._sockets]
        for descriptor in descriptors:
            loop.add_reader(descriptor, changed.set)
        try:
            await asyncio.wait_for(changed.wait(), seconds)
        except asyncio.TimeoutError:
            pass
        finally:
            for descriptor in descriptors:
                loop.remove_reader(descriptor)

    def _pump(self, now: float) -> None:
        """Move what there is from the sockets to the stream, and its requests to the feed."""
        if self._context.closed:
            return
        self._watch_connection(now)
        while frames := _receive(self._subscriber):
            if len(frames) == 2 and self._session.published(frames[0], frames[1], now):
                self._heard = now
                self._state = "connected"
        self._take_replies(now)
        for request in self._session.requests(now):
            try:
                self._asker.send(request, zmq.NOBLOCK)
            except zmq.Again:
                break
            # Sending may have used up the sign that a reply is there.
            self._take_replies(now)
        self._ready.extend(self._session.take())
        self._note_next_box()
        if now - self._heard > self._patience:
            if self._state == "connected":
                self._state = "silent"
            self._reopen(now)
        elif self._next_box and not self._shaken and now - self._opened > OTHER_KEY_SECONDS:
            # The box may have taken its next key, or may not have yet.
            self._box = self._keys.box if self._box == self._next_box else self._next_box
            self._reopen(now)

    @property
    def _patience(self) -> float:
        if self._state == "refused":
            return min(self._silence_seconds, REFUSED_SECONDS)
        return max(self._silence_seconds, SILENT_BEATS * self._session.lease.beat_seconds)

    def _reopen(self, now: float) -> None:
        self._close_sockets()
        if self._keys.directory is not None:
            # The seat's key may have been exchanged meanwhile.
            with contextlib.suppress(SeatError):
                self._keys = SeatKeys.load(self._keys.directory, self._keys.seat)
        self._open(now)

    def _note_next_box(self) -> None:
        announced = self._session.lease.next_box
        if announced is not None and announced not in {self._next_box, self._box}:
            self._next_box = announced
            # It is remembered by this process at least.
            with contextlib.suppress(SeatError):
                self._keys.keep_next_box(announced)

    def _shake(self) -> None:
        """The box that is connected to has the key that was tried."""
        self._shaken = True
        if self._box == self._next_box:
            self._next_box = None
            with contextlib.suppress(SeatError):
                self._keys.take_box(self._box)
            self._keys = dataclasses.replace(self._keys, box=self._box)

    def _take_replies(self, now: float) -> None:
        while frames := _receive(self._asker):
            self._session.replied(frames, now)
        if self._session.refused:
            self._state = "refused"
        prefix = self._session.lease.prefix
        if prefix != self._subscribed:
            if self._subscribed is not None:
                self._subscriber.unsubscribe(self._subscribed)
            if prefix is not None:
                self._subscriber.subscribe(prefix)
            self._subscribed = prefix

    def _watch_connection(self, now: float) -> None:
        while self._monitor.poll(0):
            event = recv_monitor_message(self._monitor)["event"]
            if event == zmq.EVENT_HANDSHAKE_SUCCEEDED:
                self._state = "connected"
                self._shake()
                # A box that was started anew knows nothing of the lease.
                self._session.lease.renew()
            elif event == zmq.EVENT_HANDSHAKE_FAILED_AUTH:
                self._state = "refused"
            elif event == zmq.EVENT_DISCONNECTED:
                if self._shaken:
                    self._shaken, self._opened = False, now
                if self._state == "connected":
                    self._state = "silent"


def _receive(socket: zmq.Socket[bytes]) -> list[bytes]:
    try:
        return socket.recv_multipart(zmq.NOBLOCK)
    except zmq.Again:
        return []
