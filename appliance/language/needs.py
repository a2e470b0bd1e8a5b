"""Needs and facts of the customer, by the rules of `needs.toml`.

A tag is found where one of its words stands. Some phrases carry their stance; the others get it from the cues
around them (`stances`), or have one where no cue stands near, if the rules say so.
"""

from __future__ import annotations

import itertools
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final, cast, get_args

from appliance.language import numerals, rules
from appliance.language.answers import Answers
from appliance.language.ellipsis import LeftOut
from appliance.language.findings import NeedFinding
from appliance.language.phrases import Match, PhraseBook, longest
from appliance.language.pinyin_forms import Heard, hear
from appliance.language.stances import (
    CONNECTIVES,
    CUE_STANCES,
    Cue,
    CueStance,
    Mention,
    assign,
    correct,
    cues_of,
)
from appliance.protocol.vocabulary import NEED_TAGS, NeedTag, Stance

RULES: Final = Path(__file__).with_name("needs.toml")

STANCES: Final[tuple[str, ...]] = get_args(Stance)

#: A word with its stance in it, a word with a cue, and a word that stands alone.
CONFIDENCE_PHRASE: Final = 0.9
CONFIDENCE_CUE: Final = 0.85
CONFIDENCE_ALONE: Final = 0.65
#: When to call; that a call is wanted goes without saying then.
_TIMES: Final[frozenset[NeedTag]] = frozenset(["call_evening", "call_weekend"])
#: The thing itself was not named.
CONFIDENCE_ELLIPSIS: Final = 0.7
#: Each syllable between cue and word takes this much of the confidence.
DISTANCE_COST: Final = 0.02


@dataclass(frozen=True, slots=True)
class _Tag:
    alone: Stance | None
    amount: bool
    fact: bool
    plan: bool


