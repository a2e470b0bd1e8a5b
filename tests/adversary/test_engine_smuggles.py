"""A compromised engine and a seat in league with it: how much gets through, by every way there is."""

from __future__ import annotations

import math
import random
from collections.abc import Iterator
from typing import Any

import msgspec
import pytest
from msgspec.structs import replace

from appliance.box.calls_line import RunningCall
from appliance.feed.door import SEAT_SHARE
from appliance.feed.register import Register
from appliance.protocol.budget import CALL_BITS_PER_SECOND, QUOTED_BITS_PER_SECOND
from appliance.protocol.information import TICK_SECONDS
from tests.adversary.attempts import Attempts
from tests.adversary.channels import CHANNELS, QUOTED, Channel, at_time
from tests.adversary.passage import BEGIN, Passage
from tests.protocol.samples import CALL, cue, profile

#: Smuggling goes on for three minutes; the first is not counted, because it may use up what may pass at once.
TICKS, SETTLED = 3600, 1200
SECONDS = (TICKS - SETTLED) * TICK_SECONDS
#: What the readers of one seat may be told, and those of the whole box with its 60 calls.
SEAT_BUDGET = CALL_BITS_PER_SECOND * SEAT_SHARE
#: Ticks between two attempts to send.
EVERY = 2
#: Bits a second of the standardised vocoder with the lowest rate (NATO STANAG 4591).
MELPE = 600.0
#: Bits that one gap between two messages is made to tell: 1 to 16 ticks.
GAP_BITS = 4


@pytest.fixture
def passage() -> Iterator[Passage]:
    made = Passage()
    yield made
    made.close()


def came_through(passage: Passage, channel: Channel, seed: int = 1) -> float:
    """Bits a second of a random payload that the seat reads out of what it is sent."""
    payload, bits = random.Random(seed), 0.0
    digits: list[int] | None = None
    for tick in range(0, TICKS, EVERY):
        if digits is None:
            digits = [payload.randrange(radix) for radix in channel.radices]
        message = at_time(channel.build(digits), tick, channel.name not in {"clock", "position"})
        came = passage.send(msgspec.msgpack.encode(message), tick)
        if came is None:
            continue
        if tick >= SETTLED and channel.read(came.message) == digits:
            bits += channel.bits
        digits = None
    return bits / SECONDS


@pytest.mark.parametrize("channel", CHANNELS, ids=lambda channel: channel.name)
def test_what_is_hidden_in_valid_messages_stays_within_the_budget(
    passage: Passage, attempts: Attempts, channel: Channel
) -> None:
    came = came_through(passage, channel)
    # The feed numbers messages itself. All else can be used, if only a little: another channel that carries
    # nothing would be one that this test cannot work.
    assert (came == 0) == (channel.name == "sequence"), passage.door.counters
    attempts.measured(
        f"engine.{channel.name}", "engine", channel.zh, channel.en, came=came, budget=SEAT_BUDGET
    )


def test_quotes_carry_nothing_where_they_are_off(passage: Passage, attempts: Attempts) -> None:
    came = came_through(passage, QUOTED)
    assert passage.door.counters.last_field == "evidence.quote"
    attempts.measured(
        "engine.quotes_off", "engine", "现场关闭引用时，用引用文字传送",
        "Send characters as quotes where the site has them off",
        came=came, budget=0,
    )  # fmt: skip


def test_quotes_stay_within_the_budget_where_they_are_on(attempts: Attempts) -> None:
    passage = Passage(quotes=True)
    try:
        came = came_through(passage, QUOTED)
    finally:
        passage.close()
    assert came > 50
    attempts.measured(
        "engine.quotes_on", "engine", "现场开启引用时，用引用文字传送",
        "Send characters as quotes where the site has them on",
        came=came, budget=QUOTED_BITS_PER_SECOND * SEAT_SHARE,
    )  # fmt: skip


