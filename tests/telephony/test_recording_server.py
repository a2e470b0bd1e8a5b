"""The recording server's core: calls, their changes and their ends, by bytes and a clock that is told."""

from __future__ import annotations

import pytest

from appliance.telephony.recording_events import (
    SessionChanged,
    SessionConfirmed,
    SessionEnded,
    SessionOffered,
)
from appliance.telephony.sdp import parse_sdp
from appliance.telephony.sip import SipResponse
from tests.telephony.recording_client import OFFER, TCP, Client, offer_of, only, status

METADATA = (
    b"<recording xmlns='urn:ietf:params:xml:ns:recording:1'><datamode>partial</datamode>"
    b"<participant participant_id='p1'><nameID aor='sip:8001@x'/></participant></recording>"
)


def test_a_call_is_offered_answered_and_confirmed() -> None:
    client = Client()
    response = client.call()
    assert [type(event) for event in client.events] == [SessionOffered, SessionConfirmed]
    assert isinstance(client.events[0], SessionOffered)
    assert client.events[0].siprec
    assert "+sip.srs" in (response.headers.get("Contact") or "")
    assert response.headers.tokens("Supported") == {"siprec", "timer"}
    assert {"invite", "update", "bye", "cancel", "options", "ack"} <= response.headers.tokens("Allow")
    answer = parse_sdp(response.body)
    assert [answer.direction_of(index) for index in range(2)] == ["recvonly", "recvonly"]


def test_the_answer_goes_back_through_all_vias_and_names_the_source() -> None:
    client = Client()
    via = "SIP/2.0/UDP proxy.example;branch=z9hG4bKx;rport, SIP/2.0/UDP 10.0.0.1;branch=z9hG4bKy"
    client.send(client.request("INVITE", 1, body=OFFER, headers={"Via": via, "Record-Route": "<sip:p1;lr>"}))
    response = client.accept()
    vias = response.headers.values("Via")
    assert len(vias) == 2
    assert "received=192.0.2.10" in vias[0]
    assert "rport=5060" in vias[0]
    assert vias[1] == "SIP/2.0/UDP 10.0.0.1;branch=z9hG4bKy"
    assert response.headers.values("Record-Route") == ["<sip:p1;lr>"]


def test_without_rport_the_answer_goes_to_the_port_of_the_via() -> None:
    client = Client()
    data = client.request("OPTIONS", 1, headers={"Via": "SIP/2.0/UDP 192.0.2.10:5099;branch=z9hG4bKq"})
    client.server.receive_datagram(data, client.peer, client.now)
    assert client.server.data_to_send()[0].peer.port == 5099


def test_the_200_is_repeated_until_the_ack_and_no_longer() -> None:
    client = Client()
    client.call(acknowledge=False)
    repeated = client.advance(3.6)
    # T1 doubles: after 0.5, 1.5 and 3.5 s.
    assert [one.status for one in repeated if isinstance(one, SipResponse)] == [200, 200, 200]
    client.send(client.request("ACK", 1))
    assert client.advance(40) == []


def test_the_200_is_repeated_over_tcp_too() -> None:
    client = Client(TCP)
    client.call(acknowledge=False)
    assert len(client.advance(1.6)) == 2


def test_without_ack_the_call_is_given_up_with_bye() -> None:
    client = Client()
    client.call(acknowledge=False)
    client.advance(33)
    assert len(client.requests("BYE")) >= 1
    assert client.events[-1] == SessionEnded(client.events[0].session, "no_ack")
    # 64*T1 of retransmission: 0.5, 1, 2, then every 4 s.
    assert sum(isinstance(one, SipResponse) and one.status == 200 for one in client.sent) == 11


def test_a_repeated_invite_is_absorbed_and_its_answer_repeated() -> None:
    client = Client()
    data = client.request("INVITE", 1, body=OFFER)
    client.send(data)
    assert client.send(data) == []
    client.accept()
    assert status(client.send(data)) == 200
    assert len(client.events) == 1
    assert client.server.sessions == 1


def test_the_same_invite_over_another_path_is_a_loop() -> None:
    client = Client()
    client.send(client.request("INVITE", 1, body=OFFER))
    assert status(client.send(client.request("INVITE", 1, body=OFFER))) == 482


def test_bye_ends_the_call_and_is_answered_again_when_repeated() -> None:
    client = Client()
    client.call()
    bye = client.request("BYE", 2)
    assert status(client.send(bye)) == 200
    assert client.events[-1] == SessionEnded(client.events[0].session, "bye")
    assert status(client.send(bye)) == 200
    assert status(client.send(client.request("BYE", 3))) == 481
    assert client.server.sessions == 0


