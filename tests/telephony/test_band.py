from __future__ import annotations

import numpy as np
import pytest
from numpy.typing import NDArray

from appliance.telephony import g711
from appliance.telephony.band import TELEPHONE_RATE, telephone_band, to_rate


def tone(hertz: float, rate: int, seconds: float = 1.0, peak: float = 8000.0) -> NDArray[np.int16]:
    return np.rint(peak * np.sin(2 * np.pi * hertz * np.arange(int(rate * seconds)) / rate)).astype(np.int16)


def decibels(samples: NDArray[np.int16]) -> float:
    """Level of the middle half, so that the filter's ends do not count; dB above one step."""
    middle = samples[len(samples) // 4 : -len(samples) // 4].astype(np.float64)
    return float(10 * np.log10(np.mean(middle**2) + 1e-9))


@pytest.mark.parametrize("rate", [8000, 16000, 22050, 44100, 48000])
@pytest.mark.parametrize("hertz", [400, 1000, 2000, 3300])
def test_a_tone_inside_the_band_keeps_its_level(rate: int, hertz: int) -> None:
    sent = tone(hertz, rate)
    assert decibels(telephone_band(sent, rate)) == pytest.approx(decibels(sent), abs=0.7)


@pytest.mark.parametrize("hertz", [50, 100, 200])
def test_hum_below_the_band_is_removed(hertz: int) -> None:
    sent = tone(hertz, 16000)
    assert decibels(telephone_band(sent, 16000)) < decibels(sent) - 35


@pytest.mark.parametrize("hertz", [3550, 3800, 4500, 6000, 7500])
def test_what_lies_above_the_band_is_removed_and_not_folded_back(hertz: int) -> None:
    sent = tone(hertz, 16000)
    assert decibels(telephone_band(sent, 16000)) < decibels(sent) - 35


@pytest.mark.parametrize("rate", [8000, 16000, 44100])
def test_one_second_in_is_one_second_at_8_khz_out(rate: int) -> None:
    heard = telephone_band(tone(1000, rate), rate)
    assert heard.dtype == np.int16
    assert heard.shape == (TELEPHONE_RATE,)


def test_the_line_adds_no_delay() -> None:
    sent = np.zeros(4000, np.int16)
    burst = tone(1000, 8000, seconds=0.02)
    sent[2000 : 2000 + len(burst)] = burst
    heard = telephone_band(sent, 8000)
    lag = int(np.argmax(np.correlate(heard.astype(float), sent.astype(float), mode="full"))) - (len(sent) - 1)
    assert lag == 0


def test_every_sample_that_comes_out_is_an_a_law_value() -> None:
    heard = telephone_band(tone(700, 8000, peak=32767), 8000)
    assert np.array_equal(g711.alaw_decode(g711.alaw_encode(heard)), heard)


def test_a_full_scale_square_wave_is_clipped_and_does_not_wrap() -> None:
    sent = (np.sign(tone(500, 8000)) * 32767).astype(np.int16)
    heard = telephone_band(sent, 8000)[400:-400].astype(np.int32)
    assert np.abs(heard).max() > 30000
    # A wrapped sample would have the opposite sign of a neighbour of nearly full scale.
    assert np.abs(np.diff(heard)).max() < 60000


@pytest.mark.parametrize("rate", [8000, 16000])
def test_nothing_in_is_nothing_out(rate: int) -> None:
    assert telephone_band(np.zeros(0, np.int16), rate).shape == (0,)


def test_the_same_rate_changes_nothing() -> None:
    sent = tone(440, 8000, seconds=0.1)
    assert np.array_equal(to_rate(sent, 8000, 8000), sent)


def test_a_tone_keeps_its_frequency_at_another_rate() -> None:
    wide = to_rate(tone(1000, 8000), 8000, 16000)
    assert len(wide) == 16000
    assert int(np.argmax(np.abs(np.fft.rfft(wide)))) == 1000
