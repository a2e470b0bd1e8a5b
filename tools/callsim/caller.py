"""Places calls: INVITE, media at their exact times, hold and resume, BYE."""

from __future__ import annotations

import asyncio
import heapq
import random
import socket
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, Literal

from tools.callsim.answer import AnsweredStream, answered_streams
from tools.callsim.media import Impairments, LegMedia, Script
from tools.callsim.metadata import STYLES, Direction, Offer, Party, Session, Style, body
from tools.callsim.recording import Recording
from tools.callsim.sip_client import (
    GIVE_UP,
    Address,
    CallRefusedError,
    Dialog,
    Endpoint,
    Message,
    NoAnswerError,
    SipFailureError,
    Transport,
)

Leg = Literal["customer", "agent"]
#: Bytes that a leg's socket may hold, so that a burst is not lost on this side.
SEND_BUFFER = 512 * 1024
#: Below this, in seconds, sleeping costs more than it waits.
SHORTEST_SLEEP = 0.0005


@dataclass(frozen=True, slots=True)
class CallPlan:
    """One call to place."""

    recording: Recording
    agent: str
    customer: str
    style: str = "rfc7865"
    direction: Direction = "inbound"
    #: whose stream comes first in the offer
    first: Leg = "agent"
    impairments: Impairments = field(default_factory=Impairments)
    script: Script = field(default_factory=Script)
    seed: int = 0
    #: seconds after the program's start
    begin: float = 0.0
    #: further header lines of the INVITE, and of UPDATEs at seconds of the recording
    fields: tuple[str, ...] = ()
    later: tuple[tuple[float, str], ...] = ()


@dataclass(slots=True)
class CallResult:
    """How a call went."""

    agent: str
    customer: str
    style: str
    answered: bool = False
    #: how it ended: `bye` by us, `server` by a BYE of the server, or what failed
    ended: Literal["bye", "server", "refused", "no_answer", "error", "interrupted"] = "interrupted"
    status: int | None = None
    error: str | None = None
    setup_ms: float | None = None
    media_seconds: float = 0.0
    sent: dict[str, int] = field(default_factory=dict)
    lost: int = 0
    duplicated: int = 0
    reordered: int = 0
    suppressed: int = 0
    event_packets: int = 0
    #: packets that the operating system would not take
    unsent: int = 0
    #: how much after their time packets were sent, in milliseconds
    late_ms_p99: float = 0.0
    late_ms_max: float = 0.0

    @property
    def clean(self) -> bool:
        """Answered, and ended by our BYE."""
        return self.answered and self.ended == "bye" and self.error is None

    def as_json(self) -> dict[str, Any]:
        """All fields, for `--json`."""
        fields = {name: getattr(self, name) for name in self.__slots__}
        return {**fields, "clean": self.clean}


Progress = Callable[[float], None]


