"""Needs and facts of the customer, by the rules of `needs.toml`.

A tag is found where one of its words stands; its stance comes from the cues around the word: each word takes
the nearest cue of its own clause, each cue serves the words that it can reach, and where one word has a cue
on either side that contradict each other the later one holds, because people correct themselves forwards.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from itertools import product
from pathlib import Path
from typing import Final, Literal, NamedTuple, cast, get_args

from appliance.language import numerals, rules
from appliance.language.findings import NeedFinding
from appliance.language.phrases import Match, PhraseBook, longest
from appliance.language.pinyin_forms import Heard
from appliance.protocol.vocabulary import NEED_TAGS, NeedTag, Stance

RULES: Final = Path(__file__).with_name("needs.toml")

CueStance = Literal["wants", "has", "rejects", "asks", "nothing", "others"]
STANCES: Final[tuple[str, ...]] = get_args(Stance)
CUE_STANCES: Final[tuple[str, ...]] = get_args(CueStance)

#: How far a cue reaches, in syllables; beyond it people have begun another clause.
REACH: Final = 7
#: A word with its stance in it, a word with a cue, and a word that stands alone.
CONFIDENCE_PHRASE: Final = 0.9
CONFIDENCE_CUE: Final = 0.85
CONFIDENCE_ALONE: Final = 0.65
#: Each syllable between cue and word takes this much of the confidence.
DISTANCE_COST: Final = 0.02
#: A cue that no word uses costs as much as this many syllables of distance.
_UNUSED: Final = 6
_CROSSING: Final = 3
#: More words of one utterance than this are judged in groups.
_MOST_TOGETHER: Final = 6

#: Words that begin another clause: a cue does not reach over them.
_CONNECTIVES: Final = ("但是", "不过", "可是", "然后", "而且", "所以", "要是", "如果", "另外", "因为", "只是", "结果", "反正", "后来", "现在")
_AGREES: Final = {("wants", "has"), ("has", "wants"), ("asks", "wants"), ("wants", "asks"), ("asks", "has"), ("has", "asks")}
_RANK: Final = {"rejects": 4, "others": 5, "nothing": 3, "wants": 2, "has": 1, "asks": 0}


class _Mention(NamedTuple):
    tag: NeedTag
    #: stance of the phrase itself; None where cues decide
    stance: Stance | None


class _Cue(NamedTuple):
    stance: CueStance
    before: bool
    after: bool


@dataclass(frozen=True, slots=True)
class _Tag:
    alone: Stance | None
    amount: bool


class NeedRules:
    """The validated rules, ready to read utterances."""

    def __init__(self, path: Path = RULES) -> None:
        """Load and validate `path`.

        Raises:
            RulesError: a table, tag, stance or phrase is wrong; all problems at once.
        """
        data = rules.read(path)
        checker = rules.Checker(path)
        checker.known("", data, ("cues", "tags"))
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
        mentions: list[tuple[str, _Mention | None]] = []
        self._tags: dict[str, _Tag] = {}
        for tag, table in tags.items():
            if tag in NEED_TAGS:
                mentions += self._tag(checker, cast(NeedTag, tag), checker.table(f"tags.{tag}", table))
        checker.finish()
        self._cue_book: PhraseBook[_Cue] = PhraseBook(cue_phrases.items())
        self._mention_book: PhraseBook[_Mention | None] = PhraseBook(
            mentions, {phrase for phrase, mention in mentions if mention and mention.stance is None}
        )
        self._connective_book: PhraseBook[None] = PhraseBook((f"={word}", None) for word in _CONNECTIVES)

    @staticmethod
    def _cues(checker: rules.Checker, cues: dict[str, object]) -> dict[str, _Cue]:
        phrases: dict[str, _Cue] = {}
        for stance in CUE_STANCES:
            table = checker.table(f"cues.{stance}", cues.get(stance))
            checker.known(f"cues.{stance}", table, ("before", "after"))
            for side in ("before", "after"):
                for phrase in checker.phrases(f"cues.{stance}.{side}", table.get(side)):
                    old = phrases.get(phrase)
                    if old is not None and old.stance != stance:
                        checker.problem(
                            f"cues.{stance}.{side}", f"{phrase!r} is also a cue of {old.stance}; keep one of them"
                        )
                    phrases[phrase] = _Cue(
                        cast(CueStance, stance),
                        side == "before" or bool(old and old.before),
                        side == "after" or bool(old and old.after),
                    )
        return phrases

    def _tag(
        self, checker: rules.Checker, tag: NeedTag, table: dict[str, object]
    ) -> list[tuple[str, _Mention | None]]:
        key = f"tags.{tag}"
        checker.known(key, table, ("mentions", "stance", "amount", "unless", *STANCES))
        alone = table.get("stance")
        if alone is not None and alone not in STANCES:
            checker.problem(f"{key}.stance", f"must be one of {', '.join(STANCES)} (found {alone!r})")
        if not isinstance(table.get("amount", False), bool):
            checker.problem(f"{key}.amount", "must be true or false")
        self._tags[tag] = _Tag(cast("Stance | None", alone), bool(table.get("amount", False)))
        phrases: list[tuple[str, _Mention | None]] = [
            (phrase, _Mention(tag, None)) for phrase in checker.phrases(f"{key}.mentions", table.get("mentions"))
        ]
        for stance in STANCES:
            phrases += [
                (phrase, _Mention(tag, cast(Stance, stance)))
                for phrase in checker.phrases(f"{key}.{stance}", table.get(stance))
            ]
        if not phrases:
            checker.problem(key, "has no phrases; write mentions or phrases of a stance")
        phrases += [(phrase, None) for phrase in checker.phrases(f"{key}.unless", table.get("unless"))]
        return phrases

    def read(self, heard: Heard, agent_before: str = "") -> tuple[NeedFinding, ...]:
        """The needs of one utterance, at most one finding a tag, in the order of their last mention.

        `agent_before` is what the agent said just before; an amount alone answers the agent's question for it.
        """
        if not len(heard):
            return ()
        matches = _settle(self._mention_book.find(heard))
        mentions = [match for match in matches if match.key is not None]
        open_mentions = [match for match in mentions if cast(_Mention, match.key).stance is None]
        taken = [(match.start, match.end) for match in matches]
        cues = [
            cue
            for cue in _cues(self._cue_book.find(heard))
            # 不想买|保险: a cue may run into the word that it governs, but a word's own syllables are no cue.
            if all(cue.start < start or cue.end > end or cue.end <= start for start, end in taken)
        ]
        walls = frozenset(
            [match.start for match in self._connective_book.find(heard)] + list(heard.breaks)
        )
        past = [match.start for match in self._past.find(heard)]
        given = _assign(open_mentions, cues, walls, past)
        _correct(given, open_mentions, cues, walls)
        found: dict[NeedTag, NeedFinding] = {}
        for match in mentions:
            mention = cast(_Mention, match.key)
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
        return _with_amounts(self._tags, heard, list(found.values()), agent_before)

    def _finding(
        self,
        match: Match[_Mention | None],
        mention: _Mention,
        cue: tuple[CueStance, int] | None,
        heard: Heard,
    ) -> NeedFinding | None:
        if mention.stance is not None:
            stance = _under_negation(mention.stance, match, heard)
            if stance is None:
                return None
            return NeedFinding(mention.tag, stance, round(CONFIDENCE_PHRASE * match.certainty, 2))
        if cue is not None:
            said, distance = cue
            if said in {"nothing", "others"}:
                return None
            confidence = (CONFIDENCE_CUE - DISTANCE_COST * distance) * match.certainty
            return NeedFinding(mention.tag, cast(Stance, said), round(confidence, 2))
        alone = self._tags[mention.tag].alone
        if alone is None:
            return None
        return NeedFinding(mention.tag, alone, round(CONFIDENCE_ALONE * match.certainty, 2))


#: Right before a phrase that states something, these deny it (先不|买了保险) or ask it (是不是|快到期).
_DENIES: Final = re.compile("(?:不|没|没有|不是|不用|不想|不要|别|未必|还没|哪有|谁说)$")
_ASKS: Final = re.compile("(?:是不是|有没有|能不能|要不要|会不会|可不可以|什么时候)$")
_DENIES_ITSELF: Final = re.compile("^(?:不|没|别|莫|甭|哪|没有|取消|零)")


def _under_negation(stance: Stance, match: Match[_Mention | None], heard: Heard) -> Stance | None:
    before = "".join(heard.characters[max(0, match.start - 4) : match.start])
    if any(at in heard.breaks for at in range(match.start, match.start + 1)):
        return stance
    if _ASKS.search(before):
        return "asks"
    if not _DENIES.search(before) or _DENIES_ITSELF.match(match.phrase.removeprefix("=")):
        return stance
    return "rejects" if stance == "wants" else None


def _settle(matches: Iterable[Match[_Mention | None]]) -> list[Match[_Mention | None]]:
    """Longest words win; the same words may stand under two tags, and then both hold."""
    matches = list(matches)
    kept = longest(matches)
    spans = {(match.start, match.end): match for match in kept}
    out: dict[tuple[int, int, object], Match[_Mention | None]] = {}
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


def _cues(matches: Sequence[Match[_Cue]]) -> list[Match[_Cue]]:
    """The longest cues of either side: 我买了 stands only behind its word, but holds 买了, which stands before one."""
    before = longest(match for match in matches if match.key.before)
    after = longest(match for match in matches if match.key.after)
    sides = [replace(match, key=match.key._replace(after=match in after)) for match in before]
    return sides + [
        replace(match, key=match.key._replace(before=False)) for match in after if match not in before
    ]


def _assign(
    mentions: Sequence[Match[_Mention | None]],
    cues: Sequence[Match[_Cue]],
    walls: frozenset[int],
    past: Sequence[int],
) -> dict[int, tuple[CueStance, int]]:
    """The stance and its distance for each mention (by start), so that cues and mentions fit best together."""
    given: dict[int, tuple[CueStance, int]] = {}
    for first in range(0, len(mentions), _MOST_TOGETHER):
        group = mentions[first : first + _MOST_TOGETHER]
        choices: list[list[tuple[int, int] | None]] = []
        for mention in group:
            near = [
                (distance, index)
                for index, cue in enumerate(cues)
                if (distance := _distance(cue, mention, group, walls)) is not None
            ]
            choices.append([(index, distance) for distance, index in sorted(near)[:3]] or [None])
        if not choices:
            continue
        best = min(product(*choices), key=lambda chosen: _cost(chosen, choices, cues))
        for mention, choice, options in zip(group, best, choices, strict=True):
            if choice is None:
                continue
            used = [cues[other[0]] for other in best if other is not None and other is not choice]
            rest = [
                option
                for option in options
                if option is not None
                and not any(_overlap(cues[option[0]], cue) for cue in used)
                and not any(_between(cues[option[0]], mention, other) for other in group)
            ]
            given[mention.start] = _decide(mention, [choice, *(o for o in rest if o != choice)], cues, past)
    return given


def _distance(
    cue: Match[_Cue], mention: Match[_Mention | None], others: Sequence[Match[_Mention | None]], walls: frozenset[int]
) -> int | None:
    before = cue.start < mention.start
    if before and not cue.key.before or not before and not cue.key.after:
        return None
    low, high = (cue.end, mention.start) if before else (mention.end, cue.start)
    gap = max(0, high - low)
    crossed = [other for other in others if low <= other.start and other.end <= high]
    # A list (股票基金我都不碰) shares its cue: the words between do not count as distance.
    gap -= sum(other.end - other.start for other in crossed)
    wall_from = low if before else low
    if gap > REACH or any(wall_from < wall <= high or (wall == low and gap) for wall in walls):
        return None
    return gap + _CROSSING * len({other.start for other in crossed})


def _correct(
    given: dict[int, tuple[CueStance, int]],
    mentions: Sequence[Match[_Mention | None]],
    cues: Sequence[Match[_Cue]],
    walls: frozenset[int],
) -> None:
    """Let a later clause without a word of its own take back the last one's (本来想买股票，现在不想了)."""
    if not mentions:
        return
    last = mentions[-1]
    beyond = [wall for wall in walls if wall >= last.end]
    stated = given.get(last.start)
    if not beyond or stated is None or stated[0] not in {"wants", "rejects"}:
        return
    for cue in cues:
        if cue.start < min(beyond) or cue.key.stance not in {"wants", "rejects"} or not cue.key.after:
            continue
        given[last.start] = (cue.key.stance, 0)


