"""Answers of a recording server to offers (RFC 3264, RFC 7866 section 7.2): it receives, and never sends."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Final

from appliance.telephony.rtp import Codec
from appliance.telephony.sdp import Attribute, Media, MediaDirection, Origin, SessionDescription

#: A stream that is agreed but of no use is answered inactive with the discard port (RFC 863).
DISCARD_PORT: Final = 9
#: RFC 3551; AVPF only adds feedback, which a receiver need not send (RFC 4585 section 3.6.2).
ACCEPTED_PROTOCOLS: Final = ("RTP/AVP", "RTP/AVPF")
CODECS: Final[Mapping[str, Codec]] = {"PCMA": "PCMA", "PCMU": "PCMU"}


class NotAcceptableError(ValueError):
    """No stream of an offer can be received; `warning` is the Warning header's value (RFC 3261 20.43)."""

    def __init__(self, code: int, text: str, agent: str = "ridge") -> None:
        super().__init__(text)
        self.warning = f'{code} {agent} "{text}"'


@dataclass(frozen=True, slots=True)
class StreamChoice:
    """One stream of an offer that can be received."""

    #: which `m=` section
    index: int
    label: str | None
    #: what the answer names: the client's first choice of those that can be received
    codec: Codec
    payload_type: int
    #: all payload types of the offer that can be received; gateways send them unasked after a transfer
    codecs: Mapping[int, Codec]
    #: payload types of telephone-event at 8000 Hz (RFC 4733), to be consumed and thrown away
    telephone_event: frozenset[int]
    #: as offered: what the client does
    direction: MediaDirection

    @property
    def sends(self) -> bool:
        """Whether the client sends media now; if not, the stream is on hold."""
        return self.direction in ("sendrecv", "sendonly")


def choose_streams(offer: SessionDescription) -> list[StreamChoice]:
    """The streams of an offer that can be received: RTP audio with PCMA or PCMU, in the client's order.

    Raises:
        NotAcceptableError: there is none.
    """
    chosen: list[StreamChoice] = []
    reasons: list[tuple[int, str]] = []
    for index, media in enumerate(offer.media):
        if media.kind != "audio":
            reasons.append((304, "Only audio is recorded; offer an audio stream"))
        elif media.protocol.upper() not in ACCEPTED_PROTOCOLS:
            reasons.append((302, "Only RTP/AVP is received; offer RTP/AVP"))
        elif media.port == 0:
            reasons.append((399, "All streams are offered with port 0"))
        elif (choice := _choose(index, media, offer.direction_of(index))) is None:
            reasons.append((305, "Only PCMA and PCMU at 8000 Hz are received; offer one of them"))
        else:
            chosen.append(choice)
    if not chosen:
        raise NotAcceptableError(*(reasons[0] if reasons else (399, "The offer holds no stream")))
    return chosen


def _choose(index: int, media: Media, direction: MediaDirection) -> StreamChoice | None:
    formats = media.media_formats
    codecs = {
        form.payload_type: CODECS[form.encoding]
        for form in formats
        if form.encoding in CODECS and form.clock_rate == 8000
    }
    if not codecs:
        return None
    payload_type, codec = next(iter(codecs.items()))
    events = frozenset(
        form.payload_type
        for form in formats
        if form.encoding == "TELEPHONE-EVENT" and form.clock_rate == 8000
    )
    return StreamChoice(index, media.label, codec, payload_type, codecs, events, direction)


def make_answer(
    offer: SessionDescription,
    choices: Mapping[int, StreamChoice],
    ports: Mapping[int, int],
    origin: Origin,
) -> SessionDescription:
    """The answer to an offer, with as many sections in the same order (RFC 3264 section 6).

    Args:
        offer: the client's description.
        choices: what `choose_streams` said, by section.
        ports: section to our RTP port. A chosen stream without a port is agreed as inactive.
        origin: our origin; its address is where we receive.
    """
    sections = tuple(
        _answer_section(media, choices.get(index), ports.get(index))
        for index, media in enumerate(offer.media)
    )
    return SessionDescription(origin, connection=origin.address, media=sections)


def _answer_section(media: Media, choice: StreamChoice | None, port: int | None) -> Media:
    if choice is None:
        return Media(media.kind, 0, media.protocol, media.formats)
    attributes: list[Attribute] = [("rtpmap", f"{choice.payload_type} {choice.codec}/8000")]
    formats = [str(choice.payload_type)]
    for event in sorted(choice.telephone_event):
        formats.append(str(event))
        attributes.append(("rtpmap", f"{event} telephone-event/8000"))
        attributes.append(("fmtp", f"{event} 0-15"))
    attributes.append(("recvonly" if choice.sends and port is not None else "inactive", None))
    # RFC 7866 needs labels in the client's description only; repeating them harms nobody
    # and lets a trace be read.
    if choice.label is not None:
        attributes.append(("label", choice.label))
    return Media(media.kind, port or DISCARD_PORT, media.protocol, tuple(formats), None, tuple(attributes))


def advertised(description: SessionDescription) -> SessionDescription:
    """Our description as a new offer: one version later, and ready to receive where a stream was on hold.

    An offer says what this side wants (RFC 6337); repeating `inactive` would keep a call on hold
    that the client wants to resume.
    """
    origin = replace(description.origin, version=description.origin.version + 1)
    return replace(description, origin=origin, media=tuple(map(_ready, description.media)))


def _ready(media: Media) -> Media:
    if media.port in (0, DISCARD_PORT):
        return media
    attributes = tuple(("recvonly", None) if one == ("inactive", None) else one for one in media.attributes)
    return replace(media, attributes=attributes)