def test_bye_before_the_ack_stops_the_repetition_of_the_200() -> None:
    client = Client()
    client.call(acknowledge=False)
    client.send(client.request("BYE", 2))
    assert client.advance(40) == []


def test_cancel_before_the_answer_ends_the_call_with_487() -> None:
    client = Client()
    client.send(client.request("INVITE", 1, body=OFFER, branch="z9hG4bKinv"))
    answers = client.send(client.request("CANCEL", 1, branch="z9hG4bKinv"))
    assert [one.status for one in answers if isinstance(one, SipResponse)] == [200, 487]
    assert client.events[-1] == SessionEnded(client.events[0].session, "cancelled")
    client.send(client.request("ACK", 1, branch="z9hG4bKinv"))
    assert client.advance(40) == []


def test_cancel_after_the_answer_changes_nothing() -> None:
    client = Client()
    client.send(client.request("INVITE", 1, body=OFFER, branch="z9hG4bKinv"))
    accepted = client.accept()
    cancelled = only(client.send(client.request("CANCEL", 1, branch="z9hG4bKinv")))
    assert isinstance(cancelled, SipResponse)
    assert cancelled.status == 200
    assert cancelled.headers.get("To") == accepted.headers.get("To")
    assert client.server.sessions == 1


def test_cancel_of_an_unknown_invite_is_answered_481() -> None:
    client = Client()
    assert status(client.send(client.request("CANCEL", 1))) == 481


@pytest.mark.parametrize(
    ("method", "expected"),
    [("REGISTER", 405), ("INFO", 405), ("SUBSCRIBE", 405), ("BYE", 481), ("UPDATE", 481), ("OPTIONS", 200)],
)
def test_requests_outside_a_call(method: str, expected: int) -> None:
    client = Client()
    response = only(client.send(client.request(method, 1)))
    assert isinstance(response, SipResponse)
    assert response.status == expected
    if expected in (200, 405):
        assert "INVITE" in response.headers.values("Allow")


def test_options_says_what_is_accepted() -> None:
    client = Client()
    response = only(client.send(client.request("OPTIONS", 1)))
    assert {"application/sdp", "application/rs-metadata+xml", "multipart/mixed"} <= response.headers.tokens(
        "Accept"
    )
    assert "siprec" in response.headers.tokens("Supported")


def test_siprec_may_be_required_but_not_the_unknown() -> None:
    client = Client()
    response = only(
        client.send(client.request("INVITE", 1, body=OFFER, headers={"Require": "siprec, 100rel, foo"}))
    )
    assert isinstance(response, SipResponse)
    assert response.status == 420
    assert response.headers.values("Unsupported") == ["100rel", "foo"]
    client.send(client.request("INVITE", 2, body=OFFER, call="call-2", headers={"Require": "siprec"}))
    assert isinstance(client.events[-1], SessionOffered)


def test_an_invite_without_offer_is_refused_with_a_warning() -> None:
    client = Client()
    response = only(client.send(client.request("INVITE", 1)))
    assert isinstance(response, SipResponse)
    assert response.status == 488
    assert "session description" in (response.headers.get("Warning") or "")


@pytest.mark.parametrize(
    ("body", "content_type", "expected"),
    [
        (b"hello", "text/plain", 415),
        (b"v=0\r\nnonsense", "application/sdp", 400),
        (b"no boundary here", "multipart/mixed;boundary=x", 400),
        (b"--x\r\nContent-Type: text/plain\r\n\r\nhello\r\n--x--", "multipart/mixed;boundary=x", 415),
        (b"--x\r\n\r\n--x--", "multipart/mixed", 400),
    ],
)
def test_bodies_that_cannot_be_worked_with(body: bytes, content_type: str, expected: int) -> None:
    client = Client()
    response = only(client.send(client.request("INVITE", 1, body=body, content_type=content_type)))
    assert isinstance(response, SipResponse)
    assert response.status == expected
    if expected == 415:
        assert "application/sdp" in response.headers.tokens("Accept")
    assert client.server.sessions == 0


def test_a_compressed_body_is_unsupported() -> None:
    client = Client()
    data = client.request("INVITE", 1, body=OFFER, headers={"Content-Encoding": "gzip"})
    assert status(client.send(data)) == 415


