"""One leg of a call: where its utterances begin and end, and what the recognizer hears of it."""

from __future__ import annotations

from collections import deque
from dataclasses import replace
from typing import TYPE_CHECKING, Final

import numpy as np
from numpy.typing import NDArray

from appliance.speech.doze import Doze
from appliance.speech.passage import Passage
from appliance.speech.tonality import Tonality
from appliance.speech.utterance import SpeechEnded, SpeechEvent, SpeechStarted, Utterance
from appliance.speech.voiceactivity import FRAME_MS, HANGOVER_FRAMES, VoiceActivity
from appliance.telephony.audioblock import Leg

if TYPE_CHECKING:
    from appliance.speech.recognizer import SpeechEngine

#: Loud frames that voice activity needs before it says so; speech began that much earlier.
_ONSET_MS: Final = 60
#: From this length on an utterance ends at the next short pause, and at the latest at `LONGEST_MS`.
LONG_MS: Final = 12_000
LONG_PAUSE_MS: Final = 160
LONGEST_MS: Final = 20_000
#: A smaller step of the blocks' times is a rounding of the source and is not a hole in the audio.
_TIME_SLACK_MS: Final = 40
#: A hole up to this long is filled with silence; a longer one ends the utterance.
_FILLED_HOLE_MS: Final = 200
RATES: Final = (8000, 16_000)
#: What a network or a decoder may raise over one stream without harm to the others.
FAULTS: Final = (RuntimeError, ValueError, IndexError)


