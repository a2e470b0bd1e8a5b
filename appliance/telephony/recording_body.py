"""The bodies of SIPREC requests: a session description, recording metadata, or both in a multipart."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Final

from appliance.telephony.multipart import MultipartError, split_body
from appliance.telephony.recording_metadata import (
    METADATA_TYPES,
    MetadataError,
    RecordingMetadata,
    parse_recording_metadata,
)
from appliance.telephony.sdp import SdpError, SessionDescription, parse_sdp
from appliance.telephony.sip import SipError, SipRequest

SDP_TYPE: Final = "application/sdp"
#: The value of Accept in responses.
ACCEPTED_TYPES: Final = f"{SDP_TYPE}, {METADATA_TYPES[0]}, {METADATA_TYPES[1]}, multipart/mixed"
#: RFC 7866 section 9: the Content-Disposition of metadata.
METADATA_DISPOSITION: Final = "recording-session"


class UnsupportedBodyError(SipError):
    """A body, or a part that must be understood, is of another type; the response is 415 with Accept."""

    def __init__(self, message: str) -> None:
        super().__init__(message, 415)


@dataclass(frozen=True, slots=True)
class RecordingBody:
    """What was in the body of one request."""

    description: SessionDescription | None = field(default=None, repr=False)
    metadata: RecordingMetadata | None = None
    #: there is metadata, but it cannot be read; the call is answered all the same
    broken_metadata: bool = False


def read_body(request: SipRequest, wanted: frozenset[str] = frozenset()) -> RecordingBody:
    """Read the body of an INVITE, UPDATE or ACK; parts of other types are left aside.

    RFC 3261 section 20.11 would have unknown parts be required unless they say otherwise, but gateways send
    their own parts without a word about it; so only an explicit `handling=required` refuses the request.

    Raises:
        UnsupportedBodyError: the whole body is of an unknown type or encoding, or a required part is.
        SipError: a multipart or the session description cannot be read (status 400).
    """
    if not request.body.strip():
        return RecordingBody()
    encoding = (request.headers.get("Content-Encoding") or "identity").strip().lower()
    if encoding != "identity":
        raise UnsupportedBodyError("a body with a content encoding")
    content_type = request.headers.get("Content-Type")
    if content_type is None:
        raise SipError("a body without Content-Type")
    try:
        parts = split_body(content_type, request.body)
    except MultipartError as error:
        raise SipError(f"a multipart that cannot be read: {error}") from error
    description: SessionDescription | None = None
    metadata: RecordingMetadata | None = None
    broken = understood = False
    for part in parts:
        media_type = part.content_type.media_type
        if media_type == SDP_TYPE:
            understood = True
            if description is None:
                description = _description(part.body)
        elif media_type in METADATA_TYPES or part.disposition == METADATA_DISPOSITION:
            understood = True
            try:
                metadata = parse_recording_metadata(part.body, wanted)
            except MetadataError:
                broken = True
        elif part.required:
            raise UnsupportedBodyError("a required part of an unknown type")
    if not understood:
        raise UnsupportedBodyError("a body of an unknown type")
    return RecordingBody(description, metadata, broken)


def _description(data: bytes) -> SessionDescription:
    try:
        return parse_sdp(data)
    except SdpError as error:
        raise SipError(f"a session description that cannot be read: {error}") from error
