"""A capture of SIP and RTP as one call: a recording session (SIPREC) or an ordinary call of two parties."""

from __future__ import annotations

import mmap
import secrets
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final, Literal

from appliance.box.config import Roles
from appliance.capture.call_policy import SitePolicies
from appliance.capture.captured_sip import CapturedDialog, Side, SipTrace
from appliance.capture.leg import LegReceiver
from appliance.capture.replay_error import ReplayError
from appliance.capture.roles import AssignedRoles, UnknownRoles, Untold, resolve_roles
from appliance.telephony.audioblock import (
    AudioBlock,
    CallEnded,
    CallHeld,
    CallMessage,
    CallPolicy,
    CallStarted,
    Leg,
)
from appliance.telephony.frames import Address, Datagram, FrameDissector, FrameError, Segment
from appliance.telephony.pcap import CaptureReader, PcapError
from appliance.telephony.rtp import STATIC_CODECS, VERSION, Codec, is_rtcp
from appliance.telephony.sdp import SessionDescription
from appliance.telephony.sdp_answer import CODECS
from appliance.telephony.signalled import Signalled

#: Live legs are polled this often, in seconds.
POLL_SECONDS: Final = 0.04
#: Packets that were on their way when the BYE was sent.
AFTER_BYE: Final = 1.0
#: Like the defaults of a live call (`siprec` in the configuration): a capture with gaps must not become days
#: of silence.
MEDIA_TIMEOUT: Final = 60.0
MAX_SECONDS: Final = 4 * 3600.0
#: Seconds without media after which the legs are polled only this often.
QUIET_SECONDS: Final = 1.0

_NEXT_STEP: Final[Mapping[Untold, str]] = {
    "no_metadata": "its recording session has no metadata; set roles.labels in the configuration",
    "no_send": "its metadata do not say who sends which stream; set roles.labels in the configuration",
    "one_stream": "only one leg was recorded; let the gateway record both legs as separate streams",
    "many_participants": "it has more than two parties; set roles.labels in the configuration",
    "no_agent_number": "no number in it is an agent's; extend roles.agent_numbers, or set roles.direction",
    "two_agent_numbers": "both numbers are agents'; narrow roles.agent_numbers, or set roles.direction",
    "no_seat": "the agent's number cannot name a seat; set roles.seats or roles.default_seat",
}


@dataclass(slots=True)
class _Plan:
    """Which packets are which leg's."""

    dialog: CapturedDialog
    roles: AssignedRoles
    #: where the leg's RTP goes to; of recording sessions also where it comes from
    destinations: dict[Address, Leg] = field(default_factory=dict)
    sources: dict[Address, Leg] = field(default_factory=dict)
    codecs: dict[Leg, dict[int, Codec]] = field(
        default_factory=lambda: {"customer": dict(STATIC_CODECS), "agent": dict(STATIC_CODECS)}
    )
    events: dict[Leg, set[int]] = field(default_factory=lambda: {"customer": set(), "agent": set()})

    def leg_of(self, source: Address, destination: Address) -> Leg | None:
        return self.destinations.get(destination) or self.sources.get(source)

    def within(self, time: float) -> bool:
        ended = self.dialog.ended
        return time >= self.dialog.began and (ended is None or time <= ended + AFTER_BYE)

    def codecs_of(self, leg: Leg, description: SessionDescription, index: int) -> None:
        for form in description.media[index].media_formats:
            if form.encoding in CODECS:
                self.codecs[leg][form.payload_type] = CODECS[form.encoding]
            elif form.encoding == "TELEPHONE-EVENT":
                self.events[leg].add(form.payload_type)
                self.codecs[leg].pop(form.payload_type, None)


def read_capture(path: Path, roles: Roles, policies: SitePolicies) -> Iterator[CallMessage]:
    """The messages of the one call of a capture; of one that may not be analysed, without audio.

    A customer who objects at any time in it is not heard at all, and where the announcement is required, it
    has to be played before the first audio.

    Raises:
        ReplayError: the file is no capture, holds no call or more than one with media, or does not tell who
            is the agent.
    """
    trace = SipTrace(policies.wanted)
    media: Counter[tuple[Address, Address]] = Counter()
    for time, found in _found(path):
        if not trace.take(found, time) and isinstance(found, Datagram) and _is_rtp(found.payload):
            media[found.source, found.destination] += 1
    plan = _choose(path, trace, media, roles)
    return _messages(path, plan, policies)