class NeedRules:
    """The validated rules, ready to read utterances."""

    def __init__(self, path: Path = RULES) -> None:
        """Load and validate `path`.

        Raises:
            RulesError: a table, tag, stance or phrase is wrong; all problems at once.
        """
        data = rules.read(path)
        checker = rules.Checker(path)
        checker.known("", data, ("cues", "tags", "answers", "ellipsis"))
        cues = checker.table("cues", data.get("cues"))
        checker.known("cues", cues, (*CUE_STANCES, "past"))
        tags = checker.table("tags", data.get("tags"))
        checker.known("tags", tags, NEED_TAGS)
        for missing in [tag for tag in NEED_TAGS if tag not in tags]:
            checker.problem(f"tags.{missing}", "is missing; every tag of the vocabulary needs a table")
        self._past: PhraseBook[None] = PhraseBook(
            (phrase, None) for phrase in checker.phrases("cues.past", cues.get("past"))
        )
        cue_phrases = self._cues(checker, cues)
        self._answers = Answers.checked(checker, data.get("answers"))
        self._ellipsis = LeftOut(checker, data.get("ellipsis"))
        mentions: list[tuple[str, Mention | None]] = []
        self._tags: dict[str, _Tag] = {}
        for tag, table in tags.items():
            if tag in NEED_TAGS:
                mentions += self._tag(checker, cast(NeedTag, tag), checker.table(f"tags.{tag}", table))
        checker.finish()
        self._cue_book: PhraseBook[Cue] = PhraseBook(cue_phrases.items())
        self._mention_book: PhraseBook[Mention | None] = PhraseBook(
            mentions, {phrase for phrase, mention in mentions if mention and mention.stance is None}
        )
        self._connective_book: PhraseBook[None] = PhraseBook((f"={word}", None) for word in CONNECTIVES)

    @staticmethod
    def _cues(checker: rules.Checker, cues: dict[str, object]) -> dict[str, Cue]:
        phrases: dict[str, Cue] = {}
        for stance in CUE_STANCES:
            table = checker.table(f"cues.{stance}", cues.get(stance))
            checker.known(f"cues.{stance}", table, ("before", "after"))
            for side in ("before", "after"):
                for phrase in checker.phrases(f"cues.{stance}.{side}", table.get(side)):
                    old = phrases.get(phrase)
                    if old is not None and old.stance != stance:
                        checker.problem(
                            f"cues.{stance}.{side}",
                            f"{phrase!r} is also a cue of {old.stance}; keep one of them",
                        )
                    phrases[phrase] = Cue(
                        cast(CueStance, stance),
                        side == "before" or bool(old and old.before),
                        side == "after" or bool(old and old.after),
                    )
        return phrases

    def _tag(
        self, checker: rules.Checker, tag: NeedTag, table: dict[str, object]
    ) -> list[tuple[str, Mention | None]]:
        key = f"tags.{tag}"
        checker.known(key, table, ("mentions", "stance", "amount", "fact", "plan", "unless", *STANCES))
        alone = table.get("stance")
        if alone is not None and alone not in STANCES:
            checker.problem(f"{key}.stance", f"must be one of {', '.join(STANCES)} (found {alone!r})")
        for option in ("amount", "fact", "plan"):
            if not isinstance(table.get(option, False), bool):
                checker.problem(f"{key}.{option}", "must be true or false")
        self._tags[tag] = _Tag(
            cast("Stance | None", alone), *(bool(table.get(key, False)) for key in ("amount", "fact", "plan"))
        )
        phrases: list[tuple[str, Mention | None]] = [
            (phrase, Mention(tag, None))
            for phrase in checker.phrases(f"{key}.mentions", table.get("mentions"))
        ]
        for stance in STANCES:
            phrases += [
                (phrase, Mention(tag, cast(Stance, stance)))
                for phrase in checker.phrases(f"{key}.{stance}", table.get(stance))
            ]
        if not phrases:
            checker.problem(key, "has no phrases; write mentions or phrases of a stance")
        phrases += [(phrase, None) for phrase in checker.phrases(f"{key}.unless", table.get("unless"))]
        return phrases

    def topic(self, heard: Heard) -> NeedTag | None:
        """The product or permission that the agent's words name last, or None."""
        matches = _settle(self._mention_book.find(heard))
        named = [match.key.tag for match in matches if match.key is not None]
        return next((tag for tag in reversed(named) if tag in self._ellipsis.topics), None)

    def topic_of(self, needs: Sequence[NeedFinding]) -> NeedTag | None:
        """The product or permission that the customer spoke of last; what others have does not count."""
        return next((need.tag for need in reversed(needs) if need.tag in self._ellipsis.topics), None)

    def read(
        self, heard: Heard, agent_before: str = "", topic: NeedTag | None = None
    ) -> tuple[NeedFinding, ...]:
        """The needs of one utterance, at most one finding a tag, in the order of their last mention.

        Args:
            heard: the utterance.
            agent_before: what the agent said just before: a bare yes, no or amount is the answer to it.
            topic: the product that was talked of last: what is said without naming a thing means it.
        """
        if not len(heard):
            return ()
        matches = _settle(self._mention_book.find(heard))
        if not matches and (answer := self._answer(heard, agent_before)) is not None:
            return (answer,)
        found = self._named(heard, matches)
        # 邻居买了雪球我也想买: what others have may be what the rest of the utterance leaves out.
        here = [match.key.tag for match in matches if match.key is not None]
        topic = next((tag for tag in reversed(here) if tag in self._ellipsis.topics), topic)
        said = self._ellipsis.stance(heard) if topic is not None else None
        if said is not None and topic is not None and not self._ellipsis.topics & found.keys():
            found[topic] = NeedFinding(topic, said[0], round(CONFIDENCE_ELLIPSIS * said[1], 2))
        if found.keys() & _TIMES:
            # 晚上打给我: the evening says that there is to be a call
            found.pop("call_back", None)
        begun = self._answers.begun("".join(heard.characters), agent_before)
        if begun is not None and begun[0] not in found:
            found[begun[0]] = NeedFinding(*begun, CONFIDENCE_ALONE)
        return _with_amounts(self._tags, heard, list(found.values()), agent_before)

    def _named(self, heard: Heard, matches: Sequence[Match[Mention | None]]) -> dict[NeedTag, NeedFinding]:
        """What the things that are named say, with the stances of the cues around them."""
        mentions = [match for match in matches if match.key is not None]
        open_mentions = [match for match in mentions if cast(Mention, match.key).stance is None]
        taken = [(match.start, match.end) for match in matches]
        # 我要|收益高的: a cue right before a phrase with its own stance belongs to that phrase.
        spoken_for = {match.start for match in mentions if cast(Mention, match.key).stance is not None}
        # 两融|怎么开|利率多少: but one right behind a word belongs to that word.
        spoken_for -= heard.breaks
        held = {match.end for match in open_mentions}
        cues = [
            cue
            for cue in cues_of(self._cue_book.find(heard))
            # 不想买|保险: a cue may run into the word that it governs, but a word's own syllables are no cue.
            if all(cue.start < start or cue.end > end or cue.end <= start for start, end in taken)
            and (cue.end not in spoken_for or (cue.key.stance == "asks" and cue.start in held))
        ]
        walls = frozenset([match.start for match in self._connective_book.find(heard)] + list(heard.breaks))
        past = [match.start for match in self._past.find(heard)]
        given = assign(open_mentions, cues, walls, past)
        correct(given, open_mentions, cues, walls)
        _ask_beside(given, mentions, heard)
        found: dict[NeedTag, NeedFinding] = {}
        for match in mentions:
            mention = cast(Mention, match.key)
            finding = self._finding(match, mention, given.get(match.start), heard)
            if finding is None:
                if given.get(match.start) is not None and mention.tag in found:
                    del found[mention.tag]
                continue
            old = found.pop(mention.tag, None)
            # An aside that only asks does not undo a stance that was stated in the same breath.
            if old is not None and finding.stance == "asks" and old.stance != "asks":
                finding = old
            found[mention.tag] = finding
        return found

    def _answer(self, heard: Heard, agent_before: str) -> NeedFinding | None:
        """What a bare yes or no says about the one thing that the agent asked for."""
        stance = self._answers.stance("".join(heard.characters), agent_before)
        if stance is None:
            return None
        asked = _settle(self._mention_book.find(hear(agent_before)))
        tags = {match.key.tag for match in asked if match.key is not None and match.key.stance is None}
        if len(tags) != 1:
            return None
        return NeedFinding(tags.pop(), stance, CONFIDENCE_ALONE)

    def _finding(
        self,
        match: Match[Mention | None],
        mention: Mention,
        cue: tuple[CueStance, int] | None,
        heard: Heard,
    ) -> NeedFinding | None:
        if mention.stance is not None:
            stance = _under_negation(mention.stance, match, heard)
            if stance is None:
                return None
            return NeedFinding(mention.tag, stance, round(CONFIDENCE_PHRASE * match.certainty, 2))
        rule = self._tags[mention.tag]
        if rule.fact and not (cue is not None and cue[0] == "others"):
            cue = None
        if rule.plan and cue is not None and cue[0] == "has":
            # 我家孩子的教育金: a plan that one has is one that one wants to come true.
            cue = "wants", cue[1]
        if (
            cue is None
            and rule.alone is None
            and "".join(heard.characters[match.end : match.end + 1]) == "吧"
        ):
            # 还是国债吧: a thing that is proposed
            cue = "wants", 0
        if cue is not None:
            said, distance = cue
            if said in {"nothing", "others"}:
                return None
            confidence = (CONFIDENCE_CUE - DISTANCE_COST * distance) * match.certainty
            return NeedFinding(mention.tag, cast(Stance, said), round(confidence, 2))
        if rule.alone is None:
            return None
        return NeedFinding(mention.tag, rule.alone, round(CONFIDENCE_ALONE * match.certainty, 2))


