"""Session descriptions, and the answers of a server that only receives."""

from __future__ import annotations

import contextlib
import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from appliance.telephony.multipart import split_body
from appliance.telephony.sdp import (
    MAX_MEDIA,
    Media,
    Origin,
    SdpError,
    SessionDescription,
    parse_sdp,
)
from appliance.telephony.sdp_answer import (
    DISCARD_PORT,
    NotAcceptableError,
    advertised,
    choose_streams,
    make_answer,
)
from tests.telephony.recording_client import OFFERS, offer_of

ORIGIN = Origin("ridge", "7", 1, "IP4", "192.0.2.1")
HEAD = "v=0\r\no=- 1 1 IN IP4 192.0.2.10\r\ns=-\r\nc=IN IP4 192.0.2.10\r\nt=0 0\r\n"


def _offer(*lines: str) -> SessionDescription:
    return parse_sdp((HEAD + "\r\n".join(lines)).encode())


def _answer(offer: SessionDescription) -> SessionDescription:
    choices = {choice.index: choice for choice in choose_streams(offer)}
    answer = make_answer(offer, choices, {index: 20000 + 2 * index for index in choices}, ORIGIN)
    return parse_sdp(answer.serialise())


@pytest.mark.parametrize(
    ("name", "labels", "codecs"),
    [
        ("acme-siprec-offer.txt", ["16777227", "16777228"], ["PCMU", "PCMU"]),
        ("broadworks-offer-2.txt", ["10", "20"], ["PCMA", "PCMA"]),
        ("broadworks-offer.txt", ["1"], ["PCMA"]),
        ("cisco-siprec-offer.txt", ["1", "2"], ["PCMU", "PCMU"]),
        ("connectel-offer.txt", ["1", "2"], ["PCMU", "PCMA"]),
        ("inactive-sdp-offer.txt", ["1", "2"], ["PCMU", "PCMU"]),
        ("non-siprec-payload.txt", ["1"], ["PCMU"]),
        ("procomm-siprec-offer.txt", ["a_leg", "b_leg"], ["PCMA", "PCMA"]),
        ("sonus-siprec-offer.txt", ["1", "2"], ["PCMU", "PCMU"]),
    ],
)
def test_every_vendors_streams_are_chosen(name: str, labels: list[str], codecs: list[str]) -> None:
    parts = split_body(*offer_of(name))
    offer = parse_sdp(next(part.body for part in parts if part.content_type.media_type == "application/sdp"))
    choices = choose_streams(offer)
    assert [choice.label for choice in choices] == labels
    assert [choice.codec for choice in choices] == codecs
    directions = [_answer(offer).direction_of(index) for index in range(len(labels))]
    assert set(directions) == {"inactive" if name == "inactive-sdp-offer.txt" else "recvonly"}


@pytest.mark.parametrize("name", ["sample-sdps.txt", "sample-sdp2.txt", "sample-sdp3.txt"])
def test_the_sample_descriptions_are_read(name: str) -> None:
    for text in (OFFERS / name).read_bytes().split(b"__split_here__\n"):
        offer = parse_sdp(text)
        assert choose_streams(offer)
        assert offer.connection_of(0) is not None


def test_a_section_has_its_own_address_and_direction_before_the_sessions() -> None:
    offer = _offer(
        "a=inactive", "m=audio 1 RTP/AVP 8", "c=IN IP4 192.0.2.11", "a=sendonly", "m=audio 2 RTP/AVP 8"
    )
    assert [offer.connection_of(index) for index in range(2)] == ["192.0.2.11", "192.0.2.10"]
    assert [offer.direction_of(index) for index in range(2)] == ["sendonly", "inactive"]


@pytest.mark.parametrize(
    ("offered", "answered"),
    [("sendonly", "recvonly"), ("sendrecv", "recvonly"), ("inactive", "inactive"), ("recvonly", "inactive")],
)
def test_directions_are_answered_by_a_receiver(offered: str, answered: str) -> None:
    assert _answer(_offer("m=audio 1 RTP/AVP 8", f"a={offered}")).direction_of(0) == answered


def test_without_a_direction_the_client_sends() -> None:
    assert choose_streams(_offer("m=audio 1 RTP/AVP 8"))[0].sends


def test_the_clients_first_law_is_chosen_and_telephone_events_with_it() -> None:
    answer = _answer(_offer("m=audio 1 RTP/AVP 18 0 8 101", "a=rtpmap:101 telephone-event/8000"))
    assert answer.media[0].formats == ("0", "101")
    assert [form.encoding for form in answer.media[0].media_formats] == ["PCMU", "TELEPHONE-EVENT"]


def test_all_payload_types_that_can_be_received_are_known() -> None:
    choice = choose_streams(_offer("m=audio 1 RTP/AVP 96 0", "a=rtpmap:96 pcma/8000/1"))[0]
    assert dict(choice.codecs) == {96: "PCMA", 0: "PCMU"}
    assert (choice.codec, choice.payload_type) == ("PCMA", 96)


def test_events_of_another_clock_are_not_accepted() -> None:
    choice = choose_streams(_offer("m=audio 1 RTP/AVP 8 97", "a=rtpmap:97 telephone-event/16000"))[0]
    assert choice.telephone_event == frozenset()


def test_what_cannot_be_received_is_refused_with_port_0_in_its_place() -> None:
    answer = _answer(
        _offer(
            "m=video 5 RTP/AVP 96", "m=audio 1 RTP/AVP 8", "m=audio 3 RTP/SAVP 8", "m=audio 7 RTP/AVP 18",
            "m=audio 0 RTP/AVP 8",
        )
    )  # fmt: skip
    assert [(media.kind, media.port) for media in answer.media] == [
        ("video", 0), ("audio", 20002), ("audio", 0), ("audio", 0), ("audio", 0),
    ]  # fmt: skip


