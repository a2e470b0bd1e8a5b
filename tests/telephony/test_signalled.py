"""What is taken out of requests beside the recording: flags that were asked for, and hosts."""

from __future__ import annotations

import pytest

from appliance.telephony.recording_events import SessionChanged, SessionOffered, SessionSignalled
from appliance.telephony.recording_metadata import MAX_TOLD, MetadataError, parse_recording_metadata
from appliance.telephony.signalled import MAX_VALUES, Wanted, signalled
from appliance.telephony.sip import SipRequest, parse_datagram
from appliance.telephony.sip_headers import host_of
from tests.telephony.recording_client import OFFER, Client, status

WANTED = Wanted(frozenset(["x-ridge-consent"]), frozenset(["consent"]))
METADATA = (
    "<recording xmlns='urn:ietf:params:xml:ns:recording:1' xmlns:r='urn:r'><datamode>{mode}</datamode>"
    "<session session_id='s'>{flags}</session><participant participant_id='p1'>"
    "<nameID aor='sip:8001@Branch.example:5060'/></participant></recording>"
)


def document(*values: str, mode: str = "complete") -> bytes:
    flags = "".join(f"<r:Consent>{value}</r:Consent>" for value in values)
    return METADATA.format(mode=mode, flags=flags).encode()


def asking(wanted: Wanted = WANTED) -> Client:
    client = Client(wanted=wanted)
    client.call()
    client.events.clear()
    return client


@pytest.mark.parametrize(
    ("uri", "host"),
    [
        ("sip:8001@Bank.Example:5060;transport=tcp?x=y", "bank.example"),
        ("sips:bank.example", "bank.example"),
        ("sip:8001@[fd00::1]:5060", "fd00::1"),
        ("<sip:a;b=c@host>", "host"),
        ("8001@host", "host"),
        ("tel:+8613900001111", ""),
        ("8001", ""),
        ("", ""),
    ],
)
def test_the_host_of_an_address(uri: str, host: str) -> None:
    assert host_of(uri) == host


@pytest.mark.parametrize(
    ("lines", "values"),
    [
        (["Refused"], ("refused",)),
        (["  no ; by=ivr"], ("no",)),
        (['"Refused"'], ("refused",)),
        (["granted, refused"], ("granted", "refused")),
        (["granted", "refused"], ("granted", "refused")),
        ([""], ("",)),
        ([",".join(["granted"] * (MAX_VALUES + 1))], ("",)),
    ],
)
def test_a_flag_is_read_without_case_quotes_and_parameters(lines: list[str], values: tuple[str, ...]) -> None:
    request = parse_datagram(Client().request("OPTIONS", 1))
    assert isinstance(request, SipRequest)
    for line in lines:
        request.headers.add("x-rIDGE-consent", line)
    request.headers.add("X-Other", "13900001111")
    said = signalled(request, WANTED)
    assert said.headers == {"x-ridge-consent": values}
    assert said.hosts == {"192.0.2.1", "192.0.2.10"}
    assert "13900001111" not in repr(said)


def test_the_first_invite_says_what_was_asked_for() -> None:
    client = Client(wanted=WANTED)
    client.send(client.request("INVITE", 1, body=OFFER, headers={"X-Ridge-Consent": "refused"}))
    (offered,) = client.events
    assert isinstance(offered, SessionOffered)
    assert offered.signalled.headers == {"x-ridge-consent": ("refused",)}


@pytest.mark.parametrize("method", ["UPDATE", "INVITE"])
def test_a_later_request_says_it_even_where_it_carries_nothing_else(method: str) -> None:
    client = asking()
    client.send(client.request(method, 2, headers={"X-Ridge-Consent": "refused"}))
    (event,) = client.events
    assert isinstance(event, SessionSignalled)
    assert event.signalled.headers == {"x-ridge-consent": ("refused",)}


@pytest.mark.parametrize(
    ("headers", "body", "answer"),
    [
        ({"Require": "100rel"}, b"", 420),
        ({"Session-Expires": "10"}, b"", 422),
        ({"Content-Type": "application/sdp"}, b"v=1", 400),
    ],
)
def test_what_a_refused_request_says_counts_all_the_same(
    headers: dict[str, str], body: bytes, answer: int
) -> None:
    client = asking()
    said = {"X-Ridge-Consent": "refused", "Supported": "timer", **headers}
    assert status(client.send(client.request("UPDATE", 2, headers=said, body=body))) == answer
    assert [type(event) for event in client.events] == [SessionSignalled]


def test_a_request_without_the_field_says_nothing_and_neither_does_one_that_nobody_asked_for() -> None:
    client = asking()
    client.send(client.request("UPDATE", 2))
    assert client.events == []
    client = asking(Wanted())
    client.send(client.request("UPDATE", 2, headers={"X-Ridge-Consent": "refused"}))
    assert client.events == []


def test_elements_of_the_metadata_are_told_where_they_were_asked_for() -> None:
    found = parse_recording_metadata(document("Granted", " refused "), WANTED.elements)
    assert found.told == (("consent", "granted"), ("consent", "refused"))
    assert parse_recording_metadata(document("refused")).told == ()
    assert found.participants[0].hosts == {"branch.example"}
    assert "refused" not in repr(found)


def test_the_value_may_stand_in_an_attribute_and_none_is_a_value_too() -> None:
    data = document().replace(b"</session>", b"<x:consent xmlns:x='urn:x' value='NO'/><consent/></session>")
    told = parse_recording_metadata(data, WANTED.elements).told
    assert told == (("consent", "no"), ("consent", ""))


def test_a_partial_document_changes_what_it_names_and_leaves_the_rest() -> None:
    before = parse_recording_metadata(document("granted"), WANTED.elements)
    silent = parse_recording_metadata(document(mode="partial"), WANTED.elements)
    assert before.updated(silent).told == (("consent", "granted"),)
    no = parse_recording_metadata(document("refused", mode="partial"), WANTED.elements)
    assert before.updated(no).told == (("consent", "refused"),)


def test_a_document_full_of_flags_cannot_be_read() -> None:
    with pytest.raises(MetadataError):
        parse_recording_metadata(document(*["granted"] * (MAX_TOLD + 1)), WANTED.elements)


def test_metadata_in_an_update_reaches_the_program() -> None:
    client = asking()
    client.send(
        client.request("UPDATE", 2, body=document("refused"), content_type="application/rs-metadata+xml")
    )
    (event,) = client.events
    assert isinstance(event, SessionChanged)
    assert event.body.metadata is not None
    assert event.body.metadata.told == (("consent", "refused"),)
