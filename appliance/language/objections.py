"""The objection model: six types, several at once, from characters and their folded sound.

Input of the network (int64): `characters` and `syllables`, each (1, n, 2): the id of a unit and the id of
the pair that it makes with the one before; `agent_characters` and `agent_syllables` the same of what the
agent said before, one row of zeros where that is not known. Output: `logits` (1, 6). `objections.json`
beside the model holds the vocabularies and the calibration: probability = sigmoid(scale x logit + offset)
for each type (Platt 1999), and the probability from which each type is reported.
"""

from __future__ import annotations

import math
import re
from collections.abc import Collection
from dataclasses import dataclass
from typing import Final, cast

import numpy as np
from numpy.typing import NDArray

from appliance.language.findings import ObjectionFinding
from appliance.language.pinyin_forms import Heard, hear
from appliance.language.stored_network import started, stored
from appliance.language.text_units import Units, windows
from appliance.models import ModelError, ModelStore
from appliance.protocol.vocabulary import OBJECTION_TYPES, ObjectionType

MODEL: Final = "objection-zh"
NETWORK: Final = "objections.int8.onnx"
SETTINGS: Final = "objections.json"

#: Of the agent's words before it, the last so many are read.
AGENT_WINDOW: Final = 24
#: What a growing utterance must exceed its type's threshold by, so that few partials are taken back.
MARGIN_OF_PARTIALS: Final = 0.25
#: What a growing utterance must reach in any case to show a type, whatever its margin.
ENOUGH_FOR_PARTIALS: Final = 0.97
#: What a type that was shown while its utterance grew may fall below its threshold by before it is dropped,
#: while it grows on and at its end.
HYSTERESIS: Final = 0.25
HYSTERESIS_AT_END: Final = 0.15
#: A growing utterance of fewer syllables may still become anything.
SHORTEST_PARTIAL: Final = 5

#: 不用, 没有: in answer to these it refuses a service and not the product (a pitch is never one of them).
_OFFERS_HELP: Final = re.compile(
    "还有(?:什么|别的|其他).*(?:吗|帮|问题)|有没有(?:别的|其他)|要不要我|需要我(?!.*(?:介绍|推荐|产品|理财|买|讲|办))|"
    "没打扰|打扰到您|要我(?:再|帮您).*(?:发|重复|说|记)"
)
_LONGEST_ANSWER: Final = 6

#: An agent who has said nothing yet.
NOTHING: Final = hear("")


class Settings(Units, frozen=True, forbid_unknown_fields=True):
    """What belongs to one trained network."""

    #: type to (scale, offset) of its logit
    calibration: dict[str, tuple[float, float]]
    #: type to the probability from which it is reported
    thresholds: dict[str, float]


