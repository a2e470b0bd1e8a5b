"""What the rooms of the appliance understand of one turn: recognizer with lexicon, then language."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from appliance.box.config import Config
from appliance.language.reader import LanguageReader
from appliance.models import ModelStore
from appliance.protocol.vocabulary import NeedTag, ObjectionType, Signal, Stance
from appliance.speech.pinyin import without_tone
from appliance.speech.recognizer import SpeechEngine
from appliance.speech.utterance import Utterance
from appliance.telephony.band import TELEPHONE_RATE
from tools.demo_call.script import Leg

#: Audio comes in blocks as in a live call.
_BLOCK = TELEPHONE_RATE * 80 // 1000


@dataclass(frozen=True, slots=True)
class Understood:
    """All whole utterances of one turn together."""

    #: hanzi; a bar parts utterances
    text: str
    #: tone-less
    syllables: list[str]
    #: the highest confidence of each, 0..1
    objections: dict[ObjectionType, float]
    signals: dict[Signal, float]
    needs: dict[NeedTag, Stance]


class Listener:
    """Speech and language rooms, loaded once, one thread."""

    def __init__(self) -> None:
        store = ModelStore()
        self._speech = SpeechEngine.load(store, Config().speech, threads=1)
        self._language = LanguageReader.load(store)

    def listen(self, samples: NDArray[np.int16], leg: Leg, agent_before: str = "") -> Understood:
        """Understand int16 samples at 8 kHz, shape (n,), as a leg that says nothing else."""
        stream = self._speech.open(leg)
        for first in range(0, len(samples), _BLOCK):
            stream.feed(samples[first : first + _BLOCK], TELEPHONE_RATE, first * 1000 // TELEPHONE_RATE)
            self._speech.step()
        stream.finish()
        utterances = [event for event in stream.take() if isinstance(event, Utterance) and event.final]
        stream.close()
        understood = Understood("|".join(one.text for one in utterances), [], {}, {}, {})
        for utterance in utterances:
            understood.syllables.extend(without_tone(syllable) for syllable in utterance.pinyin)
            findings = (
                self._language.agent(utterance)
                if leg == "agent"
                else self._language.customer(utterance, agent_before)
            )
            for objection in findings.objections:
                surest = max(objection.confidence, understood.objections.get(objection.type, 0.0))
                understood.objections[objection.type] = surest
            for signal in findings.signals:
                surest = max(signal.confidence, understood.signals.get(signal.code, 0.0))
                understood.signals[signal.code] = surest
            for need in findings.needs:
                understood.needs[need.tag] = need.stance
        return understood