class Call:
    """One call from INVITE to BYE."""

    def __init__(self, plan: CallPlan, endpoint: Endpoint, patience: float = GIVE_UP) -> None:
        self.result = CallResult(plan.agent, plan.customer, plan.style)
        #: seconds of the recording that were played
        self.played = 0.0
        self._plan = plan
        self._style: Style = STYLES[plan.style]
        self._endpoint = endpoint
        self._sockets = [_leg_socket(endpoint.local[0]) for _ in range(3 if self._style.mixed else 2)]
        labels = (*self._style.labels, "3") if self._style.mixed else self._style.labels
        ports = tuple(one.getsockname()[1] for one in self._sockets)
        self._offer = Offer(endpoint.local[0], ports, labels, plan.recording.codec)
        self._dialog = Dialog(
            endpoint, "gateway", "recorder", patience, describe=self._describe, fields=plan.fields
        )
        self._late: list[float] = []

    async def run(self) -> CallResult:
        """Place the call; what goes wrong is in the result."""
        result = self.result
        try:
            targets = await self._set_up()
            result.answered = True
            await self._play(targets)
            if self._dialog.ended_by_server.is_set():
                result.ended = "server"
            else:
                await self._dialog.bye()
                result.ended = "bye"
        except CallRefusedError as refusal:
            result.ended, result.status, result.error = "refused", refusal.status, str(refusal)
        except NoAnswerError as failure:
            result.ended, result.error = "no_answer", str(failure)
        except (SipFailureError, OSError) as failure:
            result.ended, result.error = "error", str(failure)
        finally:
            if self._dialog.established and result.ended not in ("bye", "server"):
                # Whatever went wrong here, the server must not keep the call.
                self._dialog.abandon()
            self._dialog.close()
            for one in self._sockets:
                one.close()
            if self._late:
                self._late.sort()
                result.late_ms_max = round(1000 * self._late[-1], 2)
                result.late_ms_p99 = round(1000 * self._late[int(0.99 * (len(self._late) - 1))], 2)
        return result

    def _describe(self) -> bytes:
        return self._offer.sdp()

    async def _set_up(self) -> list[AnsweredStream]:
        plan = self._plan
        legs: tuple[Leg, Leg] = ("agent", "customer") if plan.first == "agent" else ("customer", "agent")
        caller: Leg = "customer" if plan.direction == "inbound" else "agent"
        numbers = {"agent": plan.agent, "customer": plan.customer}
        first, second = (
            Party(numbers[leg], leg == caller, label)
            for leg, label in zip(legs, self._style.labels, strict=True)
        )
        session = Session((first, second), self._endpoint.local[0])
        loop = asyncio.get_running_loop()
        asked = loop.time()
        answer = await self._dialog.invite(*body(self._offer.sdp(), self._style, session))
        self.result.status = answer.status
        self.result.setup_ms = round(1000 * (loop.time() - asked), 1)
        streams = _streams(answer, len(self._offer.ports))
        ordered = dict(zip(legs, streams, strict=False))
        for leg, stream in ordered.items():
            if not stream.wanted:
                raise SipFailureError(f"the server's answer does not want the stream of the {leg}")
        return [ordered["customer"], ordered["agent"]]

    async def _play(self, targets: list[AnsweredStream]) -> None:
        plan = self._plan
        begun = asyncio.get_running_loop().time()
        control = asyncio.ensure_future(self._control(begun))
        ended = asyncio.ensure_future(self._dialog.ended_by_server.wait())
        legs = [
            LegMedia(coded, plan.recording.codec, plan.impairments, script, plan.seed * 2 + index)
            for index, (coded, script) in enumerate(
                (
                    (plan.recording.customer, plan.script),
                    # Only the customer keys anything.
                    (plan.recording.agent, replace(plan.script, keypresses=())),
                )
            )
        ]
        media = asyncio.ensure_future(self._send(legs, targets, begun))
        try:
            await asyncio.wait({media, ended}, return_when=asyncio.FIRST_COMPLETED)
            if media.done():
                media.result()
                if not ended.done():
                    await control
        finally:
            for task in (media, control, ended):
                task.cancel()
            await asyncio.gather(media, control, ended, return_exceptions=True)
            self._count(legs)

    async def _send(self, legs: list[LegMedia], targets: list[AnsweredStream], begun: float) -> None:
        """Send every packet at its time; absolute times, so that lateness does not add up."""
        loop = asyncio.get_running_loop()
        speed = self._plan.script.speed
        first = 1 if self._plan.first == "agent" else 0
        # The customer's stream is the second of the offer when the agent's is the first.
        sockets = (self._sockets[first], self._sockets[1 - first])
        merged = heapq.merge(*(_numbered(leg, index) for index, leg in enumerate(legs)))
        awake = 0
        for at, index, datagram in merged:
            wait = begun + at - loop.time()
            awake += 1
            if wait > SHORTEST_SLEEP or awake >= 50:
                await asyncio.sleep(max(0.0, wait))
                awake = 0
            self._late.append(max(0.0, loop.time() - begun - at))
            try:
                sockets[index].sendto(datagram, targets[index].address)
            except (BlockingIOError, ConnectionRefusedError):
                self.result.unsent += 1
            self.played = at * speed
        await asyncio.sleep(max(0.0, begun + self._plan.recording.seconds / speed - loop.time()))

    async def _control(self, begun: float) -> None:
        """Hold and resume at their times, and refresh the session."""
        loop = asyncio.get_running_loop()
        refresh = asyncio.ensure_future(self._refresh())
        said = asyncio.ensure_future(self._say_later(begun))
        try:
            for start, end in self._plan.script.holds:
                for at, direction in ((start, "inactive"), (end, "sendonly")):
                    await asyncio.sleep(max(0.0, begun + at / self._plan.script.speed - loop.time()))
                    offer = self._offer
                    self._offer = Offer(
                        offer.host, offer.ports, offer.labels, offer.codec, offer.version + 1,
                        "inactive" if direction == "inactive" else "sendonly",
                    )  # fmt: skip
                    await self._dialog.invite("application/sdp", self._offer.sdp())
            await said
        finally:
            refresh.cancel()
            said.cancel()

    async def _say_later(self, begun: float) -> None:
        loop = asyncio.get_running_loop()
        for at, line in self._plan.later:
            await asyncio.sleep(max(0.0, begun + at / self._plan.script.speed - loop.time()))
            await self._dialog.update(line)

    async def _refresh(self) -> None:
        while self._dialog.refresh_after is not None:
            await asyncio.sleep(self._dialog.refresh_after)
            await self._dialog.update()

    def _count(self, legs: list[LegMedia]) -> None:
        result = self.result
        result.media_seconds = round(self.played, 2)
        result.sent = {"customer": legs[0].tally.sent, "agent": legs[1].tally.sent}
        for name in ("lost", "duplicated", "reordered", "suppressed", "event_packets"):
            setattr(result, name, sum(getattr(leg.tally, name) for leg in legs))


