"""`ridge-feed`: takes messages at the door, and serves them to the seats that may see them."""

from __future__ import annotations

import contextlib
import resource
import signal
import sys
import time
from types import FrameType
from typing import Final

import zmq

from appliance.box.config import Config
from appliance.box.journal import Journal
from appliance.box.runtime_directory import RuntimeDirectoryError, claimed
from appliance.feed.admission import Admission, Admitted
from appliance.feed.authenticator import Authenticator, AuthenticatorError
from appliance.feed.control import Control, Timing
from appliance.feed.door import Door
from appliance.feed.feedback import Feedback
from appliance.feed.grants import GrantBook, GrantWatch
from appliance.feed.keys import box_keys
from appliance.feed.leases import Leases
from appliance.feed.private_file import PrivateFileError, locked, make_private_directory
from appliance.feed.publisher import BindError, Publisher
from appliance.feed.topics import Topics
from appliance.protocol.codec import SchemaError
from appliance.protocol.messages import DoorMessage

#: A revoked seat is cut off within this time.
GRANTS_POLL_SECONDS: Final = 0.5
#: Refusals are written to the journal in sums at this interval, so that a flood does not fill the disk.
JOURNAL_SECONDS: Final = 5.0
EXPIRE_SECONDS: Final = 30.0
#: A feed whose authenticator does not answer publishes nothing; its supervisor starts it anew.
PROBE_EVERY_SECONDS: Final = 1.0
#: The longest sleep, so that a signal is seen in time.
TURN_MS: Final = 100
#: 300 seats take 600 connections; the usual limit of 1024 descriptors is near.
WANTED_DESCRIPTORS: Final = 65_536
#: Tries to find two ports side by side where the system may choose both.
PORT_PAIR_TRIES: Final = 20

#: Why the feed could not start, each a sentence with a next step.
START_ERRORS: Final = (AuthenticatorError, BindError, PrivateFileError, RuntimeDirectoryError)


