"""The capture service: recorded calls in over SIPREC, audio blocks out to the engines."""

from __future__ import annotations

import asyncio
import resource
import signal
from collections import Counter
from typing import Final

from appliance.box import runtime_directory
from appliance.box.calls_line import CallsLine
from appliance.box.config import Config
from appliance.box.journal import Journal
from appliance.box.journal_values import Address, ErrorType, Place
from appliance.box.notify import ServiceManager
from appliance.box.quiet import guarded
from appliance.box.status.line import StatusLine
from appliance.box.status.reports import CaptureReport, Fault, Process
from appliance.capture.call_journal import CallJournal
from appliance.capture.call_policy import SitePolicies
from appliance.capture.capture_events import (
    CaptureReady,
    CaptureStopped,
    CaptureTotals,
    RecordTotals,
    SipTotals,
    TickFailed,
)
from appliance.capture.gateways import Gateways
from appliance.capture.media import NoPortError, RtpSockets
from appliance.capture.outlet import AudioOutlet
from appliance.capture.portpool import PortPool
from appliance.capture.record import BankRecord
from appliance.capture.recorded_call import CallEnd, RecordedCall
from appliance.capture.report import report_of
from appliance.capture.siprec import SiprecEndpoint
from appliance.memory.secret import MemoryFileError, MemorySecret, directory_of
from appliance.telephony.audioblock import CallEnded, CallMessage, CallStarted
from appliance.telephony.recording_events import (
    EndReason,
    RecordingEvent,
    SessionChanged,
    SessionEnded,
    SessionOffered,
    SessionSignalled,
)
from appliance.telephony.sdp_answer import NotAcceptableError
from appliance.telephony.sip_endpoint import RETRY_AFTER

#: How often RTP is read and blocks are made; one packet is 20 ms.
TICK: Final = 0.02
#: A fault that comes with every tick is told about once in twenty seconds.
FAILED_TICKS_TOLD: Final = 1000
#: How often calls are looked at for their limits.
CHECK_SECONDS: Final = 0.5
#: How often engines are told which calls are on. One that died and was started again goes on with them; one
#: that hears nothing of a call for much longer knows that capture has died.
ANNOUNCE_SECONDS: Final = 5.0
#: How long the end of the service waits for answers to its BYEs; systemd waits longer.
FAREWELL_SECONDS: Final = 2.0

_REASONS: Final[dict[EndReason, CallEnd]] = {
    "bye": "bye", "cancelled": "bye", "no_ack": "timeout", "expired": "timeout", "unreachable": "timeout",
    "rejected": "error", "ended": "error",
}  # fmt: skip

#: Why capture could not start, and the code that the console has for it; the first that fits counts.
_FAULTS: Final[dict[type[Exception], Fault]] = {
    runtime_directory.RuntimeDirectoryError: "runtime",
    MemoryFileError: "memory",
    OSError: "port",
}


