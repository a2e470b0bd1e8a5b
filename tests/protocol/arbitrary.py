"""Hypothesis strategies for every valid message, built from the types themselves."""

from __future__ import annotations

from typing import Any

from hypothesis import strategies as st
from msgspec import inspect

from appliance.protocol.codec import TIME_GRID_MS
from appliance.protocol.messages import (
    BeatMessage,
    CallMessage,
    CueMessage,
    DoorMessage,
    Evidence,
    Milliseconds,
    OpportunityMessage,
    ProfileMessage,
    SeatMessage,
    UnixMilliseconds,
)
from appliance.protocol.vocabulary import CUE_CODES, EVIDENCE_CODES

CODES = {(Evidence, "code"): sorted(EVIDENCE_CODES), (CueMessage, "code"): sorted(CUE_CODES)}
TIMES = (inspect.type_info(Milliseconds), inspect.type_info(UnixMilliseconds))
PRINTABLE = st.characters(exclude_categories=("Cc", "Cs"))


def values(kind: inspect.Type) -> st.SearchStrategy[Any]:
    """Every valid value of a type of the schema."""
    if isinstance(kind, inspect.Metadata):
        return values(kind.type)
    if isinstance(kind, inspect.StructType):
        fields = {
            field.name: st.sampled_from(CODES[kind.cls, field.name])
            if (kind.cls, field.name) in CODES
            else values(field.type)
            for field in kind.fields
        }
        return st.builds(kind.cls, **fields)
    if isinstance(kind, inspect.ListType):
        return st.lists(values(kind.item_type), max_size=kind.max_length)
    if isinstance(kind, inspect.LiteralType):
        return st.sampled_from(kind.values)
    if isinstance(kind, inspect.FloatType):
        return st.integers(round(kind.ge * 100), round(kind.le * 100)).map(
            lambda hundredths: hundredths / 100
        )
    if isinstance(kind, inspect.IntType):
        if kind in TIMES:
            return st.integers(0, kind.le // TIME_GRID_MS).map(lambda steps: steps * TIME_GRID_MS)
        return st.integers(kind.ge, kind.le)
    if isinstance(kind, inspect.BoolType):
        return st.booleans()
    if isinstance(kind, inspect.NoneType):
        return st.none()
    if isinstance(kind, inspect.UnionType):
        return st.one_of([values(member) for member in kind.types])
    assert isinstance(kind, inspect.StrType), kind
    if kind.pattern is not None:
        return st.from_regex(kind.pattern.replace("$", r"\Z"), alphabet=st.characters(codec="ascii"))
    return st.text(PRINTABLE, max_size=kind.max_length)


DOOR_KINDS = (CallMessage, ProfileMessage, CueMessage, OpportunityMessage)
SEAT_MESSAGES: st.SearchStrategy[SeatMessage] = st.one_of(
    [values(inspect.type_info(kind)) for kind in (*DOOR_KINDS, BeatMessage)]
)
DOOR_MESSAGES: st.SearchStrategy[DoorMessage] = st.one_of(
    [values(inspect.type_info(kind)) for kind in DOOR_KINDS]
)
