"""Training batches: recognition errors, things exchanged for others, lines joined, pauses lost."""

from __future__ import annotations

import random
import re
from collections.abc import Sequence
from dataclasses import replace
from typing import Final, NamedTuple

import numpy as np
import torch

from appliance.language.ellipsis import Topic
from appliance.language.needs import NeedRules
from appliance.language.needs_model import STANCES, Encoded, Known, encode
from appliance.language.needs_reader import known
from appliance.language.pinyin_forms import Heard, hear
from appliance.language.recognition_noise import noised_clauses
from appliance.language.text_units import Vocabulary
from appliance.protocol.vocabulary import NEED_TAGS, NeedTag
from tools.train.needs import corpus
from tools.train.needs.corpus import Example, Label
from tools.train.objections.sampler import reading

#: How often a line is drawn, by where it is from; calls are nearest to what is read at last.
WEIGHTS: Final = {
    "written": 6.0,
    "calls": 9.0,
    "objections": 0.3,
    "intents": 0.15,
    "dialogue": 0.3,
    "phrases": 1.0,
}
#: What the labels of the rules count beside ours.
WEAK: Final = 0.4
NOISED: Final = 0.5
EXCHANGED: Final = 0.3
JOINED: Final = 0.1
#: How often a line without a context gets an agent's line that means nothing, and one with a topic loses it.
AGENT: Final = 0.5
TOPIC_LOST: Final = 0.1
PAUSES_LOST: Final = 0.15
#: Versions with recognition errors that are kept of each text.
VERSIONS: Final = 2
#: How often a line of ours is read without asking the rules; they were made from the tuned calls, and are not
#: asked there.
UNASKED: Final = 0.25
TOGETHER: Final = 8
#: Things that may be exchanged for one another without changing what is done with them.
ALIKE: Final[tuple[frozenset[NeedTag], ...]] = (
    frozenset(
        ["stocks", "bonds", "fixed_income", "fixed_income_plus", "bond_fund", "equity_fund", "private_fund",
         "insurance", "gold", "structured_product", "money_market"]
    ),
    frozenset(["margin_trading", "options_trading", "chinext", "star_market", "hong_kong_stocks"]),
)  # fmt: skip


class Targets(NamedTuple):
    """What one line teaches, by tag in the order of NEED_TAGS."""

    presence: np.ndarray
    presence_weight: np.ndarray
    #: the place of the stance
    stance: np.ndarray
    stance_weight: np.ndarray


class Batch(NamedTuple):
    """Padded rows of one length, and what they teach."""

    characters: torch.Tensor
    syllables: torch.Tensor
    place: torch.Tensor
    named: torch.Tensor
    told: torch.Tensor
    presence: torch.Tensor
    presence_weight: torch.Tensor
    stance: torch.Tensor
    stance_weight: torch.Tensor


class Hearing:
    """Texts as they are heard, clean and with errors, kept because reading pinyin is slow."""

    def __init__(self, seed: int, rules: NeedRules) -> None:
        self._chance = random.Random(seed)
        self._rules = rules
        self._known: dict[object, Known] = {}
        self._clean: dict[str, Heard] = {}
        self._noised: dict[str, list[Heard]] = {}

    def clean(self, text: str) -> Heard:
        """The text without errors."""
        if text not in self._clean:
            self._clean[text] = hear(text)
        return self._clean[text]

    def noised(self, text: str) -> Heard:
        """The text with errors, one of a few kinds."""
        kept = self._noised.setdefault(text, [])
        if len(kept) < VERSIONS:
            errors, homophones = self._chance.uniform(0.03, 0.2), self._chance.uniform(0.0, 0.25)
            wrong = noised_clauses(text, self._chance, errors, homophones)
            # Words are broken by the errors, so each character's usual reading is as good as the phrase's.
            if self._chance.random() < PAUSES_LOST:
                wrong = wrong.replace(" ", "")
            kept.append(hear(wrong, [reading(unit) for unit in wrong if "一" <= unit <= "鿿"]))
            return kept[-1]
        return self._chance.choice(kept)

    def known(self, heard: Heard, said: Heard, topic: tuple[NeedTag, ...], *, asked: bool) -> Known:
        """What the model is told beside the words; `asked`: also what the rules find."""
        key = (heard.text, heard.breaks, said.text, topic, asked)
        if key not in self._known:
            named = self._rules.named(heard, said)
            of_call = Topic(list(topic), bool(topic))
            found = self._rules.read(heard, said.text, of_call, named) if asked else ()
            told = known(named, of_call, found)
            self._known[key] = told if asked else replace(told, found=None)
        return self._known[key]


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
        self._drawn: list[list[tuple[Encoded, Targets]]] = []
        self._weights = [weight_of(example) for example in examples]
        self._joinable = [
            example for example in examples if example.gold and not example.context and len(example.text) < 20
        ]
        self._names = corpus.names()
        self._by_tag: dict[NeedTag, list[str]] = {}
        for name, tag in self._names.items():
            self._by_tag.setdefault(tag, []).append(name)
        self._name = re.compile("|".join(map(re.escape, self._names)))
        self._exchanged: dict[int, list[Example]] = {}

    def batch(self, size: int) -> Batch:
        """A batch; rows of like length come together, so that little of it is padding."""
        if not self._drawn:
            drawn = self._chance.choices(self._examples, self._weights, k=size * TOGETHER)
            rows = sorted((self._row(example) for example in drawn), key=lambda row: len(row[0].place))
            self._drawn = [rows[first : first + size] for first in range(0, len(rows), size)]
            self._chance.shuffle(self._drawn)
        return pad(self._drawn.pop())

    def _row(self, example: Example) -> tuple[Encoded, Targets]:
        chance = self._chance
        if example.gold and chance.random() < EXCHANGED:
            kept = self._exchanged.setdefault(id(example), [])
            if not kept:
                kept.append(self.exchanged(example))
            example = chance.choice(kept)
        if example.gold and not example.context and chance.random() < JOINED and len(example.text) < 24:
            example = joined(example, chance.choice(self._joinable))
        noisy = chance.random() < NOISED
        heard = self._hearing.noised(example.text) if noisy else self._hearing.clean(example.text)
        said = self._hearing.clean(example.context)
        if noisy and example.context:
            said = self._hearing.noised(example.context)
        asked = example.gold and not example.style.startswith(corpus.TUNED) and chance.random() > UNASKED
        beside = self._hearing.known(heard, said, example.topic, asked=asked)
        if not example.context and not example.topic and chance.random() < AGENT:
            said = self._hearing.clean(chance.choice(self._agent))
        if chance.random() < TOPIC_LOST:
            beside = replace(beside, topic=())
        return encode(self._words, heard, said, beside)[-1], targets(example)

    def exchanged(self, example: Example) -> Example:
        """The line with one thing that it names, and that has others like it, exchanged for another."""
        here = {self._names[name] for name in self._name.findall(example.text + " " + example.context)}
        fit = [(tag, group) for group in ALIKE for tag in here & group]
        if not fit:
            return example
        old, group = self._chance.choice(sorted(fit, key=lambda pair: pair[0]))
        taken = here | set(example.labels) | set(example.topic)
        free = sorted(group - taken)
        if not free:
            return example
        new = self._chance.choice(free)
        name = self._chance.choice(self._by_tag[new])

        def other(match: re.Match[str]) -> str:
            return name if self._names[match[0]] == old else match[0]

        labels = {new if tag == old else tag: label for tag, label in example.labels.items()}
        return Example(
            self._name.sub(other, example.text),
            labels,
            example.style,
            self._name.sub(other, example.context),
            tuple(new if tag == old else tag for tag in example.topic),
        )


