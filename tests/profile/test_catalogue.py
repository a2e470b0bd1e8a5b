from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from appliance.cli import main
from appliance.profile.catalogue import BUILT_IN, Catalogue, CatalogueError
from appliance.protocol.vocabulary import OBJECTION_TYPES
from appliance.seat.words import Words

Edit = Callable[[str], str]


def problems_of(tmp_path: Path, edit: Edit) -> list[str]:
    """The problems of the built-in catalogue after an edit; every one must name the file."""
    file = tmp_path / "strategies.toml"
    text = BUILT_IN.read_text(encoding="utf-8")
    edited = edit(text)
    assert edited != text, "the edit must change something"
    file.write_text(edited, encoding="utf-8")
    with pytest.raises(CatalogueError) as caught:
        Catalogue.load(file)
    assert all(problem.startswith(str(file)) for problem in caught.value.problems)
    return [problem.removeprefix(f"{file}: ") for problem in caught.value.problems]


def replacing(old: str, new: str) -> Edit:
    return lambda text: text.replace(old, new, 1)


def test_the_built_in_catalogue_has_at_least_thirty_strategies_and_two_for_each_objection() -> None:
    strategies = Catalogue.load().strategies
    assert len(strategies) >= 30
    for kind in OBJECTION_TYPES:
        assert sum(kind in strategy.objections for strategy in strategies) >= 2


def test_a_sites_copy_loads_like_the_built_in_one(tmp_path: Path) -> None:
    file = tmp_path / "strategies.toml"
    file.write_bytes(BUILT_IN.read_bytes())
    assert Catalogue.load(file) == Catalogue.load()


def test_scarcity_is_only_advised_where_it_is_true_and_counts_as_pressure() -> None:
    scarce = [strategy for strategy in Catalogue.load().strategies if strategy.lever == "scarcity"]
    assert scarce
    assert all(strategy.only_if_true and strategy.pressure for strategy in scarce)


@pytest.mark.parametrize(
    ("edit", "problem"),
    [
        (replacing('lever = "autonomy"', 'levr = "autonomy"'), "levr: no such key; did you mean lever?"),
        (replacing('"polite_refusal"', '"polite_refusals"'), "did you mean polite_refusal?"),
        (replacing('kind = "respond"', 'kind = "answer"'), "kind: 'answer' is not known"),
        (replacing('kind = "respond"\n', ""), "kind: is missing; write one of respond"),
        (replacing("base = 0.08", "base = 8"), "base: must be a number from -1 to 1 (found 8)"),
        (replacing("base = 0.08", "base = true"), "base: must be a number"),
        (replacing("pressure = true", 'pressure = "yes"'), "pressure: must be true or false"),
        (replacing('"short_and_ask_permission"', '"Short & ask"'), "number 1: id: must be at most 40"),
        (replacing('"short_and_ask_permission"', '"offer_choice_of_time"'), "id: given twice"),
        (replacing('objections = ["polite_refusal"]', 'objections = "polite_refusal"'), "must be a list"),
        (
            replacing("only_if_true = true", "only_if_true = false"),
            "scarcity is allowed only where it is true",
        ),
        (replacing("version = 1", "version = 2"), "version: must be 1 (found 2)"),
        (replacing("version = 1", "version = 1\nauthor = 'x'"), "author: no such key"),
        (replacing('styles = ["chameleon"]\n', ""), "strategy offer_two_ways: nothing calls for it"),
        (replacing("[[strategy]]", "[[strategy]"), "is not TOML"),
        (lambda text: "version = 1\nstrategy = 3\n" + text[:0], "strategy: must be tables"),
        (lambda text: text.replace('"hesitation"', '"doubt"'), "no strategy has hesitation in objections"),
        (lambda text: text.replace('"peacock"', '"koala"'), "no strategy has peacock in styles"),
        (replacing('kind = "comply"', 'kind = "advance"'), "has promised_return in standing"),
        (
            lambda text: text.replace('kind = "close"', 'kind = "respond"'),
            "of kind close has stopped in standing",
        ),
    ],
)
def test_a_typo_or_a_hole_is_refused_with_the_key_and_a_remedy(
    tmp_path: Path, edit: Edit, problem: str
) -> None:
    assert any(problem in found for found in problems_of(tmp_path, edit))