def test_an_optional_part_of_another_type_is_left_aside_and_a_required_one_refused() -> None:
    client = Client()
    part = (
        b"\r\n--x\r\nContent-Type: application/gtd\r\n"
        b"Content-Disposition: signal;handling=%s\r\n\r\nIAM,\r\n--x--"
    )
    front = b"--x\r\nContent-Type: application/sdp\r\n\r\n" + OFFER
    kind = "multipart/mixed;boundary=x"
    required = client.request("INVITE", 1, body=front + part % b"required", content_type=kind)
    assert status(client.send(required)) == 415
    optional = client.request("INVITE", 2, body=front + part % b"optional", content_type=kind)
    assert client.send(optional) == []
    assert isinstance(client.events[-1], SessionOffered)


def test_past_the_number_of_calls_a_flood_gets_503_and_leaves_nothing_behind() -> None:
    client = Client(max_sessions=1)
    client.send(client.request("INVITE", 1, body=OFFER))
    for index in range(500):
        response = only(client.send(client.request("INVITE", 1, body=OFFER, call=f"flood-{index}")))
        assert isinstance(response, SipResponse)
        assert response.status == 503
        assert response.headers.get("Retry-After") == "5"
    assert client.server.sessions == 1
    assert client.advance(40) == []


def test_when_stopping_new_calls_get_503_and_old_ones_go_on() -> None:
    client = Client()
    client.call()
    client.server.stopping = True
    assert status(client.send(client.request("INVITE", 1, body=OFFER, call="call-2", to_tag=""))) == 503
    assert status(client.send(client.request("OPTIONS", 2))) == 200


def test_a_request_that_no_answer_can_be_addressed_to_is_counted() -> None:
    client = Client()
    assert client.send(client.request("INVITE", 1, body=OFFER, headers={"Via": ""})) == []
    assert client.server.counters["unreadable"] == 1


@pytest.mark.parametrize(
    "headers",
    [
        {"From": ""},
        {"To": ""},
        {"Call-ID": ""},
        {"CSeq": ""},
        {"CSeq": "1 BYE"},
        {"CSeq": "first INVITE"},
        {"From": "<sip:src@x>"},
        {"From": "<sip:src@x"},
    ],
)
def test_a_request_that_lacks_what_it_needs_is_refused(headers: dict[str, str]) -> None:
    client = Client()
    assert status(client.send(client.request("INVITE", 1, body=OFFER, headers=headers))) == 400
    assert client.send(client.request("ACK", 1, headers=headers)) == []
    assert client.server.counters["unreadable"] == 2


@pytest.mark.parametrize(
    ("headers", "expected"),
    [
        ({"Contact": ""}, 400),
        ({"Contact": "<mailto:a@b>"}, 400),
        ({"Content-Type": ""}, 400),
        ({"Content-Length": "999999"}, 513),
        ({"Content-Length": "9999"}, 400),
        ({"Content-Length": "-1"}, 400),
    ],
)
def test_a_malformed_invite_is_answered(headers: dict[str, str], expected: int) -> None:
    client = Client()
    assert status(client.send(client.request("INVITE", 1, body=OFFER, headers=headers))) == expected


def test_another_version_of_sip_is_refused_by_name() -> None:
    client = Client()
    data = client.request("OPTIONS", 1).replace(b" SIP/2.0\r\n", b" SIP/3.0\r\n", 1)
    assert status(client.send(data)) == 505


def test_a_valid_request_with_unusual_white_space_and_case_is_understood() -> None:
    # The manner of RFC 4475 section 3.1.1.1.
    client = Client()
    data = (
        b"INVITE sip:srs@192.0.2.1;unknownparam SIP/2.0\r\n"
        b"TO :\r\n <sip:srs@192.0.2.1 >  ;   X = y\r\n"
        b'f   : "J Rosenberg \\\\\\"" <sip:src@192.0.2.10>\r\n  ;\r\n  tag = 98asjd8\r\n'
        b"MaX-fOrWaRdS: 0068\r\ni: odd.ws@192.0.2.10\r\ncseq: 0009\r\n  INVITE\r\n"
        b"V:  SIP  / 2.0  / UDP     192.0.2.10   ;\r\n  branch  =   z9hG4bK9ikj8  ,\r\n"
        b" SIP  /    2.0   / UDP  192.168.255.111   ; branch=\r\n z9hG4bK30239\r\n"
        b'm:"Quoted string \\"\\"" <sip:src@192.0.2.10> ; newparam =\r\n  newvalue ;\r\n  +sip.src\r\n'
        b"C: application/sdp\r\nNewFangledHeader:   newfangled value\r\n continued newfangled value\r\n"
        b"l: %d\r\n\r\n" % len(OFFER)
    ) + OFFER
    assert client.send(data) == []
    assert isinstance(client.events[-1], SessionOffered)
    response = client.accept()
    assert response.status == 200
    assert [value.partition(";")[0].rstrip() for value in response.headers.values("Via")] == [
        "SIP/2.0/UDP 192.0.2.10", "SIP  /    2.0   / UDP  192.168.255.111",
    ]  # fmt: skip
    assert response.headers.get("CSeq") == "0009 INVITE"


