"""Training batches: recognition errors, cuts, small talk joined, and what the agent said before."""

from __future__ import annotations

import math
import random
from collections.abc import Sequence
from functools import lru_cache
from itertools import pairwise

import numpy as np
import torch

from appliance.language.objections import AGENT_WINDOW, NOTHING
from appliance.language.pinyin_forms import MAX_CHARACTERS, Heard, hear, plain_syllables
from appliance.language.recognition_noise import noised
from appliance.language.text_units import UNKNOWN, Vocabulary, windows
from appliance.protocol.vocabulary import OBJECTION_TYPES
from tools.train.objections import corpus, embedding
from tools.train.objections.corpus import Example

#: An utterance of ours is drawn this many times as often as another of weight 1.
OWN_WEIGHT = 8.0
OTHER_WEIGHTS = {"intents": {True: 0.32, False: 0.12}, "dialogue": {True: 0.0, False: 0.05}}
NOISED = 0.7
JOINED = 0.15
#: Of the joined: two objections, labelled with both.
BOTH = 0.2
CUT = 0.15
#: How often a short objection is drawn as one that is reported or taken back, which makes it none.
RETRACTED = 0.12
#: How often a line that stands alone gets an agent's line before it.
AGENT = 0.5
#: Versions with recognition errors that are kept of each text.
VERSIONS = {True: 8, False: 1}

#: Batches that are drawn together and sorted by length.
TOGETHER = 8

Ids = tuple[np.ndarray, np.ndarray]
Batch = tuple[torch.Tensor, torch.Tensor, torch.Tensor, torch.Tensor, torch.Tensor]


@lru_cache(maxsize=8192)
def reading(character: str) -> str:
    """The usual toneless syllable of one character."""
    return plain_syllables(character)[0]


class Hearing:
    """Texts as they are heard, clean and with errors; reading pinyin is slow, so they are kept."""

    def __init__(self, seed: int) -> None:
        self._chance = random.Random(seed)
        self._noised: dict[str, list[Heard]] = {}

    def clean(self, text: str) -> Heard:
        """The text without errors."""
        return embedding.heard(text)

    def noised(self, text: str, versions: int) -> Heard:
        """The text with errors, one of `versions` kinds."""
        kept = self._noised.setdefault(text, [])
        if len(kept) < versions:
            errors = self._chance.uniform(0.04, 0.22)
            wrong = noised(text, self._chance, errors, self._chance.uniform(0.0, 0.25))
            # Words are broken by the errors, so each character's usual reading is as good as the phrase's.
            kept.append(hear(wrong, [reading(unit) for unit in wrong if "一" <= unit <= "鿿"]))
            return kept[-1]
        return self._chance.choice(kept)


