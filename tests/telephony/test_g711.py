"""G.711 against the tables of ITU-T G.711, built here from their intervals."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from appliance.telephony import g711

#: Tables 1a and 2a, columns 1 and 2: from the smallest magnitude, (number of intervals, their size); A-law
#: counts in 1/4096, mu-law in 1/8159 of the range.
ALAW_INTERVALS = [(32, 2), (16, 4), (16, 8), (16, 16), (16, 32), (16, 64), (16, 128)]
ULAW_INTERVALS = [(1, 1), (15, 2), (16, 4), (16, 8), (16, 16), (16, 32), (16, 64), (16, 128), (16, 256)]


def edges(intervals: list[tuple[int, int]]) -> list[int]:
    """The decision values x_1 = 0 .. x_n."""
    found = [0]
    for count, size in intervals:
        found += [found[-1] + size * (step + 1) for step in range(count)]
    return found


def alaw_outputs() -> list[int]:
    """Column 8 of table 1a: the middle of each interval, at 16 bits."""
    x = edges(ALAW_INTERVALS)
    return [8 * (low + high) // 2 for low, high in itertools.pairwise(x)]


def ulaw_outputs() -> list[int]:
    """Column 8 of table 2a: zero for the first interval, else the middle, at 16 bits."""
    x = edges(ULAW_INTERVALS)
    return [0] + [4 * (low + high) // 2 for low, high in itertools.pairwise(x[1:])]


def alaw_code(magnitude: int, negative: bool) -> int:
    """Column 6 of tables 1a and 1b with the even bits inverted (note 2)."""
    return (magnitude | (0 if negative else 0x80)) ^ 0x55


def ulaw_code(magnitude: int, negative: bool) -> int:
    """Column 6 of tables 2a and 2b: 0 10000000 for the largest, all ones for the smallest."""
    return (0x7F - magnitude) | (0 if negative else 0x80)


def test_the_ends_of_the_tables_are_as_printed() -> None:
    assert (edges(ALAW_INTERVALS)[-1], edges(ULAW_INTERVALS)[-1]) == (4096, 8159)
    assert (alaw_outputs()[-1], alaw_outputs()[0]) == (8 * 4032, 8 * 1)
    assert (ulaw_outputs()[-1], ulaw_outputs()[1]) == (4 * 8031, 4 * 2)


@pytest.mark.parametrize("negative", [False, True])
@pytest.mark.parametrize(
    ("decode", "outputs", "code"),
    [(g711.alaw_decode, alaw_outputs(), alaw_code), (g711.ulaw_decode, ulaw_outputs(), ulaw_code)],
    ids=["alaw", "ulaw"],
)
def test_each_code_decodes_to_the_value_of_the_table(decode, outputs, code, negative: bool) -> None:
    sign = -1 if negative else 1
    for magnitude, value in enumerate(outputs):
        assert decode(bytes([code(magnitude, negative)])).tolist() == [sign * value]


@pytest.mark.parametrize(
    ("encode", "intervals", "scale", "code"),
    [(g711.alaw_encode, ALAW_INTERVALS, 8, alaw_code), (g711.ulaw_encode, ULAW_INTERVALS, 4, ulaw_code)],
    ids=["alaw", "ulaw"],
)
def test_every_sample_gets_the_code_of_its_interval(encode, intervals, scale: int, code) -> None:
    x = [scale * edge for edge in edges(intervals)]
    for magnitude, (low, high) in enumerate(itertools.pairwise(x)):
        inside = np.arange(low, min(high, 32768), dtype=np.int32)
        assert set(encode(inside.astype(np.int16))) == {code(magnitude, False)}
        # A negative value on a decision value lies in the interval nearer to zero.
        assert set(encode((-inside - 1).clip(-32768).astype(np.int16))) == {code(magnitude, True)}


@pytest.mark.parametrize(
    ("encode", "decode"), [(g711.alaw_encode, g711.alaw_decode), (g711.ulaw_encode, g711.ulaw_decode)]
)
def test_the_loudest_samples_are_clipped_and_not_wrapped(encode, decode) -> None:
    quiet, loud = decode(encode(np.array([-32768, 32767], np.int16)))
    assert quiet == -loud
    assert loud > 32_000


@pytest.mark.parametrize(
    ("encode", "decode"), [(g711.alaw_encode, g711.alaw_decode), (g711.ulaw_encode, g711.ulaw_decode)]
)
@given(data=st.binary(max_size=500))
def test_what_was_decoded_encodes_to_the_same_sound(encode, decode, data: bytes) -> None:
    samples = decode(data)
    assert samples.shape == (len(data),)
    assert np.array_equal(decode(encode(samples)), samples)