class ObjectionModel:
    """The network with its calibration; one thread, shared by all calls of a process."""

    def __init__(self, network: bytes, settings: Settings) -> None:
        """Start the network.

        Raises:
            ModelError: the settings leave a type out.
        """
        missing = [
            kind
            for kind in OBJECTION_TYPES
            if kind not in settings.calibration or kind not in settings.thresholds
        ]
        if missing:
            raise ModelError(
                f"model {MODEL}: {SETTINGS} has no calibration for {', '.join(missing)}; train it again"
            )
        self._session = started(network)
        self._vocabulary = settings.vocabulary
        self._scale = np.array([settings.calibration[kind][0] for kind in OBJECTION_TYPES])
        self._offset = np.array([settings.calibration[kind][1] for kind in OBJECTION_TYPES])
        self.thresholds: dict[str, float] = dict(settings.thresholds)

    @classmethod
    def load(cls, store: ModelStore, name: str = MODEL) -> ObjectionModel:
        """The model of the store.

        Raises:
            ModelError: it is not installed, was altered, or its settings cannot be read.
        """
        return cls(*stored(store, name, NETWORK, SETTINGS, Settings))

    def logits(self, heard: Heard, agent_before: Heard = NOTHING) -> NDArray[np.float64]:
        """The raw outputs of the network, shape (6,): of each type the highest over all windows."""
        characters, syllables = self._vocabulary.encode(heard)
        agent_characters, agent_syllables = self._vocabulary.encode_end(agent_before, AGENT_WINDOW)
        rows = []
        for window in windows(len(characters)):
            (output,) = self._session.run(
                ["logits"],
                {
                    "characters": characters[None, window],
                    "syllables": syllables[None, window],
                    "agent_characters": agent_characters[None],
                    "agent_syllables": agent_syllables[None],
                },
            )
            rows.append(np.asarray(output, dtype=np.float64)[0])
        return cast("NDArray[np.float64]", np.max(rows, axis=0))

    def probabilities(self, heard: Heard, agent_before: Heard = NOTHING) -> dict[ObjectionType, float]:
        """Calibrated probability of each type, 0..1; they do not sum to 1. Nothing heard gives zeros."""
        if not heard.has_hanzi:
            return dict.fromkeys(cast("tuple[ObjectionType, ...]", OBJECTION_TYPES), 0.0)
        calibrated = self._scale * self.logits(heard, agent_before) + self._offset
        return {
            cast(ObjectionType, kind): 1.0 / (1.0 + math.exp(-max(-60.0, min(60.0, value))))
            for kind, value in zip(OBJECTION_TYPES, calibrated.tolist(), strict=True)
        }

    def find(
        self,
        heard: Heard,
        agent_before: Heard = NOTHING,
        *,
        final: bool = True,
        shown: Collection[ObjectionType] = (),
    ) -> tuple[ObjectionFinding, ...]:
        """The objections of an utterance, surest first; of a growing one only those beyond doubt.

        `shown` are the types that were found while this utterance was shorter, or that something else speaks
        for; less is asked of them.
        """
        if not final and len(heard) < SHORTEST_PARTIAL:
            return ()
        if len(heard) <= _LONGEST_ANSWER and _OFFERS_HELP.search(agent_before.text):
            return ()
        found = [
            ObjectionFinding(kind, round(probability, 3))
            for kind, probability in self.probabilities(heard, agent_before).items()
            if probability >= self._asked(kind, final=final, shown=kind in shown)
        ]
        return tuple(sorted(found, key=lambda finding: -finding.confidence))

    def _asked(self, kind: ObjectionType, *, final: bool, shown: bool) -> float:
        """The probability from which a type is found."""
        threshold = self.thresholds[kind]
        if shown:
            return threshold - (HYSTERESIS_AT_END if final else HYSTERESIS)
        return threshold if final else min(threshold + MARGIN_OF_PARTIALS, ENOUGH_FOR_PARTIALS)

    def hear_out(self, heard: Heard, agent_before: Heard = NOTHING) -> Judgement:
        """What a call makes of an utterance that grows syllable by syllable to its end."""
        shown: frozenset[ObjectionType] = frozenset()
        for length in range(SHORTEST_PARTIAL, len(heard)):
            partial = self.find(heard.beginning(length), agent_before, final=False, shown=shown)
            shown |= {finding.type for finding in partial}
        found = self.find(heard, agent_before, shown=shown)
        return Judgement(found, shown, self.probabilities(heard, agent_before))


@dataclass(frozen=True, slots=True)
class Judgement:
    """An utterance heard out: what was found at its end, surest first, and what was shown before."""

    found: tuple[ObjectionFinding, ...]
    shown: frozenset[ObjectionType]
    probabilities: dict[ObjectionType, float]

    @property
    def label(self) -> str:
        """The surest type found, or "none"."""
        return self.found[0].type if self.found else "none"

    @property
    def taken_back(self) -> frozenset[ObjectionType]:
        """Types that were shown and that the end does not confirm."""
        return self.shown - {finding.type for finding in self.found}
