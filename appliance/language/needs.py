"""Needs and facts of the customer, by the rules of `lexicon/`.

A tag is found where one of its words stands. Some phrases carry their stance; the others get it from the cues
around them (`stances`), or have one where no cue stands near, if the rules say so.
"""

from __future__ import annotations

import itertools
import re
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any, Final, NamedTuple, cast

from appliance.language.clauses import clauses, words_of
from appliance.language.contact_times import contact_times
from appliance.language.ellipsis import Topic
from appliance.language.findings import NeedFinding
from appliance.language.horizons import horizon
from appliance.language.mentions import asked, in_context, settle
from appliance.language.money_said import shared_out, with_amounts
from appliance.language.needs_lexicon import LEXICON, NeedLexicon
from appliance.language.phrases import Match, PhraseBook
from appliance.language.pinyin_forms import Heard, hear
from appliance.language.stances import (
    CueStance,
    Mention,
    assign,
    cues_of,
)
from appliance.language.taken_up import PERSONS, taken_up
from appliance.protocol.vocabulary import NeedTag, Stance

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


#: What says where money lies may stand in the words that say of what kind it is.
_BESIDE: Final[frozenset[NeedTag]] = frozenset(["holdings_elsewhere", "idle_money", "holdings_maturing"])
#: The agent asks which thing it is, and for one that is wanted rather than had.
_WHICH: Final = re.compile(
    "还是.{1,8}[呢吗]?$|是.{1,10}还是|哪一?种|哪一?个|哪一?类|什么产品|什么理财|买的什么|分布|都有哪些|都有什么|"
    "主要买|主要投|平时买|平时投"
)
_WISHES: Final = re.compile("想|要|倾向|喜欢|打算|更|选|希望|考虑")
_NOTHING_ELSE: Final = re.compile("^[嗯啊哦就是的吧呢呀都也主要]*$")


#: Right behind a thing, and nothing more in the clause but for the first of them.
_PROPOSED: Final = re.compile("^(?:吧|(?:也|还|倒|都)?(?:行|中|成|好|可以|没问题)(?:的|啊|吧|呀)?$)")


class Named(NamedTuple):
    """The words of all tags that stand in an utterance, and in what the agent said before it, in order."""

    by_customer: Sequence[Match[Mention]]
    by_agent: Sequence[Match[Mention]]


