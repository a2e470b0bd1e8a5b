"""What the language room hands on about one utterance."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal

from appliance.protocol.vocabulary import NeedTag, ObjectionType, Signal, Stance


@dataclass(frozen=True, slots=True)
class ObjectionFinding:
    """An objection in an utterance of the customer."""

    type: ObjectionType
    #: calibrated probability, 0..1
    confidence: float


#: What a need rests on: the rules, the model, or both of them.
Basis = Literal["rules", "model", "both"]


@dataclass(frozen=True, slots=True)
class NeedFinding:
    """A need or fact that the customer stated."""

    tag: NeedTag
    stance: Stance
    #: calibrated probability that tag and stance are right, 0..1
    confidence: float
    #: an amount in yuan, where one was said with the tag (idle money, holdings)
    amount: int | None = None
    basis: Basis = "rules"


@dataclass(frozen=True, slots=True)
class SignalFinding:
    """A conversational signal: what somebody did with the words."""

    code: Signal
    confidence: float


@dataclass(frozen=True, slots=True)
class Findings:
    """All that was read from one utterance. Empty where nothing was found."""

    objections: tuple[ObjectionFinding, ...] = ()
    needs: tuple[NeedFinding, ...] = ()
    signals: tuple[SignalFinding, ...] = ()
    #: the words with everything that identifies a person replaced; the only text that may become a quote
    redacted: str = field(default="", repr=False)