class Sampler:
    """Draws varied batches of labelled utterances."""

    def __init__(
        self, examples: list[Example], words: Vocabulary, agent: list[str], hearing: Hearing, seed: int
    ) -> None:
        self._examples = examples
        self._words = words
        self._agent = agent
        self._hearing = hearing
        self._chance = random.Random(seed)
        self._drawn: list[list[tuple[Ids, Ids, frozenset[str]]]] = []
        self._weights = [
            OTHER_WEIGHTS[example.style][bool(example.labels)]
            if example.style in OTHER_WEIGHTS
            else OWN_WEIGHT
            for example in examples
        ]
        self._small_talk = [
            example
            for example in examples
            if not example.labels and len(example.text) < 16 and not example.context
        ]
        self._retractions = corpus.retractions()
        self._objections = [
            example
            for example in examples
            if example.labels
            and len(example.text) < 16
            and not example.context
            and example.style not in OTHER_WEIGHTS
        ]
        self._retractable = frozenset(map(id, self._objections))
        self._encoded: dict[int, tuple[Heard, Ids]] = {}

    def batch(self, size: int) -> Batch:
        """Both channels of the utterance and of the agent's words, and the targets, padded.

        Utterances of like length come together, so that little of a batch is padding.
        """
        if not self._drawn:
            drawn = self._chance.choices(self._examples, self._weights, k=size * TOGETHER)
            rows = sorted((self._row(example) for example in drawn), key=lambda row: len(row[0][0]))
            self._drawn = [rows[first : first + size] for first in range(0, len(rows), size)]
            self._chance.shuffle(self._drawn)
        return pad(self._drawn.pop())

    def _heard(self, example: Example, noisy: bool) -> Heard:
        if not noisy:
            return self._hearing.clean(example.text)
        return self._hearing.noised(example.text, VERSIONS[example.style not in OTHER_WEIGHTS])

    def _row(self, example: Example) -> tuple[Ids, Ids, frozenset[str]]:
        chance = self._chance
        noisy = chance.random() < NOISED
        heard, labels = self._heard(example, noisy), example.labels
        parts, length = [heard], MAX_CHARACTERS
        if id(example) in self._retractable and chance.random() < RETRACTED:
            before, after = (
                self._hearing.noised(part, 4) if noisy else self._hearing.clean(part)
                for part in chance.choice(self._retractions)
            )
            parts, labels = [before, heard, after], frozenset()
        elif chance.random() < JOINED and len(heard) < 24 and not example.context:
            both = bool(labels) and chance.random() < BOTH
            other = chance.choice(self._objections if both else self._small_talk)
            second = self._heard(other, noisy)
            parts = [second, heard] if chance.random() < 0.6 else [heard, second]
            labels |= other.labels
        elif chance.random() < CUT and len(heard) > 8:
            length = chance.randint(math.ceil(len(heard) * 0.7), len(heard))
        agent = example.context
        if not agent and chance.random() < AGENT:
            agent = chance.choice(self._agent)
        said = NOTHING
        if agent:
            said = self._hearing.noised(agent, 4) if noisy else self._hearing.clean(agent)
        characters, syllables = self._joined(parts)
        return (characters[:length], syllables[:length]), self._said(said), labels

    def _ids(self, heard: Heard) -> Ids:
        # Kept beside what was heard, which so keeps its identity.
        kept = self._encoded.get(id(heard))
        if kept is None:
            kept = self._encoded[id(heard)] = (heard, self._words.encode(heard))
        return kept[1]

    def _said(self, heard: Heard) -> Ids:
        if not len(heard):
            return agent_ids(self._words, heard)
        characters, syllables = self._ids(heard)
        return characters[-AGENT_WINDOW:], syllables[-AGENT_WINDOW:]

    def _joined(self, parts: list[Heard]) -> Ids:
        """One heard text after the other; the first unit of each makes a pair with the last before it."""
        parts = [part for part in parts if len(part)] or parts[:1]
        if len(parts) == 1:
            return self._ids(parts[0])
        pieces = [self._ids(part) for part in parts]
        characters = np.concatenate([written for written, _ in pieces])
        syllables = np.concatenate([spoken for _, spoken in pieces])
        start = 0
        for before, after in pairwise(parts):
            start += len(before)
            written = before.characters[-1] + after.characters[0]
            spoken = f"{before.syllables[-1]} {after.syllables[0]}"
            characters[start, 1] = self._words.character_pairs.get(written, UNKNOWN)
            syllables[start, 1] = self._words.syllable_pairs.get(spoken, UNKNOWN)
        return characters, syllables


def agent_ids(words: Vocabulary, said: Heard) -> Ids:
    """Both channels of the end of the agent's words; one pad where there are none."""
    return words.encode_end(said, AGENT_WINDOW)


def pad(rows: Sequence[tuple[Ids, Ids, frozenset[str]]]) -> Batch:
    """Rows of one length, with 0 after their ends."""
    utterances = []
    for (characters, syllables), _, _ in rows:
        last = windows(len(characters))[-1]
        utterances.append((characters[last], syllables[last]))
    targets = np.zeros((len(rows), len(OBJECTION_TYPES)), dtype=np.float32)
    for index, (_, _, labels) in enumerate(rows):
        for label in labels:
            targets[index, OBJECTION_TYPES.index(label)] = 1
    return (*padded(utterances), *padded([agent for _, agent, _ in rows]), torch.from_numpy(targets))


def padded(pairs: Sequence[Ids]) -> tuple[torch.Tensor, torch.Tensor]:
    """Both channels as (batch, longest, 2)."""
    longest = max(len(characters) for characters, _ in pairs)
    out = np.zeros((2, len(pairs), longest, 2), dtype=np.int64)
    for index, (characters, syllables) in enumerate(pairs):
        out[0, index, : len(characters)] = characters
        out[1, index, : len(syllables)] = syllables
    return torch.from_numpy(out[0]), torch.from_numpy(out[1])