def came_by_calls(passage: Passage, where: list[tuple[str, str]], channel: Channel) -> float:
    """The same with messages of all these calls (id, seat), as fast as the door lets them through."""
    payload, bits = random.Random(2), 0.0
    waiting: dict[tuple[str, str], list[int]] = {}
    for tick in range(0, TICKS, 4 * EVERY):
        for call, seat in where:
            digits = waiting.pop((call, seat), None) or [
                payload.randrange(radix) for radix in channel.radices
            ]
            message = at_time(channel.build(digits), tick, moves=True)
            came = passage.send(msgspec.msgpack.encode(replace(message, call=call, seat=seat)), tick)
            if came is None:
                waiting[call, seat] = digits
            elif tick >= SETTLED and channel.read(came.message) == digits:
                bits += channel.bits
    return bits / SECONDS


def test_many_calls_of_one_seat_get_no_more_than_the_seat(passage: Passage, attempts: Attempts) -> None:
    calls = [(f"{number:022d}", "8001") for number in range(6)]
    came = came_by_calls(passage, calls, named("small_steps"))
    assert came > CALL_BITS_PER_SECOND / 4
    attempts.measured(
        "engine.many_calls", "engine", "虚构同一坐席的多路通话", "Make up many calls of one seat at once",
        came=came, budget=SEAT_BUDGET,
    )  # fmt: skip


def test_many_seats_in_league_get_no_more_than_the_box(attempts: Attempts) -> None:
    calls, seats = 4, tuple(str(number) for number in range(12))
    passage = Passage(seats, calls=calls)
    try:
        came = came_by_calls(passage, [(f"{seat:>022}", seat) for seat in seats], named("small_steps"))
    finally:
        passage.close()
    assert came > CALL_BITS_PER_SECOND
    attempts.measured(
        "engine.many_seats", "engine",
        "十二个串通的坐席同时接收，盒子限四路通话",
        "Spread it over twelve seats in league, at a box of four calls",
        came=came, budget=calls * CALL_BITS_PER_SECOND,
    )  # fmt: skip


def registered(*calls: RunningCall) -> Passage:
    """A passage whose door knows these calls, and no others."""
    register = Register()
    register.take(calls, (), BEGIN)
    return Passage(("8001", "8002"), register=register)


def test_calls_that_capture_does_not_have_carry_nothing(attempts: Attempts) -> None:
    passage = registered(RunningCall(CALL, "8001"))
    try:
        came = came_through(passage, named("call_ids"))
        refused = passage.door.counters.unknown_call
        assert came_through(passage, named("small_steps")) > 0, "the call that there is gets through"
    finally:
        passage.close()
    assert refused > 0
    attempts.measured(
        "engine.made_up_calls", "engine", "虚构采集进程没有的通话",
        "Make calls up that capture does not have", came=came, budget=0,
    )  # fmt: skip


def test_another_seat_is_told_nothing_of_a_call(attempts: Attempts) -> None:
    passage = registered(RunningCall(CALL, "8001"))
    try:
        came = came_by_calls(passage, [(CALL, "8002")], named("small_steps"))
    finally:
        passage.close()
    attempts.measured(
        "engine.another_seat", "engine", "把一路通话的内容发给另一座席",
        "Send what is said of a call to another seat than its own", came=came, budget=0,
    )  # fmt: skip


def test_messages_to_seats_that_nobody_is_reach_nobody(passage: Passage, attempts: Attempts) -> None:
    came = came_by_calls(passage, [("A" * 22, "nobody")], named("small_steps"))
    attempts.measured(
        "engine.seat_names",
        "engine",
        "发给不存在的坐席",
        "Send to seats that are not enrolled",
        came=came,
        budget=0,
    )


def test_the_moment_of_a_message_tells_no_more_than_the_budget(passage: Passage, attempts: Attempts) -> None:
    payload, bits, sent_at, gap = random.Random(3), 0.0, 0, 1
    seen: int | None = None
    for tick in range(1, TICKS):
        if tick < sent_at + gap:
            continue
        came = passage.send(msgspec.msgpack.encode(at_time(cue(), tick, moves=True)), tick)
        if came is None:
            continue
        if seen is not None and tick >= SETTLED and came.tick - seen == gap:
            bits += GAP_BITS
        seen, sent_at, gap = came.tick, tick, 1 + payload.randrange(2**GAP_BITS)
    attempts.measured(
        "engine.timing", "engine", "藏进消息之间的间隔", "Hide it in the time between messages",
        came=bits / SECONDS, budget=SEAT_BUDGET,
    )  # fmt: skip


