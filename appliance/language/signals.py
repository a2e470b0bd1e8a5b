"""Conversational signals by the rules of `signals.toml`: what somebody does with the words."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Final, cast

from appliance.language import rules
from appliance.language.answers import without_fillers
from appliance.language.findings import SignalFinding
from appliance.language.phrases import PhraseBook
from appliance.language.pinyin_forms import Heard
from appliance.protocol.vocabulary import SIGNALS, Signal
from appliance.telephony.audioblock import Leg

RULES: Final = Path(__file__).with_name("signals.toml")
AGENT: Final = "agent_"

#: A signal that holds makes the ones named here a matter of course; they are not reported beside it.
_COVERS: Final[dict[str, frozenset[str]]] = {
    "question_return": frozenset({"question"}),
    "question_risk": frozenset({"question"}),
    "question_fee": frozenset({"question"}),
    "final_refusal": frozenset({"follow_up_agreed", "purchase_intent", "assent", "interest"}),
    "refusal": frozenset({"assent", "purchase_intent"}),
    "agent_promise_return": frozenset({"agent_risk_disclosure"}),
}


class SignalRules:
    """The validated rules, ready to read utterances of either leg."""

    def __init__(self, path: Path = RULES) -> None:
        """Load and validate `path`.

        Raises:
            RulesError: a signal, key or phrase is wrong; all problems at once.
        """
        data = rules.read(path)
        checker = rules.Checker(path)
        checker.known("", data, ("classes", *SIGNALS))
        checker.read_classes(data.get("classes"))
        self._confidence: dict[Signal, float] = {}
        self._whole: dict[Leg, dict[str, Signal]] = {"customer": {}, "agent": {}}
        phrases: dict[Leg, list[tuple[str, Signal | None]]] = {"customer": [], "agent": []}
        unless: dict[Leg, list[tuple[str, Signal]]] = {"customer": [], "agent": []}
        for name in SIGNALS:
            table = checker.table(name, data.get(name))
            signal = cast(Signal, name)
            leg: Leg = "agent" if name.startswith(AGENT) else "customer"
            checker.known(name, table, ("confidence", "phrases", "unless", "whole"))
            self._confidence[signal] = checker.fraction(f"{name}.confidence", table.get("confidence"))
            for phrase in checker.phrases(f"{name}.phrases", table.get("phrases")):
                phrases[leg].append((phrase, signal))
            for phrase in checker.phrases(f"{name}.unless", table.get("unless")):
                unless[leg].append((phrase, signal))
            for phrase in checker.phrases(f"{name}.whole", table.get("whole")):
                self._whole[leg][without_fillers(phrase) or phrase] = signal
            if not table.get("phrases") and not table.get("whole"):
                checker.problem(name, "has no phrases; write phrases or whole")
        checker.finish()
        self._phrases = {leg: PhraseBook(phrases[leg], classes=checker.classes) for leg in phrases}
        self._unless = {leg: PhraseBook(unless[leg], classes=checker.classes) for leg in unless}

    def books(self) -> dict[str, PhraseBook[Any]]:
        """All phrases, by what they are used for."""
        return {f"{leg} signals": book for leg, book in self._phrases.items()} | {
            f"{leg} unless": book for leg, book in self._unless.items()
        }

    def read(self, heard: Heard, leg: Leg) -> tuple[SignalFinding, ...]:
        """The signals of one utterance, each at most once, surest first."""
        if not len(heard):
            return ()
        best: dict[Signal, float] = {}
        words = "".join(heard.characters)
        whole = self._whole[leg].get(without_fillers(words) or words)
        if whole is not None:
            best[whole] = self._confidence[whole]
        exceptions = self._unless[leg].find(heard)
        for match in self._phrases[leg].find(heard):
            signal = match.key
            if signal is None or any(
                other.key == signal and other.start <= match.start and match.end <= other.end
                for other in exceptions
            ):
                continue
            best[signal] = max(best.get(signal, 0.0), self._confidence[signal] * match.certainty)
        covered = frozenset(name for signal in best for name in _COVERS.get(signal, ()))
        return tuple(
            SignalFinding(signal, round(confidence, 2))
            for signal, confidence in sorted(best.items(), key=lambda item: (-item[1], item[0]))
            if signal not in covered
        )
