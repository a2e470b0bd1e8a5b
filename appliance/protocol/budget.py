"""What one call may send through the door: bytes, and bits of information.

Both sides keep a `CallBudget` of every call. The engine's is a little smaller, so that what it sends passes.
"""

from __future__ import annotations

from typing import Final

from appliance.protocol.bucket import CALL_BURST_BYTES, CALL_BYTES_PER_SECOND, LeakyBucket
from appliance.protocol.information import History
from appliance.protocol.messages import DoorMessage, ProfileMessage

#: Bits of information a second a call. The profiles of a lively call have 105 to 125. The standardised
#: vocoder of the lowest rate needs 600 (NATO STANAG 4591, MELPe), a telephone line 64,000.
CALL_BITS_PER_SECOND: Final = 128.0
#: Bits that may pass at once: the start, a whole profile with what the bank knows, and an utterance.
CALL_BURST_BITS: Final = 3072.0
#: Where the site has quotes shown, their words pass, as they should: ten characters every few seconds.
QUOTED_BITS_PER_SECOND: Final = 256.0
QUOTED_BURST_BITS: Final = 6144.0


def call_bits(*, quotes: bool) -> tuple[float, float]:
    """Bits a second, and at once, of a call at a site where quotes may be shown or not."""
    if quotes:
        return QUOTED_BITS_PER_SECOND, QUOTED_BURST_BITS
    return CALL_BITS_PER_SECOND, CALL_BURST_BITS


def has_quotes(message: DoorMessage) -> bool:
    """Whether a message has words of the customer in it."""
    return isinstance(message, ProfileMessage) and any(one.quote is not None for one in message.evidence)


class CallBudget:
    """Two leaky buckets and the history by which bits are counted. Pure: the caller gives the time (s).

    Messages are as the codec decodes them, with their fractions and times on the grid.

    Args:
        share: of what the feed lets pass; the engine, whose clock is another one, takes less than all of it.
        quotes: whether the site has quotes shown.
    """

    def __init__(self, share: float = 1.0, *, quotes: bool = False) -> None:
        rate, burst = call_bits(quotes=quotes)
        self._bytes = LeakyBucket(CALL_BYTES_PER_SECOND * share, CALL_BURST_BYTES * share)
        self._bits = LeakyBucket(rate * share, burst * share)
        self._history = History()

    def wait(
        self, message: DoorMessage, size: int, now: float, *, spare: tuple[float, float] = (0, 0)
    ) -> float:
        """Seconds from `now` until a message of `size` bytes fits and leaves `spare` bytes and bits.

        Infinity where it never does.
        """
        return max(
            self._bytes.wait(size + spare[0], now),
            self._bits.wait(self._history.bits(message, now) + spare[1], now),
        )

    def room(self, now: float) -> tuple[float, float]:
        """Bytes and bits that fit at `now`."""
        return self._bytes.burst - self._bytes.level(now), self._bits.burst - self._bits.level(now)

    def pour(self, message: DoorMessage, size: int, now: float) -> bool:
        """Count a message in if it fits; false (and nothing counted) where it does not."""
        bits = self._history.bits(message, now)
        if self._bits.wait(bits, now) or not self._bytes.pour(size, now):
            return False
        self._bits.pour(bits, now)
        self._history.note(message, now)
        return True
