"""`ridge eval objection`: its figures, its options and what bad manifests get."""

import json
from pathlib import Path

import pytest

from appliance.cli import CommandError, build_parser, main
from appliance.language.evaluation import LABELS, calibration_error, describe, read_manifest, score
from appliance.protocol.vocabulary import OBJECTION_TYPES

HELD_OUT = sorted((Path(__file__).parents[2] / "tools/train/objections/heldout").glob("*.tsv"))
MANIFESTS = [str(path) for path in HELD_OUT]


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


def test_the_table_says_what_each_label_was_taken_for() -> None:
    table = describe(score(["doubt", "doubt"], ["doubt", "none"])).splitlines()
    assert table[-5].split() == ["doubt", "0", "0", "1", "0", "0", "0", "1"]


def test_a_perfect_result_scores_one() -> None:
    figures = score(LABELS, LABELS)
    assert figures["macro_f1"] == 1
    assert figures["none_false_alarm"] == 0


def test_the_command_prints_one_object_and_writes_predictions(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    predictions = tmp_path / "predictions.tsv"
    assert main(["eval", "objection", *MANIFESTS, "--json", "--predictions", str(predictions)]) == 0
    figures = json.loads(capsys.readouterr().out)
    assert set(figures) == {"n", "macro_f1", "none_false_alarm", "per_label", "confusion"}
    lines = predictions.read_text(encoding="utf-8").splitlines()
    assert len(lines) == figures["n"] + 1 == sum(len(read_manifest(path)) for path in HELD_OUT) + 1
    assert lines[0].startswith("text\tlabel\tcontext\tfound\t")


def test_the_model_hears_authors_it_never_read(
    capsys: pytest.CaptureFixture[str],
) -> None:
    main(["eval", "objection", *MANIFESTS, "--json"])
    clean = json.loads(capsys.readouterr().out)
    main(["eval", "objection", *MANIFESTS, "--json", "--noise", "recognition"])
    noisy = json.loads(capsys.readouterr().out)
    assert clean["macro_f1"] > 0.88
    assert noisy["macro_f1"] > 0.82
    assert clean["none_false_alarm"] <= 0.04
    assert noisy["none_false_alarm"] <= 0.04


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


def test_the_context_of_a_manifest_is_read_where_there_is_one(tmp_path: Path) -> None:
    path = tmp_path / "manifest.tsv"
    path.write_text(
        "text\tlabel\tcontext\n不用\tnone\t要不要我帮您叫车\n不买\tpolite_refusal\n", encoding="utf-8"
    )
    assert [item.context for item in read_manifest(path)] == ["要不要我帮您叫车", ""]
    path.write_text("text\tlabel\n不用\tnone\n", encoding="utf-8")
    assert read_manifest(path)[0].context == ""


def test_calibration_is_measured_against_how_often_a_confidence_is_right() -> None:
    sure = {**dict.fromkeys(OBJECTION_TYPES, 0.0), "doubt": 0.8}
    assert calibration_error(["doubt"] * 4 + ["none"], [sure] * 5) == pytest.approx(0, abs=1e-9)
    # one of six types is wrong by 0.8 in every item
    assert calibration_error(["none"] * 5, [sure] * 5) == pytest.approx(0.8 / 6)
    assert calibration_error([], []) == 0


def test_a_missing_manifest_or_model_is_told(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["eval", "objection", str(tmp_path / "none.tsv")]) == 1
    assert "cannot be read" in capsys.readouterr().err
    assert main(["eval", "objection", MANIFESTS[0], "--model", "nothing-here"]) == 1
    assert "nothing-here" in capsys.readouterr().err


def test_the_options_are_those_of_the_design() -> None:
    options = build_parser().parse_args(["eval", "objection", "m.tsv"])
    assert options.manifest == [Path("m.tsv")]
    assert options.model == "objection-zh"
    assert options.noise is None
