"""Where the media lie on the call's time axis, and what stands where nothing came."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from appliance.telephony import g711
from appliance.telephony.playout import (
    BLOCK_SAMPLES,
    JUMP_ALLOWANCE,
    JUMP_SPEED,
    LATE_BEFORE_RESTART,
    MAX_CONCEALMENT,
    STARVATION_DELAY,
    Block,
    Playout,
)

FRAME = 160


def sound(number: int, length: int = FRAME) -> bytes:
    """A frame that can be told from others."""
    return bytes([0x80 | (number % 90)]) * length


def decoded(*numbers: int) -> np.ndarray:
    return np.concatenate([g711.alaw_decode(sound(number)) for number in numbers])


def rest(playout: Playout) -> tuple[np.ndarray, list[Block]]:
    """All samples so far; asserts that they are contiguous."""
    blocks = [*playout.take(), *playout.take(whole=False)]
    position = blocks[0].position if blocks else 0
    for block in blocks:
        assert block.position == position
        position += len(block.samples)
    return np.concatenate([block.samples for block in blocks]) if blocks else np.zeros(0, np.int16), blocks


def play(*frames: tuple[int, int], lost: int = 0, started: float = 0.0) -> Playout:
    """Frames (number, timestamp) that come at the time of their timestamp."""
    playout = Playout(started)
    for number, timestamp in frames:
        playout.sound(timestamp & 0xFFFF_FFFF, sound(number), "PCMA", lost, timestamp / 8000)
    return playout


def test_frames_in_order_are_joined_and_cut_into_blocks() -> None:
    playout = play(*((n, FRAME * n) for n in range(9)))
    blocks = playout.take()
    assert [(block.position, len(block.samples)) for block in blocks] == [(0, 640), (640, 640)]
    assert np.array_equal(np.concatenate([block.samples for block in blocks]), decoded(*range(8)))
    (last,) = playout.take(whole=False)
    assert (last.position, len(last.samples)) == (1280, FRAME)


def test_the_leg_begins_with_silence_until_its_first_packet_came() -> None:
    playout = Playout(10.0)
    playout.sound(77, sound(1), "PCMA", 0, 10.5)
    samples, _ = rest(playout)
    assert len(samples) == 4000 + FRAME
    assert not samples[:4000].any()
    assert playout.concealed == 0


def test_a_timestamp_that_jumps_while_the_sequence_goes_on_is_silence() -> None:
    playout = play((1, 0), (2, 8000))
    samples, blocks = rest(playout)
    assert len(samples) == 8000 + FRAME
    assert not samples[FRAME:8000].any()
    assert sum(block.lost for block in blocks) == playout.concealed == 0


def test_lost_packets_are_concealed_by_fading_repetition() -> None:
    playout = Playout(0.0)
    playout.sound(0, sound(1), "PCMA", 0, 0.0)
    playout.sound(3 * FRAME, sound(2), "PCMA", 2, 0.06)
    samples, blocks = rest(playout)
    expected = decoded(1, 1) * (1 - np.arange(2 * FRAME) / MAX_CONCEALMENT)
    assert np.array_equal(samples[FRAME : 3 * FRAME], expected.astype(np.int16))
    assert np.array_equal(samples[3 * FRAME :], decoded(2))
    assert sum(block.lost for block in blocks) == playout.concealed == 2 * FRAME


def test_concealment_ends_after_200_ms() -> None:
    playout = Playout(0.0)
    playout.sound(0, sound(1), "PCMA", 0, 0.0)
    playout.sound(50 * FRAME, sound(2), "PCMA", 49, 1.0)
    samples, _ = rest(playout)
    assert playout.concealed == MAX_CONCEALMENT
    assert not samples[FRAME + MAX_CONCEALMENT : 50 * FRAME].any()
    assert len(samples) == 51 * FRAME


def test_loss_within_suppressed_silence_is_concealed_only_as_far_as_packets_are_missing() -> None:
    playout = Playout(0.0)
    playout.sound(0, sound(1), "PCMA", 0, 0.0)
    playout.sound(20 * FRAME, sound(2), "PCMA", 1, 0.4)
    assert playout.concealed == FRAME
    assert playout.silence == 18 * FRAME


def test_after_comfort_noise_nothing_is_concealed() -> None:
    playout = play((1, 0), (2, FRAME))
    playout.comfort_noise(2 * FRAME, 0, 0.04)
    playout.advance(2.0)
    assert playout.concealed == 0
    assert playout.end == pytest.approx((2.0 - STARVATION_DELAY) * 8000, abs=2 * FRAME)


def test_where_nothing_comes_the_clock_goes_on_after_the_delay() -> None:
    playout = play((1, 0))
    playout.advance(STARVATION_DELAY)
    assert playout.end == FRAME
    playout.advance(STARVATION_DELAY + 0.1)
    assert playout.end == pytest.approx(FRAME + 800, abs=1)
    playout.advance(STARVATION_DELAY + 1.0)
    assert playout.end == pytest.approx(FRAME + 8000, abs=1)
    assert playout.concealed == MAX_CONCEALMENT


def test_the_clock_does_not_hold_back_media_that_come_faster() -> None:
    playout = Playout(0.0)
    for n in range(100):
        playout.sound(FRAME * n, sound(n), "PCMA", 0, 0.001 * n)
        playout.advance(0.001 * n)
    samples, _ = rest(playout)
    assert np.array_equal(samples, decoded(*range(100)))


def test_a_packet_whose_place_is_filled_is_dropped_and_one_that_is_half_late_is_cut() -> None:
    playout = play((1, 0))
    playout.advance(STARVATION_DELAY + 0.03)
    assert playout.end == 400
    playout.sound(FRAME, sound(2), "PCMA", 0, 0.24)
    assert (playout.late, playout.end) == (1, 400)
    playout.sound(2 * FRAME, sound(3), "PCMA", 0, 0.25)
    assert playout.end == 3 * FRAME
    samples, _ = rest(playout)
    assert np.array_equal(samples[400:], decoded(3)[: 3 * FRAME - 400])


def test_a_path_that_became_longer_loses_only_a_few_packets() -> None:
    playout = play((1, 0))
    for n in range(1, 100):
        arrival = FRAME * n / 8000 + 0.5
        playout.advance(arrival - 0.02)
        playout.sound(FRAME * n, sound(n), "PCMA", 0, arrival)
    assert playout.late == LATE_BEFORE_RESTART - 1
    assert playout.restarts == 1
    assert playout.heard == (100 - playout.late) * FRAME


def test_a_sender_that_stopped_its_clock_is_placed_anew_at_once() -> None:
    playout = play((1, 0), (2, FRAME))
    playout.advance(30.0)
    playout.sound(2 * FRAME, sound(3), "PCMA", 0, 30.0)
    assert (playout.late, playout.restarts) == (0, 1)
    samples, _ = rest(playout)
    assert len(samples) == 30 * 8000 + FRAME
    assert np.array_equal(samples[-FRAME:], decoded(3))


@pytest.mark.parametrize("jump", [0x7FFF_FFFF, 0x4000_0000, -0x4000_0000])
def test_timestamps_that_begin_anew_do_not_write_hours_of_silence(jump: int) -> None:
    playout = play((1, 0), (2, FRAME))
    playout.sound((2 * FRAME + jump) & 0xFFFF_FFFF, sound(3), "PCMA", 0, 0.04)
    playout.sound((3 * FRAME + jump) & 0xFFFF_FFFF, sound(4), "PCMA", 0, 0.06)
    samples, _ = rest(playout)
    assert np.array_equal(samples, decoded(1, 2, 3, 4))
    assert playout.restarts == 1


def test_timestamps_wrap() -> None:
    first = 0x1_0000_0000 - FRAME
    playout = Playout(0.0)
    for n in range(4):
        playout.sound((first + FRAME * n) & 0xFFFF_FFFF, sound(n), "PCMA", 0, 0.02 * n)
    samples, _ = rest(playout)
    assert np.array_equal(samples, decoded(0, 1, 2, 3))


def test_another_law_within_a_call_is_decoded_by_its_own_table() -> None:
    playout = play((1, 0))
    playout.sound(FRAME, sound(5), "PCMU", 0, 0.02)
    samples, _ = rest(playout)
    assert np.array_equal(samples, np.concatenate([decoded(1), g711.ulaw_decode(sound(5))]))


def test_blocks_on_hold_say_so_and_hold_is_no_loss() -> None:
    playout = play(*((n, FRAME * n) for n in range(8)))
    playout.hold(True)
    playout.advance(1.16)
    playout.hold(False)
    playout.sound(FRAME * 60, sound(60), "PCMA", 0, 1.2)
    samples, blocks = rest(playout)
    assert playout.concealed == 0
    assert not samples[8 * FRAME : 60 * FRAME].any()
    assert [block.held for block in blocks[:2]] == [False, False]
    # The clock had filled 0.98 s when the call was resumed.
    assert all(block.held for block in blocks if 8 * FRAME <= block.position < 7840)
    assert not blocks[-1].held


def test_a_slow_clock_of_the_sender_is_followed() -> None:
    playout = Playout(0.0)
    # 300 parts in a million is far worse than a telephone exchange, and 180 ms in ten minutes.
    for n in range(30_000):
        arrival = 0.02 * n * 1.0003
        playout.advance(arrival)
        playout.sound(FRAME * n, sound(n), "PCMA", 0, arrival)
    assert playout.late == playout.concealed == 0
    assert playout.heard == 30_000 * FRAME


@given(
    st.lists(
        st.one_of(
            st.tuples(
                st.just("sound"),
                st.sampled_from([FRAME, 80, 240, 1600, 1]),
                st.one_of(st.just(0), st.integers(-3000, 20_000), st.integers(-(2**31), 2**31)),
                st.integers(0, 60),
            ),
            st.tuples(st.just("noise"), st.just(0), st.integers(-3000, 20_000), st.integers(0, 3)),
            st.tuples(st.just("advance"), st.just(0), st.just(0), st.integers(0, 400)),
            st.tuples(st.just("hold"), st.just(0), st.just(0), st.integers(0, 1)),
            st.tuples(st.just("take"), st.just(0), st.just(0), st.integers(0, 1)),
        ),
        max_size=60,
    )
)
def test_samples_are_contiguous_and_concealment_is_bounded_whatever_comes(steps) -> None:
    playout = Playout(0.0)
    timestamp, now, concealed_at_sound, end = 0, 0.0, 0, 0
    blocks: list[Block] = []
    for step, length, jump, number in steps:
        heard = playout.heard
        if step == "sound":
            now += length / 8000
            timestamp = (timestamp + jump) & 0xFFFF_FFFF
            playout.sound(timestamp, sound(number, length), "PCMA", number, now)
            timestamp = (timestamp + length) & 0xFFFF_FFFF
        elif step == "noise":
            playout.comfort_noise((timestamp + jump) & 0xFFFF_FFFF, number, now)
        elif step == "advance":
            now += number / 100
            playout.advance(now)
        elif step == "hold":
            playout.hold(bool(number))
        else:
            blocks += playout.take(whole=bool(number))
        assert playout.concealed - concealed_at_sound <= MAX_CONCEALMENT
        if playout.heard > heard:
            concealed_at_sound = playout.concealed
        assert playout.end >= end
        end = playout.end
    blocks += playout.take(whole=False)
    position = 0
    for block in blocks:
        assert block.position == position
        assert 0 < len(block.samples) <= BLOCK_SAMPLES
        assert 0 <= block.lost <= len(block.samples)
        position += len(block.samples)
    assert position == playout.end == playout.heard + playout.concealed + playout.silence
    assert sum(block.lost for block in blocks) == playout.concealed


def test_a_sender_that_falls_silent_on_purpose_is_taken_at_its_word_the_next_time() -> None:
    playout = play((1, 0), (2, FRAME), (3, 8000))
    assert playout.concealed == 0
    playout.advance(3.0)
    assert playout.concealed == 0
    other = play((1, 0), (2, FRAME), (3, 2 * FRAME))
    other.advance(3.0)
    assert other.concealed == MAX_CONCEALMENT


def test_many_small_jumps_of_the_timestamp_write_no_more_silence_than_time_allows() -> None:
    playout = Playout(0.0)
    for n in range(500):
        playout.sound(n * 15_000, sound(n), "PCMA", 0, 0.01 * n)
    assert playout.heard == 500 * FRAME
    assert playout.silence <= JUMP_ALLOWANCE + 5.0 * JUMP_SPEED * 8000
