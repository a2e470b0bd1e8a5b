"""Whatever is no speech of a customer: the answer is "uncertain", and never an alert."""

from __future__ import annotations

import numpy as np
import pytest

from appliance.affect.models import EMOTION_MODELS, AffectModels
from appliance.affect.voice import CustomerVoice
from appliance.models import ModelStore
from appliance.speech.utterance import SpeechEnded, SpeechStarted
from appliance.telephony.audioblock import AudioBlock
from tests.affect import signals

SECONDS = 12.0
BLOCK = 640


@pytest.fixture(scope="module", params=EMOTION_MODELS)
def models(request):
    """Each emotion model that is shipped, with its prosody model."""
    return AffectModels.load(ModelStore(), emotion=True, name=request.param)


def readings(models, samples, lost=0.0):
    """All readings of a call in which voice activity is fooled the whole time."""
    voice = CustomerVoice(models)
    voice.speech(SpeechStarted("customer", 0))
    taken = []
    for start in range(0, len(samples), BLOCK):
        voice.feed(samples[start : start + BLOCK], 8000, start // 8, lost=lost)
        models.run([voice])
        taken += voice.take()
    return taken


def uncertain(taken):
    assert not any(reading.alert for reading in taken)
    return {reading.label for reading in taken} <= {"uncertain"}


BAD = {
    "silence": np.zeros(int(SECONDS * 8000), np.int16),
    "direct current": np.full(int(SECONDS * 8000), 12000, np.int16),
    "noise": signals.noise(SECONDS),
    "quiet noise": signals.noise(SECONDS, seed=9, level=60.0),
    "keypad": signals.keypad(SECONDS),
    "music": signals.music(SECONDS),
    "steady tone": signals.harmonic(425.0, SECONDS),
    "crying": signals.cry(SECONDS),
    "overdriven": np.clip(signals.speechlike(SECONDS).astype(np.int32) * 40, -32256, 32256).astype(np.int16),
}


@pytest.mark.parametrize("name", BAD)
def test_it_is_uncertain_and_never_an_alert(models, name):
    assert uncertain(readings(models, BAD[name]))


@pytest.mark.parametrize("name", BAD)
def test_it_is_no_alert_either_once_the_customers_normal_voice_is_known(models, name):
    voice = CustomerVoice(models)
    voice.speech(SpeechStarted("customer", 0))
    samples = np.concatenate([signals.speechlike(SECONDS), BAD[name]])
    taken = []
    for start in range(0, len(samples), BLOCK):
        voice.feed(samples[start : start + BLOCK], 8000, start // 8)
        models.run([voice])
        if start == int(SECONDS * 8000):
            voice.describe(0, int(SECONDS * 1000), 40)
            assert voice.normal.confidence > 0
        taken += voice.take()
    after = [reading for reading in taken if reading.at_ms >= 1000 * SECONDS + 4000]
    assert after or name in ("silence", "direct current")
    assert uncertain(after)


def test_speech_that_is_mostly_concealed_is_not_judged(models):
    taken = readings(models, signals.speechlike(SECONDS), lost=0.6)
    assert taken
    assert uncertain(taken)


def test_dropouts_of_three_seconds_do_not_make_an_alert(models):
    voice = CustomerVoice(models)
    voice.speech(SpeechStarted("customer", 0))
    samples = signals.speechlike(20.0)
    taken = []
    for start in range(0, len(samples), BLOCK):
        if (start // 8000) % 4 == 0:
            voice.feed(samples[start : start + BLOCK], 8000, start // 8)
        models.run([voice])
        taken += voice.take()
    assert not any(reading.alert for reading in taken)


def test_no_decision_is_made_without_speech(models):
    voice = CustomerVoice(models)
    samples = signals.speechlike(6.0)
    voice.feed(samples, 8000, 0)
    models.run([voice])
    assert voice.take() == []
    voice.speech(SpeechStarted("customer", 6000))
    voice.speech(SpeechEnded("customer", 6500))
    voice.feed(samples, 8000, 6000)
    models.run([voice])
    assert voice.take() == []


def test_decisions_on_speech_come_every_half_second(models):
    voice = CustomerVoice(models)
    voice.speech(SpeechStarted("customer", 0))
    samples = signals.speechlike(8.0)
    for start in range(0, len(samples), BLOCK):
        voice.hear(AudioBlock.of("A" * 22, "customer", start, 8000, samples[start : start + BLOCK]))
        models.run([voice])
    times = [reading.at_ms for reading in voice.take()]
    assert times[0] <= 2000
    assert times == list(range(times[0], times[-1] + 1, 500))
    assert times[-1] >= 7500


def test_calls_judged_in_a_batch_are_judged_as_if_alone(models):
    recordings = [signals.speechlike(6.0, seed=k, middle=100 + 60 * k) for k in range(5)]

    def listen(voices):
        for voice in voices:
            voice.speech(SpeechStarted("customer", 0))
        for start in range(0, 48_000, BLOCK):
            for voice, samples in zip(voices, chosen, strict=True):
                voice.feed(samples[start : start + BLOCK], 8000, start // 8)
            models.run(voices)
        return [voice.take() for voice in voices]

    chosen = recordings
    together = listen([CustomerVoice(models) for _ in recordings])
    for samples, expected in zip(recordings, together, strict=True):
        chosen = [samples]
        (alone,) = listen([CustomerVoice(models)])
        assert [r.at_ms for r in alone] == [r.at_ms for r in expected]
        assert len(alone) > 5
        for one, other in zip(alone, expected, strict=True):
            assert one.probabilities == pytest.approx(other.probabilities, abs=0.05)
