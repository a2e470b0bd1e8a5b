"""Voice activity tells speech-like bursts from lines that hiss, hum or are dead."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.typing import NDArray

from appliance.speech.voiceactivity import FRAME_MS, VoiceActivity

RATE = 8000


def noise(seconds: float, decibels: float, seed: int = 1) -> NDArray[np.float64]:
    """White noise at a level in dB below full scale."""
    generator = np.random.default_rng(seed)
    return generator.normal(0, 32768 * 10 ** (decibels / 20), int(seconds * RATE))


def syllables(seconds: float, decibels: float) -> NDArray[np.float64]:
    """A buzz of 150 Hz with its overtones that swells four times a second, as syllables do."""
    time = np.arange(int(seconds * RATE)) / RATE
    buzz = sum(np.sin(2 * np.pi * 150 * k * time) / k for k in range(1, 20))
    swell = np.clip(np.sin(2 * np.pi * 4 * time), 0.02, None)
    return buzz * swell * 32768 * 10 ** (decibels / 20)


def decide(samples: NDArray[np.float64], packet: int = 160) -> NDArray[np.bool_]:
    activity = VoiceActivity(RATE)
    pcm = np.clip(samples, -32768, 32767).astype(np.int16)
    pcm = pcm[: len(pcm) // activity.frame * activity.frame]
    frames = [
        speech
        for start in range(0, len(pcm), packet)
        for speech in activity.decide(pcm[start : start + packet])
    ]
    return np.array(frames)


def share(frames: NDArray[np.bool_], start: float, end: float) -> float:
    return float(frames[int(start * 1000 / FRAME_MS) : int(end * 1000 / FRAME_MS)].mean())


def test_digital_silence_is_no_speech() -> None:
    assert not decide(np.zeros(RATE * 5)).any()


def test_a_quiet_hiss_is_no_speech() -> None:
    assert not decide(noise(5, -58)).any()


def test_a_loud_steady_hiss_is_no_speech_once_the_floor_has_followed() -> None:
    frames = decide(noise(10, -35))
    assert share(frames, 4, 10) == 0.0


@pytest.mark.parametrize("floor", [-90, -60, -45])
def test_speech_is_found_over_a_noise_far_below_it(floor: float) -> None:
    line = noise(6, floor)
    line[2 * RATE : 4 * RATE] += syllables(2, -20)
    frames = decide(line)
    assert share(frames, 0, 1.9) == 0.0
    assert share(frames, 2.1, 3.9) > 0.4
    assert share(frames, 4.3, 6) == 0.0


def test_a_call_that_begins_with_speech_is_heard_at_once() -> None:
    assert decide(syllables(2, -20))[: 200 // FRAME_MS].any()


def test_speech_is_still_heard_after_half_a_minute_of_it() -> None:
    frames = decide(syllables(30, -25) + noise(30, -60))
    assert share(frames, 28, 30) > 0.4


@pytest.mark.parametrize("frames_a_packet", [1, 3, 7, 50])
def test_the_answer_does_not_depend_on_the_packets(frames_a_packet: int) -> None:
    line = noise(6, -50)
    line[RATE : 4 * RATE] += syllables(3, -25)
    expected = decide(line)
    assert (decide(line, 160 * frames_a_packet) == expected).all()


def test_full_scale_and_clipped_input_is_taken() -> None:
    decide(np.full(RATE, 32767.0))
    decide(np.tile([32767.0, -32768.0], RATE))