def _found(path: Path) -> Iterator[tuple[float, Datagram | Segment]]:
    """Everything over UDP and TCP, with times that never go back."""
    dissector = FrameDissector()
    latest = 0.0
    try:
        with path.open("rb") as file, mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as data:
            for frame in CaptureReader(data):
                latest = max(latest, frame.time)
                try:
                    found = dissector.dissect(frame.link_type, frame.data, latest)
                except FrameError:
                    continue
                if found is not None:
                    yield latest, found
    except PcapError as error:
        raise ReplayError(
            f"{path}: is no sound capture file ({error}); capture again with tcpdump"
        ) from error
    except (OSError, ValueError) as error:
        raise ReplayError(f"{path}: cannot be read ({error}); name a file that may be read") from error


def _is_rtp(payload: bytes) -> bool:
    return len(payload) >= 12 and payload[0] >> 6 == VERSION and not is_rtcp(payload)


def _choose(path: Path, trace: SipTrace, media: Counter[tuple[Address, Address]], roles: Roles) -> _Plan:
    dialogs = [dialog for dialog in trace.dialogs.values() if dialog.described]
    if not dialogs:
        raise ReplayError(
            f"{path}: holds {sum(media.values())} RTP packets but no SIP call with a session description, so "
            "nobody can tell who speaks; capture SIP and RTP together, or convert the legs to a stereo WAV"
        )
    untold: list[UnknownRoles] = []
    plans: list[_Plan] = []
    for dialog in dialogs:
        plan = _recording_plan(dialog, roles) if dialog.recording else _call_plan(dialog, roles)
        if isinstance(plan, UnknownRoles):
            untold.append(plan)
        elif any(plan.leg_of(source, destination) for source, destination in media):
            plans.append(plan)
    # A recording session and the call that it records are the same voices, so the session is enough.
    plans = [plan for plan in plans if plan.dialog.recording] or plans
    if len(plans) == 1:
        return plans[0]
    if plans:
        raise ReplayError(
            f"{path}: holds {len(plans)} calls with media; cut out one of them, for example with "
            "tshark -r FILE -Y 'sip.Call-ID == ... or rtp.ssrc == ...' -w CALL"
        )
    if untold:
        raise ReplayError(f"{path}: does not tell customer from agent: {_NEXT_STEP[untold[0].reason]}")
    raise ReplayError(
        f"{path}: holds {len(dialogs)} SIP call{'s' if len(dialogs) > 1 else ''} but no RTP to or from the "
        "addresses of their session descriptions; capture where the media pass"
    )


def _recording_plan(dialog: CapturedDialog, roles: Roles) -> _Plan | UnknownRoles:
    """Streams are told apart by their labels; the answer's sections are in the offer's order."""
    offers = [one.description for one in dialog.described if one.side == "caller"]
    labels = [media.label for media in offers[0].media] if offers else []
    told = resolve_roles(dialog.metadata, labels, roles)
    if isinstance(told, UnknownRoles):
        return told
    plan = _Plan(dialog, told)
    leg_of = {label: leg for leg, label in told.labels.items()}
    labels_by_index: list[str | None] = []
    for one in dialog.described:
        if one.side == "caller":
            labels_by_index = [media.label for media in one.description.media]
        for index, media in enumerate(one.description.media):
            label = labels_by_index[index] if index < len(labels_by_index) else None
            leg = leg_of.get(label) if label else None
            address = one.description.connection_of(index)
            if leg is None or address is None or not media.port:
                continue
            known = plan.sources if one.side == "caller" else plan.destinations
            known[address, media.port] = leg
            if one.side == "caller":
                plan.codecs_of(leg, one.description, index)
    return plan


def _call_plan(dialog: CapturedDialog, roles: Roles) -> _Plan | UnknownRoles:
    """What is sent to the address that one side described is the other side's voice."""
    told = resolve_roles(dialog.participants(), ["caller", "callee"], roles)
    if isinstance(told, UnknownRoles):
        return told
    plan = _Plan(dialog, told)
    leg_of: dict[str, Leg] = {label: leg for leg, label in told.labels.items()}
    speaker: dict[Side, Side] = {"caller": "callee", "callee": "caller"}
    for one in dialog.described:
        leg = leg_of[speaker[one.side]]
        for index, media in enumerate(one.description.media):
            address = one.description.connection_of(index)
            if media.kind == "audio" and media.port and address is not None:
                plan.destinations[address, media.port] = leg
                plan.codecs_of(leg, one.description, index)
    return plan


