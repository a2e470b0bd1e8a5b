"""Bare answers: a yes or no means what the question before it asked (您有基金吗 - 有一点)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from appliance.language.rules import Checker
from appliance.protocol.vocabulary import Stance

#: Taken away before an answer is compared.
FILLERS: Final = frozenset("啊呀呢吧嗯哦噢额呃哎诶了哈嘛喽咯哟唉的")
_KEYS: Final = ("asks_has", "asks_wants", "has", "wants", "rejects")


def without_fillers(words: str) -> str:
    """The words without particles that carry no meaning of their own."""
    return "".join(word for word in words if word not in FILLERS)


@dataclass(frozen=True, slots=True)
class Answers:
    """Words of the two kinds of question, and of the answers to them."""

    asks_has: tuple[str, ...]
    asks_wants: tuple[str, ...]
    has: frozenset[str]
    wants: frozenset[str]
    rejects: frozenset[str]

    @classmethod
    def checked(cls, checker: Checker, value: object) -> Answers:
        """The table `answers` of the rules; problems go to `checker`."""
        table = checker.table("answers", value)
        checker.known("answers", table, _KEYS)
        for key in _KEYS:
            if key not in table:
                checker.problem(f"answers.{key}", "is missing; write a list of phrases")
        lists = {key: checker.phrases(f"answers.{key}", table.get(key)) for key in _KEYS}
        answers = {key: frozenset(map(without_fillers, lists[key])) for key in ("has", "wants", "rejects")}
        return cls(tuple(lists["asks_has"]), tuple(lists["asks_wants"]), **answers)

    def stance(self, words: str, question: str) -> Stance | None:
        """What the whole utterance `words` answers to `question`; None where it is no bare answer."""
        answer = without_fillers(words)
        if any(phrase in question for phrase in self.asks_wants):
            if answer in self.wants:
                return "wants"
            return "rejects" if answer in self.rejects else None
        if any(phrase in question for phrase in self.asks_has) and answer in self.has:
            return "has"
        return None
