"""The models of this room, shared by all calls, and the work that is done for many calls at once."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Final

import numpy as np

from appliance.affect import features
from appliance.affect.emotion import EmotionModel, plausible
from appliance.affect.features import Floats
from appliance.affect.pitch import AutocorrelationTracker, PitchTracker
from appliance.affect.prosody_model import ProsodyModel
from appliance.affect.window import picture
from appliance.models import ModelEntry, ModelStore

if TYPE_CHECKING:
    from appliance.affect.voice import CustomerVoice

#: The better first; what a site does not allow is passed over. A model is listed only if the lower bound of
#: its unweighted average recall on unseen Mandarin speakers is at least 0.30, where chance is 0.25.
EMOTION_MODELS: Final = ("emotion-telephone-cnn", "emotion-telephone-open")
PROSODY_MODELS: Final = ("prosody-telephone",)
#: the tracker that needs no model, for a site that allows none of them
AUTOCORRELATION: Final = "autocorrelation"
EMOTION_FILE: Final = "emotion.int8.tflite"
SETTINGS_FILE: Final = "emotion.json"
PROSODY_FILE: Final = "prosody.int8.tflite"
PROSODY_SETTINGS: Final = "prosody.json"


class AffectModels:
    """The prosody model and, where emotion may be measured, the emotion model."""

    def __init__(
        self, tracker: PitchTracker, emotion: EmotionModel | None, entries: Sequence[ModelEntry] = ()
    ) -> None:
        self.tracker = tracker
        self.emotion = emotion
        #: the manifest's entries of what was loaded, so that a journal can tell what may be used how
        self.entries = tuple(entries)

    @classmethod
    def load(cls, store: ModelStore, emotion: bool, name: str | None = None) -> AffectModels:
        """Load what this room needs; without `emotion` no model of emotion is opened at all.

        Of the models of a kind the best that the site allows is taken, or the emotion model of that `name`;
        an emotion model brings the prosody model along that it was trained with. Where the site allows no
        model of a kind, there is no emotion, and pitch comes from the autocorrelation tracker.

        Raises:
            ModelError: a model is missing, altered, not allowed on this site or does not fit this program, or
                no TFLite runtime is installed.
        """
        chosen = name or (allowed(store, EMOTION_MODELS) if emotion else None)
        model = load_emotion(store, chosen) if chosen is not None else None
        prosody = model.settings.prosody if model is not None else allowed(store, PROSODY_MODELS)
        named = [one for one in (chosen, prosody) if one is not None and one != AUTOCORRELATION]
        entries = [store.entry(one) for one in named]
        return cls(load_prosody(store, prosody or AUTOCORRELATION), model, entries)

    def run(self, voices: Sequence[CustomerVoice]) -> None:
        """Measure all audio that waits and make all decisions that are due, in batches over the calls."""
        self.measure(voices)
        if self.emotion is not None:
            self._judge(voices, self.emotion)

    def measure(self, voices: Sequence[CustomerVoice]) -> None:
        """Measure all audio that waits."""
        while ready := [voice for voice in voices if voice.ready]:
            taken = [voice.next_chunk() for voice in ready]
            frames = np.stack([one for one, _ in taken])
            energy = features.energy_db(frames)
            mel, clipped = features.log_mel(frames), features.clipped(frames)
            pitch, periodicity = self.tracker.advance([voice.pitch_state for voice in ready], frames, energy)
            for row, voice in enumerate(ready):
                voice.decide(pitch[row], periodicity[row])
                voice.accept(mel[row], energy[row], clipped[row], taken[row][1])

    def _judge(self, voices: Sequence[CustomerVoice], model: EmotionModel) -> None:
        due: list[tuple[CustomerVoice, int, int]] = []
        pictures: list[Floats] = []
        for voice in voices:
            while voice.waiting:
                at_ms = voice.waiting.popleft()
                speech = voice.window(at_ms)
                if speech is None:
                    continue
                if plausible(speech):
                    due.append((voice, at_ms, len(pictures)))
                    pictures.append(picture(speech, voice.normal))
                else:
                    due.append((voice, at_ms, -1))
        if pictures:
            probabilities, none = model.judge(np.stack(pictures))
        for voice, at_ms, place in due:
            if voice.state is None:
                continue
            if place < 0:
                voice.readings.append(voice.state.doubtful(at_ms))
            else:
                voice.readings.append(voice.state.judged(at_ms, probabilities[place], float(none[place])))


def load_emotion(store: ModelStore, name: str) -> EmotionModel:
    """The verified emotion model of that name.

    Raises:
        ModelError: as `AffectModels.load`.
    """
    installed = store.open(name)
    return EmotionModel(installed.path(EMOTION_FILE), installed.path(SETTINGS_FILE))


def load_prosody(store: ModelStore, name: str = PROSODY_MODELS[0]) -> PitchTracker:
    """The verified prosody model of that name, or the tracker AUTOCORRELATION.

    Raises:
        ModelError: as `AffectModels.load`.
    """
    if name == AUTOCORRELATION:
        return AutocorrelationTracker()
    installed = store.open(name)
    return ProsodyModel.load(installed.path(PROSODY_FILE), installed.path(PROSODY_SETTINGS))


def chosen_models(store: ModelStore, emotion: bool) -> list[ModelEntry]:
    """The entries of what `AffectModels.load` would load, unopened.

    Raises:
        ModelError: the manifest cannot be read.
    """
    kinds = (EMOTION_MODELS, PROSODY_MODELS) if emotion else (PROSODY_MODELS,)
    names = [allowed(store, one) for one in kinds]
    return [store.entry(name) for name in names if name is not None]


def allowed(store: ModelStore, names: Sequence[str]) -> str | None:
    """The first of some models that the site's rule on research models lets it use, if any."""
    return next(
        (name for name in names if store.allow_research_only or not store.entry(name).research_only), None
    )
