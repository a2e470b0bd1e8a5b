"""The site's names as a recognizer of characters would write them."""

from __future__ import annotations

import pytest

from appliance.box.config import SiteWord
from appliance.speech.spelling import MOST_FORMS, Spelling, spoken_forms

TOKENS = {*"恒悦盈稳健三二号固收加百零幺", "A", "<blk>"}


@pytest.mark.parametrize(
    ("name", "forms"),
    [
        ("恒悦盈", ["恒悦盈"]),
        ("稳健3号", ["稳健三号"]),
        ("固收+", ["固收加"]),
        ("300指数", ["三百指数", "三零零指数"]),
        ("沪深 1000", ["沪深一千", "沪深一零零零", "沪深幺零零零"]),
        ("105", ["一百零五", "一零五", "幺零五"]),
        ("12", ["十二", "一二"]),
        ("012", ["零一二", "零幺二"]),
        ("a享", ["A享"]),
        ("95588", ["九五五八八"]),
    ],
)
def test_a_name_is_written_as_it_is_said(name: str, forms: list[str]) -> None:
    assert ["".join(form) for form in spoken_forms(name)] == forms


def test_the_forms_of_one_name_are_bounded() -> None:
    assert len(spoken_forms("100和100和100")) == MOST_FORMS


def test_names_beyond_the_tokens_are_left_out_by_place() -> None:
    spelling = Spelling([SiteWord(word="恒悦盈"), SiteWord(word="恒悦宝"), SiteWord(word="稳健3号")], TOKENS)
    assert spelling.left_out == [1]
    assert spelling.forms == {tuple("恒悦盈"): "恒悦盈", tuple("稳健三号"): "稳健3号"}


def test_hotwords_are_lines_of_tokens() -> None:
    spelling = Spelling([SiteWord(word="恒悦盈"), SiteWord(word="A恒")], TOKENS)
    assert spelling.hotwords() == "恒 悦 盈\nA 恒\n"


def test_without_names_there_is_nothing_to_listen_for() -> None:
    assert Spelling([], TOKENS).hotwords() == ""
