"""Responses of the recording server: reason phrases and the fields that each must carry (RFC 3261 8.2.6)."""

from __future__ import annotations

from typing import Final

from appliance.telephony.dialog import ALLOWED_METHODS, SUPPORTED_OPTIONS, Incoming, contact
from appliance.telephony.recording_body import ACCEPTED_TYPES
from appliance.telephony.sip import Headers, SipResponse

REASONS: Final = {
    100: "Trying", 200: "OK", 400: "Bad Request", 403: "Forbidden", 405: "Method Not Allowed",
    408: "Request Timeout", 415: "Unsupported Media Type", 416: "Unsupported URI Scheme",
    420: "Bad Extension", 422: "Session Interval Too Small", 480: "Temporarily Unavailable",
    481: "Call/Transaction Does Not Exist", 482: "Loop Detected", 486: "Busy Here", 487: "Request Terminated",
    488: "Not Acceptable Here", 491: "Request Pending", 500: "Server Internal Error",
    503: "Service Unavailable", 505: "Version Not Supported", 513: "Message Too Large",
}  # fmt: skip
ALLOW: Final = ", ".join(ALLOWED_METHODS)
SUPPORTED: Final = ", ".join(SUPPORTED_OPTIONS)

Fields = tuple[tuple[str, str], ...]


def make_response(
    incoming: Incoming, status: int, tag: str, fields: Fields = (), body: bytes = b""
) -> SipResponse:
    """The response to a request.

    Args:
        incoming: the request.
        status: one of REASONS.
        tag: our tag for To, where the request has none there.
        fields: further fields, such as Retry-After.
        body: a session description, or nothing.
    """
    source = incoming.request.headers
    headers = Headers([("Via", value) for value in source.get_all("Via")])
    if status < 300:
        for value in source.get_all("Record-Route"):
            headers.add("Record-Route", value)
    for name in ("From", "To", "Call-ID", "CSeq", "Timestamp"):
        # A request that is refused with 400 may lack one of them.
        echoed = source.get(name)
        if echoed is not None:
            tagged = name == "To" and incoming.to_tag is None
            headers.add(name, f"{echoed};tag={tag}" if tagged else echoed)
    if 200 <= status < 300 and incoming.request.method in ("INVITE", "UPDATE", "OPTIONS"):
        headers.add("Contact", contact(incoming.peer))
    if status in (200, 405):
        headers.add("Allow", ALLOW)
    if status == 200:
        headers.add("Supported", SUPPORTED)
    if status == 415 or (status == 200 and incoming.request.method == "OPTIONS"):
        headers.add("Accept", ACCEPTED_TYPES)
        headers.add("Accept-Encoding", "identity")
    for name, value in fields:
        headers.add(name, value)
    if body:
        headers.add("Content-Type", "application/sdp")
    return SipResponse(status, REASONS[status], headers, body)
