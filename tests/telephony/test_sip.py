"""SIP messages, header values and framing."""

from __future__ import annotations

import contextlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from appliance.telephony.sip import (
    MAX_HEAD_BYTES,
    MAX_HEADER_BYTES,
    MAX_HEADER_FIELDS,
    Headers,
    SipError,
    SipRequest,
    SipResponse,
    parse_datagram,
    split_list,
)
from appliance.telephony.sip_headers import (
    parse_cseq,
    parse_name_address,
    parse_parameters,
    parse_via,
    uri_address,
    user_of,
)

INVITE = (
    b"INVITE sip:srs@192.0.2.1 SIP/2.0\r\nVia: SIP/2.0/UDP 192.0.2.10:5060;branch=z9hG4bKx\r\n"
    b"From: <sip:a@x>;tag=1\r\nTo: <sip:b@y>\r\nCall-ID: c\r\nCSeq: 1 INVITE\r\nContent-Length: 3\r\n\r\nabc"
)


def test_a_request_is_read() -> None:
    message = parse_datagram(INVITE)
    assert isinstance(message, SipRequest)
    assert (message.method, message.uri, message.body) == ("INVITE", "sip:srs@192.0.2.1", b"abc")
    assert message.headers.get("cseq") == "1 INVITE"


@pytest.mark.parametrize("line", [b"SIP/2.0 200 OK", b"SIP/2.0 200 ", b"SIP/2.0 200"])
def test_a_response_is_read_with_and_without_reason(line: bytes) -> None:
    message = parse_datagram(line + b"\r\nCSeq: 1 BYE\r\n\r\n")
    assert isinstance(message, SipResponse)
    assert message.status == 200


def test_compact_names_are_spelled_out() -> None:
    message = parse_datagram(b"OPTIONS sip:a SIP/2.0\r\nv: x\r\ni: call\r\nl: 0\r\nx: 90\r\nk: timer\r\n\r\n")
    assert [name for name, _ in message.headers] == [
        "Via", "Call-ID", "Content-Length", "Session-Expires", "Supported",
    ]  # fmt: skip
    assert message.headers.get("v") == "x"


def test_folded_values_are_joined() -> None:
    message = parse_datagram(b"OPTIONS sip:a SIP/2.0\r\nSubject: one\r\n  two\r\n\tthree\r\n\r\n")
    assert message.headers.get("Subject") == "one two three"


def test_bare_line_feeds_end_lines_too() -> None:
    message = parse_datagram(INVITE.replace(b"\r\n", b"\n"))
    assert message.body == b"abc"


def test_what_follows_the_body_is_thrown_away() -> None:
    assert parse_datagram(INVITE + b"rest").body == b"abc"


def test_without_content_length_the_body_reaches_to_the_end() -> None:
    assert parse_datagram(INVITE.replace(b"Content-Length: 3\r\n", b"") + b"def").body == b"abcdef"


def test_lists_are_split_at_commas_outside_quotes_and_brackets() -> None:
    value = '"Li, Ming" <sip:a,b@x>;tag=1, <sip:c@x> , "q\\",r" <sip:d@x>'
    assert split_list(value) == ['"Li, Ming" <sip:a,b@x>;tag=1', "<sip:c@x>", '"q\\",r" <sip:d@x>']


def test_values_of_several_lines_make_one_list() -> None:
    headers = Headers([("Via", "a, b"), ("v", "c")])
    assert headers.values("VIA") == ["a", "b", "c"]


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"\r\n\r\n",
        b"INVITE sip:a\r\n\r\n",
        b"INVITE  SIP/2.0\r\n\r\n",
        b"IN VITE sip:a SIP/2.0\r\n\r\n",
        b"INVITE sip:a SIP/2.0\r\nno colon\r\n\r\n",
        b"INVITE sip:a SIP/2.0\r\n folded first\r\n\r\n",
        b"INVITE sip:a SIP/2.0\r\nA\x00: b\r\n\r\n",
        b"INVITE sip:a SIP/2.0\r\nA: b\x00c\r\n\r\n",
        b"INVITE sip:a SIP/2.0\r\nA: b\rc\r\n\r\n",
        b"INVITE sip:a SIP/2.0\rA: b\r\n\r\n",
        b"SIP/2.0 99 low\r\n\r\n",
        b"SIP/2.0 700 high\r\n\r\n",
        b"SIP/2.0 2000 long\r\n\r\n",
        INVITE.replace(b"Content-Length: 3", b"Content-Length: 4"),
        INVITE.replace(b"Content-Length: 3", b"Content-Length: x"),
        INVITE.replace(b"Content-Length: 3", "Content-Length: \u0663".encode()),
        INVITE.replace(b"Content-Length: 3", b"Content-Length: 3\r\nl: 2"),
        INVITE.replace(b"CSeq: 1 INVITE", b"CSeq: 1 INVITE\r\nCSeq: 2 INVITE"),
    ],
)
def test_what_is_no_sip_is_an_error(data: bytes) -> None:
    with pytest.raises(SipError):
        parse_datagram(data)


