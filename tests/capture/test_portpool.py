"""The pool of RTP ports."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from appliance.capture.portpool import PortPool


def test_ports_are_even_and_handed_out_once() -> None:
    pool = PortPool(20001, 20009, 5.0)
    assert [pool.acquire(0.0) for _ in range(5)] == [20002, 20004, 20006, 20008, None]
    assert pool.in_use == 4


def test_a_released_port_rests() -> None:
    pool = PortPool(20000, 20003, 5.0)
    first, second = pool.acquire(0.0), pool.acquire(0.0)
    assert (first, second) == (20000, 20002)
    pool.release(20002, 10.0)
    pool.release(20000, 11.0)
    assert pool.acquire(14.9) is None
    assert pool.acquire(15.0) == 20002
    assert pool.acquire(15.0) is None
    assert pool.acquire(16.0) == 20000


def test_the_port_that_rested_longest_comes_first() -> None:
    pool = PortPool(20000, 20005, 0.0)
    pool.release(pool.acquire(0.0) or 0, 0.0)
    assert pool.acquire(0.0) == 20002


def test_a_port_that_is_not_in_use_cannot_be_released() -> None:
    pool = PortPool(20000, 20001, 0.0)
    pool.release(20000, 0.0)
    assert pool.acquire(0.0) == 20000
    assert pool.acquire(0.0) is None


@given(st.lists(st.tuples(st.booleans(), st.integers(0, 9), st.floats(0, 3)), max_size=80))
def test_no_port_is_used_twice_or_before_it_has_rested(steps: list[tuple[bool, int, float]]) -> None:
    pool, used, released, now = PortPool(20000, 20011, 4.0), [], {}, 0.0
    for acquire, index, passed in steps:
        now += passed
        if acquire:
            port = pool.acquire(now)
            if port is None:
                continue
            assert port % 2 == 0
            assert port not in used
            assert now - released.get(port, float("-inf")) >= 4.0
            used.append(port)
        elif used:
            port = used.pop(index % len(used))
            pool.release(port, now)
            released[port] = now
