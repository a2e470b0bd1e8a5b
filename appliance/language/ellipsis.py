"""What is said without naming the thing (我不要了, 那可以试试): it means the product talked of last."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Final, cast

from appliance.language.phrases import PhraseBook, longest
from appliance.language.pinyin_forms import Heard
from appliance.language.rules import Checker
from appliance.protocol.vocabulary import NEED_TAGS, NeedTag, Stance

_STANCES: Final[tuple[Stance, ...]] = ("wants", "rejects", "asks", "has")
#: Utterances of either leg after which people name the thing again.
REMEMBERED: Final = 6


@dataclass(slots=True)
class Topic:
    """The product that one call talks of; forgotten after `REMEMBERED` utterances that do not name one."""

    tag: NeedTag | None = None
    _age: int = field(default=0, repr=False)

    def heard(self, tag: NeedTag | None) -> None:
        """Take what an utterance named last, None where it named nothing."""
        self._age = 0 if tag is not None else self._age + 1
        if tag is not None or self._age > REMEMBERED:
            self.tag = tag


class LeftOut:
    """The phrases that leave the thing out."""

    def __init__(self, checker: Checker, value: object) -> None:
        """Validate the table `ellipsis` of the rules; problems go to `checker`."""
        table = checker.table("ellipsis", value)
        checker.known("ellipsis", table, ("topics", "unless", *_STANCES))
        topics = table.get("topics", [])
        if not isinstance(topics, list) or not topics:
            checker.problem("ellipsis.topics", 'write the tags that may be left out, such as ["deposit"]')
            topics = []
        checker.known("ellipsis.topics", [str(tag) for tag in topics], NEED_TAGS)
        self.topics: frozenset[NeedTag] = frozenset(cast("list[NeedTag]", topics))
        self._phrases: list[tuple[str, Stance | None]] = [
            (phrase, stance)
            for stance in _STANCES
            for phrase in checker.phrases(f"ellipsis.{stance}", table.get(stance))
        ]
        self._phrases += [
            (phrase, None) for phrase in checker.phrases("ellipsis.unless", table.get("unless"))
        ]
        self._book: PhraseBook[Stance | None] | None = None

    def stance(self, heard: Heard) -> tuple[Stance, float] | None:
        """The stance to the thing that is left out, and how sure it is; the last one said holds.

        A question does not undo what was decided in the same breath.
        """
        if self._book is None:
            self._book = PhraseBook(self._phrases)
        found = [match for match in longest(self._book.find(heard)) if match.key is not None]
        decided = [match for match in found if match.key != "asks"] or found
        if not decided:
            return None
        return cast(Stance, decided[-1].key), decided[-1].certainty
