"""Multipart bodies as vendors write them."""

from __future__ import annotations

import contextlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from appliance.telephony.multipart import (
    MAX_PARTS,
    MultipartError,
    parse_content_type,
    split_body,
    split_multipart,
)
from tests.telephony.recording_client import offer_of

PARTS = {
    "acme-siprec-offer.txt": ["application/sdp", "application/rs-metadata+xml"],
    "broadworks-offer-2.txt": ["application/sdp", "application/rs-metadata+xml"],
    "broadworks-offer.txt": ["application/+xml", "application/sdp"],
    "cisco-siprec-offer.txt": ["application/sdp", "application/rs-metadata+xml", "application/gtd"],
    "connectel-offer.txt": ["application/sdp", "application/rs-metadata+xml"],
    "inactive-sdp-offer.txt": ["application/sdp", "application/rs-metadata+xml"],
    "procomm-siprec-offer.txt": ["application/sdp", "application/rs-metadata"],
    "sonus-siprec-offer.txt": ["application/sdp", "application/rs-metadata+xml"],
}


@pytest.mark.parametrize("ending", [b"\n", b"\r\n"], ids=["LF", "CRLF"])
@pytest.mark.parametrize("name", PARTS)
def test_every_vendors_offer_has_its_parts(name: str, ending: bytes) -> None:
    content_type, body = offer_of(name)
    parts = split_body(content_type, body.replace(b"\r\n", b"\n").replace(b"\n", ending))
    assert [part.content_type.media_type for part in parts] == PARTS[name]
    for part in parts:
        if part.content_type.media_type == "application/sdp":
            assert part.body.startswith(b"v=0")
            # The length inside a part of one vendor is right for one of the two line ends only.
            assert part.body.rstrip().splitlines()[-1].startswith(b"a=")
        elif "metadata" in part.content_type.media_type:
            assert part.body.strip().startswith(b"<?xml")
            assert part.body.strip().endswith(b"recording>")


def _multipart(*bodies: bytes, ending: bytes = b"\r\n", final: bool = True) -> bytes:
    lines = []
    for body in bodies:
        lines += [b"--b", b"Content-Type: text/plain", b"", body]
    return ending.join(lines) + (ending + b"--b--" if final else b"")


def test_the_final_boundary_may_be_missing() -> None:
    assert [part.body for part in split_multipart(_multipart(b"one", b"two", final=False), "b")] == [
        b"one",
        b"two",
    ]


def test_preamble_and_epilogue_are_thrown_away() -> None:
    data = b"preamble\r\n" + _multipart(b"one") + b"\r\n--b\r\n\r\nepilogue"
    assert [part.body for part in split_multipart(data, "b")] == [b"one"]


def test_a_line_that_only_begins_like_the_boundary_is_content() -> None:
    data = _multipart(b"one\r\n--bb\r\n--b-\r\nx--b")
    assert [part.body for part in split_multipart(data, "b")] == [b"one\r\n--bb\r\n--b-\r\nx--b"]


def test_blanks_after_the_boundary_are_no_part_of_it() -> None:
    assert [part.body for part in split_multipart(b"--b \t\r\n\r\none\r\n--b-- \r\n", "b")] == [b"one"]


def test_a_part_without_headers_is_plain_text() -> None:
    part = split_multipart(b"--b\r\n\r\none\r\n--b--", "b")[0]
    assert (part.content_type.media_type, part.body) == ("text/plain", b"one")


def test_disposition_and_handling_are_read() -> None:
    data = b"--b\r\nContent-Disposition: Session;\r\n handling=REQUIRED\r\n\r\n\r\n--b--"
    part = split_multipart(data, "b")[0]
    assert (part.disposition, part.required) == ("session", True)


@pytest.mark.parametrize(
    ("value", "boundary"),
    [
        ('multipart/mixed;boundary="a;b c"', "a;b c"),
        ("multipart/mixed; boundary=abc ; x=y", "abc"),
        ('Multipart/Mixed ; BOUNDARY = "q\\"r"', 'q"r'),
        ('multipart/mixed;start="<x>;y";boundary=z', "z"),
    ],
)
def test_boundaries_with_and_without_quotes(value: str, boundary: str) -> None:
    content_type = parse_content_type(value)
    assert content_type.media_type == "multipart/mixed"
    assert content_type.parameters["boundary"] == boundary


def test_a_multipart_within_a_multipart_is_flattened() -> None:
    inner = b"--i\r\nContent-Type: application/sdp\r\n\r\nv=0\r\n--i--"
    outer = b"--o\r\nContent-Type: multipart/alternative;boundary=i\r\n\r\n" + inner + b"\r\n--o--"
    assert [part.body for part in split_body("multipart/mixed;boundary=o", outer)] == [b"v=0"]


def test_nesting_without_end_is_an_error() -> None:
    body = b"x"
    for index in range(6):
        boundary = b"b%d" % index
        body = b"--%s\r\nContent-Type: multipart/mixed;boundary=b%d\r\n\r\n%s\r\n--%s--" % (
            boundary, index - 1, body, boundary,
        )  # fmt: skip
    with pytest.raises(MultipartError):
        split_body("multipart/mixed;boundary=b5", body)


@pytest.mark.parametrize("boundary", ["", "x" * 71, "other"])
def test_a_boundary_that_cannot_be_is_an_error(boundary: str) -> None:
    with pytest.raises(MultipartError):
        split_multipart(_multipart(b"one"), boundary)


def test_too_many_parts_are_an_error() -> None:
    with pytest.raises(MultipartError):
        split_multipart(_multipart(*[b"x"] * (MAX_PARTS + 1)), "b")


@given(
    st.lists(st.binary(max_size=60).filter(lambda body: b"--b" not in body), min_size=1, max_size=MAX_PARTS),
    st.booleans(),
)
def test_parts_survive_the_round_trip(bodies: list[bytes], final: bool) -> None:
    if not final and bodies[-1].endswith((b"\r", b"\n")):
        final = True
    assert [part.body for part in split_multipart(_multipart(*bodies, final=final), "b")] == bodies


@given(st.binary(max_size=400), st.text(max_size=80))
def test_splitting_raises_nothing_but_its_own_error(data: bytes, value: str) -> None:
    for content_type, body in (
        (f"multipart/mixed;{value}", data),
        (value, data),
        ("multipart/mixed;boundary=b", b"--b" + data + b"\n--b\n" + data),
    ):
        with contextlib.suppress(MultipartError):
            split_body(content_type, body)
