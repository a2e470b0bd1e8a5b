"""Pitch and voicing by a quantized model, every 10 ms, for many calls at once.

The model looks at `periods.describe` of a frame and its neighbours and gives a score for each step of the
pitch axis and one for voicing. It takes the place of the autocorrelation tracker (`PitchTracker`).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated, Final, Protocol

import msgspec
import numpy as np
from numpy.typing import NDArray

from appliance.affect import periods
from appliance.affect.features import CHUNK, Floats
from appliance.affect.periods import BINS, BINS_PER_OCTAVE, FIRST_HZ, INPUTS, PERIODS_VERSION
from appliance.affect.runtime import TfliteModel
from appliance.models import ModelError

#: frames before and after a frame that the model looks at: 40 ms
CONTEXT: Final = 4
#: frames that go into the model for one chunk
SPAN: Final = CHUNK + 2 * CONTEXT
#: a frame this far below the loud ones, or below this level, cannot be voiced speech
_QUIET_BELOW_LOUD: Final = 40.0
_QUIET_DB: Final = -62.0
#: the memory of the loud level fades by this much a frame, so that quiet speech after a shout is heard
_LOUD_FADE_DB: Final = 0.02
#: frames before and after whose pitch counts, too, and steps that the pitch may move from one to the next
REACH: Final = 3
_DRIFT: Final = 2
_IMPOSSIBLE: Final = -1e4
#: steps on either side of the best one that share in the pitch
_NEIGHBOURS: Final = 2


class Settings(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What the training program writes beside a model."""

    #: the version of `periods.describe` that the model was trained with
    periods: int
    #: probability of voicing from which a frame is voiced
    voiced_from: Annotated[float, msgspec.Meta(gt=0.0, lt=1.0)]
    #: speakers that the training never saw
    held_out: tuple[str, ...]


class ProsodyModelError(ModelError):
    """The prosody model does not fit this program; the message says what to do."""


class Scorer(Protocol):
    """Gives the scores of windows: the quantized model, or the float one while it is trained."""

    def run(self, items: Floats) -> Floats:
        """Scores (n, CHUNK * (BINS + 1)) of inputs (n, SPAN, 1, INPUTS)."""


@dataclass(slots=True)
class Level:
    """The level of the loud frames of a leg so far, dB."""

    loud: float = -50.0

    def follow(self, loud: float) -> float:
        """Take the level of the loud frames of a chunk, dB."""
        self.loud = max(self.loud - _LOUD_FADE_DB * CHUNK, loud)
        return self.loud


def described(levels: Sequence[Level], frames: Floats, energy: Floats) -> Floats:
    """The model's input for a chunk of each leg, shape (legs, CHUNK, INPUTS); the levels are changed."""
    ordered = np.sort(energy, axis=1)
    # the 80th percentile of eight frames
    now = (0.4 * ordered[:, CHUNK - 3] + 0.6 * ordered[:, CHUNK - 2]).tolist()
    loud = np.array([level.follow(one) for level, one in zip(levels, now, strict=True)], np.float32)
    return periods.describe(frames, energy - loud[:, None])


def _widened(belief: Floats) -> Floats:
    """The greatest value within _DRIFT steps of each but the outermost steps, shape (..., n - 2 * _DRIFT)."""
    pairs = np.maximum(belief[..., :-1], belief[..., 1:])
    fours = np.maximum(pairs[..., :-2], pairs[..., 2:])
    return np.maximum(fours[..., :-1], belief[..., 2 * _DRIFT :])


def decode(scores: Floats, beliefs: Floats, voiced_from: float) -> tuple[Floats, Floats, Floats]:
    """Pitch and voicing of a chunk of each leg.

    A voice moves little from frame to frame: what up to REACH frames before and after say of nearby pitches
    counts, too, the more voiced these are. A single frame in which another harmonic stands out is outvoted.

    Args:
        scores: the model's output, shape (legs, CHUNK, BINS + 1): a logit for each step of the axis, then one
            for voicing.
        beliefs: what the last REACH frames of the chunk before said, shape (legs, REACH, BINS), as returned.
        voiced_from: probability of voicing from which a frame is voiced.

    Returns:
        Pitch in Hz (0 where unvoiced) and the probability of voicing 0..1, both of shape (legs, CHUNK), and
        the beliefs of the last frames. The pitch is the mean of the best step and its neighbours, weighted by
        their probabilities.
    """
    steps = scores[..., :BINS]
    voicing = 1.0 / (1.0 + np.exp(-scores[..., BINS]))
    relative = steps - steps.max(axis=-1, keepdims=True)
    shares = relative - np.log(np.exp(relative).sum(axis=-1, keepdims=True))
    # room at both ends for what is widened, so that nothing need be padded
    room = REACH * _DRIFT
    wide = np.full((len(scores), REACH + CHUNK, BINS + 2 * room), _IMPOSSIBLE, np.float32)
    known = wide[..., room : room + BINS]
    known[:, :REACH] = beliefs
    np.multiply(shares, voicing[..., None], out=known[:, REACH:])
    heard = known[:, REACH:].copy()
    for away in range(1, REACH + 1):
        wide = _widened(wide)
        around = wide[..., room - away * _DRIFT :][..., :BINS]
        heard += around[:, REACH - away : -away]
        heard[:, :-away] += around[:, REACH + away :]
    best = np.clip(heard.argmax(axis=-1), _NEIGHBOURS, BINS - 1 - _NEIGHBOURS)
    near = best[..., None] + np.arange(-_NEIGHBOURS, _NEIGHBOURS + 1)
    around = np.take_along_axis(steps, near, axis=-1)
    weights = np.exp(around - around.max(axis=-1, keepdims=True))
    place = (weights * near).sum(axis=-1) / weights.sum(axis=-1)
    pitch = np.where(voicing >= voiced_from, FIRST_HZ * np.exp2(place / BINS_PER_OCTAVE), 0.0)
    return pitch.astype(np.float32), voicing.astype(np.float32), known[:, -REACH:].copy()