def test_a_stream_without_port_of_ours_is_agreed_but_inactive() -> None:
    offer = _offer("m=audio 1 RTP/AVP 8", "a=label:mixed")
    answer = make_answer(offer, {0: choose_streams(offer)[0]}, {}, ORIGIN)
    assert (answer.media[0].port, answer.direction_of(0)) == (DISCARD_PORT, "inactive")


@pytest.mark.parametrize(
    ("lines", "code"),
    [
        (["m=audio 1 RTP/AVP 18 9"], 305),
        (["m=audio 1 RTP/SAVP 8"], 302),
        (["m=video 1 RTP/AVP 8"], 304),
        (["m=audio 0 RTP/AVP 8"], 399),
        (["m=audio 1 RTP/AVP 96", "a=rtpmap:96 PCMA/16000"], 305),
        ([], 399),
    ],
)
def test_an_offer_of_nothing_acceptable_is_refused_with_its_reason(lines: list[str], code: int) -> None:
    with pytest.raises(NotAcceptableError) as caught:
        choose_streams(_offer(*lines))
    assert re.fullmatch(rf'{code} ridge "[^"]+"', caught.value.warning)


def test_a_description_of_ours_as_an_offer_is_a_version_later_and_wants_to_receive() -> None:
    offer = _offer(
        "m=audio 1 RTP/AVP 8", "a=inactive", "m=audio 2 RTP/AVP 8", "a=label:mixed", "m=video 3 RTP/AVP 9"
    )
    choices = {choice.index: choice for choice in choose_streams(offer)}
    answer = make_answer(offer, choices, {0: 20000}, ORIGIN)
    again = advertised(answer)
    assert again.origin.version == answer.origin.version + 1
    assert [media.port for media in again.media] == [20000, DISCARD_PORT, 0]
    assert [again.direction_of(index) for index in range(2)] == ["recvonly", "inactive"]


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"v=1\r\no=- 1 1 IN IP4 x\r\n",
        b"o=- 1 1 IN IP4 x\r\n",
        b"v=0\r\ns=-\r\n",
        b"v=0\r\no=- one 1 IN IP4 x\r\n",
        b"v=0\r\no=- 1 1 IN IP4 x\r\nm=audio x RTP/AVP 0\r\n",
        b"v=0\r\no=- 1 1 IN IP4 x\r\nm=audio 70000 RTP/AVP 0\r\n",
        b"v=0\r\no=- 1 1 IN IP4 x\r\nm=audio 1\r\n",
        b"v=0\r\no=- 1 1 IN IP4 x\r\nc=IN\r\n",
        b"v=0\r\no=- 1 1 IN IP4 x\r\nhello\r\n",
        b"v=0\r\no=- 1 1 IN IP4 x\r\n" + b"m=audio 1 RTP/AVP 0\r\n" * (MAX_MEDIA + 1),
        b"v=0\r\no=- 1 1 IN IP4 x\r\n" + b"a=x\r\n" * 1000,
        b"v=0\r\no=- 1 1 IN IP4 x\r\na=" + b"x" * 3000,
        b"v=0\r\no=- 1 1 IN IP4 x\r\n" + b"a=" * 20_000,
    ],
)
def test_what_is_no_description_is_an_error(data: bytes) -> None:
    with pytest.raises(SdpError):
        parse_sdp(data)


_word = st.from_regex(r"[A-Za-z0-9.\-]{1,12}", fullmatch=True)
_attribute = st.tuples(
    _word, st.one_of(st.none(), st.from_regex(r"[!-~]([ -~]{0,20}[!-~])?", fullmatch=True))
)
_media = st.builds(
    Media,
    st.sampled_from(["audio", "video"]),
    st.integers(0, 65535),
    st.sampled_from(["RTP/AVP", "RTP/SAVP"]),
    st.lists(st.integers(0, 127).map(str), min_size=1, max_size=5).map(tuple),
    st.one_of(st.none(), _word),
    st.lists(_attribute, max_size=5).map(tuple),
)
_description = st.builds(
    SessionDescription,
    st.builds(Origin, _word, st.integers(0, 2**62).map(str), st.integers(0, 2**62), st.just("IP4"), _word),
    st.from_regex(r"[!-~]{1,20}", fullmatch=True),
    st.one_of(st.none(), _word),
    st.lists(_attribute, max_size=5).map(tuple),
    st.lists(_media, max_size=5).map(tuple),
)


@given(_description)
def test_a_description_survives_the_round_trip(description: SessionDescription) -> None:
    assert parse_sdp(description.serialise()) == description


@given(_description)
def test_an_answer_has_the_sections_of_its_offer_and_never_sends(description: SessionDescription) -> None:
    try:
        answer = _answer(description)
    except NotAcceptableError:
        return
    assert [media.kind for media in answer.media] == [media.kind for media in description.media]
    assert {answer.direction_of(index) for index, media in enumerate(answer.media) if media.port} <= {
        "recvonly",
        "inactive",
    }


@given(st.binary(max_size=400))
def test_parsing_raises_nothing_but_its_own_error(data: bytes) -> None:
    for prefix in (b"", HEAD.encode(), HEAD.encode() + b"m=audio 1 RTP/AVP 8\r\na=rtpmap:"):
        with contextlib.suppress(SdpError, NotAcceptableError):
            choose_streams(parse_sdp(prefix + data))
