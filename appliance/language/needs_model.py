"""The needs model: which tags an utterance speaks of, and how the customer stands to each.

Input of the network: `characters` and `syllables` (int64, (1, n, 2)): the id of a unit and the id of the pair
that it makes with the one before, first of what the agent said before and then of the utterance; `place`
(int64, (1, n)): what each unit is; `named` (float32, (1, n, tags)): the tags whose words the rules know
there; `told` (float32, (1, tags, 8)): of each tag whether the call talks of it, whether it did so last,
whether the rules were asked, and what they find: how surely, and the stance. Output: `presence` (1, tags)
and `stances` (1, tags, 4), logits. `needs.json` beside the model holds the vocabularies and the calibration.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final, cast, get_args

import msgspec
import numpy as np
from numpy.typing import NDArray

from appliance.language.findings import NeedFinding
from appliance.language.pinyin_forms import Heard, hear
from appliance.language.stored_network import started, stored
from appliance.language.text_units import Units, Vocabulary, windows
from appliance.models import ModelError, ModelStore
from appliance.protocol.vocabulary import NEED_TAGS, NeedTag, Stance

MODEL: Final = "needs-zh"
NETWORK: Final = "needs.int8.onnx"
SETTINGS: Final = "needs.json"
STANCES: Final[tuple[Stance, ...]] = get_args(Stance)

#: What a unit is: of the agent's words, of the utterance, and of the utterance behind a pause. 0 is padding.
AGENT: Final = 1
CUSTOMER: Final = 2
CUSTOMER_AFTER_PAUSE: Final = 3
PLACES: Final = 4
#: Of the agent's words before it, the last so many are read.
AGENT_WINDOW: Final = 32
#: What is told of each tag beside the words: two of topics, and what the rules find.
TOLD: Final = 4 + len(STANCES)
#: From this logit on a window of a long utterance speaks of a tag; the last that does gives the stance.
SPOKEN_OF: Final = 0.0

#: An agent who has said nothing yet.
NOTHING: Final = hear("")


class Calibration(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What the outputs mean: fitted on lines that neither the model nor the rules were made from."""

    #: probability of a tag = sigmoid(scale x presence + offset of the tag + rule where the rules find it)
    scale: float
    offsets: dict[str, float]
    rule: float
    #: probability of a stance = softmax(stance_scale x stances + rule for that of the rules)
    stance_scale: float
    #: the probability of tag and stance together from which a need is found that the rules find, too
    threshold: float
    #: the same for one that they do not find
    threshold_alone: float