class FeedService:
    """The whole feed, on one thread and the authenticator's: `open`, then `turn` in a loop, then `close`."""

    def __init__(self, config: Config, journal: Journal | None = None) -> None:
        self._config = config
        self._journal = journal or Journal("feed")
        self._directory = config.box.state_directory / "feed"
        self._cleanup = contextlib.ExitStack()
        self._admission = Admission()
        self._leases = Leases(config.feed.lease_seconds)
        self._topics = Topics(config.feed.replay_messages)
        self._feedback = Feedback(self._directory)
        self._watch = GrantWatch(GrantBook(self._directory))
        self._next_grants = self._next_beat = self._next_expiry = 0.0
        self._next_journal = self._next_probe = 0.0
        self._journaled: dict[str, int] = {}
        self.unclaimed = 0
        self.publish_port = 0
        self.control_port = 0

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
        self._poll_grants()
        self._load_feedback()

        context: zmq.Context[zmq.Socket[bytes]] = zmq.Context()
        self._cleanup.callback(context.term)
        self._authenticator = Authenticator(context, self._admission.admit)
        self._authenticator.start()
        self._cleanup.callback(self._authenticator.stop)

        self._open_seat_sockets(context, keys.secret)
        self._door = Door(context, self._config.box.runtime_directory)
        self._cleanup.callback(self._door.close)
        self._door.bind()

        self._poller = zmq.Poller()
        for socket in (self._door.socket, self._publisher.socket, self._control.socket):
            self._poller.register(socket, zmq.POLLIN)
        self._journal.event(
            "feed_ready",
            address=feed.bind,
            publish_port=self.publish_port,
            control_port=self.control_port,
            seats=len(self._admission.peers),
        )

    def _open_seat_sockets(self, context: zmq.Context[zmq.Socket[bytes]], secret: bytes) -> None:
        """Bind both; where the system may choose, the control port is the one above the publishing port."""
        feed = self._config.feed
        both_free = feed.publish_port == 0 and feed.control_port == 0
        for attempt in range(PORT_PAIR_TRIES):
            self._publisher = Publisher(context, secret, self._admission, self._leases, self._topics)
            self._control = Control(
                context,
                secret,
                admission=self._admission,
                leases=self._leases,
                topics=self._topics,
                feedback=self._feedback,
                timing=Timing(feed.lease_seconds, feed.beat_seconds),
            )
            try:
                self.publish_port = self._publisher.bind(self._authenticator, feed.bind, feed.publish_port)
                wanted = self.publish_port + 1 if both_free else feed.control_port
                self.control_port = self._control.bind(self._authenticator, feed.bind, wanted)
            except (BindError, AuthenticatorError) as error:
                self._publisher.close()
                self._control.close()
                if isinstance(error, AuthenticatorError) or not both_free or attempt == PORT_PAIR_TRIES - 1:
                    raise
            else:
                self._cleanup.callback(self._publisher.close)
                self._cleanup.callback(self._control.close)
                return

    def turn(self, timeout_ms: int = TURN_MS) -> None:
        """Serve whatever has come in, waiting at most `timeout_ms` for it, and do what is due.

        Raises:
            AuthenticatorError: the authenticator does not answer any more.
        """
        self._poller.poll(timeout_ms)
        now = time.monotonic()
        if now >= self._next_grants:
            self._next_grants = now + GRANTS_POLL_SECONDS
            self._poll_grants()
        self._publisher.serve(now)
        for message in self._door.take(now):
            self._publish(message, now)
        self._control.serve(now)
        self._do_what_is_due(now)

    def _publish(self, message: DoorMessage, now: float) -> None:
        topics = self._admission.audience(message.seat)
        # Nothing is kept for a seat that nobody may be.
        self.unclaimed += not topics
        for topic in topics:
            try:
                data = self._topics.enter(topic, message, now)
            except SchemaError as error:
                self._door.counters.refused += 1
                self._door.counters.last_field = error.field
                return
            self._publisher.publish(topic, data, now)

    def close(self) -> None:
        """Close every socket and write the totals."""
        self._save_feedback()
        door, publisher, control = self._door.counters, self._publisher.counters, self._control.counters
        self._cleanup.close()
        self._journal.event(
            "feed_stopped",
            door_accepted=door.accepted,
            door_bytes=door.bytes,
            door_refused=door.refused,
            door_over_budget=door.over_budget,
            unclaimed=self.unclaimed,
            published=publisher.messages,
            published_bytes=publisher.bytes,
            states_sent=publisher.states,
            subscriptions_granted=publisher.granted,
            subscriptions_refused=publisher.refused,
            requests_answered=control.answered,
            requests_bad=control.bad,
            requests_not_granted=control.not_granted,
            requests_without_lease=control.no_lease,
            requests_too_many=control.too_many,
            leases_expired=self._leases.expired,
            verdicts=control.verdicts,
            verdicts_refused=control.verdicts_refused,
            replied_bytes=control.bytes,
            peers_admitted=self._authenticator.admitted,
            peers_denied=self._authenticator.denied,
        )

    def _do_what_is_due(self, now: float) -> None:
        if now >= self._next_probe:
            self._next_probe = now + PROBE_EVERY_SECONDS
            self._authenticator.probe()
        if now >= self._next_beat:
            self._next_beat = now + self._config.feed.beat_seconds
            self._leases.expire(now)
            self._publisher.beat(time.time_ns() // 1_000_000, now)
        if now >= self._next_expiry:
            self._next_expiry = now + EXPIRE_SECONDS
            self._topics.expire(now)
        if now >= self._next_journal:
            self._next_journal = now + JOURNAL_SECONDS
            self._journal_refusals()
            self._save_feedback()

    def _journal_refusals(self) -> None:
        door, publisher, control = self._door.counters, self._publisher.counters, self._control.counters
        self._journal_new(
            "door_refused",
            {
                "not_in_schema": door.refused,
                "over_budget": door.over_budget,
                "seat_not_enrolled": self.unclaimed,
            },
            last_field=door.last_field,
        )
        self._journal_new(
            "seats_refused",
            {
                "keys": self._authenticator.denied,
                "subscriptions": publisher.refused,
                "requests_bad": control.bad,
                "requests_not_granted": control.not_granted,
                "requests_without_lease": control.no_lease,
                "verdicts": control.verdicts_refused,
                "requests_too_many": control.too_many,
            },
        )

    def _journal_new(self, event: str, sums: dict[str, int], **more: str) -> None:
        """Write what has been added to these sums since they were last written, if anything."""
        added = {name: value - self._journaled.get(f"{event}.{name}", 0) for name, value in sums.items()}
        if any(added.values()):
            self._journaled.update((f"{event}.{name}", value) for name, value in sums.items())
            self._journal.event(event, **added, **more)

    def _poll_grants(self) -> None:
        try:
            if not self._watch.poll():
                return
        except PrivateFileError as error:
            self._journal.event("grants_unusable", path=str(self._directory))
            print(f"ridge feed: {error}", file=sys.stderr, flush=True)
        lost = self._admission.replace(self._watch.grants)
        for peer in lost:
            self._forget(peer)
        self._topics.keep(self._audiences())
        self._journal.event("grants_read", seats=len(self._admission.peers), cut_off=len(lost))

    def _forget(self, peer: Admitted) -> None:
        self._leases.revoke(peer)
        if peer.topic.startswith("seat/"):
            # A group's topic goes on for its other supervisors.
            self._topics.forget(peer.topic)
        self._publisher.forget(peer.seat)
        self._control.forget(peer.seat)

    def _audiences(self) -> dict[str, frozenset[str]]:
        """The topics that there are, each with the seats whose messages go there."""
        seats: dict[str, set[str]] = {topic: set() for topic in self._admission.topics}
        for peer in self._admission.peers:
            for topic in self._admission.audience(peer.seat):
                seats[topic].add(peer.seat)
        return {topic: frozenset(members) for topic, members in seats.items()}

    def _load_feedback(self) -> None:
        try:
            self._feedback.load()
        except PrivateFileError as error:
            self._journal.event("feedback_unusable", path=str(self._directory))
            print(f"ridge feed: {error}", file=sys.stderr, flush=True)

    def _save_feedback(self) -> None:
        """Write the counts of verdicts, and journal what was added."""
        try:
            changed = self._feedback.save()
        except PrivateFileError as error:
            self._journal.event("feedback_not_saved", path=str(self._directory))
            print(f"ridge feed: {error}", file=sys.stderr, flush=True)
            return
        for advice, (helpful, wrong) in changed.items():
            self._journal.event("feedback", advice=advice, helpful=helpful, wrong=wrong)


def run(config: Config) -> int:
    """Serve until SIGTERM or SIGINT; returns 0 after a clean stop, 1 where the feed cannot start."""
    stopping = False

    def stop(_number: int, _frame: FrameType | None) -> None:
        nonlocal stopping
        stopping = True

    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, stop)
    service = FeedService(config)
    try:
        service.open()
    except START_ERRORS as error:
        print(f"ridge feed: {error}", file=sys.stderr, flush=True)
        return 1
    try:
        while not stopping:
            service.turn()
    except AuthenticatorError as error:
        print(f"ridge feed: {error}", file=sys.stderr, flush=True)
        return 1
    finally:
        service.close()
    return 0


def _raise_descriptor_limit() -> None:
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = WANTED_DESCRIPTORS if hard == resource.RLIM_INFINITY else min(hard, WANTED_DESCRIPTORS)
    if soft < wanted:
        with contextlib.suppress(OSError, ValueError):
            resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, hard))
