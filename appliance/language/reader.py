"""Reads utterances of both legs: objections, needs, signals, and the redacted words.

One `LanguageReader` serves all calls of a process; `open()` gives the part that one call needs, so that
digits said in pieces over several utterances are still found.
"""

from __future__ import annotations

import itertools
from collections.abc import Collection
from typing import Final

from appliance.language.ellipsis import Topic
from appliance.language.findings import Findings, NeedFinding, SignalFinding
from appliance.language.needs_model import MODEL as NEEDS_MODEL
from appliance.language.needs_reader import NeedReader
from appliance.language.objections import MODEL, ObjectionModel
from appliance.language.pinyin_forms import Heard, hear
from appliance.language.redaction import RedactionState, redact
from appliance.language.signals import SignalRules
from appliance.models import ModelStore
from appliance.protocol.vocabulary import ObjectionType
from appliance.speech.utterance import Utterance

#: The models of the store that are read with.
MODELS: Final = (MODEL, NEEDS_MODEL)
#: Signals of the rules that speak for a polite refusal, so that the model needs to be less sure of it.
REFUSALS: Final = frozenset({"refusal", "final_refusal"})
#: A pause between two words that parts clauses, in ms; shorter ones are within a clause.
PAUSE_MS: Final = 250


class LanguageReader:
    """The rules and the models, loaded once."""

    def __init__(self, objections: ObjectionModel, needs: NeedReader, signals: SignalRules) -> None:
        self._objections = objections
        self._needs = needs
        self._signals = signals

    @classmethod
    def load(cls, store: ModelStore, model: str = MODEL) -> LanguageReader:
        """Load the rules files, the objection model and the needs model.

        Raises:
            ModelError: one of the models is not installed or was altered.
            RulesError: a rules file is not valid.
        """
        return cls(ObjectionModel.load(store, model), NeedReader.load(store), SignalRules())

    def by_rules(self) -> LanguageReader:
        """A reader of the same models that reads needs by the rules alone."""
        return LanguageReader(self._objections, self._needs.without_model(), self._signals)

    def open(self) -> CallReader:
        """The reader of one call."""
        return CallReader(self)

    def customer(
        self,
        utterance: Utterance,
        agent_before: str = "",
        redaction: RedactionState | None = None,
        topic: Topic | None = None,
        shown: Collection[ObjectionType] = (),
    ) -> Findings:
        """What the customer's words say; `agent_before` is the agent's last, `topic` what the call talks of.

        Of a growing utterance only objections are read, and only those beyond doubt; the rest needs its end.
        """
        heard, said = _heard(utterance), hear(agent_before)
        if not utterance.final:
            return Findings(objections=self._objections.find(heard, said, final=False, shown=shown))
        signals = self._signals.read(heard, "customer")
        if any(signal.code in REFUSALS for signal in signals):
            shown = {*shown, "polite_refusal"}
        needs = self._needs.read(heard, agent_before, topic)
        if topic is not None:
            topic.heard(self._needs.topics_of(heard, needs))
        return Findings(
            objections=self._objections.find(heard, said, shown=shown),
            needs=needs,
            signals=_with_complaint(signals, needs),
            redacted=redact(utterance.text, utterance.pinyin, redaction, agent_before),
        )

    def agent(
        self, utterance: Utterance, redaction: RedactionState | None = None, topic: Topic | None = None
    ) -> Findings:
        """What the agent does with the words: signals only."""
        if not utterance.final:
            return Findings()
        heard = _heard(utterance)
        if topic is not None:
            topic.heard(self._needs.topics(heard))
        return Findings(
            signals=self._signals.read(heard, "agent"),
            redacted=redact(utterance.text, utterance.pinyin, redaction),
        )


class CallReader:
    """One call's reader: remembers what is talked of, what a growing utterance has shown, and for each leg
    whether digits may go on."""

    def __init__(self, reader: LanguageReader) -> None:
        self._reader = reader
        self._customer = RedactionState()
        self._agent = RedactionState()
        self._topic = Topic()
        #: number of the customer's last utterance, and the types found in it so far
        self._shown: tuple[int, frozenset[ObjectionType]] = (-1, frozenset())

    def customer(self, utterance: Utterance, agent_before: str = "") -> Findings:
        """As `LanguageReader.customer`, with digits followed from one utterance to the next.

        An objection that was found in a growing utterance is kept while it stays likely.
        """
        number, kinds = self._shown
        shown = kinds if number == utterance.number else frozenset()
        findings = self._reader.customer(utterance, agent_before, self._customer, self._topic, shown)
        self._shown = (utterance.number, shown | {objection.type for objection in findings.objections})
        return findings

    def agent(self, utterance: Utterance) -> Findings:
        """As `LanguageReader.agent`, with digits followed from one utterance to the next."""
        return self._reader.agent(utterance, self._agent, self._topic)


def _with_complaint(
    signals: tuple[SignalFinding, ...], needs: tuple[NeedFinding, ...]
) -> tuple[SignalFinding, ...]:
    """`signals`, and that of complaining where the needs hold a complaint that its phrases do not know."""
    complaint = [need.confidence for need in needs if need.tag == "complaint" and need.stance == "has"]
    if not complaint or any(signal.code == "complaint" for signal in signals):
        return signals
    return (*signals, SignalFinding("complaint", complaint[0]))


def _heard(utterance: Utterance) -> Heard:
    """The utterance in two channels, with the pauses between its words as breaks."""
    words = utterance.words
    text = utterance.text
    if len(words) > 1 and "".join(word.text for word in words) == text:
        parts = [words[0].text]
        for before, word in itertools.pairwise(words):
            parts += [" "] * (word.start_ms - before.end_ms >= PAUSE_MS) + [word.text]
        text = "".join(parts)
    return hear(text, utterance.pinyin)
