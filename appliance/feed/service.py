"""`ridge-feed`: takes messages at the door, and serves them to the seats that may see them."""

from __future__ import annotations

import contextlib
import math
import resource
import sys
import time
from typing import Final

import zmq

from appliance.box.clock.boxclock import BoxClock
from appliance.box.clock.jumps import read
from appliance.box.clock.latest import CLOCK_FILE
from appliance.box.config import Config
from appliance.box.journal import Event, Journal
from appliance.box.journal_values import Address, Digest, ErrnoName
from appliance.box.notify import ServiceManager
from appliance.box.runtime_directory import claimed
from appliance.box.status.line import StatusLine
from appliance.box.status.reports import FeedReport, Process
from appliance.feed import feed_events as told
from appliance.feed.admission import Admission
from appliance.feed.authenticator import Authenticator
from appliance.feed.box_rotation import finish_rotation, read_rotation
from appliance.feed.calls_socket import CallsSocket
from appliance.feed.clock_jumps import close_after_jumps
from appliance.feed.codes import CodeBook
from appliance.feed.count_files import CountFiles
from appliance.feed.daycounts import DayCounts
from appliance.feed.door import Door
from appliance.feed.egress import Egress
from appliance.feed.feed_journal import FeedJournal
from appliance.feed.feedback import Feedback
from appliance.feed.grants import GrantBook, GrantWatch
from appliance.feed.keys import box_keys
from appliance.feed.leases import Leases
from appliance.feed.ledger import Ledger, LedgerError, last_signed, ledger_key
from appliance.feed.ledger_records import in_letters
from appliance.feed.livecalls import LiveCalls
from appliance.feed.private_file import PrivateFileError, locked, make_private_directory
from appliance.feed.publisher import BindError
from appliance.feed.register import Register
from appliance.feed.report import report_of
from appliance.feed.revocations import RevocationWatch
from appliance.feed.seat_sockets import SeatSockets, State
from appliance.feed.topics import Topics
from appliance.protocol.codec import SchemaError
from appliance.protocol.information import TICK_SECONDS, tick_of
from appliance.protocol.messages import DoorMessage, OpportunityMessage

#: A revoked seat is cut off within this time.
GRANTS_POLL_SECONDS: Final = 0.5
#: Refusals are written to the journal in sums at this interval, so that a flood does not fill the disk.
JOURNAL_SECONDS: Final = 5.0
EXPIRE_SECONDS: Final = 30.0
#: How often the journal notes how far the ledger is.
LEDGER_NOTE_SECONDS: Final = 600.0
#: A feed whose authenticator does not answer publishes nothing; its supervisor starts it anew.
PROBE_EVERY_SECONDS: Final = 1.0
#: The longest sleep, so that a signal is seen in time.
TURN_MS: Final = 100
#: 300 seats take 600 connections; the usual limit of 1024 descriptors is near.
WANTED_DESCRIPTORS: Final = 65_536


