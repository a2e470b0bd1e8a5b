"""Session timers (RFC 4028): what is agreed, and what happens when its time comes."""

from __future__ import annotations

import pytest

from appliance.telephony.recording_events import SessionEnded
from appliance.telephony.session_timer import IntervalTooSmallError, SessionTimer, negotiate
from appliance.telephony.sip import Headers, SipError, SipRequest, SipResponse
from tests.telephony.recording_client import OFFER, Client, only


def _negotiate(**fields: str) -> SessionTimer | None:
    return negotiate(Headers([(name.replace("_", "-"), value) for name, value in fields.items()]), 1800)


def test_without_the_clients_support_there_is_no_timer() -> None:
    assert _negotiate() is None


def test_a_client_that_supports_timers_is_given_our_interval() -> None:
    assert _negotiate(Supported="timer") == SessionTimer(1800, "uac", client_supports=True)


@pytest.mark.parametrize(
    ("requested", "minimum", "agreed"),
    [("600", "90", 600), ("7200", "90", 1800), ("7200", "3600", 3600), ("90", "90", 90)],
)
def test_the_interval_lies_between_the_clients_minimum_and_our_wish(
    requested: str, minimum: str, agreed: int
) -> None:
    timer = _negotiate(Supported="timer", Session_Expires=requested, Min_SE=minimum)
    assert timer is not None
    assert timer.interval == agreed


def test_the_clients_choice_of_refresher_stands() -> None:
    timer = _negotiate(Supported="timer", x="600;refresher=uas")
    assert timer is not None
    assert timer.refresher == "uas"


def test_for_a_proxy_that_asks_we_refresh_ourselves() -> None:
    timer = _negotiate(Session_Expires="60")
    assert timer == SessionTimer(90, "uas", client_supports=False)
    assert ("Require", "timer") not in timer.headers()


def test_too_small_an_interval_is_an_error_that_names_the_minimum() -> None:
    with pytest.raises(IntervalTooSmallError) as caught:
        _negotiate(Supported="timer", Session_Expires="30")
    assert caught.value.fields == (("Min-SE", "90"),)


def test_an_interval_that_is_no_number_is_an_error() -> None:
    with pytest.raises(SipError):
        _negotiate(Supported="timer", Session_Expires="soon")


def test_422_carries_the_minimum() -> None:
    client = Client()
    headers = {"Supported": "timer", "Session-Expires": "60"}
    response = only(client.send(client.request("INVITE", 1, body=OFFER, headers=headers)))
    assert isinstance(response, SipResponse)
    assert response.status == 422
    assert response.headers.get("Min-SE") == "90"


def test_the_200_names_interval_and_refresher() -> None:
    client = Client()
    response = client.call(headers={"Supported": "timer", "Session-Expires": "600;refresher=uac"})
    assert response.headers.get("Session-Expires") == "600;refresher=uac"
    assert response.headers.values("Require") == ["timer"]


def test_a_client_that_does_not_refresh_is_given_up_shortly_before_expiry() -> None:
    client = Client()
    client.call(headers={"Supported": "timer", "Session-Expires": "600;refresher=uac"})
    client.advance(567)
    assert client.requests("BYE") == []
    client.advance(2)
    assert len(client.requests("BYE")) >= 1
    assert client.events[-1] == SessionEnded(client.events[0].session, "expired")


def test_a_refresh_of_the_client_begins_the_interval_anew() -> None:
    client = Client()
    headers = {"Supported": "timer", "Session-Expires": "600;refresher=uac"}
    client.call(headers=headers)
    client.advance(500)
    client.send(client.request("UPDATE", 2, headers=headers))
    client.advance(500)
    assert client.requests("BYE") == []


def _refreshed(client: Client, allow: str) -> SipRequest:
    headers = {"Supported": "timer", "Session-Expires": "600;refresher=uas", "Allow": allow}
    client.call(headers=headers)
    assert client.advance(299) == []
    request = only(client.advance(1.2))
    assert isinstance(request, SipRequest)
    return request


def test_we_refresh_by_update_where_the_client_allows_it() -> None:
    client = Client()
    request = _refreshed(client, "INVITE, UPDATE")
    assert request.method == "UPDATE"
    assert request.body == b""
    assert request.headers.get("Session-Expires") == "600;refresher=uac"
    client.respond(request, 200, {"Session-Expires": "600;refresher=uac"})
    assert only(client.advance(300.3)).headers.get("CSeq") == "2 UPDATE"


def test_we_refresh_by_reinvite_where_it_does_not_and_acknowledge_the_answer() -> None:
    client = Client()
    request = _refreshed(client, "INVITE, BYE")
    assert request.method == "INVITE"
    assert b"m=audio" in request.body
    acknowledgement = only(client.respond(request, 200, {"Session-Expires": "600;refresher=uac"}))
    assert isinstance(acknowledgement, SipRequest)
    assert acknowledgement.method == "ACK"
    assert acknowledgement.headers.get("CSeq") == "1 ACK"
    assert acknowledgement.headers.get("Via") != request.headers.get("Via")
    # The 200 is repeated where our ACK was lost; so is the ACK.
    assert only(client.respond(request, 200)) == acknowledgement


def test_a_refusal_of_our_reinvite_is_acknowledged_on_its_branch() -> None:
    client = Client()
    request = _refreshed(client, "INVITE, BYE")
    acknowledgement = only(client.respond(request, 500))
    assert acknowledgement.headers.get("Via") == request.headers.get("Via")
    assert client.server.sessions == 1


def test_a_refresh_nobody_answers_ends_the_call() -> None:
    client = Client()
    _refreshed(client, "INVITE, UPDATE")
    client.advance(33)
    assert client.events[-1] == SessionEnded(client.events[0].session, "unreachable")
    assert client.requests("BYE")


def test_a_client_that_has_forgotten_the_call_ends_it() -> None:
    client = Client()
    client.respond(_refreshed(client, "INVITE, UPDATE"), 481)
    assert client.events[-1] == SessionEnded(client.events[0].session, "unreachable")


def test_a_client_that_wants_a_longer_interval_gets_it() -> None:
    client = Client()
    request = only(client.respond(_refreshed(client, "INVITE, UPDATE"), 422, {"Min-SE": "900"}))
    assert request.headers.get("Session-Expires") == "900;refresher=uac"


def test_an_update_that_is_not_allowed_becomes_a_reinvite() -> None:
    client = Client()
    request = only(client.respond(_refreshed(client, "INVITE, UPDATE"), 405))
    assert isinstance(request, SipRequest)
    assert request.method == "INVITE"


def test_a_refresh_that_meets_the_clients_request_is_tried_again() -> None:
    client = Client()
    request = _refreshed(client, "INVITE, UPDATE")
    assert client.respond(request, 491) == []
    assert only(client.advance(1.1)).headers.get("CSeq") == "2 UPDATE"


def test_an_invite_of_the_client_that_meets_ours_is_answered_491() -> None:
    client = Client()
    _refreshed(client, "INVITE, BYE")
    response = only(client.send(client.request("INVITE", 2, body=OFFER)))
    assert isinstance(response, SipResponse)
    assert response.status == 491


def test_a_refused_refresh_lets_the_session_expire() -> None:
    client = Client()
    client.respond(_refreshed(client, "INVITE, UPDATE"), 500)
    client.advance(301)
    assert client.events[-1] == SessionEnded(client.events[0].session, "expired")