def _cost(
    chosen: tuple[tuple[int, int] | None, ...],
    choices: list[list[tuple[int, int] | None]],
    cues: Sequence[Match[_Cue]],
) -> int:
    used = {choice[0] for choice in chosen if choice is not None}
    reachable = {option[0] for options in choices for option in options if option is not None}
    unused = [cue for cue in reachable if not any(_overlap(cues[cue], cues[other]) for other in used)]
    shared = [(one, other) for one in used for other in used if one < other and _overlap(cues[one], cues[other])]
    distance = sum(choice[1] for choice in chosen if choice is not None)
    return distance + _UNUSED * (len(unused) + len(shared))


def _overlap(one: Match[_Cue], other: Match[_Cue]) -> bool:
    return one.start < other.end and other.start < one.end


def _between(cue: Match[_Cue], mention: Match[_Mention | None], other: Match[_Mention | None]) -> bool:
    low, high = min(cue.end, mention.end), max(cue.start, mention.start)
    return low <= other.start and other.end <= high


def _decide(
    mention: Match[_Mention | None],
    options: Sequence[tuple[int, int]],
    cues: Sequence[Match[_Cue]],
    past: Sequence[int],
) -> tuple[CueStance, int]:
    """One stance out of the cues that only this mention can use."""
    if any(cues[index].key.stance == "others" for index, _ in options):
        return "others", 0
    stance, distance = cues[options[0][0]].key.stance, options[0][1]
    start = cues[options[0][0]].start
    for index, other_distance in options[1:]:
        other = cues[index]
        if (stance, other.key.stance) in _AGREES:
            if _RANK[other.key.stance] > _RANK[stance]:
                stance, distance = other.key.stance, other_distance
        elif other.key.stance != stance and (
            (other.start > start and other.start >= mention.end)
            or (other.start > start and any(mark <= start for mark in past))
        ):
            stance, distance, start = other.key.stance, other_distance, other.start
    return stance, distance


#: What agents ask when an amount is wanted; the customer's bare number is then idle money.
_ASKS_AMOUNT: Final = ("多少钱", "多少资金", "大概多少", "准备放多少", "投多少", "多大的资金", "资金量", "预算", "金额")


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
    elif any(words in agent_before for words in _ASKS_AMOUNT) and all(
        finding.tag != "idle_money" for finding in findings
    ):
        findings.append(NeedFinding("idle_money", "has", CONFIDENCE_ALONE, largest))
    return tuple(findings)