def test_an_unknown_scheme_is_refused() -> None:
    client = Client()
    data = client.request("INVITE", 1, body=OFFER).replace(b"INVITE sip:", b"INVITE http:", 1)
    assert status(client.send(data)) == 416


def test_a_refusal_is_repeated_over_udp_until_its_ack() -> None:
    client = Client()
    client.send(client.request("INVITE", 1, branch="z9hG4bKno"))
    assert len(client.advance(1.6)) == 2
    client.send(client.request("ACK", 1, branch="z9hG4bKno"))
    assert client.advance(40) == []


def test_hold_and_resume_by_reinvite_are_told_and_answered() -> None:
    client = Client()
    client.call()
    held = OFFER.replace(b"sendonly", b"inactive")
    client.send(client.request("INVITE", 2, body=held))
    change = client.events[-1]
    assert isinstance(change, SessionChanged)
    assert change.needs_answer
    answer = parse_sdp(client.accept(held).body)
    assert [answer.direction_of(index) for index in range(2)] == ["inactive", "inactive"]
    client.send(client.request("ACK", 2))
    client.send(client.request("INVITE", 3, body=OFFER))
    assert client.accept().status == 200


def test_a_reinvite_without_offer_gets_our_description_one_version_later() -> None:
    client = Client()
    first = parse_sdp(client.call().body)
    response = only(client.send(client.request("INVITE", 2)))
    assert isinstance(response, SipResponse)
    offered = parse_sdp(response.body)
    assert offered.media == first.media
    assert offered.origin.version == first.origin.version + 1
    client.send(client.request("ACK", 2, body=OFFER.replace(b"sendonly", b"inactive")))
    change = client.events[-1]
    assert isinstance(change, SessionChanged)
    assert not change.needs_answer
    assert change.body.description is not None
    assert change.body.description.direction_of(0) == "inactive"


def test_a_reinvite_without_offer_can_resume_what_was_on_hold() -> None:
    client = Client()
    client.call()
    held = OFFER.replace(b"sendonly", b"inactive")
    client.send(client.request("INVITE", 2, body=held))
    client.accept(held)
    client.send(client.request("ACK", 2))
    response = only(client.send(client.request("INVITE", 3)))
    assert isinstance(response, SipResponse)
    assert parse_sdp(response.body).direction_of(0) == "recvonly"


def test_metadata_comes_by_update_without_an_offer() -> None:
    client = Client()
    client.call()
    data = client.request("UPDATE", 2, body=METADATA, content_type="application/rs-metadata+xml")
    assert status(client.send(data)) == 200
    change = client.events[-1]
    assert isinstance(change, SessionChanged)
    assert change.body.metadata is not None
    assert change.body.metadata.participants[0].users == ("8001",)


def test_broken_metadata_does_not_refuse_the_call() -> None:
    client = Client()
    body = (
        b"--x\r\nContent-Type: application/sdp\r\n\r\n" + OFFER + b"\r\n--x\r\n"
        b"Content-Type: application/rs-metadata+xml\r\n\r\n<recording><oops></recording>\r\n--x--"
    )
    assert (
        client.send(client.request("INVITE", 1, body=body, content_type="multipart/mixed;boundary=x")) == []
    )
    event = client.events[-1]
    assert isinstance(event, SessionOffered)
    assert event.body.broken_metadata
    assert event.body.metadata is None


def test_a_refused_reinvite_leaves_the_call_as_it_was() -> None:
    client = Client()
    client.call()
    client.send(client.request("INVITE", 2, body=OFFER, branch="z9hG4bKre"))
    client.server.reject(client.events[-1].session, 488, client.now)
    assert status(client.collect()) == 488
    client.send(client.request("ACK", 2, branch="z9hG4bKre"))
    assert client.server.sessions == 1
    assert status(client.send(client.request("BYE", 3))) == 200


def test_an_old_cseq_is_an_error() -> None:
    client = Client()
    client.call()
    client.send(client.request("OPTIONS", 9))
    assert status(client.send(client.request("INVITE", 4, body=OFFER))) == 500


