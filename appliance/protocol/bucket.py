"""A leaky bucket: how much a call may send through the door, whatever it sends."""

from __future__ import annotations

from typing import Final

#: Bytes a second a call: an eighth of what G.711 takes. Vocoders of low rate need less, so this bound
#: stands beside the closed schema (no binary, no lists of numbers) and does not replace it.
CALL_BYTES_PER_SECOND: Final = 1024.0
#: Bytes that may pass at once: a call's start, a cue and a few whole profiles.
CALL_BURST_BYTES: Final = 8192.0


class LeakyBucket:
    """Holds up to `burst` units and leaks `rate` units a second. Pure: the caller gives the time.

    After ITU-T I.371, annex A (the continuous-state leaky bucket).
    """

    def __init__(self, rate: float = CALL_BYTES_PER_SECOND, burst: float = CALL_BURST_BYTES) -> None:
        """An empty bucket.

        Raises:
            ValueError: `rate` or `burst` is not above zero.
        """
        if not (rate > 0 and burst > 0):
            raise ValueError(f"a bucket of rate {rate} and burst {burst}; both must be above 0")
        self.rate = rate
        self.burst = burst
        self._level = 0.0
        self._at: float | None = None

    def pour(self, amount: float, now: float) -> bool:
        """Put `amount` in if it fits; false (and nothing put in) where it does not.

        `now` is monotonic, in seconds; a time before the last one counts as the last one.
        """
        level = self.level(now)
        if level + amount > self.burst:
            return False
        self._level = level + amount
        self._at = now if self._at is None else max(now, self._at)
        return True

    def level(self, now: float) -> float:
        """How full the bucket is at `now`, 0..burst."""
        elapsed = 0.0 if self._at is None else max(0.0, now - self._at)
        return max(0.0, self._level - elapsed * self.rate)

    def wait(self, amount: float, now: float) -> float:
        """Seconds from `now` until `amount` fits; 0 where it fits now, infinity where it never does."""
        if amount > self.burst:
            return float("inf")
        return max(0.0, (self.level(now) + amount - self.burst) / self.rate)
