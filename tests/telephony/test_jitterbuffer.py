"""Named cases of reordering and loss, all through one helper."""

from __future__ import annotations

import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from appliance.telephony.jitterbuffer import (
    CAPACITY,
    JITTER_DELAY,
    MAX_DROPOUT,
    REORDER_PACKETS,
    JitterBuffer,
)
from appliance.telephony.rtp import RtpPacket

FRAME = 0.02


def packet(sequence: int) -> RtpPacket:
    return RtpPacket(8, False, sequence & 0xFFFF, 160 * sequence & 0xFFFF_FFFF, 1, b"\xd5" * 160)


def play(arrivals: list[int], every: float = FRAME) -> tuple[list[tuple[int, int]], JitterBuffer]:
    """Push packets of these numbers, one each 20 ms; returns (sequence, lost before) and the buffer."""
    buffer = JitterBuffer()
    released = []
    for step, sequence in enumerate(arrivals):
        now = step * every
        released += buffer.due(now)
        released += buffer.push(packet(sequence), now)
    released += buffer.flush()
    return [(one.packet.sequence, one.lost) for one in released], buffer


def counts(buffer: JitterBuffer) -> dict[str, int]:
    names = ("lost", "late", "duplicate", "reordered", "restarts")
    return {name: getattr(buffer, name) for name in names if getattr(buffer, name)}


@pytest.mark.parametrize(
    ("arrivals", "released", "counted"),
    [
        pytest.param([1, 2, 3], [(1, 0), (2, 0), (3, 0)], {}, id="ordered"),
        pytest.param([1, 3, 2, 4], [(1, 0), (2, 0), (3, 0), (4, 0)], {"reordered": 1}, id="swapped"),
        pytest.param(
            [1, 3, 4, 2, 5], [(1, 0), (2, 0), (3, 0), (4, 0), (5, 0)], {"reordered": 1}, id="two-overtake"
        ),
        pytest.param(
            [1, 2, 2, 3], [(1, 0), (2, 0), (3, 0)], {"duplicate": 1}, id="duplicate-of-a-released-one"
        ),
        pytest.param(
            [1, 3, 3, 2],
            [(1, 0), (2, 0), (3, 0)],
            {"duplicate": 1, "reordered": 1},
            id="duplicate-of-a-waiting-one",
        ),
        pytest.param(
            [1, 3, 4, 5, 6, 7], [(1, 0), (3, 1), (4, 0), (5, 0), (6, 0), (7, 0)], {"lost": 1}, id="lost"
        ),
        pytest.param(
            [1, 3, 4, 5, 6, 2, 7],
            [(1, 0), (3, 1), (4, 0), (5, 0), (6, 0), (7, 0)],
            {"lost": 1, "late": 1},
            id="late",
        ),
        pytest.param(
            [1, 4, 6, 7, 8, 9, 10],
            [(1, 0), (4, 2), (6, 1), (7, 0), (8, 0), (9, 0), (10, 0)],
            {"lost": 3},
            id="two-gaps",
        ),
        pytest.param([65534, 65535, 0, 1], [(65534, 0), (65535, 0), (0, 0), (1, 0)], {}, id="wrap"),
        pytest.param(
            [65534, 0, 65535, 1],
            [(65534, 0), (65535, 0), (0, 0), (1, 0)],
            {"reordered": 1},
            id="wrap-swapped",
        ),
        pytest.param(
            [65534, 1, 2, 3, 4, 5],
            [(65534, 0), (1, 2), (2, 0), (3, 0), (4, 0), (5, 0)],
            {"lost": 2},
            id="wrap-lost",
        ),
        pytest.param([5, 4, 6], [(5, 0), (6, 0)], {"late": 1}, id="before-the-first"),
        pytest.param(
            [1, 2 + CAPACITY, 3 + CAPACITY],
            [(1, 0), (2 + CAPACITY, CAPACITY), (3 + CAPACITY, 0)],
            {"lost": CAPACITY},
            id="gap-larger-than-the-ring",
        ),
        pytest.param(
            [1, 30_000, 30_001, 30_002],
            [(1, 0), (30_000, 0), (30_001, 0), (30_002, 0)],
            {"restarts": 1},
            id="restarted-numbering",
        ),
        pytest.param(
            [40_000, 1, 2, 3],
            [(40_000, 0), (1, 0), (2, 0), (3, 0)],
            {"restarts": 1},
            id="restarted-backwards",
        ),
        pytest.param([1, 30_000, 2, 3], [(1, 0), (2, 0), (3, 0)], {"late": 1}, id="stray-number"),
    ],
)
def test_cases(arrivals, released, counted) -> None:
    found, buffer = play(arrivals)
    assert found == released
    assert counts(buffer) == counted


def test_a_missing_packet_is_waited_for_as_long_as_the_jitter_delay() -> None:
    buffer = JitterBuffer()
    buffer.push(packet(1), 0.0)
    assert buffer.push(packet(3), 1.0) == []
    assert buffer.due(1.0 + JITTER_DELAY - 0.001) == []
    (released,) = buffer.due(1.0 + JITTER_DELAY)
    assert (released.packet.sequence, released.lost, released.arrival) == (3, 1, 1.0)


def test_media_faster_than_the_clock_do_not_wait_for_the_clock() -> None:
    found, buffer = play([1, *range(3, 3 + REORDER_PACKETS)], every=0.0)
    assert [sequence for sequence, _ in found] == [1, *range(3, 3 + REORDER_PACKETS)]
    assert buffer.waiting == 0
    assert buffer.lost == 1


def test_a_second_gap_is_waited_for_from_its_own_first_packet_on() -> None:
    buffer = JitterBuffer()
    buffer.push(packet(1), 0.0)
    buffer.push(packet(3), 0.01)
    buffer.push(packet(5), 0.05)
    assert [one.packet.sequence for one in buffer.due(0.075)] == [3]
    assert buffer.due(0.105) == []
    assert [one.packet.sequence for one in buffer.due(0.111)] == [5]


@given(
    st.integers(0, 0xFFFF),
    st.integers(1, 300),
    st.integers(1, REORDER_PACKETS - 2),
    st.randoms(use_true_random=False),
)
def test_any_order_within_the_buffer_is_put_right(
    first: int, count: int, window: int, chance: random.Random
) -> None:
    order = list(range(1, count))
    for start in range(0, len(order), window):
        part = order[start : start + window]
        chance.shuffle(part)
        order[start : start + window] = part
    found, buffer = play([first, *(first + step for step in order)], every=0.001)
    assert found == [((first + step) & 0xFFFF, 0) for step in range(count)]
    assert buffer.lost == buffer.late == 0


@given(st.lists(st.tuples(st.integers(0, 0xFFFF), st.floats(0, 0.1)), max_size=200))
def test_whatever_comes_is_released_once_or_counted(arrivals: list[tuple[int, float]]) -> None:
    buffer = JitterBuffer()
    now, released = 0.0, []
    for sequence, step in arrivals:
        now += step
        released += buffer.due(now)
        released += buffer.push(packet(sequence), now)
        assert buffer.waiting < CAPACITY
    released += buffer.flush()
    # One packet that stands alone far from the others may still wait to be believed; it is counted as late.
    assert len(released) + buffer.duplicate + buffer.late == len(arrivals)
    assert buffer.waiting == 0
    assert all(0 <= one.lost <= MAX_DROPOUT for one in released)
    assert sum(one.lost for one in released) == buffer.lost
