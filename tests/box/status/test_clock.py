from appliance.box.status.clock import ClockWatch


def test_a_clock_that_is_slewed_has_not_jumped():
    watch = ClockWatch(100.0, 1_000.0)
    assert not watch.look(110.0, 1_010.5)
    assert not watch.look(120.0, 1_021.0)
    assert watch.jumps == 0


def test_every_jump_counts_once_with_its_direction():
    watch = ClockWatch(100.0, 1_000.0)
    assert watch.look(110.0, 4_610.0)
    assert (watch.jumps, watch.last_ms) == (1, 3_600_000)
    assert not watch.look(120.0, 4_620.0)
    assert watch.look(130.0, 1_030.0)
    assert (watch.jumps, watch.last_ms) == (2, -3_600_000)