def test_all_problems_are_told_at_once(tmp_path: Path) -> None:
    def edit(text: str) -> str:
        return text.replace('lever = "autonomy"', 'lever = "autonom"', 1).replace('"doubt"', '"doubts"', 1)

    assert len(problems_of(tmp_path, edit)) == 2


def test_a_file_that_is_missing_not_text_or_too_large_is_refused(tmp_path: Path) -> None:
    with pytest.raises(CatalogueError, match="name an existing file"):
        Catalogue.load(tmp_path / "none.toml")
    odd = tmp_path / "odd.toml"
    odd.write_bytes(b"version = 1\n# \xff\n")
    with pytest.raises(CatalogueError, match="is not UTF-8 at byte 14"):
        Catalogue.load(odd)
    odd.write_bytes(b"#" * 300_000)
    with pytest.raises(CatalogueError, match="keep a catalogue below"):
        Catalogue.load(odd)


OWN = """
[[strategy]]
id = "our_rate_table"
kind = "inform"
lever = "honesty"
signals = ["question_return"]
zh = { title = "出示利率表", say = "我把今天的利率表发给您。", avoid = "口头报价" }
en = { title = "Show the rates", say = "I will send you today's rates.", avoid = "Quoting from memory" }
"""


def test_a_site_adds_a_strategy_with_its_words(tmp_path: Path) -> None:
    file = tmp_path / "strategies.toml"
    file.write_text(BUILT_IN.read_text(encoding="utf-8") + OWN, encoding="utf-8")
    own = Catalogue.load(file).strategies[-1]
    assert own.id == "our_rate_table"
    assert own.words["zh"]["title"] == "出示利率表"
    for locale, title in (("zh", "出示利率表"), ("en", "Show the rates")):
        words = Words.load(locale, file)  # type: ignore[arg-type]
        assert words.strategy("our_rate_table").title == title
        assert words.strategy("close_politely").say, "the built-in words stay"


@pytest.mark.parametrize(
    ("edit", "problem"),
    [
        (lambda own: own.replace("en = { title", "xx = { title"), "en: is missing; write"),
        (lambda own: own.replace("say = \"我把今天的利率表发给您。\", ", ""), "zh.say: must be one line"),
        (lambda own: own.replace("今天的利率表", "稳赚不赔的"), "zh.say: '稳赚' promises a return"),
        (lambda own: own.replace("Show the rates", "Risk-free rates"), "en.title: 'Risk-free' promises"),
        (lambda own: own.replace("口头报价", "长" * 161), "zh.avoid: has 161 characters; write at most 160"),
        (lambda own: own.replace("avoid = \"口头报价\"", "avod = \"口头报价\""), "zh.avod: no such key"),
    ],
)  # fmt: skip
def test_words_with_a_hole_or_that_break_the_rules_are_refused(
    tmp_path: Path, edit: Edit, problem: str
) -> None:
    found = problems_of(tmp_path, lambda text: text + edit(OWN))
    assert any(f"strategy our_rate_table: {problem}" in line for line in found), found


def test_the_advice_command_lists_exports_and_refuses(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["advice", "--export"]) == 0
    exported = capsys.readouterr().out
    file, config = tmp_path / "strategies.toml", tmp_path / "site.toml"
    file.write_text(exported + OWN, encoding="utf-8")
    config.write_text(f'[advice]\ncatalogue = "{file}"\n', encoding="utf-8")
    assert main(["advice", "--config", str(config)]) == 0
    assert "our_rate_table" in capsys.readouterr().out
    file.write_text(exported.replace("close_politely", "close politely"), encoding="utf-8")
    assert main(["advice", "--config", str(config)]) == 1
    assert "strategies.toml: strategy number" in capsys.readouterr().err
