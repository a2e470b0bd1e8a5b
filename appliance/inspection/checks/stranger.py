"""The feed's door, tried from outside: a key that nobody enrolled must not get in.

The publisher binds its ports only after its authenticator has answered a probe. This asks the ports
themselves, as any stranger on the seats' network could. The feed counts it as one denied key.
"""

from __future__ import annotations

import ipaddress
import time
from collections.abc import Iterator
from typing import Final

import zmq
from zmq.utils.monitor import recv_monitor_message

from appliance.feed.keys import BOX_PUBLIC_FILE
from appliance.inspection.finding import Finding, failed, not_checked, ok
from appliance.inspection.ground import Ground

#: A handshake on the same machine takes a millisecond; a loaded box may need more.
ANSWER_SECONDS: Final = 3.0
_REFUSED: Final = (
    zmq.EVENT_HANDSHAKE_FAILED_AUTH, zmq.EVENT_HANDSHAKE_FAILED_PROTOCOL,
    zmq.EVENT_HANDSHAKE_FAILED_NO_DETAIL,
)  # fmt: skip
_Z85_LENGTH: Final = 40


def check(ground: Ground) -> Iterator[Finding]:
    """Knock at both ports."""
    feed = ground.config.feed
    try:
        key = (ground.feed_directory / BOX_PUBLIC_FILE).read_bytes().strip()
    except PermissionError:
        yield not_checked("feed.stranger", "feed", "not_permitted")
        return
    except FileNotFoundError:
        yield not_checked("feed.stranger", "feed", "feed_silent")
        return
    for port in (feed.publish_port, feed.control_port):
        subject = f"{_host(feed.bind)}:{port}"
        if port == 0:
            yield not_checked("feed.stranger", subject, "feed_port")
        elif len(key) != _Z85_LENGTH:
            yield not_checked("feed.stranger", subject, "unreadable", what=BOX_PUBLIC_FILE)
        else:
            yield _knock(subject, key)


def _knock(address: str, server_key: bytes) -> Finding:
    context: zmq.Context[zmq.Socket[bytes]] = zmq.Context()
    socket = context.socket(zmq.DEALER)
    socket.linger = 0
    socket.ipv6 = True
    socket.curve_serverkey = server_key
    socket.curve_publickey, socket.curve_secretkey = zmq.curve_keypair()
    monitor = socket.get_monitor_socket()
    try:
        socket.connect(f"tcp://{address}")
        deadline = time.monotonic() + ANSWER_SECONDS
        while (left := deadline - time.monotonic()) > 0 and monitor.poll(int(left * 1000) or 1):
            event = recv_monitor_message(monitor)["event"]
            if event in _REFUSED:
                return ok("feed.stranger", address, {"refused": True})
            if event == zmq.EVENT_HANDSHAKE_SUCCEEDED:
                return failed("feed.stranger", address, "feed_open", {"refused": False})
    finally:
        socket.disable_monitor()
        monitor.close(linger=0)
        socket.close()
        context.term()
    return not_checked("feed.stranger", address, "feed_silent")


def _host(bind: str) -> str:
    address = ipaddress.ip_address(bind)
    if address.is_unspecified:
        return "127.0.0.1" if address.version == 4 else "[::1]"
    return bind if address.version == 4 else f"[{bind}]"
