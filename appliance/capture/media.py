"""The sockets that RTP comes to: opened per stream, read all together a few dozen times a second.

One read of everything that waits costs less than one wake-up a packet. Nothing is lost by it, because the
kernel stamps each datagram with its arrival and holds seconds of audio; what it had to drop, it counts.
"""

from __future__ import annotations

import errno
import select
import socket
import struct
import time
from collections.abc import Callable
from typing import Final

from appliance.capture.portpool import PortPool

#: 1 MiB holds several hundred packets (the kernel accounts about 1 KiB for each): seconds of one leg.
RECEIVE_BUFFER: Final = 1 << 20
#: Datagrams read of one socket at a time, so that a flood on one delays the others little. Real media is one
#: or two; a call played at many times its speed stays below.
MAX_READ: Final = 256
#: Longer than any packet of G.711 (RFC 3551: 200 ms are 1600 bytes); what is longer is cut and refused.
MAX_DATAGRAM: Final = 2_048
#: A port that another program has taken is skipped; after so many the pool counts as empty.
MAX_PORT_ATTEMPTS: Final = 64
#: The kernel's stamp is of the wall clock; one further back than this belongs to a clock that was set.
MAX_AGE: Final = 2.0

# Linux's numbers (asm-generic/socket.h), which Python's socket module does not name.
_SO_RCVBUFFORCE: Final = 33
_SO_TIMESTAMPNS: Final = 35
_SO_RXQ_OVFL: Final = 40
_TIMESPEC: Final = struct.Struct("@ll")
_COUNT: Final = struct.Struct("@I")
_ANCILLARY: Final = socket.CMSG_SPACE(_TIMESPEC.size) + socket.CMSG_SPACE(_COUNT.size)

Source = tuple[str, int]
Sink = Callable[[bytes, Source, float], None]


class NoPortError(Exception):
    """No RTP port is free."""


class RtpSocket:
    """One bound socket; `sink` takes what comes, and without one it is thrown away."""

    def __init__(self, port: int, bound: socket.socket) -> None:
        self.port = port
        self.sink: Sink | None = None
        #: datagrams thrown away because nobody wanted them
        self.discarded = 0
        #: datagrams from outside the gateways' networks
        self.foreign = 0
        #: datagrams that the kernel dropped because its buffer was full
        self.dropped = 0
        #: when the last datagram of a gateway came
        self.last: float | None = None
        self.bound = bound


class RtpSockets:
    """All RTP sockets of the service."""

    def __init__(self, address: str, ports: PortPool, allowed: Callable[[str], bool]) -> None:
        """Bind sockets on `address` to ports of the pool; take datagrams from `allowed` addresses only."""
        self._address = address
        self._family = socket.AF_INET6 if ":" in address else socket.AF_INET
        self._ports = ports
        self._allowed = allowed
        self._poll = select.epoll()
        self._open: dict[int, RtpSocket] = {}
        #: times that something waited at a socket, and datagrams that were read
        self.waited = 0
        self.taken = 0

    def __len__(self) -> int:
        return len(self._open)

    def open(self, now: float) -> RtpSocket:
        """Bind a socket to a rested port.

        Raises:
            NoPortError: no port is free, or other programs hold the next ones.
        """
        for _ in range(MAX_PORT_ATTEMPTS):
            port = self._ports.acquire(now)
            if port is None:
                break
            try:
                bound = socket.socket(self._family, socket.SOCK_DGRAM)
            except OSError as error:
                # No more files may be opened.
                self._ports.release(port, now)
                raise NoPortError from error
            restrict_to_family(bound)
            try:
                bound.bind((self._address, port))
            except OSError as error:
                bound.close()
                self._ports.release(port, now)
                if error.errno != errno.EADDRINUSE:
                    raise NoPortError from error
                continue
            bound.setblocking(False)
            enlarge_receive_buffer(bound, RECEIVE_BUFFER)
            bound.setsockopt(socket.SOL_SOCKET, _SO_TIMESTAMPNS, 1)
            bound.setsockopt(socket.SOL_SOCKET, _SO_RXQ_OVFL, 1)
            opened = RtpSocket(port, bound)
            self._open[bound.fileno()] = opened
            self._poll.register(bound.fileno(), select.EPOLLIN)
            return opened
        raise NoPortError

    def close(self, opened: RtpSocket, now: float) -> None:
        """Close a socket; its port rests."""
        descriptor = opened.bound.fileno()
        if self._open.pop(descriptor, None) is not None:
            self._poll.unregister(descriptor)
            opened.bound.close()
            self._ports.release(opened.port, now)

    def read(self, now: float) -> None:
        """Hand everything that has come to the sinks, with its time of arrival on the clock of `now`."""
        ready = self._poll.poll(0)
        if not ready:
            return
        self.waited += len(ready)
        offset = now - time.time()
        for descriptor, _ in ready:
            opened = self._open.get(descriptor)
            if opened is not None:
                self._read_one(opened, now, offset)

    def shut(self) -> None:
        """Close everything."""
        for opened in list(self._open.values()):
            self.close(opened, 0.0)
        self._poll.close()

    def _read_one(self, opened: RtpSocket, now: float, offset: float) -> None:
        receive, allowed, sink = opened.bound.recvmsg, self._allowed, opened.sink
        for _ in range(MAX_READ):
            try:
                data, ancillary, _, address = receive(MAX_DATAGRAM, _ANCILLARY)
            except BlockingIOError:
                return
            except OSError:
                # An ICMP error of the path; the next read tells more.
                continue
            self.taken += 1
            if not allowed(address[0]):
                opened.foreign += 1
                continue
            arrival = now
            for _, kind, value in ancillary:
                if kind == _SO_TIMESTAMPNS and len(value) >= _TIMESPEC.size:
                    seconds, nanoseconds = _TIMESPEC.unpack_from(value)
                    arrival = seconds + nanoseconds * 1e-9 + offset
                elif kind == _SO_RXQ_OVFL and len(value) >= _COUNT.size:
                    opened.dropped = _COUNT.unpack_from(value)[0]
            if not now - MAX_AGE <= arrival <= now:
                arrival = now
            opened.last = arrival
            if sink is None:
                opened.discarded += 1
            else:
                sink(data, (address[0], address[1]), arrival)


def restrict_to_family(bound: socket.socket) -> None:
    """Keep an IPv6 socket from taking IPv4 too, whose mapped addresses match no network of the gateways."""
    if bound.family == socket.AF_INET6:
        bound.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)


def enlarge_receive_buffer(bound: socket.socket, size: int) -> None:
    """Ask for a buffer of `size` bytes; only a privileged process gets more than net.core.rmem_max allows."""
    try:
        bound.setsockopt(socket.SOL_SOCKET, _SO_RCVBUFFORCE, size)
    except OSError:
        bound.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, size)
