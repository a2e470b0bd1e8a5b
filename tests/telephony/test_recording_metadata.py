"""Recording metadata as every vendor sends it, and as an attacker would."""

from __future__ import annotations

import contextlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from appliance.telephony.multipart import split_body
from appliance.telephony.recording_metadata import (
    MAX_METADATA_BYTES,
    MAX_PARTICIPANTS,
    MetadataError,
    RecordingMetadata,
    parse_recording_metadata,
)
from tests.telephony.recording_client import offer_of


def _of_vendor(name: str) -> bytes:
    return next(
        part.body for part in split_body(*offer_of(name)) if part.content_type.media_type != "application/sdp"
    )


def _senders(metadata: RecordingMetadata) -> dict[str, list[str]]:
    """Stream label to the users of those who send it."""
    return {
        str(stream.label): [
            user
            for participant in metadata.participants
            if stream.id in (participant.send or ())
            for user in participant.users
        ]
        for stream in metadata.streams
    }


@pytest.mark.parametrize(
    ("name", "senders"),
    [
        # send inside the participant, attributes called id, no :1 in the namespace
        ("acme-siprec-offer.txt", {"16777227": ["9000"], "16777228": ["1002"]}),
        # dataMode, send in an association
        ("broadworks-offer-2.txt", {"10": ["9878942259"], "20": ["ASBCE"]}),
        # a third MIME part, send and recv
        ("cisco-siprec-offer.txt", {"1": ["7301"], "2": ["7300"]}),
        # no send at all
        ("connectel-offer.txt", {"1": [], "2": []}),
        ("connectel-offer2.txt", {"1": [], "2": []}),
        ("connectel-offer3.txt", {"1": [], "2": []}),
        # associations that are empty, because the call is on hold
        ("inactive-sdp-offer.txt", {"1": [], "2": []}),
        # labels that are words, media type without +xml, an address of record without scheme
        ("procomm-siprec-offer.txt", {"a_leg": ["016190200"], "b_leg": ["Extension-016190619"]}),
        # prefixed elements, and streams that are linked crosswise
        ("sonus-siprec-offer.txt", {"1": ["2249888012"], "2": ["2249888500"]}),
    ],
)
def test_every_vendor_says_who_sends_what(name: str, senders: dict[str, list[str]]) -> None:
    metadata = parse_recording_metadata(_of_vendor(name))
    assert metadata.complete
    assert _senders(metadata) == senders
    assert len(metadata.participants) == (2 if senders else 0)


def test_the_document_without_any_element_is_broken() -> None:
    with pytest.raises(MetadataError):
        parse_recording_metadata(_of_vendor("broadworks-offer.txt"))


def test_the_calling_party_is_taken_from_a_vendors_extension() -> None:
    metadata = parse_recording_metadata(_of_vendor("acme-siprec-offer.txt"))
    assert [(one.users, one.calling) for one in metadata.participants] == [
        (("9000",), True),
        (("1002",), False),
    ]


def test_the_calling_party_is_taken_from_an_included_from_header() -> None:
    metadata = parse_recording_metadata(_of_vendor("sonus-siprec-offer.txt"))
    assert [one.calling for one in metadata.participants] == [True, False]


def test_a_from_header_that_fits_nobody_or_both_says_nothing() -> None:
    text = (
        "<recording><fromhdr>&lt;sip:{}@x&gt;</fromhdr>"
        "<participant id='a'><nameID aor='sip:1@x'/></participant>"
        "<participant id='b'><nameID aor='sip:1@y'/></participant></recording>"
    )
    for number in ("1", "2"):
        metadata = parse_recording_metadata(text.format(number).encode())
        assert [one.calling for one in metadata.participants] == [None, None]


def test_neither_names_nor_numbers_are_shown() -> None:
    text = repr(parse_recording_metadata(_of_vendor("procomm-siprec-offer.txt")))
    assert "016190200" not in text
    assert "Speechpath" not in text


def _parse(inner: str, mode: str = "partial") -> RecordingMetadata:
    return parse_recording_metadata(f"<recording><datamode>{mode}</datamode>{inner}</recording>".encode())


FULL = """
<participant participant_id="a"><nameID aor="sip:8001@x"/></participant>
<participant participant_id="c"><nameID aor="sip:139@x"/></participant>
<stream stream_id="s1"><label>1</label></stream><stream stream_id="s2"><label>2</label></stream>
<participantstreamassoc participant_id="a"><send>s1</send><recv>s2</recv></participantstreamassoc>
<participantstreamassoc participant_id="c"><send>s2</send></participantstreamassoc>
"""


def test_a_partial_update_changes_what_it_names() -> None:
    metadata = _parse(FULL, "complete").updated(
        _parse('<participant participant_id="a"><nameID aor="sip:8002@x"/></participant>')
    )
    assert _senders(metadata) == {"1": ["8002"], "2": ["139"]}
    assert metadata.complete


