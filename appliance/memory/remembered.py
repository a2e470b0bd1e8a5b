"""What is remembered of a customer: stances to the vocabulary's tags, and how far the relationship had come.

No words, no number, no name, no seat, and no time but the day.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Annotated, Final, Literal

from msgspec import Meta, Struct

from appliance.language.findings import NeedFinding
from appliance.protocol.vocabulary import NeedTag, Stance

DAY_MS: Final = 86_400_000
#: What was said is worth half after this many days: deposits mature, plans change.
HALF_LIFE_DAYS: Final = 60.0
#: What is remembered is never as sure as what is said now.
TRUST: Final = 0.8
#: Below this it is not carried over any more.
LEAST: Final = 0.25
#: Of how far the relationship had come, this share comes back: every call begins anew.
RELATIONSHIP_SHARE: Final = 0.4
MOST_NEEDS: Final = 24

_Day = Annotated[int, Meta(ge=0, le=100_000)]
_Fraction = Annotated[float, Meta(ge=0.0, le=1.0)]


class RememberedNeed(Struct, frozen=True, forbid_unknown_fields=True):
    """A stance that the customer took."""

    tag: NeedTag
    stance: Stance
    confidence: _Fraction
    #: days since 1970 when it was said last
    day: _Day


class Remembered(Struct, frozen=True, forbid_unknown_fields=True, omit_defaults=True):
    """All that is remembered of one customer."""

    v: Literal[1]
    #: days since 1970 of the last call
    day: _Day
    calls: Annotated[int, Meta(ge=1)]
    #: relationship at the end of the last call, 0..100
    relationship: Annotated[int, Meta(ge=0, le=100)]
    needs: Annotated[tuple[RememberedNeed, ...], Meta(max_length=MOST_NEEDS)]
    #: days after the last call until it is erased, where that is sooner than the site has it
    retention_days: Annotated[int, Meta(ge=1, le=3650)] | None = None


def faded(days: float) -> float:
    """What is left of 1 after so many days."""
    return float(0.5 ** (max(0.0, days) / HALF_LIFE_DAYS))


def carried_over(remembered: Remembered, today: int) -> tuple[NeedFinding, ...]:
    """The needs as a new call begins with them, weakened by the time since; questions are left behind."""
    weakened = [
        NeedFinding(need.tag, need.stance, round(need.confidence * TRUST * faded(today - need.day), 2))
        for need in remembered.needs
        if need.stance != "asks"
    ]
    return tuple(need for need in weakened if need.confidence >= LEAST)


def after_call(
    before: Remembered | None,
    needs: Iterable[tuple[NeedTag, Stance, float]],
    relationship: int,
    today: int,
    retention_days: int | None = None,
) -> Remembered:
    """What is to be remembered after a call, with what earlier calls left.

    Args:
        before: what was remembered until now.
        needs: (tag, stance, confidence) that the customer stated in this call, the most relevant first.
        relationship: score at its end, 0..100.
        today: days since 1970.
        retention_days: of the call's policy; None: as the site has it. The shortest of all calls holds.
    """
    now = [RememberedNeed(tag, stance, round(sure, 2), today) for tag, stance, sure in needs]
    said = {need.tag for need in now}
    older = [need for need in before.needs if need.tag not in said] if before is not None else []
    older.sort(key=lambda need: -need.confidence * faded(today - need.day))
    return Remembered(
        v=1,
        day=today,
        calls=1 + (before.calls if before is not None else 0),
        relationship=relationship,
        needs=tuple([*now, *older][:MOST_NEEDS]),
        retention_days=min(
            (
                days
                for days in (retention_days, before.retention_days if before is not None else None)
                if days is not None
            ),
            default=None,
        ),
    )
