"""The customer's emotion: a quantized model over windows of speech, calibrated, smoothed, slow to alarm."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, Final

import msgspec
import numpy as np
from numpy.typing import NDArray

from appliance.affect.features import Floats, quantile
from appliance.affect.frames import Frames
from appliance.affect.readings import EmotionLabel, EmotionReading
from appliance.affect.runtime import TfliteModel
from appliance.models import ModelError

#: the order of all probabilities
LABELS: Final[tuple[EmotionLabel, ...]] = ("angry", "happy", "neutral", "sad")
#: Place of each emotion on the axes of Russell's circumplex (1980), read off its figure 4 and rounded.
_VALENCE = np.array([-0.7, 0.8, 0.0, -0.7])
_AROUSAL = np.array([0.7, 0.4, 0.0, -0.4])

#: share of a window's frames above which it is not judged
MOST_LOST: Final = 0.25
#: share of samples at the codec's stop above which a window is not judged; speech at full level touches
#: the stop in well under one sample in a hundred
MOST_CLIPPED: Final = 0.01
#: between these shares of voiced frames lies all speech of some length; noise is below, music above
LEAST_VOICED, MOST_VOICED = 0.15, 0.97
#: Some loud frames of speech spread their energy over the band; keyed tones never do. The share of the four
#: strongest of 32 bands that four in five loud frames exceed: up to 0.86 in speech (35 recordings of three
#: corpora), 0.93 in a keypad's tones
MOST_PEAKED: Final = 0.9
#: e to this is the ratio of powers of one decibel
_DECIBEL: Final = np.float32(np.log(10.0) / 10.0)
#: energy of speech moves by more than this between its frames (dB, standard deviation); tones do not
LEAST_MOVEMENT: Final = 2.5

#: weight of a new window in the smoothed state: windows overlap, and about three decisions count
_NEW: Final = 0.4
#: a new label must lead the old one by this much
_LEAD: Final = 0.1
#: decisions in a row that an alert needs: 2 s of anger; 4 s of sadness, which flat reading resembles
_ALERT_AFTER: Final[dict[str, int]] = {"angry": 4, "sad": 8}
#: decisions in a row without it that end an alert
_ALERT_UNTIL: Final = 3


class Settings(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What the training program writes beside a model."""

    #: the version of `window.picture` that the model was trained with
    features: int
    #: the prosody model whose pitch it was trained with
    prosody: str
    classes: tuple[str, ...]
    #: class of the model to one of LABELS; what is missing here speaks for "uncertain"
    fold: dict[str, str]
    temperature: Annotated[float, msgspec.Meta(gt=0.05, lt=20.0)]
    #: below this probability the answer is "uncertain"
    least_confidence: Annotated[float, msgspec.Meta(ge=0.25, le=1.0)]
    #: smoothed probabilities from which an alert may begin
    alert_angry: Annotated[float, msgspec.Meta(ge=0.25, le=1.0)]
    alert_sad: Annotated[float, msgspec.Meta(ge=0.25, le=1.0)]
    #: speakers that the training never saw
    held_out: tuple[str, ...]
    #: whether an alert may begin at all
    alerts: bool = True


#: what `window.picture` gives now
FEATURES_VERSION: Final = 2


class EmotionModelError(ModelError):
    """The emotion model does not fit this program; the message says what to do."""


class EmotionModel:
    """The quantized model with its settings."""

    def __init__(self, model: Path, settings: Path) -> None:
        """Load verified files.

        Raises:
            EmotionModelError: the settings do not fit the schema, the features or the model.
            RuntimeMissingError: no TFLite runtime is installed.
        """
        try:
            self.settings = msgspec.json.decode(settings.read_bytes(), type=Settings)
        except msgspec.MsgspecError as error:
            raise EmotionModelError(
                f"{settings} does not describe an emotion model: {error}; train it again"
            ) from error
        if self.settings.features != FEATURES_VERSION:
            raise EmotionModelError(
                f"{settings} is for features of version {self.settings.features}, this program has "
                f"{FEATURES_VERSION}: install the model that belongs to this release, or train it again"
            )
        self._model = TfliteModel(model)
        if self._model.output_size != len(self.settings.classes):
            raise EmotionModelError(
                f"{model} has {self._model.output_size} outputs, {settings} names "
                f"{len(self.settings.classes)} classes: install both files again"
            )

    def judge(self, windows: Floats) -> tuple[Floats, Floats]:
        """Calibrated probabilities of windows, shape (n, *window.picture).

        Returns:
            Probabilities of LABELS, shape (n, 4), each row summing to 1; and of what has none of these
            emotions (no speech, surprise), shape (n,).
        """
        return fold(self._model.run(windows), self.settings)


