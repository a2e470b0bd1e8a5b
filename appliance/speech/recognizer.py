"""The speech engine: every leg of every call, from int16 audio to utterances in characters."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Final

import numpy as np
from numpy.typing import NDArray

from appliance.box.config import Speech
from appliance.box.journal import Journal
from appliance.models import ModelStore
from appliance.models_choice import Choice
from appliance.speech.loading import load_reading, load_recognizer
from appliance.speech.passage import Passage
from appliance.speech.reading import Reading
from appliance.speech.streamingmodel import StreamingModel
from appliance.speech.utterance import SpeechEnded, SpeechEvent, SpeechStarted, Utterance
from appliance.speech.voiceactivity import FRAME_MS, HANGOVER_FRAMES, VoiceActivity
from appliance.telephony.audioblock import Leg

#: Audio before the first loud frame that the recognizer gets too: weak onsets and its own run-in.
PRE_ROLL_MS: Final = 300
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
_FAULTS: Final = (RuntimeError, ValueError, IndexError)


class SpeechEngine:
    """One recognizer for all legs; legs share its time fairly, chunk by chunk."""

    def __init__(
        self,
        model: StreamingModel,
        begin_reading: Callable[[], Reading],
        endpoint_ms: int,
        journal: Journal | None = None,
    ) -> None:
        """Use a loaded recognizer.

        Args:
            model: hears.
            begin_reading: gives what reads one utterance of what was heard.
            endpoint_ms: silence that ends an utterance.
            journal: told of streams that were restarted.
        """
        self._model = model
        self._begin_reading = begin_reading
        self._journal = journal or Journal("engine")
        self._legs: list[LegStream] = []
        self.endpoint_ms = endpoint_ms
        #: which recognizer it is and why, where the store chose it
        self.choice: Choice | None = None
        #: streams that the recognizer could not go on with and that were restarted
        self.restarts = 0

    @classmethod
    def load(cls, store: ModelStore, speech: Speech, threads: int = 1) -> SpeechEngine:
        """Load the recognizer through the store, and what it needs to write words and the site's names.

        Names that cannot be listened for are left out and noted in the journal; `ridge check` names those
        that cannot be pronounced.

        Raises:
            ModelError: one of them is missing, altered, not allowed or of another kind.
        """
        journal = Journal("engine")
        model, choice = load_recognizer(store, speech, threads)
        engine = cls(model, load_reading(store, model, speech.words, journal), speech.endpoint_ms, journal)
        engine.choice = choice
        return engine

    def open(self, leg: Leg) -> LegStream:
        """A stream for one leg of a call."""
        stream = LegStream(self, leg)
        self._legs.append(stream)
        return stream

    def step(self) -> None:
        """Decode everything that waits, one chunk of each leg in turn, in batches where the model can."""
        waiting = list(self._legs)
        while waiting := [leg for leg in waiting if leg.ready()]:
            size = self._model.largest_batch
            for start in range(0, len(waiting), size):
                self.decode(waiting[start : start + size])

    def decode(self, legs: Sequence[LegStream]) -> None:
        """Decode one chunk of the passage that is ready on each of these legs, at most a batch.

        A batch that fails is done again leg by leg, so that only the one at fault is restarted.
        """
        passages = [leg.ready() for leg in legs]
        try:
            self._model.decode([passage.stream for passage in passages if passage is not None])
        except _FAULTS as error:
            if len(legs) == 1:
                legs[0].fail(error)
                return
            for leg in legs:
                self.decode([leg])
            return
        for leg in legs:
            leg.tell()

    def begin(self, leg: Leg, rate: int, start_ms: int) -> Passage:
        """A passage for a leg that has begun to speak."""
        return Passage(self._model, self._begin_reading(), leg, rate, start_ms)

    def failed(self, error: Exception) -> None:
        """Count and note a stream that could not go on."""
        self.restarts += 1
        self._journal.event("recognizer_stream_restarted", kind=type(error).__name__, restarts=self.restarts)

    def forget(self, stream: LegStream) -> None:
        """The leg is over."""
        if stream in self._legs:
            self._legs.remove(stream)


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
        self._pending = np.zeros(0, np.int16)
        self._history: deque[NDArray[np.int16]] = deque(maxlen=PRE_ROLL_MS // FRAME_MS)
        #: samples since `_origin_ms` that were cut into frames
        self._origin_ms = 0
        self._position = 0
        self._passage: Passage | None = None
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
            self._note(passage, passage.result())
        return None

    def tell(self) -> None:
        """A chunk of the oldest passage was decoded: note what it brought."""
        passage = self._waiting[0]
        try:
            self._note(passage, passage.grown())
        except _FAULTS as error:
            self.fail(error)

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
        self._pending = np.zeros(0, np.int16)
        self._history.clear()
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
        self._history.clear()
        self._origin_ms = start_ms
        self._position = 0
        return samples

    def _frames(self, samples: NDArray[np.int16]) -> None:
        size = self._activity.frame
        fed = 0
        for index, speech in enumerate(self._activity.decide(samples)):
            start = index * size
            if self._passage is None:
                if speech:
                    self._begin_passage(self._now())
                    fed = start
                else:
                    self._history.append(samples[start : start + size])
            self._position += size
            if self._passage is None:
                continue
            self._follow(speech)
            if self._ends_here():
                self._passage.accept(samples[fed : start + size])
                self._end_passage()
        if self._passage is not None:
            self._passage.accept(samples[fed:])

    def _now(self) -> int:
        return self._origin_ms + self._position * 1000 // self._rate

    def _begin_passage(self, now: int) -> None:
        history = list(self._history)
        self._history.clear()
        passage = self._engine.begin(self._leg, self._rate, now - len(history) * FRAME_MS)
        self._passage = passage
        self._waiting.append(passage)
        if history:
            passage.accept(np.concatenate(history))

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
