"""`ridge eval asr` and `ridge transcribe` on real files, and on what is none."""

from __future__ import annotations

import argparse
import csv
import json
from pathlib import Path

import numpy as np
import pytest
import soundfile

from appliance import evaluation, transcribe_command
from appliance.cli import CommandError
from appliance.language.writtenform import written
from appliance.speech.errorrate import count_errors
from appliance.speech.evaluation import add_eval, spoken_characters, spoken_syllables
from appliance.telephony.band import telephone_band
from tests.shared_data import shared_data

SCORED = ("BAC009S0764W0139", "BAC009S0764W0185", "BAC009S0724W0123")


@pytest.fixture
def manifest(tmp_path: Path) -> Path:
    """Three utterances."""
    lines = ["path\ttext\tspeaker"]
    with (shared_data("asr/eval") / "manifest.tsv").open(encoding="utf-8") as file:
        texts = {row["path"]: row["text"] for row in csv.DictReader(file, delimiter="\t")}
    for name in SCORED:
        text = texts[f"{name}.flac"]
        samples, rate = soundfile.read(shared_data("asr/eval") / f"{name}.flac", dtype="int16")
        soundfile.write(tmp_path / f"{name}.wav", samples, rate, subtype="PCM_16")
        lines.append(f"{name}.wav\t{text}\tS1")
    path = tmp_path / "manifest.tsv"
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")
    return path


def run(*arguments: str) -> int:
    parser = argparse.ArgumentParser()
    commands = parser.add_subparsers()
    transcribe_command.add_commands(commands)
    add_eval(commands)
    options = parser.parse_args(arguments)
    return int(options.run(options))


def test_the_summary_has_exactly_the_promised_keys(
    manifest: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run("asr", str(manifest), "--json") == 0
    summary = json.loads(capsys.readouterr().out)
    assert list(summary) == ["n", "cer", "syllable_error", "rtf", "insertions_per_minute"]
    assert summary["n"] == 3
    assert 0 <= summary["cer"] < 0.3
    assert 0 <= summary["syllable_error"] < 0.2
    assert summary["rtf"] > 0


def test_the_telephone_band_is_scored_and_predictions_are_written(
    manifest: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    predictions = tmp_path / "predictions.tsv"
    assert run("asr", str(manifest), "--band", "telephone", "--predictions", str(predictions)) == 0
    assert "character error rate" in capsys.readouterr().out
    lines = [line.split("\t") for line in predictions.read_text(encoding="utf-8").splitlines()]
    assert lines[0] == ["path", "text", "recognized", "pinyin", "errors"]
    for _, text, recognized, _, errors in lines[1:]:
        assert count_errors(list(text), list(recognized)).total == int(errors)


def test_a_manifest_without_words_counts_only_insertions(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    soundfile.write(tmp_path / "quiet.wav", np.zeros(16_000, np.int16), 8000)
    (tmp_path / "manifest.tsv").write_text("path\ttext\nquiet.wav\t\n", encoding="utf-8")
    assert run("asr", str(tmp_path / "manifest.tsv"), "--json") == 0
    summary = json.loads(capsys.readouterr().out)
    assert summary["cer"] is None
    assert summary["insertions_per_minute"] == 0


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("file\ttext\nquiet.wav\t\n", "lacks path or text"),
        ("path\ttext\nmissing.wav\tx\n", "no such file"),
        ("path\ttext\nmanifest.tsv\tx\n", "cannot be read as sound"),
    ],
)
def test_a_manifest_that_cannot_be_scored_says_why(tmp_path: Path, content: str, message: str) -> None:
    (tmp_path / "manifest.tsv").write_text(content, encoding="utf-8")
    with pytest.raises(CommandError, match=message):
        run("asr", str(tmp_path / "manifest.tsv"))


def test_an_unknown_model_is_refused(manifest: Path) -> None:
    with pytest.raises(CommandError, match="no model nothing"):
        run("asr", str(manifest), "--model", "nothing")


def test_a_model_of_another_kind_is_refused(manifest: Path) -> None:
    with pytest.raises(CommandError, match="recognizes no speech"):
        run("asr", str(manifest), "--model", "lexicon-zh")


def test_transcribe_tells_the_channels_of_a_stereo_file(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    left, right = (
        telephone_band(soundfile.read(shared_data("asr/eval") / f"{name}.flac", dtype="int16")[0], 16_000)
        for name in ("BAC009S0764W0139", "BAC009S0764W0185")
    )
    both = np.zeros((len(left) + len(right) + 8000, 2), np.int16)
    both[: len(left), 0] = left
    both[len(left) + 8000 :, 1] = right
    soundfile.write(tmp_path / "call.wav", both, 8000)
    assert run("transcribe", str(tmp_path / "call.wav"), "--json") == 0
    rows = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    assert [row["channel"] for row in rows] == ["left", "right"]
    assert rows[1]["start_ms"] > rows[0]["end_ms"]
    for row, expected in zip(rows, ("国家统计局的数据显示", "通过改革和政策调整"), strict=True):
        assert count_errors(list(expected), list(row["text"])).total <= 3
        assert row["written"] == written(row["text"])
        for span in row["numbers"]:
            assert row["text"][span["spoken_start"] : span["spoken_end"]] != ""


def test_transcribe_takes_other_rates_and_prints_times(
    manifest: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    samples, _ = soundfile.read(manifest.parent / "BAC009S0764W0185.wav", dtype="int16")
    soundfile.write(tmp_path / "fast.wav", np.repeat(samples, 2), 32_000)
    assert run("transcribe", str(tmp_path / "fast.wav")) == 0
    line = capsys.readouterr().out.strip()
    assert line.startswith("fast.wav  0:0")
    assert "改革" in line


def test_transcribe_refuses_three_channels(tmp_path: Path) -> None:
    soundfile.write(tmp_path / "three.wav", np.zeros((800, 3), np.int16), 8000)
    with pytest.raises(CommandError, match="3 channels"):
        run("transcribe", str(tmp_path / "three.wav"))


def test_errors_are_counted_by_kind() -> None:
    errors = count_errors(list("abcdef"), list("axcdefg"))
    assert (errors.substitutions, errors.deletions, errors.insertions) == (1, 0, 1)
    assert errors.rate == pytest.approx(2 / 6)
    assert count_errors([], list("ab")).insertions == 2
    assert count_errors(list("ab"), []).deletions == 2
    assert count_errors([], []).rate is None


def test_only_what_is_spoken_is_compared() -> None:
    assert spoken_characters("A股，涨了 3%。") == ["A", "股", "涨", "了", "3"]
    assert spoken_syllables("绿色A股！") == ["lv", "se", "A", "gu"]


def test_the_dispatcher_offers_recognition() -> None:
    parser = argparse.ArgumentParser()
    evaluation.add_commands(parser.add_subparsers())
    options = parser.parse_args(["eval", "asr", "some.tsv", "--band", "telephone"])
    assert options.manifest == Path("some.tsv")
