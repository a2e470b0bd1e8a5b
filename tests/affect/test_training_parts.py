"""The parts of the training program that need no TensorFlow."""

from __future__ import annotations

from pathlib import Path
from xml.etree import ElementTree

import msgspec
import numpy as np
import pytest
import soundfile

from appliance.affect.emotion import LABELS, Settings
from appliance.affect.frames import measure
from appliance.affect.pitch import AutocorrelationTracker
from appliance.models import read_manifest, verify_file
from tests.affect import signals
from tools.train import licences, model_files, pictures
from tools.train.emotions import calibration, card, corpus, nonspeech, sampling
from tools.train.emotions.augment import Line
from tools.train.prosodies import corpus as pitch_corpus
from tools.train.prosodies import synthetic
from tools.train.prosodies.agreement import agreement


def carried(voice, seed, line=None):
    rng = np.random.default_rng(seed)
    return (line or Line.draw(rng)).carry(voice, 16_000, rng)


def test_what_a_line_carries_is_at_eight_kilohertz_in_band_and_repeatable():
    t = np.arange(32_000) / 16_000
    voice = np.sin(2 * np.pi * 500 * t) + np.sin(2 * np.pi * 5000 * t)
    plain = carried(voice, 1, Line())
    assert plain.dtype == np.int16
    assert len(plain) == 16_000
    level = 20 * np.log10(np.sqrt(np.mean((plain / 32768.0) ** 2)))
    assert level == pytest.approx(-29.0, abs=0.5)  # -26 dB, half of whose power is above the band
    np.testing.assert_array_equal(carried(voice, 5), carried(voice, 5))
    assert not np.array_equal(carried(voice, 5), carried(voice, 6))
    assert len(carried(voice, 1, Line(speed=1.25))) == pytest.approx(16_000 / 1.25, abs=2)


def test_a_quiet_recording_of_a_loud_speaker_stays_quiet():
    voice = np.random.default_rng(3).normal(0, 0.1, 16_000)
    usual, quiet = (Line().carry(v, 16_000, np.random.default_rng(1), 0.1) for v in (voice, voice / 4))
    ratio = np.std(usual.astype(float)) / np.std(quiet.astype(float))
    assert ratio == pytest.approx(4.0, rel=0.05)


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
    files = ("model.tflite", "settings.json")
    for content in (b"first", b"second model"):
        (folder / files[0]).write_bytes(content)
        (folder / files[1]).write_text("{}")
        made = model_files.Entry("emotion", "casia: a research corpus", True, "here", "a purpose")
        model_files.enter(folder, made, files)
        if content == b"first":
            other = '\n[[model]]\nname = "other"\nkind = "asr"\nlicence = "MIT"\nresearch_only = false\n'
            other += 'source = "s"\npurpose = "p"\ncard = "c"\n\n[[model.file]]\nname = "f"\nbytes = 1\n'
            manifest.write_text(manifest.read_text() + other + f'sha256 = "{"0" * 64}"\n')
    entries = read_manifest(manifest)
    assert [entry.name for entry in entries] == ["emotion-x", "other"]
    assert entries[0].research_only
    for file in entries[0].file:
        assert verify_file(folder / file.name, file) is None


def test_a_confusion_picture_shows_counts_and_shares_and_is_well_formed():
    picture = pictures.confusion(
        "a <title>", ("yes", "no"), ("yes", "no"), np.array([[30, 10], [0, 5]]), "items"
    )
    tree = ElementTree.fromstring(picture)
    words = [element.text for element in tree.iter() if element.text and element.text.strip()]
    assert "a <title>" in words
    assert {"75.0 %", "25.0 %", "100.0 %", "0.0 %"} <= set(words)


def test_a_made_up_voice_has_the_pitch_it_says():
    samples, pitch = synthetic.voice(np.random.default_rng(8))
    voiced = pitch > 0
    assert 0.2 < voiced.mean() < 1.0
    assert pitch[voiced].min() >= synthetic.LOWEST_HZ
    assert pitch[voiced].max() <= synthetic.HIGHEST_HZ
    assert np.isfinite(samples).all()
    narrow = Line().carry(samples, synthetic.RATE, np.random.default_rng(1))
    tracked = measure([narrow], AutocorrelationTracker())[0].pitch
    true = pitch[np.minimum(np.arange(len(tracked)) * 160 + 80, len(pitch) - 1)]
    both = (tracked > 0) & (true > 0)
    assert both.mean() > 0.15
    assert (np.abs(tracked[both] / true[both] - 1) < 0.05).mean() > 0.8


def an_item(corpus_name, speaker, emotion="sad"):
    return corpus.Item(Path(), corpus_name, f"{corpus_name}-{speaker}", emotion, 2.0)


def test_folds_hold_out_different_speakers_of_every_corpus_that_has_enough():
    items = [an_item("big", n) for n in range(12)] + [an_item("small", n) for n in range(3)]
    items += [an_item("alone", 1)]
    folds = sampling.folds(items)
    assert len(folds) == sampling.FOLDS
    assert [sum(speaker.startswith("big") for speaker in fold) for fold in folds] == [2, 2, 2]
    assert [sum(speaker.startswith("small") for speaker in fold) for fold in folds] == [1, 1, 1]
    held = [speaker for fold in folds for speaker in fold]
    assert len(held) == len(set(held))
    assert "alone-1" not in held


