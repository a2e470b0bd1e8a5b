"""Finds the calls in captured SIP: who called whom, where the media go, and when it was held and ended."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Final, Literal

from appliance.telephony.frames import Address, Datagram, Segment
from appliance.telephony.multipart import MultipartError, split_body
from appliance.telephony.recording_metadata import (
    MetadataError,
    MetadataStream,
    Participant,
    RecordingMetadata,
    parse_recording_metadata,
)
from appliance.telephony.rtp import timestamp_delta
from appliance.telephony.sdp import SdpError, SessionDescription, parse_sdp
from appliance.telephony.signalled import Signalled, Wanted, signalled
from appliance.telephony.sip import SipError, SipMessage, SipRequest, parse_datagram
from appliance.telephony.sip_headers import NameAddress, parse_name_address, user_of
from appliance.telephony.sip_stream import SipStream

Side = Literal["caller", "callee"]

#: First line of a request or a response.
_FIRST_LINE: Final = re.compile(rb"(SIP/2\.0 [1-6][0-9]{2} |[A-Z]{3,16} [^\r\n]{1,512} SIP/2\.0\r?\n)")
#: TCP segments that may wait for an earlier one of their flow.
MAX_WAITING_SEGMENTS: Final = 64


@dataclass(frozen=True, slots=True)
class Described:
    """A session description that one side sent at a time."""

    time: float
    side: Side
    description: SessionDescription


@dataclass(frozen=True, slots=True)
class Said:
    """What the calling side said at a time beside the media: flags, or metadata as far as it has come."""

    time: float
    signalled: Signalled = field(default_factory=Signalled)
    metadata: RecordingMetadata | None = None
    #: there was metadata that cannot be read
    broken: bool = False


@dataclass(slots=True)
class CapturedDialog:
    """One SIP call of a capture."""

    began: float
    #: user parts of the addresses of From and To
    users: dict[Side, str] = field(repr=False)
    tag: str | None = None
    #: a recording session (RFC 7866), whose caller is the recording client
    recording: bool = False
    metadata: RecordingMetadata | None = None
    described: list[Described] = field(default_factory=list)
    #: IP address that the first INVITE came from
    gateway: str = ""
    said: list[Said] = field(default_factory=list)
    answered: float | None = None
    ended: float | None = None

    def participants(self) -> RecordingMetadata:
        """The two parties of an ordinary call, as metadata whose labels are `caller` and `callee`."""
        sides: tuple[Side, Side] = ("caller", "callee")
        return RecordingMetadata(
            True,
            tuple(
                Participant(side, (self.users[side],), frozenset({side}), None, side == "caller")
                for side in sides
            ),
            tuple(MetadataStream(side, side) for side in sides),
        )


class SipTrace:
    """Collects the dialogs of a capture, by Call-ID."""

    def __init__(self, wanted: Wanted) -> None:
        """Begin; flags that are `wanted` are kept."""
        self._wanted = wanted
        self.dialogs: dict[str, CapturedDialog] = {}
        #: messages and flows that looked like SIP and were not
        self.malformed = 0
        self._flows: dict[tuple[Address, Address], _Flow] = {}

    def take(self, found: Datagram | Segment, time: float) -> bool:
        """Take what was captured at `time`; true if it is SIP."""
        if isinstance(found, Datagram):
            if not _FIRST_LINE.match(found.payload):
                return False
            try:
                self._message(parse_datagram(found.payload), found.source[0], time)
            except SipError:
                self.malformed += 1
            return True
        flow = self._flows.get((found.source, found.destination))
        if flow is None:
            if not _FIRST_LINE.match(found.payload):
                return False
            flow = self._flows[found.source, found.destination] = _Flow(found.sequence)
        try:
            for message in flow.take(found):
                self._message(message, found.source[0], time)
        except SipError:
            # Where the next message of the flow begins is unknown; a new connection may use the same ports.
            self.malformed += 1
            del self._flows[found.source, found.destination]
        return True

    def _message(self, message: SipMessage, source: str, time: float) -> None:
        call_id = message.headers.get("Call-ID")
        if not call_id:
            return
        from_ = parse_name_address(message.headers.get("From") or "")
        to = parse_name_address(message.headers.get("To") or "")
        cseq = (message.headers.get("CSeq") or "").upper()
        dialog = self.dialogs.get(call_id)
        if dialog is None:
            if not isinstance(message, SipRequest) or message.method != "INVITE":
                return
            dialog = self.dialogs[call_id] = CapturedDialog(
                time, {"caller": _user(from_), "callee": _user(to)}, from_.tag, gateway=source
            )
            dialog.recording = "siprec" in message.headers.tokens("Require")
        by_caller = from_.tag == dialog.tag
        if isinstance(message, SipRequest):
            if message.method == "BYE" and dialog.ended is None:
                dialog.ended = time
            side: Side = "caller" if by_caller else "callee"
            if message.method in ("INVITE", "UPDATE") and by_caller:
                dialog.said.append(Said(time, signalled(message, self._wanted)))
        else:
            side = "callee" if by_caller else "caller"
            if cseq.endswith("INVITE") and 200 <= message.status < 300 and dialog.answered is None:
                dialog.answered = time
        self._body(dialog, message, side, time)

    def _body(self, dialog: CapturedDialog, message: SipMessage, side: Side, time: float) -> None:
        content_type = message.headers.get("Content-Type")
        if not message.body or not content_type:
            return
        try:
            parts = split_body(content_type, message.body)
        except MultipartError:
            self.malformed += 1
            return
        for part in parts:
            kind = part.content_type.media_type
            try:
                if kind == "application/sdp":
                    dialog.described.append(Described(time, side, parse_sdp(part.body)))
                elif kind.startswith("application/rs-metadata"):
                    newer = parse_recording_metadata(part.body, self._wanted.elements)
                    dialog.metadata = dialog.metadata.updated(newer) if dialog.metadata else newer
                    dialog.recording = True
                    dialog.said.append(Said(time, metadata=dialog.metadata))
            except SdpError:
                self.malformed += 1
            except MetadataError:
                self.malformed += 1
                dialog.said.append(Said(time, broken=True))


class _Flow:
    """One direction of a TCP connection, put in order."""

    def __init__(self, sequence: int) -> None:
        self._next = sequence
        self._waiting: dict[int, bytes] = {}
        self._stream = SipStream()

    def take(self, segment: Segment) -> Iterator[SipMessage]:
        payload, sequence = segment.payload, segment.sequence
        # TCP sequence numbers wrap at 32 bits (RFC 9293 §3.4), as RTP timestamps do.
        behind = timestamp_delta(self._next, sequence)
        if behind > 0:
            payload, sequence = payload[behind:], self._next
        if payload:
            self._waiting[sequence] = payload
        if len(self._waiting) > MAX_WAITING_SEGMENTS:
            raise SipError("a TCP segment is missing from the capture")
        while (piece := self._waiting.pop(self._next, None)) is not None:
            self._next = (self._next + len(piece)) & 0xFFFF_FFFF
            self._stream.feed(piece)
        while (message := self._stream.next_message()) is not None:
            yield message


def _user(address: NameAddress) -> str:
    return user_of(address.uri)
