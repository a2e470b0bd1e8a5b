"""The voice of one customer. This package hears nobody else: an agent's audio is refused by type of leg."""

from __future__ import annotations

from collections import deque
from typing import TYPE_CHECKING, Final

import numpy as np
from numpy.typing import NDArray

from appliance.affect import prosody
from appliance.affect.baseline import Baseline, Normal
from appliance.affect.emotion import EmotionState
from appliance.affect.features import CHUNK, Floats, Framer, Halver, speech_frames
from appliance.affect.frames import Frames
from appliance.affect.readings import EmotionReading, VoiceReading
from appliance.affect.ring import FrameRing
from appliance.affect.window import PAUSE_FRAMES, WINDOW_FRAMES
from appliance.speech.utterance import SpeechEnded, SpeechStarted
from appliance.telephony.audioblock import AudioBlock

if TYPE_CHECKING:
    from appliance.affect.models import AffectModels

#: a decision about emotion every so often, on the clock of the call
DECISION_MS: Final = 500
#: a window is gathered from the speech of this long before the decision
REACH_MS: Final = 4000
#: a decision needs speech that is going on, or ended no longer ago
FRESH_MS: Final = 400
#: a decision needs this much speech, 1.2 s
LEAST_SPEECH_FRAMES: Final = 120
#: times of blocks are rounded to milliseconds and packets jitter; only a larger step is a gap
_TOLERANCE_MS: Final = 30
#: decisions that may wait; `AffectModels.run` is called several times a second
_WAITING: Final = 8


class AgentLegError(ValueError):
    """Somebody tried to measure an agent's voice."""

    def __init__(self) -> None:
        super().__init__(
            "the affect room was given a leg that is not the customer's; agents are not measured: "
            "hand it blocks and speech events of the customer's leg only"
        )