def _numbered(leg: LegMedia, index: int) -> Iterator[tuple[float, int, bytes]]:
    return ((at, index, datagram) for at, datagram in leg.packets())


def _leg_socket(host: str) -> socket.socket:
    one = socket.socket(socket.AF_INET6 if ":" in host else socket.AF_INET, socket.SOCK_DGRAM)
    one.setblocking(False)
    one.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, SEND_BUFFER)
    one.bind((host, 0))
    return one


def _streams(answer: Message, offered: int) -> list[AnsweredStream]:
    streams = answered_streams(answer.body)
    if len(streams) != offered:
        raise SipFailureError(f"the server answered {len(streams)} streams to an offer of {offered}")
    return streams


async def place(
    plans: Sequence[CallPlan],
    target: Address,
    transport: Transport = "udp",
    *,
    bind: str = "127.0.0.1",
    patience: float = GIVE_UP,
    progress: Callable[[Sequence[Call]], None] | None = None,
) -> list[CallResult]:
    """Place all calls from one gateway address, each at its time; returns their results in order.

    Raises:
        SipFailureError: no connection to the server at all.
    """
    endpoint = Endpoint(target, transport)
    await endpoint.open(bind)
    calls = [Call(plan, endpoint, patience) for plan in plans]

    async def one(call: Call, plan: CallPlan) -> CallResult:
        await asyncio.sleep(plan.begin)
        return await call.run()

    tasks = [asyncio.ensure_future(one(call, plan)) for call, plan in zip(calls, plans, strict=True)]
    try:
        while True:
            _, waiting = await asyncio.wait(tasks, timeout=0.5)
            if progress is not None:
                progress(calls)
            if not waiting:
                return [task.result() for task in tasks]
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        await endpoint.close()


def plans_for(
    recording: Recording,
    *,
    calls: int = 1,
    agent: str = "8001",
    customer: str = "13900000000",
    stagger: float = 0.0,
    seed: int | None = None,
    style: str = "rfc7865",
    direction: Direction = "inbound",
    first: Leg = "agent",
    impairments: Impairments | None = None,
    script: Script | None = None,
    fields: tuple[str, ...] = (),
    later: tuple[tuple[float, str], ...] = (),
) -> list[CallPlan]:
    """Plans for N calls: agents and customers are numbered upwards, begins are `stagger` seconds apart."""
    base = random.SystemRandom().getrandbits(32) if seed is None else seed
    return [
        CallPlan(
            recording, _upwards(agent, index), _upwards(customer, index), style, direction, first,
            impairments or Impairments(), script or Script(), base + index, stagger * index, fields, later,
        )
        for index in range(calls)
    ]  # fmt: skip


def _upwards(number: str, index: int) -> str:
    if not number.isdigit():
        return number if index == 0 else f"{number}-{index + 1}"
    return str(int(number) + index).zfill(len(number))
