"""Who talks when."""

from __future__ import annotations

from typing import Final

QUICK_REPLY_MS: Final = 300
SLOW_REPLY_MS: Final = 2_000
#: A gap longer than this is a pause of the talk, and no slow reply.
REPLY_LIMIT_MS: Final = 8_000
#: Answers after which the customer's usual response is known; from then on quick and slow are also judged
#: against it: quick at most this share of it, slow at least this many times.
HABIT_REPLIES: Final = 5
QUICK_REPLY_SHARE: Final = 0.7
SLOW_REPLY_TIMES: Final = 1.8
#: A usual response is not taken to be shorter than this; voice activity is no more exact.
LEAST_RESPONSE_MS: Final = 100
#: Overlaps that are remembered for the last minute.
OVERLAPS_KEPT: Final = 64
#: Shorter overlaps are back-channels (an "uh-huh" lasts about half a second).
OVERLAP_MS: Final = 700
#: One turn of this length, or half of the talk of the last minute, is talking freely.
FREE_TURN_MS: Final = 6_000
BALANCE_WINDOW_MS: Final = 60_000
#: Turn balance says nothing before both have talked this long together.
BALANCE_LEAST_MS: Final = 25_000
FREE_SHARE: Final = 0.5
LITTLE_SHARE: Final = 0.12
SILENCE_MS: Final = 5_000
#: The same timing evidence is not given again within this time.
TIMING_REPEAT_MS: Final = 20_000