def weight_of(example: Example) -> float:
    """How often a line is drawn."""
    if not example.gold:
        weight = WEIGHTS[example.style]
        return weight * (4.0 if example.labels and example.style != "phrases" else 1.0)
    return WEIGHTS["calls" if example.style.startswith(corpus.OF_CALLS) else "written"]


def joined(one: Example, other: Example) -> Example:
    """Two lines said in one breath; what the second says of a tag stands."""
    labels: dict[NeedTag, Label] = dict(one.labels)
    for tag, label in other.labels.items():
        known = labels.get(tag)
        if known is not None and (label.stance == "asks" or label.optional):
            labels[tag] = known if known.stance == label.stance else Label(None, optional=True)
        else:
            labels[tag] = label
    return Example(f"{one.text} {other.text}", labels, one.style, one.context, one.topic)


def targets(example: Example) -> Targets:
    """What a line teaches."""
    tags = len(NEED_TAGS)
    presence, stance = np.zeros(tags, dtype=np.float32), np.zeros(tags, dtype=np.int64)
    sure = 1.0 if example.gold else WEAK
    presence_weight = np.full(tags, sure, dtype=np.float32)
    stance_weight = np.zeros(tags, dtype=np.float32)
    for tag, label in example.labels.items():
        at = NEED_TAGS.index(tag)
        presence[at] = 1
        if label.optional:
            presence_weight[at] = 0
        if label.stance is not None:
            stance[at] = STANCES.index(label.stance)  # type: ignore[arg-type]
            stance_weight[at] = sure * (0.5 if label.optional else 1.0)
    for tag in example.unknown:
        presence_weight[NEED_TAGS.index(tag)] = 0
    return Targets(presence, presence_weight, stance, stance_weight)


def pad(rows: Sequence[tuple[Encoded, Targets]]) -> Batch:
    """Rows of one length, with zeros behind their ends."""
    longest = max(len(encoded.place) for encoded, _ in rows)
    units = np.zeros((2, len(rows), longest, 2), dtype=np.int64)
    place = np.zeros((len(rows), longest), dtype=np.int64)
    named = np.zeros((len(rows), longest, len(NEED_TAGS)), dtype=np.float32)
    for index, (encoded, _) in enumerate(rows):
        length = len(encoded.place)
        units[0, index, :length] = encoded.characters
        units[1, index, :length] = encoded.syllables
        place[index, :length] = encoded.place
        named[index, :length] = encoded.named
    taught = [np.stack(column) for column in zip(*(of for _, of in rows), strict=True)]
    return Batch(
        torch.from_numpy(units[0]),
        torch.from_numpy(units[1]),
        torch.from_numpy(place),
        torch.from_numpy(named),
        torch.from_numpy(np.stack([encoded.told for encoded, _ in rows])),
        *(torch.from_numpy(column) for column in taught),
    )
