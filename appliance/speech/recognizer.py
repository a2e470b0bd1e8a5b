"""The speech engine: every leg of every call, from int16 audio to utterances in characters."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from appliance.box.config import Speech
from appliance.box.journal import Journal
from appliance.box.journal_values import ErrorType
from appliance.models import ModelStore
from appliance.models_choice import Choice
from appliance.speech.legstream import FAULTS, LegStream
from appliance.speech.loading import load_reading, load_recognizer
from appliance.speech.passage import Passage
from appliance.speech.reading import Reading
from appliance.speech.speech_events import StreamRestarted
from appliance.speech.streamingmodel import StreamingModel
from appliance.telephony.audioblock import Leg


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
        except FAULTS as error:
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
        self._journal.write(StreamRestarted(kind=ErrorType(error), restarts=self.restarts))

    def forget(self, stream: LegStream) -> None:
        """The leg is over."""
        if stream in self._legs:
            self._legs.remove(stream)
