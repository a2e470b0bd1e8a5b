"""Tokens of the recognizer become toned syllables."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pypinyin import Style, lazy_pinyin

from appliance.speech.pinyin import (
    BASES,
    INITIALS,
    in_ascii,
    is_syllable,
    join_tokens,
    split,
    without_tone,
)


def texts(*tokens: str) -> list[str]:
    times = [0.1 * number for number in range(len(tokens))]
    return [syllable.text for syllable in join_tokens(tokens, times, [-0.1] * len(tokens))]


def test_initial_and_final_are_joined() -> None:
    assert texts("y", "òng", "l", "ǜ", "d", "e") == ["yong4", "lv4", "de5"]


def test_a_final_without_an_initial_is_a_syllable() -> None:
    assert texts("ài", "ér", "er") == ["ai4", "er2", "er5"]


def test_a_spoken_letter_is_a_syllable_without_tone() -> None:
    assert texts("A", "g", "ǔ") == ["A", "gu3"]


def test_what_spells_no_syllable_is_left_out() -> None:
    assert texts("zh", "b", "ā", "q", "ōng", "sh") == ["ba1"]


def test_times_span_the_tokens_and_never_overlap() -> None:
    syllables = join_tokens(["n", "ǐ", "h", "ǎo"], [0.4, 0.48, 0.6, 0.72], [-0.1, -0.3, 0.0, 0.0])
    assert [(one.start_ms, one.end_ms) for one in syllables] == [(360, 560), (560, 960)]
    assert syllables[0].confidence == pytest.approx(0.8187, abs=1e-3)
    assert syllables[1].confidence == 1.0


def test_a_search_without_probabilities_gives_certain_syllables() -> None:
    assert join_tokens(["n", "ǐ"], [0.1, 0.2], [])[0].confidence == 1.0


def test_parts_of_a_syllable() -> None:
    assert split("zhong1") == ("zh", "ong", "1")
    assert split("an4") == ("", "an", "4")
    assert split("er2") == ("", "er", "2")
    assert split("A") == ("", "A", "")
    assert without_tone("lv4") == "lv"


@pytest.mark.parametrize("text", ["yong", "yong6", "bong1", "4", "", "a", "AB", "ü4"])
def test_what_is_no_syllable(text: str) -> None:
    assert not is_syllable(text)


def test_the_syllables_of_common_characters_are_known() -> None:
    sentence = "我们这款固定收益产品的年化收益率略高于结构性存款女儿虐待女婿" * 1
    for syllable in lazy_pinyin(sentence, style=Style.TONE3, neutral_tone_with_five=True, v_to_u=False):
        assert is_syllable(syllable), syllable


@given(
    st.lists(
        st.sampled_from([*INITIALS, "ā", "óng", "ǐ", "ù", "e", "A", "<unk>", "#0", "", "x" * 9]), max_size=30
    )
)
def test_any_run_of_tokens_gives_valid_syllables_in_order(tokens: list[str]) -> None:
    syllables = join_tokens(tokens, [0.04 * number for number in range(len(tokens))], [-0.5] * len(tokens))
    assert all(is_syllable(one.text) for one in syllables)
    assert all(one.start_ms <= one.end_ms for one in syllables)
    starts = [one.start_ms for one in syllables]
    assert starts == sorted(starts)
    assert all(0.0 <= one.confidence <= 1.0 for one in syllables)


def test_marks_become_numbers() -> None:
    assert [in_ascii(text) for text in ("mā", "má", "mǎ", "mà", "ma", "lüè", "nǚ")] == [
        "ma1", "ma2", "ma3", "ma4", "ma5", "lve4", "nv3",
    ]  # fmt: skip
    assert "lve" in BASES