@pytest.mark.parametrize(
    "data",
    [
        b"INVITE sip:a SIP/2.0\r\n" + b"A: b\r\n" * (MAX_HEADER_FIELDS + 1) + b"\r\n",
        b"INVITE sip:a SIP/2.0\r\nA: " + b"b" * (MAX_HEADER_BYTES + 1) + b"\r\n\r\n",
        b"INVITE sip:a SIP/2.0\r\nA: b\r\n" + b" bbbbbbbbbb\r\n" * 800 + b"\r\n",
        b"INVITE sip:" + b"a" * MAX_HEAD_BYTES + b" SIP/2.0\r\n\r\n",
        b"A" * 70_000,
        INVITE.replace(b"Content-Length: 3", b"Content-Length: 100000"),
    ],
)
def test_what_is_too_long_is_an_error_that_says_so(data: bytes) -> None:
    with pytest.raises(SipError) as caught:
        parse_datagram(data)
    assert caught.value.status == 513


def test_headers_do_not_show_their_values() -> None:
    assert "secret" not in repr(parse_datagram(INVITE.replace(b"sip:a@x", b"sip:secret@x")))


@given(st.binary(max_size=2_000))
def test_parsing_raises_nothing_but_its_own_error(data: bytes) -> None:
    for prefix in (b"", INVITE[:60], INVITE[:-3]):
        with contextlib.suppress(SipError):
            parse_datagram(prefix + data)


_names = st.from_regex(r"X-[A-Za-z]{1,12}", fullmatch=True)
_values = st.text(
    st.characters(min_codepoint=0x20, exclude_categories=("Cc", "Cs", "Zl", "Zp", "Zs")), max_size=60
).map(str.strip)


@given(
    st.from_regex(r"[A-Z]{1,12}", fullmatch=True),
    st.from_regex(r"sip:[a-z0-9@.]{1,30}", fullmatch=True),
    st.lists(st.tuples(_names, _values), max_size=20),
    st.binary(max_size=300),
)
def test_a_request_survives_the_round_trip(
    method: str, uri: str, fields: list[tuple[str, str]], body: bytes
) -> None:
    message = SipRequest(method, uri, Headers(fields), body)
    parsed = parse_datagram(message.serialise())
    assert isinstance(parsed, SipRequest)
    assert (parsed.method, parsed.uri, parsed.body) == (method, uri, body)
    assert Headers([one for one in parsed.headers if one[0] != "Content-Length"]) == message.headers


@given(st.integers(100, 699), _values, st.binary(max_size=300))
def test_a_response_survives_the_round_trip(status: int, reason: str, body: bytes) -> None:
    parsed = parse_datagram(SipResponse(status, reason, Headers(), body).serialise())
    assert isinstance(parsed, SipResponse)
    assert (parsed.status, parsed.reason, parsed.body) == (status, reason, body)


def test_bytes_that_are_no_text_survive_the_round_trip() -> None:
    data = INVITE.replace(b"sip:a@x", b"sip:\xff\xfe@x")
    assert b"\xff\xfe" in parse_datagram(data).serialise()


# Header values


@pytest.mark.parametrize(
    ("value", "uri", "tag"),
    [
        ("<sip:a@b>;tag=x", "sip:a@b", "x"),
        ("sip:a@b;tag=x", "sip:a@b", "x"),
        ('"Li \\"Ming\\" <x>" <sip:a@b;lr>;tag=x', "sip:a@b;lr", "x"),
        ("Li Ming <sip:a@b>", "sip:a@b", None),
        ("<sip:a@b>;tag=", "sip:a@b", None),
        ('<sip:a@b>;q="a;b";TAG=y', "sip:a@b", "y"),
    ],
)
def test_addresses_are_read(value: str, uri: str, tag: str | None) -> None:
    address = parse_name_address(value)
    assert (address.uri, address.tag) == (uri, tag)


