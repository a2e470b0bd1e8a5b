"""Bare answers: a yes or no means what the question before it asked (您有基金吗 - 有一点)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Final, cast, get_args

from appliance.language.clauses import clauses, words_of
from appliance.language.pinyin_forms import Heard
from appliance.language.rules import Checker
from appliance.protocol.vocabulary import NEED_TAGS, NeedTag, Stance

#: Taken away before an answer is compared.
FILLERS: Final = frozenset("啊呀呢吧嗯哦噢额呃哎诶了哈嘛喽咯哟唉的")
_KEYS: Final = ("asks_has", "asks_wants", "offers", "has", "wants", "accepts", "rejects")
#: An answer that goes on without a pause goes on with one of these (行|那我买一点).
_GOES_ON: Final = frozenset("那就我你您先给帮咱不但来买存办开做放弄")
_STANCES: Final[tuple[Stance, ...]] = get_args(Stance)


def without_fillers(words: str) -> str:
    """The words without particles that carry no meaning of their own."""
    return "".join(word for word in words if word not in FILLERS)


@dataclass(frozen=True, slots=True)
class Asked:
    """A question of the agent's whose answer is known by its beginning."""

    question: tuple[str, ...]
    tag: NeedTag
    beginnings: tuple[tuple[str, Stance], ...]

    @classmethod
    def checked(cls, checker: Checker, key: str, value: object) -> Asked | None:
        """One table of `answers.asked`; None where it has a problem."""
        table = checker.table(key, value)
        checker.known(key, table, ("question", "tag", *_STANCES))
        question = checker.phrases(f"{key}.question", table.get("question"))
        tag: Any = table.get("tag")
        if not question:
            checker.problem(f"{key}.question", "is missing; write what the agent asks")
        if tag not in NEED_TAGS:
            checker.problem(f"{key}.tag", f"{tag!r} is no need; write a tag such as liquidity")
            return None
        beginnings = [
            (without_fillers(phrase), stance)
            for stance in _STANCES
            for phrase in checker.phrases(f"{key}.{stance}", table.get(stance))
        ]
        beginnings.sort(key=lambda item: -len(item[0]))
        return cls(tuple(question), cast(NeedTag, tag), tuple(beginnings))


@dataclass(frozen=True, slots=True)
class Answers:
    """Words of the kinds of question, and of the answers to them."""

    asks_has: tuple[str, ...]
    asks_wants: tuple[str, ...]
    #: in a statement these propose a thing; only an answer of `accepts` takes it up (嗯 is no more than
    #: heard)
    offers: tuple[str, ...]
    has: frozenset[str]
    wants: frozenset[str]
    accepts: frozenset[str]
    rejects: frozenset[str]
    asked: tuple[Asked, ...] = ()

    @classmethod
    def checked(cls, checker: Checker, value: object) -> Answers:
        """The table `answers` of the rules; problems go to `checker`."""
        table = checker.table("answers", value)
        checker.known("answers", table, (*_KEYS, "asked"))
        for key in _KEYS:
            if key not in table:
                checker.problem(f"answers.{key}", "is missing; write a list of phrases")
        lists = {key: checker.phrases(f"answers.{key}", table.get(key)) for key in _KEYS}
        answers = {key: frozenset(map(without_fillers, lists[key])) for key in _KEYS[3:]}
        tables = table.get("asked", [])
        if not isinstance(tables, list):
            checker.problem("answers.asked", "must be tables; begin each with [[answers.asked]]")
            tables = []
        asked = [Asked.checked(checker, f"answers.asked[{i}]", value) for i, value in enumerate(tables)]
        return cls(
            tuple(lists["asks_has"]),
            tuple(lists["asks_wants"]),
            tuple(lists["offers"]),
            **answers,
            asked=tuple(one for one in asked if one is not None),
        )

    def begun(self, words: str, question: str) -> tuple[NeedTag, Stance] | None:
        """What the beginning of `words` says to a question of `asked`; None where it says nothing."""
        answer = words.lstrip("".join(FILLERS)).removeprefix("那")
        for asked in self.asked:
            if any(phrase in question for phrase in asked.question):
                for beginning, stance in asked.beginnings:
                    if answer.startswith(beginning):
                        return asked.tag, stance
        return None

    def stance(self, heard: Heard, question: str) -> Stance | None:
        """What the utterance, or its first clause, answers to `question`; None where it is no answer."""
        if any(phrase in question for phrase in self.asks_wants):
            if self._given(heard, self.wants):
                return "wants"
            return "rejects" if self._given(heard, self.rejects) else None
        if any(phrase in question for phrase in self.asks_has) and self._given(heard, self.has):
            return "has"
        if any(phrase in question for phrase in self.offers):
            # 不需要 after a pitch refuses the call rather than the thing
            return "wants" if self._given(heard, self.accepts) else None
        return None

    @staticmethod
    def _given(heard: Heard, answers: frozenset[str]) -> bool:
        """Whether the utterance is one of `answers`, or begins with one as a clause of its own."""
        start, end = next(clauses(heard))
        first = without_fillers(words_of(heard, start, end))
        if first in answers or without_fillers(words_of(heard, 0, len(heard))) in answers:
            return True
        return any(
            len(answer) > 1 and first.startswith(answer) and first[len(answer)] in _GOES_ON
            for answer in answers
        )
