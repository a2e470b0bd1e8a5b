"""Write the test vectors of the seats' protocol, for any language: `python -m tools.protocol_vectors`.

They are made by the code that serves seats and by the seat library, so a test that they are current keeps the
document's promises and the code together.
"""

from __future__ import annotations

import json
from collections.abc import Iterable
from pathlib import Path
from typing import Any, Final

import msgpack
import msgspec

import appliance.feed
from appliance.feed.topics import Topics
from appliance.protocol.codec import decode_seat, encode
from appliance.protocol.messages import BeatMessage, DoorMessage, OpportunityMessage
from appliance.protocol.replies import (
    ErrorReply,
    FeedbackReply,
    LeaseReply,
    RedeemReply,
    ReplayReply,
    Reply,
    RotateReply,
    SnapshotReply,
    encode_reply,
)
from appliance.protocol.requests import (
    FeedbackRequest,
    LeaseRequest,
    RedeemRequest,
    ReplayRequest,
    RotateRequest,
    SnapshotRequest,
)
from appliance.seat.session import SeatSession
from tests.protocol.samples import CALL, OBJECTED, USUAL, WALL, call, cue, profile

VECTORS_FILE: Final = Path(appliance.feed.__file__).with_name("vectors.json")
TOPIC: Final = "seat/8001/"
LEASE: Final = "5f0c1d2e3a4b5968"
KEY: Final = "rq:rM>}U?@Lns47E1%kR.o@n%FcmmsL/@{H8]yf7"


def vectors() -> dict[str, Any]:
    """The whole document; see PROTOCOL.md for what each part is for."""
    return {
        "version": 1,
        "messages": [_message(name, data) for name, data in _messages()],
        "refused": [{"name": name, "hex": data.hex()} for name, data in _refused()],
        "requests": [_packed(name, request) for name, request in _requests()],
        "replies": [_packed(name, reply) for name, reply in _replies()],
        "topics": {
            "topic": TOPIC,
            "lease": LEASE,
            "subscribe": f"{TOPIC}{LEASE}/",
            "take": [f"{TOPIC}{LEASE}/now"],
            "leave": [f"{TOPIC}0000000000000000/now", f"seat/8002/{LEASE}/now", TOPIC, ""],
        },
        "streams": [_start(), _gap(), _early_cue(), _parts(), _tail(), _epoch(), _objection()],
    }


def rendered() -> str:
    """The text of `vectors.json`."""
    return json.dumps(vectors(), ensure_ascii=False, indent=1) + "\n"


def _message(name: str, data: bytes) -> dict[str, Any]:
    return {"name": name, "hex": data.hex(), "json": msgspec.to_builtins(decode_seat(data))}


def _packed(name: str, value: object) -> dict[str, Any]:
    return {
        "name": name,
        "hex": msgspec.msgpack.encode(value).hex(),
        "json": json.loads(msgspec.json.encode(value)),
    }


def _messages() -> Iterable[tuple[str, bytes]]:
    yield "call started", encode(call())
    yield "call ended", encode(call("ended", at=61_000))
    yield "profile", encode(profile())
    yield "profile, final, with a redacted quote", encode(profile(final=True, quote="我再想想"))
    yield "profile, with what is off at the site", encode(profile(policy=USUAL))
    yield "call, after the customer has objected", encode(call(at=30_000, policy=OBJECTED))
    yield "cue", encode(cue())
    yield (
        "opportunity",
        encode(OpportunityMessage(1, CALL, "8001", 0, 60_000, WALL, "wanted_product", 0.8, "gold")),
    )
    yield "beat", encode(BeatMessage(1, "8001", 2**31 + 7, WALL))


def _refused() -> Iterable[tuple[str, bytes]]:
    whole = msgspec.to_builtins(cue())
    yield "nothing", b""
    yield "not msgpack", b"\xc1"
    yield "not a map", msgpack.packb([1, 2])
    yield "another version", msgpack.packb(whole | {"v": 2})
    yield "no version", msgpack.packb({key: value for key, value in whole.items() if key != "v"})
    yield "a type that is not known", msgpack.packb(whole | {"type": "song"})
    yield "a number below zero", msgpack.packb(whole | {"seq": -1})
    yield "a number that is a text", msgpack.packb(whole | {"seq": "1"})
    yield "over 4096 bytes", msgpack.packb(whole | {"code": "x" * 4096})
    yield "cut off", encode(cue())[:-3]


def _requests() -> Iterable[tuple[str, object]]:
    yield "a lease", LeaseRequest(1)
    yield "the lease renewed", LeaseRequest(2, LEASE)
    yield "snapshot", SnapshotRequest(3)
    yield "replay", ReplayRequest(4, 41)
    yield "feedback", FeedbackRequest(5, CALL, "let_them_verify", "helpful")
    yield "another key", RotateRequest(6, KEY)
    yield "redeem a code", RedeemRequest(7, "8001", "7Q2M-XK4D-0ZRN-H5TB")


def _replies() -> Iterable[tuple[str, Reply]]:
    yield "lease", _lease_reply(1, "3fa09c1e", 41)
    yield (
        "lease, the box's next key, no ledger",
        LeaseReply(
            2,
            LEASE,
            TOPIC,
            "3fa09c1e",
            41,
            seconds=15.0,
            beat=2.0,
            next_box=KEY,
            next_box_from=WALL,
            ledger=False,
        ),
    )
    yield "snapshot", SnapshotReply(3, "3fa09c1e", 41)
    yield "replay", ReplayReply(4, "3fa09c1e", 141, True)
    yield "feedback", FeedbackReply(5)
    yield "another key", RotateReply(6, 86_400.0)
    yield "redeem a code", RedeemReply(7, 5570, 5571)
    yield "error", ErrorReply(8, "no_lease")


