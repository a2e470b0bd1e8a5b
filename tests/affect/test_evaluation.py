from __future__ import annotations

import argparse
import csv
import json

import numpy as np
import pytest
import soundfile

from appliance.affect import evaluation
from appliance.affect.emotion import LABELS
from appliance.affect.models import EMOTION_MODELS, PROSODY_MODELS
from appliance.cli import CommandError
from tests.affect import signals
from tests.shared_data import shared_data


def ridge_eval(*arguments):
    parser = argparse.ArgumentParser()
    evaluation.add_eval(parser.add_subparsers())
    options = parser.parse_args([str(argument) for argument in arguments])
    return options.run(options)


def table(path, header, rows):
    with path.open("w", newline="") as stream:
        csv.writer(stream, delimiter="\t").writerows([header, *rows])
    return path


def rows_of(manifest, keep):
    with manifest.open(encoding="utf-8", newline="") as stream:
        return [row for row in csv.DictReader(stream, delimiter="\t") if keep(row)]


def test_pitch_of_a_known_signal_is_scored_nearly_without_error(tmp_path, capsys):
    t = np.arange(32_000) / 16_000
    tone = sum(np.sin(2 * np.pi * 160 * k * t + k) / k**0.5 for k in range(1, 40))
    voiced = (t > 0.5) & (t < 1.5)
    soundfile.write(tmp_path / "a.wav", signals.to_int16(tone * voiced), 16_000)
    np.arange(8000, 24_000, 100).astype("<i4").tofile(tmp_path / "a.i32")
    manifest = table(tmp_path / "m.tsv", ["path", "marks"], [["a.wav", "a.i32"]])
    assert ridge_eval("prosody", manifest, "--band", "telephone", "--json") == 0
    result = json.loads(capsys.readouterr().out)
    assert set(result) == {"n", "gross_pitch_error", "voicing_error", "cents_rmse"}
    assert result["n"] == 1
    assert result["gross_pitch_error"] == 0
    assert result["voicing_error"] < 0.05
    assert result["cents_rmse"] < 20


def test_wrong_marks_are_scored_as_errors(tmp_path, capsys):
    soundfile.write(tmp_path / "a.wav", signals.harmonic(160.0, 2.0), 8000)
    np.arange(0, 32_000, 50).astype("<i4").tofile(tmp_path / "a.i32")  # an octave too high
    manifest = table(tmp_path / "m.tsv", ["path", "marks"], [["a.wav", "a.i32"]])
    ridge_eval("prosody", manifest, "--json")
    assert json.loads(capsys.readouterr().out)["gross_pitch_error"] > 0.95


def test_the_tracker_follows_mandarin_speech_through_the_telephone(tmp_path, capsys):
    folder = shared_data("prosody")
    rows = rows_of(folder / "manifest.tsv", lambda row: True)[::45]
    manifest = table(
        tmp_path / "m.tsv", ["path", "marks"], [[folder / row["path"], folder / row["marks"]] for row in rows]
    )
    ridge_eval("prosody", manifest, "--band", "telephone", "--json")
    result = json.loads(capsys.readouterr().out)
    assert result["n"] == 20
    assert result["gross_pitch_error"] < 0.10
    assert result["voicing_error"] < 0.18


def test_emotion_of_a_speaker_the_model_never_heard_is_told_better_than_by_chance(models, tmp_path, capsys):
    folder = shared_data("emotion")
    unseen = models.emotion.settings.held_out[0]
    assert unseen.startswith("casia-")
    rows = rows_of(
        folder / "manifest.tsv",
        lambda row: row["speaker"] == unseen and row["emotion"] in LABELS,
    )[::4]
    manifest = table(
        tmp_path / "m.tsv",
        ["path", "speaker", "emotion"],
        [[folder / row["path"], row["speaker"], row["emotion"]] for row in rows],
    )
    predictions = tmp_path / "predictions.tsv"
    ridge_eval("emotion", manifest, "--band", "telephone", "--json", "--predictions", predictions)
    result = json.loads(capsys.readouterr().out)
    assert set(result) == {
        "n", "uar", "uar_low", "uar_high", "ece", "abstained", "labels", "confusion",
    }  # fmt: skip
    assert result["n"] == len(rows) == np.sum(result["confusion"])
    assert 0.25 < result["uar_low"] <= result["uar"] <= result["uar_high"] <= 1
    assert result["labels"] == list(LABELS)
    written = predictions.read_text().splitlines()
    assert len(written) == len(rows) + 1
    likeliest = [line.split("\t")[4] for line in written[1:]]
    right = [label == row["emotion"] for label, row in zip(likeliest, rows, strict=True)]
    assert sum(right) == np.trace(result["confusion"])


def test_fear_and_disgust_are_folded_and_surprise_is_left_out(tmp_path, capsys):
    soundfile.write(tmp_path / "a.wav", signals.speechlike(3.0), 8000)
    emotions = ["fear", "disgust", "calm", "surprise"]
    manifest = table(
        tmp_path / "m.tsv", ["path", "speaker", "emotion"], [["a.wav", "x", emotion] for emotion in emotions]
    )
    ridge_eval("emotion", manifest, "--json")
    result = json.loads(capsys.readouterr().out)
    assert result["n"] == 3
    assert [sum(row) for row in result["confusion"]] == [1, 0, 1, 1]


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("", "no rows"),
        ("path\tspeaker\n a.wav\tx\n", "column emotion"),
        ("path\tspeaker\temotion\nmissing.wav\tx\tsad\n", "cannot be read as audio"),
        ("path\tspeaker\temotion\nmissing.wav\tx\tbored\n", "emotion bored is unknown"),
    ],
)
def test_a_bad_manifest_is_an_error_with_a_next_step(tmp_path, content, message):
    manifest = tmp_path / "m.tsv"
    manifest.write_text(content)
    with pytest.raises(CommandError, match=message):
        ridge_eval("emotion", manifest)


def test_the_command_scores_the_models_that_the_appliance_loads():
    assert EMOTION_MODELS[0] == evaluation.EMOTION
    assert PROSODY_MODELS[0] == evaluation.PROSODY


def test_an_unknown_model_is_an_error(tmp_path):
    manifest = table(tmp_path / "m.tsv", ["path", "speaker", "emotion"], [["a.wav", "x", "sad"]])
    with pytest.raises(CommandError, match="no model nothing"):
        ridge_eval("emotion", manifest, "--model", "nothing")
