"""What a written call expects against what came out, as counts by part and as failures in words."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Final

from appliance.language.reader import LanguageReader
from appliance.profile import constants as c
from appliance.profile.catalogue import Catalogue
from appliance.profile.gaps import ANSWERS
from appliance.protocol.vocabulary import OBJECTION_TYPES
from tools.dialogues.playing import Objections, Played, play
from tools.dialogues.script import WrittenCall

#: An objection below this never reaches the table (appliance/profile/MODEL.md).
HEARD: Final = c.OBJECTION_CONFIDENCE
NEEDED: Final = c.NEED_CONFIDENCE


@dataclass(slots=True)
class Found:
    """Right, missed and invented findings."""

    right: int = 0
    missed: int = 0
    invented: int = 0

    @property
    def precision(self) -> float:
        """Share of the found that was expected; 1 where nothing was found."""
        found = self.right + self.invented
        return self.right / found if found else 1.0

    @property
    def recall(self) -> float:
        """Share of the expected that was found; 1 where nothing was expected."""
        expected = self.right + self.missed
        return self.right / expected if expected else 1.0

    @property
    def f1(self) -> float:
        """Their harmonic mean."""
        both = self.precision + self.recall
        return 2 * self.precision * self.recall / both if both else 0.0

    def add(self, other: Found) -> None:
        """Count `other` in."""
        self.right += other.right
        self.missed += other.missed
        self.invented += other.invented


@dataclass(slots=True)
class Checks:
    """Checks that held, and all of them."""

    held: int = 0
    asked: int = 0

    def take(self, holds: bool) -> bool:
        """Count one check; returns whether it held."""
        self.held += holds
        self.asked += 1
        return holds

    def add(self, other: Checks) -> None:
        """Count `other` in."""
        self.held += other.held
        self.asked += other.asked

    @property
    def share(self) -> float:
        """Held of asked; 1 where nothing was asked."""
        return self.held / self.asked if self.asked else 1.0


CHECKED: Final = (
    "stance", "amount", "end", "stage", "pace", "advised", "forbidden", "cues", "gaps",
)  # fmt: skip


@dataclass(slots=True)
class Score:
    """Counts by part, over one call or many, and what went wrong in words."""

    calls: int = 0
    needs: Found = field(default_factory=Found)
    objections: dict[str, Found] = field(default_factory=lambda: {kind: Found() for kind in OBJECTION_TYPES})
    #: turns without any objection, and how many of them stayed without
    unobjecting: Checks = field(default_factory=Checks)
    checks: dict[str, Checks] = field(default_factory=lambda: {part: Checks() for part in CHECKED})
    failures: list[tuple[str, str]] = field(default_factory=list)

    def add(self, other: Score) -> None:
        """Count `other` in."""
        self.calls += other.calls
        self.needs.add(other.needs)
        for kind, found in other.objections.items():
            self.objections[kind].add(found)
        self.unobjecting.add(other.unobjecting)
        for part, checks in other.checks.items():
            self.checks[part].add(checks)
        self.failures += other.failures

    @property
    def objection_f1(self) -> float:
        """Mean F1 of the six types."""
        return sum(found.f1 for found in self.objections.values()) / len(self.objections)

    def of(self, part: str) -> list[str]:
        """What went wrong in a part, in words."""
        return [text for failed, text in self.failures if failed == part]


def score_all(
    calls: Iterable[WrittenCall], reader: LanguageReader, catalogue: Catalogue, objections: Objections
) -> Score:
    """Play and score many calls."""
    total = Score()
    for call in calls:
        total.add(score(call, reader, catalogue, objections))
    return total


def score(call: WrittenCall, reader: LanguageReader, catalogue: Catalogue, objections: Objections) -> Score:
    """Play and score one call."""
    result = Score(calls=1)
    told: set[str] = set()
    last: Played | None = None
    for number, played in enumerate(play(call, reader, catalogue, objections), 1):
        where = f"{call.id}, turn {number} ({played.turn.words})"
        if played.turn.leg == "customer":
            _needs(result, where, played)
            _objections(result, where, played)
            told |= {n.tag for n in played.turn.needs if n.stance not in (None, "asks") and not n.optional}
            _gaps(result, where, played, told)
        _profile(result, where, played)
        _advice(result, where, played, (*played.turn.forbidden, *call.never), catalogue)
        last = played
    if last is not None:
        _end(result, call, last)
    return result


def _fail(result: Score, part: str, holds: bool, text: str) -> None:
    if not result.checks[part].take(holds):
        result.failures.append((part, text))


def _needs(result: Score, where: str, played: Played) -> None:
    found = {n.tag: n for n in played.findings.needs if n.confidence >= NEEDED}
    expected = {need.tag: need for need in played.turn.needs}
    for tag, need in found.items():
        wanted = {n.stance for n in played.turn.needs if n.tag == tag}
        if not wanted:
            result.needs.invented += 1
            result.failures.append(("needs", f"{where}: invented {tag}:{need.stance}"))
        elif None not in wanted:
            right = need.stance in wanted
            _fail(
                result, "stance", right, f"{where}: {tag} is {need.stance}, not {'/'.join(map(str, wanted))}"
            )
            if not right:
                result.needs.invented += 1
            elif not expected[tag].optional:
                result.needs.right += 1
    for tag, want in expected.items():
        if want.optional:
            continue
        if tag not in found or found[tag].stance != want.stance:
            result.needs.missed += 1
            result.failures.append(("needs", f"{where}: missed {tag}:{want.stance}"))
        elif want.amount is not None:
            said = found[tag].amount
            _fail(result, "amount", said == want.amount, f"{where}: {tag} is {said}, not {want.amount} yuan")


def _objections(result: Score, where: str, played: Played) -> None:
    found = {o.type for o in played.findings.objections if o.confidence >= HEARD}
    turn = played.turn
    for kind in OBJECTION_TYPES:
        counts = result.objections[kind]
        if kind in turn.objections:
            hit = kind in found
            counts.right += hit
            counts.missed += not hit
            if not hit:
                result.failures.append(("objections", f"{where}: missed {kind}"))
        elif kind in found and kind not in turn.possible_objections:
            counts.invented += 1
            result.failures.append(("objections", f"{where}: invented {kind}"))
    if not turn.objections and not turn.possible_objections:
        result.unobjecting.take(not found)


def _gaps(result: Score, where: str, played: Played, told: set[str]) -> None:
    for gap in played.parts.demand.gaps:
        known = told & set(ANSWERS.get(gap, ()))
        _fail(result, "gaps", not known, f"{where}: asks for {gap}, though {', '.join(known)} was told")


def _profile(result: Score, where: str, played: Played) -> None:
    relationship = played.parts.relationship
    if played.turn.stages:
        right = relationship.stage in played.turn.stages
        _fail(result, "stage", right, f"{where}: {relationship.stage} ({relationship.score})")
    if played.turn.paces:
        right = relationship.pace in played.turn.paces
        _fail(result, "pace", right, f"{where}: {relationship.pace}, not {'/'.join(played.turn.paces)}")
    for code in played.turn.cues:
        given = [cue.code for cue in played.cues]
        _fail(result, "cues", code in given, f"{where}: no {code} in {given}")


def _advice(
    result: Score, where: str, played: Played, forbidden: tuple[str, ...], catalogue: Catalogue
) -> None:
    advised = [advice.id for advice in played.parts.advice] + [
        identifier for cue in played.cues for identifier in cue.advice
    ]
    for identifier in played.turn.advised:
        _fail(result, "advised", identifier in advised, f"{where}: {identifier} is not in {advised}")
    for word in forbidden:
        wrong = [
            strategy.id
            for strategy in catalogue.strategies
            if strategy.id in advised
            and (word in (strategy.id, strategy.kind) or (word == "pressure" and strategy.pressure))
        ]
        _fail(result, "forbidden", not wrong, f"{where}: advises {', '.join(wrong)} against {word}")


def _end(result: Score, call: WrittenCall, last: Played) -> None:
    stands = {need.tag: need.stance for need in last.parts.demand.needs}
    for tag, stance in call.end.items():
        right = stands.get(tag) == stance  # type: ignore[call-overload]
        text = f"{call.id}: at the end {tag} is {stands.get(tag)}, not {stance}"  # type: ignore[call-overload]
        _fail(result, "end", right, text)