#: Right before a phrase that states something, these deny it (先不|买了保险) or ask it (是不是|快到期).
_DENIES: Final = re.compile("(?:不|没|没有|不是|不用|不想|不要|别|未必|还没|哪有|谁说)$")
_ASKS: Final = re.compile("(?:是不是|有没有|能不能|要不要|会不会|可不可以|什么时候)$")
_DENIES_ITSELF: Final = re.compile("^(?:不|没|别|莫|甭|哪|没有|取消|零)")


#: Right before a phrase that states something, these say that it is somebody else's.
_REPORTED: Final = re.compile(
    "(?:[他她]们?|人家|邻居|同事|朋友|亲戚|老公|老婆)(?:们)?(?:又|都|也|就|还)?"
    "(?:说|讲|觉得|以前|怕|嫌|买的?|那只|想|有点)[^我俺]{0,4}$|(?:[他她]|人家|朋友)(?:就|什么都|也)?$"
)


def _ask_beside(
    given: dict[int, tuple[CueStance, int]], mentions: Sequence[Match[Mention | None]], heard: Heard
) -> None:
    """国债利息多少: a question about a thing that no cue speaks of asks for the thing, too."""
    for mention, following in itertools.pairwise(mentions):
        named, asked = cast(Mention, mention.key), cast(Mention, following.key)
        beside = 0 <= following.start - mention.end <= 1 and following.start not in heard.breaks
        if named.stance is None and asked.stance == "asks" and beside and mention.start not in given:
            given[mention.start] = "asks", following.start - mention.end


