"""Schema version 1: the four messages that may pass the door. Nothing else leaves the red zone.

There are no binary fields, no lists of numbers and no free text but the redacted quote of an evidence,
so what a message can hold is bounded by its type. Fractions lie on a grid of 0.01 (see `codec`).
"""

from __future__ import annotations

from typing import Annotated, Final, Literal

from msgspec import Meta, Struct

from appliance.protocol.vocabulary import (
    Analysis,
    CallEvent,
    Capability,
    CueKind,
    Direction,
    Emotion,
    EvidenceSource,
    Gap,
    LifeStage,
    Match,
    NeedTag,
    ObjectionType,
    OffReason,
    OpportunityCode,
    Pace,
    Stage,
    Stance,
    Stratum,
    Suitability,
)

SCHEMA_VERSION: Final = 1

#: Patterns end in `(?!\n)$`, because in Python `$` alone also matches before a final line break.
CallId = Annotated[str, Meta(pattern=r"^[A-Za-z0-9_-]{22}(?!\n)$", description="random id of the call")]
SeatId = Annotated[
    str, Meta(pattern=r"^[A-Za-z0-9_.-]{1,32}(?!\n)$", description="seat that the call belongs to")
]
EvidenceId = Annotated[str, Meta(pattern=r"^e[0-9]{1,5}(?!\n)$")]
StrategyId = Annotated[str, Meta(pattern=r"^[a-z][a-z0-9_]{0,39}(?!\n)$")]
Code = Annotated[str, Meta(pattern=r"^[a-z]{1,16}\.[a-z_]{1,40}(?!\n)$")]
Quote = Annotated[str, Meta(max_length=40, description="redacted words of the customer, where policy allows")]
Milliseconds = Annotated[int, Meta(ge=0, le=86_400_000)]
UnixMilliseconds = Annotated[int, Meta(ge=0, le=4_102_444_800_000)]
Sequence = Annotated[int, Meta(ge=0, le=2**53)]
Fraction = Annotated[float, Meta(ge=0.0, le=1.0)]
Signed = Annotated[float, Meta(ge=-1.0, le=1.0)]
Percent = Annotated[int, Meta(ge=0, le=100)]


class Relationship(Struct, frozen=True, forbid_unknown_fields=True):
    """How far the customer's trust has come, with an 80 % interval, and how fast to go."""

    score: Percent
    low: Percent
    high: Percent
    stage: Stage
    trend: Signed
    pace: Pace


class StyleProbabilities(Struct, frozen=True, forbid_unknown_fields=True):
    """Probabilities of the five PDP styles; they sum to 1 within rounding."""

    tiger: Fraction
    peacock: Fraction
    koala: Fraction
    owl: Fraction
    chameleon: Fraction


class StyleIndices(Struct, frozen=True, forbid_unknown_fields=True):
    """The five measured indices of style, 0 at the middle of the population."""

    pitch: Signed
    tempo: Signed
    emotion: Signed
    expression: Signed
    focus: Signed


class EmotionState(Struct, frozen=True, forbid_unknown_fields=True):
    """The customer's emotion now."""

    label: Emotion
    confidence: Fraction
    valence: Signed
    arousal: Signed
    alert: bool


class Objection(Struct, frozen=True, forbid_unknown_fields=True):
    """One objection; `open` until it is answered or withdrawn."""

    type: ObjectionType
    confidence: Fraction
    at: Milliseconds
    open: bool


class Estimate(Struct, frozen=True, forbid_unknown_fields=True):
    """A value and how sure it is; confidence 0 means nothing is known."""

    value: Fraction
    confidence: Fraction


class Mind(Struct, frozen=True, forbid_unknown_fields=True):
    """What goes on in the customer's mind."""

    satisfaction: Estimate
    trust: Estimate
    intent: Estimate
    perceived_risk: Estimate
    product_knowledge: Estimate
    involvement: Estimate


class Influence(Struct, frozen=True, forbid_unknown_fields=True):
    """How to speak to this customer."""

    style: StyleProbabilities
    indices: StyleIndices
    #: how much of the speech that style needs was heard; below 0.3 nothing is claimed
    style_confidence: Fraction
    emotion: EmotionState
    objections: Annotated[list[Objection], Meta(max_length=8)]
    mind: Mind


class Need(Struct, frozen=True, forbid_unknown_fields=True):
    """A need or fact with the customer's stance to it."""

    tag: NeedTag
    stance: Stance
    confidence: Fraction
    at: Milliseconds