def test_a_second_offer_before_the_first_is_answered_has_to_wait() -> None:
    client = Client()
    client.call()
    client.send(client.request("INVITE", 2, body=OFFER))
    response = only(client.send(client.request("UPDATE", 3, body=OFFER)))
    assert isinstance(response, SipResponse)
    assert response.status == 500
    assert response.headers.get("Retry-After")


def test_a_request_with_an_unknown_tag_is_answered_481() -> None:
    client = Client()
    client.call()
    assert status(client.send(client.request("INVITE", 2, body=OFFER, to_tag="other"))) == 481


def test_we_end_a_call_with_bye_and_repeat_it_until_it_is_answered() -> None:
    client = Client()
    client.call(headers={"Record-Route": "<sip:192.0.2.77:5070;lr>"})
    session = client.events[0].session
    client.server.end(session, client.now)
    transmissions = client.server.data_to_send()
    assert (transmissions[0].peer.address, transmissions[0].peer.port) == ("192.0.2.77", 5070)
    client.server._endpoint.transmit(transmissions[0].data, client.peer)
    bye = only(client.collect())
    assert client.events[-1] == SessionEnded(session, "ended")
    assert bye.headers.get("Route") == "<sip:192.0.2.77:5070;lr>"
    assert len(client.advance(1.6)) == 2
    client.respond(bye, 200)  # type: ignore[arg-type]
    assert not client.server.waits_for_answers
    assert client.advance(40) == []


def test_a_bye_nobody_answers_is_given_up() -> None:
    client = Client()
    client.call()
    client.server.end(client.events[0].session, client.now)
    client.advance(33)
    # Timer E: 0.5, 1, 2 and then every 4 s.
    assert len(client.requests("BYE")) == 11
    assert not client.server.waits_for_answers


def test_a_call_that_is_ended_before_its_ack_gets_its_bye_after_it() -> None:
    client = Client()
    client.call(acknowledge=False)
    client.server.end(client.events[0].session, client.now)
    assert client.collect() == []
    client.send(client.request("ACK", 1))
    assert len(client.requests("BYE")) == 1


def test_requests_of_ours_go_only_where_that_is_allowed() -> None:
    client = Client()
    client.server._settings = type(client.server._settings)(10, 1800, lambda _: False, lambda: "token")
    client.call(headers={"Contact": "<sip:src@198.51.100.9>"})
    client.server.end(client.events[0].session, client.now)
    assert client.server.data_to_send()[0].peer.address == client.peer.address


def test_a_lost_connection_fails_our_requests_at_once() -> None:
    client = Client(TCP)
    client.call()
    client.server.end(client.events[0].session, client.now)
    assert client.server.waits_for_answers
    client.server.close_stream(TCP.connection, client.now)
    assert not client.server.waits_for_answers


def test_keep_alives_are_not_errors() -> None:
    client = Client()
    for data in (b"\r\n\r\n", b"\0", b"\r\n"):
        assert client.send(data) == []
    assert client.server.counters["keep_alive"] == 3
    assert client.server.counters["unreadable"] == 0


def test_a_ping_on_a_connection_is_answered() -> None:
    client = Client(TCP)
    client.server.receive_stream(b"\r\n\r\n", TCP, client.now)
    assert [one.data for one in client.server.data_to_send()] == [b"\r\n"]


def test_rubbish_closes_a_connection_and_calls_go_on() -> None:
    client = Client(TCP)
    client.call()
    assert not client.server.receive_stream(b"GET / HTTP/1.1\r\nHost: x\r\n\r\n", TCP, client.now)
    assert client.server.sessions == 1


@pytest.mark.parametrize(
    "name",
    [
        "acme-siprec-offer.txt", "broadworks-offer-2.txt", "broadworks-offer.txt", "cisco-siprec-offer.txt",
        "connectel-offer.txt", "connectel-offer2.txt", "connectel-offer3.txt", "inactive-sdp-offer.txt",
        "non-siprec-payload.txt", "procomm-siprec-offer.txt", "sonus-siprec-offer.txt",
    ],
)  # fmt: skip
def test_every_vendors_offer_opens_a_session(name: str) -> None:
    client = Client()
    content_type, body = offer_of(name)
    assert client.send(client.request("INVITE", 1, body=body, content_type=content_type)) == []
    event = client.events[-1]
    assert isinstance(event, SessionOffered)
    assert event.body.description is not None
    assert event.body.broken_metadata == (name == "broadworks-offer.txt")