@pytest.mark.parametrize(
    "value", ["", "<sip:a", '"open <sip:a>', "<>", "<a b>", '"x" sip:a', "<sip:a> tail", "<sip:a>;=x"]
)
def test_addresses_that_cannot_be_read_are_errors(value: str) -> None:
    with pytest.raises(SipError):
        parse_name_address(value)


@pytest.mark.parametrize(
    ("value", "host", "port", "branch"),
    [
        ("SIP/2.0/UDP a.example;branch=z9hG4bK1", "a.example", None, "z9hG4bK1"),
        ("SIP / 2.0 / tcp 192.0.2.1:5062 ; branch=x;rport", "192.0.2.1", 5062, "x"),
        ("SIP/2.0/UDP [2001:db8::1]:5060", "[2001:db8::1]", 5060, ""),
    ],
)
def test_vias_are_read(value: str, host: str, port: int | None, branch: str) -> None:
    via = parse_via(value)
    assert (via.host, via.port, via.branch) == (host, port, branch)


@pytest.mark.parametrize(
    "value",
    ["", "SIP/2.0/UDP", "HTTP/1.1 a", "SIP/2.0/UDP a:0", "SIP/2.0/UDP a:70000", 'SIP/2.0/UDP a;b="c d"'],
)
def test_vias_that_cannot_be_read_are_errors(value: str) -> None:
    with pytest.raises(SipError):
        parse_via(value)


def test_a_via_says_where_the_request_came_from() -> None:
    via = parse_via("SIP/2.0/UDP 10.0.0.1:5060;rport;branch=z9hG4bK1").received_from("192.0.2.7", 6000)
    assert via.serialise() == "SIP/2.0/UDP 10.0.0.1:5060;rport=6000;branch=z9hG4bK1;received=192.0.2.7"


@pytest.mark.parametrize(
    "value", [None, "", "INVITE", "1", "x INVITE", "2147483648 INVITE", "-1 INVITE", "1 IN VITE"]
)
def test_sequence_numbers_that_cannot_be_read_are_errors(value: str | None) -> None:
    with pytest.raises(SipError):
        parse_cseq(value)


def test_more_parameters_than_allowed_are_an_error() -> None:
    with pytest.raises(SipError):
        parse_parameters("".join(f";p{index}" for index in range(100)))


@pytest.mark.parametrize(
    ("uri", "expected"),
    [
        ("sip:a@192.0.2.1:5070;transport=tcp", ("192.0.2.1", 5070, "TCP")),
        ("sip:192.0.2.1", ("192.0.2.1", 5060, None)),
        ("sip:a@[2001:db8::1]:5061", ("2001:db8::1", 5061, None)),
        ("sip:a@gateway.example", None),
        ("tel:8001", None),
        ("sip:a@192.0.2.1:99999", None),
    ],
)
def test_only_addresses_are_taken_from_uris(uri: str, expected: tuple[str, int, str | None] | None) -> None:
    assert uri_address(uri) == expected


@pytest.mark.parametrize(
    ("uri", "user"),
    [
        ("sip:8001@10.0.0.1", "8001"),
        ("sip:+86138-0013-8000@x;user=phone", "+8613800138000"),
        ("tel:+86-138(00)138.000;ext=1", "+8613800138000"),
        ("2249888500@172.16.198.55", "2249888500"),
        ("Extension-016190619@speechpath.ie", "Extension-016190619"),
        ("sips:a%2Eb:secret@x", "a.b"),
        ("sip:8001;phone-context=x@host", "8001"),
        ("<sip:8001@x>", "8001"),
        ("sip:host.example", ""),
        ("", ""),
    ],
)
def test_the_user_of_an_address_of_record(uri: str, user: str) -> None:
    assert user_of(uri) == user


@given(st.text(max_size=200))
def test_header_values_raise_nothing_but_the_one_error(text: str) -> None:
    for parse in (parse_name_address, parse_via, parse_parameters, parse_cseq):
        with contextlib.suppress(SipError):
            parse(text)  # type: ignore[operator]
    user_of(text)
    uri_address(text)
    split_list(text)
