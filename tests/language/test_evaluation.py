"""`ridge eval objection`: its figures, its options and what bad manifests get."""

import json
from pathlib import Path

import pytest

from appliance.cli import CommandError, build_parser, main
from appliance.language.evaluation import LABELS, read_manifest, score

HELD_OUT = Path(__file__).parents[2] / "tools/train/objections/heldout/neighbourly.tsv"


def test_figures_follow_from_the_confusion() -> None:
    truth = ["doubt", "doubt", "none", "none", "none", "hesitation"]
    found = ["doubt", "none", "none", "doubt", "none", "hesitation"]
    figures = score(truth, found)
    assert figures["n"] == 6
    assert figures["none_false_alarm"] == pytest.approx(1 / 3, abs=1e-4)
    assert figures["per_label"]["doubt"] == {"n": 2, "precision": 0.5, "recall": 0.5, "f1": 0.5}
    # doubt 1/2, hesitation 1, none 2/3; labels that do not occur do not count
    assert figures["macro_f1"] == pytest.approx((0.5 + 1 + 2 / 3) / 3, abs=1e-4)
    assert figures["confusion"]["none"]["doubt"] == 1


def test_a_perfect_result_scores_one() -> None:
    figures = score(LABELS, LABELS)
    assert figures["macro_f1"] == 1
    assert figures["none_false_alarm"] == 0


def test_the_command_prints_one_object_and_writes_predictions(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    predictions = tmp_path / "predictions.tsv"
    assert main(["eval", "objection", str(HELD_OUT), "--json", "--predictions", str(predictions)]) == 0
    figures = json.loads(capsys.readouterr().out)
    assert set(figures) == {"n", "macro_f1", "none_false_alarm", "per_label", "confusion"}
    lines = predictions.read_text(encoding="utf-8").splitlines()
    assert len(lines) == figures["n"] + 1 == len(read_manifest(HELD_OUT)) + 1


def test_the_model_is_better_than_chance_on_an_author_it_never_read(
    capsys: pytest.CaptureFixture[str],
) -> None:
    main(["eval", "objection", str(HELD_OUT), "--json"])
    clean = json.loads(capsys.readouterr().out)
    main(["eval", "objection", str(HELD_OUT), "--json", "--noise", "recognition"])
    noisy = json.loads(capsys.readouterr().out)
    assert clean["macro_f1"] > 0.5
    assert noisy["macro_f1"] > 0.4
    assert clean["none_false_alarm"] < 0.15


@pytest.mark.parametrize(
    ("content", "told"),
    [
        ("", "the first line must name"),
        ("text\tkind\n", "the first line must name"),
        ("text\tlabel\n", "holds no items"),
        ("text\tlabel\n你好\tmaybe\n", ":2: write a text and one label"),
        ("text\tlabel\n你好\n", ":2: write a text and one label"),
    ],
)
def test_a_bad_manifest_is_refused_with_what_to_write(tmp_path: Path, content: str, told: str) -> None:
    path = tmp_path / "manifest.tsv"
    path.write_text(content, encoding="utf-8")
    with pytest.raises(CommandError, match=told):
        read_manifest(path)


def test_a_missing_manifest_or_model_is_told(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["eval", "objection", str(tmp_path / "none.tsv")]) == 1
    assert "cannot be read" in capsys.readouterr().err
    assert main(["eval", "objection", str(HELD_OUT), "--model", "nothing-here"]) == 1
    assert "nothing-here" in capsys.readouterr().err


def test_the_options_are_those_of_the_design() -> None:
    options = build_parser().parse_args(["eval", "objection", "m.tsv"])
    assert options.model == "objection-zh"
    assert options.noise is None
