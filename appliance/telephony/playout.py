"""Places the media of one leg on the call's time axis: contiguous samples at 8 kHz, cut into blocks.

Timestamps tell loss from silence suppression: where packets are missing, sound is missing; where the sequence
goes on and the timestamp jumps, nobody spoke (RFC 3551 §4.1). Sound is not held back: what is in order can be
taken at once, so media faster than real time works too. The clock matters only where nothing comes.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from appliance.telephony import g711
from appliance.telephony.rtp import CLOCK_RATE, Codec, timestamp_delta

Samples = NDArray[np.int16]

#: 80 ms: large enough to be cheap, small enough for a live view.
BLOCK_SAMPLES: Final = 640
#: Concealment fades out over 200 ms and then gives way to silence.
MAX_CONCEALMENT: Final = CLOCK_RATE // 5
#: What concealment repeats: the last 20 ms.
REPEATED: Final = CLOCK_RATE // 50
#: So long after it was due, in seconds, missing sound is taken to be missing for good. It costs no delay
#: while packets come, so it can be generous: a sender that was held up 150 ms loses nothing.
STARVATION_DELAY: Final = 0.200
#: A packet that is late by this many samples belongs to a sender that stopped its clock.
PAUSED: Final = CLOCK_RATE
#: So many packets late in a row, and the stream is placed anew: its path has become longer.
LATE_BEFORE_RESTART: Final = 10
#: Timestamps may jump ahead by two seconds, and by eight times the time that passes (media may be played
#: faster); a further jump is a new clock, and must not make us write hours of silence. What is left of the
#: allowance is kept only up to these two seconds, so that many small jumps get no further than large ones.
JUMP_ALLOWANCE: Final = 2 * CLOCK_RATE
JUMP_SPEED: Final = 8
#: The sender's clock is measured over windows this long, so that its drift is followed.
LEAD_WINDOW: Final = 5.0

_DECODERS: Final = {"PCMA": g711.alaw_decode, "PCMU": g711.ulaw_decode}


@dataclass(frozen=True, slots=True)
class Block:
    """Samples at their position."""

    #: samples since the call began
    position: int
    #: int16, shape (n,), n = 640 but for the last block of a flush
    samples: Samples
    #: samples of the block that are concealment
    lost: int
    #: the call was on hold when the block began
    held: bool


class Playout:
    """The time axis of one leg.

    `started` is the call's start on the clock of all `now` and `arrival`. Where the leg is listened to from
    `joined` on only, the first block lies there.
    """

    def __init__(self, started: float, joined: float | None = None) -> None:
        #: samples that were heard
        self.heard = 0
        #: samples that were concealed
        self.concealed = 0
        #: samples of silence that were filled in
        self.silence = 0
        #: packets whose place was already filled
        self.late = 0
        #: times that the timestamps began anew
        self.restarts = 0
        self._started = started
        # Everything before _end has its samples; _run holds the newest of them still coded.
        self._end = self._cut = max(0, round(((joined or started) - started) * CLOCK_RATE))
        self._done: list[Samples] = []
        self._run: list[bytes] = []
        self._run_codec: Codec = "PCMA"
        self._last: Samples | None = None
        self._phase = 0
        self._lost: list[tuple[int, int]] = []
        # A packet with timestamp _timestamp lies at _position; _frame is its length.
        self._timestamp: int | None = None
        self._position = 0
        self._frame = REPEATED
        self._arrival = started
        self._late_run = 0
        self._suppresses = False
        self._allowance = float(JUMP_ALLOWANCE)
        # How far the media are ahead of the clock, in samples: the largest of this window and the one before.
        self._lead = self._lead_before = 0.0
        self._window_end = started
        self._held = self._held_at_cut = False
        self._holds: list[tuple[int, bool]] = []

    @property
    def end(self) -> int:
        """Samples that have been placed since the call began."""
        return self._end

    def sound(self, timestamp: int, payload: bytes, codec: Codec, lost: int, arrival: float) -> None:
        """Place G.711 sound that came after `lost` missing packets."""
        length = len(payload)
        if not lost and self._timestamp is not None:
            gap = timestamp_delta(timestamp, self._timestamp) - self._frame
            # A sender that once fell silent on purpose is taken at its word when nothing comes again.
            self._suppresses = self._suppresses or gap >= REPEATED
        ahead = self._ahead(timestamp, length, arrival)
        if ahead:
            if ahead < 0:
                if ahead + length <= 0:
                    ahead = self._too_late(timestamp, -ahead, arrival)
                    if ahead < 0:
                        return
                else:
                    payload = payload[-ahead:]
            if ahead > 0:
                self._fill(ahead, min(ahead, lost * self._frame))
        self._late_run = 0
        self._frame = length
        self._phase = 0
        if codec != self._run_codec:
            self._settle()
            self._run_codec = codec
        self._run.append(payload)
        self._end += len(payload)
        self.heard += len(payload)
        lead = self._end - (arrival - self._started) * CLOCK_RATE
        self._lead = max(self._lead, lead)
        if arrival > self._window_end:
            self._window_end = arrival + LEAD_WINDOW
            self._lead_before, self._lead = self._lead, lead

    def comfort_noise(self, timestamp: int, lost: int, arrival: float) -> None:
        """Silence begins at `timestamp` (RFC 3389); the noise itself is of no use to a recognizer."""
        ahead = self._ahead(timestamp, 0, arrival)
        if ahead > 0:
            self._fill(ahead, min(ahead, lost * self._frame))
        # Nothing is missing until the next sound, so nothing is concealed.
        self._phase = MAX_CONCEALMENT

    def advance(self, clock: float) -> None:
        """Fill what is missing although it was due `STARVATION_DELAY` before `clock`."""
        lead = max(self._lead, self._lead_before)
        missing = int((clock - self._started - STARVATION_DELAY) * CLOCK_RATE + lead) - self._end
        if missing > 0:
            on_purpose = self._held or self._suppresses or self._timestamp is None
            self._fill(missing, 0 if on_purpose else missing)

    def hold(self, held: bool) -> None:
        """From here on the call is on hold, or no longer."""
        if held != self._held:
            self._held = held
            self._holds.append((self._end, held))
            # What stops at a hold or starts after it is not missing.
            self._phase = MAX_CONCEALMENT

    def restart(self) -> None:
        """The next packet is of another source: its timestamps have nothing to do with those before."""
        self._timestamp = None

    def take(self, *, whole: bool = True) -> list[Block]:
        """The blocks that are complete; with `whole` false, also the rest as a shorter block."""
        ready = self._end - self._cut
        if ready < BLOCK_SAMPLES and (whole or not ready):
            return []
        self._settle()
        samples = self._done[0] if len(self._done) == 1 else np.concatenate(self._done)
        stop = ready - ready % BLOCK_SAMPLES if whole else ready
        blocks = [
            self._block(samples[start : start + BLOCK_SAMPLES][: stop - start])
            for start in range(0, stop, BLOCK_SAMPLES)
        ]
        self._done = [samples[stop:]] if stop < ready else []
        return blocks

    def _block(self, samples: Samples) -> Block:
        start, end = self._cut, self._cut + len(samples)
        lost = 0
        while self._lost and self._lost[0][0] < end:
            first, last = self._lost.pop(0)
            lost += min(last, end) - first
            if last > end:
                self._lost.insert(0, (end, last))
        while self._holds and self._holds[0][0] <= start:
            self._held_at_cut = self._holds.pop(0)[1]
        self._cut = end
        return Block(start, samples, lost, self._held_at_cut)

    def _ahead(self, timestamp: int, length: int, arrival: float) -> int:
        """How far ahead of the end the timestamp lies, in samples."""
        if self._timestamp is None:
            position = self._clock_position(arrival)
            self._anchor(timestamp, position, arrival)
        else:
            position = self._position + timestamp_delta(timestamp, self._timestamp)
            passed = max(0.0, arrival - self._arrival)
            self._allowance = min(self._allowance, JUMP_ALLOWANCE) + passed * JUMP_SPEED * CLOCK_RATE
            if position - self._end > self._allowance:
                self.restarts += 1
                position = self._clock_position(arrival)
                self._anchor(timestamp, position, arrival)
            else:
                self._allowance -= max(0, position - self._end)
                self._timestamp, self._position = timestamp, position
        self._arrival = arrival
        return position - self._end

    def _too_late(self, timestamp: int, behind: int, arrival: float) -> int:
        """A packet whose place was filled: how far ahead it is to be placed instead, or -1 to drop it."""
        self._late_run += 1
        if behind < PAUSED and self._late_run < LATE_BEFORE_RESTART:
            self.late += 1
            return -1
        self.restarts += 1
        position = self._clock_position(arrival)
        self._anchor(timestamp, position, arrival)
        return position - self._end

    def _clock_position(self, arrival: float) -> int:
        return max(self._end, round((arrival - self._started) * CLOCK_RATE))

    def _anchor(self, timestamp: int, position: int, arrival: float) -> None:
        self._timestamp, self._position = timestamp, position
        self._lead = self._lead_before = position - (arrival - self._started) * CLOCK_RATE
        self._window_end = arrival + LEAD_WINDOW

    def _fill(self, count: int, missing: int) -> None:
        """Append `count` samples: at most `missing` of them concealment, then silence."""
        self._settle()
        conceal = max(0, min(missing, MAX_CONCEALMENT - self._phase)) if self._last is not None else 0
        if conceal and self._last is not None:
            ramp = np.arange(self._phase, self._phase + conceal)
            repeated = self._last[ramp % len(self._last)] * (1.0 - ramp / MAX_CONCEALMENT)
            self._done.append(repeated.astype(np.int16))
            self._lost.append((self._end, self._end + conceal))
            self._phase += conceal
            self.concealed += conceal
        if count > conceal:
            self._done.append(np.zeros(count - conceal, np.int16))
            self.silence += count - conceal
        self._end += count

    def _settle(self) -> None:
        """Decode what came in since the last time, all at once."""
        if self._run:
            samples = _DECODERS[self._run_codec](b"".join(self._run))
            self._run.clear()
            self._done.append(samples)
            self._last = samples[-REPEATED:]