class LegStream:
    """One leg: voice activity decides what the recognizer hears, and pauses decide where utterances end.

    Feed it packets of any size in the order of the call; take events after `SpeechEngine.step`.
    """

    def __init__(self, engine: SpeechEngine, leg: Leg) -> None:
        """Belongs to `engine`; made by `SpeechEngine.open`."""
        self._engine = engine
        self._leg: Leg = leg
        self._rate = 0
        self._activity = VoiceActivity(RATES[0])
        self._tonality = Tonality(RATES[0])
        self._pending = np.zeros(0, np.int16)
        self._doze = Doze()
        #: samples since `_origin_ms` that were cut into frames
        self._origin_ms = 0
        self._position = 0
        self._passage: Passage | None = None
        #: audio that the open passage began with
        self._before_ms = 0
        #: the open passage is a piece of what was slept through
        self._probing = False
        self._waiting: deque[Passage] = deque()
        self._quiet_frames = 0
        self._speaking = False
        self._number = 0
        self._events: list[SpeechEvent] = []

    def feed(self, samples: NDArray[np.int16], rate: int, start_ms: int) -> None:
        """Add int16 samples, shape (n,), at `rate` (8000 or 16000), the first at `start_ms` of the call.

        Raises:
            ValueError: another rate, or samples that are not int16 in one dimension.
        """
        if rate not in RATES or samples.dtype != np.int16 or samples.ndim != 1:
            raise ValueError(
                f"a leg takes one-dimensional int16 at 8000 or 16000 Hz, not {samples.dtype} of shape "
                f"{samples.shape} at {rate} Hz; resample or convert it first"
            )
        if rate != self._rate:
            self._restart_clock(rate, start_ms)
        samples = self._mend_time(samples, start_ms)
        if len(self._pending):
            samples = np.concatenate((self._pending, samples))
        size = self._activity.frame
        whole = len(samples) // size * size
        self._pending = samples[whole:].copy()
        if whole:
            self._frames(samples[:whole])

    def take(self) -> list[SpeechEvent]:
        """The events since the last call, in order."""
        events, self._events = self._events, []
        return events

    def finish(self) -> None:
        """The leg's audio is over: decode all that is left; `take` then gives the last events."""
        if len(self._pending) and self._rate:
            size = self._activity.frame
            self._frames(np.pad(self._pending, (0, size - len(self._pending))))
            self._pending = np.zeros(0, np.int16)
        if self._doze.asleep:
            self._wake()
        self._silence_begins()
        self._end_passage()
        while self.ready():
            self._engine.decode([self])

    def close(self) -> None:
        """Forget the leg with all that was not taken."""
        self._engine.forget(self)
        self._waiting.clear()
        self._passage = None
        self._events.clear()

    def ready(self) -> Passage | None:
        """The oldest passage, if a chunk of it waits to be decoded; those that are over are told of."""
        while self._waiting:
            passage = self._waiting[0]
            if passage.ready():
                return passage
            if not passage.closed:
                return None
            self._waiting.popleft()
            if not passage.dropped:
                if passage.barren:
                    self._doze.nothing(passage.length_ms)
                self._note(passage, passage.result())
        return None

    def tell(self) -> None:
        """A chunk of the oldest passage was decoded: note what it brought."""
        passage = self._waiting[0]
        try:
            grown = passage.grown()
        except FAULTS as error:
            self.fail(error)
            return
        if passage.barren:
            if passage is self._passage and not passage.ready():
                self._lose_patience(passage)
            return
        self._doze.speech()
        if passage is self._passage and self._probing:
            self._wake()
        else:
            self._note(passage, grown)

    def _lose_patience(self, passage: Passage) -> None:
        """Sleep, if all that was heard so far is long enough to be no speech."""
        before = 0 if self._probing else self._before_ms
        if passage.length_ms - before >= self._doze.patience_ms:
            self._drop()
            self._silence_begins()
            self._doze.sleep(self._now())

    def _drop(self) -> None:
        """What the open passage has heard is of no use."""
        if self._passage is not None:
            self._passage.dropped = self._passage.closed = True
            self._passage = None
        self._probing = False

    def _wake(self) -> None:
        """Recognize all that was kept, and what follows."""
        self._drop()
        self._doze.wake()
        self._open(self._doze.everything())

    def fail(self, error: Exception) -> None:
        """What was understood so far becomes the utterance; the leg goes on with a new stream."""
        passage = self._waiting[0]
        self._engine.failed(error)
        passage.failed = True
        passage.closed = True
        if passage is self._passage:
            self._passage = None

    def _note(self, passage: Passage, utterance: Utterance | None) -> None:
        if utterance is None:
            return
        if passage.number is None:
            passage.number = self._number
            self._number += 1
        self._events.append(replace(utterance, number=passage.number))

    def _restart_clock(self, rate: int, start_ms: int) -> None:
        self._silence_begins()
        self._end_passage()
        self._rate = rate
        self._activity = VoiceActivity(rate)
        self._tonality = Tonality(rate)
        self._pending = np.zeros(0, np.int16)
        self._doze.forget()
        self._origin_ms = start_ms
        self._position = 0

    def _mend_time(self, samples: NDArray[np.int16], start_ms: int) -> NDArray[np.int16]:
        """Compares the block's time with what has been heard: fills holes, cuts what came twice."""
        expected = self._origin_ms + (self._position + len(self._pending)) * 1000 // self._rate
        step = start_ms - expected
        if abs(step) <= _TIME_SLACK_MS:
            return samples
        if step < 0:
            return samples[-step * self._rate // 1000 :]
        if step <= _FILLED_HOLE_MS and self._passage is not None:
            hole = np.zeros(step * self._rate // 1000, np.int16)
            return np.concatenate((hole, samples))
        self._silence_begins()
        self._end_passage()
        self._pending = np.zeros(0, np.int16)
        self._doze.forget()
        self._origin_ms = start_ms
        self._position = 0
        return samples

    def _frames(self, samples: NDArray[np.int16]) -> None:
        size = self._activity.frame
        likeness = self._likeness(samples)
        fed = 0
        for index, speech in enumerate(self._activity.decide(samples)):
            start = index * size
            if speech and likeness:
                self._doze.hear(likeness[index])
            if self._passage is None and self._begins(speech):
                fed = start
            if self._passage is None or self._probing:
                self._doze.keep(samples[start : start + size])
            self._position += size
            louder = self._doze.louder(samples[start : start + size])
            if self._doze.asleep:
                if self._pause(speech):
                    self._sound_ends()
                elif louder:
                    self._wake()
                else:
                    continue
                fed = start + size
                continue
            if self._passage is None:
                continue
            self._follow(speech)
            if self._ends_here():
                self._passage.accept(samples[fed : start + size])
                self._end_passage()
        if self._passage is not None:
            self._passage.accept(samples[fed:])

    def _likeness(self, samples: NDArray[np.int16]) -> list[float]:
        """How steady the tones of each frame are, where that matters: nothing was understood yet."""
        if self._doze.asleep or (self._passage is not None and self._passage.barren):
            return self._tonality.measure(samples)
        self._tonality.skip(samples)
        return []

    def _begins(self, speech: bool) -> bool:
        """Open a passage where sound begins, or where a sleeping leg is to be listened to again."""
        if self._doze.asleep:
            if not self._doze.due(self._now()):
                return False
            self._probing = True
            self._open(self._doze.probe())
            return True
        if not speech or self._doze.sleeps_on(self._now()):
            return False
        self._open(self._doze.pre_roll())
        return True

    def _sound_ends(self) -> None:
        """The sound that was slept through is over: recognize what was kept of it, if it may be speech."""
        if not self._probing and self._doze.over():
            return
        self._wake()
        self._end_passage()

    def _pause(self, speech: bool) -> bool:
        """Whether the sound that is slept through has ended."""
        self._quiet_frames = 0 if speech else self._quiet_frames + 1
        return self._quiet_frames * FRAME_MS >= self._engine.endpoint_ms

    def _now(self) -> int:
        return self._origin_ms + self._position * 1000 // self._rate

    def _open(self, before: list[NDArray[np.int16]]) -> None:
        """A passage that begins with these frames, which end now."""
        passage = self._engine.begin(self._leg, self._rate, self._now() - len(before) * FRAME_MS)
        self._passage = passage
        self._before_ms = len(before) * FRAME_MS
        self._waiting.append(passage)
        if before:
            passage.accept(np.concatenate(before))

    def _follow(self, speech: bool) -> None:
        """Tells of speech that began or ended with the frame just passed."""
        if speech:
            self._quiet_frames = 0
            if not self._speaking:
                self._speaking = True
                start = max(self._origin_ms, self._now() - FRAME_MS - _ONSET_MS)
                self._events.append(SpeechStarted(self._leg, start))
            return
        self._quiet_frames += 1
        if self._quiet_frames >= HANGOVER_FRAMES:
            self._silence_begins()

    def _silence_begins(self) -> None:
        if self._speaking:
            self._speaking = False
            self._events.append(SpeechEnded(self._leg, self._now() - self._quiet_frames * FRAME_MS))

    def _ends_here(self) -> bool:
        assert self._passage is not None
        quiet = self._quiet_frames * FRAME_MS
        length = self._now() - self._passage.start_ms
        return (
            quiet >= self._engine.endpoint_ms
            or (length >= LONG_MS and quiet >= LONG_PAUSE_MS)
            or length >= LONGEST_MS
        )

    def _end_passage(self) -> None:
        if self._passage is not None:
            self._passage.close()
            self._passage = None