def _under_negation(stance: Stance, match: Match[Mention | None], heard: Heard) -> Stance | None:
    before = "".join(heard.characters[max(0, match.start - 4) : match.start])
    if any(at in heard.breaks for at in range(match.start, match.start + 1)):
        return stance
    if _ASKS.search(before):
        return "asks"
    reach = max([0, match.start - 8, *(at for at in heard.breaks if at <= match.start)])
    if _REPORTED.search("".join(heard.characters[reach : match.start])):
        return None
    if not _DENIES.search(before) or _DENIES_ITSELF.match(match.phrase.removeprefix("=")):
        return stance
    return "rejects" if stance == "wants" else None


def _settle(matches: Iterable[Match[Mention | None]]) -> list[Match[Mention | None]]:
    """Longest words win; the same words may stand under two tags, and then both hold."""
    matches = list(matches)
    kept = longest(matches)
    spans = {(match.start, match.end): match for match in kept}
    out: dict[tuple[int, int, object], Match[Mention | None]] = {}
    for match in matches:
        best = spans.get((match.start, match.end))
        if best is not None and match.certainty == best.certainty:
            out[match.start, match.end, match.key] = match
    # Where a word is one tag's own and another tag's exception, it is the one tag's.
    owned = {(match.start, match.end) for match in out.values() if match.key is not None}
    return sorted(
        (match for match in out.values() if match.key is not None or (match.start, match.end) not in owned),
        key=lambda match: match.start,
    )


#: Right before an amount: money that the customer has, or puts in.
_OWNS: Final = re.compile(
    "(?:(?:我|俺|手里头?|手上|手头上?|一共|总共|家里|卡里|账上|账户里)(?:现在|这边|大概|差不多|还|也|就|这)*有(?:个|大概|差不多|将近)?"
    "|(?:现金流|积蓄|攒了|存了|奖金|手头|剩下)(?:大概|差不多|一共|有|也就)*"
    "|(?:先|再|打算|准备|就|想|我|拿个?)(?:放|买|存|投|拿|加|转|弄|放个|买个)"
    "|(?:有个|是有|是分两笔一笔|一笔))$"
)
#: Right behind an amount: it lies idle, or goes in.
_LIES_IDLE: Final = re.compile("^(?:的?闲钱|放着|闲着|空着|全放|都放|全投|等打新|用不着|在卡里|在账上)")
#: What agents ask when an amount is wanted; the customer's bare number is then idle money.
_ASKS_AMOUNT: Final = (
    "多少钱",
    "多少资金",
    "大概多少",
    "准备放多少",
    "投多少",
    "多大的资金",
    "资金量",
    "预算",
    "金额",
    "攒了有多少",
    "打算放",
    "打算投",
)


def _with_amounts(
    tags: dict[str, _Tag], heard: Heard, findings: list[NeedFinding], agent_before: str
) -> tuple[NeedFinding, ...]:
    money = numerals.amounts(heard.text)
    if not money:
        return tuple(findings)
    holders = [
        index
        for index, finding in enumerate(findings)
        if tags[finding.tag].amount and finding.stance in {"has", "wants"}
    ]
    largest = max(amount.yuan for amount in money)
    if holders:
        for index in holders:
            old = findings[index]
            findings[index] = NeedFinding(old.tag, old.stance, old.confidence, largest)
    elif all(finding.tag != "idle_money" for finding in findings) and (
        any(words in agent_before for words in _ASKS_AMOUNT)
        or any(
            _OWNS.search(heard.text[: amount.start]) or _LIES_IDLE.search(heard.text[amount.end :])
            for amount in money
        )
    ):
        findings.append(NeedFinding("idle_money", "has", CONFIDENCE_ALONE, largest))
    return tuple(findings)