def test_classes_count_alike_inside_a_corpus_and_the_corpus_of_the_calls_counts_most():
    rows = [("calls", "angry")] * 30 + [("calls", "sad")] * 10 + [("other", "sad")] * 200
    rows += [("reading", "neutral")] * 100 + [("none", "none")] * 50
    names, emotions = zip(*rows, strict=True)
    zeros = np.zeros(len(rows), np.int64)
    material = corpus.Material(
        np.zeros((len(rows), 1), np.float16), np.array([corpus.CLASSES.index(e) for e in emotions]),
        np.array(names), np.array(names), np.arange(len(rows)), zeros,
    )  # fmt: skip
    chance = sampling.chances(material, "calls")
    assert chance.sum() == pytest.approx(1.0)
    assert chance[:30].sum() == pytest.approx(chance[30:40].sum())
    by_corpus = {name: chance[np.array(names) == name].sum() for name in set(names)}
    assert by_corpus["calls"] > by_corpus["other"] > by_corpus["none"] > by_corpus["reading"] > 0


def test_readings_are_neutral_and_the_kept_readers_are_left_out(tmp_path):
    manifest = tmp_path / "readings.tsv"
    rows = [f"{n}.opus\tr{n % 3}\t{seconds}" for n, seconds in enumerate([0.5, 2.0, 3.0, 4.0, 5.0, 9.0])]
    manifest.write_text("path\tspeaker\tseconds\n" + "\n".join(rows) + "\n")
    items = corpus.read_neutral(manifest, 10, ("r1",), np.random.default_rng(1))
    assert {item.speaker for item in items} == {"readings-r0", "readings-r2"}
    assert {(item.corpus, item.emotion, item.acted) for item in items} == {("readings", "neutral", False)}
    assert len(corpus.read_neutral(manifest, 2, (), np.random.default_rng(1))) == 2


def test_unmarked_recordings_are_taken_of_every_speaker_alike_and_from_the_corpora_that_are_wanted(tmp_path):
    manifest = tmp_path / "words.tsv"
    rows = [f"{n}.opus\ts{n % 3}" for n in range(30)]
    manifest.write_text("path\tspeaker\n" + "\n".join(rows) + "\n")
    items = pitch_corpus.read_unmarked(manifest, None, ("s1",), 4)
    assert [item.speaker for item in items] == ["s0"] * 4 + ["s2"] * 4
    assert {(item.corpus, item.marks) for item in items} == {("words", None)}
    assert pitch_corpus.read_unmarked(manifest, ("others",), (), 4) == []
    with pytest.raises(SystemExit, match="without marks"):
        pitch_corpus.read_manifest(manifest)


def test_changed_copies_of_a_high_voice_are_low_and_high_and_keep_what_is_voiced(tmp_path):
    samples, truth = synthetic.voice(np.random.default_rng(8))
    path = tmp_path / "voice.wav"
    soundfile.write(path, 0.3 * samples / np.abs(samples).max(), synthetic.RATE)
    pulses = np.flatnonzero(np.diff(np.floor(np.cumsum(truth) / synthetic.RATE)) > 0)
    pulses[truth[pulses] > 0].astype("<i4").tofile(tmp_path / "voice.i32")
    item = pitch_corpus.Item(path, tmp_path / "voice.i32", "mine-a", "mine")
    plain, *changed = pitch_corpus.prepare([item], 6, 0, 3)
    middles = [float(np.median(track.pitch[track.pitch > 0])) for track in changed]
    assert plain.plain
    assert max(middles) > 1.5 * min(middles)
    for track in changed:
        assert (track.pitch > 0).mean() == pytest.approx((plain.pitch > 0).mean(), abs=0.05)


def test_what_two_trackers_hear_alike_is_voiced_and_what_the_sure_one_does_not_hear_is_not():
    sure, eager = np.float32([100, 100, 0, 0, 100]), np.float32([104, 200, 0, 130, 0])
    np.testing.assert_array_equal(agreement(sure, eager), np.float32([100, np.nan, 0, 0, np.nan]))


def test_a_model_is_for_research_only_unless_every_licence_is_known_and_open():
    assert not licences.research_only(["emodb", "synthetic"])
    assert licences.research_only(["emodb", "casia"])
    assert licences.research_only(["somebody-elses-recordings"])


def test_recordings_of_a_call_are_shown_with_the_normal_voice_of_others_and_the_plain_ones_without(tmp_path):
    rng = np.random.default_rng(2)
    items = []
    for number in range(4):
        path = tmp_path / f"{number}.wav"
        soundfile.write(path, signals.speechlike(2.0, seed=number, middle=140.0 + 10 * number), 8000)
        items.append(corpus.Item(path, "mine", "mine-a", ("angry", "sad")[number % 2], 2.0))
    material = corpus.prepare(items, {"mine": 3}, 2, AutocorrelationTracker(), int(rng.integers(9)))
    known = material.windows[:, 0, 0, -1].astype(np.float32)
    assert (known[material.ways == corpus.ALONE] == 0).all()
    assert (known[material.ways == corpus.PLAIN] > 0).any()
    assert (known[material.ways == corpus.CHANGED] > 0).any()
    assert set(material.items.tolist()) == {-1, 0, 1, 2, 3}
    assert (
        material.some(material.ways == corpus.PLAIN).windows.shape[0] == (material.ways == corpus.PLAIN).sum()
    )


def test_the_card_says_that_a_model_without_alerts_is_silent():
    settings = Settings(held_out=(), prosody="", **calibration.settings_with(1.0, alert_angry=0.71))
    assert "angry reaches 0.71" in card.about_alerts(settings, "calls")
    silent = card.about_alerts(msgspec.structs.replace(settings, alerts=False), "calls")
    assert "raises no alert" in silent
    assert "0.71" not in silent
