"""The leaky bucket bounds what a call can send in any stretch of time."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from appliance.protocol.bucket import CALL_BURST_BYTES, CALL_BYTES_PER_SECOND, LeakyBucket


def test_a_burst_passes_and_then_only_the_rate():
    bucket = LeakyBucket(rate=10, burst=100)
    assert bucket.pour(100, now=5.0)
    assert not bucket.pour(1, now=5.0)
    assert bucket.wait(20, now=5.0) == 2.0
    assert not bucket.pour(20, now=6.9)
    assert bucket.pour(20, now=7.0)


def test_what_is_refused_costs_nothing():
    bucket = LeakyBucket(rate=10, burst=100)
    assert bucket.pour(60, now=0.0)
    assert not bucket.pour(60, now=0.0)
    assert bucket.pour(40, now=0.0)


def test_more_than_the_burst_never_fits():
    bucket = LeakyBucket(rate=10, burst=100)
    assert not bucket.pour(101, now=0.0)
    assert bucket.wait(101, now=1e9) == float("inf")


def test_a_clock_that_goes_back_fills_nothing_and_empties_nothing():
    bucket = LeakyBucket(rate=10, burst=100)
    bucket.pour(100, now=10.0)
    assert bucket.level(now=0.0) == 100
    assert not bucket.pour(1, now=0.0)
    assert bucket.pour(10, now=11.0)


@pytest.mark.parametrize(("rate", "burst"), [(0, 1), (1, 0), (-1, 1), (float("nan"), 1)])
def test_a_bucket_without_rate_or_burst_is_refused(rate, burst):
    with pytest.raises(ValueError, match="above 0"):
        LeakyBucket(rate, burst)


@given(st.lists(st.tuples(st.floats(0, 4), st.integers(1, 4096)), max_size=60))
def test_no_stretch_of_time_carries_more_than_burst_and_rate(steps):
    bucket, now, passed = LeakyBucket(), 0.0, []
    for wait, size in steps:
        now += wait
        if bucket.pour(size, now):
            passed.append((now, size))
    for first in range(len(passed)):
        for last in range(first, len(passed)):
            size = sum(size for _, size in passed[first : last + 1])
            allowed = CALL_BURST_BYTES + CALL_BYTES_PER_SECOND * (passed[last][0] - passed[first][0])
            assert size <= allowed + 1e-6