def _messages(path: Path, plan: _Plan, policies: SitePolicies) -> Iterator[CallMessage]:
    dialog = plan.dialog
    policy = CallPolicy(analysis=False)
    playing: _Playing | None = None
    for time, found in _found(path):
        if not isinstance(found, Datagram) or not plan.within(time) or not _is_rtp(found.payload):
            continue
        leg = plan.leg_of(found.source, found.destination)
        if leg is None:
            continue
        if playing is None:
            started = min(time, dialog.answered or time)
            playing = _Playing(plan, started)
            policy = _policy(policies, plan, started)
            yield CallStarted(
                playing.call,
                plan.roles.seat,
                plan.roles.direction,
                "replay",
                round(started * 1000),
                policy=policy,
            )
        yield from _allowed(playing.advance(time), policy)
        if playing.over:
            break
        playing.datagram(leg, found, time)
    if playing is not None:
        yield from _allowed(playing.end(dialog.ended), policy)


def _allowed(messages: Iterable[CallMessage], policy: CallPolicy) -> Iterator[CallMessage]:
    """The messages without audio that may not be analysed."""
    return (one for one in messages if policy.analysis or not isinstance(one, AudioBlock))


def _policy(policies: SitePolicies, plan: _Plan, started: float) -> CallPolicy:
    """The policy of the whole call, by what was said until its first audio; later words only take away."""
    session, policy = policies.session(plan.dialog.gateway, Signalled()), None
    for said in plan.dialog.said:
        if policy is None and said.time > started:
            policy = session.begin(plan.roles)
        session.hear(said.signalled)
        session.read(said.metadata, broken=said.broken)
    policy = policy or session.begin(plan.roles)
    return session.current if policy.analysis else policy


class _Playing:
    """The legs of the call while the capture is read, with the capture's time as their clock."""

    def __init__(self, plan: _Plan, started: float) -> None:
        self.call = secrets.token_urlsafe(16)
        #: why the call ended before its BYE, if it did
        self.over: Literal["no_media", "limit"] | None = None
        self._started = started
        self._legs: dict[Leg, LegReceiver] = {
            leg: LegReceiver(self.call, leg, plan.codecs[leg], frozenset(plan.events[leg]), started)
            for leg in ("customer", "agent")
        }
        self._now = started
        #: when media last came, or could be expected again
        self._media = started
        self._held = False
        self._holds = _holds(plan.dialog)

    def datagram(self, leg: Leg, found: Datagram, time: float) -> None:
        """Take a packet of a leg."""
        self._media = time
        self._legs[leg].datagram(found.payload, found.source, time)

    def advance(self, time: float) -> Iterator[CallMessage]:
        """Poll the legs up to `time`, as a live service would have done until it ended the call."""
        while not self.over:
            # Where nothing comes for long, there is nothing to find out every few milliseconds.
            step = POLL_SECONDS if self._now - self._media < QUIET_SECONDS else QUIET_SECONDS
            if self._now + step > time:
                return
            self._now += step
            while self._holds and self._holds[0][0] <= self._now:
                at, self._held = self._holds.pop(0)
                self._media = max(self._media, at)
                for receiver in self._legs.values():
                    receiver.hold(self._held, at)
                yield CallHeld(self.call, self._held, self._milliseconds(at))
            for receiver in self._legs.values():
                yield from receiver.poll(self._now)
            if self._now - self._started > MAX_SECONDS:
                self.over = "limit"
            elif not self._held and self._now - self._media > MEDIA_TIMEOUT:
                self.over = "no_media"

    def end(self, bye: float | None) -> Iterator[CallMessage]:
        """What is left, and the end; without a BYE the call ends with its media."""
        if bye is not None:
            yield from self.advance(bye)
        for receiver in self._legs.values():
            yield from receiver.flush(self._now)
        if self.over or bye is None:
            yield CallEnded(self.call, self._milliseconds(self._now), self.over or "end_of_file")
        else:
            yield CallEnded(self.call, self._milliseconds(bye), "bye")

    def _milliseconds(self, time: float) -> int:
        return max(0, round(1000 * (time - self._started)))


def _holds(dialog: CapturedDialog) -> list[tuple[float, bool]]:
    """When the call was put on hold and resumed: what the directions of the descriptions say."""
    changes: list[tuple[float, bool]] = []
    # In an ordinary call the side that holds says sendonly or inactive, and the other side mirrors it
    # (RFC 3264 §8.4); a recording client always says sendonly while it sends.
    quiet = {"inactive"} if dialog.recording else {"inactive", "sendonly", "recvonly"}
    for one in dialog.described:
        if dialog.recording and one.side == "callee":
            continue
        directions = [one.description.direction_of(index) for index in range(len(one.description.media))]
        held = bool(directions) and all(direction in quiet for direction in directions)
        if held != (changes[-1][1] if changes else False):
            changes.append((one.time, held))
    return changes