def fold(logits: Floats, settings: Settings) -> tuple[Floats, Floats]:
    """Class scores, shape (n, classes), to probabilities of LABELS (n, 4) and of none of them (n,)."""
    scaled = logits / settings.temperature
    scaled = scaled - scaled.max(axis=1, keepdims=True)
    shares = np.exp(scaled)
    shares /= shares.sum(axis=1, keepdims=True)
    table = np.array([[settings.fold.get(c) == label for label in LABELS] for c in settings.classes])
    folded = shares @ table.astype(np.float32)
    known = folded.sum(axis=1)
    probabilities = (folded + 1e-6) / (known + 4e-6)[:, None]
    return probabilities.astype(np.float32), (1.0 - known).astype(np.float32)


def plausible(speech: Frames) -> bool:
    """Whether a window can be judged: speech, not clipped, not full of lost packets."""
    voiced = float((speech.pitch > 0).mean())
    loud = speech.mel[speech.energy > speech.energy.mean()]
    if len(loud) == 0:
        return False
    power = np.partition(np.exp(loud * _DECIBEL), -4, axis=1)
    peaked = power[:, -4:].sum(axis=1) / power.sum(axis=1)
    return (
        float(speech.lost.mean()) <= MOST_LOST
        and float(speech.clipped.mean()) <= MOST_CLIPPED
        and LEAST_VOICED <= voiced <= MOST_VOICED
        and float(speech.energy.std()) >= LEAST_MOVEMENT
        and quantile(peaked, 0.2) <= MOST_PEAKED
    )


class EmotionState:
    """The smoothed emotion of one customer. A label is kept until another leads; alerts are slow."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._smooth: NDArray[np.float64] | None = None
        self._label: EmotionLabel = "uncertain"
        self._streak = 0
        self._calm = 0
        self._alert = False

    def doubtful(self, at_ms: int) -> EmotionReading:
        """A window that could not be judged: the state fades to even odds, and no alert goes on."""
        even = np.full(len(LABELS), 1.0 / len(LABELS))
        self._smooth = even if self._smooth is None else (1 - _NEW) * self._smooth + _NEW * even
        self._streak = 0
        self._alert = False
        self._label = "uncertain"
        return self._reading(at_ms)

    def judged(self, at_ms: int, probabilities: Floats, none: float) -> EmotionReading:
        """A judged window: probabilities of LABELS, shape (4,), and of none of them."""
        if none > 0.5:
            return self.doubtful(at_ms)
        new = probabilities.astype(np.float64)
        self._smooth = new if self._smooth is None else (1 - _NEW) * self._smooth + _NEW * new
        self._choose()
        self._watch()
        return self._reading(at_ms)

    def _choose(self) -> None:
        assert self._smooth is not None
        best = int(self._smooth.argmax())
        if self._smooth[best] < self._settings.least_confidence:
            # the old label stays while it is not far below the bound
            kept = self._label != "uncertain" and (
                self._smooth[LABELS.index(self._label)] >= self._settings.least_confidence - _LEAD
            )
            if not kept:
                self._label = "uncertain"
        elif self._label == "uncertain" or (
            self._smooth[best] >= self._smooth[LABELS.index(self._label)] + _LEAD
        ):
            self._label = LABELS[best]

    def _watch(self) -> None:
        assert self._smooth is not None
        if not self._settings.alerts:
            return
        bounds = {"angry": self._settings.alert_angry, "sad": self._settings.alert_sad}
        bound = bounds.get(self._label, 2.0)
        if self._label in bounds and self._smooth[LABELS.index(self._label)] >= bound:
            self._streak += 1
            self._calm = 0
        else:
            self._streak = 0
            self._calm += 1
        if self._streak >= _ALERT_AFTER.get(self._label, 1):
            self._alert = True
        elif self._calm >= _ALERT_UNTIL or self._label not in bounds:
            self._alert = False

    def _reading(self, at_ms: int) -> EmotionReading:
        assert self._smooth is not None
        shares = self._smooth / self._smooth.sum()
        place = int(shares.argmax()) if self._label == "uncertain" else LABELS.index(self._label)
        return EmotionReading(
            at_ms=at_ms,
            label=self._label,
            confidence=float(shares[place]),
            probabilities=dict(zip(LABELS, shares.tolist(), strict=True)),
            valence=float(shares @ _VALENCE),
            arousal=float(shares @ _AROUSAL),
            alert=self._alert,
        )


def pooled(model: EmotionModel, windows: Sequence[Floats]) -> NDArray[np.float64]:
    """Mean probabilities of recordings, shape (n, 4), each given as its windows (w, ...), w >= 1."""
    judged, _ = model.judge(np.concatenate(list(windows)))
    ends = np.cumsum([len(one) for one in windows])[:-1]
    return np.stack([part.mean(axis=0) for part in np.split(judged.astype(np.float64), ends)])
