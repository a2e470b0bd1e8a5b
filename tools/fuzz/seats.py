"""The black zone's parsers: what comes from engines, seats, admins' lists, and a box that a seat trusts."""

from __future__ import annotations

import json
from collections.abc import Sequence

import msgspec

from appliance.box.calls_line import RunningCall, RunningCalls, decode_calls
from appliance.box.clock.latest import record_in
from appliance.feed.ledger_records import record_of
from appliance.feed.seat_list import SeatListError, read_seat_list
from appliance.protocol.codec import SchemaError, decode_door
from appliance.protocol.requests import decode_redeem, decode_request
from appliance.seat.session import SeatSession
from tools.fuzz.target import Target
from tools.protocol_vectors import LEASE, TOPIC, VECTORS_FILE


def targets() -> Sequence[Target]:
    vectors = json.loads(VECTORS_FILE.read_text(encoding="utf-8"))
    packed = {
        part: [bytes.fromhex(entry["hex"]) for entry in vectors[part]]
        for part in ("messages", "requests", "replies")
    }
    words = (b"\xa3seq", b"\xa1v", b"\xa4type", b"\xcf", b"\xdb\xff\xff\xff\xff", b"\xde\xff\xff", b"\x81")
    lists = (b"8001\n8002\n", b"seat,group,role\n8001,loans,\nlead,loans,supervisor\n")
    return [
        Target("door message", packed["messages"], decode_door, (SchemaError,), words),
        Target("seat request", packed["requests"], decode_request, (SchemaError,), words),
        Target("code to redeem", packed["requests"], decode_redeem, (SchemaError,), words),
        Target("capture's list of calls", (_calls(),), decode_calls, (), words),
        Target("clock's record", (b'{"v":1,"latest":1764130000000,"confirmed":0}',), record_in, ()),
        Target("seat's stream", packed["messages"], _publish, (), words),
        Target("seat's reply", packed["replies"], _reply, (), words),
        Target("list of seats", lists, lambda data: read_seat_list(data, "seats.csv"), (SeatListError,)),
        Target(
            "list of seats in TOML",
            (b'[[seats]]\nseat = "8001"\ngroup = "loans"\n',),
            lambda data: read_seat_list(data, "seats.toml"),
            (SeatListError,),
        ),
        Target(
            "ledger record",
            (
                b'{"is":"sent","n":1,"t":1,"kind":"cue","to":"seat/8001/","size":1,"sha256":"'
                + b"0" * 64
                + b'"}',
            ),
            record_of,
            (msgspec.MsgspecError, UnicodeDecodeError),
        ),
    ]


def _calls() -> bytes:
    running = RunningCall("k3Jf9-Qm_2xLw8Rt0ZbYpA", "8001")
    return msgspec.msgpack.encode(RunningCalls(1, (running,), (running,)))


def _session() -> SeatSession:
    session = SeatSession()
    session.requests(0.0)
    lease = {"reply": "lease", "id": 1, "lease": LEASE, "topic": TOPIC, "epoch": "3fa09c1e", "seq": 3}
    session.replied([msgspec.msgpack.encode(lease | {"seconds": 15.0, "beat": 2.0})], 0.0)
    session.requests(0.0)
    return session


def _publish(data: bytes) -> None:
    session = _session()
    session.published(f"{TOPIC}{LEASE}/now".encode(), data, 0.0)
    session.requests(2.0)
    session.take()


def _reply(data: bytes) -> None:
    session = _session()
    session.replied([data, data], 0.0)
    session.requests(2.0)
    session.take()