def test_a_partial_update_may_bring_an_association_alone() -> None:
    first = _parse(
        '<participant id="a"><nameID aor="sip:8001@x"/></participant>'
        '<stream id="s1"><label>1</label></stream>',
        "complete",
    )
    assert _senders(first) == {"1": []}
    second = _parse('<participantstreamassoc participant_id="a"><send>s1</send></participantstreamassoc>')
    assert _senders(first.updated(second)) == {"1": ["8001"]}


def test_who_has_left_sends_no_more() -> None:
    metadata = _parse(FULL, "complete").updated(
        _parse(
            '<participantsessionassoc participant_id="a"><disassociate-time>x</disassociate-time>'
            "</participantsessionassoc>"
        )
    )
    assert _senders(metadata) == {"1": [], "2": ["139"]}


def test_a_label_stays_when_a_stream_is_named_again_without_it() -> None:
    metadata = _parse(FULL, "complete").updated(_parse('<stream stream_id="s1"><mode>mixed</mode></stream>'))
    stream = next(one for one in metadata.streams if one.id == "s1")
    assert (stream.label, stream.mixed) == ("1", True)


def test_a_complete_document_replaces_everything() -> None:
    newer = _parse('<participant id="z"/>', "complete")
    assert _parse(FULL, "complete").updated(newer) == newer


def test_updates_without_end_do_not_fill_the_memory() -> None:
    metadata = _parse(FULL, "complete")
    for index in range(3 * MAX_PARTICIPANTS):
        metadata = metadata.updated(_parse(f'<participant id="p{index}"/><stream id="s{index}"/>'))
    assert len(metadata.participants) <= MAX_PARTICIPANTS
    assert len(metadata.streams) <= MAX_PARTICIPANTS


BOMB = b"""<?xml version="1.0"?><!DOCTYPE recording [<!ENTITY a "aaaaaaaaaa">
<!ENTITY b "&a;&a;&a;&a;&a;&a;&a;&a;&a;&a;"><!ENTITY c "&b;&b;&b;&b;&b;&b;&b;&b;&b;&b;">]>
<recording><label>&c;</label></recording>"""


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"not xml",
        b"<recording>",
        b"<recording/>",
        b"<other><participant id='a'/></other>",
        b"<x:recording><x:participant/></x:recording>",
        BOMB,
        b"<!DOCTYPE recording SYSTEM 'file:///etc/passwd'><recording><participant id='a'/></recording>",
        b"<!DOCTYPE recording><recording><participant id='a'/></recording>",
        b"<?xml version='1.0' encoding='no-such'?><recording><participant id='a'/></recording>",
        b"<?xml version='1.0' encoding='utf-7'?><recording><participant id='a'/></recording>",
        b"<recording>\xff\xfe</recording>",
        b"<recording>" + b"<stream id='a'/>" * 3_000 + b"</recording>",
        b"<recording>" + b"".join(b"<stream id='%d'/>" % index for index in range(65)) + b"</recording>",
        b"<recording>" + b" " * MAX_METADATA_BYTES + b"</recording>",
    ],
)
def test_what_is_no_metadata_is_an_error(data: bytes) -> None:
    with pytest.raises(MetadataError):
        parse_recording_metadata(data)


def test_elements_nested_deeply_do_not_harm() -> None:
    depth = 2_000
    parse_recording_metadata(b"<recording>" + b"<a>" * depth + b"</a>" * depth + b"</recording>")


def test_white_space_before_the_declaration_is_forgiven() -> None:
    assert parse_recording_metadata(
        b"\r\n <?xml version='1.0'?><recording><stream id='a'/></recording>\n"
    ).streams


_IDS = st.sampled_from(["a", "b", "c"])
_ELEMENTS = st.one_of(
    st.builds(
        '<participant id="{}"><nameID aor="sip:{}@x"/><send>{}</send></participant>'.format, _IDS, _IDS, _IDS
    ),
    st.builds('<stream stream_id="{}"><label>{}</label></stream>'.format, _IDS, _IDS),
    st.builds(
        '<participantstreamassoc participant_id="{}"><send>{}</send></participantstreamassoc>'.format,
        _IDS,
        _IDS,
    ),
    st.just("<!-- comment --><?pi x?>"),
)


@given(st.lists(st.lists(_ELEMENTS, max_size=8), max_size=4))
def test_documents_in_any_order_are_joined_without_error(documents: list[list[str]]) -> None:
    metadata = RecordingMetadata(complete=True)
    for elements in documents:
        metadata = metadata.updated(_parse("".join(elements)))
    assert len({one.id for one in metadata.participants}) == len(metadata.participants)


@given(st.binary(max_size=300))
def test_parsing_raises_nothing_but_its_own_error(data: bytes) -> None:
    for document in (data, b"<recording>" + data + b"</recording>"):
        with contextlib.suppress(MetadataError):
            parse_recording_metadata(document)
