"""Stances of the words in an utterance, from the cues around them (想买, 不要, 我有, 是什么).

Each word takes the nearest cue of its own clause, and cues and words are fitted together so that no cue is
left over where a word could use it. Where one word has cues that contradict each other, the later one holds:
people correct themselves forwards.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from itertools import product
from typing import Final, Literal, NamedTuple, get_args

from appliance.language.phrases import Match, longest
from appliance.protocol.vocabulary import NeedTag, Stance

CueStance = Literal["wants", "has", "rejects", "asks", "nothing", "others"]
CUE_STANCES: Final[tuple[str, ...]] = get_args(CueStance)

#: How far a cue reaches, in syllables; beyond it people have begun another clause.
REACH: Final = 7
#: A cue that no word uses costs as much as this many syllables of distance.
_UNUSED: Final = 6
_CROSSING: Final = 3
#: More words of one utterance than this are judged in groups.
_MOST_TOGETHER: Final = 6
#: Words that begin another clause: a cue does not reach over them.
CONNECTIVES: Final = (
    "但是",
    "但",
    "不过",
    "可是",
    "然后",
    "而且",
    "所以",
    "要是",
    "如果",
    "另外",
    "因为",
    "只是",
    "结果",
    "反正",
    "后来",
    "现在",
)
_AGREES: Final = {
    ("wants", "has"),
    ("has", "wants"),
    ("asks", "wants"),
    ("wants", "asks"),
    ("asks", "has"),
    ("has", "asks"),
}
_RANK: Final = {"rejects": 4, "others": 5, "nothing": 3, "wants": 2, "has": 1, "asks": 0}


class Mention(NamedTuple):
    """A word of a tag."""

    tag: NeedTag
    #: stance of the phrase itself; None where cues decide
    stance: Stance | None
    #: whether the phrase means something else and takes back the words of the tag that are in it
    cancels: bool = False


class Cue(NamedTuple):
    """A phrase that gives words their stance, and on which side of them it may stand."""

    stance: CueStance
    before: bool
    after: bool


def cues_of(matches: Sequence[Match[Cue]]) -> list[Match[Cue]]:
    """The longest cues of either side.

    我买了 stands only behind its word, but holds 买了, which stands before one.
    """
    before = longest(match for match in matches if match.key.before)
    after = longest(match for match in matches if match.key.after)
    sides = [replace(match, key=match.key._replace(after=match in after)) for match in before]
    return sides + [
        replace(match, key=match.key._replace(before=False)) for match in after if match not in before
    ]


def assign(
    mentions: Sequence[Match[Mention]],
    cues: Sequence[Match[Cue]],
    walls: frozenset[int],
    past: Sequence[int],
) -> dict[int, tuple[CueStance, int]]:
    """The stance and its distance for each mention (by its start), so that cues and mentions fit best."""
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
    cue: Match[Cue],
    mention: Match[Mention],
    others: Sequence[Match[Mention]],
    walls: frozenset[int],
) -> int | None:
    before = cue.start < mention.start
    if (before and not cue.key.before) or (not before and not cue.key.after):
        return None
    low, high = (cue.end, mention.start) if before else (mention.end, cue.start)
    gap = max(0, high - low)
    crossed = [other for other in others if low <= other.start and other.end <= high]
    # A list (股票基金我都不碰) shares its cue: the words between do not count as distance.
    gap -= sum(other.end - other.start for other in crossed)
    # 基金|现在真不想碰: a cue that begins with the connective itself reaches back over it.
    begins = not before and cue.words.startswith(CONNECTIVES)
    if gap > REACH or any(
        (low < wall <= high and not (begins and wall == high)) or (wall == low and gap) for wall in walls
    ):
        return None
    return gap + _CROSSING * len({other.start for other in crossed})


def _cost(
    chosen: tuple[tuple[int, int] | None, ...],
    choices: list[list[tuple[int, int] | None]],
    cues: Sequence[Match[Cue]],
) -> int:
    used = {choice[0] for choice in chosen if choice is not None}
    reachable = {option[0] for options in choices for option in options if option is not None}
    unused = [cue for cue in reachable if not any(_overlap(cues[cue], cues[other]) for other in used)]
    shared = [
        (one, other) for one in used for other in used if one < other and _overlap(cues[one], cues[other])
    ]
    distance = sum(choice[1] for choice in chosen if choice is not None)
    return distance + _UNUSED * (len(unused) + len(shared))


def _overlap(one: Match[Cue], other: Match[Cue]) -> bool:
    return one.start < other.end and other.start < one.end


def _between(cue: Match[Cue], mention: Match[Mention], other: Match[Mention]) -> bool:
    low, high = min(cue.end, mention.end), max(cue.start, mention.start)
    return low <= other.start and other.end <= high


def _decide(
    mention: Match[Mention],
    options: Sequence[tuple[int, int]],
    cues: Sequence[Match[Cue]],
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
