"""`ridge eval needs`: its figures, what it reads, and what bad manifests get."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from appliance.cli import CommandError, main
from appliance.language.findings import NeedFinding
from appliance.language.needs_evaluation import Item, Scores, Wanted, describe, parse_needs, read_manifest

MANIFEST = """text\tneeds\tcontext
我想买黄金\tgold:wants\t
股票我不碰 我要存定期\tstocks:rejects,deposit:wants\t
嗯 知道了\tnone\t国债下个月发行
不要\tgold:rejects\t给您配点黄金好不好
我再想想\tgold?\t黄金您要不要来一点
"""


@pytest.fixture
def manifest(tmp_path: Path) -> Path:
    path = tmp_path / "needs.tsv"
    path.write_text(MANIFEST, encoding="utf-8")
    return path


def test_labels_are_read_as_the_guide_writes_them() -> None:
    assert parse_needs("none") == {}
    assert parse_needs("gold:wants,deposit:has?,bonds?") == {
        "gold": Wanted("wants", False),
        "deposit": Wanted("has", True),
        "bonds": Wanted(None, True),
    }
    assert parse_needs("gold:wants?,gold:asks?") == {"gold": Wanted(None, True)}


def test_figures_follow_from_what_was_found() -> None:
    scores = Scores()
    scores.take(
        Item("a", parse_needs("gold:wants,deposit:has,bonds:asks?")),
        [
            NeedFinding("gold", "wants", 0.9),
            NeedFinding("bonds", "asks", 0.9),
            NeedFinding("child", "has", 0.9),
        ],
    )
    scores.take(Item("b", parse_needs("gold:wants,bonds?")), [NeedFinding("gold", "rejects", 0.9)])
    scores.take(Item("c", {}), [])
    scores.take(Item("d", {}), [NeedFinding("spouse", "has", 0.9)])
    figures = scores.figures()
    # right: gold in a; missed: deposit in a, gold in b; invented: child, spouse, gold in b
    assert figures["n"] == 3
    assert figures["precision"] == pytest.approx(1 / 4, abs=1e-4)
    assert figures["recall"] == pytest.approx(1 / 3, abs=1e-4)
    # told with a stance: gold and bonds in a, gold in b
    assert figures["stance"] == pytest.approx(2 / 3, abs=1e-4)
    assert (figures["quiet_n"], figures["quiet"]) == (2, 0.5)
    assert figures["per_tag"]["gold"]["recall"] == 0.5
    assert "stocks" not in figures["per_tag"]


def test_what_is_optional_neither_helps_nor_hurts() -> None:
    scores = Scores()
    scores.take(Item("a", parse_needs("gold:wants?,deposit?")), [])
    scores.take(Item("b", parse_needs("gold:wants?,deposit?")),
                [NeedFinding("gold", "wants", 0.9), NeedFinding("deposit", "rejects", 0.9)])  # fmt: skip
    figures = scores.figures()
    assert (figures["n"], figures["precision"], figures["recall"], figures["stance"]) == (0, 1.0, 1.0, 1.0)


def test_the_command_scores_both_and_the_rules_alone(
    manifest: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["eval", "needs", str(manifest), "--json"]) == 0
    figures = json.loads(capsys.readouterr().out)
    assert set(figures) == {"together", "rules"}
    assert figures["together"]["n"] == figures["rules"]["n"] == 4
    assert figures["together"]["recall"] == 1.0
    assert main(["eval", "needs", str(manifest), "--noise", "recognition", "--json"]) == 0
    noisy = json.loads(capsys.readouterr().out)
    assert noisy["together"]["n"] == 4
    assert noisy["together"]["recall"] <= figures["together"]["recall"]
    assert main(["eval", "needs", str(manifest)]) == 0
    table = capsys.readouterr().out
    assert table.startswith("5 lines\n")
    assert "gold" in table and "in brackets the rules alone" in table


def test_the_table_holds_every_tag_that_either_found() -> None:
    one, other = Scores(), Scores()
    one.take(Item("a", parse_needs("gold:wants")), [NeedFinding("gold", "wants", 0.9)])
    other.take(Item("a", parse_needs("gold:wants")), [NeedFinding("child", "has", 0.9)])
    table = describe(one.figures(), other.figures(), 1)
    rows = {line.split()[0]: line for line in table.splitlines() if line}
    assert "1.000 (0.000)" in rows["gold"]
    assert "1.000 (0.000)" in rows["child"]


@pytest.mark.parametrize(
    ("content", "told"),
    [
        ("", "the first line must name"),
        ("text\tlabel\n", "the first line must name"),
        ("text\tneeds\n", "holds no items"),
        ("text\tneeds\n你好\tmoney:wants\n", ":2: 'money:wants' is no need"),
        ("text\tneeds\n你好\tgold\n", ":2: 'gold' is no need"),
        ("text\tneeds\n你好\n", ":2: '' is no need"),
        ("text\tneeds\n你好\tgold:wants,gold:has\n", ":2: gold stands twice"),
        ("text\tneeds\n \tgold:wants\n", ":2: the text is missing"),
    ],
)
def test_a_bad_manifest_is_refused_with_what_to_write(tmp_path: Path, content: str, told: str) -> None:
    path = tmp_path / "needs.tsv"
    path.write_text(content, encoding="utf-8")
    with pytest.raises(CommandError, match=told):
        read_manifest(path)


def test_a_manifest_that_is_not_there_and_an_unknown_model_are_told(manifest: Path, tmp_path: Path) -> None:
    with pytest.raises(CommandError, match="cannot be read"):
        read_manifest(tmp_path / "nowhere.tsv")
    assert main(["eval", "needs", str(manifest), "--model", "needs-none"]) != 0