class Settings(Units, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """What belongs to one trained network."""

    #: the tags and stances in the order of the outputs
    tags: tuple[str, ...]
    stances: tuple[str, ...]
    calibration: Calibration


@dataclass(frozen=True, slots=True)
class Reading:
    """The raw outputs for one utterance, in the order of NEED_TAGS and STANCES."""

    #: (tags,)
    presence: NDArray[np.float64]
    #: (tags, stances)
    stances: NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Known:
    """What is known of an utterance beside its words."""

    #: the tags that the call talks of, the last one last
    topic: tuple[NeedTag, ...] = ()
    #: (tag, first unit, unit behind) of the words that the rules know, in the utterance and in the agent's
    named: tuple[tuple[NeedTag, int, int], ...] = ()
    named_by_agent: tuple[tuple[NeedTag, int, int], ...] = ()
    #: what the rules find; None where they were not asked
    found: tuple[NeedFinding, ...] | None = None


@dataclass(frozen=True, slots=True)
class Encoded:
    """One stretch of an utterance as the network reads it, without the leading dimension of one."""

    characters: NDArray[np.int64]
    syllables: NDArray[np.int64]
    place: NDArray[np.int64]
    named: NDArray[np.float32]
    told: NDArray[np.float32]


def encode(words: Vocabulary, heard: Heard, agent_before: Heard, known: Known) -> list[Encoded]:
    """The stretches of an utterance, each behind the end of the agent's words; at least one."""
    characters, syllables = words.encode(heard)
    place = np.full(len(characters), CUSTOMER, dtype=np.int64)
    place[[at for at in heard.breaks if at < len(place)]] = CUSTOMER_AFTER_PAUSE
    named = _named(known.named, len(characters))
    agent_characters, agent_syllables = words.encode_end(agent_before, AGENT_WINDOW)
    agent_named = _named(known.named_by_agent, max(1, len(agent_before)))[-AGENT_WINDOW:]
    before = np.full(len(agent_characters), AGENT, dtype=np.int64)
    told = _told(known)
    return [
        Encoded(
            np.concatenate([agent_characters, characters[window]]),
            np.concatenate([agent_syllables, syllables[window]]),
            np.concatenate([before, place[window]]),
            np.concatenate([agent_named, named[window]]),
            told,
        )
        for window in windows(len(characters))
    ]


def _named(named: Sequence[tuple[NeedTag, int, int]], units: int) -> NDArray[np.float32]:
    rows = np.zeros((units, len(NEED_TAGS)), dtype=np.float32)
    for tag, start, end in named:
        rows[start:end, NEED_TAGS.index(tag)] = 1
    return rows


def _told(known: Known) -> NDArray[np.float32]:
    rows = np.zeros((len(NEED_TAGS), TOLD), dtype=np.float32)
    for tag in known.topic:
        rows[NEED_TAGS.index(tag), 0] = 1
    if known.topic:
        rows[NEED_TAGS.index(known.topic[-1]), 1] = 1
    if known.found is not None:
        rows[:, 2] = 1
    for need in known.found or ():
        row = rows[NEED_TAGS.index(need.tag)]
        row[3] = need.confidence
        row[4 + STANCES.index(need.stance)] = 1
    return rows


def together(readings: Sequence[Reading]) -> Reading:
    """What the stretches of one utterance say together: the surest presence, and the last stance."""
    if len(readings) == 1:
        return readings[0]
    presence = np.array([reading.presence for reading in readings])
    stances = np.array([reading.stances for reading in readings])
    spoken = presence > SPOKEN_OF
    last = len(readings) - 1 - np.argmax(spoken[::-1], axis=0)
    chosen = np.where(spoken.any(axis=0), last, np.argmax(presence, axis=0))
    return Reading(presence.max(axis=0), stances[chosen, np.arange(presence.shape[1])])


NOTHING_KNOWN: Final = Known()


class NeedModel:
    """The network with its settings; one thread, shared by all calls of a process."""

    def __init__(self, network: bytes, settings: Settings) -> None:
        """Start the network.

        Raises:
            ModelError: the settings are for other tags or stances.
        """
        if settings.tags != NEED_TAGS or settings.stances != STANCES:
            raise ModelError(f"model {MODEL}: {SETTINGS} is for other tags or stances; train it again")
        missing = [tag for tag in NEED_TAGS if tag not in settings.calibration.offsets]
        if missing:
            raise ModelError(
                f"model {MODEL}: {SETTINGS} has no calibration for {', '.join(missing)}; train it again"
            )
        self._session = started(network)
        self._vocabulary = settings.vocabulary
        self.calibration = settings.calibration

    @classmethod
    def load(cls, store: ModelStore, name: str = MODEL) -> NeedModel:
        """The model of the store.

        Raises:
            ModelError: it is not installed, was altered, or its settings cannot be read.
        """
        return cls(*stored(store, name, NETWORK, SETTINGS, Settings))

    def read(
        self, heard: Heard, agent_before: Heard = NOTHING, known: Known = NOTHING_KNOWN
    ) -> Reading | None:
        """The outputs for one utterance; None where no hanzi was heard, of which the model knows nothing."""
        if not heard.has_hanzi:
            return None
        readings = []
        for part in encode(self._vocabulary, heard, agent_before, known):
            presence, stances = self._session.run(
                ["presence", "stances"],
                {
                    "characters": part.characters[None],
                    "syllables": part.syllables[None],
                    "place": part.place[None],
                    "named": part.named[None],
                    "told": part.told[None],
                },
            )
            readings.append(
                Reading(
                    cast("NDArray[np.float64]", np.asarray(presence, dtype=np.float64)[0]),
                    cast("NDArray[np.float64]", np.asarray(stances, dtype=np.float64)[0]),
                )
            )
        return together(readings)
