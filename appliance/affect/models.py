"""The models of this room, shared by all calls, and the work that is done for many calls at once."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Final

import numpy as np

from appliance.affect import features
from appliance.affect.emotion import EmotionModel, plausible
from appliance.affect.features import Floats
from appliance.affect.pitch import AutocorrelationTracker, PitchTracker
from appliance.affect.window import picture
from appliance.models import ModelStore

if TYPE_CHECKING:
    from appliance.affect.voice import CustomerVoice

EMOTION_MODEL: Final = "emotion-telephone-cnn"
EMOTION_FILE: Final = "emotion.int8.tflite"
SETTINGS_FILE: Final = "emotion.json"


class AffectModels:
    """The pitch tracker and, where emotion may be measured, the emotion model."""

    def __init__(self, tracker: PitchTracker, emotion: EmotionModel | None) -> None:
        self.tracker = tracker
        self.emotion = emotion

    @classmethod
    def load(cls, store: ModelStore, emotion: bool, name: str = EMOTION_MODEL) -> AffectModels:
        """Load what this room needs; without `emotion` no model of emotion is opened at all.

        Raises:
            ModelError: the emotion model is missing, altered or not allowed on this site.
            EmotionModelError: it does not fit this program.
            RuntimeMissingError: no TFLite runtime is installed.
        """
        return cls(AutocorrelationTracker(), load_emotion(store, name) if emotion else None)

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
                    pictures.append(picture(speech))
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


def load_emotion(store: ModelStore, name: str = EMOTION_MODEL) -> EmotionModel:
    """The verified emotion model of a store.

    Raises:
        ModelError, EmotionModelError, RuntimeMissingError: as `AffectModels.load`.
    """
    installed = store.open(name)
    return EmotionModel(installed.path(EMOTION_FILE), installed.path(SETTINGS_FILE))
