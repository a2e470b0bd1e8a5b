"""Customer and agent: told by numbers and directions, never guessed."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from appliance.box.config import Roles
from appliance.capture.roles import HINTS, AssignedRoles, UnknownRoles, resolve_roles
from appliance.telephony.multipart import split_body
from appliance.telephony.recording_metadata import (
    MetadataStream,
    Participant,
    RecordingMetadata,
    parse_recording_metadata,
)
from tests.telephony.recording_client import offer_of


def _metadata(
    *participants: tuple[str, str], calling: str | None = None, mixed: tuple[str, ...] = ()
) -> RecordingMetadata:
    """Participants given as (number, label of the stream that they send)."""
    return RecordingMetadata(
        complete=True,
        participants=tuple(
            Participant(
                f"p{number}",
                (number,),
                frozenset({f"s{label}"}),
                calling=None if calling is None else number == calling,
            )
            for number, label in participants
        ),
        streams=tuple(
            MetadataStream(f"s{label}", label, mixed=label in mixed)
            for label in sorted({label for _, label in participants})
        ),
    )


TWO = _metadata(("8001", "1"), ("13900001111", "2"))


def test_the_agents_number_tells() -> None:
    told = resolve_roles(TWO, ["1", "2"], Roles())
    assert told == AssignedRoles(
        {"customer": "2", "agent": "1"}, "8001", "unknown", "agent_number", "13900001111", "8001"
    )
    assert "13900001111" not in repr(told)


@pytest.mark.parametrize("labels", [["1", "2"], ["2", "1"]])
@pytest.mark.parametrize("backwards", [False, True])
def test_no_order_tells_anything(labels: list[str], backwards: bool) -> None:
    metadata = _metadata(("13900001111", "2"), ("8001", "1")) if backwards else TWO
    told = resolve_roles(metadata, list(labels), Roles())
    assert isinstance(told, AssignedRoles)
    assert told.labels == {"customer": "2", "agent": "1"}


def test_a_number_must_match_as_a_whole() -> None:
    told = resolve_roles(_metadata(("80011", "1"), ("139", "2")), ["1", "2"], Roles())
    assert told == UnknownRoles("no_agent_number")


def test_the_plus_of_an_agents_number_does_not_matter() -> None:
    roles = Roles(agent_numbers=("86218001",))
    told = resolve_roles(_metadata(("+86218001", "1"), ("139", "2")), ["1", "2"], roles)
    assert isinstance(told, AssignedRoles)
    assert told.seat == "86218001"


@pytest.mark.parametrize(
    ("direction", "calling", "agent"),
    [("inbound", "222", "1"), ("inbound", "111", "2"), ("outbound", "222", "2"), ("outbound", "111", "1")],
)
def test_where_numbers_do_not_tell_the_calling_party_does(direction: str, calling: str, agent: str) -> None:
    metadata = _metadata(("111", "1"), ("222", "2"), calling=calling)
    told = resolve_roles(metadata, ["1", "2"], Roles(direction=direction))  # type: ignore[arg-type]
    assert isinstance(told, AssignedRoles)
    assert told.labels["agent"] == agent
    assert (told.reason, told.direction) == ("calling_party", direction)
    assert told.seat == {"1": "111", "2": "222"}[agent]


def test_without_a_direction_the_calling_party_tells_nothing() -> None:
    metadata = _metadata(("111", "1"), ("222", "2"), calling="111")
    assert resolve_roles(metadata, ["1", "2"], Roles()) == UnknownRoles("no_agent_number")


def test_two_agents_talk_to_each_other_and_the_caller_tells() -> None:
    metadata = _metadata(("8001", "1"), ("8002", "2"), calling="8002")
    assert resolve_roles(metadata, ["1", "2"], Roles()) == UnknownRoles("two_agent_numbers")
    told = resolve_roles(metadata, ["1", "2"], Roles(direction="inbound"))
    assert isinstance(told, AssignedRoles)
    assert told.seat == "8001"


def test_a_known_caller_tells_the_direction_of_the_call() -> None:
    told = resolve_roles(_metadata(("8001", "1"), ("139", "2"), calling="8001"), ["1", "2"], Roles())
    assert isinstance(told, AssignedRoles)
    assert told.direction == "outbound"


def test_a_third_mixed_stream_is_left_aside() -> None:
    both = Participant("p8001", ("8001",), frozenset({"s1", "s3"}))
    customer = Participant("p139", ("139",), frozenset({"s2", "s3"}))
    streams = tuple(MetadataStream(f"s{label}", label) for label in "123")
    told = resolve_roles(RecordingMetadata(True, (both, customer), streams), ["3", "2", "1"], Roles())
    assert isinstance(told, AssignedRoles)
    assert told.labels == {"customer": "2", "agent": "1"}


def test_a_stream_that_is_called_mixed_is_no_leg() -> None:
    metadata = _metadata(("8001", "1"), ("139", "2"), mixed=("2",))
    assert resolve_roles(metadata, ["1", "2"], Roles()) == UnknownRoles("one_stream")


@pytest.mark.parametrize(
    ("metadata", "labels", "reason"),
    [
        (None, ["1", "2"], "no_metadata"),
        (RecordingMetadata(True), ["1", "2"], "no_send"),
        (TWO, ["7", "8"], "no_send"),
        (TWO, ["1", None], "one_stream"),
        (TWO, ["1", "1", "2"], "one_stream"),
        (_metadata(("8001", "1"), ("139", "2"), ("138", "3")), ["1", "2", "3"], "many_participants"),
    ],
)
def test_what_cannot_be_told_is_not_guessed(
    metadata: RecordingMetadata | None, labels: list[str | None], reason: str
) -> None:
    told = resolve_roles(metadata, labels, Roles())
    assert isinstance(told, UnknownRoles)
    assert told.reason == reason
    assert told.hint == HINTS[told.reason]


def test_one_participant_with_two_streams_has_no_leg() -> None:
    one = Participant("p", ("8001",), frozenset({"s1", "s2"}))
    streams = (MetadataStream("s1", "1"), MetadataStream("s2", "2"))
    assert resolve_roles(RecordingMetadata(True, (one,), streams), ["1", "2"], Roles()) == UnknownRoles(
        "many_participants"
    )


LABELS = Roles(labels={"1": "agent", "2": "customer"}, default_seat="desk-1")


def test_labels_are_the_last_resort() -> None:
    assert resolve_roles(None, ["2", "1"], LABELS) == AssignedRoles(
        {"customer": "2", "agent": "1"}, "desk-1", "unknown", "labels"
    )
    # Metadata that tells is believed before the labels.
    told = resolve_roles(_metadata(("8001", "2"), ("139", "1")), ["1", "2"], LABELS)
    assert isinstance(told, AssignedRoles)
    assert (told.labels["agent"], told.reason) == ("2", "agent_number")


def test_labels_that_do_not_name_both_legs_tell_nothing() -> None:
    assert resolve_roles(None, ["1", "3"], LABELS) == UnknownRoles("no_metadata")
    both = Roles(labels={"1": "agent", "2": "customer", "3": "customer"}, default_seat="desk-1")
    assert resolve_roles(None, ["1", "2", "3"], both) == UnknownRoles("no_metadata")


def test_with_labels_the_seat_comes_from_the_only_agents_number() -> None:
    participants = (Participant("a", ("8003",)), Participant("b", ("139",)))
    told = resolve_roles(RecordingMetadata(True, participants), ["1", "2"], LABELS)
    assert isinstance(told, AssignedRoles)
    assert told.seat == "8003"


def test_labels_without_a_seat_are_not_enough() -> None:
    roles = Roles(labels={"1": "agent", "2": "customer"})
    assert resolve_roles(None, ["1", "2"], roles) == UnknownRoles("no_seat")


def test_the_seat_is_mapped_or_the_number_or_the_default() -> None:
    def seat(number: str, **fields: object) -> str | None:
        roles = Roles(agent_numbers=(".*00.",), **fields)  # type: ignore[arg-type]
        told = resolve_roles(_metadata((number, "1"), ("139", "2")), ["1", "2"], roles)
        return told.seat if isinstance(told, AssignedRoles) else None

    assert seat("8001", seats={"8001": "desk-7"}) == "desk-7"
    assert seat("8001") == "8001"
    assert seat("王 8001") is None
    assert seat("王 8001", default_seat="desk-9") == "desk-9"


def test_seat_and_numbers_are_not_shown() -> None:
    assert "8001" not in repr(resolve_roles(TWO, ["1", "2"], Roles()))


@pytest.mark.parametrize(
    ("name", "labels", "agent"),
    [
        ("acme-siprec-offer.txt", ["16777227", "16777228"], "16777228"),
        ("sonus-siprec-offer.txt", ["1", "2"], "1"),
        ("cisco-siprec-offer.txt", ["1", "2"], "1"),
        ("procomm-siprec-offer.txt", ["a_leg", "b_leg"], "b_leg"),
        ("broadworks-offer-2.txt", ["10", "20"], "20"),
        ("connectel-offer.txt", ["1", "2"], None),
        ("inactive-sdp-offer.txt", ["1", "2"], None),
    ],
)
def test_the_vendors_offers(name: str, labels: list[str], agent: str | None) -> None:
    part = next(
        part for part in split_body(*offer_of(name)) if part.content_type.media_type != "application/sdp"
    )
    roles = Roles(agent_numbers=("7301", "ASBCE", "Extension-.*"), direction="inbound")
    told = resolve_roles(parse_recording_metadata(part.body), labels, roles)
    if agent is None:
        assert told == UnknownRoles("no_send")
    else:
        assert isinstance(told, AssignedRoles)
        assert told.labels["agent"] == agent


_NUMBERS = st.sampled_from(["8001", "8002", "139", "138"])


@given(
    st.lists(st.tuples(_NUMBERS, st.sampled_from("123")), max_size=4, unique_by=lambda one: one[0]),
    st.permutations(["1", "2", "3"]),
)
def test_shuffling_what_has_no_meaning_changes_nothing(
    participants: list[tuple[str, str]], labels: list[str]
) -> None:
    told = resolve_roles(_metadata(*participants), labels, Roles())
    again = resolve_roles(_metadata(*reversed(participants)), sorted(labels), Roles())
    assert told == again
    if isinstance(told, AssignedRoles):
        assert told.labels["agent"] != told.labels["customer"]
        assert dict(participants)[told.seat] == told.labels["agent"]
