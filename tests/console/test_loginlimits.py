from appliance.console.loginlimits import (
    FORGET_SECONDS,
    FREE_TRIES,
    LONGEST_WAIT,
    MOST_ADDRESSES,
    TRIES_A_MINUTE,
    LoginLimits,
)


def fail(limits, address, times, now):
    for _ in range(times):
        assert limits.wait(address, now) == 0
        limits.failed(address, now)


def test_a_few_mistakes_cost_nothing_and_each_further_one_twice_the_wait():
    limits = LoginLimits()
    fail(limits, "10.0.0.1", FREE_TRIES - 1, 0.0)
    assert limits.wait("10.0.0.1", 0.0) == 0
    now, waits = 0.0, []
    for _ in range(12):
        limits.failed("10.0.0.1", now)
        waits.append(limits.wait("10.0.0.1", now))
        now += waits[-1] + 60
    assert waits[:4] == [2.0, 4.0, 8.0, 16.0]
    assert max(waits) == LONGEST_WAIT


def test_one_address_does_not_lock_another_out():
    limits = LoginLimits()
    fail(limits, "10.0.0.1", FREE_TRIES, 0.0)
    assert limits.wait("10.0.0.1", 1.0) > 0
    assert limits.wait("10.0.0.2", 1.0) == 0


def test_one_host_has_all_addresses_of_its_ipv6_network():
    limits = LoginLimits()
    for number in range(FREE_TRIES):
        limits.wait(f"2001:db8::{number:x}", 0.0)
        limits.failed(f"2001:db8::{number:x}", 0.0)
    assert limits.wait("2001:db8::ffff", 1.0) > 0
    assert limits.wait("2001:db8:0:1::1", 1.0) == 0


def test_the_right_password_and_an_hour_forgive():
    limits = LoginLimits()
    fail(limits, "10.0.0.1", FREE_TRIES - 1, 0.0)
    limits.succeeded("10.0.0.1")
    fail(limits, "10.0.0.1", FREE_TRIES - 1, 120.0)
    assert limits.failed("10.0.0.1", 121.0 + FORGET_SECONDS) == 1


def test_all_together_may_only_try_so_often():
    limits = LoginLimits()
    waits = [limits.wait(f"10.0.0.{number}", 0.5) for number in range(TRIES_A_MINUTE + 5)]
    assert waits.count(0) == TRIES_A_MINUTE
    assert all(59 < wait <= 60 for wait in waits[TRIES_A_MINUTE:])
    assert limits.wait("10.9.9.9", 61.0) == 0


def test_memory_is_bounded():
    limits = LoginLimits()
    for number in range(MOST_ADDRESSES + 100):
        limits.failed(f"10.{number >> 16}.{number >> 8 & 255}.{number & 255}", 0.0)
    assert len(limits._addresses) == MOST_ADDRESSES


def test_what_is_no_address_is_limited_too():
    limits = LoginLimits()
    fail(limits, "", FREE_TRIES, 0.0)
    assert limits.wait("testclient", 1.0) > 0