class NeedRules:
    """The validated rules, ready to read utterances."""

    def __init__(self, directory: Path = LEXICON) -> None:
        """Load and validate the rules files of `directory`.

        Raises:
            RulesError: a table, tag, stance, class or phrase is wrong; all problems at once.
        """
        self._lexicon = NeedLexicon(directory)
        self._tags = self._lexicon.tags
        self._answers = self._lexicon.answers
        self._ellipsis = self._lexicon.left_out

    def named_in(self, heard: Heard) -> list[Match[Mention]]:
        """The words of all tags that stand in somebody's words, in order."""
        return settle(self._lexicon.mentions.find(heard))

    def books(self) -> dict[str, PhraseBook[Any]]:
        """All phrases, by what they are used for."""
        lexicon = self._lexicon
        return {"mentions": lexicon.mentions, "cues": lexicon.cues, "past": lexicon.past}

    def topics(self, heard: Heard) -> list[NeedTag]:
        """The products and permissions that somebody's words name, in order."""
        matches = self.named_in(heard)
        named = [match for match in matches if match.key.tag in self._ellipsis.topics]
        by_name = [match for match in named if match.words not in self._ellipsis.unnamed]
        return list(dict.fromkeys(match.key.tag for match in by_name))

    def topics_of(self, heard: Heard, needs: Sequence[NeedFinding]) -> list[NeedTag]:
        """The products and permissions that the customer spoke of; what others say does not count."""
        if _OTHERS_SAY.search("".join(heard.characters)):
            return []
        return [need.tag for need in needs if need.tag in self._ellipsis.topics]

    def named(self, heard: Heard, said: Heard) -> Named:
        """The words of all tags that stand in an utterance and in what the agent said before it."""
        return Named(self.named_in(heard), self.named_in(said) if len(said) else [])

    def read(
        self,
        heard: Heard,
        agent_before: str = "",
        topic: Topic | None = None,
        named: Named | None = None,
    ) -> tuple[NeedFinding, ...]:
        """The needs of one utterance, at most one finding a tag, in the order of their last mention.

        Args:
            heard: the utterance.
            agent_before: what the agent said just before: a bare yes, no or amount is the answer to it.
            topic: the products that were talked of: what is said without naming a thing means one of them.
            named: the words of the tags, where they are known already.
        """
        if not len(heard):
            return ()
        named = named or self.named(heard, hear(agent_before))
        matches = named.by_customer
        walls = frozenset(
            [match.start for match in self._lexicon.connectives.find(heard)] + list(heard.breaks)
        )
        found = self._named(heard, matches, walls)
        self._choose(found, heard, matches, agent_before)
        self._leave_out(found, heard, matches, walls, topic or Topic())
        if not self._ellipsis.topics & found.keys():
            answer = self._answer(heard, agent_before, named.by_agent)
            if answer is not None:
                found.setdefault(answer.tag, answer)
        self._take_up(found, heard, agent_before, named.by_agent)
        for said in contact_times(heard, agent_before):
            found.setdefault(said.tag, said)
        if found.keys() & _TIMES:
            # 晚上打给我: the evening says that there is to be a call
            found.pop("call_back", None)
        term = horizon(heard)
        if term is not None and not found.keys() & {"short_term", "long_term"}:
            found[term.tag] = term
        begun = self._answers.begun("".join(heard.characters), agent_before)
        if begun is not None and begun[0] not in found:
            found[begun[0]] = NeedFinding(*begun, CONFIDENCE_ALONE)
        places = {match.key.tag: match.start for match in matches}
        return with_amounts(self._tags, heard, list(found.values()), places, agent_before)

    def with_amounts_of(
        self, by_rules: Sequence[NeedFinding], findings: Sequence[NeedFinding], heard: Heard
    ) -> tuple[NeedFinding, ...]:
        """`findings` with the amounts that the rules gave their own, and those said beside the others."""
        amounts = {need.tag: need.amount for need in by_rules}
        shared, _ = shared_out(self._tags, heard, findings, {})
        return tuple(
            replace(need, amount=amounts[need.tag])
            if amounts.get(need.tag) is not None and need.amount is not None
            else need
            for need in shared
        )

    def _choose(
        self,
        found: dict[NeedTag, NeedFinding],
        heard: Heard,
        matches: Sequence[Match[Mention]],
        agent_before: str,
    ) -> None:
        """Add a thing whose name alone answers which one it is (是理财还是存单 - 大额存单)."""
        which = _WHICH.search(agent_before)
        start, end = next(clauses(heard))
        if which is None or self._ellipsis.topics & found.keys():
            return
        for match in matches:
            rest = words_of(heard, start, match.start) + words_of(heard, match.end, max(end, match.end))
            if match.key.tag in self._ellipsis.topics and match.end <= end and _NOTHING_ELSE.match(rest):
                stance: Stance = "wants" if _WISHES.search(agent_before) else "has"
                found[match.key.tag] = NeedFinding(match.key.tag, stance, CONFIDENCE_ALONE)

    def _take_up(
        self,
        found: dict[NeedTag, NeedFinding],
        heard: Heard,
        agent_before: str,
        agent: Sequence[Match[Mention]],
    ) -> None:
        """Add what the agent said of the customer, where the answer agrees to it."""
        open_tags = {match.key.tag for match in agent if match.key.stance in {None, "has"}}
        words = words_of(heard, 0, len(heard))
        for group in (self._ellipsis.topics, PERSONS):
            said = taken_up(open_tags & group, agent_before, words)
            if said is not None and said.tag not in found:
                found[said.tag] = said

    def _leave_out(
        self,
        found: dict[NeedTag, NeedFinding],
        heard: Heard,
        matches: Sequence[Match[Mention]],
        walls: frozenset[int],
        topic: Topic,
    ) -> None:
        """Add what clauses say of things that they do not name: of this utterance, or talked of before."""
        named = [(match.start, match.key.tag) for match in matches]
        named = [(start, tag) for start, tag in named if tag in self._ellipsis.topics]
        taken = [(match.start, match.end) for match in matches if match.key.tag in self._ellipsis.topics]
        stated = bool(self._ellipsis.topics & found.keys())
        decided: set[NeedTag] = set()
        for said in self._ellipsis.said(heard, taken, walls):
            here = [tag for start, tag in named if start < said.start and tag in said.tags]
            before = [tag for tag in topic.tags if tag in said.tags]
            if here:
                tag = here[-1]
            elif before and not stated and said.firm:
                tag = before[-1]
            else:
                continue
            if said.stance in {"asks", "has"} and tag in (decided | found.keys()):
                # a question does not undo what was decided in the same breath
                continue
            if said.stance == "has" and here:
                continue
            if not said.firm and tag in found and found[tag].stance == "has":
                # 都放活期了，懒得弄: what one has is not given up by not being in the mood
                continue
            decided.add(tag)
            found.pop(tag, None)
            found[tag] = NeedFinding(tag, said.stance, round(CONFIDENCE_ELLIPSIS * said.certainty, 2))

    def _named(
        self, heard: Heard, matches: Sequence[Match[Mention]], walls: frozenset[int]
    ) -> dict[NeedTag, NeedFinding]:
        """What the things that are named say, with the stances of the cues around them."""
        mentions = list(matches)
        open_mentions = [match for match in mentions if match.key.stance is None]
        # 工行还有八十万定期: what means holdings elsewhere may speak of the deposit, too
        taken = [(m.start, m.end) for m in matches if m.key.tag not in _BESIDE]
        phrases = [(match.start, match.end) for match in mentions if match.key.stance is not None]
        # 我要|收益高的: a cue right before a phrase with its own stance belongs to that phrase.
        spoken_for = {match.start for match in mentions if match.key.stance is not None}
        # 两融|怎么开|利率多少: but one right behind a word belongs to that word.
        spoken_for -= heard.breaks
        held = {match.end for match in open_mentions}
        cues = [
            cue
            for cue in cues_of(self._lexicon.cues.find(heard))
            # 不想买|保险: a cue may run into the word that it governs, but a word's own syllables are no cue.
            if all(cue.start < start or cue.end > end or cue.end <= start for start, end in taken)
            # 从来|不碰股票: but what runs into a phrase with its own stance belongs to that
            and not (cue.key.before and any(cue.start < start < cue.end for start, _ in phrases))
            and (cue.end not in spoken_for or (cue.key.stance == "asks" and cue.start in held))
        ]
        before = self._lexicon.past.find(heard)
        past = [match.start for match in before]
        # 原先|买了 is no 先买
        cues = [cue for cue in cues if not any(one.start < cue.start < one.end for one in before)]
        given = assign(open_mentions, cues, walls, past)
        _ask_beside(given, mentions, heard)
        found: dict[NeedTag, NeedFinding] = {}
        for match in mentions:
            mention = match.key
            finding = self._finding(match, mention, given.get(match.start), heard)
            if finding is None:
                if (cue := given.get(match.start)) is not None and cue[0] == "nothing":
                    found.pop(mention.tag, None)
                continue
            old = found.pop(mention.tag, None)
            # An aside that only asks does not undo a stance that was stated in the same breath.
            asks = finding.stance == "asks" and not self._tags[mention.tag].question
            if old is not None and asks and old.stance != "asks":
                finding = old
            found[mention.tag] = finding
        return found

    def _answer(self, heard: Heard, agent_before: str, asked: Sequence[Match[Mention]]) -> NeedFinding | None:
        """What the yes or no at the beginning says of the one thing that the agent asked for or offered."""
        stance = self._answers.stance(heard, agent_before)
        if stance is None:
            return None
        tags = {match.key.tag for match in asked if match.key.stance is None}
        tags &= self._ellipsis.topics | {tag for tag, rule in self._tags.items() if rule.plan}
        if len(tags) != 1:
            return None
        return NeedFinding(tags.pop(), stance, CONFIDENCE_ALONE)

    def _finding(
        self,
        match: Match[Mention],
        mention: Mention,
        cue: tuple[CueStance, int] | None,
        heard: Heard,
    ) -> NeedFinding | None:
        if mention.stance is not None:
            stance = in_context(mention.stance, match, heard, question=self._tags[mention.tag].question)
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
            and _PROPOSED.match(words_of(heard, match.end, _clause_end(heard, match.end)))
        ):
            # 还是国债吧, 国债行: a thing that is proposed, or found right
            cue = "wants", 0
        if cue is not None:
            said, distance = cue
            if said in {"nothing", "others"}:
                return None
            confidence = (CONFIDENCE_CUE - DISTANCE_COST * distance) * match.certainty
            return NeedFinding(mention.tag, cast(Stance, said), round(confidence, 2))
        if rule.alone is None:
            return None
        if rule.question and asked(heard, match):
            return NeedFinding(mention.tag, "asks", round(CONFIDENCE_ALONE * match.certainty, 2))
        return NeedFinding(mention.tag, rule.alone, round(CONFIDENCE_ALONE * match.certainty, 2))


#: Utterances that tell what somebody else thinks.
_OTHERS_SAY: Final = re.compile(
    "^(?:[他她]们?|人家|朋友|同事|老公|老婆)(?:又|也|就|还|老是|一直)*(?:说|讲|觉得|嫌|想)(?!.*[我俺咱])"
)


def _ask_beside(
    given: dict[int, tuple[CueStance, int]], mentions: Sequence[Match[Mention]], heard: Heard
) -> None:
    """国债利息多少: a question about a thing that no cue speaks of asks for the thing, too."""
    for mention, following in itertools.pairwise(mentions):
        named, asked = mention.key, following.key
        beside = 0 <= following.start - mention.end <= 1 and following.start not in heard.breaks
        if named.stance is None and asked.stance == "asks" and beside and mention.start not in given:
            given[mention.start] = "asks", following.start - mention.end


def _clause_end(heard: Heard, at: int) -> int:
    """The unit at which the clause of the unit before `at` ends."""
    return min([len(heard), *(edge for edge in heard.breaks if edge >= at)])
