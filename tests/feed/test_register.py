"""The feed lets through what is said of calls that capture has, and of no others."""

from __future__ import annotations

import time
from collections.abc import Iterator
from pathlib import Path

import msgspec
import pytest
from msgspec.structs import replace

from appliance.box.calls_line import (
    CALLS_SOCKET,
    MAX_BYTES,
    MOST_CALLS,
    MOST_OVER,
    CallsLine,
    RunningCall,
    RunningCalls,
    decode_calls,
)
from appliance.feed.calls_socket import CallsSocket
from appliance.feed.register import LINGER_SECONDS, Register
from tests.feed.running import RunningFeed, drain, eventually, running_feed, until
from tests.protocol.samples import CALL, call, profile

ONE = RunningCall(CALL, "8001")
OTHER = RunningCall("B" * 22, "8002")


def test_a_call_is_known_with_its_seat_while_it_is_on_and_a_minute_after() -> None:
    register = Register()
    assert not register.knows(CALL, "8001", 0.0)
    register.take([ONE], [], 0.0)
    assert register.knows(CALL, "8001", 5000.0)
    assert not register.knows(CALL, "8002", 5000.0), "another seat must not get what is said of this call"
    register.take([OTHER], [], 5000.0)
    assert register.knows(CALL, "8001", 5000.0 + LINGER_SECONDS - 1)
    assert not register.knows(CALL, "8001", 5000.0 + LINGER_SECONDS)


def test_calls_that_are_over_may_be_told_to_a_feed_that_was_just_started_and_to_no_other() -> None:
    fresh, old = Register(), Register()
    fresh.take([], [ONE], 100.0)
    assert fresh.knows(CALL, "8001", 100.0 + LINGER_SECONDS - 1)
    assert not fresh.knows(CALL, "8001", 100.0 + LINGER_SECONDS)
    old.take([], [], 0.0)
    old.take([], [ONE], 100.0)
    assert not old.knows(CALL, "8001", 100.0)


def test_a_full_box_fits_into_one_datagram_that_the_kernel_takes(tmp_path: Path) -> None:
    told, register, line = CallsSocket(tmp_path), Register(), CallsLine(tmp_path)
    told.bind()
    for number in range(MOST_CALLS + MOST_OVER):
        line.note(f"{number:022d}", "s" * 32)
    for number in range(MOST_OVER):
        line._calls.pop(f"{number:022d}")
        line._over[f"{number:022d}"] = (1e12, RunningCall(f"{number:022d}", "s" * 32))
    line.tell()
    told.take(register, 0.0)
    assert len(register) == MOST_CALLS
    assert register.knows("0" * 22, "s" * 32, 0.0)
    told.close()
    assert not (tmp_path / CALLS_SOCKET).exists()


@pytest.mark.parametrize(
    "data",
    [
        b"", b"\xc1", b"\x00" * (MAX_BYTES + 1), msgspec.msgpack.encode({"v": 2, "calls": []}),
        msgspec.msgpack.encode({"v": 1, "calls": [["short", "8001"]]}),
        msgspec.msgpack.encode({"v": 1, "calls": [[CALL, "8001", b"audio"]]}),
        msgspec.msgpack.encode({"v": 1, "calls": [], "audio": b"x"}),
        msgspec.msgpack.encode({"v": 1, "calls": [[CALL, "8001"]] * (MOST_CALLS + 1)}),
    ],
)  # fmt: skip
def test_what_is_no_list_of_calls_is_not_taken(data: bytes) -> None:
    assert decode_calls(data) is None


def test_nobody_there_costs_capture_nothing(tmp_path: Path) -> None:
    line = CallsLine(tmp_path / "not" / "there")
    line.begin(CALL, "8001")
    line.turn(0.0)
    line.end(CALL)


@pytest.fixture
def feed(tmp_path: Path) -> Iterator[RunningFeed]:
    """A feed with its register as it is on a box."""
    with running_feed(tmp_path, "8001", "8002") as running:
        running.service._register.heard = False
        running.service._door._knows = running.service._register.knows
        yield running


def test_what_engines_say_waits_for_captures_first_word(feed: RunningFeed) -> None:
    seat = feed.listener("8001")
    feed.send(call(), profile())
    time.sleep(0.5)
    assert feed.service._door.counters.accepted == 0
    CallsLine(feed.config.box.runtime_directory).begin(CALL, "8001")
    until(seat, "profile")
    assert feed.service._door.counters.unknown_call == 0


def test_a_call_that_was_made_up_reaches_nobody_and_is_counted(feed: RunningFeed) -> None:
    seats = [feed.listener("8001"), feed.listener("8002")]
    line = CallsLine(feed.config.box.runtime_directory)
    line.begin(CALL, "8001")
    feed.send(replace(profile(), call="M" * 22), replace(profile(), seat="8002"), profile())
    until(seats[0], "profile")
    eventually(lambda: feed.service._door.counters.unknown_call == 2, "both to be refused")
    kinds = [msgspec.msgpack.decode(frames[-1])["type"] for frames in drain(seats[1])]
    assert set(kinds) <= {"beat"}


def test_a_datagram_says_nothing_but_ids_and_seats() -> None:
    told = RunningCalls(1, (ONE,), (OTHER,))
    assert msgspec.msgpack.decode(msgspec.msgpack.encode(told)) == {
        "v": 1, "calls": [[CALL, "8001"]], "over": [["B" * 22, "8002"]],
    }  # fmt: skip
