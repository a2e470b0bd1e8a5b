"""The box's clock: notices that the wall clock jumped, and lets nothing be prolonged by that.

`jumps.py` compares the wall clock with the one that nobody can set; `latest.py` keeps the latest time that
was seen, so that a clock that was set back while nothing ran is noticed, too; `boxclock.py` is what the zones
use.
"""