def _lease_reply(id_: int, epoch: str, sequence: int) -> LeaseReply:
    return LeaseReply(id_, LEASE, TOPIC, epoch, sequence, seconds=15.0, beat=2.0)


class _Stream:
    """A feed and a seat, and what passes between them, written down step by step."""

    def __init__(self, name: str, kept: int = 256) -> None:
        self._name = name
        self._kept = kept
        self._seat = SeatSession()
        self._steps: list[dict[str, Any]] = []
        self._shown: list[list[object]] = []
        self._asked: dict[str, Any] | None = None
        self.restart("3fa09c1e")

    def restart(self, epoch: str) -> None:
        self._epoch = epoch
        self._topics = Topics(self._kept, lambda: epoch)

    def send(self, *messages: DoorMessage, arrives: bool = True) -> None:
        for message in messages:
            data = self._topics.enter(TOPIC, message, 0.0)
            if arrives:
                self._publish(data)

    def beat(self) -> None:
        self._publish(self._topics.beat(TOPIC, "8001", WALL))

    def lease(self) -> None:
        self._seat.lease.renew()
        self._turn()
        reply = _lease_reply(self._seat._last_id, *self._topics.position(TOPIC))
        # The lease is asked for first, so that its number is the one before what it leads to.
        self._seat.lease._asked = reply.id
        self._seat.replied([encode_reply(reply)], 0.0)
        self._step({"reply": _without_id(reply), "messages": []})

    def answer(self, limit: int = 64) -> None:
        if self._asked is None:
            raise ValueError(f"{self._name}: the seat has asked for nothing")
        asked, self._asked = self._asked, None
        epoch, sequence = self._topics.position(TOPIC)
        if asked["ask"] == "snapshot":
            reply: Reply = SnapshotReply(asked["id"], epoch, sequence)
            messages = self._topics.snapshot(TOPIC).messages
        else:
            found = self._topics.replay(TOPIC, asked["after"], limit)
            reply, messages = ReplayReply(asked["id"], epoch, sequence, found.more), found.messages
        self._seat.replied([encode_reply(reply), *messages], 0.0)
        self._step({"reply": _without_id(reply), "messages": [data.hex() for data in messages]})

    def done(self) -> dict[str, Any]:
        return {
            "name": self._name,
            "steps": self._steps,
            "shown": self._shown,
            "lost": self._seat.stream.lost,
        }

    def _publish(self, data: bytes) -> None:
        if not self._seat.published(f"{TOPIC}{LEASE}/now".encode(), data, 0.0):
            raise ValueError(f"{self._name}: published without a lease")
        self._step({"published": data.hex()})

    def _step(self, step: dict[str, Any]) -> None:
        self._steps.append(step)
        self._turn()
        self._shown += [[message["type"], message["seq"]] for message in self._seat.take()]

    def _turn(self) -> None:
        for request in map(msgpack.unpackb, self._seat.requests(0.0)):
            if request["ask"] != "lease":
                self._asked = request
                self._steps.append({"asks": {key: value for key, value in request.items() if key != "id"}})


def _without_id(reply: Reply) -> dict[str, Any]:
    whole: dict[str, Any] = json.loads(msgspec.json.encode(reply))
    return {key: value for key, value in whole.items() if key != "id"}


def _start() -> dict[str, Any]:
    stream = _Stream("a seat begins in the middle of a call")
    stream.send(call(), profile(score=30), cue(), profile(score=40), arrives=False)
    stream.lease()
    stream.answer()
    stream.send(cue(), call("ended"))
    return stream.done()


def _gap() -> dict[str, Any]:
    stream = _Stream("messages are lost on the way and asked for")
    stream.lease()
    stream.answer()
    stream.send(call())
    stream.send(profile(score=30), cue(), arrives=False)
    stream.send(profile(score=40))
    stream.answer()
    stream.send(call("ended"))
    return stream.done()


def _early_cue() -> dict[str, Any]:
    stream = _Stream("what is published before the snapshot comes")
    stream.send(call(), arrives=False)
    stream.lease()
    stream.send(profile(score=30), cue(), profile(score=40))
    stream.answer()
    return stream.done()


def _parts() -> dict[str, Any]:
    stream = _Stream("a replay in parts, of what the feed has partly forgotten", kept=5)
    stream.lease()
    stream.answer()
    stream.send(*[cue(at=at) for at in range(9)], arrives=False)
    stream.beat()
    stream.answer(limit=3)
    stream.answer(limit=3)
    return stream.done()


def _tail() -> dict[str, Any]:
    stream = _Stream("a renewed lease tells of a loss at the end")
    stream.lease()
    stream.answer()
    stream.send(call(), profile(final=True), arrives=False)
    stream.lease()
    stream.answer()
    return stream.done()


def _epoch() -> dict[str, Any]:
    stream = _Stream("the feed is started anew, and numbers begin at 1")
    stream.lease()
    stream.answer()
    stream.send(call(), profile(score=30))
    stream.restart("b71d0042")
    stream.send(call(), profile(score=40), arrives=False)
    stream.lease()
    stream.answer()
    stream.send(cue())
    return stream.done()


def _objection() -> dict[str, Any]:
    stream = _Stream("a replay after the customer has objected lacks what was told before")
    stream.lease()
    stream.answer()
    stream.send(call(policy=USUAL))
    stream.send(profile(score=30, policy=USUAL), cue(), arrives=False)
    stream.send(call(at=30_000, policy=OBJECTED))
    stream.answer()
    stream.send(call("ended", at=60_000, policy=OBJECTED))
    return stream.done()


def main() -> None:
    VECTORS_FILE.write_text(rendered(), encoding="utf-8")
    print(VECTORS_FILE)


if __name__ == "__main__":
    main()
