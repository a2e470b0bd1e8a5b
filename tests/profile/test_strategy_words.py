"""The strategies' words lie on the seat's side; here they are held against catalogue and compliance."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest

import appliance
from appliance.profile.catalogue import Catalogue
from appliance.profile.spoken_advice import FORBIDDEN

WORDS = Path(appliance.__file__).parent / "seat" / "words"
LANGUAGES = ("zh", "en")


def words(language: str) -> dict[str, dict[str, str]]:
    read: dict[str, dict[str, str]] = json.loads(
        (WORDS / f"strategies_{language}.json").read_text(encoding="utf-8")
    )
    return read


@pytest.mark.parametrize("language", LANGUAGES)
def test_every_strategy_has_words_and_no_words_lack_a_strategy(language: str) -> None:
    assert set(words(language)) == {strategy.id for strategy in Catalogue.load().strategies}


@pytest.mark.parametrize("language", LANGUAGES)
def test_each_has_a_short_title_one_sentence_to_say_and_what_to_avoid(language: str) -> None:
    for identifier, entry in words(language).items():
        assert set(entry) == {"title", "say", "avoid"}, identifier
        assert all(text.strip() == text and text for text in entry.values()), identifier
        assert len(entry["title"]) <= (16 if language == "zh" else 48), identifier
        assert len(entry["say"]) <= (60 if language == "zh" else 160), identifier
        assert len(re.findall(r"[。？！.?!](?:\s|$|(?=\S))", entry["say"])) <= 2, identifier


@pytest.mark.parametrize("language", LANGUAGES)
def test_nothing_that_is_advised_to_say_promises_denies_risk_or_presses(language: str) -> None:
    for identifier, entry in words(language).items():
        assert not FORBIDDEN[language].search(entry["say"]), identifier
        assert not FORBIDDEN[language].search(entry["title"]), identifier


@pytest.mark.parametrize("bad", ["这款产品稳赚不赔", "名额有限，您赶紧定", "This is risk-free."])
def test_the_compliance_patterns_find_what_they_are_for(bad: str) -> None:
    assert any(pattern.search(bad) for pattern in FORBIDDEN.values())


def test_chinese_words_are_chinese_and_english_ones_english() -> None:
    hanzi = re.compile(r"[\u4e00-\u9fff]")
    assert all(hanzi.search(text) for entry in words("zh").values() for text in entry.values())
    assert not any(hanzi.search(text) for entry in words("en").values() for text in entry.values())
