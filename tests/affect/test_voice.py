from __future__ import annotations

import sys

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from appliance.affect.frames import measure
from appliance.affect.models import AffectModels
from appliance.affect.pitch import AutocorrelationTracker
from appliance.affect.ring import CAPACITY, FrameRing
from appliance.affect.voice import AgentLegError, CustomerVoice
from appliance.speech.utterance import SpeechEnded, SpeechStarted
from appliance.telephony.audioblock import AudioBlock
from tests.affect import signals

CALL = "A" * 22


def without_emotion():
    return AffectModels(AutocorrelationTracker(), None)


def kept(voice, start_ms=0, end_ms=60_000):
    return voice._ring.between(start_ms, end_ms)


@settings(max_examples=25, deadline=None)
@given(st.lists(st.integers(1, 1500), min_size=1, max_size=12))
def test_what_is_measured_does_not_depend_on_the_packets(lengths):
    samples = signals.speechlike(1.6)
    expected = measure([samples], AutocorrelationTracker())[0]
    voice = CustomerVoice(without_emotion())
    start = number = 0
    while start < len(samples):
        length = lengths[number % len(lengths)]
        voice.feed(samples[start : start + length], 8000, start * 1000 // 8000)
        if number % 3 == 0:
            voice._models.run([voice])
        start += length
        number += 1
    voice._models.run([voice])
    times, frames = kept(voice)
    assert len(frames) >= len(expected) - 24
    np.testing.assert_array_equal(times, 10 * np.arange(len(frames)))
    np.testing.assert_array_equal(frames.pitch, expected.pitch[: len(frames)])
    np.testing.assert_allclose(frames.mel, expected.mel[: len(frames)], atol=1e-4)


def test_calls_measured_together_are_measured_as_if_alone():
    recordings = [signals.speechlike(1.2, seed=k, middle=110 + 50 * k) for k in range(3)]
    together = [CustomerVoice(without_emotion()) for _ in recordings]
    for voice, samples in zip(together, recordings, strict=True):
        voice.feed(samples, 8000, 0)
    together[0]._models.run(together)
    for voice, samples in zip(together, recordings, strict=True):
        alone = CustomerVoice(without_emotion())
        alone.feed(samples, 8000, 0)
        alone._models.run([alone])
        np.testing.assert_array_equal(kept(voice)[1].pitch, kept(alone)[1].pitch)
        np.testing.assert_allclose(kept(voice)[1].mel, kept(alone)[1].mel, atol=1e-4)


def test_the_agents_leg_is_refused():
    voice = CustomerVoice(without_emotion())
    samples = signals.speechlike(0.08)
    with pytest.raises(AgentLegError, match="customer's leg only"):
        voice.hear(AudioBlock.of(CALL, "agent", 0, 8000, samples))
    with pytest.raises(AgentLegError):
        voice.speech(SpeechStarted("agent", 0))
    voice._models.run([voice])
    assert len(kept(voice)[1]) == 0
    voice.hear(AudioBlock.of(CALL, "customer", 0, 8000, signals.speechlike(1.0)))
    voice._models.run([voice])
    assert len(kept(voice)[1]) > 70


def test_audio_on_hold_is_not_measured_and_leaves_a_gap():
    voice = CustomerVoice(without_emotion())
    for number in range(30):
        block = AudioBlock.of(CALL, "customer", number * 640, 8000, signals.speechlike(0.08, seed=number))
        if 10 <= number < 20:
            block = AudioBlock(block.call, block.leg, block.position, block.rate, block.pcm, 0, hold=True)
        voice.hear(block)
    voice._models.run([voice])
    times, _ = kept(voice)
    assert not ((times >= 800) & (times < 1600)).any()
    assert (times < 800).any()
    assert (times >= 1600).any()
    assert (np.diff(times) > 0).all()


def test_a_gap_keeps_the_time_of_what_follows():
    voice = CustomerVoice(without_emotion())
    voice.feed(signals.speechlike(1.0), 8000, 500)
    voice.feed(signals.speechlike(1.0), 8000, 4500)
    voice._models.run([voice])
    times, _ = kept(voice)
    assert times.min() == 500
    assert 4500 in times
    assert not ((times >= 1500) & (times < 4500)).any()


def test_audio_that_was_heard_already_is_skipped():
    voice = CustomerVoice(without_emotion())
    samples = signals.speechlike(2.0)
    voice.feed(samples[:8000], 8000, 0)
    voice.feed(samples[4000:], 8000, 500)
    voice._models.run([voice])
    expected = measure([samples], AutocorrelationTracker())[0]
    _, frames = kept(voice)
    np.testing.assert_array_equal(frames.pitch, expected.pitch[: len(frames)])


def test_wide_band_is_measured_like_narrow_band():
    t = np.arange(2 * 16000) / 16000
    tone = sum(np.sin(2 * np.pi * 170 * k * t) / k for k in range(1, 20))
    wide = signals.to_int16(tone)
    voice = CustomerVoice(without_emotion())
    for start in range(0, len(wide), 1280):
        voice.feed(wide[start : start + 1280], 16000, start // 16)
    voice._models.run([voice])
    reading = voice.describe(0, 2000, 8)
    assert reading.pitch_hz == pytest.approx(170, rel=0.01)


def test_memory_does_not_grow_with_the_call():
    def size(voice):
        parts = [voice._framer._samples, voice._ring._times, voice._ring._frames.mel]
        return sum(part.nbytes for part in parts) + sum(
            sys.getsizeof(part) for part in (voice._spans, voice.waiting, voice.readings)
        )

    voice = CustomerVoice(without_emotion())
    samples = signals.speechlike(2.0)
    before = size(voice)
    for second in range(0, 120, 2):
        voice.feed(samples, 8000, second * 1000)
        voice.speech(SpeechStarted("customer", second * 1000))
        voice.speech(SpeechEnded("customer", second * 1000 + 900))
    assert size(voice) <= before + 4096
    assert len(kept(voice, 0, 200_000)[1]) <= CAPACITY


def test_the_ring_gives_frames_in_order_after_it_went_round():
    ring = FrameRing()
    part = measure([signals.speechlike(0.5)], AutocorrelationTracker())[0].at(slice(0, 40))
    for number in range(200):
        ring.append(number * 400, part)
    times, frames = ring.between(0, 10**9)
    assert len(frames) == CAPACITY
    assert (np.diff(times) == 10).all()
    assert times[-1] == 200 * 400 - 10


def test_an_utterance_is_described_relative_to_the_customers_own_voice():
    voice = CustomerVoice(without_emotion())
    normal, high = signals.speechlike(6.0, middle=150.0), signals.speechlike(3.0, seed=3, middle=240.0)
    voice.feed(np.concatenate([normal, high, np.zeros(4000, np.int16)]), 8000, 0)
    first = voice.describe(0, 6000, 25)
    second = voice.describe(6000, 9000, 12)
    assert first.pitch_hz == pytest.approx(150, rel=0.12)
    assert abs(first.pitch_shift) < 0.5
    assert second.pitch_shift == pytest.approx(12 * np.log2(240 / 150), abs=2.5)
    assert 0 < first.baseline_confidence <= second.baseline_confidence <= 1
    assert voice.describe(20_000, 21_000, 3) is None


def test_without_the_emotion_model_nothing_is_taken():
    voice = CustomerVoice(without_emotion())
    voice.speech(SpeechStarted("customer", 0))
    voice.feed(signals.speechlike(5.0), 8000, 0)
    voice._models.run([voice])
    assert voice.take() == []
