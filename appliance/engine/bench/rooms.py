"""The rooms of an engine with a stopwatch in every door."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Final, Literal, cast

import numpy as np
from numpy.typing import NDArray

from appliance.affect.models import AffectModels
from appliance.affect.voice import CustomerVoice
from appliance.box.config import Config
from appliance.box.journal import Journal
from appliance.engine.bench.stopwatch import Stopwatch
from appliance.engine.rooms import Rooms
from appliance.language.reader import CallReader, LanguageReader
from appliance.models import ModelStore
from appliance.profile.call import CallProfile
from appliance.profile.catalogue import Catalogue
from appliance.speech.legstream import LegStream
from appliance.speech.loading import load_reading, load_recognizer
from appliance.speech.reading import HeardWord, Reading
from appliance.speech.recognizer import SpeechEngine
from appliance.speech.streamingmodel import Hearing, ModelStream, StreamingModel
from appliance.telephony.audioblock import Leg

Stage = Literal["voice_activity", "recognition", "decoding", "affect", "objections", "profile"]
STAGES: Final[tuple[Stage, ...]] = (
    "voice_activity", "recognition", "decoding", "affect", "objections", "profile"
)  # fmt: skip


class TimedModel:
    """A recognizer whose time is counted, and how many streams it takes at once."""

    def __init__(self, real: StreamingModel, clock: Stopwatch) -> None:
        self._real = real
        self._clock = clock
        self.rate, self.units, self.symbols = real.rate, real.units, real.symbols
        self.largest_batch, self.confusions = real.largest_batch, real.confusions
        #: streams of each step of decoding
        self.batches: list[int] = []

    def open(self) -> ModelStream:
        """A stream of the recognizer."""
        self._clock.begin("recognition")
        try:
            return TimedStream(self._real.open(), self._clock)
        finally:
            self._clock.end()

    def decode(self, streams: Sequence[ModelStream]) -> None:
        """One step on each of these streams."""
        self.batches.append(len(streams))
        self._clock.begin("recognition")
        try:
            self._real.decode([cast(TimedStream, stream).real for stream in streams])
        finally:
            self._clock.end()


class TimedStream:
    """The audio of one utterance."""

    def __init__(self, real: ModelStream, clock: Stopwatch) -> None:
        self.real = real
        self._clock = clock

    def accept(self, samples: NDArray[np.float32]) -> None:
        """Add audio: the filter bank's work."""
        self._clock.begin("recognition")
        try:
            self.real.accept(samples)
        finally:
            self._clock.end()

    def finish(self) -> None:
        """No more audio follows."""
        self.real.finish()

    def ready(self) -> bool:
        """Whether there is enough audio for a step."""
        return self.real.ready()

    def hearing(self) -> Hearing:
        """What was heard."""
        self._clock.begin("recognition")
        try:
            return self.real.hearing()
        finally:
            self._clock.end()


class _TimedReading:
    def __init__(self, real: Reading, clock: Stopwatch) -> None:
        self._real = real
        self._clock = clock

    def hear(self, hearing: Hearing) -> None:
        self._clock.begin("decoding")
        try:
            self._real.hear(hearing)
        finally:
            self._clock.end()

    def words(self, final: bool) -> list[HeardWord]:
        self._clock.begin("decoding")
        try:
            return self._real.words(final)
        finally:
            self._clock.end()

    def confidences(self) -> Sequence[float]:
        return self._real.confidences()


class _TimedSpeech(SpeechEngine):
    """What of a leg is neither recognition nor decoding is voice activity, resampling and endpoints."""

    def __init__(
        self, model: TimedModel, begin_reading: Callable[[], Reading], endpoint_ms: int, clock: Stopwatch
    ) -> None:
        super().__init__(model, lambda: _TimedReading(begin_reading(), clock), endpoint_ms)
        self._leg_class = clock.timed_class("voice_activity", LegStream)

    def open(self, leg: Leg) -> LegStream:
        """A leg whose time is counted."""
        stream = self._leg_class(self, leg)
        self._legs.append(stream)
        return stream


class _TimedLanguage(LanguageReader):
    def __init__(self, real: LanguageReader, clock: Stopwatch) -> None:
        self._real = real
        self._reader_class = clock.timed_class("objections", CallReader)

    def open(self) -> CallReader:
        return self._reader_class(self._real)


def timed_rooms(config: Config, clock: Stopwatch) -> tuple[Rooms, TimedModel, str]:
    """Rooms whose work counts for the stages, the recognizer in them, and its name.

    Raises:
        ModelError: a model is missing, altered, or forbidden by the configuration.
        CatalogueError: the site's catalogue of strategies cannot be used.
    """
    store = ModelStore.configured(config)
    real, choice = load_recognizer(store, config.speech, config.engine.threads)
    model = TimedModel(real, clock)
    reading = load_reading(store, model, config.speech.words, Journal("bench"))
    emotion = any(policy.emotion for policy in config.policies())
    rooms = Rooms(
        speech=_TimedSpeech(model, reading, config.speech.endpoint_ms, clock),
        affect=clock.timed_class("affect", AffectModels).load(store, emotion=emotion),
        language=_TimedLanguage(LanguageReader.load(store), clock),
        catalogue=Catalogue.load(config.advice.catalogue),
        voice=clock.timed_class("affect", CustomerVoice),
        profile=clock.timed_class("profile", CallProfile),
    )
    return rooms, model, choice.name
