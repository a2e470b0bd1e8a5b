"""The parts of the training program that need no TensorFlow."""

from __future__ import annotations

import numpy as np
import pytest

from appliance.affect.emotion import LABELS
from appliance.affect.models import EMOTION_FILE, SETTINGS_FILE
from appliance.models import read_manifest, verify_file
from tools.train.emotions import calibration, card, corpus, nonspeech
from tools.train.emotions.augment import telephone_copy


def test_a_telephone_copy_is_at_eight_kilohertz_in_band_and_repeatable():
    t = np.arange(32_000) / 16_000
    voice = np.sin(2 * np.pi * 500 * t) + np.sin(2 * np.pi * 5000 * t)
    plain = telephone_copy(voice, 16_000, None)
    assert plain.dtype == np.int16
    assert len(plain) == 16_000
    level = 20 * np.log10(np.sqrt(np.mean((plain / 32768.0) ** 2)))
    assert level == pytest.approx(-29.0, abs=0.5)  # -26 dB, half of whose power is above the band
    one, other = (telephone_copy(voice, 16_000, np.random.default_rng(5)) for _ in range(2))
    np.testing.assert_array_equal(one, other)
    assert not np.array_equal(one, telephone_copy(voice, 16_000, np.random.default_rng(6)))


@pytest.mark.parametrize("kind", nonspeech.KINDS)
def test_every_kind_of_non_speech_is_finite_and_not_silent(kind):
    t = np.arange(2 * nonspeech.RATE) / nonspeech.RATE
    signal = kind(t, np.random.default_rng(1))
    assert signal.shape == t.shape
    assert np.isfinite(signal).all()
    assert np.abs(signal).max() > 0.01


def judged(temperature, count=2000, seed=2):
    """Logits whose probabilities are right at the given temperature."""
    rng = np.random.default_rng(seed)
    logits = rng.normal(0, 1.5, (count, len(corpus.CLASSES)))
    shares = np.exp(logits) / np.exp(logits).sum(axis=1, keepdims=True)
    labels = np.array([rng.choice(len(share), p=share) for share in shares])
    return calibration.Judged((logits * temperature).astype(np.float32), labels, np.arange(count))


@pytest.mark.parametrize("temperature", [0.7, 2.0])
def test_the_temperature_that_logits_were_scaled_by_is_found(temperature):
    chosen = calibration.choose([judged(temperature), judged(temperature, seed=3)])
    assert chosen["temperature"] == pytest.approx(temperature, rel=0.2)
    assert 0.25 <= chosen["least_confidence"] <= calibration.MOST_UNCERTAIN
    for label, least in calibration.LEAST_ALERT.items():
        assert least <= chosen[f"alert_{label}"] <= calibration.MOST_ALERT


def test_every_class_but_surprise_and_no_speech_has_one_of_the_four_labels():
    assert set(corpus.CLASSES) - set(calibration.FOLD) == {"surprise", "none"}
    assert set(calibration.FOLD.values()) == set(LABELS)


def test_the_manifest_entry_is_replaced_and_the_others_are_kept(tmp_path):
    folder = tmp_path / "emotion-x"
    folder.mkdir()
    manifest = tmp_path / "manifest.toml"
    for content in (b"first", b"second model"):
        (folder / EMOTION_FILE).write_bytes(content)
        (folder / SETTINGS_FILE).write_text("{}")
        card._list(folder, "casia: a research corpus", True)
        if content == b"first":
            other = '\n[[model]]\nname = "other"\nkind = "asr"\nlicence = "MIT"\nresearch_only = false\n'
            other += 'source = "s"\npurpose = "p"\ncard = "c"\n\n[[model.file]]\nname = "f"\nbytes = 1\n'
            manifest.write_text(manifest.read_text() + other + f'sha256 = "{"0" * 64}"\n')
    entries = read_manifest(manifest)
    assert [entry.name for entry in entries] == ["emotion-x", "other"]
    assert entries[0].research_only
    for file in entries[0].file:
        assert verify_file(folder / file.name, file) is None