class CustomerVoice:
    """Measures one customer: frames of the last half minute, a baseline, and the state of the emotion.

    Memory is bounded. Feeding is cheap; the measuring happens for many calls at once in `AffectModels.run`.
    """

    def __init__(self, models: AffectModels, *, emotion: bool = True) -> None:
        """Begin; without `emotion` the emotion model never sees this voice, whatever other calls allow."""
        self._models = models
        self._framer = Framer()
        self._halver = Halver()
        self._pitch_state = models.tracker.open()
        self._ring = FrameRing()
        #: measured, but its pitch is decided with the next chunk
        self._held: Frames | None = None
        self._held_ms = 0
        #: where the audio that comes next belongs; None before the first block and after a break
        self._origin_ms: int | None = None
        self._samples = 0
        self._last_ms = 0
        self._spans: deque[tuple[int, int | None]] = deque(maxlen=64)
        self._baseline = Baseline()
        self.waiting: deque[int] = deque(maxlen=_WAITING)
        settings = models.emotion.settings if emotion and models.emotion is not None else None
        self.state = EmotionState(settings) if settings is not None else None
        self.readings: deque[EmotionReading] = deque(maxlen=64)

    def hear(self, block: AudioBlock) -> None:
        """Take a block of the customer's leg; audio on hold (music, announcements) is passed over.

        Raises:
            AgentLegError: the block is of another leg.
        """
        if block.leg != "customer":
            raise AgentLegError
        if block.hold:
            self._break()
            return
        samples = block.samples
        self.feed(samples, block.rate, block.start_ms, lost=block.lost / max(1, len(samples)))

    def feed(self, samples: NDArray[np.int16], rate: int, start_ms: int, *, lost: float = 0.0) -> None:
        """Take int16 samples, shape (n,), at 8 or 16 kHz that begin at `start_ms` of the call.

        The caller answers for these being the customer's; the engine uses `hear`, which checks.
        A gap in time starts the measuring anew; what was already heard is skipped.

        Args:
            samples: any number of them.
            rate: 8000 or 16000.
            start_ms: when the first sample was spoken.
            lost: share of the samples that is concealment for lost packets, 0..1.
        """
        if self._origin_ms is not None:
            expected = self._origin_ms + self._samples * 1000 // rate
            if start_ms > expected + _TOLERANCE_MS:
                self._break()
            elif start_ms < expected - _TOLERANCE_MS:
                skipped = (expected - start_ms) * rate // 1000
                samples = samples[skipped:]
        if self._origin_ms is None:
            self._origin_ms, self._samples = max(start_ms, self._last_ms), 0
            self._next_ms = self._origin_ms
        self._samples += len(samples)
        narrow = self._halver.push(samples) if rate == 16000 else samples
        while len(narrow):
            if self._framer.room == 0:
                self._models.measure([self])
            piece = narrow[: self._framer.room]
            self._framer.push(piece, lost)
            narrow = narrow[len(piece) :]

    def speech(self, event: SpeechStarted | SpeechEnded) -> None:
        """Take what voice activity says; emotion is only decided on speech.

        Raises:
            AgentLegError: the event is of another leg.
        """
        if event.leg != "customer":
            raise AgentLegError
        if isinstance(event, SpeechStarted):
            self._spans.append((event.at_ms, None))
        elif self._spans and self._spans[-1][1] is None:
            self._spans[-1] = (self._spans[-1][0], event.at_ms)

    def describe(self, start_ms: int, end_ms: int, syllables: int) -> VoiceReading | None:
        """Prosody of the utterance in [start_ms, end_ms); None where too little of it was heard as speech.

        Call it once for each final utterance, in order: the baseline learns from it.
        """
        self._models.measure([self])
        times, frames = self._ring.between(start_ms, end_ms)
        return prosody.describe(times, frames, (start_ms, end_ms), syllables, self._baseline)

    def take(self) -> list[EmotionReading]:
        """The readings since the last call; empty where the emotion model is off."""
        taken = list(self.readings)
        self.readings.clear()
        return taken

    def _break(self) -> None:
        """The audio that follows is not the continuation of what came."""
        if self._origin_ms is None:
            return
        self._models.measure([self])
        if self._held is not None:
            self._keep(self._held)
            self._held = None
        self._framer.reset()
        self._halver.reset()
        self._pitch_state = self._models.tracker.open()
        self._origin_ms = None

    # What follows is for AffectModels, which works on many voices at once.

    @property
    def ready(self) -> bool:
        """Whether a chunk of audio waits to be measured."""
        return self._framer.ready

    def next_chunk(self) -> tuple[Floats, Floats]:
        """The next chunk of frames, and the share of each that was lost."""
        return self._framer.take()

    @property
    def normal(self) -> Normal | None:
        """The customer's normal voice, as far as the utterances so far have told it."""
        return self._baseline.normal

    @property
    def pitch_state(self) -> object:
        """What the pitch tracker remembers of this leg."""
        return self._pitch_state

    def accept(self, mel: Floats, energy: Floats, clipped: Floats, lost: Floats) -> None:
        """Hold a measured chunk until its pitch is known."""
        none = np.zeros(CHUNK, np.float32)
        self._held = Frames(mel, energy, clipped, lost, none, none)
        self._held_ms = self._next_ms
        self._next_ms += CHUNK * 10

    def decide(self, pitch: Floats, periodicity: Floats) -> None:
        """Take the pitch of the chunk that is held, if there is one."""
        if self._held is None:
            return
        held, self._held = self._held, None
        self._keep(Frames(held.mel, held.energy, held.clipped, held.lost, pitch, periodicity))

    def _keep(self, frames: Frames) -> None:
        end = self._held_ms + CHUNK * 10
        self._ring.append(self._held_ms, frames)
        if self.state is not None:
            due = self._last_ms // DECISION_MS * DECISION_MS + DECISION_MS
            self.waiting.extend(range(max(due, self._held_ms), end + 1, DECISION_MS) if due <= end else ())
        self._last_ms = end

    def window(self, at_ms: int) -> Frames | None:
        """The speech that a decision at `at_ms` rests on, at most WINDOW_FRAMES; None: not enough of it."""
        times, frames = self._ring.between(at_ms - REACH_MS, at_ms)
        inside = np.zeros(len(times), np.bool_)
        fresh = False
        for start, end in self._spans:
            inside |= (times >= start) & (times < (at_ms if end is None else end))
            fresh = fresh or (start < at_ms and (end is None or end > at_ms - FRESH_MS))
        spoken = np.flatnonzero(inside)
        if not fresh or len(spoken) < LEAST_SPEECH_FRAMES:
            return None
        spoken = spoken[speech_frames(frames.energy[spoken], PAUSE_FRAMES)]
        if len(spoken) < LEAST_SPEECH_FRAMES:
            return None
        return frames.at(spoken[-WINDOW_FRAMES:])