class Demand(Struct, frozen=True, forbid_unknown_fields=True):
    """What the customer needs, and what is still unknown."""

    needs: Annotated[list[Need], Meta(max_length=12)]
    life_stage: LifeStage
    stratum: Stratum
    match: Match
    suitability: Suitability
    gaps: Annotated[list[Gap], Meta(max_length=4)]
    #: how likely the named life stage and stratum are; of "unknown", how likely that nothing is known
    life_stage_probability: Fraction = 1.0
    stratum_probability: Fraction = 1.0


class Advice(Struct, frozen=True, forbid_unknown_fields=True):
    """A strategy to use next, and the evidence that it rests on."""

    id: StrategyId
    evidence: Annotated[list[EvidenceId], Meta(max_length=4)]


class Evidence(Struct, frozen=True, forbid_unknown_fields=True, omit_defaults=True):
    """One thing that was observed and moved the profile."""

    id: EvidenceId
    at: Milliseconds
    source: EvidenceSource
    code: Code
    weight: Signed
    quote: Quote | None = None


class AudioQuality(Struct, frozen=True, forbid_unknown_fields=True):
    """How much of the call was not heard."""

    #: share of the audio that was concealed for lost packets
    lost: Fraction
    #: audio dropped because the engine was behind
    dropped_ms: Milliseconds


class AnalysisPolicy(Struct, frozen=True, forbid_unknown_fields=True, omit_defaults=True):
    """What of this call is analysed, shown and remembered, and why not all of it."""

    analysis: Analysis
    #: what is off, each once
    off: Annotated[list[Capability], Meta(max_length=5)]
    #: why; without it nothing is off
    reason: OffReason | None = None


class CallMessage(
    Struct, frozen=True, forbid_unknown_fields=True, omit_defaults=True, tag="call", tag_field="type"
):
    """A call began, was held or resumed, or ended; said again where its policy changes."""

    v: Literal[1]
    call: CallId
    seat: SeatId
    seq: Sequence
    at: Milliseconds
    wall: UnixMilliseconds
    event: CallEvent
    direction: Direction
    policy: AnalysisPolicy | None = None


class ProfileMessage(
    Struct, frozen=True, forbid_unknown_fields=True, omit_defaults=True, tag="profile", tag_field="type"
):
    """The whole RID profile."""

    v: Literal[1]
    call: CallId
    seat: SeatId
    seq: Sequence
    at: Milliseconds
    wall: UnixMilliseconds
    #: true for the last profile of a call
    final: bool
    relationship: Relationship
    influence: Influence
    demand: Demand
    advice: Annotated[list[Advice], Meta(max_length=4)]
    evidence: Annotated[list[Evidence], Meta(max_length=12)]
    audio: AudioQuality
    policy: AnalysisPolicy | None = None


class CueMessage(Struct, frozen=True, forbid_unknown_fields=True, tag="cue", tag_field="type"):
    """One urgent thing: an objection, an emotion alert or a pacing warning."""

    v: Literal[1]
    call: CallId
    seat: SeatId
    seq: Sequence
    at: Milliseconds
    wall: UnixMilliseconds
    kind: CueKind
    code: Code
    confidence: Fraction
    advice: Annotated[list[StrategyId], Meta(max_length=2)]


class OpportunityMessage(
    Struct, frozen=True, forbid_unknown_fields=True, tag="opportunity", tag_field="type"
):
    """Something that a customer raised and the call did not follow up; told to supervisors at its end."""

    v: Literal[1]
    call: CallId
    seat: SeatId
    seq: Sequence
    #: when it was raised
    at: Milliseconds
    wall: UnixMilliseconds
    code: OpportunityCode
    confidence: Fraction
    #: what it is about, where the code does not say it all
    tag: NeedTag | None = None


class BeatMessage(Struct, frozen=True, forbid_unknown_fields=True, tag="beat", tag_field="type"):
    """A heartbeat of the feed on one seat's topic; `seq` is the last sequence number sent on it."""

    v: Literal[1]
    seat: SeatId
    seq: Sequence
    wall: UnixMilliseconds


#: What the engine may hand to the feed.
DoorMessage = CallMessage | ProfileMessage | CueMessage | OpportunityMessage
#: What the feed may hand to a seat.
SeatMessage = CallMessage | ProfileMessage | CueMessage | OpportunityMessage | BeatMessage


def forgets(message: SeatMessage) -> bool:
    """Whether the call of this message may not be analysed, so that all that was told of it is void."""
    if not isinstance(message, CallMessage | ProfileMessage) or message.policy is None:
        return False
    return message.policy.analysis == "off"
