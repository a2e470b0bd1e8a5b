"""SIPREC recording metadata (RFC 7865), full and partial, as recording clients really send it.

Names of elements are compared without namespace, prefix and case, because vendors differ in all three. Names
of people are not read at all: only addresses of record, which stay in this process.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from typing import Final
from xml.etree.ElementTree import Element, ParseError

import defusedxml.ElementTree
from defusedxml.common import DefusedXmlException

from appliance.telephony.signalled import plain
from appliance.telephony.sip import SipError
from appliance.telephony.sip_headers import host_of, parse_name_address, user_of

#: The media types in use: RFC 7866 section 9 with +xml, and a vendor's without.
METADATA_TYPES: Final = ("application/rs-metadata+xml", "application/rs-metadata")

#: Real documents have 1 to 6 KB.
MAX_METADATA_BYTES: Final = 49_152
#: Elements in a document; a call with 60 participants and all their associations stays below.
MAX_ELEMENTS: Final = 2_048
MAX_PARTICIPANTS: Final = 64
MAX_STREAMS: Final = 64
#: Values of elements that were asked for; a flag may stand in each participant and stream.
MAX_TOLD: Final = 64
#: An identifier is 24 base64 characters (RFC 7865), a label is a token (RFC 4574).
MAX_TEXT: Final = 256

_ROOTS: Final = ("recording", "recording_metadata")


class MetadataError(ValueError):
    """Bytes are no recording metadata; the message holds nothing of their content."""


@dataclass(frozen=True, slots=True)
class Participant:
    """One participant of the recorded call."""

    id: str
    #: user parts of the addresses of record: numbers or names, in the order of the document
    users: tuple[str, ...] = field(default=(), repr=False)
    #: ids of the streams that carry this participant's voice; None where nothing was said about it
    send: frozenset[str] | None = None
    #: ids of the streams that the participant hears
    recv: frozenset[str] | None = None
    #: whether this is the calling party, where a vendor's extension says it
    calling: bool | None = None
    #: hosts of the addresses of record, in lower case
    hosts: frozenset[str] = field(default=frozenset(), repr=False)


@dataclass(frozen=True, slots=True)
class MetadataStream:
    """One stream of the recording session."""

    id: str
    #: the `a=label` of its `m=` section
    label: str | None = None
    #: the voices of several participants are mixed in it
    mixed: bool = False


@dataclass(frozen=True, slots=True)
class RecordingMetadata:
    """What a document says, or several, one after the other."""

    #: False for a partial update (`datamode` partial)
    complete: bool
    participants: tuple[Participant, ...] = ()
    streams: tuple[MetadataStream, ...] = ()
    #: elements that were asked for, with their values, both in lower case
    told: tuple[tuple[str, str], ...] = field(default=(), repr=False)

    def updated(self, newer: RecordingMetadata) -> RecordingMetadata:
        """This metadata after a newer document: a complete one replaces it, a partial one changes parts."""
        if newer.complete:
            return newer
        participants = {participant.id: participant for participant in self.participants}
        for change in newer.participants:
            old = participants.get(change.id)
            participants[change.id] = _changed(old, change) if old else change
        streams = {stream.id: stream for stream in self.streams}
        for stream in newer.streams:
            known = streams.get(stream.id)
            if known is not None and stream.label is None:
                stream = replace(known, mixed=known.mixed or stream.mixed)  # noqa: PLW2901
            streams[stream.id] = stream
        return RecordingMetadata(
            self.complete,
            tuple(participants.values())[-MAX_PARTICIPANTS:],
            tuple(streams.values())[-MAX_STREAMS:],
            (*(one for one in self.told if one[0] not in {name for name, _ in newer.told}), *newer.told),
        )


def _changed(old: Participant, change: Participant) -> Participant:
    return Participant(
        old.id,
        change.users or old.users,
        old.send if change.send is None else change.send,
        old.recv if change.recv is None else change.recv,
        old.calling if change.calling is None else change.calling,
        change.hosts or old.hosts,
    )


def parse_recording_metadata(data: bytes, wanted: frozenset[str] = frozenset()) -> RecordingMetadata:
    """Parse one document.

    Args:
        data: the document.
        wanted: names of elements, in lower case, whose values are kept in `told`. The schema of RFC 7865 lets
            elements of other namespaces stand in nearly every element of its own.

    Raises:
        MetadataError: the document is too large, no well-formed XML, has a DTD or entities, is no recording
            metadata, or holds more than the limits allow.
    """
    if len(data) > MAX_METADATA_BYTES:
        raise MetadataError(f"{len(data)} bytes of metadata; {MAX_METADATA_BYTES} are allowed")
    try:
        root: Element = defusedxml.ElementTree.fromstring(data.strip(), forbid_dtd=True)
    except DefusedXmlException as error:
        raise MetadataError("metadata with a DTD or an entity, which are refused") from error
    except (ParseError, ValueError, LookupError) as error:
        # expat reports an unknown or multi-byte encoding as ValueError or LookupError.
        raise MetadataError("metadata that is no well-formed XML") from error
    if _name(root) not in _ROOTS:
        raise MetadataError("an XML document that is no recording metadata")
    elements = list(root.iter())
    if len(elements) > MAX_ELEMENTS:
        raise MetadataError(f"metadata with more than {MAX_ELEMENTS} elements")
    if len(elements) == 1:
        raise MetadataError("metadata without any element")
    return replace(_read(elements), told=_told(elements, wanted))


def _read(elements: list[Element]) -> RecordingMetadata:
    complete = True
    caller = ""
    participants: dict[str, Participant] = {}
    streams: dict[str, MetadataStream] = {}
    associations: list[Element] = []
    for element in elements:
        name = _name(element)
        if name == "datamode":
            complete = _text(element).lower() != "partial"
        elif name == "participant" and (identifier := _identifier(element, "participant_id", "id")):
            participants[identifier] = _participant(identifier, element)
        elif name == "stream" and (identifier := _identifier(element, "stream_id", "id")):
            streams[identifier] = _stream(identifier, element)
        elif name in ("participantstreamassoc", "participantsessionassoc"):
            associations.append(element)
        elif name == "fromhdr" and not caller:
            caller = _user_of_header(_text(element))
    for element in associations:
        _associate(participants, element)
    if len(participants) > MAX_PARTICIPANTS or len(streams) > MAX_STREAMS:
        raise MetadataError("metadata with too many participants or streams")
    found = _mark_caller(tuple(participants.values()), caller)
    return RecordingMetadata(complete, found, tuple(streams.values()))


def _told(elements: list[Element], wanted: frozenset[str]) -> tuple[tuple[str, str], ...]:
    """The value of each wanted element: its text, else its attribute `value`, else nothing."""
    found = tuple(
        (name, plain(_text(element) or element.get("value") or ""))
        for element in elements
        if (name := _name(element)) in wanted
    )
    if len(found) > MAX_TOLD:
        raise MetadataError(f"metadata with more than {MAX_TOLD} flags")
    return found


def _participant(identifier: str, element: Element) -> Participant:
    users: list[str] = []
    hosts: set[str] = set()
    calling: bool | None = None
    for child in element.iter():
        name = _name(child)
        if name in ("nameid", "aor"):
            address = child.get("aor") or child.get("AOR") or (_text(child) if name == "aor" else "")
            user = user_of(address)[:MAX_TEXT]
            if user and user not in users:
                users.append(user)
            if host := host_of(address):
                hosts.add(host)
        elif name == "callingparty":
            calling = {"true": True, "1": True, "false": False, "0": False}.get(_text(child).lower())
    send, recv = _send_and_receive(element)
    return Participant(identifier, tuple(users), send, recv, calling, frozenset(hosts))


def _stream(identifier: str, element: Element) -> MetadataStream:
    children = {_name(child): _text(child) for child in element}
    return MetadataStream(
        identifier, children.get("label") or None, children.get("mode", "").lower() == "mixed"
    )


def _associate(participants: dict[str, Participant], element: Element) -> None:
    identifier = _identifier(element, "participant_id", "participant", "id")
    if not identifier:
        return
    # A partial update may name a participant in an association only.
    participant = participants.get(identifier) or Participant(identifier)
    gone = any(_name(child) == "disassociate-time" for child in element)
    if gone:
        participant = replace(participant, send=frozenset(), recv=frozenset())
    elif _name(element) == "participantstreamassoc":
        send, recv = _send_and_receive(element)
        participant = replace(
            participant,
            send=_joined(participant.send, send),
            recv=_joined(participant.recv, recv),
        )
    participants[identifier] = participant


def _joined(old: frozenset[str] | None, new: frozenset[str] | None) -> frozenset[str] | None:
    return new if old is None else old if new is None else old | new


def _send_and_receive(element: Element) -> tuple[frozenset[str] | None, frozenset[str] | None]:
    send = frozenset(text for child in element if _name(child) == "send" and (text := _text(child)))
    recv = frozenset(text for child in element if _name(child) == "recv" and (text := _text(child)))
    if not send and not recv:
        return None, None
    # Where one of the two is said, the other is meant to be as it is shown, even when it is empty.
    return send, recv


def _mark_caller(participants: tuple[Participant, ...], caller: str) -> tuple[Participant, ...]:
    """Take the calling party from the From header that a vendor includes, where it fits one participant."""
    if not caller or any(participant.calling is not None for participant in participants):
        return participants
    if sum(caller in participant.users for participant in participants) != 1:
        return participants
    return tuple(replace(participant, calling=caller in participant.users) for participant in participants)


def _user_of_header(value: str) -> str:
    try:
        return user_of(parse_name_address(value).uri)
    except SipError:
        return ""


def _identifier(element: Element, *names: str) -> str:
    return next((value.strip()[:MAX_TEXT] for name in names if (value := element.get(name))), "")


def _name(element: Element) -> str:
    tag = element.tag
    # Comments and processing instructions have a function for a tag.
    return tag.rpartition("}")[2].lower() if isinstance(tag, str) else ""


def _text(element: Element) -> str:
    return (element.text or "").strip()[:MAX_TEXT]


def labelled_streams(metadata: RecordingMetadata) -> Iterator[tuple[str, MetadataStream]]:
    """The streams that have a label, with it."""
    for stream in metadata.streams:
        if stream.label is not None:
            yield stream.label, stream