def test_the_size_of_a_message_tells_no_more_than_the_budget(passage: Passage, attempts: Attempts) -> None:
    long = profile()
    short = replace(long, evidence=[], advice=[])
    payload, bits, digit = random.Random(4), 0.0, 0
    for tick in range(0, TICKS, EVERY):
        message = at_time((short, long)[digit], tick, moves=True)
        came = passage.send(msgspec.msgpack.encode(message), tick)
        if came is not None:
            bits += tick >= SETTLED and (came.size > 700) == digit
            digit = payload.randrange(2)
    assert bits > 0
    attempts.measured(
        "engine.sizes", "engine", "藏进消息的长短", "Hide it in the sizes of messages",
        came=bits / SECONDS, budget=SEAT_BUDGET,
    )  # fmt: skip


PCM = random.Random(5).randbytes(160)


def changed(**fields: Any) -> bytes:
    return msgspec.msgpack.encode({**msgspec.to_builtins(profile()), **fields})


#: What is no message of the schema, each with audio in it.
RAW = {
    "binary": ("直接发送音频字节", "Send audio as bytes", PCM),
    "unknown_field": ("添加未定义的字段", "Add a field that the schema has not", changed(audio_data="x")),
    "binary_field": ("在字段里放二进制", "Put bytes into a field", changed(seat=PCM)),
    "list_of_numbers": (
        "在字段里放数字列表", "Put a list of numbers into a field", changed(evidence=list(PCM)),
    ),
    "mantissas": (
        "藏进浮点数的尾数", "Hide it in the mantissas of numbers",
        changed(relationship={**msgspec.to_builtins(profile().relationship), "trend": 0.123456789}),
    ),
    "not_a_number": (
        "藏进非数值的位", "Hide it in the bits of numbers that are none",
        changed(relationship={**msgspec.to_builtins(profile().relationship), "trend": math.nan}),
    ),
    "times_off_the_grid": ("藏进时间的毫秒位", "Hide it in the milliseconds of times", changed(at=1001)),
    "control_characters": ("藏进控制字符", "Hide it in control characters", changed(seat="8001\n")),
    "large_message": ("发送超长消息", "Send a message of more than 4 KiB", changed(seat="8" * 5000)),
    "extension": (
        "使用 msgpack 扩展类型", "Use an extension type of msgpack",
        msgspec.msgpack.encode(msgspec.msgpack.Ext(1, PCM)),
    ),
    "nesting": ("深层嵌套", "Nest values deeply", b"\x91" * 4000 + b"\xc0"),
    "appended": ("在消息后附加字节", "Append bytes to a message", msgspec.msgpack.encode(profile()) + PCM),
}  # fmt: skip


@pytest.mark.parametrize("name", RAW)
def test_what_is_no_message_of_the_schema_does_not_pass(
    passage: Passage, attempts: Attempts, name: str
) -> None:
    zh, en, data = RAW[name]
    came = passage.send(data, 0)
    assert passage.door.counters.refused == 1
    attempts.stopped(f"engine.{name}", "engine", zh, en, came=str(came) if came else None)


def test_the_order_of_keys_and_other_spellings_do_not_reach_the_seat(
    passage: Passage, attempts: Attempts
) -> None:
    plain = msgspec.to_builtins(profile())
    spelled = [plain, dict(reversed(plain.items())), {**plain, "v": 1.0}]
    # A number may be written longer than it need be.
    wide = msgspec.msgpack.encode(plain).replace(b"\xa1v\x01", b"\xa1v\xcd\x00\x01")
    out = {
        came.size
        for tick, data in enumerate([*map(msgspec.msgpack.encode, spelled), wide])
        if (came := passage.send(data, tick)) is not None
    }
    assert len(out) == 1
    attempts.stopped(
        "engine.spellings", "engine", "藏进键的次序与数值的不同写法",
        "Hide it in the order of keys and in other spellings of the same value", came=None,
    )  # fmt: skip


def named(name: str) -> Channel:
    return next(channel for channel in CHANNELS if channel.name == name)


def test_without_the_budget_in_bits_coded_speech_would_pass(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("appliance.feed.door.call_bits", lambda **_: (1e9, 1e9))
    passage = Passage()
    try:
        came = came_through(passage, named("strategy_ids"))
    finally:
        passage.close()
    assert came > MELPE, "an attack that is this weak proves nothing about a budget"
