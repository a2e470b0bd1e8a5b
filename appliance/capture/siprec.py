"""SIP over UDP and TCP sockets: carries bytes and time into the recording server's core, and out of it."""

from __future__ import annotations

import asyncio
import contextlib
import ipaddress
import secrets
import socket
from collections.abc import Callable
from typing import Final

from appliance.box.config import Siprec
from appliance.capture.gateways import Gateways
from appliance.capture.media import enlarge_receive_buffer, restrict_to_family
from appliance.telephony.recording_events import RecordingEvent
from appliance.telephony.recording_server import RecordingServer, ServerSettings
from appliance.telephony.signalled import Wanted
from appliance.telephony.sip_transaction import Peer, Transmission

#: A burst of INVITEs of 4 KB each must not be dropped while one is handled.
RECEIVE_BUFFER: Final = 4 << 20
#: TCP connections at a time; a gateway opens one or a few.
MAX_CONNECTIONS: Final = 256
#: Bytes that may wait to be sent on one connection; a client that reads nothing is cut off.
MAX_UNSENT: Final = 1 << 20


class SiprecEndpoint:
    """The sockets of the recording server; `handle(event, now)` is called for everything that happens."""

    def __init__(
        self,
        settings: Siprec,
        gateways: Gateways,
        handle: Callable[[RecordingEvent, float], None],
        wanted: Wanted,
    ) -> None:
        self.server = RecordingServer(
            ServerSettings(
                max_sessions=settings.max_calls,
                session_expires=settings.session_expires_seconds,
                allowed=gateways.allow,
                token=lambda: secrets.token_hex(8),
                wanted=wanted,
            )
        )
        #: datagrams and connections from outside the gateways' networks
        self.foreign = 0
        self.udp_port = 0
        self.tcp_port = 0
        self._settings = settings
        self._gateways = gateways
        self._handle = handle
        self._loop = asyncio.get_running_loop()
        self._udp: asyncio.DatagramTransport | None = None
        self._tcp: asyncio.Server | None = None
        self._connections: dict[int, asyncio.Transport] = {}
        self._last_connection = 0
        self._timer: asyncio.TimerHandle | None = None
        self._local: dict[str, str] = {}
        self._wildcard = ipaddress.ip_address(settings.bind).is_unspecified

    async def start(self) -> None:
        """Bind both ports.

        Raises:
            OSError: a port is taken or may not be used.
        """
        bind = self._settings.bind
        family = socket.AF_INET6 if ":" in bind else socket.AF_INET
        bound = socket.socket(family, socket.SOCK_DGRAM)
        try:
            restrict_to_family(bound)
            enlarge_receive_buffer(bound, RECEIVE_BUFFER)
            bound.bind((bind, self._settings.udp_port))
            self._udp, _ = await self._loop.create_datagram_endpoint(lambda: _Datagrams(self), sock=bound)
        except OSError:
            bound.close()
            raise
        self.udp_port = bound.getsockname()[1]
        try:
            self._tcp = await self._loop.create_server(
                lambda: _Connection(self), bind, self._settings.tcp_port, family=family
            )
        except OSError:
            self._udp.close()
            raise
        self.tcp_port = self._tcp.sockets[0].getsockname()[1]

    def local_address(self, peer: str) -> str:
        """The address that a peer reaches us at: the advertised, the bound, or the one on the way to it."""
        if self._settings.advertise is not None:
            return self._settings.advertise
        if not self._wildcard:
            return self._settings.bind
        known = self._local.get(peer)
        if known is None:
            with socket.socket(
                socket.AF_INET6 if ":" in peer else socket.AF_INET, socket.SOCK_DGRAM
            ) as probe:
                # Connecting a datagram socket sends nothing; it only asks the routing table.
                try:
                    probe.connect((peer, 9))
                    known = str(probe.getsockname()[0])
                except OSError:
                    known = self._settings.bind
            if len(self._local) > MAX_CONNECTIONS:
                self._local.clear()
            self._local[peer] = known
        return known

    def pump(self, now: float) -> None:
        """Hand out events, send what is to be sent, and set the timer."""
        server = self.server
        while (event := server.next_event()) is not None:
            self._handle(event, now)
        for transmission in server.data_to_send():
            self._send(transmission)
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        due = server.next_timer()
        if due is not None:
            self._timer = self._loop.call_at(due, self._on_timer)

    async def finish(self, patience: float) -> None:
        """Wait for the answers to our BYEs, at most `patience` seconds, then close the sockets."""
        end = self._loop.time() + patience
        while self.server.waits_for_answers and self._loop.time() < end:
            await asyncio.sleep(0.02)
        if self._timer is not None:
            self._timer.cancel()
        if self._tcp is not None:
            self._tcp.close()
        for transport in list(self._connections.values()):
            transport.close()
        if self._udp is not None:
            self._udp.close()
        await asyncio.sleep(0)

    def _on_timer(self) -> None:
        self._timer = None
        now = self._loop.time()
        self.server.handle_timer(now)
        self.pump(now)

    def _send(self, transmission: Transmission) -> None:
        peer = transmission.peer
        if not self._gateways.allow(peer.address):
            self.foreign += 1
            return
        if peer.transport == "UDP":
            if self._udp is not None:
                with contextlib.suppress(OSError):
                    self._udp.sendto(transmission.data, (peer.address, peer.port))
            return
        transport = self._connections.get(peer.connection)
        if transport is None or transport.is_closing():
            return
        if transport.get_write_buffer_size() > MAX_UNSENT:
            transport.abort()
            return
        transport.write(transmission.data)

    # What the protocols below call

    def datagram(self, data: bytes, address: tuple[str, int]) -> None:
        """A datagram has come."""
        if not self._gateways.allow(address[0]):
            self.foreign += 1
            return
        now = self._loop.time()
        peer = Peer("UDP", address[0], address[1], self.local_address(address[0]), self.udp_port)
        self.server.receive_datagram(data, peer, now)
        self.pump(now)

    def connected(self, transport: asyncio.Transport) -> Peer | None:
        """A client has connected; None: it is not let in."""
        address = transport.get_extra_info("peername")
        if not self._gateways.allow(address[0]) or len(self._connections) >= MAX_CONNECTIONS:
            self.foreign += 1
            transport.abort()
            return None
        # A gateway that has lost its power closes nothing.
        transport.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
        self._last_connection += 1
        self._connections[self._last_connection] = transport
        local = self.local_address(address[0])
        return Peer("TCP", address[0], address[1], local, self.tcp_port, self._last_connection)

    def stream(self, data: bytes, peer: Peer) -> None:
        """Bytes have come on a connection."""
        now = self._loop.time()
        readable = self.server.receive_stream(data, peer, now)
        self.pump(now)
        transport = self._connections.get(peer.connection)
        if not readable and transport is not None:
            transport.close()

    def disconnected(self, peer: Peer) -> None:
        """A connection is closed."""
        self._connections.pop(peer.connection, None)
        now = self._loop.time()
        self.server.close_stream(peer.connection, now)
        self.pump(now)


class _Datagrams(asyncio.DatagramProtocol):
    def __init__(self, endpoint: SiprecEndpoint) -> None:
        self._endpoint = endpoint

    def datagram_received(self, data: bytes, addr: tuple[str, int]) -> None:
        self._endpoint.datagram(data, addr)

    def error_received(self, exc: Exception) -> None:
        # ICMP errors of a peer that is gone; its transactions time out.
        return


class _Connection(asyncio.Protocol):
    def __init__(self, endpoint: SiprecEndpoint) -> None:
        self._endpoint = endpoint
        self._peer: Peer | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self._peer = self._endpoint.connected(transport)

    def data_received(self, data: bytes) -> None:
        if self._peer is not None:
            self._endpoint.stream(data, self._peer)

    def connection_lost(self, exc: Exception | None) -> None:
        if self._peer is not None:
            self._endpoint.disconnected(self._peer)