@dataclass(slots=True)
class LegState:
    """What the tracker remembers of one leg: its level, and the last chunk with the frames before it."""

    level: Level = field(default_factory=Level)
    #: shape (CONTEXT + CHUNK, INPUTS)
    inputs: Floats = field(default_factory=lambda: np.zeros((CONTEXT + CHUNK, INPUTS), np.float32))
    #: what the last frames said of each pitch, shape (REACH, BINS); nothing before the first chunk
    beliefs: Floats = field(default_factory=lambda: np.zeros((REACH, BINS), np.float32))
    #: frames of the last chunk that may be voiced; none before the first chunk
    loud: NDArray[np.bool_] = field(default_factory=lambda: np.zeros(CHUNK, np.bool_))


def decode_recording(scores: Floats) -> tuple[Floats, Floats]:
    """Pitch of a recording in Hz, wherever it may be voiced, and the probability of voicing, as in a stream.

    Args:
        scores: the model's, shape (n, BINS + 1).

    Returns:
        Two arrays of shape (n,).
    """
    chunks = -(-len(scores) // CHUNK)
    whole = np.pad(scores, ((0, chunks * CHUNK - len(scores)), (0, 0))).reshape(chunks, 1, CHUNK, BINS + 1)
    beliefs = np.zeros((1, REACH, BINS), np.float32)
    parts = []
    for chunk in whole:
        pitch, voicing, beliefs = decode(chunk, beliefs, 0.0)
        parts.append(np.concatenate([pitch, voicing]))
    both = np.concatenate([np.zeros((2, 0), np.float32), *parts], axis=1)[:, : len(scores)]
    return both[0], both[1]


class ProsodyModel:
    """The tracker of pitch that a quantized model makes; see `pitch.PitchTracker`."""

    def __init__(self, scorer: Scorer, voiced_from: float) -> None:
        self._scorer = scorer
        self._voiced_from = voiced_from

    @classmethod
    def load(cls, model: Path, settings_file: Path) -> ProsodyModel:
        """Load verified files.

        Raises:
            ProsodyModelError: the settings do not fit the schema, the features or the model.
            RuntimeMissingError: no TFLite runtime is installed.
        """
        try:
            settings = msgspec.json.decode(settings_file.read_bytes(), type=Settings)
        except msgspec.MsgspecError as error:
            raise ProsodyModelError(
                f"{settings_file} does not describe a prosody model: {error}; train it again"
            ) from error
        if settings.periods != PERIODS_VERSION:
            raise ProsodyModelError(
                f"{settings_file} is for features of version {settings.periods}, this program has "
                f"{PERIODS_VERSION}: install the model that belongs to this release, or train it again"
            )
        scorer = TfliteModel(model)
        expected = (SPAN, 1, INPUTS), CHUNK * (BINS + 1)
        if (scorer.input_shape, scorer.output_size) != expected:
            raise ProsodyModelError(
                f"{model} takes {scorer.input_shape} and gives {scorer.output_size} numbers, "
                f"{expected[0]} and {expected[1]} are needed: install both files again"
            )
        return cls(scorer, settings.voiced_from)

    def open(self) -> LegState:
        """The state of a leg that begins."""
        return LegState()

    def advance(self, states: Sequence[LegState], frames: Floats, energy: Floats) -> tuple[Floats, Floats]:
        """Take the next chunk of each leg and decide the one before it; see `PitchTracker.advance`."""
        inputs = described([state.level for state in states], frames, energy)
        known = np.empty((len(states), CONTEXT + 2 * CHUNK, INPUTS), np.float32)
        for row, state in enumerate(states):
            known[row, : CONTEXT + CHUNK] = state.inputs
        known[:, CONTEXT + CHUNK :] = inputs
        scores = self._scorer.run(known[:, :SPAN, None, :]).reshape(len(states), CHUNK, BINS + 1)
        beliefs = np.stack([state.beliefs for state in states])
        pitch, voicing, beliefs = decode(scores, beliefs, self._voiced_from)
        may_sound = np.stack([state.loud for state in states])
        floor = np.array([max(_QUIET_DB, s.level.loud - _QUIET_BELOW_LOUD) for s in states], np.float32)
        loud = energy >= floor[:, None]
        for row, state in enumerate(states):
            state.inputs = known[row, CHUNK:].copy()
            state.beliefs = beliefs[row]
            state.loud = loud[row]
        return np.where(may_sound, pitch, np.float32(0.0)), np.where(may_sound, voicing, np.float32(0.0))
