"""Who talks when."""

from __future__ import annotations

from typing import Final

QUICK_REPLY_MS: Final = 300
SLOW_REPLY_MS: Final = 2_000
#: A gap longer than this is a pause of the talk, and no slow reply.
REPLY_LIMIT_MS: Final = 8_000
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