class FeedService:
    """The whole feed, on one thread and the authenticator's: `open`, then `turn` in a loop, then `close`."""

    def __init__(self, config: Config, journal: Journal | None = None) -> None:
        self._config = config
        self._journal = journal or Journal("feed")
        self._sums = FeedJournal(self._journal)
        self._manager = ServiceManager()
        self._status = StatusLine(config.box.runtime_directory, self._manager)
        self._directory = config.box.state_directory / "feed"
        self._cleanup = contextlib.ExitStack()
        self._admission = Admission()
        self._leases = Leases(config.feed.lease_seconds)
        self._calls = LiveCalls()
        self._register = Register()
        self._topics = Topics(config.feed.replay_messages)
        self._feedback = Feedback(self._directory)
        self._days = DayCounts(self._directory)
        self._counts = CountFiles(self._feedback, self._days, self._journal)
        self._book = GrantBook(self._directory)
        self._watch = GrantWatch(self._book)
        self._revocations = RevocationWatch(config.box.runtime_directory, self._book)
        self._next_grants = self._next_beat = self._next_expiry = 0.0
        self._next_journal = self._next_probe = 0.0
        #: unix time in ms at which the next old key is not valid any more
        self._overlap_ends = 0
        self._said: set[str] = set()
        self._ledger: Ledger | None = None
        self._next_note = 0.0
        self._tick = 0
        self.unclaimed = 0
        #: messages that some topic is for, and those of them that were published
        self._asked = self._done = 0

    @property
    def publish_port(self) -> int:
        """Where seats subscribe."""
        return self._sockets.publish_port

    @property
    def control_port(self) -> int:
        """Where seats ask."""
        return self._sockets.control_port

    def open(self) -> None:
        """Make or read the keys, start the authenticator, and bind every socket.

        Raises:
            AuthenticatorError: the authenticator does not answer; nothing is bound.
            BindError: a port or path cannot be bound.
            PrivateFileError: keys or grants cannot be used, or another feed runs on them.
            RuntimeDirectoryError: the runtime directory cannot be used, or another feed has its door.
        """
        try:
            self._open()
        except BaseException:
            self._cleanup.close()
            raise

    def _open(self) -> None:
        feed = self._config.feed
        _raise_descriptor_limit()
        make_private_directory(self._directory)
        self._cleanup.enter_context(locked(self._directory / "feed.lock", wait=False))
        self._cleanup.enter_context(claimed(self._config.box.runtime_directory, "door"))
        keys = box_keys(self._directory)
        self._codes = CodeBook(self._directory, self._book)
        self._clock = BoxClock(self._directory / CLOCK_FILE, last_signed(self._directory / "ledger"))
        self._cleanup.callback(self._clock.close)
        self._poll_grants()
        self._counts.load()
        self._counts.save()

        context: zmq.Context[zmq.Socket[bytes]] = zmq.Context()
        self._cleanup.callback(context.term)
        self._authenticator = Authenticator(context, self._admission.admit)
        self._authenticator.start()
        self._cleanup.callback(self._authenticator.stop)

        self._egress = self._open_ledger()
        state = State(
            admission=self._admission,
            leases=self._leases,
            topics=self._topics,
            feedback=self._feedback,
            codes=self._codes,
            rotate=self._rotate,
            egress=self._egress,
            deadline=self._clock.deadline,
        )
        self._sockets = SeatSockets(context, self._authenticator, feed, state)
        self._sockets.open(keys.secret)
        self._cleanup.callback(self._sockets.close)
        self._door = Door(
            context,
            self._config.box.runtime_directory,
            quotes=self._config.quotes_somewhere,
            calls=self._config.siprec.max_calls,
            knows=self._register.knows,
        )
        self._cleanup.callback(self._door.close)
        self._door.bind()
        self._calls_socket = CallsSocket(self._config.box.runtime_directory)
        self._cleanup.callback(self._calls_socket.close)
        self._calls_socket.bind()
        self._journal.write(
            told.FeedReady(
                address=Address(feed.bind),
                publish_port=self.publish_port,
                control_port=self.control_port,
                seats=len(self._admission.seats),
            )
        )
        self._manager.ready()

    def _open_ledger(self) -> Egress:
        feed = self._config.feed
        wall = self._clock.now
        if not feed.ledger:
            self._journal.write(told.LedgerOff())
            return Egress(None, self._journal, wall=wall)
        ledger = Ledger(self._directory / "ledger", ledger_key(self._directory), feed.ledger_megabytes)
        self._ledger = ledger
        self._cleanup.callback(self._close_ledger, ledger)
        egress = Egress(ledger, self._journal, feed.ledger_failure, wall=wall)
        try:
            ledger.open(wall())
        except LedgerError as error:
            egress.failed(error)
        return egress

    def _close_ledger(self, ledger: Ledger) -> None:
        try:
            ledger.close(self._clock.now())
        except LedgerError as error:
            self._journal.write(told.LedgerNotClosed(reason=ErrnoName(error.code)))
        self._note_ledger(ledger)

    def _note_ledger(self, ledger: Ledger) -> None:
        # A note outside the ledger: whoever rewrote it with its key would have to change the journal, too.
        records, chain = ledger.position
        self._journal.write(told.LedgerPosition(records=records, chain=Digest(in_letters(chain))))

    def turn(self, timeout_ms: int = TURN_MS) -> None:
        """Serve whatever has come in, waiting at most `timeout_ms` for it, and do what is due.

        Raises:
            AuthenticatorError: the authenticator does not answer any more.
            BindError: the box took its next key, and its ports cannot be bound again.
        """
        # What engines say waits for the next tick: the moment of a message must tell seats nothing finer.
        left_ms = math.ceil(1000 * ((self._tick + 1) * TICK_SECONDS - time.monotonic()))
        self._sockets.poll(min(timeout_ms, max(0, left_ms)))
        now = time.monotonic()
        if now >= self._next_grants:
            self._next_grants = now + GRANTS_POLL_SECONDS
            self._poll_clock()
            self._poll_revocations()
            self._poll_grants()
            self._poll_box_key()
            self._poll_codes()
        self._sockets.publisher.serve(now)
        if tick_of(now) > self._tick:
            self._tick = tick_of(now)
            self._calls_socket.take(self._register, now)
            # Within a tick, the order of the seats tells nothing either.
            # A feed that does not know yet which calls there are leaves what engines say where it waits.
            messages = self._door.take(now) if self._register.heard else ()
            for message in sorted(messages, key=lambda message: message.seat):
                self._publish(message, now)
        self._sockets.control.serve(now)
        ports = (self.publish_port, self.control_port)
        if self._sockets.enrolment.serve(ports, now):
            self._poll_grants()
        self._do_what_is_due(now)
        self._egress.release()
        # What the ledger's failure holds back is held back on purpose; a new start would not bring it out.
        if self._manager.turn(now, self._asked, self._done):
            egress = self._egress.counters
            self._manager.status(
                seats=len(self._admission.seats), sent=egress.messages, withheld=egress.withheld
            )
        if self._status.due(now):
            self._status.tell(lambda process: self._report(process, now), now)

    def _report(self, process: Process, now: float) -> FeedReport:
        return report_of(
            process,
            now,
            grants=self._watch.grants,
            leases=self._leases,
            calls=self._calls,
            door=self._door.counters,
            unclaimed=self.unclaimed,
            sockets=self._sockets,
            authenticator=self._authenticator,
            egress=self._egress,
            ledger=self._ledger,
            clock=self._clock.told(),
        )

    def _publish(self, message: DoorMessage, now: float) -> None:
        topics = self._admission.audience(message.seat)
        # Nothing is kept for a seat that nobody may be.
        self.unclaimed += not topics
        self._calls.enter(message, now)
        self._days.enter(message, self._clock.now())
        if isinstance(message, OpportunityMessage):
            # What was missed is for who supervises, and not for the agent in the next call.
            topics = tuple(topic for topic in topics if topic.startswith("group/"))
        self._asked += bool(topics)
        for topic in topics:
            if self._topics.repeated(topic, message):
                continue
            try:
                data = self._topics.enter(topic, message, now)
            except SchemaError as error:
                self._door.counters.refused += 1
                self._door.counters.last_field = error.field
                return
            self._sockets.publisher.publish(topic, data, now)
        self._done += bool(topics)

    def close(self) -> None:
        """Close every socket and write the totals."""
        self._manager.stopping()
        now = time.monotonic()
        self._status.stopping(lambda process: self._report(process, now), now)
        self._counts.save()
        self._egress.release()
        door = self._door.counters
        self._cleanup.close()
        self._sums.totals(
            door,
            self.unclaimed,
            self._sockets,
            self._authenticator,
            leases=self._leases,
            egress=self._egress.counters,
        )

    def _do_what_is_due(self, now: float) -> None:
        if now >= self._next_probe:
            self._next_probe = now + PROBE_EVERY_SECONDS
            self._authenticator.probe()
        if now >= self._next_beat:
            self._next_beat = now + self._config.feed.beat_seconds
            self._leases.expire(now)
            self._sockets.publisher.beat(_wall(), now)
        if now >= self._next_expiry:
            self._next_expiry = now + EXPIRE_SECONDS
            self._topics.expire(now)
            self._door.expire(now)
        if now >= self._next_journal:
            self._next_journal = now + JOURNAL_SECONDS
            self._sums.refusals(self._door.counters, self.unclaimed, self._sockets, self._authenticator)
            self._counts.save()
            self._egress.idle()
        if now >= self._next_note and self._ledger is not None:
            self._next_note = now + LEDGER_NOTE_SECONDS
            self._note_ledger(self._ledger)

    def _poll_clock(self) -> None:
        try:
            jumped = close_after_jumps(
                self._clock, self._journal, egress=self._egress, days=self._days, codes=self._codes
            )
        except PrivateFileError as error:
            jumped = True
            self._say_once(told.EnrolmentUnusable(), error)
        if jumped:
            # Keys that were replaced are held against the time as it is now.
            self._overlap_ends = 1

    def _poll_grants(self) -> None:
        wall = self._clock.deadline()
        try:
            if not self._watch.poll() and not 0 < self._overlap_ends <= wall:
                return
        except PrivateFileError as error:
            self._journal.write(told.GrantsUnusable())
            print(f"ridge feed: {error}", file=sys.stderr, flush=True)
        grants = self._watch.grants
        change = self._admission.replace(grants, wall)
        overlaps = [grant.previous_until for grant in grants.values() if grant.previous_until > wall]
        self._overlap_ends = min(overlaps, default=0)
        for peer in change.lost:
            self._leases.revoke(peer)
        for peer in change.ended:
            if peer.topic.startswith("seat/"):
                # A group's topic goes on for its other supervisors.
                self._topics.forget(peer.topic)
            self._sockets.forget(peer.seat)
        self._topics.keep(self._audiences())
        self._journal.write(told.GrantsRead(seats=len(self._admission.seats), cut_off=len(change.lost)))

    def _poll_revocations(self) -> None:
        try:
            at = read()
            if seats := self._revocations.poll(round(at.wall * 1000), round(at.boot * 1000)):
                self._journal.write(told.SeatsRevoked(seats=seats))
        except PrivateFileError as error:
            print(f"ridge feed: {error}", file=sys.stderr, flush=True)

    def _poll_box_key(self) -> None:
        """Announce the box's next key, and take it when its time has come."""
        try:
            rotation = read_rotation(self._directory)
            if rotation is not None and self._clock.now() >= rotation.at:
                finish_rotation(self._directory, rotation)
                self._sockets.reopen(rotation.keys.secret)
                self._journal.write(told.BoxKeyTaken())
                rotation = None
        except PrivateFileError as error:
            self._say_once(told.BoxKeyUnusable(), error)
            return
        announced = (rotation.keys.public.decode("ascii"), rotation.at) if rotation else None
        self._sockets.control.next_box = announced

    def _poll_codes(self) -> None:
        try:
            if self._sockets.poll_enrolment():
                enrolment = self._sockets.enrolment
                is_open = enrolment.socket is not None
                self._journal.write(told.Enrolment(open=is_open, port=enrolment.port))
        except (BindError, PrivateFileError) as error:
            # Seats that are enrolled are served all the same.
            self._say_once(told.EnrolmentUnusable(), error)

    def _rotate(self, seat: str, key: str) -> float:
        hours = self._config.feed.key_overlap_hours
        self._book.rotate(seat, key.encode(), self._clock.now(), int(hours * 3_600_000))
        self._poll_grants()
        return hours * 3600

    def _say_once(self, event: Event, error: Exception) -> None:
        if str(error) not in self._said:
            self._said.add(str(error))
            self._journal.write(event)
            print(f"ridge feed: {error}", file=sys.stderr, flush=True)

    def _audiences(self) -> dict[str, frozenset[str]]:
        """The topics that there are, each with the seats whose messages go there."""
        seats: dict[str, set[str]] = {topic: set() for topic in self._admission.topics}
        for seat in self._admission.seats:
            for topic in self._admission.audience(seat):
                seats[topic].add(seat)
        return {topic: frozenset(members) for topic, members in seats.items()}


def _wall() -> int:
    return time.time_ns() // 1_000_000


def _raise_descriptor_limit() -> None:
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = WANTED_DESCRIPTORS if hard == resource.RLIM_INFINITY else min(hard, WANTED_DESCRIPTORS)
    if soft < wanted:
        with contextlib.suppress(OSError, ValueError):
            resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, hard))
