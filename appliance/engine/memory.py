"""Memory between calls, as the engine uses it: recalls when a call begins, keeps when it ends.

A fault of the memory is journalled and never ends or hinders a call.
"""

from __future__ import annotations

from appliance.box.clock.boxclock import BoxClock
from appliance.box.clock.latest import CLOCK_FILE, read_latest
from appliance.box.config import Config
from appliance.box.journal import Event, Journal
from appliance.box.journal_events import ClockJumped
from appliance.engine.engine_events import MemoryNotWritten, MemorySwept, MemoryUnreadable
from appliance.memory.remembered import DAY_MS, RELATIONSHIP_SHARE, after_call, carried_over, faded
from appliance.memory.secret import MemoryFileError, MemorySecret, directory_of
from appliance.memory.store import MemoryStore
from appliance.profile.call import CallProfile


class CallMemory:
    """The memory of one engine process."""

    def __init__(
        self, store: MemoryStore, journal: Journal | None, clock: BoxClock, *, keeps: bool = True
    ) -> None:
        """Use `store`; without `keeps` it is read alone, and nothing of it is swept or written.

        `clock` decides what is too old: one that is set back must not prolong what is kept.
        """
        self._store = store
        self._clock = clock
        self._journal = journal
        self._keeps = keeps
        self._swept = -1

    @classmethod
    def configured(cls, config: Config, journal: Journal | None, *, keeps: bool = True) -> CallMemory | None:
        """The memory of a configuration; None where it is off, or only read and never written to so far.

        Raises:
            MemoryFileError: the secret cannot be used.
        """
        if not config.memory.enabled:
            return None
        directory = directory_of(config.box.state_directory)
        secret = MemorySecret.load(directory, make=keeps)
        if secret is None:
            return None
        store = MemoryStore(directory, secret, config.memory.retention_days)
        if keeps:
            return cls(store, journal, BoxClock(directory / CLOCK_FILE))
        known = read_latest(directory)
        return cls(store, journal, BoxClock(seen=known.latest if known is not None else 0), keeps=False)

    def turn(self) -> None:
        """Look at the clock, and erase what is too old: once a day, and whenever the clock jumped."""
        if not self._keeps:
            return
        for jump in self._clock.turn():
            self._write(ClockJumped.of(jump))
            self._swept = -1
        self._sweep(self._today())

    def close(self) -> None:
        """Keep the latest time that was seen."""
        self._clock.close()

    def recall(self, customer: str, profile: CallProfile) -> None:
        """Tell a new call's profile what is remembered of its customer."""
        day = self._today()
        self._sweep(day)
        try:
            remembered = self._store.load(customer, day)
        except MemoryFileError:
            self._write(MemoryUnreadable())
            return
        if remembered is not None:
            share = RELATIONSHIP_SHARE * faded(day - remembered.day)
            profile.known_before(carried_over(remembered, day), (float(remembered.relationship), share))

    def keep(self, customer: str, profile: CallProfile, retention_days: int | None = None) -> None:
        """Remember a call that has ended, with what was remembered before.

        Where the call's policy keeps it for fewer days than the site, so is all that is remembered with it.
        """
        if not self._keeps:
            return
        day = self._today()
        try:
            before = self._store.load(customer, day)
        except MemoryFileError:
            before = None
        try:
            self._store.save(
                customer, after_call(before, profile.stated(), profile.score, day, retention_days)
            )
        except MemoryFileError:
            self._write(MemoryNotWritten())

    def _today(self) -> int:
        return self._clock.now() // DAY_MS

    def _sweep(self, day: int) -> None:
        if self._keeps and day != self._swept:
            self._swept = day
            removed = self._store.sweep(self._clock.now())
            if removed:
                self._write(MemorySwept(removed=removed))

    def _write(self, event: Event) -> None:
        if self._journal is not None:
            self._journal.write(event)