class CaptureService:
    """Everything that capture does, on one event loop."""

    def __init__(self, config: Config, journal: Journal) -> None:
        settings = config.siprec
        self._config = config
        self._journal = journal
        self._manager = ServiceManager()
        self._status = StatusLine(config.box.runtime_directory, self._manager)
        self._loop = asyncio.get_running_loop()
        gateways = Gateways(settings.gateways)
        ports = PortPool(*settings.rtp_ports, settings.rtp_cooldown_seconds)
        self._sockets = RtpSockets(settings.bind, ports, gateways.allow)
        self._outlet = AudioOutlet(
            config.box.runtime_directory, config.engine.processes, config.engine.max_backlog_seconds
        )
        self._calls_line = CallsLine(config.box.runtime_directory)
        configured = config.record.file is not None or config.record.url is not None
        self._record = BankRecord(config.record) if configured else None
        self._lookups: set[asyncio.Task[None]] = set()
        self._memory_secret: MemorySecret | None = None
        if config.memory.enabled:
            directory = directory_of(config.box.state_directory)
            self._memory_secret = MemorySecret.load(directory, make=True)
        self._policies = SitePolicies(config)
        self._endpoint = SiprecEndpoint(settings, gateways, self._on_event, self._policies.wanted)
        self._calls: dict[str, RecordedCall] = {}
        #: why a session that this side ends is ended
        self._endings: dict[str, CallEnd] = {}
        self._totals: Counter[str] = Counter()
        self._notes = CallJournal(journal, self._totals)
        self._next_tick = 0.0
        self._next_check = 0.0
        self._next_announcement = 0.0
        self._tick_handle: asyncio.TimerHandle | None = None

    async def run(self, stop: asyncio.Event) -> None:
        """Serve until `stop` is set; then end all calls.

        Raises:
            OSError: a port cannot be bound.
        """
        try:
            await self._endpoint.start()
        except OSError:
            self._sockets.shut()
            self._outlet.close(0.0)
            raise
        self._manager.ready()
        self._next_tick = self._loop.time()
        self._tick()
        self._journal.write(
            CaptureReady(
                address=Address(self._config.siprec.bind),
                udp_port=self._endpoint.udp_port,
                tcp_port=self._endpoint.tcp_port,
            )
        )
        await stop.wait()
        self._manager.stopping()
        self._status.stopping(self._report, self._loop.time())
        await self._stop()

    async def _stop(self) -> None:
        server = self._endpoint.server
        server.stopping = True
        now = self._loop.time()
        for session in list(self._calls):
            self._end(session, "shutdown", now)
        await self._endpoint.finish(FAREWELL_SECONDS)
        if self._tick_handle is not None:
            self._tick_handle.cancel()
        now = self._loop.time()
        # Calls whose ACK never came are still here.
        for session in list(self._calls):
            self._over(session, "shutdown", now)
        delivered = self._outlet.close(1.0)
        self._sockets.shut()
        counters = self._outlet.counters
        self._journal.write(
            CaptureStopped(
                totals=CaptureTotals({**self._totals, **self._policies.counters}),
                sip=SipTotals(server.counters),
                foreign_sip=self._endpoint.foreign,
                messages_sent=counters.sent,
                dropped_audio_ms=counters.dropped_ms,
                everything_delivered=delivered,
                record=RecordTotals(self._record_counters()),
            )
        )

    def _record_counters(self) -> Counter[str]:
        return self._record.counters if self._record is not None else Counter()

    # The clock's side

    def _tick(self) -> None:
        now = self._loop.time()
        try:
            self._serve_calls(now)
        except Exception as error:  # A capture that no longer ticks would live on and hear nothing.
            self._totals["failed_ticks"] += 1
            if self._totals["failed_ticks"] % FAILED_TICKS_TOLD == 1:
                self._journal.write(TickFailed(error=ErrorType(error), place=Place(error)))
        # Ticks that were missed are not made up for: one read takes everything.
        self._next_tick = max(self._next_tick + TICK, now)
        self._tick_handle = self._loop.call_at(self._next_tick, self._tick)

    def _serve_calls(self, now: float) -> None:
        self._sockets.read(now)
        for session, call in list(self._calls.items()):
            try:
                call.poll(now)
            except Exception as error:  # One call must not end the others.
                self._failed(session, error, now)
                self._endpoint.pump(now)
        self._outlet.flush()
        if now >= self._next_check:
            self._next_check = now + CHECK_SECONDS
            self._check(now)
        # Only whole ticks come here. That no audio comes is the gateway's affair; what waits must be taken.
        if self._manager.turn(now, self._sockets.waited, self._sockets.taken):
            self._manager.status(calls=len(self._calls), datagrams=self._sockets.taken)
        if self._status.due(now):
            self._status.tell(self._report, now)

    def _report(self, process: Process) -> CaptureReport:
        return report_of(
            process,
            self._calls.values(),
            self._totals + self._policies.counters,
            self._outlet.counters,
            most_calls=self._config.siprec.max_calls,
            datagrams=self._sockets.taken,
            foreign_sip=self._endpoint.foreign,
        )

    def _check(self, now: float) -> None:
        settings = self._config.siprec
        self._calls_line.turn(now)
        if now >= self._next_announcement:
            self._next_announcement = now + ANNOUNCE_SECONDS
            for call in self._calls.values():
                call.announce()
        for session, call in list(self._calls.items()):
            if now - call.began > settings.max_call_seconds:
                self._end(session, "limit", now)
            elif not call.held and now - call.last_media > settings.media_timeout_seconds:
                self._end(session, "no_media", now)

    def _end(self, session: str, reason: CallEnd, now: float) -> None:
        if session in self._endings:
            return
        self._endings[session] = reason
        self._endpoint.server.end(session, now)
        self._endpoint.pump(now)

    # The gateway's side

    def _on_event(self, event: RecordingEvent, now: float) -> None:
        try:
            self._take(event, now)
        except Exception as error:  # One call must not end the others.
            self._failed(event.session, error, now)

    def _failed(self, session: str, error: Exception, now: float) -> None:
        """Something unforeseen happened in a call: end it."""
        if self._endings.get(session) == "error":
            return
        self._notes.failed(error)
        self._endings[session] = "error"
        self._endpoint.server.reject(session, 500, now)
        self._endpoint.server.end(session, now)

    def _take(self, event: RecordingEvent, now: float) -> None:
        if isinstance(event, SessionOffered):
            self._offered(event, now)
        elif isinstance(event, SessionSignalled):
            self._signalled(event, now)
        elif isinstance(event, SessionChanged):
            self._changed(event, now)
        elif isinstance(event, SessionEnded):
            reason = self._endings.get(event.session) or _REASONS[event.reason]
            self._over(event.session, reason, now)

    def _offered(self, event: SessionOffered, now: float) -> None:
        self._totals["calls_offered"] += 1
        if not event.siprec:
            self._totals["calls_without_siprec"] += 1
        call = RecordedCall(
            self._sockets,
            self._config.roles,
            self._endpoint.local_address(event.address),
            now,
            policy=self._policies.session(event.address, event.signalled),
            send=self._send,
            forget=self._outlet.forget_audio,
            ended=self._notes.ended,
            identify=self._identify,
            ask=self._ask,
        )
        self._calls[event.session] = call
        self._read_metadata(event, call)
        if self._answer(event, call, now):
            call.answered = True
            self._totals["calls_answered"] += 1
            self._notes.roles(call)

    def _send(self, message: CallMessage) -> None:
        """To the engine; the feed hears of a call first, so that it knows what the engine speaks of."""
        if isinstance(message, CallStarted):
            self._calls_line.begin(message.call, message.seat)
        self._outlet.send(message)
        if isinstance(message, CallEnded):
            self._calls_line.end(message.call)

    def _identify(self, number: str) -> str | None:
        """The only form in which a customer's number leaves this process, and only where memory is on."""
        return self._memory_secret.identity(number) if self._memory_secret is not None else None

    def _ask(self, call: str, number: str) -> None:
        """Look the customer up in the bank's record; the call does not wait for it."""
        if self._record is None:
            return
        task = self._loop.create_task(self._tell_record(self._record, call, number))
        # The loop keeps no reference of its own.
        self._lookups.add(task)
        task.add_done_callback(self._lookups.discard)

    async def _tell_record(self, record: BankRecord, call: str, number: str) -> None:
        known = await record.of(call, number)
        if known is None:
            return
        for one in self._calls.values():
            if one.call == call:
                one.known(known)

    def _changed(self, event: SessionChanged, now: float) -> None:
        call = self._calls.get(event.session)
        if call is None:
            self._endpoint.server.reject(event.session, 481, now)
            return
        # What has come so far was said under the old roles, to the old seat.
        self._sockets.read(now)
        self._read_metadata(event, call)
        before = call.call
        if event.needs_answer:
            answered = self._answer(event, call, now)
            # An objection counts, whatever becomes of the offer that it came with.
            self._reconsider(call, now)
            if not answered:
                return
        else:
            if event.body.description is not None:
                try:
                    call.changed_directions(event.body.description, now)
                except NotAcceptableError:
                    self._totals["unusable_answers"] += 1
            call.told(event.body.metadata, now)
            self._reconsider(call, now)
        if call.call != before:
            self._notes.roles(call)

    def _answer(self, event: SessionOffered | SessionChanged, call: RecordedCall, now: float) -> bool:
        server = self._endpoint.server
        assert event.body.description is not None
        try:
            answer = call.answer(event.body.description, event.body.metadata, now)
        except NotAcceptableError as error:
            self._totals["refused_offers"] += 1
            server.reject(event.session, 488, now, (("Warning", error.warning),))
        except NoPortError:
            self._totals["refused_for_ports"] += 1
            server.reject(event.session, 503, now, (("Retry-After", str(RETRY_AFTER)),))
        else:
            server.accept(event.session, answer, now)
            return True
        return False

    def _signalled(self, event: SessionSignalled, now: float) -> None:
        call = self._calls.get(event.session)
        if call is not None:
            call.session_policy.hear(event.signalled)
            self._reconsider(call, now)

    def _reconsider(self, call: RecordedCall, now: float) -> None:
        if call.reconsider(now):
            self._notes.policy(call)

    def _read_metadata(self, event: SessionOffered | SessionChanged, call: RecordedCall) -> None:
        call.session_policy.read(event.body.metadata, broken=event.body.broken_metadata)
        if event.body.broken_metadata:
            self._notes.unreadable_metadata()

    def _over(self, session: str, reason: CallEnd, now: float) -> None:
        """The session is gone; free what belongs to it."""
        self._endings.pop(session, None)
        call = self._calls.pop(session, None)
        if call is None:
            return
        self._sockets.read(now)
        call.end(reason, now)
        self._notes.over(call, reason)


def _allow_open_files() -> None:
    """Two sockets a call: take as many files as the system grants."""
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))


def run(config: Config) -> int:
    """Serve until SIGTERM or SIGINT; returns the exit status.

    Raises:
        OSError: a port cannot be bound; its message names the address.
        MemoryFileError: the secret of the memory cannot be used.
        RuntimeDirectoryError: the runtime directory cannot be used.
    """
    journal = Journal("capture")
    try:
        with guarded(journal, expected=tuple(_FAULTS), hold_back=True):
            asyncio.run(_serve(config, journal))
    except tuple(_FAULTS) as error:
        StatusLine(config.box.runtime_directory).failed(CaptureReport, error, _FAULTS)
        raise
    return 0


async def _serve(config: Config, journal: Journal) -> None:
    _allow_open_files()
    runtime_directory.prepare(config.box.runtime_directory)
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stop.set)
    service = CaptureService(config, journal)
    await service.run(stop)
