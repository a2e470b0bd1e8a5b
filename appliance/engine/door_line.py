"""The engine's side of the door: the socket to the feed, and the outbox behind it."""

from __future__ import annotations

from pathlib import Path
from typing import Final

import zmq
from zmq.utils.monitor import recv_monitor_message

from appliance.engine.outbox import Outbox

#: Messages that ZeroMQ may hold for a feed that is busy; for one that is not there they wait in the outbox.
DOOR_QUEUE: Final = 256
#: How long the last messages may take to leave at shutdown.
LINGER_MS: Final = 2_000
#: A feed that was started anew is found this soon.
RECONNECT_MS: Final = 100


class DoorLine:
    """Sends encoded door messages to the feed, now or when it is there."""

    def __init__(self, context: zmq.Context[zmq.Socket[bytes]], path: Path, *, quotes: bool = False) -> None:
        self._socket = context.socket(zmq.PUSH)
        self._socket.setsockopt(zmq.SNDHWM, DOOR_QUEUE)
        self._socket.setsockopt(zmq.LINGER, LINGER_MS)
        self._socket.setsockopt(zmq.RECONNECT_IVL, RECONNECT_MS)
        # While the feed is not there nothing may pile up behind the outbox's back.
        self._socket.setsockopt(zmq.IMMEDIATE, 1)
        self._monitor = self._socket.get_monitor_socket(
            zmq.EVENT_DISCONNECTED | zmq.EVENT_HANDSHAKE_SUCCEEDED
        )
        self._was_shut = False
        self.outbox = Outbox(self._send, quotes)
        self._socket.connect(f"ipc://{path}")

    def put(self, data: bytes, now: float) -> None:
        """Send one message, or keep it until it can be sent; `now` is monotonic, in seconds."""
        self.outbox.put(data, now)

    def turn(self, now: float) -> None:
        """Notice a feed that was started anew, and send what waits."""
        while self._monitor.poll(0):
            event = recv_monitor_message(self._monitor)["event"]
            if event == zmq.EVENT_DISCONNECTED:
                self._was_shut = True
            elif self._was_shut:
                self._was_shut = False
                self.outbox.reopened(now)
        self.outbox.flush(now)

    def close(self) -> None:
        """Close the socket; what was sent leaves within its linger when the context ends."""
        self._socket.disable_monitor()
        self._monitor.close()
        self._socket.close()

    def _send(self, data: bytes) -> bool:
        try:
            self._socket.send(data, zmq.DONTWAIT)
        except zmq.Again:
            return False
        return True
