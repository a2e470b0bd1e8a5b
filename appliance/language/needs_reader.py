"""Reads the needs of utterances: the rules and the model together, with the amounts that were said."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from appliance.language.ellipsis import Topic
from appliance.language.findings import NeedFinding
from appliance.language.money_said import CONFIDENCE as OF_AMOUNT
from appliance.language.needs import Named, NeedRules
from appliance.language.needs_judged import judged
from appliance.language.needs_model import MODEL, Known, NeedModel
from appliance.language.pinyin_forms import Heard, hear
from appliance.models import ModelStore
from appliance.protocol.vocabulary import NeedTag

#: Nobody says the same syllables so many times in an utterance that means something.
MOST_REPEATED: Final = 12


class NeedReader:
    """The rules and the model, loaded once; without a model the rules alone."""

    def __init__(self, rules: NeedRules, model: NeedModel | None) -> None:
        self._rules = rules
        self._model = model

    @classmethod
    def load(cls, store: ModelStore, model: str = MODEL) -> NeedReader:
        """Load the rules files and the needs model.

        Raises:
            ModelError: the model is not installed or was altered.
            RulesError: a rules file is not valid.
        """
        return cls(NeedRules(), NeedModel.load(store, model))

    def without_model(self) -> NeedReader:
        """The rules alone."""
        return NeedReader(self._rules, None)

    def topics(self, heard: Heard) -> list[NeedTag]:
        """The products and permissions that somebody's words name, in order."""
        return self._rules.topics(heard)

    def topics_of(self, heard: Heard, needs: Sequence[NeedFinding]) -> list[NeedTag]:
        """The products and permissions that the customer spoke of; what others say does not count."""
        return self._rules.topics_of(heard, needs)

    def read(
        self, heard: Heard, agent_before: str = "", topic: Topic | None = None
    ) -> tuple[NeedFinding, ...]:
        """The needs of one utterance, at most one finding a tag, with calibrated confidences.

        Args:
            heard: the utterance.
            agent_before: what the agent said just before.
            topic: the products that were talked of: what is said without naming a thing means one of them.
        """
        said = hear(agent_before)
        named = self._rules.named(heard, said)
        by_rules = self._rules.read(heard, agent_before, topic, named)
        if self._model is None or not _may_be_read(heard):
            return by_rules
        reading = self._model.read(heard, said, known(named, topic, by_rules))
        if reading is None:
            return by_rules
        found = judged(by_rules, reading, self._model.calibration)
        # 先放三万: that money is there is told by the amount, which the model does not read
        told = [need for need in by_rules if need.tag == "idle_money" and need.confidence == OF_AMOUNT]
        if told and told[0].amount is not None and all(need.tag != "idle_money" for need in found):
            found = (*found, told[0])
        return self._rules.with_amounts_of(by_rules, found, heard)


def _may_be_read(heard: Heard) -> bool:
    """Whether the model can know anything of it: not of one syllable, nor of the same for ever."""
    return len(heard) > 1 and len(set(heard.characters)) * MOST_REPEATED > len(heard)


def known(named: Named, topic: Topic | None, found: Sequence[NeedFinding]) -> Known:
    """What the model is told of an utterance beside its words: by the call so far, and by the rules."""
    return Known(
        tuple(topic.tags) if topic is not None else (),
        tuple((match.key.tag, match.start, match.end) for match in named.by_customer),
        tuple((match.key.tag, match.start, match.end) for match in named.by_agent),
        tuple(found),
    )
